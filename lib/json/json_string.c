/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands between the quotes. */
#include "json/json_string.h"

/* Reads four hexadecimal digits at `at`; -1 when they are not there. */
static int32_t
hex4(struct str s, size_t at)
{
    int32_t v = 0;

    if (s.n - at < 4) {
        return -1;
    }
    for (size_t i = at; i < at + 4; i++) {
        int digit = ch_hex(s.p[i]);
        if (digit < 0) {
            return -1;
        }
        v = v * 16 + digit;
    }
    return v;
}

/* Reads the digits of \uXXXX, or of a pair, at *at (behind the first 'u'); -1 when it means no code
 * point a string may hold. */
static int32_t
unicode_escape(struct str s, size_t *at)
{
    int32_t cp = hex4(s, *at);

    if (cp <= 0 || (cp >= 0xDC00 && cp <= 0xDFFF)) {
        return -1;
    }
    *at += 4;
    if (cp < 0xD800 || cp > 0xDBFF) {
        return cp;
    }
    if (s.n - *at < 6 || s.p[*at] != '\\' || s.p[*at + 1] != 'u') {
        return -1;
    }
    int32_t low = hex4(s, *at + 2);
    if (low < 0xDC00 || low > 0xDFFF) {
        return -1;
    }
    *at += 6;
    return 0x10000 + ((cp - 0xD800) << 10) + (low - 0xDC00);
}

/* What stands for the escape letter, 0 for none. */
static char
short_escape(char c)
{
    switch (c) {
    case '"':
    case '\\':
    case '/':
        return c;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return 0;
    }
}

/* Checks the escape whose backslash is at *at. */
static const char *
scan_escape(struct str in, size_t *at)
{
    *at += 1;
    if (*at >= in.n) {
        return "string does not end";
    }
    char c = in.p[(*at)++];
    if (c != 'u') {
        return short_escape(c) != 0 ? NULL : "unknown escape in a string";
    }
    if (hex4(in, *at) == 0) {
        return "NUL in a string";
    }
    return unicode_escape(in, at) > 0 ? NULL : "malformed \\u escape in a string";
}

const char *
json_string_scan(struct str in, size_t *at, bool *out_escaped)
{
    const char *error = NULL;

    *out_escaped = false;
    while (error == NULL) {
        *at = json_plain_end(in, *at);
        if (*at >= in.n) {
            return "string does not end";
        }
        unsigned char c = (unsigned char)in.p[*at];
        if (c == '"') {
            return NULL;
        }
        if (c == '\\') {
            *out_escaped = true;
            size_t end = *at;
            error = scan_escape(in, &end);
            *at = error == NULL ? end : *at;
        } else if (c < 0x20) {
            error = c == 0 ? "NUL in a string" : "control character in a string";
        } else if (str_next_cp(in, at) < 0) {
            error = "string is not UTF-8";
        }
    }
    return error;
}

static size_t
put_cp(int32_t cp, char *to)
{
    if (cp < 0x80) {
        to[0] = (char)cp;
        return 1;
    }
    size_t len = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        to[i] = (char)(0x80 | (cp & 0x3F));
        cp >>= 6;
    }
    to[0] = (char)((0xF00 >> len) | cp);
    return len;
}

size_t
json_string_decode(struct str s, char *to)
{
    size_t n = 0;

    for (size_t at = 0; at < s.n;) {
        const char *hit = memchr(s.p + at, '\\', s.n - at);
        size_t run = hit == NULL ? s.n - at : (size_t)(hit - s.p) - at;
        memcpy(to + n, s.p + at, run);
        n += run;
        at += run;
        if (at == s.n) {
            break;
        }
        char c = s.p[at + 1];
        at += 2;
        if (c == 'u') {
            n += put_cp(unicode_escape(s, &at), to + n);
        } else {
            to[n++] = short_escape(c);
        }
    }
    return n;
}
