/* SPDX-License-Identifier: Apache-2.0
 *
 * Verifications: "verify that <subject> <predicate>", statements and questions. What cannot be
 * compared exactly (correct, as expected, looks good) is refused. */
#include "worker/steps/parse.h"

#include <string.h>

static const char HINT_VERIFY[] = "say what is to be seen: Verify that \"Saved\" is visible";
static const char JUDGEMENT[] = "that needs judgement: a program cannot compare it";

/* What a predicate said, before the subject is looked at. */
struct said {
    bool negated;
    struct cur subject;
    struct cur rest; /* behind the copula or verb */
    int64_t timeout_us;
};

/* --- helpers */

static bool
page_subject(const struct cur *range)
{
    struct cur c = *range;
    eat(&c, WORDS_DET);
    return eat(&c,
               "page|screen|current page|current screen|website|app|view|new page|body|page body|"
               "next page|resulting page|window|web page|webpage|page content|next screen|"
               "new screen|application|page text|user interface|ui|content of the page") &&
           cur_done(&c);
}

static bool
one_value(const struct cur *range, struct str *out)
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
static bool
capital_value(const struct gram *g, const struct cur *c, struct str *out)
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

static struct action *
put(struct gram *g, const struct said *s, enum act_type type, const struct target *t)
{
    struct action *a = add_action(g, type, t);
    a->timeout_us = s->timeout_us;
    return a;
}

static bool
is_role(const struct target *t, const char *roles)
{
    return t->role != NULL && strstr(roles, t->role) != NULL;
}

/* Subject and place stand apart ("'X' is shown in the header"): one range again. */
static struct cur
joined(struct gram *g, const struct cur *a, const struct cur *b)
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

/* "buttons" as "button": roles are listed in the singular. */
static struct cur
singular(struct gram *g, const struct cur *range)
{
    struct cur empty = {range->t, range->i, range->i};
    struct cur c = joined(g, range, &empty);
    struct tok *t = ARENA_ARRAY(g->arena, (size_t)(c.end > 0 ? c.end : 1), struct tok);
    if (t == NULL || cur_done(&c)) {
        return *range;
    }
    memcpy(t, c.t, (size_t)c.end * sizeof(*t));
    static const char PLURALS[] =
        "buttons|links|rows|checkboxes|fields|images|tabs|options|headings|"
        "dropdowns|radios|dialogs|switches|toggles|columns|icons|pictures";
    for (int i = 0; i < c.end; i++) {
        struct cur one = {t, i, c.end};
        size_t n = strlen(t[i].low);
        if (phrase_len(&one, i, PLURALS) > 0) {
            size_t cut =
                strcmp(t[i].low, "checkboxes") == 0 || strcmp(t[i].low, "switches") == 0 ? 2 : 1;
            char *low = arena_strz(g->arena, str_n(t[i].low, n - cut));
            t[i].low = low != NULL ? low : "";
        }
    }
    return (struct cur){t, 0, c.end};
}

static enum parsed
put_count(struct gram *g, const struct said *s, struct cur what, int64_t count)
{
    const struct target *t = NULL;
    struct cur c = singular(g, &what);
    eat_end(&c, "visible|displayed|shown|present|listed|available");
    if (cur_done(&c) || parse_target(g, &c, USE_VERIFY, &t) != P_OK) {
        return refuse(g, "it is unclear what to count", "Verify that there are 3 \"Edit\" buttons");
    }
    if (s->negated) {
        return refuse(g, "it is unclear how many there should be", "Verify that there are 3 rows");
    }
    struct action *a = put(g, s, ACT_VERIFY_COUNT, t);
    a->count = count;
    a->has_count = true;
    return P_OK;
}

/* "3 items are visible", "there are 3 rows in the table". */
static bool
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

