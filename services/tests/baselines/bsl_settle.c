/* SPDX-License-Identifier: Apache-2.0
 *
 * From screenshots to verdicts: of steps, cases, runs; and the baselines of a first passing run. */
#include <string.h>

#include "tests/baselines/bsl.h"
#include "tests_sql.h"

enum rc
bsl_queue(struct tests *t, struct ctx *ctx, int64_t job_id, int64_t run_id,
          const Assay__StepReport *step)
{
    enum rc rc = DB_DEFER(t->db, ctx, Q_CHECK_INSERT, DB_ARG_I64(run_id), DB_ARG_I64(job_id),
                          DB_ARG_I64(step->index), DB_ARG_Z(step->flow_id),
                          DB_ARG_I64(step->has_steps_before ? step->steps_before : 0));

    return rc == RC_OK ? tst_wake(t, ctx, LOOP_BASELINES) : rc;
}

/* A case that passed and looks wrong has failed: told like any other. */
static enum rc
settle_cases(struct tests *t, struct ctx *ctx, const struct tst_job_ref *job, bool *out_regressed)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_CHECKS_SETTLE_RUNS, &res, DB_ARG_I64(job->id));
    *out_regressed = false;
    for (int i = 0; rc == RC_OK && i < db_rows(res); i++) {
        *out_regressed = *out_regressed || db_i64(res, i, 4) >= 2;
        if (db_bool(res, i, 3) && job->suite_run_id > 0) {
            struct tst_case_failed failed = {job->org_id, db_str(res, i, 0), db_str(res, i, 1),
                                             db_str(res, i, 2), db_str(res, i, 5)};
            rc = tst_tell_case_failed(t, ctx, &failed);
        }
    }
    return rc;
}

enum rc
bsl_settle(struct tests *t, struct ctx *ctx, const struct tst_job_ref *job, struct bsl_outcome *out)
{
    const struct db_result *res = NULL;

    *out = (struct bsl_outcome){.is_open = false};
    enum rc rc = DB_QUERY(t->db, ctx, Q_CHECKS_OPEN, &res, DB_ARG_I64(job->id));
    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) > 0) {
        out->is_open = true;
        return tst_wake(t, ctx,
                        LOOP_BASELINES); /* some may have waited for the end of their case */
    }
    rc = DB_QUERY(t->db, ctx, Q_CHECKS_SETTLE_STEPS, NULL, DB_ARG_I64(job->id));
    rc = rc == RC_OK ? settle_cases(t, ctx, job, &out->regressed) : rc;
    if (rc == RC_OK && job->suite_run_id > 0) {
        rc = DB_QUERY(t->db, ctx, Q_CHECKS_SETTLE_SUITE_RUN, NULL, DB_ARG_I64(job->suite_run_id));
    }
    rc = rc == RC_OK ? DB_QUERY(t->db, ctx, Q_BASELINES_PLACE, NULL, DB_ARG_I64(job->id)) : rc;
    return rc == RC_OK ? DB_QUERY(t->db, ctx, Q_BASELINES_SEED, NULL, DB_ARG_I64(job->id)) : rc;
}
