/* SPDX-License-Identifier: Apache-2.0
 *
 * Giving values: typing and clearing. */
#include "worker/steps/grammar_name.h"

#include <string.h>

static const char HINT_VALUE[] = "give the text in quotes: Type \"ada@example.com\" into \"Email\"";

static const char INTO[] = "into|in|in to|inside|on|onto|to|for|within|inside of|at";

/* What a number may carry. */
static const char UNITS[] = "€|$|£|¥|%|eur|usd|gbp|chf|kg|km|cm";

/* --- values */

/* Nouns that describe a value instead of being one. */
static bool
describes_value(const struct cur *c)
{
    return any_word(
        c, "name|email|e-mail|mail|address|password|query|text|value|data|date|details|"
           "credentials|number|code|username|user|id|otp|valid|invalid|random|correct|"
           "wrong|incorrect|new|same|today|tomorrow|yesterday|current|phone|message|amount|"
           "today's|tomorrow's|yesterday's|something|anything|information|info|string|"
           "following|previous|above|existing|registered|unique|generated|content|term|"
           "keyword|comment|description|title|url|unregistered|empty|nothing|long|short|"
           "it|them|that|this|zip|city|country|card|pin|time|age|price|quantity|input|"
           "characters|digits|letters|words|different|different|your|my|his|her|their|our|"
           "login|account|search|product|item|any|some|all|every");
}

/* "Secret!": an unquoted text at the end of the sentence with a mark that may be its own. */
static bool
mark_behind(const struct gram *g, const struct cur *c)
{
    if (cur_done(c) || c->t[c->end - 1].kind == TOK_QUOTED) {
        return false;
    }
    size_t to = c->t[c->end - 1].to;
    return to < g->in.n && (g->in.p[to] == '!' || g->in.p[to] == '?');
}

enum parsed
parse_value(struct gram *g, const struct cur *range, struct str *out)
{
    struct cur c = *range;
    eat(&c, "the text|text|the value|value|the string|string|the number|number|the words|the word|"
            "the phrase|phrase|the amount|the code|the following text|the following|exactly|"
            "a value of|the characters|in");
    if (mark_behind(g, &c)) {
        return refuse(g, "it is unclear whether the closing mark belongs to the text", HINT_VALUE);
    }
    if (c.end - c.i == 1 && (c.t[c.i].kind == TOK_QUOTED || word_is_literal(&c.t[c.i]))) {
        *out = c.t[c.i].text;
        return P_OK;
    }
    /* "the password 'abc'": what it is, then the text itself. */
    int words = c.end - 1 - c.i;
    if (words > 0 && words <= 3 && (c.t[c.end - 1].kind == TOK_QUOTED || c.t[c.end - 1].var)) {
        bool plain = true;
        for (int i = c.i; i < c.end - 1; i++) {
            plain &=
                c.t[i].kind == TOK_WORD && !word_is_literal(&c.t[i]) && !word_is_vague(&c, i) &&
                phrase_len(&c, i, "stored|saved|variable|contents|and|or|not|with|from|of") == 0;
        }
        if (plain) {
            *out = c.t[c.end - 1].text;
            return P_OK;
        }
    }
    if (at_phrase(&c, "at least|at most|more than|less than|about|around|approximately|up to|"
                      "between|roughly|either|not|anything|another")) {
        return refuse_words(g, &c, HINT_VALUE);
    }
    bool relative =
        at_phrase(&c, "next|last|previous|upcoming|every|no") && !is_capital(cur_tok(&c));
    if (cur_done(&c) || at_phrase(&c, WORDS_DET) || relative || describes_value(&c)) {
        return refuse(g, "no value is given; one would have to be made up", HINT_VALUE);
    }
    for (int i = c.i; i < c.end; i++) {
        if (c.t[i].kind == TOK_QUOTED || (c.t[i].kind == TOK_MARK && c.t[i].low[0] != ',')) {
            return refuse(g, "it is unclear which text to type", HINT_VALUE);
        }
    }
    if (name_doubt(&c) >= 0 && !is_capital(cur_tok(&c)) && !is_value_token(cur_tok(&c))) {
        return refuse_name(g, &c, HINT_VALUE);
    }
    if (c.end - c.i > 6) {
        return refuse(g, "it is unclear where the text to type ends", HINT_VALUE);
    }
    *out = cur_text(g, &c);
    return P_OK;
}

