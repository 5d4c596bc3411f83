/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/token.h"

#include <string.h>

#include "base/id.h"

static const char ALPHABET[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#define ALPHABET_LEN 62
#define REJECT_FROM 248 /* 4 * 62: bytes from here would favour the first letters */

void
token_new(const char *prefix, char out[TOKEN_TEXT_MAX])
{
    size_t n = strlen(prefix);
    size_t done = 0;
    unsigned char raw[64];

    ASSERT(n <= TOKEN_PREFIX_MAX);
    memcpy(out, prefix, n);
    while (done < TOKEN_RANDOM_LEN) {
        id_random(raw, sizeof(raw));
        for (size_t i = 0; i < sizeof(raw) && done < TOKEN_RANDOM_LEN; i++) {
            if (raw[i] < REJECT_FROM) {
                out[n + done++] = ALPHABET[raw[i] % ALPHABET_LEN];
            }
        }
    }
    out[n + done] = '\0';
    hash_wipe(raw, sizeof(raw));
}

static bool
is_random_part(struct str s)
{
    if (s.n != TOKEN_RANDOM_LEN) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (!ch_is_digit(s.p[i]) && !ch_is_alpha(s.p[i])) {
            return false;
        }
    }
    return true;
}

static bool
looks_like_jws(struct str s)
{
    size_t dots = 0;

    for (size_t i = 0; i < s.n; i++) {
        dots += s.p[i] == '.' ? 1 : 0;
    }
    return dots == 2 && s.n > 2;
}

enum token_kind
token_kind_of(struct str text)
{
    static const struct {
        struct str prefix;
        enum token_kind kind;
    } KINDS[] = {
        {STR_INIT(TOKEN_PREFIX_ORG), TOKEN_ORG},
        {STR_INIT(TOKEN_PREFIX_PERSONAL), TOKEN_PERSONAL},
        {STR_INIT(TOKEN_PREFIX_SDK), TOKEN_SDK},
    };

    for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
        if (str_starts(text, KINDS[i].prefix)) {
            struct str rest = str_sub(text, KINDS[i].prefix.n, text.n);
            return is_random_part(rest) ? KINDS[i].kind : TOKEN_NONE;
        }
    }
    return looks_like_jws(text) ? TOKEN_JWT : TOKEN_NONE;
}

void
token_shown(struct str token, char out[TOKEN_SHOWN_MAX])
{
    ptrdiff_t bar = str_find_byte(token, '_');
    size_t n = (bar < 0 ? 0 : (size_t)bar + 1) + 8;

    ASSERT(n < TOKEN_SHOWN_MAX && n < token.n);
    memcpy(out, token.p, n);
    out[n] = '\0';
}