static enum parsed
put_visible(struct gram *g, const struct said *s, struct cur what)
{
    const struct target *t = NULL;
    enum act_type type = s->negated ? ACT_VERIFY_NOT_VISIBLE : ACT_VERIFY_VISIBLE;
    bool list = false;
    for (struct cur look = what; !cur_done(&look);) {
        list = cur_quoted(&look);
        look.i += list;
        if (!list || cur_done(&look)) {
            break;
        }
        list = eat(&look, ", and|,|and|nor|or") && cur_quoted(&look);
        if (!list) {
            break;
        }
        list = true;
    }
    if (list && what.end - what.i > 1) {
        for (int i = what.i; i < what.end; i++) {
            struct target *one =
                what.t[i].kind == TOK_QUOTED ? ARENA_NEW(g->arena, struct target) : NULL;
            if (one != NULL) {
                *one = (struct target){.name = what.t[i].text, .quoted = true};
                put(g, s, type, one);
            }
        }
        return P_OK;
    }
    if (parse_target(g, &what, USE_VERIFY, &t) != P_OK) {
        return P_REFUSED;
    }
    if (t->name.n == 0 && t->role == NULL) {
        return refuse(g, "it is unclear what should be seen", HINT_VERIFY);
    }
    put(g, s, type, t);
    return P_OK;
}

static enum parsed
put_text(struct gram *g, const struct said *s, struct str value, enum act_mode mode, bool as_value)
{
    const struct target *t = NULL;
    struct cur subject = s->subject;
    struct cur plain = subject;
    bool said_value =
        eat(&subject, "the value of|the value in|value of|the value for|the contents of");
    bool said_text = !said_value && eat(&subject, "the text of|the text in|text of|the label of|"
                                                  "the text on|the caption of|the content of");
    if (page_subject(&plain)) {
        return refuse(g, "it is unclear what on the page is compared", HINT_VERIFY);
    }
    if (parse_target(g, &subject, USE_VERIFY, &t) != P_OK) {
        return P_REFUSED;
    }
    if (t->role != NULL && t->name.n == 0 && t->nth == 0 && t->near == NULL && !s->negated &&
        mode != MODE_CONTAINS && !as_value && is_role(t, "heading alert dialog button link")) {
        struct target *named = ARENA_NEW(g->arena, struct target);
        if (named == NULL) {
            return P_REFUSED;
        }
        *named = *t;
        named->name = value;
        named->quoted = true;
        put(g, s, ACT_VERIFY_VISIBLE, named);
        return P_OK;
    }
    bool field = is_role(t, "textbox combobox spinbutton slider") && !said_text;
    struct action *a =
        put(g, s, as_value || said_value || field ? ACT_VERIFY_VALUE : ACT_VERIFY_TEXT, t);
    a->value = value;
    a->has_value = true;
    a->mode = mode;
    a->negated = s->negated;
    return P_OK;
}

static enum parsed
put_state(struct gram *g, const struct said *s, enum act_type type, bool negated)
{
    const struct target *t = NULL;
    struct cur what = s->subject;
    if (parse_target(g, &what, type == ACT_VERIFY_CHECKED ? USE_CHECK : USE_VERIFY, &t) != P_OK) {
        return P_REFUSED;
    }
    if (t->name.n == 0 && t->near == NULL && t->nth == 0 && t->within == NULL) {
        return refuse(g, "the step does not say which one", HINT_VERIFY);
    }
    put(g, s, type, t)->negated = negated;
    return P_OK;
}

/* "is empty": of a field; a cart is empty only in somebody's judgement. */
static enum parsed
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
    if (!clear && !is_role(t, "textbox combobox spinbutton")) {
        return refuse(g, JUDGEMENT, "name the field: Verify that the \"Search\" field is empty");
    }
    struct action *a = put(g, s, ACT_VERIFY_VALUE, t);
    a->has_value = true;
    a->value = STR_EMPTY;
    a->negated = s->negated;
    return P_OK;
}

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
static const char CHECKED[] = "checked|ticked|selected|on|turned on|toggled on|switched on|marked|"
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
        if (one_value(&look, &v) || capital_value(g, &look, &v)) {
            return put_text(g, s, v, MODE_NONE, false);
        }
        return refuse(g, "it is unclear what is compared", HINT_VERIFY);
    }
    int64_t n = 0;
    struct cur subject = s->subject;
    if (!s->negated && eat_count(&subject, &n)) {
        return put_count(g, s, joined(g, &subject, &rest), n);
    }
    return put_visible(g, s, joined(g, &s->subject, &rest));
}

