/* SPDX-License-Identifier: Apache-2.0
 *
 * When words without quotes are a name. Every word counts: one that says when, how, how often, in
 * what order or what kind of choice is no part of a name, and no action can hold it. */
#include "worker/steps/grammar_name.h"

#include <stdio.h>
#include <string.h>

#define NAME_WORDS_MAX 8

/* Joins parts of sentences; a name with one of these inside is more likely a sentence. */
static const char JOINERS[] =
    "if|unless|until|till|while|whilst|when|whenever|once|it|them|they|which|who|whose|where|"
    "because|so|or|nor|not|no|never|is|are|am|was|were|be|been|being|has|have|had|does|do|did|done|"
    "will|would|should|shall|must|may|might|can|could|cannot|can't|don't|doesn't|didn't|isn't|"
    "aren't|wasn't|won't|shouldn't|then|using|via|through|without|except|excluding|including|"
    "instead|besides|than|as|into|onto|with|that|he|she|i|we|you|what|how|why|per|between|among|"
    "opposite|behind|"
    "against|during|since|upon|both|either|neither|but|though|although|therefore|hence|whether";

/* Says when, how often, how fast or how much: an action has no place for it. */
static const char MANNER[] =
    "again|twice|thrice|times|still|already|yet|always|ever|anymore|afterwards|later|"
    "soon|too|instead|only|just|simultaneously|together|apart|alone|lot|"
    "bit|little|first of all|one by one|one more|at once|right away|straight away|fast|slow|hard|"
    "seconds|minutes|hours|milliseconds|somewhere|anywhere|everywhere|nowhere|somehow|"
    "nothing|nobody|anything|anyone|everything|everyone|something|someone|none";

/* What a thing does; a name that holds it has swallowed a statement. */
static const char DEEDS_SEEN[] =
    "appears|appear|appeared|appearing|disappears|disappear|disappeared|shows|contains|contain|"
    "displays|displayed|exists|exist|becomes|become|equals|matches|says|reads|vanishes|remains|"
    "opens|closes|loads|starts|ends|works|looks|seems|belongs";

/* Adverbs end in -ly; so do a few nouns and adjectives that stand in names. */
static bool
is_adverb(struct str low)
{
    static const char *const NOUNS[] = {"reply", "apply",  "family", "supply",   "monthly",
                                        "daily", "weekly", "yearly", "hourly",   "multiply",
                                        "july",  "italy",  "fly",    "friendly", "assembly",
                                        "jelly", "rally",  "ally",   "quarterly"};
    if (low.n < 4 || !str_ends(low, STR("ly"))) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(NOUNS); i++) {
        if (str_eqz(low, NOUNS[i])) {
            return false;
        }
    }
    return true;
}

/* "Continue with Google", "Save as Draft": a small word between capitals is part of the name. */
static bool
joins_capitals(const struct cur *c, int i)
{
    return i > c->i && i + 1 < c->end && is_capital(&c->t[c->i]) && is_capital(&c->t[i + 1]) &&
           phrase_len(c, i, "with|as|via|without|into|using|by|no|not|or") > 0;
}

/* "10px", "100,200", "50%": a measure, not what a thing is called. */
static bool
is_measure(const struct tok *t)
{
    struct str s = str_z(t->low);
    size_t n = 0;
    bool comma = false;
    while (n < s.n && (ch_is_digit(s.p[n]) || s.p[n] == ',' || s.p[n] == '.')) {
        comma |= s.p[n] == ',';
        n++;
    }
    struct str unit = str_sub(s, n, s.n);
    return n > 0 && ((comma && unit.n == 0) || str_eqz(unit, "px") || str_eqz(unit, "%") ||
                     str_eqz(unit, "ms") || str_eqz(unit, "s"));
}

static bool
word_is_doubtful(const struct cur *c, int i)
{
    const struct tok *t = &c->t[i];
    if (t->kind == TOK_MARK) {
        return true;
    }
    if (joins_capitals(c, i) || is_capital(t)) {
        return false;
    }
    bool more = i > c->i;
    int nth = 0;
    int len = 0;
    /* "the first and …", "the second and third …": an order without a thing. */
    bool order = !more && ordinal_at(c, i, &nth, &len) && i + len == c->end;
    order = order || (i + 1 == c->end && phrase_len(c, i, "and|&|or") > 0);
    if (order ||
        phrase_len(c, i, more ? "and first|and second|and third|and last" : "and|&|or") > 0) {
        return true;
    }
    /* "two fingers": how many, not what it is called. */
    if (!more && i + 1 < c->end &&
        phrase_len(c, i, "two|three|four|five|six|seven|eight|nine|ten") > 0) {
        return true;
    }
    if (phrase_len(c, i, JOINERS) > 0 || phrase_len(c, i, DEEDS_SEEN) > 0) {
        return true;
    }
    if (phrase_len(c, i, MANNER) > 0 && (more || phrase_len(c, i, "first of all") == 0)) {
        return true;
    }
    if (more && (phrase_len(c, i, WORDS_DET) > 0 || is_adverb(str_z(t->low)))) {
        return true;
    }
    /* "upload in Logo", "icon in upper corner": a place, not the rest of a name. */
    static const char WAYS[] = "in|on|at|for|from|to|of";
    bool place = more && i + 1 < c->end && phrase_len(c, i, WAYS) > 0 &&
                 ((is_capital(&c->t[i + 1]) && !is_capital(&c->t[c->i])) ||
                  phrase_len(c, i + 1, "upper|lower|top|bottom|left|right|first|second|last") > 0);
    bool aim = more && phrase_len(c, i, "to") > 0 &&
               phrase_len(c, i + 1, "zoom|see|view|verify|make|get|confirm|reveal|enlarge") > 0;
    if (place || aim) {
        return true;
    }
    /* "Save and wait": another action, not the rest of a name. */
    return (more && phrase_len(c, i, "and|&") > 0 && i + 1 < c->end &&
            c->t[i + 1].kind == TOK_WORD && !is_capital(&c->t[i + 1]) && starts_clause(c, i + 1)) ||
           is_measure(t);
}

