/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/steps/resolve.h"

#include <string.h>

#include "worker/steps/match.h"
#include "worker/steps/resolve_parts.h"

#define TIE 4 /* scores this close are a tie */
#define ADJACENT_PX 320.0

/* --- roles */

struct kin {
    const char *role;
    uint64_t fits;  /* bit per enum elem_role */
    uint64_t loose; /* looks like one on many pages */
};

#define BIT(r) (UINT64_C(1) << (r))

static const struct kin KIN[] = {
    {"button", BIT(ELEM_BUTTON),
     BIT(ELEM_LINK) | BIT(ELEM_MENUITEM) | BIT(ELEM_TAB) | BIT(ELEM_SWITCH) | BIT(ELEM_OPTION)},
    {"link", BIT(ELEM_LINK), BIT(ELEM_BUTTON) | BIT(ELEM_MENUITEM) | BIT(ELEM_TAB)},
    {"textbox", BIT(ELEM_TEXTBOX) | BIT(ELEM_SPINBUTTON) | BIT(ELEM_DATE),
     BIT(ELEM_COMBOBOX) | BIT(ELEM_FILE)},
    {"spinbutton", BIT(ELEM_SPINBUTTON), BIT(ELEM_TEXTBOX)},
    {"combobox", BIT(ELEM_COMBOBOX) | BIT(ELEM_LISTBOX), BIT(ELEM_BUTTON) | BIT(ELEM_TEXTBOX)},
    {"listbox", BIT(ELEM_LISTBOX) | BIT(ELEM_COMBOBOX), 0},
    {"checkbox", BIT(ELEM_CHECKBOX) | BIT(ELEM_SWITCH), BIT(ELEM_RADIO)},
    {"switch", BIT(ELEM_SWITCH) | BIT(ELEM_CHECKBOX), BIT(ELEM_BUTTON)},
    {"radio", BIT(ELEM_RADIO), BIT(ELEM_CHECKBOX) | BIT(ELEM_BUTTON)},
    {"tab", BIT(ELEM_TAB), BIT(ELEM_LINK) | BIT(ELEM_BUTTON)},
    {"menuitem", BIT(ELEM_MENUITEM), BIT(ELEM_LINK) | BIT(ELEM_BUTTON) | BIT(ELEM_OPTION)},
    {"menu", BIT(ELEM_MENU), BIT(ELEM_NAVIGATION) | BIT(ELEM_BUTTON)},
    {"img", BIT(ELEM_IMAGE), 0},
    {"heading", BIT(ELEM_HEADING), 0},
    {"slider", BIT(ELEM_SLIDER), 0},
    {"dialog", BIT(ELEM_DIALOG), 0},
    {"row", BIT(ELEM_ROW), BIT(ELEM_LISTITEM)},
    {"table", BIT(ELEM_TABLE), 0},
    {"list", BIT(ELEM_LIST) | BIT(ELEM_LISTBOX), BIT(ELEM_TABLE)},
    {"listitem", BIT(ELEM_LISTITEM), BIT(ELEM_OPTION)},
    {"form", BIT(ELEM_FORM), BIT(ELEM_REGION)},
    {"option", BIT(ELEM_OPTION), BIT(ELEM_MENUITEM)},
};

bool
elem_role_fits(const struct elem *e, const char *role, bool *out_loose)
{
    for (size_t i = 0; i < ARRAY_LEN(KIN); i++) {
        if (strcmp(KIN[i].role, role) == 0) {
            *out_loose = (KIN[i].fits & BIT(e->role)) == 0;
            return ((KIN[i].fits | KIN[i].loose) & BIT(e->role)) != 0;
        }
    }
    *out_loose = false;
    return strcmp(elem_role_name(e->role), role) == 0;
}

static const uint64_t FIELDS =
    BIT(ELEM_TEXTBOX) | BIT(ELEM_SPINBUTTON) | BIT(ELEM_DATE) | BIT(ELEM_SLIDER);
