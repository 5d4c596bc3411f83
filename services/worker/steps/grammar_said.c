/* SPDX-License-Identifier: Apache-2.0
 *
 * What verifications are made of: subjects, values, counts and states. */
#include "worker/steps/grammar_modifier.h"
#include "worker/steps/grammar_said.h"

#include <string.h>

/* --- helpers */

bool
said_page(const struct cur *range)
{
    struct cur c = *range;
    eat(&c, WORDS_DET);
    return eat(&c,
               "page|screen|current page|current screen|website|app|view|new page|body|page body|"
               "next page|resulting page|window|web page|webpage|page content|next screen|"
               "new screen|application|page text|user interface|ui|content of the page") &&
           cur_done(&c);
}

bool
said_value(const struct cur *range, struct str *out)
{
    struct cur c = *range;
    eat(&c, "the text|text|the value|value|the string|the number|exactly|the words|the word|"
            "the message|message|the label|label|the phrase|a value of|a text of|following text|"
            "the following text|the title|now");
    if (c.end - c.i == 1 && (c.t[c.i].kind == TOK_QUOTED || word_is_literal(&c.t[c.i]))) {
        *out = c.t[c.i].text;
        return true;
    }
    return false;
}

/* "is Active": unquoted values only as the page would write them. */
bool
said_capital(const struct gram *g, const struct cur *c, struct str *out)
{
    if (cur_done(c) || c->end - c->i > 3) {
        return false;
    }
    for (int i = c->i; i < c->end; i++) {
        if (c->t[i].kind != TOK_WORD || !is_capital(&c->t[i])) {
            return false;
        }
    }
    *out = cur_text(g, c);
    return true;
}

struct action *
said_put(struct gram *g, const struct said *s, enum act_type type, const struct target *t)
{
    struct action *a = add_action(g, type, t);
    a->timeout_us = s->timeout_us;
    return a;
}

/* Subject and place stand apart ("'X' is shown in the header"): one range again. */
struct cur
said_joined(struct gram *g, const struct cur *a, const struct cur *b)
{
    int n = (a->end - a->i) + (b->end - b->i);
    struct tok *t = ARENA_ARRAY(g->arena, n > 0 ? (size_t)n : 1, struct tok);
    if (t == NULL) {
        return (struct cur){a->t, a->i, a->i};
    }
    int k = 0;
    for (int i = a->i; i < a->end; i++) {
        t[k++] = a->t[i];
    }
    for (int i = b->i; i < b->end; i++) {
        t[k++] = b->t[i];
    }
    return (struct cur){t, 0, k};
}

/* --- counting */

/* "1 item": elsewhere the word says nothing of what is meant, here it is what is counted. */
static struct cur
said_items(struct gram *g, const struct cur *what)
{
    size_t n = (size_t)(what->end - what->i);
    struct tok *t =
        phrase_len(what, what->i, "item|entry") == 1 ? ARENA_ARRAY(g->arena, n, struct tok) : NULL;

    if (t == NULL) {
        return *what;
    }
    memcpy(t, what->t + what->i, n * sizeof(*t));
    t[0].low = "items";
    return (struct cur){t, 0, (int)n};
}

enum parsed
put_count(struct gram *g, const struct said *s, struct cur what, int64_t count)
{
    const struct target *t = NULL;
    struct cur named = said_items(g, &what);
    struct cur c = singular(g, &named);
    eat_end(&c, "visible|displayed|shown|present|listed|available");
    if (cur_done(&c) || parse_target(g, &c, USE_VERIFY, &t) != P_OK) {
        return refuse(g, "it is unclear what to count", "Verify that there are 3 \"Edit\" buttons");
    }
    if (s->negated) {
        return refuse(g, "it is unclear how many there should be", "Verify that there are 3 rows");
    }
    struct action *a = said_put(g, s, ACT_VERIFY_COUNT, t);
    a->count = count;
    a->has_count = true;
    return P_OK;
}

