/* SPDX-License-Identifier: Apache-2.0
 *
 * The vocabulary: nouns that name roles, numbers, durations, and the words that ask for
 * judgement. */
#include "worker/steps/parse.h"

#include <stdio.h>
#include <string.h>

const char WORDS_DET[] = "the|a|an|my|your|this|that|our|its|their|his|her";

/* --- roles */

struct noun {
    const char *words;
    const char *role; /* NULL: says nothing a program could use */
};

static const struct noun NOUNS[] = {
    {"button|btn|push button|cta|cta button", "button"},
    {"link|hyperlink|hyper link|anchor|text link", "link"},
    {"field|input field|text field|input|text input|textbox|text box|input box|textarea|text area|"
     "edit box|edit field|entry field|textfield|text entry field|form field|"
     "text-field|text-box|input-field|entry box",
     "textbox"},
    {"dropdown|drop-down|drop down|combobox|combo box|select box|dropdown menu|drop-down menu|"
     "drop down menu|dropdown list|drop-down list|drop down list|selector|select|select menu|"
     "select list|select field|dropdown field|dropdown box",
     "combobox"},
    {"checkbox|check box|tickbox|tick box|check-box", "checkbox"},
    {"radio button|radio|radio option|radiobutton|radio-button|radio input", "radio"},
    {"switch|toggle|toggle switch|toggle button", "switch"},
    {"tab", "tab"},
    {"menu item|menuitem|menu option|menu entry", "menuitem"},
    {"image|img", "img"},
    {"heading|headline|header text", "heading"},
    {"slider", "slider"},
    {"dialog|modal|popup|pop-up|dialog box|dialogue|modal dialog|modal window|popup window|"
     "pop up|dialogue box|popover",
     "dialog"},
    {"row|table row", "row"},
    {"table|grid", "table"},
    {"icon|option|item|element|entry|choice|control|column|tile", NULL},
};

static bool
special_noun(const struct cur *c, int i, enum target_use use, const char **out_role, int *out_len)
{
    if (phrase_len(c, i, "box") == 1) {
        *out_role = use == USE_CHECK    ? "checkbox"
                    : use == USE_SELECT ? "combobox"
                    : use == USE_SCOPE  ? NULL
                                        : "textbox";
        *out_len = 1;
        return true;
    }
    if (i > c->i && phrase_len(c, i - 1, "search bar") == 2) {
        *out_role = "textbox";
        *out_len = 1;
        return true;
    }
    if (use == USE_SELECT && phrase_len(c, i, "menu|list|select list") > 0) {
        *out_role = NULL;
        *out_len = phrase_len(c, i, "menu|list|select list");
        return true;
    }
    if (use == USE_SCOPE && phrase_len(c, i, "section|area|panel|card|block|part|group|box") > 0) {
        *out_role = NULL;
        *out_len = 1;
        return true;
    }
    if (use == USE_SCOPE && phrase_len(c, i, "form|list") > 0) {
        *out_role = phrase_len(c, i, "form") > 0 ? "form" : "list";
        *out_len = 1;
        return true;
    }
    return false;
}

static bool
noun_at(const struct cur *c, int i, enum target_use use, const char **out_role, int *out_len)
{
    if (special_noun(c, i, use, out_role, out_len)) {
        return true;
    }
    int best = 0;
    for (size_t k = 0; k < ARRAY_LEN(NOUNS); k++) {
        int n = phrase_len(c, i, NOUNS[k].words);
        if (n > best) {
            best = n;
            *out_role = NOUNS[k].role;
        }
    }
    *out_len = best;
    return best > 0;
}

bool
role_at_end(const struct cur *c, enum target_use use, const char **out_role, int *out_len)
{
    for (int i = c->i; i < c->end; i++) {
        int n = 0;
        const char *role = NULL;
        if (noun_at(c, i, use, &role, &n) && i + n == c->end) {
            *out_role = role;
            *out_len = n;
            return true;
        }
    }
    return false;
}

bool
role_at_start(const struct cur *c, enum target_use use, const char **out_role, int *out_len)
{
    return noun_at(c, c->i, use, out_role, out_len);
}

/* --- numbers */

static const char *const NUMBERS[] = {
    "zero",     "one",     "two",     "three",     "four",     "five",     "six",
    "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",   "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"};
