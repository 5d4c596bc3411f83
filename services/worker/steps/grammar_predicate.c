/* SPDX-License-Identifier: Apache-2.0
 *
 * Predicates: what a statement says of its subject ("is visible", "should show '5'"). What cannot
 * be compared exactly (correct, as expected, looks good) is refused. */
#include "worker/steps/grammar_modifier.h"
#include "worker/steps/grammar_name.h"
#include "worker/steps/grammar_said.h"

#include <string.h>

/* --- what follows "is" */

static const char VISIBLE[] =
    "visible|displayed|shown|present|there|seen|in view|on screen|showing|found|listed|rendered|"
    "available|on the page|on the screen|on page|visible on the page|visible on the screen|"
    "displayed on the page|displayed on the screen|shown on the page|shown on the screen|"
    "present on the page|present on the screen|available on the page|visible to the user|"
    "displayed on screen|visible on screen|available on the screen|existing|on this page|"
    "displayed to the user|shown to the user|still visible|in the page|on the current page|"
    "currently visible|currently displayed|present in the page|now visible|presented|open|opened";
static const char HIDDEN[] =
    "hidden|gone|invisible|absent|missing|removed|not visible|not displayed|not shown|not present|"
    "no longer visible|no longer displayed|no longer shown|no longer present|closed|dismissed|"
    "not there|hidden from the page|removed from the page|gone from the page|not on the page|"
    "no longer on the page|not on the screen|not visible on the page|not displayed on the page|"
    "not visible on the screen|not found|not listed|no longer there|not available";
static const char ENABLED[] = "enabled|clickable|active|interactive|tappable|interactable|editable";
static const char DISABLED[] = "disabled|greyed out|grayed out|inactive|unclickable|grayed-out|"
                               "greyed-out|not enabled|not clickable|not active|grey|non-clickable";
static const char CHECKED[] = "checked|ticked|selected|on|turned on|toggled on|switched "
                              "on|marked|pre-selected|preselected|pre-checked|prechecked|checked "
                              "by default|selected by default|"
                              "toggled|turned-on";
static const char UNCHECKED[] =
    "unchecked|unticked|off|deselected|unselected|not checked|turned off|"
    "not selected|toggled off|switched off|not ticked|cleared of its check";

static enum parsed
placed_visible(struct gram *g, const struct said *s, struct cur rest)
{
    int times = 0;
    struct cur look = rest;
    if (eat_times(&look, &times) && cur_done(&look)) {
        return put_count(g, s, s->subject, times);
    }
    if (eat(&look, "as|with text|with the text|with value|with the value|as the value|with")) {
        struct str v;
        if (said_value(&look, &v) || said_capital(g, &look, &v)) {
            return put_text(g, s, v, MODE_NONE, false);
        }
        return refuse(g, "it is unclear what is compared", HINT_VERIFY);
    }
    int64_t n = 0;
    struct cur subject = s->subject;
    struct cur whole = said_joined(g, &subject, &rest);
    if (!cur_done(&rest) && modifier_at(&whole, whole.end - (rest.end - rest.i)).kind == MOD_NONE) {
        return refuse_words(g, &rest, HINT_VERIFY);
    }
    if (!s->negated && eat_count(&subject, &n)) {
        return put_count(g, s, said_joined(g, &subject, &rest), n);
    }
    return put_visible(g, s, whole);
}

/* Quoted, with a capital, or a kind of place every page may have ("the cart"). */
static bool
names_something(const struct cur *range)
{
    struct cur c = *range;
    for (int i = c.i; i < c.end; i++) {
        if (c.t[i].kind == TOK_QUOTED || c.t[i].var || is_capital(&c.t[i])) {
            return true;
        }
    }
    eat(&c, WORDS_DET);
    return !cur_done(&c) && is_scope_noun(&c);
}

