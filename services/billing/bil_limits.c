/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/bil_limits.h"

#include "billing/bil_book.h"

#define MINUTES_MAX INT64_C(1000000000) /* of credit: two thousand years */

int64_t
bil_streaming_left_us(const struct bil_account *a)
{
    if (a->plan.streaming_minutes == BIL_NO_LIMIT) {
        return BIL_NO_LIMIT;
    }
    int64_t left = a->plan.streaming_minutes * BIL_US_PER_MINUTE - a->ended_us - a->live_us;
    if (a->overage) {
        if (a->plan.overage_micro == 0) {
            return BIL_NO_LIMIT;
        }
        int64_t paid = (a->allowance_micro + a->prepaid_micro) / a->plan.overage_micro;
        paid = paid < MINUTES_MAX ? paid : MINUTES_MAX;
        left += (a->overage_minutes + paid) * BIL_US_PER_MINUTE;
    }
    return left > 0 ? left : 0;
}

bool
bil_credit_left(const struct bil_account *a)
{
    return !a->plan.is_enforced || a->allowance_micro + a->prepaid_micro > 0;
}

bool
bil_account_is_low(const struct bil_account *a)
{
    return a->plan.is_enforced &&
           bil_is_low(a->allowance_micro + a->prepaid_micro, a->plan.credit_micro);
}
