/* SPDX-License-Identifier: Apache-2.0
 *
 * From a sentence to a plan: prefixes off, conditions, clauses, and the decision to refuse. */
#include "worker/steps/grammar.h"

#include <string.h>

#include "worker/steps/parse.h"

#define CONNECTORS_MAX 24

static const char HINT_GENERAL[] =
    "write one action, with what it acts on in quotes: Tap \"Save\", Type \"Ada\" into \"Name\", "
    "Verify that \"Saved\" is visible";

/* --- verbs that start clauses */

static const char VERBS[] =
    "tap|taps|click|clicks|press|presses|hit|hits|push|touch|double|double-click|double-tap|"
    "right-click|right|long|long-press|hover|hovers|drag|drags|check|checks|uncheck|unchecks|tick|"
    "ticks|untick|toggle|turn|switch|enable|disable|type|types|enter|enters|input|inputs|write|"
    "writes|fill|fills|key|set|sets|change|replace|append|clear|clears|erase|select|selects|choose|"
    "chooses|pick|picks|deselect|unselect|upload|uploads|attach|scroll|scrolls|swipe|swipes|pinch|"
    "zoom|open|opens|go|goes|navigate|navigates|visit|visits|browse|load|refresh|reload|launch|"
    "relaunch|restart|hide|rotate|close|closes|wait|waits|pause|sleep|verify|verifies|assert|"
    "ensure|"
    "confirm|validate|make|expect|see|take|capture|screenshot|compare|visually|store|save|"
    "remember|accept|dismiss|cancel|hold|if|should|put|insert|i|the|there|update|move|point|"
    "return|provide|start|look|in|from|you|delete|remove|submit|log|sign|add|search|repeat|drop|"
    "release|flick|run|copy|paste|login|logout|checkout|do|perform|use|given|when|then|user|he|she|"
    "'s|it|leave|finish|let|allow|give|move|bring|grab|kill|force|submit|sees|skip";

bool
starts_clause(const struct cur *c, int i)
{
    return i < c->end && phrase_len(c, i, VERBS) > 0;
}

/* --- fillers in front */

static bool
eat_number_prefix(struct cur *c)
{
    struct cur look = *c;
    int64_t n = 0;
    if (eat(&look, "step") && number_at(&look, look.i, &n)) {
        look.i++;
        eat(&look, ":|.|)|-");
        *c = look;
        return true;
    }
    look = *c;
    if (number_at(&look, look.i, &n) && phrase_len(&look, look.i + 1, ".|)|:|-") > 0) {
        look.i += 2;
        *c = look;
        return true;
    }
    return eat(c, "-|*|•|–|+|>");
}

void
eat_fillers(struct gram *g, struct cur *c)
{
    while (eat_number_prefix(c)) {
    }
    if (eat(c, "given|given that")) {
        g->given = true;
    } else {
        eat(c, "when|then|and|but|and then|then ,");
    }
    for (bool more = true; more;) {
        more =
            eat(c, "please|please to|plz|pls|at this point|at this stage|from here|ok|okay|ok "
                   ",|okay ,|so|so ,|well ,|alright|alright ,|here|all right ,|"
                   "to start|to start with ,|to finish ,|from there ,|at this point "
                   ",|now|next|finally|also|just|simply|let's|lets|let us|then|please ,|now ,|"
                   "next ,|finally ,|first ,|firstly|firstly ,|afterwards|afterwards ,|after that|"
                   "after that ,|and then|lastly|lastly ,|can you|could you|could you please|"
                   "can you please|go ahead and|you should|you need to|you must|you can|"
                   "i want to|i need to|i would like to|i'd like to|you have to|we need to|"
                   "as a user ,|as a user|as the user|make sure to|be sure to|kindly|again ,|"
                   "the user must|the user needs to|user needs to|the user should|once more|"
                   "second ,|secondly|third ,|thirdly|to begin|to begin with ,|proceed to|"
                   "attempt to|immediately|quickly|carefully|slowly|subsequently|try to|try and|"
                   "user should be able to|the user can|the user is able to|i try to|again") &&
            !cur_done(c);
        if (!more && at_phrase(c, "there") &&
            phrase_len(c, c->i + 1, "tap|click|press|type|enter|select|choose|pick|fill") > 0) {
            c->i++;
            more = true;
        }
        if (!more && at_phrase(c, "first") && starts_clause(c, c->i + 1) &&
            !is_capital(&c->t[c->i + 1])) {
            c->i++;
            more = true;
        }
    }
}

static bool
eat_person(struct cur *c)
{
    return eat(c, "i|we|the user|user|you|a user|the customer|the tester|the visitor|she|he|they|"
                  "customer|the admin|users|the shopper|the person|i have|the user has|"
                  "the user then|i then|user then|we then|i also|the user also|i will|we will|"
                  "the user will|i am going to|user will");
}

/* --- one clause */

