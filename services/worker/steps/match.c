/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/steps/match.h"

#define DISTANCE_TEXT_MAX 64
#define ALIKE_MIN 4 /* letters: shorter ones are different words */

static bool
is_letter(unsigned char c)
{
    return ch_is_alpha((char)c) || ch_is_digit((char)c) || c >= 0x80;
}

static bool
between(int32_t cp, int32_t from, int32_t to)
{
    return cp >= from && cp <= to;
}

/* Scripts that write words without blanks between them, or put endings to them as Korean does: a
 * word may end anywhere. */
static bool
is_unspaced(int32_t cp)
{
    return between(cp, 0x0E00, 0x0EFF) || between(cp, 0x1000, 0x109F) ||
           between(cp, 0x1780, 0x17FF) || between(cp, 0x3040, 0x9FFF) ||
           between(cp, 0xAC00, 0xD7AF) || between(cp, 0xF900, 0xFAFF) ||
           between(cp, 0xFF66, 0xFF9F) || between(cp, 0x20000, 0x3FFFF);
}

/* Currency and percent belong to a number: they are no marks to be dropped. */
static bool
is_drop(char c)
{
    return ch_is_space(c) || c == ':' || c == '*' || c == '.' || c == ',' || c == ';' || c == '!' ||
           c == '?' || c == '(' || c == ')' || c == '[' || c == ']' || c == '|' || c == '"' ||
           c == '\'' || c == '>' || c == '<';
}

/* A symbol of U+2000-2BFF or an emoji at `at`: arrows, bullets, dingbats. */
static size_t
symbol_at(struct str s, size_t at)
{
    size_t next = at;
    int32_t cp = str_next_cp(s, &next);
    bool currency = cp >= 0x20A0 && cp <= 0x20CF;
    bool symbol = (cp >= 0x2000 && cp <= 0x2BFF && !currency) || cp >= 0x1F000 ||
                  between(cp, 0xFE00, 0xFE0F) || between(cp, 0x3000, 0x303F) ||
                  between(cp, 0xFF01, 0xFF0F) || between(cp, 0xFF1A, 0xFF20) || cp == 0xA0 ||
                  cp == 0xD7 || cp == 0xBB || cp == 0xAB || cp == 0x60C || cp == 0x61F;
    return symbol ? next - at : 0;
}

/* Without marks at both ends; the whole when nothing else is there ("×"). */
static struct str
bare(struct str s)
{
    size_t from = 0;
    size_t to = s.n;
    while (from < to) {
        size_t n = is_drop(s.p[from]) ? 1 : symbol_at(s, from);
        if (n == 0) {
            break;
        }
        from += n;
    }
    while (to > from) {
        if (is_drop(s.p[to - 1])) {
            to--;
            continue;
        }
        size_t at = to - 1;
        while (at > from && ((unsigned char)s.p[at] & 0xC0) == 0x80) {
            at--;
        }
        if ((unsigned char)s.p[at] < 0x80 || symbol_at(s, at) == 0) {
            break;
        }
        to = at;
    }
    return from < to ? str_sub(s, from, to) : str_trim(s);
}

/* The small letter of Latin, Greek and Cyrillic ones; others as they are. */
static int32_t
lower(int32_t cp)
{
    if (cp < 0x80) {
        return ch_lower((char)cp);
    }
    if (between(cp, 0xC0, 0xDE) && cp != 0xD7) {
        return cp + 0x20;
    }
    bool odd_is_small = between(cp, 0x100, 0x137) || between(cp, 0x14A, 0x177) ||
                        between(cp, 0x1E00, 0x1EFF);
    if (odd_is_small && cp != 0x130 && cp != 0x131) {
        return cp | 1;
    }
    if ((between(cp, 0x139, 0x148) || between(cp, 0x179, 0x17E)) && cp % 2 == 1) {
        return cp + 1;
    }
    if (between(cp, 0x391, 0x3AB) || between(cp, 0x410, 0x42F)) {
        return cp + 0x20;
    }
    return between(cp, 0x400, 0x40F) ? cp + 0x50 : cp;
}

/* Quotes and apostrophes as a keyboard has them. */
static int32_t
typed(int32_t cp)
{
    return cp == 0x2018 || cp == 0x2019 ? '\'' : cp == 0x201C || cp == 0x201D ? '"' : cp;
}