/* "3 items are visible", "there are 3 rows in the table". */
bool
eat_count(struct cur *c, int64_t *out)
{
    struct cur look = *c;
    eat(&look, "exactly|only|a total of|just");
    if (!number_at(&look, look.i, out) || look.i + 1 >= look.end ||
        phrase_len(&look, look.i + 1, "px|pixels|seconds|second|of|characters") > 0) {
        return false;
    }
    look.i++;
    *c = look;
    return true;
}

/* --- putting verifications */

/* "'A' and 'B' are enabled": each of them is. */
static enum parsed
said_list(struct gram *g, const struct said *s, enum act_type type, bool negated, struct cur what)
{
    size_t before = g->plan->count;
    bool neither = type == ACT_VERIFY_NOT_VISIBLE && cur_done(&s->subject);
    enum parsed list = put_list(g, what, type, USE_VERIFY, neither);
    for (size_t i = before; list == P_OK && i < g->plan->count && i < STEP_ACTIONS_MAX; i++) {
        g->plan->actions[i].timeout_us = s->timeout_us;
        g->plan->actions[i].negated = negated;
    }
    return list;
}

/* "any buttons on the page", "items in the list": a kind of thing and where, no name of one. */
static bool
means_a_kind(struct gram *g, const struct cur *what)
{
    const char *role = NULL;
    struct modifier m;
    struct cur c = *what;
    int len = 0;
    eat(&c, WORDS_DET);
    struct cur one = singular(g, &c);
    if (role_at_start(&one, USE_VERIFY, &role, &len) && role != NULL) {
        c.i += len;
    } else {
        len = phrase_len(&c, c.i, "items|entries|elements|list items|list entries|lists");
        c.i += len;
    }
    if (len == 0 || !str_ends(str_z(c.t[c.i - 1].low), STR("s"))) {
        return false;
    }
    return cur_done(&c) || next_modifier(&c, c.i, &m) == c.i;
}

/* "'Edit' buttons": of several things with one name each is meant. */
static struct cur
without_plural(struct gram *g, struct cur what)
{
    int named = 0;
    for (int i = what.i; i < what.end; i++) {
        named += what.t[i].kind == TOK_QUOTED;
    }
    return named > 0 ? singular(g, &what) : what;
}

enum parsed
put_visible(struct gram *g, const struct said *s, struct cur what)
{
    const struct target *t = NULL;
    enum act_type type = s->negated ? ACT_VERIFY_NOT_VISIBLE : ACT_VERIFY_VISIBLE;
    if (s->negated) {
        eat(&what, "any|any of|the any");
    }
    /* A page never says "checkboxes" where it has some: what is absent is counted. */
    if (s->negated && means_a_kind(g, &what)) {
        struct said none = *s;
        none.negated = false;
        return put_count(g, &none, what, 0);
    }
    enum parsed list = said_list(g, s, type, false, what);
    if (list != P_NO) {
        return list;
    }
    if (s->negated) {
        what = without_plural(g, what); /* "no 'Edit' buttons" */
    }
    if (parse_target(g, &what, USE_VERIFY, &t) != P_OK) {
        return P_REFUSED;
    }
    /* What has no certain name is never seen: its absence would hold whatever the page shows. */
    struct cur first = what;
    eat(&first, WORDS_DET);
    if (s->negated && !t->quoted && !cur_done(&first) && word_is_vague(&first, first.i)) {
        return refuse(g, JUDGEMENT, HINT_VERIFY);
    }
    if (t->name.n == 0 && t->role == NULL) {
        return refuse(g, "it is unclear what should be seen", HINT_VERIFY);
    }
    /* Nor is it certain that a page has none of these because it does not use the word. */
    if (s->negated && !t->quoted && t->role == NULL &&
        (str_ieq(t->name, STR("list")) || str_ieq(t->name, STR("form")))) {
        return refuse(g, "it is unclear which one should be gone", HINT_VERIFY);
    }
    said_put(g, s, type, t);
    return P_OK;
}