static enum parsed
after_is(struct gram *g, struct said s)
{
    struct cur c = s.rest;
    struct str v;
    eat(&c, "now|still|also|currently|always");
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
        if (cur_done(&c)) {
            return put_state(g, &s, ACT_VERIFY_CHECKED, s.negated);
        }
        struct cur value = s.subject;
        eat(&value, WORDS_DET);
        if (eat(&c, "in|from|as|as the|for|in the|from the") && one_value(&value, &v)) {
            s.subject = c;
            return put_text(g, &s, v, MODE_NONE, true);
        }
        return refuse(g, "words are left over", HINT_VERIFY);
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
    c = start;
    bool compared =
        at_phrase(&c, "at least|at most|under|above|below|within|on time|over|between") &&
        !any_word(&c, WORDS_DET) && !cur_done(&c) && c.t[c.end - 1].kind != TOK_QUOTED;
    if (compared || at_phrase(&c, "at least|at most|greater|less|more|fewer|between")) {
        return refuse(g, "values can only be compared exactly", HINT_VERIFY);
    }
    if (eat(&c, "in|inside|within|on|next to|above|below|under|at") && !cur_done(&c)) {
        return put_visible(g, &s, joined(g, &s.subject, &start));
    }
    c = start;
    bool as_value = eat(&c, "set to|filled with|prefilled with|pre-filled with|populated with|"
                            "filled in with|selected as|pre-populated with");
    eat(&c, "equal to|exactly|equals|shown as|displayed as|the same as|labelled|labeled|updated to|"
            "changed to|called|titled|identical to|precisely");
    if (one_value(&c, &v) || capital_value(g, &c, &v)) {
        return put_text(g, &s, v, MODE_NONE, as_value);
    }
    return refuse(g, JUDGEMENT, HINT_VERIFY);
}

/* --- what follows other verbs */

static enum parsed
shows(struct gram *g, const struct said *s, enum act_mode mode)
{
    struct str v;
    int64_t n = 0;
    struct cur c = s->rest;
    if (page_subject(&s->subject)) {
        eat(&c, "the text|text|the word|the words|the phrase|the message|a message|the string|"
                "the following text|the message saying|a message saying");
        if (eat_count(&c, &n)) {
            return put_count(g, s, c, n);
        }
        return put_visible(g, s, c);
    }
    bool as_value = at_phrase(&c, "value|the value|a value|a value of");
    if (one_value(&c, &v) || capital_value(g, &c, &v)) {
        return put_text(g, s, v, mode, as_value);
    }
    eat(&c, "value|the value|a value|a value of|the text|text");
    if (one_value(&c, &v)) {
        return put_text(g, s, v, mode, as_value);
    }
    if (eat_count(&c, &n)) {
        static const struct tok IN[] = {{.kind = TOK_WORD, .low = "in", .text = STR_INIT("in")}};
        struct cur in = {IN, 0, 1};
        struct cur placed = joined(g, &c, &in);
        return put_count(g, s, joined(g, &placed, &s->subject), n);
    }
    return refuse(g, "it is unclear what is compared", HINT_VERIFY);
}

enum verb { V_IS, V_CONTAINS, V_SHOWS, V_EQUALS, V_EXISTS, V_GONE, V_VAGUE };

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
     "to have|to show|to display|to read|to say|must have|must show|must display|shows the text|"
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
    {"matches|should match|to match|starts with|ends with|begins with|should start with|"
     "should end with|works|looks|should work|should look|behaves|loads|functions|opens|updates|"
     "changes|increases|decreases|works as|is working|seems|feels|responds|should load|redirects|"
     "should open",
     V_VAGUE, false},
};

