/* SPDX-License-Identifier: Apache-2.0
 *
 * Wiring of the billing service. */
#include <stdlib.h>

#include "billing/bil_writer.h"
#include "billing/billing.h"
#include "billing_sql.h"

#define METER_US (10 * ASSAY_US_PER_S)
#define CHECK_US (24 * 3600 * ASSAY_US_PER_S)
#define CHECK_BUDGET_US (600 * ASSAY_US_PER_S)

static struct billing_cfg cfg;

static enum rc
start_parts(struct svc *svc, struct billing *billing)
{
    const char *why = "out of memory";
    enum rc rc = billing_open(billing, svc_db(svc), &cfg, &why);

    if (rc == RC_OK) {
        rc = bil_writer_new(billing->db, cfg.plan, (int)cfg.writers, &billing->writer);
    }
    if (rc != RC_OK) {
        log_line(LOG_ERROR_LEVEL, NULL, "start_failed", why);
        return rc;
    }
    if (!billing_has_stripe(billing)) {
        log_line(LOG_INFO_LEVEL, NULL, "stripe_off",
                 "purchases are off: ASSAY_STRIPE_SECRET_KEY and ASSAY_STRIPE_WEBHOOK_SECRET are "
                 "not both set");
    }
    billing->faults = met_gauge(svc_met(svc), "assay_ledger_faults",
                                "Accounts whose balance is not the sum of their entries.",
                                MET_NO_LABEL, MET_NO_LABEL);
    rc = svc_loop(svc, BIL_LOOP_METER, METER_US, 60 * ASSAY_US_PER_S, bil_meter_loop, billing);
    return rc == RC_OK
               ? svc_loop(svc, BIL_LOOP_CHECK, CHECK_US, CHECK_BUDGET_US, bil_check_loop, billing)
               : rc;
}

static enum rc
start(struct svc *svc, void **out_state)
{
    struct billing *billing = calloc(1, sizeof(*billing));

    if (billing == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    *out_state = billing;
    return start_parts(svc, billing);
}

static void
stop(void *state)
{
    billing_close(state);
    free(state);
}

static int
command(struct svc *svc, struct ctx *ctx, int argc, char **argv)
{
    struct billing billing = {.db = svc_db(svc), .cfg = &cfg};

    return billing_command(&billing, ctx, argc, argv);
}

int
main(int argc, char **argv)
{
    static const char *const COMMANDS[] = {"plan", "credits", "overage", "ledger", NULL};
    const struct svc_def def = {
        .name = "billing",
        .peers = SVC_USES(SVC_AUTH) | SVC_USES(SVC_WEBHOOKS),
        .cfg_rows = BILLING_CFG_ROWS,
        .cfg_count = BILLING_CFG_COUNT,
        .cfg = &cfg,
        .tables = billing_tables,
        .table_lens = billing_table_lens,
        .table_count = BILLING_TABLE_COUNT,
        .queries = billing_queries,
        .query_count = billing_query_count,
        .migrations = billing_migrations,
        .migration_count = billing_migration_count,
        .start = start,
        .stop = stop,
        .command = command,
        .commands = COMMANDS,
        .usage = BILLING_USAGE,
    };
    return svc_main(&def, argc, argv);
}