static const char *const ORDINALS[] = {"first", "second",  "third",  "fourth", "fifth",
                                       "sixth", "seventh", "eighth", "ninth",  "tenth"};

static bool
word_at(const struct cur *c, int i)
{
    return i < c->end && c->t[i].kind == TOK_WORD;
}

bool
number_at(const struct cur *c, int i, int64_t *out)
{
    if (!word_at(c, i)) {
        return false;
    }
    for (size_t k = 0; k < ARRAY_LEN(NUMBERS); k++) {
        if (strcmp(c->t[i].low, NUMBERS[k]) == 0) {
            *out = (int64_t)k;
            return true;
        }
    }
    return str_to_i64(c->t[i].text, 0, 1000000, out) == RC_OK && c->t[i].text.p[0] != '+';
}

static bool
counted_ordinal(struct str low, int *out)
{
    if (low.n < 3 || !ch_is_digit(low.p[0])) {
        return false;
    }
    struct str tail = str_sub(low, low.n - 2, low.n);
    int64_t v = 0;
    if (!str_eqz(tail, "st") && !str_eqz(tail, "nd") && !str_eqz(tail, "rd") &&
        !str_eqz(tail, "th")) {
        return false;
    }
    if (str_to_i64(str_sub(low, 0, low.n - 2), 1, 1000, &v) != RC_OK) {
        return false;
    }
    *out = (int)v;
    return true;
}

bool
ordinal_at(const struct cur *c, int i, int *out_nth, int *out_len)
{
    int n = phrase_len(c, i,
                       "second to last|second-to-last|second last|next to last|penultimate|"
                       "last but one|second from last");
    if (n > 0) {
        *out_nth = -2;
        *out_len = n;
        return true;
    }
    if (!word_at(c, i)) {
        return false;
    }
    *out_len = 1;
    if (phrase_len(c, i, "last|final") > 0) {
        *out_nth = -1;
        return true;
    }
    for (size_t k = 0; k < ARRAY_LEN(ORDINALS); k++) {
        if (strcmp(c->t[i].low, ORDINALS[k]) == 0) {
            *out_nth = (int)k + 1;
            return true;
        }
    }
    return counted_ordinal(str_z(c->t[i].low), out_nth);
}

bool
eat_times(struct cur *c, int *out_times)
{
    int64_t n = 0;
    if (eat(c, "twice|two times")) {
        *out_times = 2;
        return true;
    }
    if (eat(c, "thrice")) {
        *out_times = 3;
        return true;
    }
    if (eat(c, "once|one time")) {
        *out_times = 1;
        return true;
    }
    if (number_at(c, c->i, &n) && phrase_len(c, c->i + 1, "times|time|x") == 1 && n > 0 &&
        n <= 100) {
        c->i += 2;
        *out_times = (int)n;
        return true;
    }
    if (word_at(c, c->i)) {
        struct str low = str_z(c->t[c->i].low);
        if (low.n >= 2 && low.p[low.n - 1] == 'x' &&
            str_to_i64(str_sub(low, 0, low.n - 1), 1, 100, &n) == RC_OK) {
            c->i++;
            *out_times = (int)n;
            return true;
        }
    }
    return false;
}

/* --- durations */

/* A decimal number of at most three places, in thousandths. */
static bool
decimal_milli(struct str s, int64_t *out)
{
    struct str rest = s;
    struct str whole = str_split(&rest, '.');
    int64_t w = 0;
    int64_t f = 0;
    if (str_to_i64(whole, 0, 86400000, &w) != RC_OK) {
        return false;
    }
    if (rest.p != NULL) {
        if (rest.n == 0 || rest.n > 3 || str_to_i64(rest, 0, 999, &f) != RC_OK) {
            return false;
        }
        for (size_t i = rest.n; i < 3; i++) {
            f *= 10;
        }
    }
    *out = w * 1000 + f;
    return true;
}

