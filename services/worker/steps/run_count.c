/* SPDX-License-Identifier: Apache-2.0
 *
 * Counting. Kinds ("3 rows", "3 'Edit' buttons") are counted wherever they are. Items are those of
 * one list, or rows of one table: a page has lists that nobody means by "there are 3 items" (its
 * menu, links in its footer), and adding up two lists could hit the number by chance. */
#include <string.h>

#include "worker/steps/match.h"
#include "worker/steps/resolve_parts.h"
#include "worker/steps/run_parts.h"

struct tally {
    const struct elem *first;
    const struct elem *holder; /* the list or table they are in; NULL: none around them */
    size_t n;
    bool many; /* not all are in one */
};

/* --- where an element is */

static const struct elem *
around(const struct snapshot *snap, const struct elem *e, enum elem_role a, enum elem_role b)
{
    size_t left = snap->count;
    const struct elem *at = elem_parent(snap, e);

    while (at != NULL && at->role != a && at->role != b && left-- > 0) {
        at = elem_parent(snap, at);
    }
    return at;
}

/* What every page of a site has around what it is about. */
static bool
is_furniture(const struct snapshot *snap, const struct elem *e)
{
    return around(snap, e, ELEM_NAVIGATION, ELEM_MENU) != NULL ||
           around(snap, e, ELEM_BANNER, ELEM_CONTENTINFO) != NULL;
}

static bool
is_header_row(const struct snapshot *snap, const struct elem *row)
{
    for (size_t i = 0; row->role == ELEM_ROW && i < snap->count; i++) {
        const struct elem *e = &snap->elems[i];
        if (e->role == ELEM_COLUMNHEADER && elem_inside(snap, e, row)) {
            return true;
        }
    }
    return false;
}

/* --- items */

/* An entry below an entry is part of it. */
static bool
is_nested(const struct snapshot *snap, const struct elem *e)
{
    return around(snap, e, e->role, e->role) != NULL;
}

static void
add(struct tally *t, const struct elem *e, const struct elem *holder)
{
    t->many |= t->n > 0 && t->holder != holder;
    t->first = t->n == 0 ? e : t->first;
    t->holder = holder;
    t->n++;
}

/* All of one kind in the place that was named, or on the page. Not as they are found to act on one:
 * there the inner of two is meant. */
static enum rc
find_kind(struct run *run, const struct target *place, enum elem_role kind, struct found *out)
{
    const struct snapshot *snap = &run->snap;

    *out = (struct found){.arena = run->sub.arena, .cap = snap->count};
    out->at = ARENA_ARRAY(run->sub.arena, snap->count + 1, struct candidate);
    if (out->at == NULL) {
        return fail_memory(&run->sub, "the page is too large");
    }
    for (size_t i = 0; i < snap->count; i++) {
        const struct elem *e = &snap->elems[i];
        if (e->role == kind && elem_is_visible(e)) {
            out->at[out->count++] = (struct candidate){.elem = e, .score = 100};
        }
    }
    enum rc rc = place->within != NULL && out->count > 0
                     ? narrow_within(&run->sub, snap, place->within, out)
                     : RC_OK;
    return rc == RC_OK && place->near != NULL && out->count > 0
               ? narrow_near(&run->sub, snap, place, out)
               : rc;
}

/* The elements of the kind that are items. */
static enum rc
tally_kind(struct run *run, const struct target *place, enum elem_role kind, struct tally *out)
{
    const struct snapshot *snap = &run->snap;
    struct found f;

    *out = (struct tally){.n = 0};
    enum rc rc = find_kind(run, place, kind, &f);
    for (size_t i = 0; rc == RC_OK && i < f.count; i++) {
        const struct elem *e = f.at[i].elem;
        bool counts = !is_nested(snap, e) && !is_header_row(snap, e) &&
                      (place->within != NULL || !is_furniture(snap, e));
        if (counts) {
            add(out, e,
                kind == ELEM_ROW ? around(snap, e, ELEM_TABLE, ELEM_TABLE)
                                 : around(snap, e, ELEM_LIST, ELEM_LISTBOX));
        }
    }
    return rc;
}

/* An empty list has no items; a page without any may show things that are no list for us. */
static bool
has_list(const struct snapshot *snap)
{
    for (size_t i = 0; i < snap->count; i++) {
        const struct elem *e = &snap->elems[i];
        if ((e->role == ELEM_LIST || e->role == ELEM_TABLE) && !is_furniture(snap, e)) {
            return true;
        }
    }
    return false;
}

static enum rc
count_items(struct run *run, const struct target *target, struct tally *t)
{
    static const enum elem_role KINDS[] = {ELEM_LISTITEM, ELEM_ROW, ELEM_OPTION};
    size_t kinds = target->within != NULL ? 3 : 2; /* options are shown when somebody looks */
    enum rc rc = RC_OK;

    *t = (struct tally){.n = 0};
    for (size_t i = 0; rc == RC_OK && t->n == 0 && i < kinds; i++) {
        rc = tally_kind(run, target, KINDS[i], t);
    }
    if (rc != RC_OK) {
        return rc;
    }
    if (t->many) {
        return fail(&run->sub, RC_FAILED_PRECONDITION, "AMBIGUOUS",
                    "there are items in more than one list; say in which one, such as "
                    "\"Verify that the 'Cart' list has 3 items\"");
    }
    if (t->n == 0 && target->within == NULL && !has_list(&run->snap)) {
        return run_not_yet(run, "NOT_YET_LISTED",
                           "the page has no list and no table, and what else counts as '%.*s' is "
                           "not clear without a model; name their kind (rows, buttons, links) or "
                           "put a text in quotes",
                           STR_ARG(target->name));
    }
    return RC_OK;
}

/* --- kinds and names */

static enum rc
count_kind(struct run *run, const struct target *target, struct tally *t)
{
    const struct elem **all = NULL;
    size_t n = 0;

    *t = (struct tally){.n = 0};
    enum rc rc = resolve_all(&run->sub, &run->snap, target, RESOLVE_LOOK, &all, &n);
    for (size_t i = 0; rc == RC_OK && i < n; i++) {
        if (!is_header_row(&run->snap, all[i])) {
            add(t, all[i], NULL);
        }
    }
    return rc;
}

/* --- the one entry */

static bool
means_items(struct str name)
{
    static const char *const WORDS[] = {"item",      "items",      "entry",      "entries",
                                        "list item", "list items", "list entry", "list entries"};

    for (size_t i = 0; i < ARRAY_LEN(WORDS); i++) {
        if (str_ieq(name, str_z(WORDS[i]))) {
            return true;
        }
    }
    return false;
}

enum rc
run_count(struct run *run, const struct target *target, int64_t wanted)
{
    bool described = target->role == NULL && !target->quoted;
    struct tally t;

    if (described && target->within == NULL && !means_items(target->name)) {
        return fail(
            &run->sub, RC_UNIMPLEMENTED, "NEEDS_MODEL",
            "what counts as '%.*s' is not clear without a model; name their kind (rows, buttons, "
            "links) or put a text in quotes",
            STR_ARG(target->name));
    }
    enum rc rc = described ? count_items(run, target, &t) : count_kind(run, target, &t);
    if (rc != RC_OK) {
        return rc;
    }
    if (t.n > 0) {
        run_evidence(run, t.first, "the first of them");
    }
    return t.n == (size_t)wanted
               ? RC_OK
               : run_not_yet(run, "NOT_YET_COUNT", "%.*s: expected %lld, found %zu",
                             STR_ARG(run_target_text(run, target)), (long long)wanted, t.n);
}