static const uint64_t LISTS = BIT(ELEM_COMBOBOX) | BIT(ELEM_LISTBOX);
static const uint64_t BOXES = BIT(ELEM_CHECKBOX) | BIT(ELEM_RADIO) | BIT(ELEM_SWITCH);

static bool
use_fits(const struct elem *e, enum resolve_use use)
{
    switch (use) {
    case RESOLVE_TYPE:
        return (FIELDS & BIT(e->role)) != 0 || (e->flags & ELEM_EDITABLE) != 0;
    case RESOLVE_SELECT:
        return (LISTS & BIT(e->role)) != 0;
    case RESOLVE_CHECK:
        return (BOXES & BIT(e->role)) != 0;
    case RESOLVE_FILE:
        return e->role == ELEM_FILE;
    default:
        return true;
    }
}

/* --- the tree */

bool
elem_inside(const struct snapshot *snap, const struct elem *e, const struct elem *ancestor)
{
    size_t left = snap->count;
    for (const struct elem *at = e; at != NULL && left-- > 0;
         at = at->parent >= 0 ? &snap->elems[at->parent] : NULL) {
        if (at == ancestor) {
            return true;
        }
    }
    return false;
}

const struct elem *
elem_parent(const struct snapshot *snap, const struct elem *e)
{
    return e->parent >= 0 && (size_t)e->parent < snap->count ? &snap->elems[e->parent] : NULL;
}

struct str
elem_caption(const struct elem *e)
{
    const struct str *const ALL[] = {&e->name,        &e->label, &e->text,
                                     &e->placeholder, &e->title, &e->value};
    for (size_t i = 0; i < ARRAY_LEN(ALL); i++) {
        if (ALL[i]->n > 0) {
            return *ALL[i];
        }
    }
    return STR_EMPTY;
}

static bool
visible(const struct elem *e)
{
    return (e->flags & ELEM_VISIBLE) != 0;
}

/* The button a text stands in: what a finger would hit. */
static const struct elem *
clickable_around(const struct snapshot *snap, const struct elem *e)
{
    int hops = 0;
    for (const struct elem *at = e; at != NULL && hops < 6; at = elem_parent(snap, at), hops++) {
        if ((at->flags & ELEM_CLICKABLE) != 0) {
            return at;
        }
    }
    return NULL;
}

/* --- scoring */

struct source {
    struct str text;
    int less; /* how much less than a name it says */
};

int
name_score(const struct elem *e, struct str wanted, enum resolve_use use)
{
    bool tolerant = use != RESOLVE_LOOK;
    bool control = (FIELDS | LISTS | BOXES) & BIT(e->role);
    const struct source FROM[] = {{e->name, 0},  {e->label, 0},
                                  {e->text, 1},  {e->placeholder, 5},
                                  {e->title, 8}, {control ? STR_EMPTY : e->value, 6}};
    int best = 0;
    for (size_t i = 0; i < ARRAY_LEN(FROM); i++) {
        /* The text of a container is everything in it: it names nothing. */
        int level = (int)match_name(wanted, FROM[i].text, tolerant);
        int score = level > 0 ? level - FROM[i].less : 0;
        best = score > best ? score : best;
    }
    if (best < MATCH_PREFIX && match_id(wanted, e->test_id)) {
        best = MATCH_BARE - 12;
    }
    return best;
}

/* Containers are places, not things to act on. */
static bool
is_container(const struct elem *e)
{
    static const uint64_t PLACES = BIT(ELEM_LIST) | BIT(ELEM_TABLE) | BIT(ELEM_FORM) |
                                   BIT(ELEM_REGION) | BIT(ELEM_NAVIGATION) | BIT(ELEM_BANNER) |
                                   BIT(ELEM_CONTENTINFO) | BIT(ELEM_DIALOG) | BIT(ELEM_MENU) |
                                   BIT(ELEM_FRAME);
    return (PLACES & BIT(e->role)) != 0;
}

