/* SPDX-License-Identifier: Apache-2.0
 *
 * The SQL of billing. Errors everywhere: those of the database. */
#ifndef ASSAY_BILLING_BIL_STORE_H
#define ASSAY_BILLING_BIL_STORE_H

#include "billing/bil_book.h"
#include "billing/bil_limits.h"
#include "billing/bil_month.h"
#include "billing/bil_usage.h"
#include "db/db.h"

/* --- usage --------------------------------------------------------------------------------- */

/* Stores the usage of `event`; *out_added is false when its run or session, or the event itself,
 * is counted already. */
NODISCARD enum rc bil_usage_add(struct db *db, struct ctx *ctx, const Assay__Event *event,
                                const struct bil_usage *usage, bool *out_added);

/* A session of a person is under way / is over. */
NODISCARD enum rc bil_live_add(struct db *db, struct ctx *ctx, int64_t org_id,
                               struct str session_id, int64_t since_us);
NODISCARD enum rc bil_live_end(struct db *db, struct ctx *ctx, int64_t org_id,
                               struct str session_id);
/* Adds to what a month has seen. */
NODISCARD enum rc bil_stream_add(struct db *db, struct ctx *ctx, int64_t org_id, int64_t month_us,
                                 int64_t used_us, int64_t sessions);
NODISCARD enum rc bil_ai_known(struct db *db, struct ctx *ctx, int64_t org_id, struct str call_id,
                               bool *out);
/* Stores a model call and adds it to its month. `deducted_micro`: what was taken for it; of a call
 * with a key of the organization's own, the estimate. */
NODISCARD enum rc bil_ai_add(struct db *db, struct ctx *ctx, int64_t org_id, int64_t at_us,
                             const struct bil_ai_call *call, int64_t deducted_micro);

/* One model, by whose key. */
struct bil_ai_sum {
    char *model;
    bool is_byok;
    int64_t calls, input_tokens, output_tokens, cost_micro;
};
/* Model calls of the caller's organization since the month that begins at `from_us`. */
NODISCARD enum rc bil_ai_sums(struct db *db, struct ctx *ctx, int64_t from_us,
                              struct bil_ai_sum **out, size_t *out_n);

/* --- accounts ------------------------------------------------------------------------------ */

struct bil_locked {
    int64_t allowance_micro, prepaid_micro;
    bool is_due; /* a month began since the allowance was given */
    int64_t plan_credit_micro;
    bool is_enforced;
};
/* Locks the account for the open transaction, making it on `plan` when there is none.
 * Errors: FAILED_PRECONDITION "NO_PLAN": there is no such plan. */
NODISCARD enum rc bil_account_lock(struct db *db, struct ctx *ctx, int64_t org_id, const char *plan,
                                   const struct bil_month *month, struct bil_locked *out);
NODISCARD enum rc bil_account_set_period(struct db *db, struct ctx *ctx, int64_t org_id,
                                         const struct bil_month *month);
/* *out_found is false when the organization has no account yet. */
NODISCARD enum rc bil_account_get(struct db *db, struct ctx *ctx, int64_t org_id, int64_t now_us,
                                  struct bil_account *out, bool *out_found);
/* What was said last (`at_us`) counts. */
NODISCARD enum rc bil_overage_set(struct db *db, struct ctx *ctx, int64_t org_id, bool overage,
                                  int64_t at_us);
/* Moves the account to a plan. *out_old: the plan before, NULL: no such account or plan; *out_more:
 * by how much the monthly allowance grows. */
NODISCARD enum rc bil_account_set_plan(struct db *db, struct ctx *ctx, int64_t org_id,
                                       const char *plan, char **out_old, int64_t *out_more);
NODISCARD enum rc bil_plan_list(struct db *db, struct ctx *ctx, struct bil_plan **out,
                                size_t *out_n);
NODISCARD enum rc bil_plan_put(struct db *db, struct ctx *ctx, const struct bil_plan *plan);

