/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <string.h>

struct str
str_z(const char *z)
{
    return (struct str){z, z == NULL ? 0 : strlen(z)};
}

struct str
str_n(const char *p, size_t n)
{
    return (struct str){p, n};
}

bool
str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
str_eqz(struct str a, const char *z)
{
    return str_eq(a, str_z(z));
}

bool
str_ieq(struct str a, struct str b)
{
    if (a.n != b.n) {
        return false;
    }
    for (size_t i = 0; i < a.n; i++) {
        if (ch_lower(a.p[i]) != ch_lower(b.p[i])) {
            return false;
        }
    }
    return true;
}

int
str_cmp(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int diff = n == 0 ? 0 : memcmp(a.p, b.p, n);

    if (diff != 0) {
        return diff;
    }
    return (a.n > b.n) - (a.n < b.n);
}

bool
str_eq_secret(struct str a, struct str b)
{
    unsigned char diff = a.n == b.n ? 0 : 1;

    for (size_t i = 0; i < a.n && b.n > 0; i++) {
        diff |= (unsigned char)(a.p[i] ^ b.p[i % b.n]);
    }
    return diff == 0;
}

bool
str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && str_eq(str_n(s.p, prefix.n), prefix);
}

bool
str_istarts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && str_ieq(str_n(s.p, prefix.n), prefix);
}

bool
str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n && str_eq(str_sub(s, s.n - suffix.n, s.n), suffix);
}

ptrdiff_t
str_find(struct str s, struct str needle)
{
    if (needle.n == 0) {
        return 0;
    }
    if (s.n < needle.n) {
        return -1;
    }
    const char *hit = memmem(s.p, s.n, needle.p, needle.n);
    return hit == NULL ? -1 : hit - s.p;
}

ptrdiff_t
str_ifind(struct str s, struct str needle)
{
    for (size_t i = 0; i + needle.n <= s.n; i++) {
        if (str_ieq(str_sub(s, i, i + needle.n), needle)) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

ptrdiff_t
str_find_byte(struct str s, char c)
{
    const char *hit = s.n == 0 ? NULL : memchr(s.p, c, s.n);
    return hit == NULL ? -1 : hit - s.p;
}

ptrdiff_t
str_rfind_byte(struct str s, char c)
{
    const char *hit = s.n == 0 ? NULL : memrchr(s.p, c, s.n);
    return hit == NULL ? -1 : hit - s.p;
}

struct str
str_sub(struct str s, size_t from, size_t to)
{
    if (to > s.n) {
        to = s.n;
    }
    if (from >= to) {
        return (struct str){s.p == NULL ? NULL : s.p + (from < s.n ? from : s.n), 0};
    }
    return (struct str){s.p + from, to - from};
}

struct str
str_cut(struct str s, size_t max)
{
    size_t n = s.n < max ? s.n : max;

    while (n < s.n && n > 0 && ((unsigned char)s.p[n] & 0xC0) == 0x80) {
        n--;
    }
    return str_sub(s, 0, n);
}

struct str
str_trim(struct str s)
{
    while (s.n > 0 && ch_is_space(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && ch_is_space(s.p[s.n - 1])) {
        s.n--;
    }
    return s;
}

struct str
str_split(struct str *rest, char sep)
{
    ptrdiff_t at = str_find_byte(*rest, sep);
    struct str head = *rest;

    if (at < 0) {
        *rest = STR_EMPTY;
        return head;
    }
    head.n = (size_t)at;
    rest->p += at + 1;
    rest->n -= (size_t)at + 1;
    return head;
}

enum rc
str_to_u64(struct str s, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;

    if (s.n == 0) {
        return RC_INVALID_ARGUMENT;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (!ch_is_digit(s.p[i])) {
            return RC_INVALID_ARGUMENT;
        }
    }
    for (size_t i = 0; i < s.n; i++) {
        uint64_t digit = (uint64_t)(s.p[i] - '0');
        /* Nineteen digits always fit; only behind them a division is worth its time. */
        if (i >= 19 && v > (UINT64_MAX - digit) / 10) {
            return RC_OUT_OF_RANGE;
        }
        v = v * 10 + digit;
    }
    if (v > max) {
        return RC_OUT_OF_RANGE;
    }
    *out = v;
    return RC_OK;
}

enum rc
str_to_i64(struct str s, int64_t min, int64_t max, int64_t *out)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    uint64_t magnitude = 0;
    enum rc rc = str_to_u64(negative ? str_sub(s, 1, s.n) : s, limit, &magnitude);

    if (rc != RC_OK) {
        return rc;
    }
    int64_t v = (int64_t)(negative ? 0 - magnitude : magnitude);
    if (v < min || v > max) {
        return RC_OUT_OF_RANGE;
    }
    *out = v;
    return RC_OK;
}

/* Length of the sequence that starts with `lead`, 0 when it cannot start one. */
static size_t
utf8_len(unsigned char lead)
{
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xC2 && lead <= 0xDF) {
        return 2;
    }
    if (lead >= 0xE0 && lead <= 0xEF) {
        return 3;
    }
    return lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
}

int32_t
str_next_cp(struct str s, size_t *at)
{
    static const int32_t SMALLEST[] = {0, 0, 0x80, 0x800, 0x10000};

    if (*at >= s.n) {
        return -1;
    }
    const unsigned char *p = (const unsigned char *)s.p + *at;
    size_t len = utf8_len(p[0]);
    if (len == 0 || s.n - *at < len) {
        return -1;
    }
    int32_t cp = len == 1 ? p[0] : p[0] & (0xFF >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return -1;
        }
        cp = (cp << 6) | (p[i] & 0x3F);
    }
    if (cp < SMALLEST[len] || cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF)) {
        return -1;
    }
    *at += len;
    return cp;
}

bool
str_is_utf8(struct str s)
{
    size_t at = 0;

    while (at < s.n) {
        unsigned char c = (unsigned char)s.p[at];
        if (c > 0 && c < 0x80) {
            at++;
        } else if (str_next_cp(s, &at) <= 0) {
            return false;
        }
    }
    return true;
}

size_t
str_cp_count(struct str s)
{
    size_t count = 0;

    for (size_t i = 0; i < s.n; i++) {
        count += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    }
    return count;
}

uint32_t
str_hash32(struct str s)
{
    uint32_t h = 2166136261U;

    for (size_t i = 0; i < s.n; i++) {
        h = (h ^ (unsigned char)s.p[i]) * 16777619U;
    }
    return h;
}

uint64_t
str_hash64(struct str s)
{
    uint64_t h = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < s.n; i++) {
        h = (h ^ (unsigned char)s.p[i]) * UINT64_C(1099511628211);
    }
    return h;
}