static bool
role_wanted(const struct elem *e, const struct target *t, enum resolve_use use, int *out_less)
{
    bool loose = false;
    *out_less = 0;
    if (t->role == NULL) {
        return use_fits(e, use);
    }
    if (!elem_role_fits(e, t->role, &loose)) {
        return false;
    }
    if (loose && use == RESOLVE_LOOK) {
        return false;
    }
    *out_less = loose ? 12 : 0;
    return loose ? use_fits(e, use) || use == RESOLVE_TAP : true;
}

static bool
push(struct found *f, const struct elem *e, int score)
{
    for (size_t i = 0; i < f->count; i++) {
        if (f->at[i].elem == e) {
            f->at[i].score = score > f->at[i].score ? score : f->at[i].score;
            return true;
        }
    }
    if (f->count == f->cap) {
        size_t cap = f->cap == 0 ? 32 : f->cap * 2;
        struct candidate *grown =
            arena_grow(f->arena, f->at, f->cap * sizeof(*f->at), cap * sizeof(*f->at));
        if (grown == NULL) {
            return false;
        }
        f->at = grown;
        f->cap = cap;
    }
    f->at[f->count++] = (struct candidate){e, score};
    return true;
}

static void
consider(const struct snapshot *snap, const struct target *t, enum resolve_use use,
         const struct elem *e, struct found *f)
{
    int less = 0;
    int score = t->name.n > 0 ? name_score(e, t->name, use) : MATCH_PREFIX;
    if (score == 0) {
        return;
    }
    if (use != RESOLVE_TAP) {
        if (role_wanted(e, t, use, &less)) {
            (void)push(f, e, score - less);
        }
        return;
    }
    const struct elem *hit = clickable_around(snap, e);
    if (t->role != NULL) {
        if (role_wanted(e, t, use, &less)) {
            (void)push(f, e, score - less);
        } else if (hit != NULL && hit != e && t->name.n > 0 && role_wanted(hit, t, use, &less)) {
            (void)push(f, hit, score - less - 2);
        }
        return;
    }
    if (hit == NULL) {
        (void)push(f, e, score - (is_container(e) ? 40 : 25));
    } else if (!is_container(hit) || hit == e) {
        (void)push(f, hit, score - (hit == e ? 0 : 2));
    } else {
        (void)push(f, e, score - 10);
    }
}

/* Of nested candidates the inner one is meant, unless the outer fits better. */
static void
collapse(const struct snapshot *snap, struct found *f)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->count; i++) {
        bool drop = false;
        for (size_t j = 0; j < f->count && !drop; j++) {
            const struct candidate *a = &f->at[i];
            const struct candidate *b = &f->at[j];
            if (i == j || a->elem == NULL || b->elem == NULL) {
                continue;
            }
            bool inner = elem_inside(snap, a->elem, b->elem);
            bool outer = elem_inside(snap, b->elem, a->elem);
            drop = (inner && b->score > a->score) || (outer && b->score >= a->score);
        }
        f->at[i].score = drop ? -f->at[i].score : f->at[i].score;
    }
    for (size_t i = 0; i < f->count; i++) {
        if (f->at[i].score > 0) {
            f->at[kept++] = f->at[i];
        }
    }
    f->count = kept;
}

static bool
named_by_entry(const struct elem *e, struct str name)
{
    return ((FIELDS | LISTS | BOXES) & BIT(e->role)) == 0 && e->label.n > 0 &&
           match_name(name, e->label, false) >= MATCH_BARE;
}

/* Whether `caption` is the term or row header that gives `entry` its label: it says the same and
 * stands before it in the same part of the page. */
static bool
captions(const struct snapshot *snap, const struct elem *caption, const struct elem *entry)
{
    const struct elem *part = elem_parent(snap, entry);
    return caption < entry && match_same(elem_caption(caption), entry->label) &&
           (part == NULL || elem_inside(snap, caption, part));
}

