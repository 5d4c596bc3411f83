/* SPDX-License-Identifier: Apache-2.0
 *
 * Wiring of the billing service. */
#include <stdlib.h>

#include "billing/billing.h"
#include "billing_sql.h"

static enum rc
start(struct svc *svc, void **out_state)
{
    struct billing *billing = calloc(1, sizeof(*billing));

    if (billing == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    billing->db = svc_db(svc);
    *out_state = billing;
    return RC_OK;
}

int
main(int argc, char **argv)
{
    const struct svc_def def = {
        .name = "billing",
        .tables = billing_tables,
        .table_lens = billing_table_lens,
        .table_count = BILLING_TABLE_COUNT,
        .queries = billing_queries,
        .query_count = billing_query_count,
        .migrations = billing_migrations,
        .migration_count = billing_migration_count,
        .start = start,
        .stop = free,
    };
    return svc_main(&def, argc, argv);
}
