/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds the one element a target means in a snapshot. Names are compared level by level (match.h),
 * kinds must agree, places narrow. Two elements that fit equally well are a refusal that names
 * both; nothing is ever chosen by chance.
 *
 * Errors: NOT_FOUND "NOT_FOUND"            no element fits; the message names the nearest ones
 *         FAILED_PRECONDITION "AMBIGUOUS"  two fit equally well; the message names both
 * Threads: any; memory from ctx->arena. */
#ifndef ASSAY_WORKER_STEPS_RESOLVE_H
#define ASSAY_WORKER_STEPS_RESOLVE_H

#include "base/ctx.h"
#include "worker/devices/snapshot.h"
#include "worker/steps/action.h"

/* What is to be done with the element: decides which kinds can be meant. */
enum resolve_use {
    RESOLVE_TAP,    /* whatever reacts: text inside a button is the button */
    RESOLVE_TYPE,   /* fields */
    RESOLVE_SELECT, /* lists of options */
    RESOLVE_CHECK,  /* check boxes, radio buttons, switches */
    RESOLVE_FILE,
    RESOLVE_LOOK, /* anything visible, names compared exactly: verifications, hovering, scrolling */
};

struct resolved {
    const struct elem *elem;
    int score;
    bool fuzzy; /* found by a name that is not the same; of a field its first words are enough */
};

NODISCARD enum rc resolve(struct ctx *ctx, const struct snapshot *snap, const struct target *t,
                          enum resolve_use use, struct resolved *out);
/* All elements that fit best, nested ones counted once, in reading order; for counting. The array
 * lives in ctx->arena. NOT_FOUND when a place it names is not there. */
NODISCARD enum rc resolve_all(struct ctx *ctx, const struct snapshot *snap, const struct target *t,
                              enum resolve_use use, const struct elem ***out, size_t *out_count);

/* Whether `e` is `ancestor` or stands inside of it. */
bool elem_inside(const struct snapshot *snap, const struct elem *e, const struct elem *ancestor);
/* True when the element's role is what a sentence calls `role`; a looser kinship (a link that looks
 * like a button) sets *out_loose. */
bool elem_role_fits(const struct elem *e, const char *role, bool *out_loose);
/* What a person would call it: name, label, text, placeholder, the first that is there. */
struct str elem_caption(const struct elem *e);

#endif