/* A term and its definition, a row's header and its cell are one thing to look at: the latter. */
static void
merge_entries(const struct snapshot *snap, const struct target *t, struct found *f)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->count; i++) {
        bool caption = false;
        for (size_t k = 0; k < f->count && !caption; k++) {
            caption = k != i && named_by_entry(f->at[k].elem, t->name) &&
                      captions(snap, f->at[i].elem, f->at[k].elem);
        }
        f->at[i].score = caption ? 0 : f->at[i].score;
    }
    for (size_t i = 0; i < f->count; i++) {
        if (f->at[i].score > 0) {
            f->at[kept++] = f->at[i];
        }
    }
    f->count = kept;
}

static int
best_score(const struct found *f)
{
    int best = 0;
    for (size_t i = 0; i < f->count; i++) {
        best = f->at[i].score > best ? f->at[i].score : best;
    }
    return best;
}

void
found_keep_best(struct found *f, int within)
{
    int best = best_score(f);
    size_t kept = 0;
    for (size_t i = 0; i < f->count; i++) {
        if (f->at[i].score + within > best) {
            f->at[kept++] = f->at[i];
        }
    }
    f->count = kept;
}

/* --- fields named by the text beside them */

static double
overlap(double a, double an, double b, double bn)
{
    double from = a > b ? a : b;
    double to = a + an < b + bn ? a + an : b + bn;
    return to - from;
}

/* Distance from a caption to the control it could belong to; negative: does not. */
static double
beside(const struct elem_box *text, const struct elem_box *box)
{
    bool row =
        overlap(text->y, text->h, box->y, box->h) > 0.4 * (text->h < box->h ? text->h : box->h);
    if (row && box->x >= text->x + text->w - 2) {
        return box->x - (text->x + text->w);
    }
    if (row && box->x + box->w <= text->x + 2 && box->w < 60) {
        return text->x - (box->x + box->w); /* a box before its caption */
    }
    bool column = overlap(text->x, text->w, box->x, box->w) > 0;
    return column && box->y >= text->y + text->h - 2 && box->y - (text->y + text->h) < 40
               ? 10 + box->y - (text->y + text->h)
               : -1;
}

static void
find_beside(const struct snapshot *snap, const struct target *t, enum resolve_use use,
            struct found *f)
{
    for (size_t i = 0; i < snap->count; i++) {
        const struct elem *text = &snap->elems[i];
        if (!visible(text) || name_score(text, t->name, RESOLVE_LOOK) < MATCH_BARE - 1 ||
            is_container(text)) {
            continue;
        }
        const struct elem *nearest = NULL;
        double least = ADJACENT_PX;
        for (size_t k = 0; k < snap->count; k++) {
            const struct elem *e = &snap->elems[k];
            int less = 0;
            if (!visible(e) || e == text || !use_fits(e, use) || !role_wanted(e, t, use, &less) ||
                (e->label.n > 0 && name_score(e, t->name, use) == 0)) {
                continue;
            }
            double d = beside(&text->box, &e->box);
            if (d >= 0 && d < least) {
                least = d;
                nearest = e;
            }
        }
        if (nearest != NULL) {
            (void)push(f, nearest, MATCH_PREFIX - 5);
        }
    }
}

/* --- candidates */

enum rc
find_candidates(struct ctx *ctx, const struct snapshot *snap, const struct target *t,
                enum resolve_use use, struct found *f)
{
    *f = (struct found){.arena = ctx->arena};
    for (size_t i = 0; i < snap->count; i++) {
        const struct elem *e = &snap->elems[i];
        /* Many pages hide the native file input behind a styled button. */
        if (visible(e) || (use == RESOLVE_FILE && e->role == ELEM_FILE)) {
            consider(snap, t, use, e, f);
        }
    }
    if (f->count == 0 && t->name.n > 0 &&
        (use == RESOLVE_TYPE || use == RESOLVE_SELECT || use == RESOLVE_CHECK)) {
        find_beside(snap, t, use, f);
    }
    collapse(snap, f);
    if (use == RESOLVE_LOOK && f->count > 1) {
        merge_entries(snap, t, f);
    }
    return arena_failed(ctx->arena) ? fail(ctx, RC_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
                                           "the page is too large to search")
                                    : RC_OK;
}

/* --- words for people */