/* "the response status is 200", without quotes: not what a page shows. */
static bool
said_answer(const struct cur *subject)
{
    struct cur c = *subject;
    eat(&c, WORDS_DET);
    return eat(&c, "status code|response status|response code|http status|http code|"
                   "http status code|response status code|api response|response body|"
                   "server response|response time|api status") &&
           cur_done(&c);
}

enum parsed
put_text(struct gram *g, const struct said *s, struct str value, enum act_mode mode, bool as_value)
{
    const struct target *t = NULL;
    struct cur subject = s->subject;
    struct cur plain = subject;
    bool says_value =
        eat(&subject, "the value of|the value in|value of|the value for|the contents of|"
                      "the selected option of|the selected option in|the selected option for|"
                      "the selected value of|the selected value in|the selected item of|"
                      "the chosen option of|the chosen value of");
    bool said_text = !says_value && eat(&subject, "the text of|the text in|text of|the label of|"
                                                  "the text on|the caption of|the content of");
    if (said_page(&plain)) {
        return refuse(g, "it is unclear what on the page is compared", HINT_VERIFY);
    }
    if (said_answer(&plain)) {
        return refuse(g, "what a server answers is not on the page", HINT_VERIFY);
    }
    if (parse_target(g, &subject, USE_VERIFY, &t) != P_OK) {
        return P_REFUSED;
    }
    if (t->role != NULL && t->name.n == 0 && t->nth == 0 && t->near == NULL && !s->negated &&
        mode != MODE_CONTAINS && !as_value && role_is(t, "heading alert dialog button link")) {
        struct target *named = ARENA_NEW(g->arena, struct target);
        if (named == NULL) {
            return P_REFUSED;
        }
        *named = *t;
        named->name = value;
        named->quoted = true;
        said_put(g, s, ACT_VERIFY_VISIBLE, named);
        return P_OK;
    }
    if (s->negated && mode == MODE_CONTAINS && role_is(t, "combobox listbox")) {
        return refuse(g, "it is unclear whether the options or the chosen one are meant",
                      "Verify that the \"Country\" dropdown does not show \"France\"");
    }
    bool field = role_is(t, "textbox combobox spinbutton slider") && !said_text;
    struct action *a =
        said_put(g, s, as_value || says_value || field ? ACT_VERIFY_VALUE : ACT_VERIFY_TEXT, t);
    a->value = value;
    a->has_value = true;
    a->mode = mode;
    a->negated = s->negated;
    return P_OK;
}

enum parsed
put_state(struct gram *g, const struct said *s, enum act_type type, bool negated)
{
    const struct target *t = NULL;
    struct cur what = s->subject;
    enum parsed list = said_list(g, s, type, negated, what);
    if (list != P_NO) {
        return list;
    }
    if (parse_target(g, &what, type == ACT_VERIFY_CHECKED ? USE_CHECK : USE_VERIFY, &t) != P_OK) {
        return P_REFUSED;
    }
    if (t->name.n == 0 && t->near == NULL && t->nth == 0 && t->within == NULL) {
        return refuse(g, "the step does not say which one", HINT_VERIFY);
    }
    said_put(g, s, type, t)->negated = negated;
    return P_OK;
}

/* "is empty": of a field; a cart is empty only in somebody's judgement. */
enum parsed
put_empty(struct gram *g, const struct said *s)
{
    const struct target *t = NULL;
    struct cur what = s->subject;
    bool clear = cur_quoted(&what);
    eat(&what, WORDS_DET);
    clear |= cur_quoted(&what) || (!cur_done(&what) && is_capital(&what.t[what.i]));
    if (parse_target(g, &what, USE_TYPE, &t) != P_OK) {
        return P_REFUSED;
    }
    if (!clear && !role_is(t, "textbox combobox spinbutton")) {
        return refuse(g, JUDGEMENT, "name the field: Verify that the \"Search\" field is empty");
    }
    struct action *a = said_put(g, s, ACT_VERIFY_VALUE, t);
    a->has_value = true;
    a->value = STR_EMPTY;
    a->negated = s->negated;
    return P_OK;
}
