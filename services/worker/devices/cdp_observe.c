/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/devices/cdp_internal.h"

#include <stdio.h>
#include <string.h>

#define ELEMENTS_MAX 20000
#define REARM_US (250 * ASSAY_US_PER_MS) /* values a script sets without an event show only so */

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

/* The documents of the current tab that have a walk of their own: first the tab's, then frames of
 * other processes. */
struct roots {
    size_t count;
    struct cdp_session *sessions[CDP_SESSIONS];
    struct str walks[CDP_SESSIONS];
};

static void
find_roots(struct cdp_device *d, struct roots *r)
{
    r->count = 0;
    r->sessions[r->count++] = cdp_tab(d);
    for (size_t i = 0; i < CDP_SESSIONS; i++) {
        struct cdp_session *s = &d->sessions[i];
        if (s->used && !s->page && !s->crashed && s->world[0] != '\0' && cdp_in_tab(d, s)) {
            r->sessions[r->count++] = s;
        }
    }
}

/* --- reading a walk --------------------------------------------------------------------------- */

struct reading {
    struct cdp_device *d;
    const struct roots *roots;
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

/* --- observing -------------------------------------------------------------------------------- */

static uint64_t
mix(uint64_t h, uint64_t v)
{
    return (h ^ v) * UINT64_C(0x100000001b3);
}

/* Remembers what was seen and gives it a version: the same one while nothing differs. */
static void
remember(struct cdp_device *d, const struct roots *r)
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

static enum rc
walk_all(struct cdp_device *d, struct ctx *ctx, struct roots *r)
{
    struct cdp_wait w = {0};
    enum rc rc = cdp_need_world(d, ctx, cdp_tab(d));

    if (rc == RC_OK && cdp_tab(d) != NULL && cdp_tab(d)->world[0] == '\0') {
        rc = cdp_tab(d)->dialog ? cdp_no_dialog(d, ctx) : RC_ABORTED;
    }
    if (rc == RC_OK) {
        rc = cdp_find_owners(d, ctx);
    }
    if (rc != RC_OK || cdp_tab(d) == NULL) {
        return rc == RC_OK ? RC_ABORTED : rc;
    }
    find_roots(d, r);
    for (size_t i = 0; i < r->count; i++) {
        cdp_ask_eval(d, &w, r->sessions[i],
                     d->acted ? STR("__assay.walk(true)") : STR("__assay.walk()"));
    }
    rc = cdp_await(d, ctx, &w, CDP_STOP_DIALOG, CDP_CALL_US);
    if (rc == RC_OK && w.end == CDP_DIALOG) {
        rc = cdp_no_dialog(d, ctx);
    } else if (rc == RC_OK && w.end == CDP_EXPIRED) {
        rc = cdp_hangs(ctx);
    }
    for (size_t i = 0; i < r->count && rc == RC_OK; i++) {
        rc = w.answers[i] == NULL ? RC_ABORTED : cdp_eval_text(ctx, w.answers[i], &r->walks[i]);
        if (rc == RC_ABORTED && i > 0) { /* a frame that went away is no reason to look again */
            r->walks[i] = STR_EMPTY;
            rc = RC_OK;
        }
    }
    cdp_wait_fini(&w);
    return rc;
}

/* A page behind a dialog cannot be looked at; the dialog is all there is. */
static enum rc
only_dialog(struct cdp_device *d, struct ctx *ctx, struct snapshot *out)
{
    struct cdp_session *tab = cdp_tab(d);
    struct roots none = {0};

    remember(d, &none);
    *out = (struct snapshot){
        .url = arena_str(ctx->arena, str_z(tab->url)),
        .dialog = arena_str(ctx->arena, str_z(tab->dialog_text)),
        .viewport_w = d->base.profile.width,
        .viewport_h = d->base.profile.height,
        .version = d->version,
        .tabs = cdp_tab_count(d),
    };
    if (out->dialog.p == NULL) {
        out->dialog = STR("");
    }
    return RC_OK;
}

static enum rc
read_all(struct cdp_device *d, struct ctx *ctx, const struct roots *r, struct snapshot *out)
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
    remember(d, r);
    s.version = d->version;
    *out = s;
    return RC_OK;
}

enum rc
cdp_observe(struct device *base, struct ctx *ctx, struct snapshot *out)
{
    struct cdp_device *d = cdp_of(base);
    struct roots r = {0};
    enum rc rc;

    do {
        rc = cdp_require(d, ctx);
        if (rc == RC_OK && cdp_tab(d)->dialog) {
            return only_dialog(d, ctx, out);
        }
        if (rc == RC_OK) {
            rc = walk_all(d, ctx, &r);
        }
        if (rc == RC_FAILED_PRECONDITION) { /* a dialog opened while we looked */
            ctx_recover(ctx);
            rc = RC_ABORTED;
        }
    } while (rc == RC_ABORTED && ctx->err.code == RC_OK);
    return rc == RC_OK ? read_all(d, ctx, &r, out) : rc;
}