static bool
unit_us(struct str low, int64_t *out)
{
    static const struct {
        const char *names;
        int64_t us;
    } UNITS[] = {{"|ms|msec|msecs|millisecond|milliseconds|millis|", ASSAY_US_PER_MS},
                 {"|s|sec|secs|second|seconds|", ASSAY_US_PER_S},
                 {"|m|min|mins|minute|minutes|", 60 * ASSAY_US_PER_S},
                 {"|h|hr|hrs|hour|hours|", 3600 * ASSAY_US_PER_S}};
    char key[24];
    if (low.n == 0 || low.n > sizeof(key) - 3) {
        return false;
    }
    (void)snprintf(key, sizeof(key), "|%.*s|", STR_ARG(low));
    for (size_t i = 0; i < ARRAY_LEN(UNITS); i++) {
        if (strstr(UNITS[i].names, key) != NULL) {
            *out = UNITS[i].us;
            return true;
        }
    }
    return false;
}

static bool
unit_at(const struct cur *c, int i, int64_t *out)
{
    return word_at(c, i) && unit_us(str_z(c->t[i].low), out);
}

/* "500ms", "2.5s". */
static bool
joined_duration(struct str low, int64_t *out_us)
{
    size_t n = 0;
    while (n < low.n && (ch_is_digit(low.p[n]) || low.p[n] == '.')) {
        n++;
    }
    if (n < low.n && low.p[n] == '-') {
        n++; /* "5-second" */
    }
    int64_t milli = 0;
    int64_t unit = 0;
    size_t digits = n > 0 && low.p[n - 1] == '-' ? n - 1 : n;
    if (digits == 0 || !decimal_milli(str_sub(low, 0, digits), &milli) ||
        !unit_us(str_sub(low, n, low.n), &unit)) {
        return false;
    }
    *out_us = milli * unit / 1000;
    return true;
}

static bool
eat_spoken_duration(struct cur *c, int64_t *out_us)
{
    static const struct {
        const char *words;
        int64_t milli;
        bool article; /* "half a" already says which */
    } PARTS[] = {{"one and a half", 1500, false},
                 {"two and a half", 2500, false},
                 {"half a", 500, false},
                 {"half an", 500, false},
                 {"a half", 500, false},
                 {"half", 500, false},
                 {"a quarter of a", 250, false},
                 {"a quarter", 250, false},
                 {"quarter of a", 250, false},
                 {"a full", 1000, false},
                 {"another", 1000, false},
                 {"a single", 1000, false},
                 {"a", 1000, false},
                 {"an", 1000, false}};
    for (size_t i = 0; i < ARRAY_LEN(PARTS); i++) {
        int n = phrase_len(c, c->i, PARTS[i].words);
        int64_t unit = 0;
        if (n > 0 && unit_at(c, c->i + n, &unit)) {
            c->i += n + 1;
            *out_us = PARTS[i].milli * unit / 1000;
            if (PARTS[i].milli == 1000 && eat(c, "and a half")) {
                *out_us += unit / 2;
            }
            return true;
        }
    }
    return false;
}

static bool
eat_plain_duration(struct cur *c, int64_t *out_us)
{
    int64_t milli = 0;
    int64_t n = 0;
    int64_t unit = 0;
    if (!word_at(c, c->i)) {
        return false;
    }
    if (joined_duration(str_z(c->t[c->i].low), out_us)) {
        c->i++;
        return true;
    }
    bool plain = decimal_milli(c->t[c->i].text, &milli);
    if (!plain && number_at(c, c->i, &n)) {
        milli = n * 1000;
        plain = true;
    }
    if (plain && unit_at(c, c->i + 1, &unit)) {
        c->i += 2;
        *out_us = milli * unit / 1000;
        return true;
    }
    return false;
}

bool
eat_duration(struct cur *c, int64_t *out_us)
{
    struct cur start = *c;
    eat(c, "about|around|approximately|at least|exactly");
    int64_t more = 0;
    if (!eat_spoken_duration(c, out_us) && !eat_plain_duration(c, out_us)) {
        *c = start;
        return false;
    }
    struct cur tail = *c;
    eat(&tail, "and");
    if (eat_plain_duration(&tail, &more)) {
        *out_us += more;
        *c = tail;
    }
    if (*out_us > 3600 * ASSAY_US_PER_S) {
        *c = start;
        return false;
    }
    return true;
}

/* --- kinds of words */

bool
is_capital(const struct tok *t)
{
    if (t->kind == TOK_QUOTED) {
        return true;
    }
    unsigned char c = t->text.n > 0 ? (unsigned char)t->text.p[0] : 0;
    return (c >= 'A' && c <= 'Z') || c >= 0x80;
}

