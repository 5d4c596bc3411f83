/* SPDX-License-Identifier: Apache-2.0
 *
 * Questions: "Is 'Save' enabled?" verifies what it asks. */
#include "worker/steps/grammar_said.h"

#include <string.h>

/* --- questions */

/* "Is X visible?": the place of the predicate is where the rest can be understood. */
static enum parsed
question_is(struct gram *g, struct cur c)
{
    struct said s = {0};
    static const char STATES[] =
        "visible|displayed|shown|present|enabled|disabled|checked|selected|hidden|empty|clickable|"
        "unchecked|ticked|on the page|on the screen|equal to|gone|available|blank|not visible|"
        "greyed out|grayed out|set to|not displayed|not present|active|not enabled|not checked|in";
    int at = find_phrase(&c, c.i + 1, STATES, NULL);
    if (at < 0 && c.end - c.i >= 2) {
        const struct tok *last = &c.t[c.end - 1];
        at = last->kind == TOK_QUOTED || word_is_literal(last) ? c.end - 1 : -1;
    }
    if (at < 0) {
        return refuse(g, JUDGEMENT, HINT_VERIFY);
    }
    s.subject = cur_range(&c, c.i, at);
    s.rest = cur_range(&c, at, c.end);
    struct cur page = s.subject;
    struct str v;
    if ((eat_url_subject(&page) || eat_title_subject(&page)) && cur_done(&page) &&
        said_value(&s.rest, &v)) {
        page = s.subject;
        struct action *a =
            said_put(g, &s, eat_url_subject(&page) ? ACT_VERIFY_URL : ACT_VERIFY_TITLE, NULL);
        a->value = v;
        a->has_value = true;
        return P_OK;
    }
    return after_is(g, s);
}

static enum parsed
question_does(struct gram *g, struct cur c)
{
    for (int i = c.i + 1; i < c.end; i++) {
        int len = 0;
        const struct predicate *p = c.t[i].kind == TOK_WORD ? predicate_at(&c, i, &len) : NULL;
        if (p != NULL) {
            struct cur url = cur_range(&c, c.i, i);
            struct said s = {.subject = url, .rest = cur_range(&c, i + len, c.end)};
            if (eat_url_subject(&url) && cur_done(&url)) {
                return put_page_value(g, &s, ACT_VERIFY_URL, cur_range(&c, i, c.end));
            }
            url = s.subject;
            if (eat_title_subject(&url) && cur_done(&url)) {
                return put_page_value(g, &s, ACT_VERIFY_TITLE, cur_range(&c, i, c.end));
            }
            return by_verb(g, s, p);
        }
    }
    return refuse(g, JUDGEMENT, HINT_VERIFY);
}

enum parsed
parse_question(struct gram *g, struct cur c)
{
    struct said s = {0};
    if (eat(&c, "is there|are there")) {
        int64_t n = 0;
        if (eat_count(&c, &n)) {
            return put_count(g, &s, c, n);
        }
        return put_visible(g, &s, c);
    }
    if (eat(&c, "can i see|do i see|do we see|do you see|can you see|can the user see|does the "
                "user see|can we see")) {
        return put_visible(g, &s, c);
    }
    if (eat(&c, "is|are")) {
        return question_is(g, c);
    }
    return eat(&c, "does|do") ? question_does(g, c) : P_NO;
}
