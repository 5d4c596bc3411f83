/* SPDX-License-Identifier: Apache-2.0
 *
 * Slips of the keyboard in the grammar's own words: a letter left out, doubled or swapped with its
 * neighbour. Only what a word means is mended, never what it says: a name keeps its letters. */
#include "worker/steps/spelling.h"

#include "base/str.h"

#include <string.h>

#define SPELL_MIN 4 /* letters; shorter words have too many neighbours */

/* No two of these are one slip apart, and no other English word is one slip from them. */
static const char *const WORDS[] = {
    "click",     "press",    "enter",     "select",     "choose",  "verify",   "ensure",
    "confirm",   "scroll",   "swipe",     "hover",      "button",  "field",    "checkbox",
    "dropdown",  "visible",  "displayed", "screenshot", "upload",  "navigate", "refresh",
    "should",    "until",    "double",    "second",     "seconds", "contains", "password",
    "disappear", "keyboard", "wait",      "type",       "into",    "with",     "open",
    "that",      "clear",    "check",     "checks",     "clicks",  "chose",    "presses"};

static const char *const KNOWN_SLIPS[][2] = {{"teh", "the"},
                                             {"hte", "the"},
                                             {"adn", "and"},
                                             {"tpa", "tap"},
                                             {"visable", "visible"},
                                             {"botton", "button"},
                                             {"verifiy", "verify"},
                                             {"buttun", "button"},
                                             {"wich", "which"},
                                             {"apears", "appears"},
                                             {"appeares", "appears"},
                                             {"dispalyed", "displayed"},
                                             {"dissapears", "disappears"},
                                             {"dissappears", "disappears"},
                                             {"untill", "until"}};

/* `s` is `word` with the letter at one place left out, other than the s of "clicks". */
static bool
left_out(struct str s, struct str word)
{
    size_t i = 0;
    while (i < s.n && s.p[i] == word.p[i]) {
        i++;
    }
    return s.n + 1 == word.n && !(i == s.n && word.p[i] == 's') &&
           memcmp(s.p + i, word.p + i + 1, s.n - i) == 0;
}

static bool
doubled(struct str s, struct str word)
{
    size_t i = 0;
    while (i < word.n && s.p[i] == word.p[i]) {
        i++;
    }
    return word.n + 1 == s.n && i > 0 && s.p[i] == s.p[i - 1] &&
           memcmp(s.p + i + 1, word.p + i, word.n - i) == 0;
}

static bool
swapped(struct str s, struct str word)
{
    size_t i = 0;
    while (i < s.n && i < word.n && s.p[i] == word.p[i]) {
        i++;
    }
    return s.n == word.n && i + 1 < s.n && s.p[i] == word.p[i + 1] && s.p[i + 1] == word.p[i] &&
           memcmp(s.p + i + 2, word.p + i + 2, s.n - i - 2) == 0;
}

static bool
is_slip(struct str s, struct str word)
{
    if (s.p[0] != word.p[0] || str_eq(s, word)) {
        return false;
    }
    return swapped(s, word) || (word.n > SPELL_MIN && (left_out(s, word) || doubled(s, word)));
}

const char *
spell_mend(const char *low)
{
    struct str s = str_z(low);
    const char *meant = NULL;
    for (size_t i = 0; i < ARRAY_LEN(KNOWN_SLIPS); i++) {
        if (strcmp(low, KNOWN_SLIPS[i][0]) == 0) {
            return KNOWN_SLIPS[i][1];
        }
    }
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < 'a' || s.p[i] > 'z') {
            return low;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(WORDS) && s.n >= SPELL_MIN; i++) {
        if (strcmp(low, WORDS[i]) == 0) {
            return low;
        }
        if (is_slip(s, str_z(WORDS[i]))) {
            meant = meant == NULL ? WORDS[i] : low;
        }
    }
    return meant != NULL ? meant : low;
}
