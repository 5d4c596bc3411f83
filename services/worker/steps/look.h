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
/* The same for saying that it is not there: its kind may be a kin's, and with `placed` the place it
 * should be missing from has to be on the page. *out: what is still seen, NULL for nothing. Errors:
 * NOT_FOUND: the place is not there; FAILED_PRECONDITION "AMBIGUOUS": several places hold it. */
NODISCARD enum rc look_gone(struct ctx *ctx, const struct snapshot *snap, const struct target *t,
                            bool placed, const struct elem **out);
/* An element of the kind that a name in plain words ends in ("error message", "loading spinner"),
 * or NULL. */
const struct elem *look_by_description(const struct snapshot *snap, const struct target *t);

/* An element whose text holds every word of a name in plain words that is no kind of thing: for
 * "error messages" one that says "error". NULL: none, or the name was quoted. */
const struct elem *look_by_words(const struct snapshot *snap, const struct target *t);

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