static void
put_elem(struct buf *b, const struct elem *e)
{
    struct str caption = elem_caption(e);
    bool cut = caption.n > 60;
    buf_printf(b, "%s \"%.*s%s\"", elem_role_name(e->role), (int)(cut ? 57 : caption.n),
               caption.n > 0 ? caption.p : "", cut ? "..." : "");
    buf_printf(b, " at %d,%d", (int)e->box.x, (int)e->box.y);
}

static struct str
describe(struct ctx *ctx, const struct target *t)
{
    struct buf b;
    buf_init(&b, 1024);
    target_put_text(&b, t);
    struct str out = arena_str(ctx->arena, buf_str(&b));
    buf_fini(&b);
    return out;
}

static enum rc
ambiguous(struct ctx *ctx, const struct target *t, const struct found *f)
{
    struct buf b;
    buf_init(&b, 2048);
    for (size_t i = 0; i < f->count && i < 2; i++) {
        buf_putz(&b, i > 0 ? " and " : "");
        put_elem(&b, f->at[i].elem);
    }
    struct str both = arena_str(ctx->arena, buf_str(&b));
    buf_fini(&b);
    return fail(ctx, RC_FAILED_PRECONDITION, "AMBIGUOUS",
                "%zu elements fit %.*s equally well: %.*s; say which, for example \"the first\" or "
                "\"next to ...\"",
                f->count, STR_ARG(describe(ctx, t)), STR_ARG(both));
}

/* The names that differ least, for the message. */
static enum rc
not_found(struct ctx *ctx, const struct snapshot *snap, const struct target *t,
          enum resolve_use use)
{
    const struct elem *near[3] = {NULL, NULL, NULL};
    int least[3] = {1000, 1000, 1000};
    for (size_t i = 0; i < snap->count && t->name.n > 0; i++) {
        const struct elem *e = &snap->elems[i];
        struct str caption = elem_caption(e);
        if (!visible(e) || caption.n == 0 || caption.n > 60 || is_container(e) ||
            !use_fits(e, use)) {
            continue;
        }
        int d = match_distance(t->name, caption, 200);
        bool twice = false;
        for (int k = 0; k < 3; k++) {
            twice |= near[k] != NULL && str_ieq(elem_caption(near[k]), caption);
        }
        for (int k = 0; k < 3 && !twice; k++) {
            if (d < least[k]) {
                for (int m = 2; m > k; m--) {
                    near[m] = near[m - 1];
                    least[m] = least[m - 1];
                }
                near[k] = e;
                least[k] = d;
                break;
            }
        }
    }
    struct buf b;
    buf_init(&b, 1024);
    for (int k = 0; k < 3 && near[k] != NULL; k++) {
        struct str caption = elem_caption(near[k]);
        buf_printf(&b, "%s\"%.*s\"", k > 0 ? ", " : "; nearest: ", STR_ARG(caption));
    }
    struct str names = arena_str(ctx->arena, buf_str(&b));
    buf_fini(&b);
    return fail(ctx, RC_NOT_FOUND, "NOT_FOUND", "no element fits %.*s%.*s",
                STR_ARG(describe(ctx, t)), STR_ARG(names));
}

/* --- the order of reading */

static bool
reads_before(const struct elem *a, const struct elem *b)
{
    double least = a->box.h < b->box.h ? a->box.h : b->box.h;
    if (overlap(a->box.y, a->box.h, b->box.y, b->box.h) > 0.5 * least) {
        return a->box.x < b->box.x;
    }
    return a->box.y < b->box.y;
}

static void
sort_reading(struct found *f)
{
    for (size_t i = 1; i < f->count; i++) {
        struct candidate c = f->at[i];
        size_t k = i;
        while (k > 0 && reads_before(c.elem, f->at[k - 1].elem)) {
            f->at[k] = f->at[k - 1];
            k--;
        }
        f->at[k] = c;
    }
}

