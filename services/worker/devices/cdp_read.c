/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages of the browser as trees. A page may show halves of characters and NULs; the browser
 * passes both on as escapes that our reader refuses, rightly anywhere else. Here they become
 * U+FFFD, as on the screen: a page must not be able to break the run by what it says. */
#include <string.h>

#include "worker/devices/cdp_browser.h"

#define ESCAPE 6 /* bytes of \uXXXX */

enum unit { UNIT_NONE, UNIT_NUL, UNIT_LEADS, UNIT_TRAILS, UNIT_WHOLE };

/* What the escape at `at` stands for: D800-DBFF leads, DC00-DFFF trails. */
static enum unit
unit_at(struct str s, size_t at)
{
    if (at + ESCAPE > s.n || s.p[at] != '\\' || s.p[at + 1] != 'u') {
        return UNIT_NONE;
    }
    const char *hex = s.p + at + 2;
    if (memcmp(hex, "0000", 4) == 0) {
        return UNIT_NUL;
    }
    char second = ch_lower(hex[1]);
    if (ch_lower(hex[0]) != 'd' || second < '8') {
        return UNIT_WHOLE;
    }
    if (second == '8' || second == '9' || second == 'a' || second == 'b') {
        return UNIT_LEADS;
    }
    return second >= 'c' && second <= 'f' ? UNIT_TRAILS : UNIT_WHOLE;
}

/* In place: a replacement is as long as what it replaces. */
static void
replace_halves(char *p, size_t n)
{
    struct str s = str_n(p, n);
    size_t i = 0;
    while (i < n) {
        enum unit unit = unit_at(s, i);
        if (unit == UNIT_NONE) {
            i += p[i] == '\\' ? 2 : 1; /* a backslash may escape a backslash */
        } else if (unit == UNIT_LEADS && unit_at(s, i + ESCAPE) == UNIT_TRAILS) {
            i += (size_t)2 * ESCAPE;
        } else {
            if (unit != UNIT_WHOLE) {
                memcpy(p + i, "\\ufffd", ESCAPE);
            }
            i += ESCAPE;
        }
    }
}

const struct json_value *
cdp_read(struct arena *arena, struct str text)
{
    const struct json_value *v = NULL;
    if (json_parse(text, arena, &v, NULL) == RC_OK) {
        return v;
    }
    char *copy = arena_alloc(arena, text.n + 1);
    if (copy == NULL) {
        return NULL;
    }
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    replace_halves(copy, text.n);
    return json_parse(str_n(copy, text.n), arena, &v, NULL) == RC_OK ? v : NULL;
}