/* Minutes beyond the plan that are not paid. */
struct bil_due {
    int64_t org_id;
    int64_t month_us; /* when their month began */
    int64_t minute_micro;
    int64_t paid; /* minutes */
    int64_t used;
};
NODISCARD enum rc bil_overage_due(struct db *db, struct ctx *ctx, int64_t now_us,
                                  struct bil_due **out, size_t *out_n);
/* `minutes` of the month are paid now, the last of them with `cost_micro`. */
NODISCARD enum rc bil_overage_paid(struct db *db, struct ctx *ctx, const struct bil_due *due,
                                   int64_t minutes, int64_t cost_micro);

/* --- ledger -------------------------------------------------------------------------------- */

struct bil_known {
    struct str event_id;
    struct str type;
    int64_t asked_micro, allowance_micro, prepaid_micro;
};
/* Those of the events that are in the ledger already. */
NODISCARD enum rc bil_ledger_known(struct db *db, struct ctx *ctx, int64_t org_id,
                                   const struct str *event_ids, size_t n, struct bil_known **out,
                                   size_t *out_n);
/* Appends entries in one statement; its trigger moves the balances. */
NODISCARD enum rc bil_ledger_add(struct db *db, struct ctx *ctx, int64_t org_id,
                                 const struct bil_entry *entries, size_t n);

struct bil_row {
    int64_t id, created_us;
    char *type, *bucket, *model;
    int64_t amount_micro; /* signed */
    int64_t test_run_id;  /* 0: none */
    bool is_streaming;
};
/* A page of the caller's organization, newest first. */
NODISCARD enum rc bil_ledger_list(struct db *db, struct ctx *ctx, int64_t limit, int64_t offset,
                                  struct bil_row **out, size_t *out_n);
/* Organizations whose ledger does not add up: none, ever. At most 100. */
NODISCARD enum rc bil_ledger_faults(struct db *db, struct ctx *ctx, int64_t **out, size_t *out_n);

/* --- purchases ----------------------------------------------------------------------------- */

struct bil_topup {
    char *id;
    struct str payment_intent; /* Stripe's number of the payment; empty: not known yet */
    int64_t org_id, amount_micro;
    struct str state; /* open, paid, failed */
    int64_t refunded_micro, disputed_micro, taken_micro;
    int64_t user_id;
    struct str user_email;
};
/* For the caller. */
NODISCARD enum rc bil_topup_add(struct db *db, struct ctx *ctx, int64_t amount_micro,
                                char **out_id);
NODISCARD enum rc bil_topup_opened(struct db *db, struct ctx *ctx, const char *id,
                                   struct str checkout_id);
/* By our number or by Stripe's of the payment; either may be empty. */
NODISCARD enum rc bil_topup_lock(struct db *db, struct ctx *ctx, struct str id,
                                 struct str payment_intent, struct bil_topup *out, bool *out_found);
NODISCARD enum rc bil_topup_set(struct db *db, struct ctx *ctx, const struct bil_topup *topup);
/* For the open transaction: events about one payment take turns. */
NODISCARD enum rc bil_payment_lock(struct db *db, struct ctx *ctx, struct str payment_intent);
/* What went back of a payment that no purchase is known to have; adds nothing to a larger amount.
 */
struct bil_loss {
    int64_t refunded_micro, disputed_micro;
};
NODISCARD enum rc bil_loss_add(struct db *db, struct ctx *ctx, struct str payment_intent,
                               const struct bil_loss *loss);
/* Zeros when there is none. */
NODISCARD enum rc bil_loss_get(struct db *db, struct ctx *ctx, struct str payment_intent,
                               struct bil_loss *out);
/* *out_new is false when the event came before. */
NODISCARD enum rc bil_stripe_event_add(struct db *db, struct ctx *ctx, struct str id,
                                       struct str type, bool *out_new);
NODISCARD enum rc bil_stripe_event_sweep(struct db *db, struct ctx *ctx);

#endif
