/* SPDX-License-Identifier: Apache-2.0
 *
 * Giving values by choosing: options of lists, files. */
#include "worker/steps/parse.h"

#include <string.h>

/* --- lists of choices */

static const char SELECT_WORDS[] =
    "select|selects|choose|chooses|pick|picks|selected|chose|picked|selecting|opt for|choosing";

static void
strip_option_words(struct cur *v)
{
    eat(v, "the option|option|the value|value|the item|the entry|an option|the choice|the options");
    eat(v, WORDS_DET);
    if (v->end - v->i > 1) {
        eat_end(v, "option|item|value|entry|choice");
    }
}

static enum parsed
put_select(struct gram *g, struct cur value, struct cur where)
{
    const struct target *t = NULL;
    int nth = 0;
    int len = 0;
    bool open_choice = at_phrase(&value, "a|an|any|some");
    strip_option_words(&value);
    /* "large" is a judgement, "Large" is what the list says. */
    bool vague = !cur_done(&value) && value.t[value.i].kind == TOK_WORD &&
                 word_is_vague(&value, value.i) && !is_capital(&value.t[value.i]);
    if (cur_done(&value) || vague || (open_choice && !cur_quoted(&value)) ||
        ordinal_at(&value, value.i, &nth, &len) || any_word(&value, "option|options|one|it|them")) {
        return refuse(g, "the step does not say which option by its name",
                      "Select \"Kitchen\" from \"Category\"");
    }
    int quoted = 0;
    for (int i = value.i; i < value.end; i++) {
        quoted += value.t[i].kind == TOK_QUOTED;
    }
    bool list = quoted > 1;
    if (parse_target(g, &where, USE_SELECT, &t) != P_OK) {
        return P_REFUSED;
    }
    for (struct cur v = value; !cur_done(&v);) {
        struct cur one = v;
        one.end = list ? v.i + 1 : v.end;
        if ((list && !cur_quoted(&v)) || (quoted == 1 && value.end - value.i != 1) ||
            one.end - one.i > 8) {
            return refuse(g, "it is unclear which option is meant",
                          "Select \"Kitchen\" from \"Category\"");
        }
        struct action *a = add_action(g, ACT_SELECT, t);
        a->value = cur_quoted(&one) ? one.t[one.i].text : cur_text(g, &one);
        a->has_value = true;
        v.i = one.end;
        eat(&v, ", and|,|and");
    }
    return P_OK;
}

bool
is_scope(const struct cur *where)
{
    return any_word(where,
                    "row|dialog|section|header|footer|sidebar|popup|modal|form|navigation|page|"
                    "toolbar|navbar|table|card|results|panel|screen|calendar|search results");
}

/* "From the Currency menu select EUR". */
static enum parsed
list_first(struct gram *g, struct cur c)
{
    bool used = eat(&c, "use");
    if (!used && !eat(&c, "from|in|on|under|within|using|for|inside")) {
        return P_NO;
    }
    int len = 0;
    int at = find_phrase(&c, c.i + 1, SELECT_WORDS, &len);
    if (at < 0 || at + len >= c.end) {
        return P_NO;
    }
    struct cur where = cur_range(&c, c.i, at);
    if (used && !eat_end(&where, "to|in order to")) {
        return P_NO;
    }
    eat_end(&where, "i|the user|user|you|please");
    eat_end(&where, ",");
    if (is_scope(&where)) {
        return P_NO;
    }
    struct cur value = cur_range(&c, at + len, c.end);
    if (any_word(&value, "from|in")) {
        return P_NO;
    }
    return put_select(g, value, where);
}

/* After "Open the Country dropdown" the list is known. */
static bool
list_is_open(const struct gram *g)
{
    return g->plan->count > 0 && g->last_type == ACT_TAP && is_select_role(g->last);
}

static enum parsed
select_alone(struct gram *g, struct cur c)
{
    const struct target *t = NULL;
    if (list_is_open(g)) {
        struct str v;
        strip_option_words(&c);
        if (parse_value(g, &c, &v) != P_OK) {
            return P_REFUSED;
        }
        struct action *a = add_action(g, ACT_SELECT, g->last);
        a->value = v;
        a->has_value = true;
        return P_OK;
    }
    eat(&c, "on");
    if (at_phrase(&c, "date|day|month|year|time") && !is_capital(&c.t[c.i]) &&
        (c.end - c.i == 1 || word_is_literal(&c.t[c.i + 1]))) {
        return refuse(g, "it is unclear from which field to choose",
                      "Select \"Kitchen\" from \"Category\"");
    }
    if (parse_target(g, &c, USE_TAP, &t) != P_OK) {
        return P_REFUSED;
    }
    add_action(g, ACT_TAP, t);
    return P_OK;
}

