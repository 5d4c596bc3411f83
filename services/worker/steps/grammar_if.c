/* SPDX-License-Identifier: Apache-2.0
 *
 * Conditions: "If X is visible, tap it", "tap X if it appears". */
#include <string.h>

#include "worker/steps/parse.h"

/* --- conditions */

static bool
same_thing(const struct target *a, const struct target *b)
{
    return a == b || (a != NULL && b != NULL && a->name.n > 0 && str_ieq(a->name, b->name));
}

/* Parses a condition; only "is to be seen" can be looked at before acting. NULL: refused. */
static const struct target *
condition(struct gram *g, struct cur c)
{
    struct gram_mark m = gram_mark(g);
    eat(&c, "the case that|you see|i see|the user sees|we see|you can see|i can see");
    enum parsed p = P_NO;
    if (phrase_len(&c, c.i - 1, "see|sees") > 0) {
        const struct target *t = NULL;
        p = parse_target(g, &c, USE_VERIFY, &t);
        return p == P_OK ? t : NULL;
    }
    p = parse_statement(g, c);
    size_t made = g->plan->count - m.count;
    bool good = p == P_OK && made == 1 && g->plan->count <= STEP_ACTIONS_MAX &&
                g->plan->actions[m.count].type == ACT_VERIFY_VISIBLE;
    const struct target *t = good ? g->plan->actions[m.count].target : NULL;
    gram_back_to(g, m);
    if (t == NULL) {
        (void)refuse(g, "only whether something is visible can be a condition",
                     "If \"Cookies\" is visible, tap \"Accept\"");
    }
    return t;
}

static enum parsed
conditional_actions(struct gram *g, struct cur then, const struct target *seen)
{
    struct gram_mark m = gram_mark(g);
    g->last = seen;
    g->last_type = ACT_UNSUPPORTED;
    if (parse_clauses(g, then) != P_OK) {
        return P_REFUSED;
    }
    for (size_t i = m.count; i < g->plan->count && i < STEP_ACTIONS_MAX; i++) {
        struct action *a = &g->plan->actions[i];
        if (i == m.count && same_thing(a->target, seen)) {
            a->optional = true;
        } else {
            a->if_visible = seen;
        }
    }
    return P_OK;
}

/* Cuts at the first comma or "then", else before the first verb behind a predicate. */
static bool
cut_condition(const struct cur *c, struct cur *out_when, struct cur *out_then)
{
    static const char DEEDS[] =
        "tap|click|press|type|enter|select|choose|verify|scroll|swipe|close|accept|dismiss|open|"
        "take|hover|check|fill|go|wait";
    static const char ENDS[] =
        "visible|displayed|shown|present|appears|appear|exists|disappears|gone|hidden|loaded|"
        "loads|enabled|clickable|screen|page|there|up|open|seconds|second";
    int len = 0;
    int at = find_phrase(c, c->i + 1, ", then|,|then|: ", &len);
    for (int i = c->i + 2; at < 0 && i + 1 < c->end; i++) {
        if (phrase_len(c, i, DEEDS) > 0 && phrase_len(c, i - 1, ENDS) > 0) {
            at = i;
            len = 0;
        }
    }
    if (at < 0 || at + len >= c->end) {
        return false;
    }
    *out_when = cur_range(c, c->i, at);
    *out_then = cur_range(c, at + len, c->end);
    return true;
}

/* "If X is visible, tap it": split at the first comma or "then", else before the first verb. */
static enum parsed
leading_if(struct gram *g, struct cur c)
{
    struct cur when;
    struct cur then;
    if (!cut_condition(&c, &when, &then)) {
        return refuse(g, "it is unclear where the condition ends",
                      "If \"Cookies\" is visible, tap \"Accept\"");
    }
    if (any_word(&then, ".|;|!")) {
        return refuse(g, "it is unclear how far the condition reaches",
                      "write one action per step");
    }
    const struct target *seen = condition(g, when);
    return seen == NULL ? P_REFUSED : conditional_actions(g, then, seen);
}

