/* SPDX-License-Identifier: Apache-2.0
 *
 * Candidates: the elements a name and a kind can mean, with how well they fit. */
#include "worker/steps/match.h"
#include "worker/steps/resolve_parts.h"

#define ADJACENT_PX 320.0

/* --- scoring */

struct source {
    struct str text;
    int less; /* how much less than a name it says */
};

int
name_score(const struct elem *e, struct str wanted, enum resolve_use use)
{
    bool tolerant = use != RESOLVE_LOOK;
    bool control = elem_takes_value(e);
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

static bool
role_wanted(const struct elem *e, const struct target *t, enum resolve_use use, int *out_less)
{
    bool loose = false;
    *out_less = 0;
    if (t->role == NULL) {
        return elem_use_fits(e, use);
    }
    if (!elem_role_fits(e, t->role, &loose)) {
        return false;
    }
    if (loose && use == RESOLVE_LOOK) {
        return false;
    }
    *out_less = loose ? 12 : 0;
    return loose ? elem_use_fits(e, use) || use == RESOLVE_TAP : true;
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
    const struct elem *hit = elem_clickable_around(snap, e);
    if (t->role != NULL) {
        if (role_wanted(e, t, use, &less)) {
            (void)push(f, e, score - less);
        } else if (hit != NULL && hit != e && t->name.n > 0 && role_wanted(hit, t, use, &less)) {
            (void)push(f, hit, score - less - 2);
        }
        return;
    }
    if (hit == NULL) {
        (void)push(f, e, score - (elem_is_container(e) ? 40 : 25));
    } else if (!elem_is_container(hit) || hit == e) {
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
    return !elem_takes_value(e) && e->label.n > 0 &&
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

double
span_overlap(double a, double an, double b, double bn)
{
    double from = a > b ? a : b;
    double to = a + an < b + bn ? a + an : b + bn;
    return to - from;
}

/* Distance from a caption to the control it could belong to; negative: does not. */
static double
beside(const struct elem_box *text, const struct elem_box *box)
{
    bool row = span_overlap(text->y, text->h, box->y, box->h) >
               0.4 * (text->h < box->h ? text->h : box->h);
    if (row && box->x >= text->x + text->w - 2) {
        return box->x - (text->x + text->w);
    }
    if (row && box->x + box->w <= text->x + 2 && box->w < 60) {
        return text->x - (box->x + box->w); /* a box before its caption */
    }
    bool column = span_overlap(text->x, text->w, box->x, box->w) > 0;
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
        if (!elem_is_visible(text) || name_score(text, t->name, RESOLVE_LOOK) < MATCH_BARE - 1 ||
            elem_is_container(text)) {
            continue;
        }
        const struct elem *nearest = NULL;
        double least = ADJACENT_PX;
        for (size_t k = 0; k < snap->count; k++) {
            const struct elem *e = &snap->elems[k];
            int less = 0;
            if (!elem_is_visible(e) || e == text || !elem_use_fits(e, use) ||
                !role_wanted(e, t, use, &less) ||
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

/* "the Arrival date" is the date field called "Arrival". */
static void
find_date(const struct snapshot *snap, const struct target *t, struct found *f)
{
    struct target bare = *t;
    if (t->quoted || !(str_ends(t->name, STR(" date")) || str_ends(t->name, STR(" time")))) {
        return;
    }
    bare.name.n -= sizeof(" date") - 1;
    for (size_t i = 0; i < snap->count; i++) {
        if (snap->elems[i].role == ELEM_DATE && elem_is_visible(&snap->elems[i])) {
            consider(snap, &bare, RESOLVE_TYPE, &snap->elems[i], f);
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
        if (elem_is_visible(e) || (use == RESOLVE_FILE && e->role == ELEM_FILE)) {
            consider(snap, t, use, e, f);
        }
    }
    if (f->count == 0 && t->name.n > 0 &&
        (use == RESOLVE_TYPE || use == RESOLVE_SELECT || use == RESOLVE_CHECK)) {
        find_beside(snap, t, use, f);
    }
    if (f->count == 0 && use == RESOLVE_TYPE) {
        find_date(snap, t, f);
    }
    collapse(snap, f);
    if (use == RESOLVE_LOOK && f->count > 1) {
        merge_entries(snap, t, f);
    }
    return arena_failed(ctx->arena) ? fail_memory(ctx, "the page is too large to search") : RC_OK;
}
