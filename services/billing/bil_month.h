/* SPDX-License-Identifier: Apache-2.0
 *
 * Calendar months in UTC, in which allowances are given and minutes counted. Pure. */
#ifndef ASSAY_BILLING_BIL_MONTH_H
#define ASSAY_BILLING_BIL_MONTH_H

#include "base/str.h"

#define BIL_MONTH_TEXT_MAX 8 /* "2026-11" and NUL */

struct bil_month {
    int64_t begin_us;
    int64_t end_us; /* first instant of the next */
    char text[BIL_MONTH_TEXT_MAX];
};

/* The month of an instant between the years 1970 and 9999. */
struct bil_month bil_month_of(int64_t at_us);

/* A session that ended at `end_us` after `used_us`: how much of it lies in the month of its end and
 * how much before. A session of more than a month counts what is older to the month before. */
struct bil_split {
    struct bil_month last;
    int64_t last_us;
    struct bil_month before;
    int64_t before_us;
};
struct bil_split bil_split_by_month(int64_t end_us, int64_t used_us);

#endif