/* Next character with runs of white space as one blank; -1 at the end. */
static int32_t
next_folded(struct str s, size_t *at)
{
    if (*at >= s.n) {
        return -1;
    }
    if (ch_is_space(s.p[*at])) {
        while (*at < s.n && ch_is_space(s.p[*at])) {
            (*at)++;
        }
        return ' ';
    }
    if ((unsigned char)s.p[*at] < 0x80) {
        return (unsigned char)s.p[(*at)++];
    }
    int32_t cp = str_next_cp(s, at);
    return cp >= 0 ? typed(cp) : 0x110000 + (unsigned char)s.p[(*at)++];
}

/* Compares folded; *out_end is where in `b` the whole of `a` ended, when it did. */
static bool
folded_prefix(struct str a, struct str b, bool fold_case, size_t *out_end)
{
    size_t i = 0;
    size_t j = 0;
    for (;;) {
        size_t before = j;
        int32_t ca = next_folded(a, &i);
        if (ca < 0) {
            *out_end = before;
            return true;
        }
        int32_t cb = next_folded(b, &j);
        if (ca != cb && !(fold_case && cb >= 0 && lower(ca) == lower(cb))) {
            return false;
        }
    }
}

bool
match_same(struct str a, struct str b)
{
    size_t end = 0;
    struct str tb = str_trim(b);
    return folded_prefix(str_trim(a), tb, false, &end) && end == tb.n;
}

/* A word may not go on at `at`: no letter or digit, no decimal part. */
static bool
boundary(struct str s, size_t at)
{
    if (at >= s.n) {
        return true;
    }
    unsigned char c = (unsigned char)s.p[at];
    size_t next = at;
    if (is_letter(c) && symbol_at(s, at) == 0 && !is_unspaced(str_next_cp(s, &next))) {
        return false;
    }
    bool digit_before = at > 0 && ch_is_digit(s.p[at - 1]);
    bool digit_after = at + 1 < s.n && ch_is_digit(s.p[at + 1]);
    return !(digit_before && digit_after && (c == '.' || c == ',' || c == ':'));
}

static bool
boundary_before(struct str s, size_t at)
{
    if (at == 0) {
        return true;
    }
    size_t start = at - 1;
    while (start > 0 && ((unsigned char)s.p[start] & 0xC0) == 0x80) {
        start--;
    }
    unsigned char c = (unsigned char)s.p[start];
    size_t next = start;
    if (is_letter(c) && symbol_at(s, start) == 0 && !is_unspaced(str_next_cp(s, &next))) {
        return false;
    }
    bool digits = start > 0 && ch_is_digit(s.p[start - 1]) && at < s.n && ch_is_digit(s.p[at]);
    return !(digits && (c == '.' || c == ',' || c == ':')) &&
           !(c == '-' && at < s.n && ch_is_digit(s.p[at]));
}

/* Whether a word could go on beside the character at `at`. */
static bool
ends_word(struct str s, size_t at)
{
    size_t next = at;
    return is_letter((unsigned char)s.p[at]) && symbol_at(s, at) == 0 &&
           !is_unspaced(str_next_cp(s, &next));
}

bool
match_contains(struct str text, struct str wanted, size_t *out_at)
{
    struct str w = str_trim(wanted);
    if (w.n == 0) {
        return false;
    }
    size_t last = w.n - 1;
    while (last > 0 && ((unsigned char)w.p[last] & 0xC0) == 0x80) {
        last--;
    }
    bool letter_first = ends_word(w, 0);
    bool letter_last = ends_word(w, last);
    for (size_t i = 0; i < text.n; i++) {
        size_t end = 0;
        if (ch_is_space(text.p[i]) || ((unsigned char)text.p[i] & 0xC0) == 0x80) {
            continue;
        }
        struct str rest = str_sub(text, i, text.n);
        if (!folded_prefix(w, rest, true, &end)) {
            continue;
        }
        if ((letter_first && !boundary_before(text, i)) ||
            (letter_last && !boundary(text, i + end))) {
            continue;
        }
        if (out_at != NULL) {
            *out_at = i;
        }
        return true;
    }
    return false;
}

