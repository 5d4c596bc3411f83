/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/bil_month.h"

#include <stdio.h>
#include <time.h>

#include "base/clk.h"
#include "base/macros.h"

static int64_t
first_of(int year, int month)
{
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month, .tm_mday = 1};

    return (int64_t)timegm(&tm) * ASSAY_US_PER_S;
}

struct bil_month
bil_month_of(int64_t at_us)
{
    time_t s = (time_t)(at_us / ASSAY_US_PER_S);
    struct bil_month out = {.begin_us = 0};
    struct tm tm;

    ASSERT(at_us >= 0 && gmtime_r(&s, &tm) != NULL && tm.tm_year + 1900 <= 9999);
    out.begin_us = first_of(tm.tm_year + 1900, tm.tm_mon);
    out.end_us = first_of(tm.tm_year + 1900, tm.tm_mon + 1);
    (void)snprintf(out.text, sizeof(out.text), "%04u-%02u", (unsigned)(tm.tm_year + 1900) % 10000,
                   (unsigned)(tm.tm_mon + 1) % 100);
    return out;
}

struct bil_split
bil_split_by_month(int64_t end_us, int64_t used_us)
{
    struct bil_split s = {.last = bil_month_of(end_us)};
    int64_t within = end_us - s.last.begin_us;

    s.before = bil_month_of(s.last.begin_us > 0 ? s.last.begin_us - 1 : 0);
    s.last_us = used_us < within ? used_us : within;
    s.before_us = used_us - s.last_us;
    return s;
}
