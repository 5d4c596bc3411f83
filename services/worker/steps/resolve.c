/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/steps/resolve.h"

#include "worker/steps/match.h"
#include "worker/steps/resolve_parts.h"

#define TIE 4 /* scores this close are a tie */

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
                f->count, STR_ARG(target_text(ctx->arena, t)), STR_ARG(both));
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
        if (!elem_is_visible(e) || caption.n == 0 || caption.n > 60 || elem_is_container(e) ||
            !elem_use_fits(e, use)) {
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
                STR_ARG(target_text(ctx->arena, t)), STR_ARG(names));
}

/* --- the order of reading */

static bool
reads_before(const struct elem *a, const struct elem *b)
{
    double least = a->box.h < b->box.h ? a->box.h : b->box.h;
    if (span_overlap(a->box.y, a->box.h, b->box.y, b->box.h) > 0.5 * least) {
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
                    f->count, STR_ARG(target_text(ctx->arena, t)));
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
        if (snap->elems[i].role == ELEM_DIALOG && elem_is_visible(&snap->elems[i])) {
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
    const struct candidate *best = &f.at[0];
    int enough = elem_takes_value(best->elem) ? MATCH_ALIKE : MATCH_PREFIX;
    *out = (struct resolved){
        .elem = best->elem, .score = best->score, .fuzzy = t->name.n > 0 && best->score <= enough};
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
        return fail_memory(ctx, "the page is too large to search");
    }
    for (size_t i = 0; i < f.count; i++) {
        all[i] = f.at[i].elem;
    }
    *out = all;
    *out_count = f.count;
    return RC_OK;
}