bool
is_value_token(const struct tok *t)
{
    return t->kind == TOK_QUOTED || word_is_literal(t);
}

bool
is_select_role(const struct target *t)
{
    return t != NULL && role_is(t, "combobox listbox");
}

enum parsed
put_typed(struct gram *g, struct cur value, struct cur where, enum act_mode mode, bool may_select)
{
    struct str v;
    const struct target *t = NULL;
    if (parse_value(g, &value, &v) != P_OK || parse_target(g, &where, USE_TYPE, &t) != P_OK) {
        return P_REFUSED;
    }
    bool field = t->role == NULL || role_is(t, "textbox combobox spinbutton slider listbox cell");
    struct cur kind = where;
    eat(&kind, WORDS_DET);
    if (!field ||
        phrase_len(&kind, kind.i, "form|list|page|screen|dialog|section") == kind.end - kind.i) {
        return refuse(g, "that is no field to type into", HINT_VALUE);
    }
    struct action *a = add_action(g, may_select && is_select_role(t) ? ACT_SELECT : ACT_TYPE, t);
    a->value = v;
    a->has_value = true;
    a->mode = mode;
    return P_OK;
}

/* --- "Fill Email with 'x'", "Set Quantity to 3" */

static enum parsed
target_then_value(struct gram *g, struct cur c, const char *links, enum act_mode mode)
{
    int len = 0;
    int at = -1;
    for (int i = c.i + 1, n = 0; i<c.end; i += n> 0 ? n : 1) {
        n = 0;
        int found = find_phrase(&c, i, links, &n);
        if (found < 0) {
            break;
        }
        i = found;
        if (found + n < c.end) {
            at = found;
            len = n;
        }
        if (found + n < c.end && is_value_token(&c.t[found + n])) {
            break;
        }
    }
    if (at < 0) {
        return P_NO;
    }
    struct cur where = cur_range(&c, c.i, at);
    eat(&where, "the value of|the value in|the text in|the text of|the contents of|the content of|"
                "the value for|value of|the text|the date in|the value");
    if (cur_done(&where)) {
        return P_NO;
    }
    if (any_word(&where, "from")) {
        return refuse(g, "it is unclear what \"from\" says here", HINT_VALUE);
    }
    g->link = c.t[at].low;
    g->target_first = true;
    return put_typed(g, cur_range(&c, at + len, c.end), where, mode, true);
}

static enum parsed
clause_set(struct gram *g, struct cur c)
{
    if (!eat(&c,
             "set|change|update|replace|sets|changes|replaces|updates|overwrite|edit|adjust|modify|"
             "override|substitute")) {
        return P_NO;
    }
    int n = c.end - c.i;
    bool on = n > 1 && phrase_len(&c, c.end - 2, "to on|to checked|to enabled") == 2;
    bool off = n > 1 && phrase_len(&c, c.end - 2, "to off|to unchecked|to disabled") == 2;
    if (on || off) {
        struct cur where = cur_range(&c, c.i, c.end - 2);
        const struct target *t = NULL;
        if (parse_target(g, &where, USE_CHECK, &t) != P_OK) {
            return P_REFUSED;
        }
        add_action(g, on ? ACT_CHECK : ACT_UNCHECK, t);
        return P_OK;
    }
    enum parsed p = target_then_value(g, c, "to|with|as|=|by|to be|equal to|:", MODE_NONE);
    return p == P_NO ? refuse(g, "no value is given", "Set \"Quantity\" to 3") : p;
}

