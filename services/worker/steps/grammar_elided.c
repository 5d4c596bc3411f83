/* SPDX-License-Identifier: Apache-2.0
 *
 * What goes on with the verb or the subject of the clause before: "enter 'a' in Email and 'b' in
 * Password", "fill Name with Ada and City with Rome", "is visible and enabled". */
#include "worker/steps/grammar_said.h"

#include <string.h>

#define LINK_REACH 7 /* words in front of the link: a field's name and its kind */

static const char LINKS[] = "with|to|into|in|as|from|for|on";

static const char STATES[] =
    "visible|displayed|shown|present|hidden|enabled|disabled|clickable|interactive|active|editable|"
    "checked|unchecked|ticked|unticked|selected|unselected|empty|blank|greyed|grayed|not";

bool
starts_elided(const struct cur *c, int i)
{
    int len = 0;
    if (i >= c->end || c->t[i].kind == TOK_QUOTED) {
        return i < c->end;
    }
    if (phrase_len(c, i, STATES) > 0 || predicate_at(c, i, &len) != NULL) {
        return true;
    }
    if (key_starts(c, i)) {
        return true;
    }
    int reach = i + LINK_REACH < c->end ? i + LINK_REACH : c->end;
    struct cur rest = cur_range(c, i + 1 < reach ? i + 1 : reach, reach);
    return c->t[i].kind == TOK_WORD && any_word(&rest, LINKS);
}

/* --- the subject goes on */

/* "contains 'a' and 'b'", "contains 'a' but not 'b'". */
static enum parsed
again_said(struct gram *g, struct said s)
{
    return predicate_lists(g->said) && !g->denied
               ? by_verb(g, s, g->said)
               : refuse(g, "the negation is unclear", HINT_VERIFY);
}

/* "visible and enabled", "exists and contains 'x'", "visible but not checked". */
static enum parsed
same_subject(struct gram *g, struct cur c)
{
    static const char UNCLEAR[] = "the negation is unclear";
    struct said s = {.subject = g->subject};
    int len = 0;
    if (cur_done(&s.subject) || cur_done(&c)) {
        return P_NO;
    }
    if (cur_quoted(&c)) {
        s.rest = c;
        bool listed = c.end - c.i == 1 && predicate_lists(g->said) && !said_page(&s.subject);
        return listed ? again_said(g, s) : P_NO;
    }
    const struct predicate *verb = predicate_at(&c, c.i, &len);
    if (verb != NULL) {
        s.rest = cur_range(&c, c.i + len, c.end);
        return by_verb(g, s, verb);
    }
    if (!at_phrase(&c, STATES)) {
        return P_NO;
    }
    s.rest = c;
    if (eat(&s.rest, "not")) {
        s.negated = true;
        if (cur_quoted(&s.rest) && g->last_type != ACT_VERIFY_VISIBLE && !cur_done(&s.subject)) {
            return again_said(g, s);
        }
    } else if (g->denied) {
        return refuse(g, UNCLEAR, HINT_VERIFY); /* "not visible and enabled" */
    }
    return after_is(g, s);
}

/* "I should see 'A' but not 'B'". */
static enum parsed
not_this(struct gram *g, struct cur c)
{
    struct said s = {.negated = true};
    if (g->last_type != ACT_VERIFY_VISIBLE || !eat(&c, "not") || !cur_quoted(&c)) {
        return P_NO;
    }
    return put_visible(g, &s, c);
}

/* "until it is visible and enabled". */
static enum parsed
also_enabled(struct gram *g, struct cur c)
{
    eat(&c, "is");
    if (g->last_type != ACT_WAIT_VISIBLE || g->last == NULL ||
        !eat(&c, "enabled|clickable|active") || !cur_done(&c)) {
        return P_NO;
    }
    int64_t timeout_us =
        g->plan->count <= STEP_ACTIONS_MAX ? g->plan->actions[g->plan->count - 1].timeout_us : 0;
    add_action(g, ACT_WAIT_ENABLED, g->last)->timeout_us = timeout_us;
    return P_OK;
}