int
match_distance(struct str a, struct str b, int cap)
{
    if (a.n > DISTANCE_TEXT_MAX || b.n > DISTANCE_TEXT_MAX) {
        return cap + 1;
    }
    int row[DISTANCE_TEXT_MAX + 1];
    for (size_t j = 0; j <= b.n; j++) {
        row[j] = (int)j;
    }
    for (size_t i = 1; i <= a.n; i++) {
        int corner = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= b.n; j++) {
            int up = row[j];
            int same = ch_lower(a.p[i - 1]) == ch_lower(b.p[j - 1]) ? corner : corner + 1;
            int step = (up < row[j - 1] ? up : row[j - 1]) + 1;
            row[j] = same < step ? same : step;
            corner = up;
        }
    }
    return row[b.n] > cap ? cap + 1 : row[b.n];
}

/* The next letter of a name as it may be spelt in two ways: without what joins words or parts them
 * ("Log in", "E-mail"), z as s, -our as -or. Beside digits every mark counts. */
static int32_t
next_letter(struct str s, size_t *at, int *letters)
{
    for (;;) {
        size_t from = *at;
        int32_t c = lower(next_folded(s, at));
        bool digit_beside = (from > 0 && ch_is_digit(s.p[from - 1])) ||
                            (*at < s.n && ch_is_digit(s.p[*at]));
        bool joins = c == ' ' || c == '-' || c == '_' || c == '\'';
        if (joins && !digit_beside) {
            *letters = 0;
            continue;
        }
        bool our = c == 'u' && *letters >= 3 && *at < s.n && ch_lower(s.p[*at]) == 'r' &&
                   ch_lower(s.p[from - 1]) == 'o';
        if (our) {
            continue;
        }
        (*letters)++;
        return c == 'z' ? 's' : c;
    }
}

static bool
alike(struct str a, struct str b)
{
    size_t i = 0;
    size_t j = 0;
    int na = 0;
    int nb = 0;
    for (int n = 0;; n++) {
        int32_t ca = next_letter(a, &i, &na);
        if (ca != next_letter(b, &j, &nb)) {
            return false;
        }
        if (ca < 0) {
            return n >= ALIKE_MIN;
        }
    }
}

enum match_level
match_name(struct str wanted, struct str text, bool tolerant)
{
    size_t end = 0;
    if (wanted.n == 0 || text.n == 0) {
        return MATCH_NONE;
    }
    if (match_same(wanted, text)) {
        return MATCH_EXACT;
    }
    struct str t = str_trim(text);
    if (folded_prefix(str_trim(wanted), t, true, &end) && end == t.n) {
        return MATCH_FOLDED;
    }
    struct str bw = bare(wanted);
    struct str bt = bare(text);
    bool starts = folded_prefix(bw, bt, true, &end);
    if (starts && end == bt.n) {
        return MATCH_BARE;
    }
    if (!tolerant) {
        return MATCH_NONE;
    }
    /* "Save" stands for "Save as draft", "Amber jar" for "Amber jar 180" (a tie when there are
     * two), but "Item 1" not for "Item 1 000". */
    bool digit_end = bw.n > 0 && ch_is_digit(bw.p[bw.n - 1]);
    bool digit_next = end + 1 < bt.n && ch_is_digit(bt.p[end + 1]);
    if (starts && bw.n >= 3 && boundary(bt, end) && !(digit_end && digit_next)) {
        return MATCH_PREFIX;
    }
    return alike(bw, bt) ? MATCH_ALIKE : MATCH_NONE;
}

bool
match_id(struct str wanted, struct str id)
{
    size_t i = 0;
    size_t j = 0;
    while (i < wanted.n && j < id.n) {
        bool sep_w = ch_is_space(wanted.p[i]) || wanted.p[i] == '-' || wanted.p[i] == '_';
        bool sep_i = id.p[j] == '-' || id.p[j] == '_' || id.p[j] == '.' || ch_is_space(id.p[j]);
        if (sep_w || sep_i) {
            i += sep_w;
            j += sep_i;
            continue;
        }
        if (ch_lower(wanted.p[i]) != ch_lower(id.p[j])) {
            return false;
        }
        i++;
        j++;
    }
    return wanted.n > 1 && i == wanted.n && j == id.n;
}