static enum parsed
clause_fill(struct gram *g, struct cur c)
{
    if (!eat(&c, "fill|fill in|fill out|fills|fills in|fills out|fill up|populate|complete|"
                 "populates|filled|filled in|filling in")) {
        return P_NO;
    }
    enum parsed p = target_then_value(
        g, c, "with|with the text|with the value|with text|with value|as|:|=", MODE_NONE);
    return p;
}

/* --- "Type 'x' into Email" and its orders */

static const char TYPE_WORDS[] =
    "type|type in|input text|types|types "
    "in|enter|enters|entered|typed|input|inputs|write|writes|key in|put|"
    "puts|insert|inserts|provide|provides|fill in|fill|fills|fills in|supply|supplies|typing|"
    "entering|send|sends|send keys|specify|give|paste|write down|enter in|fill out|set|key";

/* "Enter 'ada' as the username", "Enter email as 'ada'". */
static enum parsed
joined_by_as(struct gram *g, struct cur c)
{
    int len = 0;
    int at = find_phrase(&c, c.i + 1,
                         "as|as the|with|with the|with value|with the value|as the value for|"
                         "as value for|:|=",
                         &len);
    if (at < 0 || at + len >= c.end) {
        return P_NO;
    }
    struct cur left = cur_range(&c, c.i, at);
    struct cur right = cur_range(&c, at + len, c.end);
    bool left_value = left.end - left.i == 1 && is_value_token(&left.t[left.i]);
    bool right_value = right.end - right.i == 1 && is_value_token(&right.t[right.i]);
    bool with = phrase_len(&c, at, "with|with the|with value|with the value|:|=") > 0;
    if (with && right_value) {
        return put_typed(g, right, left, MODE_NONE, true);
    }
    if (with || left_value == right_value) {
        return with ? P_NO
                    : refuse(g, "it is unclear which is the text and which the field", HINT_VALUE);
    }
    g->link = c.t[at].low;
    g->target_first = right_value;
    return left_value ? put_typed(g, left, right, MODE_NONE, false)
                      : put_typed(g, right, left, MODE_NONE, false);
}

/* "Enter OTP 482913", "Enter password 'abc'". */
static enum parsed
field_then_value(struct gram *g, struct cur c)
{
    if (c.end - c.i < 2 || !is_value_token(&c.t[c.end - 1])) {
        return P_NO;
    }
    struct cur where = cur_range(&c, c.i, c.end - 1);
    struct cur value = cur_range(&c, c.end - 1, c.end);
    struct cur plain = value;
    plain.i = c.i;
    /* "Type the text 'x'" names no field. */
    if (eat(&plain,
            "the text|text|the value|value|the string|the number|number|the word|the phrase|"
            "the characters|the words") &&
        plain.i == value.i) {
        return P_NO;
    }
    for (int i = where.i; i < where.end; i++) {
        if (where.t[i].kind != TOK_WORD || is_value_token(&where.t[i])) {
            return P_NO;
        }
    }
    if (any_word(&where, INTO) || any_word(&where, "new|valid|invalid|random|all|up|another")) {
        return refuse(g, "it is unclear where to type", HINT_VALUE);
    }
    return put_typed(g, value, where, MODE_NONE, false);
}

/* Where the value ends and the field begins: right behind a quoted value, else the first "into",
 * else the last short word that a name follows. */
static int
find_into(const struct cur *c, int *out_len)
{
    struct cur v = *c;
    /* "the password 'abc' into": a quoted text right before the word ends the value. */
    for (int i = c->i + 1; i < c->end; i++) {
        int n = phrase_len(c, i, INTO);
        if (n > 0 && i + n < c->end && c->t[i - 1].kind == TOK_QUOTED) {
            *out_len = n;
            return i;
        }
        if (n > 0) {
            break;
        }
    }
    eat(&v, "the text|text|the value|value|the string|string|the number|number|the word|the phrase|"
            "the words|the characters|the code");
    if (!cur_done(&v) && is_value_token(&v.t[v.i])) {
        int behind = v.i + 1;
        behind += v.t[v.i].kind == TOK_WORD ? phrase_len(&v, behind, UNITS) : 0;
        int n = phrase_len(&v, behind, INTO);
        *out_len = n;
        return n > 0 && behind + n < c->end ? behind : -1;
    }
    int at = find_phrase(c, c->i + 1, "into|in to|inside", out_len);
    if (at < 0) {
        at = find_phrase(c, c->i + 1, "in|on|to|for", out_len);
    }
    return at >= 0 && at + *out_len < c->end ? at : -1;
}

