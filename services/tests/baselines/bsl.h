/* SPDX-License-Identifier: Apache-2.0
 *
 * Baselines of steps: what a step of a case looks like. The screenshots of a run whose suite has a
 * tier are queued with the report of their step (the reporting worker waits for nothing), compared
 * by a loop of every replica, and settled with the end of the run: its first passing run makes a
 * case's baselines, a difference of at least the tier makes the step, its case and the run `warn`
 * or `fail`.
 *
 * A baseline belongs to a step of a case (or of a sub-flow) and a size of picture. It is found by
 * the step's text and follows it when steps are put in, taken out or moved; a reworded step keeps
 * the baseline of its place. What cannot be compared (a lost or broken picture) is never ok.
 *
 * A run whose cases are over ends when its last screenshot is compared. */
#ifndef ASSAY_TESTS_BSL_H
#define ASSAY_TESTS_BSL_H

#include "tests/tst_store.h"
#include "tests/visual/visual.h"

#define LOOP_BASELINES "tests_baselines"

/* Tiers of a suite, percent of pixels that differ; -1: none. */
struct bsl_tiers {
    int64_t warn_pct, fail_pct;
};

/* "ok", "warn" or "fail" for a comparison: a tier is reached when at least that much differs.
 * Nothing that differs is ok, whatever the tiers. */
const char *bsl_verdict(const struct visual_result *result, struct bsl_tiers tiers);

/* Compares one screenshot (svc_loop); true: there may be more. */
bool bsl_compare_some(void *state, struct ctx *ctx);

/* Queues a stored step's screenshot, or that there is none, with the open transaction. */
NODISCARD enum rc bsl_queue(struct tests *t, struct ctx *ctx, int64_t job_id, int64_t run_id,
                            const Assay__StepReport *step);
struct bsl_outcome {
    bool is_open;   /* screenshots are not compared yet: the last of them will end the run */
    bool regressed; /* something is warn or fail */
};
/* Settles a job whose cases are over, in the transaction that ends its run. */
NODISCARD enum rc bsl_settle(struct tests *t, struct ctx *ctx, const struct tst_job_ref *job,
                             struct bsl_outcome *out);

#endif
