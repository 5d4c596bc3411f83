/* SPDX-License-Identifier: Apache-2.0
 *
 * Places: inside of something, beside something, in a corner of the page. */
#include <string.h>

#include "worker/steps/match.h"
#include "worker/steps/resolve_parts.h"

#define ANCHORS_MAX 64

/* --- inside */

/* Names of places that are roles of the page. */
static bool
landmark(struct str name, enum elem_role *out)
{
    static const struct {
        const char *name;
        enum elem_role role;
    } PLACES[] = {{"header", ELEM_BANNER},
                  {"page header", ELEM_BANNER},
                  {"top bar", ELEM_BANNER},
                  {"header bar", ELEM_BANNER},
                  {"banner", ELEM_BANNER},
                  {"footer", ELEM_CONTENTINFO},
                  {"page footer", ELEM_CONTENTINFO},
                  {"navigation", ELEM_NAVIGATION},
                  {"navbar", ELEM_NAVIGATION},
                  {"nav bar", ELEM_NAVIGATION},
                  {"navigation bar", ELEM_NAVIGATION},
                  {"nav", ELEM_NAVIGATION},
                  {"navigation menu", ELEM_NAVIGATION},
                  {"main navigation", ELEM_NAVIGATION},
                  {"main menu", ELEM_NAVIGATION},
                  {"menu", ELEM_MENU}};
    for (size_t i = 0; i < ARRAY_LEN(PLACES); i++) {
        if (str_ieq(name, str_z(PLACES[i].name))) {
            *out = PLACES[i].role;
            return true;
        }
    }
    return false;
}

static bool
is_box(const struct elem *e)
{
    switch (e->role) {
    case ELEM_LIST:
    case ELEM_TABLE:
    case ELEM_FORM:
    case ELEM_REGION:
    case ELEM_NAVIGATION:
    case ELEM_BANNER:
    case ELEM_CONTENTINFO:
    case ELEM_DIALOG:
    case ELEM_MENU:
    case ELEM_ROW:
    case ELEM_LISTITEM:
    case ELEM_LISTBOX:
    case ELEM_ALERT:
        return true;
    default:
        return false;
    }
}

struct scopes {
    const struct elem *at[ANCHORS_MAX];
    int score[ANCHORS_MAX];
    size_t count;
};

static void
push_scope(struct scopes *s, const struct elem *e, int score)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->at[i] == e) {
            s->score[i] = score > s->score[i] ? score : s->score[i];
            return;
        }
    }
    if (s->count < ANCHORS_MAX) {
        s->at[s->count] = e;
        s->score[s->count++] = score;
    }
}

/* The nearest enclosing element of the role a sentence names. */
static const struct elem *
enclosing(const struct snapshot *snap, const struct elem *e, const char *role)
{
    bool loose = false;
    for (int hops = 0; e != NULL && hops < 40; e = elem_parent(snap, e), hops++) {
        if (elem_role_fits(e, role, &loose)) {
            return e;
        }
    }
    return NULL;
}

static bool
holds_candidate(const struct snapshot *snap, const struct elem *box, const struct found *f)
{
    for (size_t i = 0; i < f->count; i++) {
        if (f->at[i].elem != box && elem_inside(snap, f->at[i].elem, box)) {
            return true;
        }
    }
    return false;
}

/* A heading names what it stands in: the smallest element around it that holds a candidate. */
static const struct elem *
named_area(const struct snapshot *snap, const struct elem *text, const struct found *f)
{
    const struct elem *at = text;
    for (int hops = 0; at != NULL && hops < 40; at = elem_parent(snap, at), hops++) {
        if (holds_candidate(snap, at, f)) {
            return at;
        }
    }
    return NULL;
}

static void
scope_by_role(const struct snapshot *snap, const struct target *scope, struct scopes *s)
{
    bool loose = false;
    for (size_t i = 0; i < snap->count; i++) {
        const struct elem *e = &snap->elems[i];
        if (!elem_is_visible(e)) {
            continue;
        }
        if (scope->name.n == 0) {
            if (elem_role_fits(e, scope->role, &loose)) {
                push_scope(s, e, loose ? 60 : 100);
            }
            continue;
        }
        int score = name_score(e, scope->name, RESOLVE_LOOK);
        const struct elem *box = score > 0 ? enclosing(snap, e, scope->role) : NULL;
        if (box != NULL) {
            push_scope(s, box, score);
        }
    }
}

