/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules of credit. Pure: what an operation does to the two buckets of an account, as entries of
 * the ledger; the database stores them.
 *
 * The allowance is spent before the prepaid credit, and ends with its month. An operation is done
 * whole or refused whole, but for those that say "up to". No bucket ever goes below zero. */
#ifndef ASSAY_BILLING_BIL_BOOK_H
#define ASSAY_BILLING_BIL_BOOK_H

#include "base/str.h"

#define BIL_AMOUNT_MAX                                                                             \
    INT64_C(1000000000000000) /* of one operation: a thousand million dollars                      \
                               */
#define BIL_BALANCE_MAX INT64_C(1000000000000000000) /* of one bucket */
#define BIL_EVENT_ID_MAX 200
#define BIL_LEGS_MAX 2 /* entries of one operation */

enum bil_kind {
    BIL_DEDUCT,          /* usage: whole or not at all */
    BIL_DEDUCT_UPTO,     /* usage that has happened already: as far as the credit goes */
    BIL_TOPUP,           /* bought: prepaid */
    BIL_REFUND_UPTO,     /* money given back: out of prepaid, as far as it goes */
    BIL_GRANT_PREPAID,   /* by the operator */
    BIL_GRANT_ALLOWANCE, /* by the operator, until the month ends */
    BIL_REFILL,          /* the plan's monthly allowance */
    BIL_EXPIRE_UPTO,     /* what is left of last month's allowance */
    BIL_KIND_COUNT
};

enum bil_result {
    BIL_POSTED,   /* done now */
    BIL_REPLAYED, /* done before under this id; the amounts are those of then */
    BIL_SHORT,    /* refused: not enough credit */
    BIL_REUSED,   /* refused: the id belongs to another operation */
    BIL_FULL      /* refused: the bucket would hold more than BIL_BALANCE_MAX */
};

struct bil_op {
    enum bil_kind kind;
    struct str event_id; /* unique per organization, for ever */
    int64_t amount_micro;
    struct str model;    /* of a model call; empty: none */
    int64_t test_run_id; /* 0: none */
    bool is_streaming;
    /* What came of it: how much moved in or out of each bucket. */
    enum bil_result result;
    int64_t allowance_micro;
    int64_t prepaid_micro;
};

struct bil_entry {
    const struct bil_op *op;
    int leg;
    const char *type; /* entry_type of the API */
    const char *debit;
    const char *credit;
    int64_t amount_micro;
    int64_t after_micro; /* the bucket's */
};

struct bil_book {
    int64_t allowance_micro;
    int64_t prepaid_micro;
    struct bil_entry *entries; /* caller's, with room for BIL_LEGS_MAX of every operation */
    size_t count;
};

/* True when the operation may be asked for: an id of 1 to BIL_EVENT_ID_MAX printable ASCII
 * characters, an amount of 1 to BIL_AMOUNT_MAX. */
bool bil_op_is_valid(const struct bil_op *op);
/* Does `op`: writes its outcome into it, appends its entries, moves the balances. */
void bil_book_apply(struct bil_book *book, struct bil_op *op);
/* entry_type that every entry of this kind has. */
const char *bil_kind_type(enum bil_kind kind);
/* Is the credit so low that people should know? Below a fifth of the monthly allowance, or gone. */
bool bil_is_low(int64_t balance_micro, int64_t plan_credit_micro);

#endif