static enum rc
pick_nth(struct ctx *ctx, const struct target *t, struct found *f)
{
    found_keep_best(f, 11);
    sort_reading(f);
    long at = t->nth > 0 ? t->nth - 1 : (long)f->count + t->nth;
    if (at < 0 || (size_t)at >= f->count) {
        return fail(ctx, RC_NOT_FOUND, "NOT_FOUND", "there are only %zu elements like %.*s",
                    f->count, STR_ARG(describe(ctx, t)));
    }
    f->at[0] = f->at[at];
    f->count = 1;
    return RC_OK;
}

/* Two that fit equally: the one in the open dialog is the one that can be reached. */
static void
prefer_dialog(const struct snapshot *snap, struct found *f)
{
    const struct elem *dialog = NULL;
    for (size_t i = 0; i < snap->count; i++) {
        if (snap->elems[i].role == ELEM_DIALOG && visible(&snap->elems[i])) {
            dialog = &snap->elems[i];
        }
    }
    size_t inside = 0;
    for (size_t i = 0; dialog != NULL && i < f->count; i++) {
        inside += elem_inside(snap, f->at[i].elem, dialog);
    }
    if (inside != 1) {
        return;
    }
    for (size_t i = 0; i < f->count; i++) {
        if (elem_inside(snap, f->at[i].elem, dialog)) {
            f->at[0] = f->at[i];
            f->count = 1;
            return;
        }
    }
}

static enum rc
narrowed(struct ctx *ctx, const struct snapshot *snap, const struct target *t, enum resolve_use use,
         struct found *f)
{
    enum rc rc = find_candidates(ctx, snap, t, use, f);
    if (rc == RC_OK && f->count == 0) {
        rc = not_found(ctx, snap, t, use);
    }
    if (rc == RC_OK && t->within != NULL) {
        rc = narrow_within(ctx, snap, t->within, f);
    }
    if (rc == RC_OK && t->near != NULL) {
        found_keep_best(f, 30);
        rc = narrow_near(ctx, snap, t, f);
    }
    if (rc == RC_OK && t->position != 0) {
        narrow_position(snap, t->position, f);
    }
    if (rc == RC_OK && f->count == 0) {
        rc = not_found(ctx, snap, t, use);
    }
    return rc;
}

enum rc
resolve(struct ctx *ctx, const struct snapshot *snap, const struct target *t, enum resolve_use use,
        struct resolved *out)
{
    struct found f;
    enum rc rc = narrowed(ctx, snap, t, use, &f);
    if (rc == RC_OK && t->nth != 0) {
        rc = pick_nth(ctx, t, &f);
    }
    if (rc != RC_OK) {
        return rc;
    }
    found_keep_best(&f, TIE);
    if (f.count > 1) {
        prefer_dialog(snap, &f);
    }
    if (f.count > 1) {
        return ambiguous(ctx, t, &f);
    }
    *out = (struct resolved){
        .elem = f.at[0].elem,
        .score = f.at[0].score,
        .fuzzy = t->name.n > 0 && name_score(f.at[0].elem, t->name, RESOLVE_TAP) == MATCH_FUZZY};
    return RC_OK;
}

enum rc
resolve_all(struct ctx *ctx, const struct snapshot *snap, const struct target *t,
            enum resolve_use use, const struct elem ***out, size_t *out_count)
{
    struct found f;
    enum rc rc = find_candidates(ctx, snap, t, use, &f);
    if (rc == RC_OK && t->within != NULL && f.count > 0) {
        rc = narrow_within(ctx, snap, t->within, &f);
    }
    if (rc == RC_OK && t->near != NULL && f.count > 0) {
        rc = narrow_near(ctx, snap, t, &f);
    }
    if (rc != RC_OK) {
        return rc;
    }
    found_keep_best(&f, 12);
    sort_reading(&f);
    const struct elem **all = ARENA_ARRAY(ctx->arena, f.count + 1, const struct elem *);
    if (all == NULL) {
        return fail(ctx, RC_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "the page is too large to search");
    }
    for (size_t i = 0; i < f.count; i++) {
        all[i] = f.at[i].elem;
    }
    *out = all;
    *out_count = f.count;
    return RC_OK;
}
