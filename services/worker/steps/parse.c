/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/steps/parse.h"

#include <string.h>

bool
cur_done(const struct cur *c)
{
    return c->i >= c->end;
}

const struct tok *
cur_tok(const struct cur *c)
{
    return cur_done(c) ? NULL : &c->t[c->i];
}

bool
cur_quoted(const struct cur *c)
{
    const struct tok *t = cur_tok(c);
    return t != NULL && t->kind == TOK_QUOTED;
}

/* Tokens that the words [p, p+n) of one alternative take at `i`, 0 when they do not stand there. */
static int
alternative_len(const struct cur *c, int i, const char *p, size_t n)
{
    int start = i;
    struct str rest = str_n(p, n);
    while (rest.p != NULL) {
        struct str word = str_split(&rest, ' ');
        if (i >= c->end || c->t[i].kind == TOK_QUOTED || !str_eqz(word, c->t[i].low)) {
            return 0;
        }
        i++;
    }
    return i - start;
}

int
phrase_len(const struct cur *c, int i, const char *alts)
{
    int best = 0;
    for (const char *p = alts;;) {
        const char *bar = strchr(p, '|');
        size_t n = bar != NULL ? (size_t)(bar - p) : strlen(p);
        int len = alternative_len(c, i, p, n);
        best = len > best ? len : best;
        if (bar == NULL) {
            return best;
        }
        p = bar + 1;
    }
}

bool
at_phrase(const struct cur *c, const char *alts)
{
    return phrase_len(c, c->i, alts) > 0;
}

bool
eat(struct cur *c, const char *alts)
{
    int n = phrase_len(c, c->i, alts);
    c->i += n;
    return n > 0;
}

bool
eat_end(struct cur *c, const char *alts)
{
    for (int i = c->i; i < c->end; i++) {
        if (i + phrase_len(c, i, alts) == c->end) {
            c->end = i;
            return true;
        }
    }
    return false;
}

int
find_phrase(const struct cur *c, int from, const char *alts, int *out_len)
{
    for (int i = from; i < c->end; i++) {
        int n = phrase_len(c, i, alts);
        if (n > 0) {
            if (out_len != NULL) {
                *out_len = n;
            }
            return i;
        }
    }
    return -1;
}

struct cur
cur_range(const struct cur *c, int from, int to)
{
    return (struct cur){c->t, from, to};
}

struct str
cur_text(const struct gram *g, const struct cur *c)
{
    if (cur_done(c)) {
        return STR_EMPTY;
    }
    return str_sub(g->in, c->t[c->i].from, c->t[c->end - 1].to);
}

bool
any_word(const struct cur *c, const char *alts)
{
    return find_phrase(c, c->i, alts, NULL) >= 0;
}

enum parsed
refuse(struct gram *g, const char *reason, const char *hint)
{
    if (g->reason == NULL) {
        g->reason = reason;
        g->hint = hint;
    }
    return P_REFUSED;
}

struct action *
add_action(struct gram *g, enum act_type type, const struct target *t)
{
    /* One spare place takes what does not fit; the entry point refuses such plans. */
    size_t at = g->plan->count < STEP_ACTIONS_MAX ? g->plan->count : STEP_ACTIONS_MAX - 1;
    g->plan->count++;
    struct action *a = &g->plan->actions[at];
    *a = (struct action){.type = type, .target = t};
    if (t != NULL) {
        g->last = t;
    }
    g->last_type = type;
    return a;
}

bool
role_is(const struct target *t, const char *roles)
{
    struct str rest = str_z(roles);
    while (t->role != NULL && rest.p != NULL) {
        if (str_eqz(str_split(&rest, ' '), t->role)) {
            return true;
        }
    }
    return false;
}
