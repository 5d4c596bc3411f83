/* SPDX-License-Identifier: Apache-2.0
 *
 * What the loops around hand-outs share. */
#ifndef ASSAY_TESTS_TST_DISPATCH_H
#define ASSAY_TESTS_TST_DISPATCH_H

#include "tests/tst_store.h"
#include "worker_client.h"

/* Fills in the open cases of the job. Errors: RESOURCE_EXHAUSTED. Blocks: on the database. */
NODISCARD enum rc tst_job_cases(struct tests *t, struct ctx *ctx, const struct tst_claim *job,
                                Assay__StartJobRequest *req);
/* The worker of this hand-out is gone: the job goes back to the queue once, then ends, as when its
 * lease runs out. Another hand-out is not touched. In a transaction. */
NODISCARD enum rc tst_job_lost(struct tests *t, struct ctx *ctx, int64_t job_id, int64_t fence);
/* Gives back what sessions knows by this key: a device, or a place in its queue. Safe to repeat.
 * Blocks: on sessions. */
NODISCARD enum rc tst_give_back(struct tests *t, struct ctx *ctx, struct str key);

#endif
