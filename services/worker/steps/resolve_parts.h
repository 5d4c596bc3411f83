/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of the resolver: candidates and what narrows them. Not for other modules. */
#ifndef ASSAY_WORKER_STEPS_RESOLVE_PARTS_H
#define ASSAY_WORKER_STEPS_RESOLVE_PARTS_H

#include "worker/steps/resolve.h"

struct candidate {
    const struct elem *elem;
    int score;
};

struct found {
    struct candidate *at;
    size_t count;
    size_t cap;
    struct arena *arena;
};

/* --- elements (resolve_role.c) */
bool elem_is_visible(const struct elem *e);
/* A list, a region, a dialog: a place, not a thing to act on. */
bool elem_is_container(const struct elem *e);
/* A field, a list of options, a box to check. */
bool elem_takes_value(const struct elem *e);
bool elem_use_fits(const struct elem *e, enum resolve_use use);
/* The button a text stands in: what a finger would hit. NULL: nothing near reacts. */
const struct elem *elem_clickable_around(const struct snapshot *snap, const struct elem *e);
const struct elem *elem_parent(const struct snapshot *snap, const struct elem *e);
/* How much of two spans of a line is common; negative: none. */
double span_overlap(double a, double an, double b, double bn);

/* --- candidates (resolve_find.c) */
/* 0: `e` is not called so. */
int name_score(const struct elem *e, struct str wanted, enum resolve_use use);
enum rc find_candidates(struct ctx *ctx, const struct snapshot *snap, const struct target *t,
                        enum resolve_use use, struct found *f);
/* Drops what scores `within` or more below the best. */
void found_keep_best(struct found *f, int within);

/* --- places (resolve_place.c) */
/* Keep what stands in the scope, beside the anchor, in the part of the screen. NOT_FOUND when the
 * scope or anchor is not there, AMBIGUOUS when several would keep different ones. */
enum rc narrow_within(struct ctx *ctx, const struct snapshot *snap, const struct target *scope,
                      struct found *f);
enum rc narrow_near(struct ctx *ctx, const struct snapshot *snap, const struct target *t,
                    struct found *f);
void narrow_position(const struct snapshot *snap, unsigned position, struct found *f);

#endif