/* No field named: the one tapped just before, else whatever has the focus. */
static enum parsed
type_without_field(struct gram *g, struct cur c, enum act_mode mode)
{
    struct str v;
    struct cur value = c;
    eat(&value, "the text|text|the value|value|the string|the number|number|the word|the phrase|"
                "the characters|the words|the code");
    if (value.end - value.i != 1 || !is_value_token(&value.t[value.i])) {
        return refuse(g, "no value is given; one would have to be made up", HINT_VALUE);
    }
    if (parse_value(g, &value, &v) != P_OK) {
        return P_REFUSED;
    }
    const struct target *t = NULL;
    if (g->plan->count > 0 && g->last != NULL && g->last->role != NULL && g->last_type == ACT_TAP &&
        strcmp(g->last->role, "textbox") == 0) {
        t = g->last;
    }
    if (t == NULL && g->plan->count > 0 && g->last_type == ACT_CLEAR) {
        t = g->last;
    }
    struct action *a = add_action(g, ACT_TYPE, t);
    a->value = v;
    a->has_value = true;
    a->mode = mode;
    return P_OK;
}

/* "Write in the field Subject the text 'x'". */
static enum parsed
place_then_value(struct gram *g, struct cur where, enum act_mode mode)
{
    if (where.end - where.i < 2 || where.t[where.end - 1].kind != TOK_QUOTED) {
        return refuse(g, "it is unclear where to type", HINT_VALUE);
    }
    struct cur value = cur_range(&where, where.end - 1, where.end);
    where.end--;
    eat_end(&where, "the text|text|the value|value|:|the words|the word|the following text");
    eat_end(&where, ",|:");
    return put_typed(g, value, where, mode, false);
}

static enum parsed
typed(struct gram *g, struct cur c, enum act_mode mode)
{
    if (cur_done(&c)) {
        return refuse(g, "no value is given", HINT_VALUE);
    }
    eat_end(&c, "using the keyboard|with the keyboard|on the keyboard");
    int len = 0;
    int at = find_into(&c, &len);
    if (at < 0 && (len = phrase_len(&c, c.i, "in|into|on|to")) > 0) {
        return place_then_value(g, cur_range(&c, c.i + len, c.end), mode);
    }
    if (at > c.i) {
        g->link = c.t[at].low;
        g->target_first = false;
        return put_typed(g, cur_range(&c, c.i, at), cur_range(&c, at + len, c.end), mode, false);
    }
    enum parsed p = joined_by_as(g, c);
    if (p == P_NO) {
        p = field_then_value(g, c);
    }
    return p == P_NO ? type_without_field(g, c, mode) : p;
}

static const char TYPE_STARTS[] =
    "type|enter|input|write|fill in|fill|key in|put|insert|provide|set|types|enters|inputs";

/* "In the Email field, type 'x'". */
static enum parsed
field_first(struct gram *g, struct cur c)
{
    if (!eat(&c, "in|into|on|inside|for|within|at")) {
        return P_NO;
    }
    int len = 0;
    int at = find_phrase(&c, c.i + 1, TYPE_STARTS, &len);
    if (at < 0) {
        return P_NO;
    }
    struct cur where = cur_range(&c, c.i, at);
    eat_end(&where, "i|the user|user|you");
    eat_end(&where, ",");
    struct cur value = cur_range(&c, at + len, c.end);
    for (int i = where.i; i < where.end; i++) {
        if (where.t[i].kind == TOK_MARK) {
            return P_NO;
        }
    }
    struct cur tail = value;
    if (value.end - value.i != 1 && eat(&tail, "the text|text|the value|value") &&
        tail.end - tail.i == 1) {
        value = tail;
    }
    if (value.end - value.i == 1 && is_value_token(&value.t[value.i])) {
        return put_typed(g, value, where, MODE_NONE, false);
    }
    bool literal = true;
    for (int i = value.i; i < value.end; i++) {
        literal &= is_value_token(&value.t[i]) && value.t[i].kind == TOK_WORD;
    }
    if (!cur_done(&value) && (literal || (value.end - value.i == 1 && !describes_value(&value)))) {
        return put_typed(g, value, where, MODE_NONE, false);
    }
    return P_NO;
}

