/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/bil_book.h"

#include "base/macros.h"

static const struct rule {
    const char *type;
    const char *other; /* the account at the other end */
    bool adds;         /* to the bucket; false: takes from it */
    bool up_to;        /* as far as it goes */
    bool uses_allowance;
    bool uses_prepaid;
} RULES[BIL_KIND_COUNT] = {
    [BIL_DEDUCT] = {"usage_deduction", "revenue", false, false, true, true},
    [BIL_DEDUCT_UPTO] = {"usage_deduction", "revenue", false, true, true, true},
    [BIL_TOPUP] = {"prepaid_topup", "payments", true, false, false, true},
    [BIL_REFUND_UPTO] = {"prepaid_refund", "payments", false, true, false, true},
    [BIL_GRANT_PREPAID] = {"credit_grant", "grants", true, false, false, true},
    [BIL_GRANT_ALLOWANCE] = {"credit_grant", "grants", true, false, true, false},
    [BIL_REFILL] = {"subscription_refill", "plan", true, false, true, false},
    [BIL_EXPIRE_UPTO] = {"subscription_expiry", "expired", false, true, true, false},
};

const char *
bil_kind_type(enum bil_kind kind)
{
    return RULES[kind].type;
}

bool
bil_op_is_valid(const struct bil_op *op)
{
    if (op->event_id.n == 0 || op->event_id.n > BIL_EVENT_ID_MAX || op->amount_micro < 1 ||
        op->amount_micro > BIL_AMOUNT_MAX || op->test_run_id < 0) {
        return false;
    }
    for (size_t i = 0; i < op->event_id.n; i++) {
        if (op->event_id.p[i] <= ' ' || op->event_id.p[i] > '~') {
            return false;
        }
    }
    return true;
}

static int64_t
least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void
append(struct bil_book *book, const struct bil_op *op, int leg, const char *bucket, int64_t amount,
       int64_t after)
{
    const struct rule *rule = &RULES[op->kind];

    book->entries[book->count++] = (struct bil_entry){
        .op = op,
        .leg = leg,
        .type = rule->type,
        .debit = rule->adds ? rule->other : bucket,
        .credit = rule->adds ? bucket : rule->other,
        .amount_micro = amount,
        .after_micro = after,
    };
}

/* Decides the amounts. */
static enum bil_result
divide(const struct bil_book *book, const struct bil_op *op, int64_t *allowance, int64_t *prepaid)
{
    const struct rule *rule = &RULES[op->kind];

    if (rule->adds) {
        int64_t held = rule->uses_allowance ? book->allowance_micro : book->prepaid_micro;
        *allowance = rule->uses_allowance ? op->amount_micro : 0;
        *prepaid = rule->uses_allowance ? 0 : op->amount_micro;
        return held > BIL_BALANCE_MAX - op->amount_micro ? BIL_FULL : BIL_POSTED;
    }
    *allowance = rule->uses_allowance ? least(op->amount_micro, book->allowance_micro) : 0;
    *prepaid = rule->uses_prepaid ? least(op->amount_micro - *allowance, book->prepaid_micro) : 0;
    int64_t got = *allowance + *prepaid;
    return got == op->amount_micro || (rule->up_to && got > 0) ? BIL_POSTED : BIL_SHORT;
}

void
bil_book_apply(struct bil_book *book, struct bil_op *op)
{
    int64_t sign = RULES[op->kind].adds ? 1 : -1;
    int64_t allowance = 0;
    int64_t prepaid = 0;
    int leg = 0;

    ASSERT(bil_op_is_valid(op));
    op->allowance_micro = 0;
    op->prepaid_micro = 0;
    op->result = divide(book, op, &allowance, &prepaid);
    if (op->result != BIL_POSTED) {
        return;
    }
    book->allowance_micro += sign * allowance;
    book->prepaid_micro += sign * prepaid;
    ASSERT(book->allowance_micro >= 0 && book->prepaid_micro >= 0);
    op->allowance_micro = allowance;
    op->prepaid_micro = prepaid;
    if (allowance > 0) {
        append(book, op, leg++, "allowance", allowance, book->allowance_micro);
    }
    if (prepaid > 0) {
        append(book, op, leg, "prepaid", prepaid, book->prepaid_micro);
    }
}

bool
bil_is_low(int64_t balance_micro, int64_t plan_credit_micro)
{
    return balance_micro <= 0 || balance_micro < plan_credit_micro / 5;
}