static const struct predicate *
predicate_at(const struct cur *c, int i, int *out_len)
{
    const struct predicate *best = NULL;
    *out_len = 0;
    for (size_t k = 0; k < ARRAY_LEN(PREDICATES); k++) {
        int n = phrase_len(c, i, PREDICATES[k].words);
        if (n > *out_len) {
            *out_len = n;
            best = &PREDICATES[k];
        }
    }
    return best;
}

static enum parsed
by_verb(struct gram *g, struct said s, const struct predicate *p)
{
    struct str v;
    s.negated ^= p->negated;
    switch (p->verb) {
    case V_IS:
        return after_is(g, s);
    case V_CONTAINS:
        return shows(g, &s, MODE_CONTAINS);
    case V_SHOWS:
        return shows(g, &s, MODE_NONE);
    case V_EQUALS:
        if (one_value(&s.rest, &v) || capital_value(g, &s.rest, &v)) {
            return put_text(g, &s, v, MODE_NONE, false);
        }
        return refuse(g, "it is unclear what is compared", HINT_VERIFY);
    case V_EXISTS:
        return placed_visible(g, &s, s.rest);
    case V_GONE:
        s.negated = !s.negated;
        return cur_done(&s.rest) ? put_visible(g, &s, s.subject)
                                 : refuse(g, "words are left over", HINT_VERIFY);
    default:
        return refuse(g, JUDGEMENT, HINT_VERIFY);
    }
}

/* --- address and title */

static enum parsed
put_page_value(struct gram *g, const struct said *s, enum act_type type, struct cur c)
{
    struct str v;
    enum act_mode mode = MODE_NONE;
    bool negated = s->negated;
    if (eat(&c,
            "does not contain|doesn't contain|should not contain|is not|isn't|should not be|"
            "does not include|doesn't include|not to contain|to not contain|should not include")) {
        negated = true;
        mode = phrase_len(&c, c.i - 1, "contain|include") > 0 ? MODE_CONTAINS : MODE_NONE;
    } else if (eat(&c,
                   "contains|should contain|includes|contain|to contain|should include|include|has|"
                   "must contain|containing|to include|should have|contains the text|have")) {
        mode = MODE_CONTAINS;
    } else if (!eat(&c,
                    "is|should be|equals|to be|is now|should equal|is equal to|must be|reads|"
                    "should be equal to|changes to|should change to|changed to|says|equal|be|"
                    "has changed to|should now be|will be|to equal|should read|has become|shows|"
                    "is exactly|is set to|becomes|should become")) {
        return refuse(g, "it is unclear what is compared",
                      "Verify that the URL contains \"/cart\"");
    }
    if (!one_value(&c, &v) && !(type == ACT_VERIFY_TITLE && capital_value(g, &c, &v))) {
        return refuse(g, "it is unclear what is compared",
                      "Verify that the URL contains \"/cart\"");
    }
    struct action *a = put(g, s, type, NULL);
    a->value = v;
    a->has_value = true;
    a->mode = mode;
    a->negated = negated;
    return P_OK;
}

/* "I should be on '/dashboard'". */
static enum parsed
put_location(struct gram *g, const struct said *s, struct cur c)
{
    struct str v;
    eat(&c, "the");
    eat(&c, "page|url|page at|url of|page with url|path|address|route|page with the url|link");
    eat_end(&c, "page|url|screen|path|route");
    if (c.end - c.i == 1 && text_is_address(c.t[c.i].text)) {
        v = c.t[c.i].text;
        struct action *a = put(g, s, ACT_VERIFY_URL, NULL);
        a->value = v;
        a->has_value = true;
        a->negated = s->negated;
        return P_OK;
    }
    return refuse(g, "a page can be recognised by its address or by something on it",
                  "Verify that the URL contains \"/dashboard\"");
}

static bool
eat_url_subject(struct cur *c)
{
    return eat(c,
               "the url|url|the current url|current url|the page url|page url|the browser url|"
               "the address|the address bar|the current page url|the url of the page|the path|"
               "the current path|the url path|browser url|the page's url|the current address|"
               "this url|the page address|address bar|the web address|the link in the address bar|"
               "current page url|the url in the address bar|the url of the current page|path|"
               "the browser address|that the url|my url");
}

