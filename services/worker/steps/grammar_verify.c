/* SPDX-License-Identifier: Apache-2.0
 *
 * Verifications: "verify that <subject> <predicate>", and statements without the verb. */
#include "worker/steps/grammar_said.h"

#include <string.h>

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
               "i|i've|we've|you've|the user|user|we|you|a user|the customer|the "
               "visitor|users|customer|she|he|they|"
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
                   "it should be written|it is written|it must be written|expect to see|to see|to "
                   "find|still see|still sees|observe|notice|should "
                   "observe|"
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
    s.negated ^= eat(&c, "neither");
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
    if (says_loaded(c)) {
        return s.timeout_us > 0 ? refuse(g, "how long a page takes is not measured",
                                         "Wait until the page is loaded")
                                : (add_action(g, ACT_WAIT_LOAD, NULL), P_OK);
    }
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
    g->subject = cur_range(&c, c.i, c.i);
    take_timeout(&c, &s.timeout_us);
    enum parsed p = page_statement(g, s, c);
    if (p != P_NO) {
        return p;
    }
    if (eat(&c, "no|neither")) {
        s.negated = true;
    }
    if (at_phrase(&c, "at least|at most|more than|less than|fewer than|up to")) {
        return refuse(g, "counts can only be compared exactly", "Verify that there are 3 rows");
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
    int64_t n = 0;
    bool quoted = false;
    if (eat_count(&c, &n)) {
        return put_count(g, &s, c, n);
    }
    s.negated = eat(&c, "no");
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
    if (at_phrase(&c, "confirm with|confirm it with|confirm this with|confirm via") ||
        !eat(&c, VERIFY_WORDS)) {
        return P_NO;
    }
    eat(&c, "that|if|whether|,|:");
    eat(&c, "that|:");
    if (cur_done(&c)) {
        return refuse(g, "it is unclear what is verified", HINT_VERIFY);
    }
    struct said shown = {.negated = at_phrase(&c, "not visible")};
    if (eat(&c, "visible|not visible")) {
        return put_visible(g, &shown, c);
    }
    enum parsed p = parse_statement(g, c);
    return p == P_NO ? bare_subject(g, c) : p;
}

enum parsed
clause_statement(struct gram *g, struct cur c)
{
    if (g->question || at_phrase(&c, "is|are|does|do|can i see|is there|are there")) {
        enum parsed p = parse_question(g, c);
        if (p != P_NO) {
            return p;
        }
    }
    return parse_statement(g, c);
}
