/* SPDX-License-Identifier: Apache-2.0
 *
 * Wiring of the sessions service. */
#include <stdlib.h>

#include "sessions/sessions.h"
#include "sessions_sql.h"

#define ROW(member) .offset = offsetof(struct sessions_cfg, member)

const struct cfg_row SESSIONS_CFG_ROWS[] = {
    {.name = "ASSAY_WORKER_LEASE",
     .type = CFG_DURATION,
     .def = "15s",
     .min = 3000000,
     .max = 600000000,
     .text = "how long a worker may be silent before its devices count as gone",
     ROW(worker_lease_us)},
    {.name = "ASSAY_SESSION_TIMEOUT",
     .type = CFG_DURATION,
     .def = "30m",
     .min = 1000000,
     .max = 86400000000,
     .text = "idle time after which a session ends, when its organization's session_timeout could "
             "not be asked for",
     ROW(idle_us)},
};
const size_t SESSIONS_CFG_COUNT = ARRAY_LEN(SESSIONS_CFG_ROWS);

static struct sessions_cfg cfg;

static enum rc
sessions_start(struct svc *svc, void **out_state)
{
    struct sessions *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    s->svc = svc;
    s->db = svc_db(svc);
    s->cfg = &cfg;
    s->ask_defaults = ses_ask_auth;
    s->find_gone = ses_find_gone;
    *out_state = s;
    enum rc rc = svc_limits_new(svc_client(svc, SVC_BILLING), &s->limits);
    if (rc == RC_OK) {
        rc = svc_loop(svc, LOOP_OPEN, ASSAY_US_PER_S, 120 * ASSAY_US_PER_S, ses_open_loop, s);
    }
    if (rc == RC_OK) {
        rc = svc_loop(svc, LOOP_QUEUE, ASSAY_US_PER_S, 10 * ASSAY_US_PER_S, ses_queue_loop, s);
    }
    if (rc == RC_OK) {
        rc = svc_loop(svc, LOOP_SWEEP, svc_lease_period_us(cfg.worker_lease_us, 2 * ASSAY_US_PER_S),
                      60 * ASSAY_US_PER_S, ses_sweep_loop, s);
    }
    return rc;
}

static void
sessions_stop(void *state)
{
    struct sessions *s = state;

    svc_limits_free(s->limits);
    free(s);
}

int
main(int argc, char **argv)
{
    struct svc_def def = {
        .name = "sessions",
        .peers = SVC_USES(SVC_AUTH) | SVC_USES(SVC_TESTS) | SVC_USES(SVC_BILLING) |
                 SVC_USES(SVC_WEBHOOKS),
        .cfg_rows = SESSIONS_CFG_ROWS,
        .cfg_count = SESSIONS_CFG_COUNT,
        .cfg = &cfg,
        .tables = sessions_tables,
        .table_lens = sessions_table_lens,
        .table_count = SESSIONS_TABLE_COUNT,
        .queries = sessions_queries,
        .query_count = sessions_query_count,
        .migrations = sessions_migrations,
        .migration_count = sessions_migration_count,
        .start = sessions_start,
        .stop = sessions_stop,
    };
    return svc_main(&def, argc, argv);
}