static bool
eat_title_subject(struct cur *c)
{
    return eat(c, "the page title|page title|the title of the page|the browser title|the tab title|"
                  "the document title|title of the page|browser title|the title|title|"
                  "the title of the current page|the page's title|the window title|window title|"
                  "tab title|the current page title|document title|the browser tab title|"
                  "the title of the tab|web page title|the web page title|the website title");
}

static bool
eat_location(struct cur *c, bool *out_negated)
{
    *out_negated = false;
    if (eat(c, "should not be on|am not on|is not on|shouldn't be on|should not be at")) {
        *out_negated = true;
        return true;
    }
    return eat(
        c, "should be on|am on|should be at|am at|should be redirected to|am redirected to|"
           "is redirected to|get redirected to|should be taken to|am taken to|is taken to|"
           "should land on|land on|lands on|should be navigated to|is navigated to|is on|are on|"
           "are redirected to|should get redirected to|gets redirected to|should see the url|"
           "is sent to|has been redirected to|was redirected to|should be sent to|is at|"
           "was taken to|were redirected to|will be redirected to|should arrive at|arrive at|"
           "should be directed to|is directed to|must be on|should now be on|are now on|"
           "is now on|am now on|should end up on|end up on|ends up on|must be redirected to|"
           "redirects to|has navigated to|navigates to|should navigate to|should redirect to");
}

/* --- statements */

static void
take_timeout(struct cur *c, int64_t *out_us)
{
    for (int i = c->i + 1; i < c->end; i++) {
        struct cur tail = cur_range(c, i, c->end);
        eat(&tail, ",");
        if (eat(&tail, "within|in less than|in under|after at most|in at most|--timeout|"
                       "with a timeout of|within at most|no later than") &&
            eat_duration(&tail, out_us) && cur_done(&tail)) {
            c->end = i;
            return;
        }
    }
}

static bool
is_person(struct cur *c)
{
    return eat(c,
               "i|the user|user|we|you|a user|the customer|the visitor|users|customer|she|he|they|"
               "the browser|browser|the tester|the page|the app|page|the application|the website|"
               "the admin|the system|admin");
}

/* "I should see 'X'", "the user can see …"; *out_not for the opposite. */
static bool
eat_sees(struct cur *c, bool *out_not)
{
    struct cur look = *c;
    (void)is_person(&look);
    if (eat(&look, "should not see|don't see|do not see|cannot see|can't see|shouldn't see|"
                   "does not see|doesn't see|no longer see|should no longer see|can no longer see|"
                   "must not see|not see|should never see|no longer sees|can not see|"
                   "should not be able to see|won't see|will not see")) {
        *out_not = true;
    } else if (eat(&look,
                   "should see|see|sees|can see|should be able to see|must see|is able to see|"
                   "am able to see|will see|should now see|should still see|should also see|"
                   "look for|looks for|should be shown|is shown|am shown|are shown|"
                   "should be presented with|is presented with|should find|find|can find|saw|"
                   "expect to see|still see|still sees|observe|notice|should observe|"
                   "should notice")) {
        *out_not = false;
    } else {
        return false;
    }
    *c = look;
    return true;
}

static enum parsed
seen(struct gram *g, struct said s, struct cur c)
{
    int64_t n = 0;
    eat(&c, "that|:");
    int len = 0;
    for (int i = c.i + 1; i < c.end; i++) {
        if (predicate_at(&c, i, &len) != NULL && c.t[i].kind == TOK_WORD) {
            struct cur whole = c;
            return s.negated ? refuse(g, "the negation is unclear", HINT_VERIFY)
                             : parse_statement(g, whole);
        }
    }
    eat(&c, "the text|text|a text|the words|the word|the message|a message|the phrase|"
            "a message saying|the message saying|a message that says|the following text");
    if (!s.negated && eat_count(&c, &n)) {
        return put_count(g, &s, c, n);
    }
    return put_visible(g, &s, c);
}

