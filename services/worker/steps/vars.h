/* SPDX-License-Identifier: Apache-2.0
 *
 * Values a case knows by name: of its environment ("env:KEY"), its suite, and what steps
 * remembered.
 * ${name}, {{name}} and ${env:KEY} stand for them in names and values. A secret's value never
 * appears in a message: vars_mask is the last thing before a text leaves.
 *
 * The process's own environment is never read. Ownership: values are copied into the arena given at
 * init. Threads: one at a time. */
#ifndef ASSAY_WORKER_STEPS_VARS_H
#define ASSAY_WORKER_STEPS_VARS_H

#include "base/ctx.h"

#define VARS_MAX 256
#define VARS_VALUE_MAX 16384

struct step_var {
    struct str name;
    struct str value;
    bool secret;
};

struct step_vars {
    struct arena *arena;
    struct step_var at[VARS_MAX];
    size_t count;
};

void vars_init(struct step_vars *vars, struct arena *arena);
/* Sets or replaces. Errors: RESOURCE_EXHAUSTED: too many, too long, or the arena is full. */
NODISCARD enum rc vars_set(struct step_vars *vars, struct str name, struct str value, bool secret);
/* NULL: not known. */
const struct step_var *vars_get(const struct step_vars *vars, struct str name);
/* Replaces every ${…} and {{…}} once; what a value holds is not expanded again.
 * Errors: FAILED_PRECONDITION "NO_VARIABLE": one is not known. */
NODISCARD enum rc vars_expand(struct ctx *ctx, const struct step_vars *vars, struct str s,
                              struct str *out);
/* `s` with the values of secrets as "•••". */
struct str vars_mask(struct arena *arena, const struct step_vars *vars, struct str s);

#endif