static bool
has_digit(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (ch_is_digit(s.p[i])) {
            return true;
        }
    }
    return false;
}

bool
text_is_address(struct str s)
{
    if (s.n < 2 || str_find_byte(s, ' ') >= 0 || str_find_byte(s, '@') >= 0) {
        return str_eqz(s, "/");
    }
    if (str_istarts(s, STR("http://")) || str_istarts(s, STR("https://")) ||
        str_istarts(s, STR("www.")) || str_istarts(s, STR("localhost")) || s.p[0] == '/' ||
        str_istarts(s, STR("about:")) || str_istarts(s, STR("file://")) ||
        str_starts(s, STR("${")) || str_starts(s, STR("{{")) || str_find(s, STR("://")) > 0) {
        return true;
    }
    static const char *const FILES[] = {".pdf", ".png",  ".jpg", ".csv",  ".txt",  ".doc", ".docx",
                                        ".xls", ".xlsx", ".zip", ".json", ".jpeg", ".gif", ".md"};
    for (size_t i = 0; i < ARRAY_LEN(FILES); i++) {
        if (str_ends(s, str_z(FILES[i]))) {
            return false;
        }
    }
    ptrdiff_t dot = str_find_byte(s, '.');
    return dot > 0 && (size_t)dot + 1 < s.n &&
           (ch_is_alpha(s.p[dot + 1]) || ch_is_digit(s.p[dot + 1]));
}

bool
word_is_literal(const struct tok *t)
{
    if (t->kind != TOK_WORD || t->text.n == 0) {
        return false;
    }
    int32_t cp;
    size_t at = 0;
    cp = str_next_cp(t->text, &at);
    bool sign = cp == '$' || cp == 0x20AC || cp == 0xA3 || cp == 0xA5 || cp == '+' || cp == '-' ||
                cp == '#';
    struct str rest = sign ? str_sub(t->text, at, t->text.n) : t->text;
    if (t->var || (rest.n > 0 && ch_is_digit(rest.p[0]))) {
        return true;
    }
    ptrdiff_t mail = str_find_byte(t->text, '@');
    if (mail > 0 && str_find_byte(str_sub(t->text, (size_t)mail, t->text.n), '.') > 0) {
        return true;
    }
    ptrdiff_t dot = str_find_byte(t->text, '.');
    bool file = dot > 0 && (size_t)dot + 1 < t->text.n && ch_is_alpha(t->text.p[dot + 1]);
    return file || has_digit(t->text) || text_is_address(t->text);
}

bool
word_is_superlative(const struct cur *c, int i)
{
    static const char OTHERS[] =
        "interest|interests|request|harvest|forest|contest|protest|suggest|digest|manifest|"
        "conquest|honest|arrest|invest|midwest|northwest|southwest|priest|bequest|unrest|inquest|"
        "pretest|backtest|retest|pinterest|everest|budapest|bucharest|tempest|ernest|attest";
    static const size_t SHORTEST = 6; /* "guest", "quest" and "chest" are none */
    const struct tok *t = &c->t[i];
    return t->kind == TOK_WORD && t->text.n >= SHORTEST && str_ends(str_z(t->low), STR("est")) &&
           phrase_len(c, i, OTHERS) == 0;
}

/* Words that leave the choice to whoever reads: a program must not choose. */
bool
word_is_vague(const struct cur *c, int i)
{
    return word_is_superlative(c, i) ||
           phrase_len(
               c, i,
               "any|some|every|each|all|both|either|random|randomly|arbitrary|correct|"
               "appropriate|suitable|relevant|right one|wrong|most|best|worst|"
               "cheaper|faster|better|worse|bigger|smaller|nearer|"
               "blue|red|green|yellow|orange|purple|black|white|grey|gray|pink|big|"
               "small|large|tiny|other|another|several|few|many|anything|something|everything|"
               "anywhere|somewhere|valid|invalid|outside|necessary|required|desired|proper|"
               "corresponding|matching|various|multiple|one of|remaining|rest|recently|"
               "respective|applicable|whatever|whichever|previously|expensive|"
               "available|duplicate|duplicates|"
               "today's|tomorrow's|yesterday's|tomorrow|yesterday") > 0;
}