/* "there are 3 rows", "there is no 'Error'". */
static enum parsed
there_is(struct gram *g, struct said s, struct cur c)
{
    int64_t n = 0;
    if (eat(&c, "is not|isn't|are not|aren't|should not be|shouldn't be")) {
        s.negated = true;
        eat(&c, "any");
    } else if (!eat(&c, "is|are|should be|must be|exists|exist|are exactly|appears|appear|should "
                        "exist")) {
        return refuse(g, "it is unclear what should be there", HINT_VERIFY);
    }
    if (eat(&c, "no|not any|zero")) {
        s.negated = true;
    }
    eat(&c, "exactly|only|a total of");
    if (at_phrase(&c, "at least|more than|less than|at most|fewer than|over|up to")) {
        return refuse(g, "counts can only be compared exactly", "Verify that there are 3 rows");
    }
    if (!s.negated && eat_count(&c, &n)) {
        return put_count(g, &s, c, n);
    }
    eat_end(&c, "visible|displayed|shown|present");
    eat(&c, "the text|text|a text");
    return put_visible(g, &s, c);
}

static enum parsed
number_of(struct gram *g, const struct said *s, struct cur c)
{
    int len = 0;
    int at = find_phrase(&c, c.i + 1, "is|equals|should be|is equal to|should equal|are", &len);
    int64_t n = 0;
    if (at < 0) {
        return refuse(g, "it is unclear what to count", "Verify that there are 3 rows");
    }
    struct cur number = cur_range(&c, at + len, c.end);
    eat(&number, "exactly");
    if (number.end - number.i != 1) {
        return refuse(g, "counts can only be compared exactly", "Verify that there are 3 rows");
    }
    if (!number_at(&number, number.i, &n) &&
        str_to_i64(number.t[number.i].text, 0, 1000000, &n) != RC_OK) {
        return refuse(g, "counts can only be compared exactly", "Verify that there are 3 rows");
    }
    return put_count(g, s, cur_range(&c, c.i, at), n);
}

/* Statements about the page as a whole. P_NO when it is about a thing on it. */
static enum parsed
page_statement(struct gram *g, struct said s, struct cur c)
{
    struct cur look = c;
    bool no = false;
    if (eat_sees(&look, &no)) {
        s.negated = no;
        return seen(g, s, look);
    }
    (void)is_person(&look);
    if (eat_location(&look, &no)) {
        s.negated = no;
        if (look.end - look.i <= 5 && look.i > c.i) {
            return put_location(g, &s, look);
        }
    }
    look = c;
    if (eat_url_subject(&look) && !cur_done(&look) && !cur_quoted(&look)) {
        return put_page_value(g, &s, ACT_VERIFY_URL, look);
    }
    look = c;
    if (eat_title_subject(&look) && !cur_done(&look) && !cur_quoted(&look)) {
        return put_page_value(g, &s, ACT_VERIFY_TITLE, look);
    }
    look = c;
    if (eat(&look, "there") && !cur_done(&look)) {
        return there_is(g, s, look);
    }
    look = c;
    if (eat(&look, "the number of|number of|the count of|count of|the total number of")) {
        return number_of(g, &s, look);
    }
    return P_NO;
}

