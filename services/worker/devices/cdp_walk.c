/* SPDX-License-Identifier: Apache-2.0
 *
 * What page/walk.js answers, read into a snapshot. */
#include "worker/devices/cdp_internal.h"

#include <string.h>

#define WALK_MAX (64u << 20)
#define ELEMENTS_MAX 20000

/* Fields of a line of page/walk.js, in its order. */
enum {
    F_REF,
    F_PARENT,
    F_ROLE,
    F_FLAGS,
    F_LEVEL,
    F_FRAME,
    F_X,
    F_Y,
    F_W,
    F_H,
    F_NAME,
    F_TEXT,
    F_LABEL,
    F_PLACEHOLDER,
    F_VALUE,
    F_TEST_ID,
    F_TITLE,
    F_HREF,
    F_DESCRIPTION,
    F_COUNT
};
enum {
    H_NUMBER,
    H_FRONT,
    H_END,
    H_WAITED,
    H_CHANGES,
    H_WIDTH,
    H_HEIGHT,
    H_SCROLL_X,
    H_SCROLL_Y,
    H_PAGE_W,
    H_PAGE_H,
    H_CUT,
    H_URL,
    H_TITLE
};

struct reading {
    struct cdp_device *d;
    const struct cdp_roots *roots;
    struct snapshot *out;
    int32_t frames; /* numbers given so far */
};

static int32_t
whole(struct str s)
{
    int64_t v = 0;

    return str_to_i64(s, INT32_MIN, INT32_MAX, &v) == RC_OK ? (int32_t)v : 0;
}

static void
read_elem(const struct reading *r, const struct cdp_session *s, struct str line, struct elem *e)
{
    struct str f[F_COUNT] = {{NULL, 0}};

    for (size_t i = 0; i < F_COUNT && line.p != NULL; i++) {
        f[i] = str_split(&line, '\t');
    }
    int32_t role = whole(f[F_ROLE]);
    *e = (struct elem){
        .ref = cdp_ref(r->d, s, whole(f[F_REF])),
        .parent = whole(f[F_PARENT]),
        .role = role >= 0 && role < ELEM_ROLE_COUNT ? (enum elem_role)role : ELEM_OTHER,
        .flags = (uint32_t)whole(f[F_FLAGS]),
        .level = whole(f[F_LEVEL]),
        .frame = whole(f[F_FRAME]),
        .box = {whole(f[F_X]), whole(f[F_Y]), whole(f[F_W]), whole(f[F_H])},
        .name = f[F_NAME],
        .text = str_eqz(f[F_TEXT], "\b") ? f[F_NAME] : f[F_TEXT],
        .label = f[F_LABEL],
        .placeholder = f[F_PLACEHOLDER],
        .value = f[F_VALUE],
        .test_id = f[F_TEST_ID],
        .title = f[F_TITLE],
        .href = f[F_HREF],
        .description = f[F_DESCRIPTION],
    };
}

static int
shown_by(const struct reading *r, const struct cdp_session *parent, int32_t id)
{
    for (size_t i = 1; i < r->roots->count; i++) {
        const struct cdp_session *s = r->roots->sessions[i];
        if (&r->d->sessions[s->parent] == parent && s->owner == id) {
            return (int)i;
        }
    }
    return -1;
}

static void read_walk(struct reading *r, size_t root, int32_t parent, double dx, double dy);

/* Puts one element at the end, with what is in its frame behind it. */
static void
add_elem(struct reading *r, size_t root, struct str line, int32_t parent, double dx, double dy,
         int32_t *index, size_t local, int32_t frame_base)
{
    struct cdp_session *s = r->roots->sessions[root];
    struct snapshot *out = r->out;
    struct elem *e = &out->elems[out->count];

    read_elem(r, s, line, e);
    e->parent = e->parent >= 0 && (size_t)e->parent < local ? index[e->parent] : parent;
    e->depth = e->parent < 0 ? 0 : out->elems[e->parent].depth + 1;
    e->frame = e->frame == 0 ? frame_base : frame_base + e->frame;
    r->frames = e->frame > r->frames ? e->frame : r->frames;
    e->box.x += dx;
    e->box.y += dy;
    index[local] = (int32_t)out->count++;
    if (e->role == ELEM_FRAME) {
        int inner = shown_by(r, s, e->ref & CDP_REF_MASK);
        if (inner > 0) {
            read_walk(r, (size_t)inner, index[local], e->box.x, e->box.y);
        }
    }
}

static size_t
count_lines(struct str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        n += s.p[i] == '\n' ? 1 : 0;
    }
    return n;
}

static void
read_walk(struct reading *r, size_t root, int32_t parent, double dx, double dy)
{
    struct str rest = r->roots->walks[root];
    struct ctx *ctx = r->d->reading;
    int32_t *index = ARENA_ARRAY(ctx->arena, count_lines(rest) + 1, int32_t);
    int32_t base = root == 0 ? 0 : r->frames + 1;
    size_t local = 0;

    str_split(&rest, '\n'); /* its head */
    while (rest.p != NULL && index != NULL && r->out->count < ELEMENTS_MAX) {
        add_elem(r, root, str_split(&rest, '\n'), parent, dx, dy, index, local, base);
        local++;
    }
    r->out->truncated = r->out->truncated || rest.p != NULL;
}

static void
read_head(struct str walk, struct snapshot *out)
{
    struct str head = str_split(&walk, '\n');

    out->viewport_w = cdp_number(cdp_field(head, H_WIDTH));
    out->viewport_h = cdp_number(cdp_field(head, H_HEIGHT));
    out->scroll_x = cdp_number(cdp_field(head, H_SCROLL_X));
    out->scroll_y = cdp_number(cdp_field(head, H_SCROLL_Y));
    out->page_w = cdp_number(cdp_field(head, H_PAGE_W));
    out->page_h = cdp_number(cdp_field(head, H_PAGE_H));
    out->truncated = str_eqz(cdp_field(head, H_CUT), "1");
    out->url = cdp_field(head, H_URL);
    out->title = cdp_field(head, H_TITLE);
}