int
name_doubt(const struct cur *c)
{
    for (int i = c->i; i < c->end; i++) {
        if (word_is_doubtful(c, i)) {
            return i;
        }
    }
    return c->end - c->i > NAME_WORDS_MAX ? c->i + NAME_WORDS_MAX : -1;
}

enum parsed
refuse_words(struct gram *g, const struct cur *words, const char *hint)
{
    struct str s = cur_text(g, words);
    char *reason = ARENA_ARRAY(g->arena, s.n + 64, char);
    if (reason == NULL || s.n == 0) {
        return refuse(g, "words are left over", hint);
    }
    (void)snprintf(reason, s.n + 64, "it is unclear what \"%.*s\" says here", STR_ARG(s));
    return refuse(g, reason, hint);
}

enum parsed
refuse_name(struct gram *g, const struct cur *c, const char *hint)
{
    int at = name_doubt(c);
    struct cur word = cur_range(c, at >= 0 ? at : c->i, (at >= 0 ? at : c->i) + 1);
    return refuse_words(g, &word, hint);
}

/* --- names that leave a choice */

static bool
holds_choice(const struct cur *c, bool counted)
{
    static const char LOOKS[] =
        "blue|red|green|yellow|orange|purple|black|white|grey|gray|pink|big|small|large|tiny|"
        "bigger|smaller|larger|best|worst|random|empty|visible|enabled|disabled|unchecked|checked|"
        "highlighted|"
        "selected|unread|available";
    for (int i = c->i; i < c->end; i++) {
        bool capital = is_capital(&c->t[i]) && i > 0;
        bool vague = counted ? word_is_superlative(c, i) || phrase_len(c, i, LOOKS) > 0
                             : word_is_vague(c, i);
        if (vague && !capital) {
            return true;
        }
    }
    return false;
}

bool
name_is_vague(const struct cur *c, enum target_use use, bool counted)
{
    /* "Accept all cookies" is what a button says. */
    bool literal =
        is_capital(&c->t[c->i]) && c->i > 0 && c->end - c->i > 1 && !word_is_vague(c, c->i);
    if (!literal && use != USE_VERIFY && holds_choice(c, counted)) {
        return true;
    }
    /* "the cheapest flight is shown": which one that is, no name says. */
    if (!literal && use == USE_VERIFY && word_is_superlative(c, c->i)) {
        return true;
    }
    if (counted) {
        return phrase_len(c, c->i, "time|moment|attempt|try|occasion|step") == c->end - c->i;
    }
    /* "the new item": what it says is not told. */
    static const char DEEDS[] =
        "new|added|created|deleted|updated|selected|removed|edited|expected|"
        "saved|current";
    if (!is_capital(&c->t[c->i]) && phrase_len(c, c->i, DEEDS) == c->end - c->i) {
        return true;
    }
    if (is_capital(&c->t[c->i]) && c->i > 0 && c->end - c->i == 1) {
        return false;
    }
    return phrase_len(c, c->i,
                      "one|ones|thing|things|item|element|there|here|what|stuff|"
                      "same|following|above|below|user|page|screen|website|app|application|"
                      "site|one there|place|action|option|result|middle|center|centre|edge|"
                      "corner|top result|top item|top hit|top entry|top "
                      "suggestion|half|top|bottom|left|right|side|time|area|space|spot|region|"
                      "background") == c->end - c->i;
}

bool
name_is_part(const struct cur *c)
{
    static const char PARTS[] =
        "center|centre|middle|edge|corner|half|side|href|src|alt|class|attribute|color|colour|"
        "background|background color|background colour|font|font size|size|width|height|"
        "placeholder|placeholder text|tooltip|aria-label|css|style|border|position|opacity|"
        "end|beginning|start|front|last line|first line|length|format|order|state|target|value "
        "attribute|id|default value|text color|text colour";
    struct cur look = *c;
    eat(&look, "top|bottom|left|right|upper|lower|exact|very|top left|top right|bottom left|"
               "bottom right|left-hand|right-hand");
    return !cur_done(&look) && !is_capital(&c->t[c->i]) &&
           phrase_len(&look, look.i, PARTS) == look.end - look.i;
}