/* "checked", "selected in the list": a state, or what a list shows. */
static enum parsed
after_is_checked(struct gram *g, struct said s, struct cur c)
{
    struct cur value = s.subject;
    struct str v;

    if (cur_done(&c)) {
        return put_state(g, &s, ACT_VERIFY_CHECKED, s.negated);
    }
    eat(&value, WORDS_DET);
    if (eat(&c, "in|from|as|as the|for|in the|from the") && said_value(&value, &v)) {
        s.subject = c;
        return put_text(g, &s, v, MODE_NONE, true);
    }
    return refuse_words(g, &c, HINT_VERIFY);
}

/* "equal to 'A'", "in the cart", "at least 3": a value, a place, or what nobody can compare. */
static enum parsed
after_is_value(struct gram *g, struct said s, struct cur start)
{
    struct cur c = start;
    struct str v;
    bool compared =
        at_phrase(&c, "at least|at most|under|above|below|within|on time|over|between") &&
        !any_word(&c, WORDS_DET) && !cur_done(&c) && c.t[c.end - 1].kind != TOK_QUOTED;
    if (compared || at_phrase(&c, "at least|at most|greater|less|more|fewer|between")) {
        return refuse(g, "values can only be compared exactly", HINT_VERIFY);
    }
    if (eat(&c, "in|inside|within|on|next to|above|below|under|at") && !cur_done(&c)) {
        /* "the date is in the past": neither names anything a page shows. */
        if (!names_something(&s.subject) && !names_something(&c)) {
            return refuse(g, JUDGEMENT, HINT_VERIFY);
        }
        return put_visible(g, &s, said_joined(g, &s.subject, &start));
    }
    c = start;
    bool as_value = eat(&c, "set to|filled with|prefilled with|pre-filled with|populated with|"
                            "filled in with|selected as|pre-populated with");
    eat(&c, "equal to|exactly|equals|shown as|displayed as|the same as|labelled|labeled|updated to|"
            "changed to|called|titled|identical to|precisely");
    if (said_value(&c, &v) || said_capital(g, &c, &v)) {
        return put_text(g, &s, v, MODE_NONE, as_value);
    }
    return refuse(g, JUDGEMENT, HINT_VERIFY);
}

enum parsed
after_is(struct gram *g, struct said s)
{
    struct cur c = s.rest;
    g->subject = s.subject;
    g->denied = s.negated;
    eat(&c, "now|still|also|currently");
    if (s.negated) {
        eat_end(&c, "yet|anymore|any more|any longer");
    }
    struct cur start = c;
    int vis = phrase_len(&c, c.i, VISIBLE);
    int hid = phrase_len(&c, c.i, HIDDEN);
    if (hid > 0 && hid >= vis) {
        c.i += hid;
        s.negated = !s.negated;
        return placed_visible(g, &s, c);
    }
    int checked = phrase_len(&c, c.i, CHECKED);
    if (checked > vis || (checked > 0 && c.i + checked == c.end)) {
        c.i += checked;
        return after_is_checked(g, s, c);
    }
    if (vis > 0) {
        c.i += vis;
        return placed_visible(g, &s, c);
    }
    if (eat(&c, UNCHECKED) && cur_done(&c)) {
        return put_state(g, &s, ACT_VERIFY_CHECKED, !s.negated);
    }
    c = start;
    if (eat(&c, DISABLED) && cur_done(&c)) {
        return put_state(g, &s, s.negated ? ACT_VERIFY_ENABLED : ACT_VERIFY_DISABLED, false);
    }
    c = start;
    if (eat(&c, ENABLED) && cur_done(&c)) {
        return put_state(g, &s, s.negated ? ACT_VERIFY_DISABLED : ACT_VERIFY_ENABLED, false);
    }
    c = start;
    if (eat(&c, "empty|blank|cleared|an empty string") && cur_done(&c)) {
        return put_empty(g, &s);
    }
    return after_is_value(g, s, start);
}

/* --- what follows other verbs */