static enum parsed
elided_check(struct gram *g, struct cur c)
{
    enum parsed p = not_this(g, c);
    if (p == P_NO) {
        p = same_subject(g, c);
    }
    if (p != P_NO) {
        return p;
    }
    return cur_quoted(&c) ? parse_statement(g, c) : P_NO;
}

/* --- the verb goes on */

/* Without quotes only by the very word that joined the two before, and no place behind it: "Terms
 * and conditions in the form" is one name. */
static enum parsed
same_link(struct gram *g, struct cur c)
{
    int len = 0;
    int at = g->link != NULL ? find_phrase(&c, c.i + 1, g->link, &len) : -1;
    if (at < 0 || at + len >= c.end) {
        return P_NO;
    }
    struct cur left = cur_range(&c, c.i, at);
    struct cur right = cur_range(&c, at + len, c.end);
    struct cur value = g->target_first ? right : left;
    struct cur where = g->target_first ? left : right;
    if (value.end - value.i != 1 || is_scope(&where)) {
        return P_NO;
    }
    return put_typed(g, value, where, MODE_NONE, g->target_first);
}

static enum parsed
elided_value(struct gram *g, struct cur c, clause_fn *follows)
{
    if (!cur_quoted(&c)) {
        return g->last_type == ACT_TYPE || g->target_first ? same_link(g, c)
               : any_word(&c, "from")                      ? follows(g, c)
                                                           : P_NO;
    }
    size_t last = g->plan->count - 1;
    if (g->last_type == ACT_TYPE && last < STEP_ACTIONS_MAX &&
        g->plan->actions[last].target == NULL) {
        return refuse(g, "it is unclear which of the texts goes where",
                      "write one action per step");
    }
    bool set = g->target_first && g->link != NULL && any_word(&c, g->link);
    if (g->last_type == ACT_TYPE && set && !is_value_token(&c.t[c.end - 1])) {
        return P_NO;
    }
    return any_word(&c, "in|into|as|for|to|on|with|from") ? follows(g, c) : P_NO;
}

static enum parsed
elided_tap(struct gram *g, struct cur c)
{
    const struct target *t = NULL;
    if (!cur_quoted(&c)) {
        return P_NO;
    }
    if (c.end - c.i > 1) {
        return parse_statement(g, c);
    }
    if (g->last != NULL && (g->last->near != NULL || g->last->within != NULL)) {
        return refuse(g, "it is unclear whether that is a second place or a second action",
                      "write one action per step");
    }
    return parse_target(g, &c, USE_TAP, &t) == P_OK ? (add_action(g, ACT_TAP, t), P_OK) : P_REFUSED;
}

/* "Press Tab and Enter". */
static enum parsed
also_pressed(struct gram *g, struct cur c)
{
    const char *key = eat_key(g, &c);
    if (key == NULL || !cur_done(&c)) {
        return P_NO;
    }
    struct action *a = add_action(g, ACT_PRESS, NULL);
    a->value = str_z(key);
    a->has_value = true;
    return P_OK;
}

enum parsed
parse_elided(struct gram *g, struct cur c)
{
    if (g->plan->count == 0 || cur_done(&c)) {
        return P_NO;
    }
    switch (g->last_type) {
    case ACT_TYPE:
        return elided_value(g, c, clause_typed);
    case ACT_SELECT:
        return elided_value(g, c, clause_chosen);
    case ACT_TAP:
        return elided_tap(g, c);
    case ACT_WAIT_VISIBLE:
    case ACT_WAIT_HIDDEN:
    case ACT_WAIT_ENABLED:
        return cur_quoted(&c) ? clause_until(g, c) : also_enabled(g, c);
    case ACT_PRESS:
        return also_pressed(g, c);
    default:
        return act_is_verify(g->last_type) ? elided_check(g, c)
               : cur_quoted(&c)            ? parse_statement(g, c)
                                           : P_NO;
    }
}
