/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to lib/json: the inside of strings, and which of its bytes need a second look, eight at a
 * time. */
#ifndef ASSAY_JSON_JSON_STRING_H
#define ASSAY_JSON_JSON_STRING_H

#include <string.h>

#include "base/str.h"

#define JSON_EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/* True when none of the eight bytes is a quote, a backslash, a control character or non-ASCII.
 * A subtraction marks a byte below the subtrahend in its top bit; a borrow can only mark too much,
 * and only above a byte that is marked already. */
static inline bool
json_plain8(const char *p)
{
    uint64_t w = 0;

    memcpy(&w, p, sizeof(w));
    uint64_t control = w - JSON_EACH_BYTE(0x20);
    uint64_t quote = (w ^ JSON_EACH_BYTE('"')) - JSON_EACH_BYTE(1);
    uint64_t backslash = (w ^ JSON_EACH_BYTE('\\')) - JSON_EACH_BYTE(1);
    return ((w | control | quote | backslash) & JSON_EACH_BYTE(0x80)) == 0;
}

static inline bool
json_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* Returns the offset of the first byte from `at` on that is not plain, or s.n. */
static inline size_t
json_plain_end(struct str s, size_t at)
{
    while (s.n - at >= 8 && json_plain8(s.p + at)) {
        at += 8;
    }
    while (at < s.n && json_plain((unsigned char)s.p[at])) {
        at++;
    }
    return at;
}

/* Checks a string from *at, the byte behind its opening quote, and moves to its closing quote, or
 * to what is wrong. Returns NULL, or what is wrong. */
const char *json_string_scan(struct str in, size_t *at, bool *out_escaped);
/* Decodes what json_string_scan has passed. No escape is shorter than what it means, so `to` holds
 * s.n bytes. Returns how many were written. */
size_t json_string_decode(struct str s, char *to);

#endif