static enum parsed
shows(struct gram *g, const struct said *s, enum act_mode mode)
{
    struct str v;
    int64_t n = 0;
    struct cur c = s->rest;
    if (said_page(&s->subject)) {
        eat(&c, "the text|text|the word|the words|the phrase|the message|a message|the string|"
                "the following text|the message saying|a message saying");
        if (eat_count(&c, &n)) {
            return put_count(g, s, c, n);
        }
        return put_visible(g, s, c);
    }
    bool as_value = at_phrase(&c, "value|the value|a value|a value of");
    if (said_value(&c, &v) || said_capital(g, &c, &v)) {
        return put_text(g, s, v, mode, as_value);
    }
    eat(&c, "value|the value|a value|a value of|the text|text");
    if (said_value(&c, &v)) {
        return put_text(g, s, v, mode, as_value);
    }
    if (eat_count(&c, &n)) {
        static const struct tok IN[] = {{.kind = TOK_WORD, .low = "in", .text = STR_INIT("in")}};
        struct cur in = {IN, 0, 1};
        struct cur placed = said_joined(g, &c, &in);
        return put_count(g, s, said_joined(g, &placed, &s->subject), n);
    }
    return refuse(g, "it is unclear what is compared", HINT_VERIFY);
}

enum verb { V_IS, V_CONTAINS, V_SHOWS, V_EQUALS, V_EXISTS, V_GONE, V_ENABLED, V_VAGUE };

struct predicate {
    const char *words;
    enum verb verb;
    bool negated;
};

static const struct predicate PREDICATES[] = {
    {"is|are|was|were|should be|must be|to be|will be|shall be|becomes|remains|stays|has been|"
     "have been|has become|can be|should now be|should still be|should become|should "
     "remain|got|gets|"
     "ought to be|needs to be|should have been|should stay|be|should also be|must still be|'s|"
     "has to be",
     V_IS, false},
    {"is not|isn't|are not|aren't|was not|wasn't|should not be|shouldn't be|must not be|is no "
     "longer|"
     "are no longer|should no longer be|not to be|to not be|cannot be|can't be|will not be|won't "
     "be|"
     "were not|weren't|mustn't be|can not be|has not been|hasn't been|not be|should never be|is "
     "never|"
     "ain't|to no longer be|to never be",
     V_IS, true},
    {"contains|contain|should contain|includes|include|should include|to contain|to include|"
     "must contain|must include|does contain|containing|contains the text|will contain",
     V_CONTAINS, false},
    {"does not contain|doesn't contain|should not contain|shouldn't contain|does not include|"
     "doesn't include|do not contain|don't contain|not to contain|to not contain|must not contain|"
     "no longer contains|should not include|shouldn't include|not contain|cannot contain|"
     "should no longer contain|to not include|never contains",
     V_CONTAINS, true},
    {"shows|show|should show|displays|display|should display|reads|should read|says|should say|"
     "has|have|should have|has the text|should have the text|has text|should have text|states|"
     "holds|should hold|must hold|to hold|to have|to show|to display|to read|to say|must have|must "
     "show|must display|shows the text|"
     "displays the text|should state|to have text|to have the text|indicates|must say|must read",
     V_SHOWS, false},
    {"does not show|doesn't show|should not show|does not display|doesn't display|does not have|"
     "doesn't have|should not have|shouldn't have|should not display|shouldn't show|shouldn't "
     "display|"
     "does not say|doesn't say|does not read|no longer shows|no longer displays|to not have|"
     "not to have|to not show|not to show|should no longer show|should no longer have",
     V_SHOWS, true},
    {"equals|should equal|is equal to|are equal to|to equal|should be equal to|must equal|equal|"
     "is exactly|should be exactly|to be equal to|does equal",
     V_EQUALS, false},
    {"does not equal|doesn't equal|should not equal|is not equal to|isn't equal to|"
     "should not be equal to|shouldn't equal|to not equal",
     V_EQUALS, true},
    {"exists|exist|should exist|appears|appear|should appear|shows up|should show up|pops up|"
     "to appear|to exist|is there|are there|comes up|does exist|must appear|must exist|appeared|"
     "has appeared|have appeared|to show up|will appear|show up|exists on|should pop up|should be "
     "there",
     V_EXISTS, false},
    {"does not exist|doesn't exist|should not exist|does not appear|doesn't appear|do not appear|"
     "should not appear|shouldn't appear|shouldn't exist|don't appear|not to appear|to not appear|"
     "not to exist|to not exist|no longer exists|must not appear|never appears|don't exist|"
     "do not exist|no longer appears|should no longer appear|should no longer exist|did not appear|"
     "not exist|not appear|must not exist",
     V_EXISTS, true},
    {"disappears|disappear|should disappear|vanishes|goes away|disappeared|has disappeared|"
     "to disappear|have disappeared|should vanish|should go away|closes|should close",
     V_GONE, false},
    {"can be clicked|can be tapped|can be pressed|should be able to be clicked|is able to be "
     "clicked|"
     "are clickable",
     V_ENABLED, false},
    {"cannot be clicked|can't be clicked|can not be clicked|cannot be tapped|can't be tapped|"
     "cannot be pressed|can't be pressed",
     V_ENABLED, true},
    {"matches|should match|to match|starts with|ends with|begins with|should start with|"
     "should end with|works|looks|should work|should look|behaves|loads|functions|opens|updates|"
     "changes|increases|decreases|works as|is working|seems|feels|responds|should load|redirects|"
     "should open",
     V_VAGUE, false},
};

