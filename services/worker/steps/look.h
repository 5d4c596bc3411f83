/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a snapshot for assertions: exact, never by likeness. Every answer says on which element
 * it rests. */
#ifndef ASSAY_WORKER_STEPS_LOOK_H
#define ASSAY_WORKER_STEPS_LOOK_H

#include "worker/steps/resolve.h"

/* The element on which `t` is to be seen: its kind and place as for resolve, its name standing as
 * whole words in what the element shows. NULL: it is not there. */
const struct elem *look_for(struct ctx *ctx, const struct snapshot *snap, const struct target *t);
/* True when a name in plain words ("error message", "loading spinner") may mean an element by its
 * kind, so that missing text proves nothing. */
bool look_is_description(const struct target *t);
/* Such an element, or NULL. */
const struct elem *look_by_description(const struct snapshot *snap, const struct target *t);

struct reading {
    const struct elem *elem; /* that shows the value */
    struct str text;
    const char *how; /* "beside the label", … for the evidence */
};

/* The value that belongs to a label: "Total: €57.00", a definition, the next cell, the text beside
 * or below. Errors: as resolve; NOT_FOUND "NO_VALUE": the label is there without a value. */
NODISCARD enum rc look_read(struct ctx *ctx, const struct snapshot *snap, const struct target *t,
                            struct reading *out);
/* True when any visible element shows exactly these bytes somewhere, white space folded, letters
 * without case when `fold_case`. */
const struct elem *look_raw(const struct snapshot *snap, struct str text, bool fold_case);

#endif