enum parsed
clause_type(struct gram *g, struct cur c)
{
    struct cur given = c;
    bool tapped = at_phrase(&c, "give") &&
                  eat_end(&given, "a tap|a click|a press|a double tap|a double click|a long press|"
                                  "a right click");
    if (tapped || at_phrase(&c, "put the keyboard|put away|put the cursor|put the mouse|put the "
                                "pointer|put your mouse")) {
        return P_NO;
    }
    enum parsed p = field_first(g, c);
    if (p == P_NO) {
        p = clause_fill(g, c);
    }
    if (p == P_NO) {
        p = clause_set(g, c);
    }
    if (p != P_NO) {
        return p;
    }
    if (eat(&c, "append|appends|add the text|additionally type|also type")) {
        return typed(g, c, MODE_APPEND);
    }
    bool fills = at_phrase(&c, "fill|fills|fill in|fills in|fill out|complete|set");
    if (!eat(&c, TYPE_WORDS)) {
        return P_NO;
    }
    if (fills && c.end - c.i == 1) {
        return refuse(g, "it is unclear which is the text and which the field", HINT_VALUE);
    }
    return typed(g, c, MODE_NONE);
}

enum parsed
clause_typed(struct gram *g, struct cur c)
{
    /* "'Password' with 'x'" behind "Fill 'Email' with 'y' and". */
    if (c.end - c.i == 3 && cur_quoted(&c) && phrase_len(&c, c.i + 1, "with") == 1) {
        return target_then_value(g, c, "with", MODE_NONE);
    }
    return typed(g, c, MODE_NONE);
}

/* --- clearing */

enum parsed
clause_clear(struct gram *g, struct cur c)
{
    const struct target *t = NULL;
    struct cur whole = c;
    int64_t n = 0;
    if (!eat(&c, "delete|remove|erase|clear|clears|empty out|empties|clear "
                 "out|wipe|empty|clearing|clear all")) {
        return P_NO;
    }
    bool content = eat(&c, "the text in|the text from|the content of|the contents of|all text from|"
                           "the value of|the value from|the value in|all text in|text from|text in|"
                           "all the text from|all the text in|the text of|the existing text from|"
                           "the existing text in|the input in|the entered text from|everything in|"
                           "everything from|the content from|the contents from|value from|"
                           "the current value of|the content in|the contents in|the text inside|"
                           "contents of|content of|the existing value in|the existing value from");
    if (!content && phrase_len(&whole, whole.i, "delete|remove") > 0) {
        return P_NO;
    }
    if (any_word(&c, "cookies|cookie|cache|storage|history|data|form|fields|session|cart|basket|"
                     "filters|notifications|all|database|list|selection|table|chat")) {
        return refuse(g, "clearing that is not one action on one field", "Clear \"Email\"");
    }
    if (cur_done(&c) || number_at(&c, c.i, &n) || parse_target(g, &c, USE_TYPE, &t) != P_OK) {
        return refuse(g, "the step does not say which field", "Clear \"Email\"");
    }
    bool box = role_is(t, "checkbox switch radio");
    bool text = t->role == NULL || role_is(t, "textbox combobox spinbutton");
    if (!box && !text) {
        return refuse(g, "only a field or a check box can be cleared", "Clear \"Email\"");
    }
    add_action(g, box ? ACT_UNCHECK : ACT_CLEAR, t);
    return P_OK;
}