/* --- what the page left out --------------------------------------------------------------------
 */

static struct str
front_lines(struct str s, size_t n)
{
    size_t at = 0;

    for (; n > 0 && at <= s.n; n--) {
        ptrdiff_t end = str_find_byte(str_sub(s, at, s.n), '\n');
        at = end < 0 ? s.n + 1 : at + (size_t)end + 1;
    }
    return n > 0 || at == 0 ? STR_EMPTY : str_sub(s, 0, at - 1);
}

static struct str
end_lines(struct str s, size_t n)
{
    size_t at = s.n + 1;

    for (; n > 0 && at > 0; n--) {
        at--;
        while (at > 0 && s.p[at - 1] != '\n') {
            at--;
        }
    }
    return n > 0 || at > s.n ? STR_EMPTY : str_sub(s, at, s.n);
}

static void
join(struct buf *b, struct str lines, size_t *joined)
{
    if (lines.n > 0) {
        buf_putz(b, (*joined)++ > 0 ? "\n" : "");
        buf_put(b, lines);
    }
}

int64_t
cdp_held(const struct cdp_device *d, const struct cdp_session *s)
{
    return strcmp(d->held_world, s->world) == 0 ? d->held : 0;
}

enum rc
cdp_complete_walk(struct cdp_device *d, struct ctx *ctx, const struct cdp_session *s, int64_t has,
                  struct str *walk)
{
    struct str lines = *walk;
    struct str head = str_split(&lines, '\n');
    int32_t number = whole(cdp_field(head, H_NUMBER));
    size_t front = has == 0 ? 0 : (size_t)whole(cdp_field(head, H_FRONT));
    size_t end = has == 0 ? 0 : (size_t)whole(cdp_field(head, H_END));
    struct str before = front_lines(buf_str(&d->held_lines), front);
    struct str behind = end_lines(buf_str(&d->held_lines), end);
    size_t joined = 0;
    struct buf b;

    if ((front > 0 && before.n == 0) || (end > 0 && behind.n == 0)) {
        d->held = 0; /* not what it believes we have: all of it, then */
        return RC_ABORTED;
    }
    buf_init(&b, WALK_MAX);
    join(&b, before, &joined);
    join(&b, lines, &joined);
    join(&b, behind, &joined);
    bool fits = !buf_failed(&b);
    if (fits) {
        *walk = arena_printf(ctx->arena, "%.*s%s%.*s", STR_ARG(head), joined > 0 ? "\n" : "",
                             (int)b.n, b.p);
    }
    buf_fini(&d->held_lines);
    d->held_lines = b;
    d->held = fits ? number : 0;
    memcpy(d->held_world, s->world, sizeof d->held_world);
    return fits ? RC_OK
                : fail(ctx, RC_RESOURCE_EXHAUSTED, "TOO_LARGE", "the page has too many elements");
}

static uint64_t
mix(uint64_t h, uint64_t v)
{
    return (h ^ v) * UINT64_C(0x100000001b3);
}

/* Remembers what was seen and gives it a version: the same one while nothing differs. */
void
cdp_remember(struct cdp_device *d, const struct cdp_roots *r)
{
    struct cdp_session *tab = cdp_tab(d);
    uint64_t seen = mix(UINT64_C(0xcbf29ce484222325), (uint64_t)tab->born);

    seen = mix(seen, tab->dialog ? str_hash64(str_z(tab->dialog_text)) : 0);
    for (size_t i = 0; i < r->count; i++) {
        struct cdp_session *s = r->sessions[i];
        struct str walk = r->walks[i];
        struct str head = str_split(&walk, '\n');
        struct str changes = cdp_field(head, H_CHANGES);
        int64_t n = 0;
        if (str_to_i64(changes, 0, INT64_MAX, &n) == RC_OK) {
            s->changes = n;
        }
        memcpy(s->seen_world, s->world, sizeof s->seen_world);
        seen = mix(mix(seen, str_hash64(str_z(s->world))), (uint64_t)s->changes);
        seen = mix(seen, str_hash64(walk)); /* a style may change without a mutation */
    }
    d->seen_tab = tab->born;
    d->acted = false;
    if (seen != d->seen) {
        d->seen = seen;
        d->version++;
    }
}

enum rc
cdp_read_walks(struct cdp_device *d, struct ctx *ctx, const struct cdp_roots *r,
               struct snapshot *out)
{
    struct snapshot s = {.tabs = cdp_tab_count(d)};
    size_t lines = 0;

    for (size_t i = 0; i < r->count; i++) {
        lines += count_lines(r->walks[i]);
    }
    lines = lines < ELEMENTS_MAX ? lines : ELEMENTS_MAX;
    s.elems = ARENA_ARRAY(ctx->arena, lines + 1, struct elem);
    if (s.elems == NULL) {
        return fail(ctx, RC_RESOURCE_EXHAUSTED, "TOO_LARGE", "the page has too many elements");
    }
    read_head(r->walks[0], &s);
    d->reading = ctx;
    struct reading reading = {.d = d, .roots = r, .out = &s};
    read_walk(&reading, 0, -1, 0, 0);
    d->reading = NULL;
    cdp_remember(d, r);
    s.version = d->version;
    s.settle_us = whole(cdp_field(r->walks[0], H_WAITED)) * ASSAY_US_PER_MS;
    *out = s;
    return RC_OK;
}