/* "… please", but not the end of a name: "No thanks". */
static void
eat_thanks(struct cur *c)
{
    struct cur rest = *c;
    bool named = eat_end(&rest, "please|plz|pls|, please|, thanks|thanks|thank you|for me|, pls") &&
                 !cur_done(&rest) && rest.t[rest.end - 1].kind == TOK_WORD &&
                 is_capital(&rest.t[rest.end - 1]);
    if (!named && !cur_done(&rest)) {
        *c = rest;
    }
}

enum parsed
parse_clause(struct gram *g, struct cur c)
{
    static clause_fn *const ALL[] = {
        clause_misc,  clause_nav,    clause_wait,   clause_press, clause_verify, clause_check,
        clause_clear, clause_upload, clause_select, clause_type,  clause_move,   clause_tap,
    };
    eat_fillers(g, &c);
    if (cur_done(&c)) {
        return refuse(g, "there is nothing to do", HINT_GENERAL);
    }
    struct cur bare = c;
    if (eat_person(&bare)) {
        eat_fillers(g, &bare);
    }
    eat_purpose(&bare);
    eat_thanks(&bare);
    for (size_t i = 0; i < ARRAY_LEN(ALL); i++) {
        enum parsed p = ALL[i](g, bare);
        if (p != P_NO) {
            return p;
        }
    }
    return clause_statement(g, c);
}

/* --- several clauses */

struct gram_mark
gram_mark(const struct gram *g)
{
    return (struct gram_mark){g->plan->count, g->last, g->last_type, g->given, g->subject};
}

void
gram_back_to(struct gram *g, struct gram_mark m)
{
    g->plan->count = m.count;
    g->last = m.last;
    g->last_type = m.last_type;
    g->given = m.given;
    g->subject = m.subject;
}

static const char CONNECTORS[] =
    ", and then|, then|, and|and then|then|and|,|;|.|!|followed by|and also|, also|, finally|"
    "and finally|, after that|. then|. and|, and finally|and afterwards|, followed by|&|; then|. "
    "next|"
    "and after that|. after that|, next|. finally|; and|, afterwards|before|, and also|but|, but";

static const char PREDICATE_WORDS[] =
    "is|are|should|contains|contain|shows|has|appears|exists|equals|reads|says|displays|"
    "isn't|aren't|doesn't|does|includes|see|disappears";

/* A verb in capitals behind unquoted words may be the end of a name ("Save and Close"). */
static bool
name_may_go_on(const struct cur *c, int at, int next)
{
    return at > c->i && next < c->end && c->t[at - 1].kind == TOK_WORD && is_capital(&c->t[next]) &&
           c->t[next].kind == TOK_WORD && is_capital(&c->t[at - 1]) &&
           phrase_len(c, at, "and|&") > 0 && phrase_len(c, next, "i|given|when|then|enter") == 0;
}

struct split {
    int at;   /* token of the connector */
    int next; /* first token behind it */
    bool elided;
};

/* ", a 'Saved' message should appear": behind an article, something is said. */
static bool
starts_statement(const struct cur *c, int i)
{
    struct cur rest = cur_range(c, i + 1, c->end);
    return phrase_len(c, i, "the|a|an") > 0 &&
           any_word(&rest, "should|appears|is shown|is visible|is displayed|must|disappears");
}

static int
find_splits(const struct cur *c, struct split *out)
{
    int n = 0;
    for (int i = c->i + 1; i < c->end && n < CONNECTORS_MAX; i++) {
        int len = phrase_len(c, i, CONNECTORS);
        if (len == 0 || i + len >= c->end) {
            continue;
        }
        int next = i + len;
        bool elided = starts_elided(c, next);
        bool before = phrase_len(c, i, "before") > 0;
        if (!before && (elided || starts_clause(c, next) || starts_statement(c, next) ||
                        phrase_len(c, next, "please|finally|also|now|next|again|click|not") > 0)) {
            out[n++] = (struct split){i, next, elided};
        }
        i = next - 1;
    }
    return n;
}

/* Parses [c.i, end) trying the earliest connector first; remembers starts that lead nowhere so that
 * the work stays quadratic. Depth is bounded by CONNECTORS_MAX. */
struct splitter {
    struct gram *g;
    struct split at[CONNECTORS_MAX];
    int count;
    bool dead[CONNECTORS_MAX + 1]; /* start behind connector k-1 */
};

/* A clause of its own where it has a verb, else what goes on with the verb before it. */
static enum parsed
first_part(struct gram *g, struct cur c, bool elided)
{
    bool clause = !elided || (!cur_quoted(&c) && starts_clause(&c, c.i));
    struct gram_mark m = gram_mark(g);
    if (clause && parse_clause(g, c) == P_OK) {
        return P_OK;
    }
    if (!elided) {
        return P_REFUSED;
    }
    gram_back_to(g, m);
    return parse_elided(g, c);
}

