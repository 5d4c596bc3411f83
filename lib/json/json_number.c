/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers, both ways. strtod and printf are only asked where plain arithmetic is not exact; no
 * process of ours calls setlocale, so their decimal point is '.'. */
#include "json/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A number as an integer and a power of ten. */
struct decimal {
    bool negative;
    bool huge; /* more digits than `digits` holds */
    uint64_t digits;
    int64_t exponent;
};

static int64_t
read_exponent(struct str s)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    int64_t v = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (ch_is_digit(s.p[i]) && v < 1000000) {
            v = v * 10 + (s.p[i] - '0');
        }
    }
    return negative ? -v : v;
}

/* Takes a number token apart. Zeros that end the digits go into the exponent, so that a number is
 * whole exactly when its exponent is not negative. */
static struct decimal
decimal_of(struct str s)
{
    struct decimal d = {.negative = s.n > 0 && s.p[0] == '-'};
    int64_t zeros = 0;
    bool fraction = false;

    for (size_t i = d.negative ? 1 : 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == 'e' || c == 'E') {
            d.exponent += read_exponent(str_sub(s, i + 1, s.n));
            break;
        }
        if (c == '.') {
            fraction = true;
            continue;
        }
        d.exponent -= fraction ? 1 : 0;
        if (c == '0') {
            zeros++;
            continue;
        }
        for (; zeros > 0 && d.digits > 0 && !d.huge; zeros--) {
            d.huge = __builtin_mul_overflow(d.digits, 10, &d.digits);
        }
        zeros = 0;
        d.huge = d.huge || __builtin_mul_overflow(d.digits, 10, &d.digits) ||
                 __builtin_add_overflow(d.digits, (uint64_t)(c - '0'), &d.digits);
    }
    d.exponent += zeros;
    return d;
}

static bool
is_plain_integer(struct str s)
{
    for (size_t i = s.n > 0 && s.p[0] == '-' ? 1 : 0; i < s.n; i++) {
        if (!ch_is_digit(s.p[i])) {
            return false;
        }
    }
    return s.n > 0;
}

enum rc
json_number_i64(struct str digits, int64_t *out)
{
    if (is_plain_integer(digits)) {
        return str_to_i64(digits, INT64_MIN, INT64_MAX, out);
    }
    struct decimal d = decimal_of(digits);
    if (d.digits == 0 && !d.huge) {
        *out = 0;
        return RC_OK;
    }
    if (d.exponent < 0) {
        return RC_INVALID_ARGUMENT;
    }
    if (d.huge || d.exponent > 19) {
        return RC_OUT_OF_RANGE;
    }
    for (; d.exponent > 0; d.exponent--) {
        if (__builtin_mul_overflow(d.digits, 10, &d.digits)) {
            return RC_OUT_OF_RANGE;
        }
    }
    if (d.digits > (uint64_t)INT64_MAX + (d.negative ? 1 : 0)) {
        return RC_OUT_OF_RANGE;
    }
    *out = (int64_t)(d.negative ? 0 - d.digits : d.digits);
    return RC_OK;
}

static const double POWERS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
#define EXACT_MAX (UINT64_C(1) << 53)

/* Both factors are exact doubles, so one rounding gives the nearest double.
 * Source: W. Clinger, "How to read floating point numbers accurately". */
static bool
f64_exact(struct str digits, double *out)
{
    struct decimal d = decimal_of(digits);

    if (d.huge || d.digits > EXACT_MAX || d.exponent < -22 || d.exponent > 22) {
        return false;
    }
    double v = (double)d.digits;
    v = d.exponent < 0 ? v / POWERS[-d.exponent] : v * POWERS[d.exponent];
    *out = d.negative ? -v : v;
    return true;
}

enum rc
json_number_f64(struct str digits, double *out)
{
    char text[JSON_NUMBER_MAX + 1];

    if (digits.n == 0 || digits.n > JSON_NUMBER_MAX) {
        return RC_OUT_OF_RANGE;
    }
    if (f64_exact(digits, out)) {
        return RC_OK;
    }
    memcpy(text, digits.p, digits.n);
    text[digits.n] = '\0';
    double v = strtod(text, NULL);
    if (!isfinite(v)) {
        return RC_OUT_OF_RANGE;
    }
    *out = v;
    return RC_OK;
}

void
json_put_i64(struct buf *b, int64_t v)
{
    char text[20];
    size_t at = sizeof(text);
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    do {
        text[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (v < 0) {
        text[--at] = '-';
    }
    buf_put(b, str_n(text + at, sizeof(text) - at));
}

/* Numbers with up to six decimals, which is most of them: the quotient of two exact doubles is what
 * the text reads back as. */
static bool
put_short_f64(struct buf *b, double v)
{
    double magnitude = fabs(v);

    if (magnitude >= 1e9 || (v == 0 && signbit(v))) {
        return false;
    }
    for (int decimals = 0; decimals <= 6; decimals++) {
        double scaled = nearbyint(magnitude * POWERS[decimals]);
        if (scaled / POWERS[decimals] != magnitude) {
            continue;
        }
        int64_t unit = (int64_t)POWERS[decimals];
        if (v < 0) {
            buf_putc(b, '-');
        }
        json_put_i64(b, (int64_t)scaled / unit);
        if (decimals > 0) {
            char text[8];
            (void)snprintf(text, sizeof(text), ".%0*d", decimals, (int)((int64_t)scaled % unit));
            buf_putz(b, text);
        }
        return true;
    }
    return false;
}

void
json_put_f64(struct buf *b, double v)
{
    char text[32];

    if (!isfinite(v)) {
        buf_put(b, STR("null"));
        return;
    }
    if (put_short_f64(b, v)) {
        return;
    }
    for (int precision = 15; precision <= 17; precision++) {
        (void)snprintf(text, sizeof(text), "%.*g", precision, v);
        if (strtod(text, NULL) == v) {
            break;
        }
    }
    buf_putz(b, text);
}