static void
scope_by_name(const struct snapshot *snap, const struct target *scope, const struct found *f,
              struct scopes *s)
{
    enum elem_role role = ELEM_OTHER;
    bool known = !scope->quoted && landmark(scope->name, &role);
    for (size_t i = 0; i < snap->count; i++) {
        const struct elem *e = &snap->elems[i];
        if (!elem_is_visible(e)) {
            continue;
        }
        if (known && e->role == role) {
            push_scope(s, e, 100);
            continue;
        }
        int score = name_score(e, scope->name, RESOLVE_LOOK);
        if (score == 0) {
            continue;
        }
        const struct elem *box =
            is_box(e) && holds_candidate(snap, e, f) ? e : named_area(snap, e, f);
        if (box != NULL) {
            push_scope(s, box, is_box(e) ? score + 2 : score);
        }
    }
}

static void
keep_inside(const struct snapshot *snap, const struct elem *box, struct found *f)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->count; i++) {
        if (f->at[i].elem != box && elem_inside(snap, f->at[i].elem, box)) {
            f->at[kept++] = f->at[i];
        }
    }
    f->count = kept;
}

/* Only the best scopes count, the innermost of nested ones; with an ordinal that one. */
static void
best_scopes(const struct snapshot *snap, const struct target *scope, struct scopes *s)
{
    int best = 0;
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++) {
        best = s->score[i] > best ? s->score[i] : best;
    }
    for (size_t i = 0; i < s->count; i++) {
        bool outer = false;
        for (size_t k = 0; k < s->count; k++) {
            outer |= k != i && s->score[k] >= best - 3 && elem_inside(snap, s->at[k], s->at[i]);
        }
        if (s->score[i] >= best - 3 && !outer) {
            s->at[kept++] = s->at[i];
        }
    }
    s->count = kept;
    if (scope->nth != 0 && kept > 0) {
        long at = scope->nth > 0 ? scope->nth - 1 : (long)kept + scope->nth;
        s->count = at >= 0 && (size_t)at < kept;
        s->at[0] = s->count > 0 ? s->at[at] : NULL;
    }
}

enum rc
narrow_within(struct ctx *ctx, const struct snapshot *snap, const struct target *scope,
              struct found *f)
{
    struct scopes *s = ARENA_NEW(ctx->arena, struct scopes);
    if (s == NULL) {
        return fail_memory(ctx, "the page is too large to search");
    }
    if (scope->role != NULL) {
        scope_by_role(snap, scope, s);
    } else {
        scope_by_name(snap, scope, f, s);
    }
    best_scopes(snap, scope, s);
    if (s->count == 0) {
        return fail(ctx, RC_NOT_FOUND, "NOT_FOUND", "nothing on the page fits the place %.*s",
                    STR_ARG(target_text(ctx->arena, scope)));
    }
    const struct elem *chosen = NULL;
    for (size_t i = 0; i < s->count; i++) {
        if (!holds_candidate(snap, s->at[i], f)) {
            continue;
        }
        if (chosen != NULL) {
            return fail(ctx, RC_FAILED_PRECONDITION, "AMBIGUOUS",
                        "%zu places fit %.*s equally well", s->count,
                        STR_ARG(target_text(ctx->arena, scope)));
        }
        chosen = s->at[i];
    }
    if (chosen == NULL) {
        f->count = 0;
        return RC_OK;
    }
    keep_inside(snap, chosen, f);
    /* An outer place has to hold as well. */
    return scope->within != NULL ? narrow_within(ctx, snap, scope->within, f) : RC_OK;
}

/* --- beside */

static double
gap(double a, double an, double b, double bn)
{
    double o = span_overlap(a, an, b, bn);
    return o >= 0 ? 0 : -o;
}

static bool
same_row(const struct elem_box *a, const struct elem_box *b)
{
    return span_overlap(a->y, a->h, b->y, b->h) > 0.3 * (a->h < b->h ? a->h : b->h);
}

/* How far `e` is from `anchor` in the relation's direction; negative: it is not there. */
static double
distance(const struct elem *e, const struct elem *anchor, enum act_relation relation)
{
    const struct elem_box *b = &e->box;
    const struct elem_box *a = &anchor->box;
    double dx = gap(b->x, b->w, a->x, a->w);
    double dy = gap(b->y, b->h, a->y, a->h);
    switch (relation) {
    case REL_RIGHT_OF:
        return same_row(a, b) && b->x + b->w / 2 > a->x + a->w / 2 ? dx : -1;
    case REL_LEFT_OF:
        return same_row(a, b) && b->x + b->w / 2 < a->x + a->w / 2 ? dx : -1;
    case REL_BELOW:
        return b->y >= a->y + a->h * 0.6 ? dy + 2 * dx : -1;
    case REL_ABOVE:
        return b->y + b->h <= a->y + a->h * 0.4 ? dy + 2 * dx : -1;
    case REL_AFTER:
        return e > anchor ? dy * 2 + dx : -1;
    case REL_BEFORE:
        return e < anchor ? dy * 2 + dx : -1;
    default:
        return dx + 3 * dy;
    }
}

