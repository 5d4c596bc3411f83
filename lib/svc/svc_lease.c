/* SPDX-License-Identifier: Apache-2.0
 *
 * The clock by which leases are judged. It stands in the database, so that one answer holds for all
 * replicas and survives a failover. */
#include "common_sql.h"
#include "svc/svc.h"

int64_t
svc_lease_period_us(int64_t lease_us, int64_t max_us)
{
    return lease_us / 6 < max_us ? lease_us / 6 : max_us;
}

enum rc
svc_leases_ripe(struct db *db, struct ctx *ctx, int64_t lease_us, bool *out)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(db, ctx, DB_COMMON(Q_LEASE_CLOCK_BEAT), &res, DB_ARG_I64(lease_us / 2),
                          DB_ARG_I64(lease_us));
    if (rc == RC_OK) {
        *out = db_bool(res, 0, 0);
    }
    return rc;
}
