/* SPDX-License-Identifier: Apache-2.0
 *
 * Clocks and instants. Durations and instants are int64_t microseconds (`_us`). Wall time counts
 * from 1970-01-01 UTC; monotonic time from an arbitrary point, for deadlines within one process.
 * Deadlines that cross processes are wall time. */
#ifndef ASSAY_BASE_CLK_H
#define ASSAY_BASE_CLK_H

#include "base/buf.h"

int64_t clk_wall_us(void);
int64_t clk_mono_us(void);
/* Processor time of the whole process so far. */
int64_t clk_cpu_us(void);

/* How an instant is written. Source: tests/contract, "Time". */
enum clk_format {
    CLK_NAIVE = 0,     /* 2025-01-15T10:30:00 */
    CLK_Z = 1,         /* 2024-01-15T10:30:00Z */
    CLK_MS_Z = 2,      /* 2025-01-31T12:34:56.789Z */
    CLK_US_OFFSET = 3, /* 2025-01-31T12:34:50.000000+00:00 */
    CLK_S_OFFSET = 4   /* 2025-01-31T12:34:50+00:00 */
};

#define CLK_TEXT_MAX 40

/* Writes the instant with a terminating NUL and returns its length (without it). Years 0001-9999;
 * outside that range the nearest bound is written. */
size_t clk_format(int64_t wall_us, enum clk_format format, char out[CLK_TEXT_MAX]);
/* Reads any ISO 8601 instant of the contract: 'T' or a space, optional seconds and fraction (kept
 * to microseconds), 'Z', an offset, or nothing, which means UTC.
 * Errors: INVALID_ARGUMENT: malformed, or not a day of the calendar. */
NODISCARD enum rc clk_parse(struct str s, int64_t *out_us);

#endif
