/* SPDX-License-Identifier: Apache-2.0
 *
 * From a plan, the credit and the month's usage to what an organization may do now. Pure. */
#ifndef ASSAY_BILLING_BIL_LIMITS_H
#define ASSAY_BILLING_BIL_LIMITS_H

#include "base/str.h"

#define BIL_NO_LIMIT (-1)
#define BIL_US_PER_MINUTE (INT64_C(60) * 1000000)

struct bil_plan {
    char *plan_id;
    char *name;
    int64_t price_cents;
    int64_t concurrent_sessions; /* or BIL_NO_LIMIT */
    int64_t streaming_minutes;   /* a month, or BIL_NO_LIMIT */
    int64_t credit_micro;        /* a month */
    int64_t max_session_seconds; /* or BIL_NO_LIMIT */
    int64_t overage_micro;       /* per whole minute */
    bool is_enforced; /* false: the credit is a budget that is shown, nothing is refused at zero */
};

/* An account and its month so far. */
struct bil_account {
    struct bil_plan plan;
    int64_t allowance_micro;
    int64_t prepaid_micro;
    int64_t entries;
    bool overage;     /* goes on streaming on credit */
    bool is_due;      /* a month began since the allowance was given */
    int64_t ended_us; /* streamed by sessions that have ended */
    int64_t live_us;  /* and by those under way, until now */
    int64_t ended_sessions;
    int64_t live_sessions;
    int64_t overage_minutes; /* beyond the plan, paid with credit */
    int64_t overage_cost_micro;
};

/* Live time left for all live sessions together: what the plan includes, and what the credit pays
 * when the organization wants that. BIL_NO_LIMIT: without end. */
int64_t bil_streaming_left_us(const struct bil_account *a);
/* May model runs on our keys start? */
bool bil_credit_left(const struct bil_account *a);
bool bil_account_is_low(const struct bil_account *a);

#endif
