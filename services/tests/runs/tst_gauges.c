/* SPDX-License-Identifier: Apache-2.0
 *
 * What the queue looks like from outside: how many hand-outs are in which state, how long the
 * oldest waits, and whether a lease ran out that nobody has judged. */
#include "tests/tst_store.h"
#include "tests_sql.h"

static const char *const STATES[] = {"queued", "waiting", "allocating", "running", "releasing"};

struct tst_gauges
tst_gauges_make(struct met *met)
{
    return (struct tst_gauges){
        .jobs = met_gauge(met, "assay_jobs", "Hand-outs of cases to devices by state.",
                          MET_LABEL("state", STATES, ARRAY_LEN(STATES)), MET_NO_LABEL),
        .waiting = met_gauge(met, "assay_jobs_waiting_seconds",
                             "How long the oldest hand-out has waited for a device.", MET_NO_LABEL,
                             MET_NO_LABEL),
        .overdue = met_gauge(met, "assay_jobs_overdue_seconds",
                             "How long ago the oldest lease ran out that nobody has judged.",
                             MET_NO_LABEL, MET_NO_LABEL),
    };
}

bool
tst_measure(void *state, struct ctx *ctx)
{
    struct tests *t = state;
    const struct db_result *res = NULL;
    int64_t counts[ARRAY_LEN(STATES)] = {0};
    int64_t waiting_s = 0;
    int64_t overdue_s = 0;

    if (DB_QUERY0(t->db, ctx, Q_JOB_DEPTH, &res) != RC_OK) {
        return false; /* the failure stands in ctx and is logged by the loop */
    }
    for (int row = 0; row < db_rows(res); row++) {
        for (size_t i = 0; i < ARRAY_LEN(STATES); i++) {
            counts[i] += str_eqz(db_str(res, row, 0), STATES[i]) ? db_i64(res, row, 1) : 0;
        }
        waiting_s = db_i64(res, row, 2) > waiting_s ? db_i64(res, row, 2) : waiting_s;
        overdue_s = db_i64(res, row, 3) > overdue_s ? db_i64(res, row, 3) : overdue_s;
    }
    for (size_t i = 0; i < ARRAY_LEN(STATES); i++) {
        met_set(t->gauges.jobs, i, 0, counts[i]);
    }
    met_set(t->gauges.waiting, 0, 0, waiting_s);
    met_set(t->gauges.overdue, 0, 0, overdue_s);
    return false;
}