/* "Once X disappears, tap Y", "after 5 seconds, …": waits, then acts. */
static enum parsed
leading_wait(struct gram *g, struct cur c)
{
    struct cur when;
    struct cur then;
    if (!cut_condition(&c, &when, &then)) {
        return P_NO;
    }
    eat(&when, "that");
    return clause_until(g, when) == P_OK ? parse_clauses(g, then) : P_NO;
}

static const char SELF_SEEN[] =
    "if it is visible|if visible|if present|if it appears|if shown|if displayed|if it exists|"
    "if available|if it's there|if possible|if it is shown|if it is displayed|if it is present|"
    "if it's visible|if it's present|if it's shown|if it's displayed|if exists|if it is there|"
    "if it is available|if it shows up|if it pops up|if there|if it's available|if they appear|"
    "if they are visible|if it is on the screen|if it is on the page|( optional )|if that appears|"
    "if it does appear|if prompted|if shown on the screen|if one appears|if this appears|"
    "if it is visible on the page|if it is visible on the screen|if this is visible|if it is open|"
    "if it is currently visible";

static enum parsed
trailing_if(struct gram *g, struct cur c)
{
    struct gram_mark m = gram_mark(g);
    int at = find_phrase(&c, c.i + 1, "if", NULL);
    if (eat_end(&c, SELF_SEEN)) {
        eat_end(&c, ",");
        if (parse_clauses(g, c) != P_OK) {
            return P_REFUSED;
        }
        for (size_t i = m.count; i < g->plan->count && i < STEP_ACTIONS_MAX; i++) {
            g->plan->actions[i].optional = true;
        }
        return g->plan->count - m.count == 1 ? P_OK
                                             : refuse(g, "it is unclear which action is optional",
                                                      "write one action per step");
    }
    if (at < 0 || at + 1 >= c.end) {
        return P_NO;
    }
    struct cur when = cur_range(&c, at + 1, c.end);
    struct cur then = cur_range(&c, c.i, at);
    const struct target *seen = condition(g, when);
    return seen == NULL ? P_REFUSED : conditional_actions(g, then, seen);
}

static bool
holds_if(const struct cur *c)
{
    int at = find_phrase(c, c->i, "if", NULL);
    if (at < 0) {
        return false;
    }
    /* "check if", "verify if", "see if" ask; they do not make conditions. */
    return at == c->i || phrase_len(c, at - 1,
                                    "check|verify|see|validate|confirm|assert|checks|ensure|"
                                    "verifies|test|determine") == 0;
}

enum parsed
parse_conditional(struct gram *g, struct cur c)
{
    struct cur wait = c;
    eat_fillers(g, &wait);
    bool lasting = eat(&wait, "wait") && any_word(&wait, "as long as|while");
    if (!lasting &&
        any_word(&c, "else|otherwise|unless|if not|as long as|while|depending|except")) {
        return refuse(g, "choices between two ways need judgement",
                      "If \"Cookies\" is visible, tap \"Accept\"");
    }
    if (eat(&c, "optionally|optional :|optional|optionally ,")) {
        struct gram_mark m = gram_mark(g);
        if (parse_clauses(g, c) != P_OK || g->plan->count - m.count != 1) {
            return refuse(g, "it is unclear which action is optional", "write one action per step");
        }
        g->plan->actions[m.count < STEP_ACTIONS_MAX ? m.count : 0].optional = true;
        return P_OK;
    }
    struct cur head = c;
    eat_fillers(g, &head);
    if (eat(&head, "if|in case|whenever|only if")) {
        return leading_if(g, head);
    }
    head = c;
    if (eat(&head, "when|once|as soon as|after")) {
        struct gram_mark m = gram_mark(g);
        const char *reason = g->reason;
        enum parsed p = leading_wait(g, head);
        if (p == P_OK) {
            return P_OK;
        }
        gram_back_to(g, m);
        g->reason = reason;
        return P_NO;
    }
    return holds_if(&c) ? trailing_if(g, c) : P_NO;
}