static enum parsed
split_from(struct splitter *s, struct cur c, int k, bool elided)
{
    struct gram *g = s->g;
    if (s->dead[k]) {
        return P_REFUSED;
    }
    struct gram_mark m = gram_mark(g);
    for (int j = k; j < s->count; j++) {
        struct cur left = cur_range(&c, c.i, s->at[j].at);
        bool quoted = c.t[s->at[j].next].kind == TOK_QUOTED;
        if (quoted && act_is_verify(g->last_type) && !any_word(&left, PREDICATE_WORDS)) {
            continue;
        }
        gram_back_to(g, m);
        bool ambiguous = !s->at[j].elided && name_may_go_on(&c, s->at[j].at, s->at[j].next);
        if (first_part(g, left, elided) != P_OK) {
            continue;
        }
        bool looks = act_is_verify(g->last_type) || act_is_wait_for(g->last_type);
        if (quoted && looks && !any_word(&left, PREDICATE_WORDS)) {
            continue;
        }
        struct cur right = cur_range(&c, s->at[j].next, c.end);
        if (split_from(s, right, j + 1, s->at[j].elided) == P_OK) {
            return ambiguous ? refuse(g, "it is unclear whether this is one name or two actions",
                                      "put the name in quotes: Tap \"Save and Close\"")
                             : P_OK;
        }
    }
    gram_back_to(g, m);
    enum parsed p = first_part(g, c, elided);
    if (p != P_OK) {
        gram_back_to(g, m);
        s->dead[k] = true;
        return P_REFUSED;
    }
    return P_OK;
}

enum parsed
parse_clauses(struct gram *g, struct cur c)
{
    struct splitter s = {.g = g};
    s.count = find_splits(&c, s.at);
    if (s.count == CONNECTORS_MAX) {
        return refuse(g, "the step holds too many actions", "write one action per step");
    }
    return split_from(&s, c, 0, false);
}

/* --- the sentence */

/* "looks the same as the baseline" is compared pixel by pixel; as before, by nobody. */
static bool
asks_sameness(const struct cur *c)
{
    return any_word(c, "looks the same|look the same") &&
           !any_word(c, "looks the same as the baseline|look the same as the baseline|"
                        "looks the same as the visual baseline|look the same as the visual "
                        "baseline|looks the same as its baseline|look the same as its baseline");
}

/* Outside quotes these words ask for an opinion or for data that is not there. */
static bool
asks_judgement(const struct cur *c)
{
    return any_word(c,
                    "correctly|properly|as expected|successfully|works|working|looks good|"
                    "looks right|look good|looks correct|looks fine|nicely|reasonable|smoothly|"
                    "as intended|appropriately|work correctly|make sense|makes sense|looks like|"
                    "as needed|if needed|if necessary|if required|as required|as necessary|"
                    "looks okay|looks ok|seems|whatever|as usual|accordingly|"
                    "until done|as appropriate|etc|etc.|and so on|somehow|responsive|user-friendly|"
                    "well-formatted|professional|intuitive");
}

static enum parsed
parse_all(struct gram *g, struct cur c)
{
    if (asks_judgement(&c) || asks_sameness(&c)) {
        return refuse(g, "that needs judgement: a program cannot compare it",
                      "say what is to be seen: Verify that \"Saved\" is visible");
    }
    if (any_word(&c, "xpath|css selector|xpath:|css=|xpath=") ||
        (any_word(&c, "javascript") &&
         !any_word(&c, "alert|dialog|confirm|prompt|popup|confirmation"))) {
        return refuse(g, "selectors and code are not steps", HINT_GENERAL);
    }
    enum parsed p = parse_conditional(g, c);
    p = p == P_NO ? parse_placed(g, c) : p;
    return p == P_NO ? parse_clauses(g, c) : p;
}

static void
refused(struct plan *out, const char *reason, const char *hint)
{
    out->count = 0;
    out->reason = str_z(reason);
    out->hint = str_z(hint);
}

enum rc
steps_parse(struct arena *arena, struct str sentence, struct plan *out)
{
    struct lexed lx;
    *out = (struct plan){0};
    if (lex(arena, sentence, &lx) != RC_OK) {
        return RC_RESOURCE_EXHAUSTED;
    }
    if (lx.error != NULL) {
        refused(out, lx.error, "use double quotes around names and texts: Tap \"Save\"");
        return RC_OK;
    }
    if (lx.count == 0) {
        refused(out, "the step is empty", HINT_GENERAL);
        return RC_OK;
    }
    struct gram g = {.arena = arena, .in = lx.in, .plan = out, .question = lx.question};
    enum parsed p = parse_all(&g, (struct cur){lx.toks, 0, lx.count});
    if (arena_failed(arena)) {
        return RC_RESOURCE_EXHAUSTED;
    }
    if (p == P_OK && out->count > STEP_ACTIONS_MAX) {
        refused(out, "the step holds too many actions", "write one action per step");
    } else if (p != P_OK || out->count == 0) {
        refused(out, g.reason != NULL ? g.reason : "the sentence matches no known action",
                g.reason != NULL ? g.hint : HINT_GENERAL);
    }
    return RC_OK;
}