/* Depth of the smallest element around both: the deeper, the more they belong together. */
static int
common_depth(const struct snapshot *snap, const struct elem *a, const struct elem *b)
{
    for (int hops = 0; a != NULL && hops < 200; a = elem_parent(snap, a), hops++) {
        if (elem_inside(snap, b, a)) {
            return a->depth;
        }
    }
    return -1;
}

struct near_best {
    double distance;
    int depth;
    double second;
    int second_depth;
    size_t at;
    bool some;
};

static bool
closer(int depth, double d, int other_depth, double other)
{
    return depth != other_depth ? depth > other_depth : d < other;
}

static void
weigh(struct near_best *n, size_t at, int depth, double d)
{
    if (!n->some || closer(depth, d, n->depth, n->distance)) {
        n->second = n->some ? n->distance : 1e9;
        n->second_depth = n->some ? n->depth : -2;
        n->distance = d;
        n->depth = depth;
        n->at = at;
        n->some = true;
    } else if (closer(depth, d, n->second_depth, n->second)) {
        n->second = d;
        n->second_depth = depth;
    }
}

/* The candidates by their distance to the nearest anchor. */
static struct near_best
nearest(const struct snapshot *snap, const struct found *f, const struct found *anchors,
        enum act_relation relation)
{
    struct near_best n = {.second = 1e9, .second_depth = -2};
    bool by_tree = relation == REL_NEXT_TO || relation == REL_NEAR || relation == REL_AFTER ||
                   relation == REL_BEFORE;
    for (size_t i = 0; i < f->count; i++) {
        double least = -1;
        int depth = -1;
        for (size_t k = 0; k < anchors->count; k++) {
            const struct elem *a = anchors->at[k].elem;
            const struct elem *e = f->at[i].elem;
            if (a == e || elem_inside(snap, a, e)) {
                continue;
            }
            double d = distance(e, a, relation);
            int together = by_tree ? common_depth(snap, a, e) : 0;
            if (d >= 0 && (least < 0 || closer(together, d, depth, least))) {
                least = d;
                depth = together;
            }
        }
        if (least >= 0) {
            weigh(&n, i, depth, least);
        }
    }
    return n;
}

enum rc
narrow_near(struct ctx *ctx, const struct snapshot *snap, const struct target *t, struct found *f)
{
    struct found anchors;
    enum rc rc = find_candidates(ctx, snap, t->near, RESOLVE_LOOK, &anchors);
    if (rc != RC_OK) {
        return rc;
    }
    if (t->near->within != NULL && anchors.count > 0) {
        rc = narrow_within(ctx, snap, t->near->within, &anchors);
    }
    found_keep_best(&anchors, 6);
    if (rc != RC_OK || anchors.count == 0) {
        return rc != RC_OK ? rc
                           : fail(ctx, RC_NOT_FOUND, "NOT_FOUND", "nothing on the page fits %.*s",
                                  STR_ARG(target_text(ctx->arena, t->near)));
    }
    struct near_best n = nearest(snap, f, &anchors, t->relation);
    if (!n.some) {
        f->count = 0;
        return RC_OK;
    }
    bool tie = n.second_depth == n.depth && n.second - n.distance < 4;
    if (tie && t->nth == 0) {
        return fail(ctx, RC_FAILED_PRECONDITION, "AMBIGUOUS",
                    "two elements are equally close to %.*s",
                    STR_ARG(target_text(ctx->arena, t->near)));
    }
    if (!tie) {
        f->at[0] = f->at[n.at];
        f->count = 1;
    }
    return RC_OK;
}

/* --- parts of the page */

void
narrow_position(const struct snapshot *snap, unsigned position, struct found *f)
{
    size_t kept = 0;
    double h = snap->viewport_h;
    double w = snap->viewport_w;
    for (size_t i = 0; i < f->count; i++) {
        const struct elem_box *b = &f->at[i].elem->box;
        double x = b->x + b->w / 2;
        double y = b->y + b->h / 2;
        bool fits = true;
        fits &= (position & POS_TOP) == 0 || y < h / 2;
        fits &= (position & POS_BOTTOM) == 0 || y > h / 2;
        fits &= (position & POS_LEFT) == 0 || x < w / 2;
        fits &= (position & POS_RIGHT) == 0 || x > w / 2;
        fits &= (position & POS_CENTER) == 0 || (x > w / 4 && x < 3 * w / 4);
        if (fits) {
            f->at[kept++] = f->at[i];
        }
    }
    f->count = kept;
}