bool
predicate_lists(const struct predicate *p)
{
    return p != NULL && !p->negated && (p->verb == V_CONTAINS || p->verb == V_SHOWS);
}

const struct predicate *
predicate_at(const struct cur *c, int i, int *out_len)
{
    const struct predicate *best = NULL;
    struct tok without[8];
    struct cur plain = {without, 0, 0};
    *out_len = 0;
    /* "should now show" is "should show". */
    if (phrase_len(c, i, "should|must|will|does|do") > 0 &&
        phrase_len(c, i + 1, "now|still|also|then|therefore") > 0 && c->t[i].kind == TOK_WORD) {
        for (int k = i; k < c->end && plain.end < 8; k++) {
            without[plain.end] = c->t[k];
            plain.end += k != i + 1;
        }
        best = predicate_at(&plain, 0, out_len);
        *out_len += best != NULL;
    }
    for (size_t k = 0; k < ARRAY_LEN(PREDICATES); k++) {
        int n = phrase_len(c, i, PREDICATES[k].words);
        if (n > *out_len) {
            *out_len = n;
            best = &PREDICATES[k];
        }
    }
    return best;
}

enum parsed
by_verb(struct gram *g, struct said s, const struct predicate *p)
{
    struct str v;
    s.negated ^= p->negated;
    g->subject = s.subject;
    g->denied = s.negated;
    g->said = p;
    switch (p->verb) {
    case V_IS:
        /* "'A' is visible but 'B' is not" */
        if (cur_done(&s.rest) && s.negated && g->plan->count > 0 &&
            g->last_type == ACT_VERIFY_VISIBLE) {
            return put_visible(g, &s, s.subject);
        }
        return after_is(g, s);
    case V_CONTAINS:
        return shows(g, &s, MODE_CONTAINS);
    case V_SHOWS:
        return shows(g, &s, MODE_NONE);
    case V_EQUALS:
        if (said_value(&s.rest, &v) || said_capital(g, &s.rest, &v)) {
            return put_text(g, &s, v, MODE_NONE, false);
        }
        return refuse(g, "it is unclear what is compared", HINT_VERIFY);
    case V_ENABLED:
        return cur_done(&s.rest)
                   ? put_state(g, &s, s.negated ? ACT_VERIFY_DISABLED : ACT_VERIFY_ENABLED, false)
                   : refuse_words(g, &s.rest, HINT_VERIFY);
    case V_EXISTS:
        return placed_visible(g, &s, s.rest);
    case V_GONE:
        s.negated = !s.negated;
        return cur_done(&s.rest) ? put_visible(g, &s, s.subject)
                                 : refuse_words(g, &s.rest, HINT_VERIFY);
    default:
        return refuse(g, JUDGEMENT, HINT_VERIFY);
    }
}