enum parsed
parse_statement(struct gram *g, struct cur c)
{
    struct said s = {0};
    take_timeout(&c, &s.timeout_us);
    enum parsed p = page_statement(g, s, c);
    if (p != P_NO) {
        return p;
    }
    if (eat(&c, "no")) {
        s.negated = true;
    }
    for (int i = c.i + 1; i < c.end; i++) {
        int len = 0;
        const struct predicate *found = c.t[i].kind == TOK_WORD ? predicate_at(&c, i, &len) : NULL;
        if (found == NULL) {
            continue;
        }
        s.subject = cur_range(&c, c.i, i);
        s.rest = cur_range(&c, i + len, c.end);
        return by_verb(g, s, found);
    }
    return P_NO;
}

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
        one_value(&s.rest, &v)) {
        page = s.subject;
        struct action *a =
            put(g, &s, eat_url_subject(&page) ? ACT_VERIFY_URL : ACT_VERIFY_TITLE, NULL);
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

static enum parsed
question(struct gram *g, struct cur c)
{
    struct said s = {0};
    if (eat(&c, "is there|are there")) {
        int64_t n = 0;
        if (eat_count(&c, &n)) {
            return put_count(g, &s, c, n);
        }
        return put_visible(g, &s, c);
    }
    if (eat(&c, "can i see|do i see|can you see|can the user see|does the user see|can we see")) {
        return put_visible(g, &s, c);
    }
    if (eat(&c, "is|are")) {
        return question_is(g, c);
    }
    return eat(&c, "does|do") ? question_does(g, c) : P_NO;
}

/* --- the clause */

static const char VERIFY_WORDS[] =
    "verify|verifies|assert|asserts|ensure|ensures|confirm|confirms|validate|validates|make sure|"
    "makes sure|expect|expects|be sure|check to make sure|double check|double-check|verify to see|"
    "check and confirm|verifying|verify and confirm|make certain|test|test to see|checking|"
    "assert to see|verified|asserting|validating|confirming|ensuring|prove|it is expected|"
    "check to see|check to ensure|please verify|require|visually verify|re-verify";

/* "Verify 'X'": seen is what is meant. Unquoted only with a kind. */
static enum parsed
bare_subject(struct gram *g, struct cur c)
{
    struct said s = {0};
    const char *role = NULL;
    int len = 0;
    bool quoted = false;
    eat(&c,
        "the presence of|presence of|the existence of|existence of|the visibility of|visibility of|"
        "for the presence of|for");
    bool presence = c.i > 0 && phrase_len(&c, c.i - 1, "of") > 0;
    for (int i = c.i; i < c.end; i++) {
        quoted |= c.t[i].kind == TOK_QUOTED || c.t[i].var;
    }
    struct cur core = c;
    eat(&core, WORDS_DET);
    bool kind =
        role_at_end(&core, USE_VERIFY, &role, &len) && role != NULL && len < core.end - core.i;
    if (cur_done(&c) || (!quoted && !kind && !presence)) {
        return refuse(g, "it is unclear what is verified", HINT_VERIFY);
    }
    eat(&c, "the text|text");
    return put_visible(g, &s, c);
}

/* "check" verifies when "that" or a predicate follows, else it ticks (clause_check). */
static enum parsed
verify_by_check(struct gram *g, struct cur c)
{
    if (eat(&c, "that|if|whether|to see if|to see that|to see whether")) {
        eat(&c, "that");
        enum parsed p = parse_statement(g, c);
        return p == P_NO ? refuse(g, "it is unclear what is verified", HINT_VERIFY) : p;
    }
    if (at_phrase(&c, "for|the presence of|presence of|the existence of")) {
        eat(&c, "for");
        enum parsed p = parse_statement(g, c);
        return p == P_NO ? bare_subject(g, c) : p;
    }
    return parse_statement(g, c);
}

enum parsed
clause_verify(struct gram *g, struct cur c)
{
    if (eat(&c, "check|checks|see if|see whether|see that|check out if")) {
        return verify_by_check(g, c);
    }
    if (!eat(&c, VERIFY_WORDS)) {
        return P_NO;
    }
    eat(&c, "that|if|whether|,|:");
    eat(&c, "that|:");
    if (cur_done(&c)) {
        return refuse(g, "it is unclear what is verified", HINT_VERIFY);
    }
    enum parsed p = parse_statement(g, c);
    return p == P_NO ? bare_subject(g, c) : p;
}

enum parsed
clause_statement(struct gram *g, struct cur c)
{
    if (g->question || at_phrase(&c, "is|are|does|do|can i see|is there|are there")) {
        enum parsed p = question(g, c);
        if (p != P_NO) {
            return p;
        }
    }
    return parse_statement(g, c);
}