/* --- waiting for a change ----------------------------------------------------------------------
 */

static bool
differs(struct cdp_device *d)
{
    struct cdp_session *tab = cdp_tab(d);
    struct roots r;

    if (tab == NULL || tab->born != d->seen_tab || tab->dialog) {
        return true;
    }
    find_roots(d, &r);
    for (size_t i = 0; i < r.count; i++) {
        if (r.sessions[i]->world[0] != '\0' &&
            strcmp(r.sessions[i]->world, r.sessions[i]->seen_world) != 0) {
            return true;
        }
    }
    return false;
}

/* Asks every document to tell of its next change. *out_changed: one has changed already. */
static enum rc
arm(struct cdp_device *d, struct ctx *ctx, bool *out_changed)
{
    struct cdp_wait w = {0};
    struct roots r;

    *out_changed = false;
    find_roots(d, &r);
    for (size_t i = 0; i < r.count; i++) {
        struct cdp_session *s = r.sessions[i];
        if (s->world[0] != '\0') {
            cdp_ask_eval(d, &w, s,
                         arena_printf(ctx->arena, "__assay.arm(%lld)", (long long)s->changes));
        }
    }
    enum rc rc = cdp_await(d, ctx, &w, CDP_STOP_DIALOG, CDP_CALL_US);
    if (rc == RC_OK && w.end == CDP_EXPIRED) {
        rc = cdp_hangs(ctx);
    }
    for (size_t i = 0; rc == RC_OK && w.end == CDP_ANSWERED && i < w.count; i++) {
        struct str said = STR_EMPTY;
        rc = cdp_eval_text(ctx, w.answers[i], &said);
        rc = rc == RC_ABORTED ? RC_OK : rc; /* a new document: differs() sees it */
        *out_changed = *out_changed || str_eqz(said, "1");
    }
    cdp_wait_fini(&w);
    return rc;
}

enum rc
cdp_wait_change(struct device *base, struct ctx *ctx, int64_t version, int64_t budget_us)
{
    struct cdp_device *d = cdp_of(base);
    int64_t end_us = clk_mono_us() + budget_us;
    enum rc rc = cdp_require(d, ctx);

    while (rc == RC_OK && version == d->version && !differs(d)) {
        int64_t events = d->events;
        bool changed = false;
        bool any = true;
        rc = arm(d, ctx, &changed);
        if (rc != RC_OK || changed) {
            break;
        }
        int64_t next_us = clk_mono_us() + REARM_US;
        while (rc == RC_OK && any && d->events == events) {
            rc = cdp_pump(d, ctx, next_us < end_us ? next_us : end_us, &any);
        }
        if (rc == RC_OK && clk_mono_us() >= end_us && !differs(d)) {
            return fail(ctx, RC_DEADLINE_EXCEEDED, "NO_CHANGE", "the page did not change");
        }
    }
    return rc;
}

/* --- recorded selectors ------------------------------------------------------------------------
 */

enum rc
cdp_find(struct device *base, struct ctx *ctx, struct str selector, int32_t *out_ref)
{
    struct cdp_device *d = cdp_of(base);
    struct roots r;
    enum rc rc = cdp_require(d, ctx);

    if (rc == RC_OK && (rc = cdp_need_world(d, ctx, cdp_tab(d))) == RC_OK) {
        rc = cdp_find_owners(d, ctx);
    }
    if (rc != RC_OK) {
        return rc;
    }
    struct str quoted = cdp_quote(ctx, selector);
    struct str expr = arena_printf(ctx->arena, "__assay.find(%.*s)", STR_ARG(quoted));
    find_roots(d, &r);
    for (size_t i = 0; i < r.count; i++) {
        struct cdp_session *s = r.sessions[i];
        struct str said = STR_EMPTY;
        ctx_recover(ctx);
        rc = cdp_eval(d, ctx, s, expr, &said);
        rc = rc == RC_OK ? cdp_reason(ctx, said) : rc;
        if (rc == RC_OK) {
            memcpy(s->seen_world, s->world, sizeof s->seen_world);
            *out_ref = cdp_ref(d, s, whole(cdp_field(said, 1)));
        }
        if (rc != RC_NOT_FOUND) {
            break;
        }
    }
    return rc == RC_ABORTED && ctx->err.code == RC_OK
               ? fail(ctx, RC_NOT_FOUND, "NO_SUCH_ELEMENT", "the page has changed to another")
               : rc;
}
