/* SPDX-License-Identifier: Apache-2.0
 *
 * What happens by itself: minutes beyond the plan are charged, the ledger is added up. */
#include "billing/bil_post.h"
#include "billing/bil_store.h"
#include "billing/billing.h"
#include "log/log.h"

#define MINUTES_AT_ONCE 240

/* A minute has a number within its month, and that is its event: however often and by however many
 * replicas it is charged, it is charged once. */
static size_t
minutes_due(struct ctx *ctx, const struct bil_due *due, struct bil_op *ops)
{
    struct bil_month month = bil_month_of(due->month_us);
    size_t n = 0;

    for (int64_t minute = due->paid + 1; minute <= due->used && n < MINUTES_AT_ONCE; minute++) {
        ops[n++] = (struct bil_op){
            .kind = BIL_DEDUCT,
            .event_id = arena_printf(ctx->arena, "overage/%s/%lld", month.text, (long long)minute),
            .amount_micro = due->minute_micro,
            .is_streaming = true,
        };
    }
    return n;
}

static enum rc
charge(struct billing *billing, struct ctx *ctx, const struct bil_due *due)
{
    struct bil_op *ops = ARENA_ARRAY(ctx->arena, MINUTES_AT_ONCE, struct bil_op);
    size_t paid = 0;
    int64_t cost = 0;

    if (ops == NULL) {
        return fail_memory(ctx, "too many minutes at once");
    }
    size_t n = minutes_due(ctx, due, ops);
    enum rc rc = bil_post(billing->db, ctx, billing->cfg->plan, due->org_id, ops, n);
    while (rc == RC_OK && paid < n &&
           (ops[paid].result == BIL_POSTED || ops[paid].result == BIL_REPLAYED)) {
        cost += ops[paid].result == BIL_POSTED ? ops[paid].amount_micro : 0;
        paid++;
    }
    return rc == RC_OK && paid > 0
               ? bil_overage_paid(billing->db, ctx, due, due->paid + (int64_t)paid, cost)
               : rc;
}

bool
bil_meter_loop(void *state, struct ctx *ctx)
{
    struct billing *billing = state;
    struct bil_due *due = NULL;
    size_t n = 0;

    enum rc rc = bil_overage_due(billing->db, ctx, clk_wall_us(), &due, &n);
    for (size_t i = 0; rc == RC_OK && i < n; i++) {
        rc = db_begin(billing->db, ctx);
        rc = rc == RC_OK ? charge(billing, ctx, &due[i]) : rc;
        rc = rc == RC_OK ? db_commit(billing->db, ctx) : rc;
    }
    return false; /* what failed stands in ctx: the loop rolls back and logs it */
}

bool
bil_check_loop(void *state, struct ctx *ctx)
{
    struct billing *billing = state;
    int64_t *orgs = NULL;
    size_t n = 0;

    enum rc rc = bil_ledger_faults(billing->db, ctx, &orgs, &n);
    if (rc != RC_OK) {
        return false;
    }
    met_set(billing->faults, 0, 0, (int64_t)n);
    for (size_t i = 0; i < n; i++) {
        log_line(LOG_ERROR_LEVEL, ctx, "ledger_fault", "a balance is not the sum of its entries",
                 LOG_I64("org", orgs[i]));
    }
    rc = bil_stripe_event_sweep(billing->db, ctx);
    (void)rc;
    return false;
}
