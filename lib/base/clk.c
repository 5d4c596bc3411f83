/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clk.h"

#include <string.h>
#include <time.h>

static int64_t
clock_us(clockid_t clock)
{
    struct timespec ts;

    ASSERT(clock_gettime(clock, &ts) == 0);
    return (int64_t)ts.tv_sec * ASSAY_US_PER_S + ts.tv_nsec / 1000;
}

int64_t
clk_wall_us(void)
{
    return clock_us(CLOCK_REALTIME);
}

int64_t
clk_mono_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

int64_t
clk_cpu_us(void)
{
    return clock_us(CLOCK_PROCESS_CPUTIME_ID);
}

/* Days from 1970-01-01 of a date of the Gregorian calendar.
 * Source: H. Hinnant, "chrono-compatible low-level date algorithms", days_from_civil. */
static int64_t
days_from_civil(int64_t y, int64_t m, int64_t d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

/* The date of a day counted from 1970-01-01. Source: as above, civil_from_days. */
static void
civil_from_days(int64_t days, int64_t *out_y, int64_t *out_m, int64_t *out_d)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;

    *out_d = doy - (153 * mp + 2) / 5 + 1;
    *out_m = mp < 10 ? mp + 3 : mp - 9;
    *out_y = yoe + era * 400 + (*out_m <= 2 ? 1 : 0);
}

/* Writes `digits` digits and the separator; returns what follows. */
static char *
put_number(char *to, uint32_t v, int digits, char separator)
{
    for (int i = digits - 1; i >= 0; i--) {
        to[i] = (char)('0' + v % 10);
        v /= 10;
    }
    to[digits] = separator;
    return to + digits + 1;
}

static char *
put_second(char *to, int64_t second)
{
    uint32_t in_day = (uint32_t)(((second % 86400) + 86400) % 86400);
    int64_t y = 0;
    int64_t m = 0;
    int64_t d = 0;

    civil_from_days((second - in_day) / 86400, &y, &m, &d);
    to = put_number(to, (uint32_t)y, 4, '-');
    to = put_number(to, (uint32_t)m, 2, '-');
    to = put_number(to, (uint32_t)d, 2, 'T');
    to = put_number(to, in_day / 3600, 2, ':');
    to = put_number(to, in_day / 60 % 60, 2, ':');
    return put_number(to, in_day % 60, 2, '\0') - 1;
}

/* By hand: every answer has a dozen of them, and printf takes ten times as long. */
size_t
clk_format(int64_t wall_us, enum clk_format format, char out[CLK_TEXT_MAX])
{
    static const int64_t FIRST = -62135596800 * ASSAY_US_PER_S;
    static const int64_t LAST = 253402300799 * ASSAY_US_PER_S + 999999;
    static const char *const TAILS[] = {"", "Z", "Z", "+00:00", "+00:00"};

    wall_us = wall_us < FIRST ? FIRST : wall_us > LAST ? LAST : wall_us;
    int64_t us = wall_us % ASSAY_US_PER_S;
    us += us < 0 ? ASSAY_US_PER_S : 0;
    char *to = put_second(out, (wall_us - us) / ASSAY_US_PER_S);
    ASSERT(format <= CLK_S_OFFSET);
    if (format == CLK_MS_Z || format == CLK_US_OFFSET) {
        bool ms = format == CLK_MS_Z;
        *to = '.';
        to = put_number(to + 1, (uint32_t)(ms ? us / 1000 : us), ms ? 3 : 6, '\0') - 1;
    }
    size_t n = strlen(TAILS[format]);
    memcpy(to, TAILS[format], n + 1);
    return (size_t)(to - out) + n;
}

/* Reads exactly `digits` digits within [min, max] from the front of *s. */
static bool
take_number(struct str *s, size_t digits, int64_t min, int64_t max, int64_t *out)
{
    int64_t v = 0;

    for (size_t i = 0; i < digits; i++) {
        if (i == s->n || !ch_is_digit(s->p[i])) {
            return false;
        }
        v = v * 10 + (s->p[i] - '0');
    }
    if (v < min || v > max) {
        return false;
    }
    *out = v;
    *s = str_sub(*s, digits, s->n);
    return true;
}

static bool
take_byte(struct str *s, char c)
{
    if (s->n == 0 || s->p[0] != c) {
        return false;
    }
    *s = str_sub(*s, 1, s->n);
    return true;
}

/* ".123456789": keeps microseconds, needs at least one digit. */
static bool
take_fraction(struct str *s, int64_t *out_us)
{
    int64_t us = 0;
    int64_t unit = 100000;
    size_t digits = 0;

    while (s->n > 0 && ch_is_digit(s->p[0])) {
        us += (s->p[0] - '0') * unit;
        unit /= 10;
        digits++;
        *s = str_sub(*s, 1, s->n);
    }
    *out_us = us;
    return digits > 0;
}

static bool
take_offset(struct str *s, int64_t *out_us)
{
    int64_t h = 0;
    int64_t m = 0;

    *out_us = 0;
    if (s->n == 0 || take_byte(s, 'Z')) {
        return s->n == 0;
    }
    int64_t sign = s->p[0] == '-' ? -1 : 1;
    if (!take_byte(s, '+') && !take_byte(s, '-')) {
        return false;
    }
    if (!take_number(s, 2, 0, 23, &h)) {
        return false;
    }
    (void)take_byte(s, ':');
    if (!take_number(s, 2, 0, 59, &m)) {
        return false;
    }
    *out_us = sign * (h * 3600 + m * 60) * ASSAY_US_PER_S;
    return s->n == 0;
}

static int64_t
days_in_month(int64_t y, int64_t m)
{
    static const int8_t DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);

    return DAYS[m - 1] + (m == 2 && is_leap);
}

enum rc
clk_parse(struct str s, int64_t *out_us)
{
    int64_t y = 0;
    int64_t mo = 0;
    int64_t d = 0;
    int64_t h = 0;
    int64_t mi = 0;
    int64_t sec = 0;
    int64_t us = 0;
    int64_t offset_us = 0;

    if (!take_number(&s, 4, 1, 9999, &y) || !take_byte(&s, '-') ||
        !take_number(&s, 2, 1, 12, &mo) || !take_byte(&s, '-') || !take_number(&s, 2, 1, 31, &d) ||
        d > days_in_month(y, mo)) {
        return RC_INVALID_ARGUMENT;
    }
    if (!take_byte(&s, 'T') && !take_byte(&s, ' ')) {
        return RC_INVALID_ARGUMENT;
    }
    if (!take_number(&s, 2, 0, 23, &h) || !take_byte(&s, ':') || !take_number(&s, 2, 0, 59, &mi)) {
        return RC_INVALID_ARGUMENT;
    }
    if (take_byte(&s, ':')) {
        if (!take_number(&s, 2, 0, 59, &sec) || (take_byte(&s, '.') && !take_fraction(&s, &us))) {
            return RC_INVALID_ARGUMENT;
        }
    }
    if (!take_offset(&s, &offset_us)) {
        return RC_INVALID_ARGUMENT;
    }
    int64_t seconds = days_from_civil(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec;
    *out_us = seconds * ASSAY_US_PER_S + us - offset_us;
    return RC_OK;
}
