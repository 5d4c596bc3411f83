/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/bil_post.h"

#include <string.h>

#include "billing/bil_store.h"
#include "json/json.h"
#include "svc/svc.h"

/* Events by id: those of the ledger and those of this batch. */
struct seen {
    struct bil_known *slots; /* open addressing; an empty event_id is free */
    size_t mask;
};

static bool
seen_init(struct seen *seen, struct ctx *ctx, size_t n)
{
    size_t size = 16;

    while (size < n * 2) {
        size *= 2;
    }
    seen->mask = size - 1;
    seen->slots = arena_zalloc(ctx->arena, size, sizeof(*seen->slots));
    return seen->slots != NULL;
}

/* The event's slot, or the free one for it. */
static struct bil_known *
seen_slot(const struct seen *seen, struct str event_id)
{
    size_t at = (size_t)str_hash64(event_id) & seen->mask;

    while (seen->slots[at].event_id.n > 0 && !str_eq(seen->slots[at].event_id, event_id)) {
        at = (at + 1) & seen->mask;
    }
    return &seen->slots[at];
}

static void
answer_known(struct bil_op *op, const struct bil_known *known)
{
    bool same =
        str_eqz(known->type, bil_kind_type(op->kind)) && known->asked_micro == op->amount_micro;

    op->result = same ? BIL_REPLAYED : BIL_REUSED;
    op->allowance_micro = same ? known->allowance_micro : 0;
    op->prepaid_micro = same ? known->prepaid_micro : 0;
}

static void
apply_all(struct bil_book *book, const struct seen *seen, struct bil_op *ops, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct bil_known *known = seen_slot(seen, ops[i].event_id);
        if (known->event_id.n > 0) {
            answer_known(&ops[i], known);
            continue;
        }
        bil_book_apply(book, &ops[i]);
        if (ops[i].result == BIL_POSTED) {
            *known = (struct bil_known){
                .event_id = ops[i].event_id,
                .type = str_z(bil_kind_type(ops[i].kind)),
                .asked_micro = ops[i].amount_micro,
                .allowance_micro = ops[i].allowance_micro,
                .prepaid_micro = ops[i].prepaid_micro,
            };
        }
    }
}

static enum rc
find_known(struct db *db, struct ctx *ctx, int64_t org_id, const struct bil_op *ops, size_t n,
           struct seen *out)
{
    struct str *ids = ARENA_ARRAY(ctx->arena, n + 1, struct str);
    struct bil_known *known = NULL;
    size_t count = 0;

    if (ids == NULL || !seen_init(out, ctx, n)) {
        return fail_memory(ctx, "too many operations at once");
    }
    for (size_t i = 0; i < n; i++) {
        ids[i] = ops[i].event_id;
    }
    enum rc rc = n > 0 ? bil_ledger_known(db, ctx, org_id, ids, n, &known, &count) : RC_OK;
    for (size_t i = 0; rc == RC_OK && i < count; i++) {
        *seen_slot(out, known[i].event_id) = known[i];
    }
    return rc;
}

/* What is left of last month's allowance ends, this month's begins. `ops`: room for two. */
static void
turn_month(struct ctx *ctx, struct bil_book *book, const struct bil_month *month,
           int64_t credit_micro, struct bil_op ops[2])
{
    if (book->allowance_micro > 0) {
        ops[0] = (struct bil_op){.kind = BIL_EXPIRE_UPTO,
                                 .event_id = arena_printf(ctx->arena, "expire/%s", month->text),
                                 .amount_micro = book->allowance_micro};
        bil_book_apply(book, &ops[0]);
    }
    if (credit_micro > 0) {
        ops[1] = (struct bil_op){.kind = BIL_REFILL,
                                 .event_id = arena_printf(ctx->arena, "refill/%s", month->text),
                                 .amount_micro = credit_micro};
        bil_book_apply(book, &ops[1]);
    }
}

static enum rc
tell_low(struct db *db, struct ctx *ctx, int64_t org_id, const struct bil_book *book)
{
    struct svc_event event = {
        .type = "billing.low_balance",
        .tell = TELL_WEBHOOKS,
        .org_id = org_id,
        .resource_type = STR("credit"),
        .data = arena_printf(ctx->arena, "{\"allowance_micro\":%lld,\"prepaid_micro\":%lld}",
                             (long long)book->allowance_micro, (long long)book->prepaid_micro),
    };

    return svc_emit(db, ctx, &event);
}

static bool
is_low(const struct bil_locked *account, int64_t allowance_micro, int64_t prepaid_micro)
{
    return account->is_enforced &&
           bil_is_low(allowance_micro + prepaid_micro, account->plan_credit_micro);
}

enum rc
bil_post(struct db *db, struct ctx *ctx, const char *plan, int64_t org_id, struct bil_op *ops,
         size_t n)
{
    struct bil_month month = bil_month_of(clk_wall_us());
    struct bil_locked account;
    struct bil_op turning[2];
    struct seen seen;

    enum rc rc = bil_account_lock(db, ctx, org_id, plan, &month, &account);
    rc = rc == RC_OK ? find_known(db, ctx, org_id, ops, n, &seen) : rc;
    if (rc != RC_OK) {
        return rc;
    }
    struct bil_book book = {
        .allowance_micro = account.allowance_micro,
        .prepaid_micro = account.prepaid_micro,
        .entries = ARENA_ARRAY(ctx->arena, (n + 2) * BIL_LEGS_MAX, struct bil_entry),
    };
    if (book.entries == NULL) {
        return fail_memory(ctx, "too many operations at once");
    }
    if (account.is_due) {
        turn_month(ctx, &book, &month, account.plan_credit_micro, turning);
        rc = bil_account_set_period(db, ctx, org_id, &month);
    }
    apply_all(&book, &seen, ops, n);
    if (rc == RC_OK && book.count > 0) {
        rc = bil_ledger_add(db, ctx, org_id, book.entries, book.count);
    }
    bool fell = is_low(&account, book.allowance_micro, book.prepaid_micro) &&
                !is_low(&account, account.allowance_micro, account.prepaid_micro);
    return rc == RC_OK && fell ? tell_low(db, ctx, org_id, &book) : rc;
}
