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

const struct elem *elem_parent(const struct snapshot *snap, const struct elem *e);
/* 0: `e` is not called so. */
int name_score(const struct elem *e, struct str wanted, enum resolve_use use);
enum rc find_candidates(struct ctx *ctx, const struct snapshot *snap, const struct target *t,
                        enum resolve_use use, struct found *f);
/* Drops what scores `within` or more below the best. */
void found_keep_best(struct found *f, int within);

/* Keep what stands in the scope, beside the anchor, in the part of the screen. NOT_FOUND when the
 * scope or anchor is not there, AMBIGUOUS when several would keep different ones. */
enum rc narrow_within(struct ctx *ctx, const struct snapshot *snap, const struct target *scope,
                      struct found *f);
enum rc narrow_near(struct ctx *ctx, const struct snapshot *snap, const struct target *t,
                    struct found *f);
void narrow_position(const struct snapshot *snap, unsigned position, struct found *f);

#endif
