/* SPDX-License-Identifier: Apache-2.0
 *
 * Starting and cancelling runs: the core that every dialect calls. */
#ifndef ASSAY_TESTS_TST_RUN_H
#define ASSAY_TESTS_TST_RUN_H

#include "tests/tst_store.h"

struct tst_run_request {
    const char *mode;       /* replay, hybrid, ai */
    const char *model;      /* NULL: none was named; one that ends in :byok is paid by its owner */
    const char *session_id; /* a live session, or NULL: a device is acquired */
    const char *device_id;
    const char *category;
    const char *commit_sha;
    struct str metadata; /* JSON object, p NULL: none */
    int64_t build_id;    /* 0: none */
};

struct tst_started {
    int64_t id;
    char *public_id;
};

/* Checks the build and the session, then creates the run, its case runs and its job in one
 * transaction with the event run.started.
 * Errors: PERMISSION_DENIED "FOREIGN_BUILD", NOT_FOUND (build, session), FAILED_PRECONDITION
 *         "NO_APP", "SESSION_NOT_ACTIVE", "CREDIT_EXHAUSTED": the mode is ai and the plan's credit
 * is used up. Blocks: on the database, on sessions and, for the mode ai, on billing. */
NODISCARD enum rc tst_start_suite(struct tests *t, struct ctx *ctx, const Assay__Suite *suite,
                                  const struct tst_run_request *request, struct tst_started *out);
NODISCARD enum rc tst_start_case(struct tests *t, struct ctx *ctx, const Assay__Case *c,
                                 const struct tst_run_request *request, struct tst_started *out);

/* Ends what has not begun at once; asks the worker to stop the rest between two actions. In a
 * transaction. *out_any is false when there was nothing left to cancel. */
NODISCARD enum rc tst_cancel_suite_run(struct tests *t, struct ctx *ctx, int64_t suite_run_id,
                                       bool *out_any);
NODISCARD enum rc tst_cancel_job(struct tests *t, struct ctx *ctx, int64_t job_id, bool *out_any);

/* Tells audit that somebody did something to a run by hand. */
NODISCARD enum rc tst_run_audit(struct tests *t, struct ctx *ctx, const char *type,
                                const char *public_id);

#endif