/* "the first item in the list": the list has no name, so it is where the thing is. */
static bool
item_of_list(const struct cur *what, const struct cur *list)
{
    struct cur c = *what;
    struct cur where = *list;
    int nth = 0;
    int len = 0;
    eat(&c, WORDS_DET);
    eat(&where, WORDS_DET);
    return eat(&where, "list|results list|result list|menu|context menu|popup menu|pop-up menu|"
                       "dropdown menu|suggestions|popup|options") &&
           cur_done(&where) && (cur_quoted(&c) || ordinal_at(&c, c.i, &nth, &len));
}

enum parsed
clause_chosen(struct gram *g, struct cur c)
{
    if (cur_done(&c)) {
        return refuse(g, "the step does not say what to select",
                      "Select \"Kitchen\" from \"Category\"");
    }
    int len = 0;
    int at = find_phrase(&c, c.i + 1, "from|out of|from within|from inside|from under", &len);
    if (at < 0) {
        at = find_phrase(&c, c.i + 1, "in|as|as the|under|for|on|inside|in to|into|within", &len);
    }
    if (at < 0 && cur_quoted(&c)) {
        at = find_phrase(&c, c.i + 1, "form the|form", &len); /* a slip for "from" */
        at = at == c.i + 1 ? at : -1;
        len = 1;
    }
    if (at > c.i && at + len < c.end) {
        struct cur where = cur_range(&c, at + len, c.end);
        bool page = phrase_len(&c, at, "on the page|on the screen|in the page|in the app") > 0;
        if (!is_scope(&where) && !page && !item_of_list(&c, &where)) {
            g->link = c.t[at].low;
            g->target_first = false;
            return put_select(g, cur_range(&c, c.i, at), where);
        }
    }
    return select_alone(g, c);
}

enum parsed
clause_select(struct gram *g, struct cur c)
{
    enum parsed p = list_first(g, c);
    if (p != P_NO) {
        return p;
    }
    return eat(&c, SELECT_WORDS) ? clause_chosen(g, c) : P_NO;
}

/* --- files */

enum parsed
clause_upload(struct gram *g, struct cur c)
{
    if (!eat(&c,
             "upload|uploads|attach|attaches|upload the file|upload file|attach the file|attach "
             "file|"
             "upload the image|upload the document|upload a file|choose the file|choose file|"
             "select the file|select file|attach the document|attach the image|uploading|"
             "upload image|upload document|upload the photo|upload the picture|attach a file")) {
        return P_NO;
    }
    eat(&c, "named|called|with name");
    if (cur_done(&c) || !is_value_token(&c.t[c.i])) {
        int at = find_phrase(&c, c.i, "with", NULL);
        if (at > c.i && c.end - at == 2 && is_value_token(&c.t[at + 1])) {
            struct cur field = cur_range(&c, c.i, at);
            const struct target *f = NULL;
            if (parse_target(g, &field, USE_TYPE, &f) != P_OK) {
                return P_REFUSED;
            }
            struct action *a = add_action(g, ACT_UPLOAD, f);
            a->value = c.t[c.end - 1].text;
            a->has_value = true;
            return P_OK;
        }
        return refuse(g, "the step does not say which file", "Upload \"cv.pdf\" to \"Resume\"");
    }
    struct str file = c.t[c.i++].text;
    const struct target *t = NULL;
    eat(&c, "file");
    if (!cur_done(&c)) {
        if (!eat(&c, "to|into|in|using|as|as the|via|on|for|through|with|at") ||
            parse_target(g, &c, USE_TYPE, &t) != P_OK) {
            return refuse(g, "it is unclear where to upload the file",
                          "Upload \"cv.pdf\" to \"Resume\"");
        }
    }
    struct action *a = add_action(g, ACT_UPLOAD, t);
    a->value = file;
    a->has_value = true;
    return P_OK;
}
