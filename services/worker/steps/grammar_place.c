/* SPDX-License-Identifier: Apache-2.0
 *
 * A place that is said first: "In the 'Sign up' form, type 'x' into 'Name' and click 'Go'". It
 * holds for what is done up to the first press, which may lead elsewhere. */
#include "worker/steps/parse.h"

/* Parts of a page; not a page, on which one would have to be first. */
static const char PLACES[] = "row|dialog|section|header|footer|sidebar|popup|modal|form|navigation|"
                             "toolbar|navbar|table|card|panel|list|area|block";

static bool
leads_elsewhere(enum act_type type)
{
    return type == ACT_TAP || type == ACT_DOUBLE_TAP || type == ACT_LONG_PRESS ||
           type == ACT_CONTEXT_TAP || type == ACT_PRESS;
}

/* A copy of `t` that stands in `place`, too. */
static const struct target *
placed(struct gram *g, const struct target *t, const struct target *place)
{
    struct target *copy = ARENA_NEW(g->arena, struct target);
    if (copy == NULL) {
        return t;
    }
    *copy = *t;
    copy->within = t->within == NULL ? place : placed(g, t->within, place);
    return copy;
}

static enum parsed
place_all(struct gram *g, size_t from, const struct target *place)
{
    for (size_t i = from; i < g->plan->count && i < STEP_ACTIONS_MAX; i++) {
        struct action *a = &g->plan->actions[i];
        if (a->target == NULL || a->if_visible != NULL) {
            return refuse(g, "it is unclear what is done in that place",
                          "Type \"Ada\" into \"Name\" in the \"Sign up\" form");
        }
        a->target = placed(g, a->target, place);
        if (leads_elsewhere(a->type)) {
            break;
        }
    }
    return P_OK;
}

enum parsed
parse_placed(struct gram *g, struct cur c)
{
    const struct target *place = NULL;
    struct gram_mark m = gram_mark(g);
    eat(&c, "then|and|when|given");
    int at = find_phrase(&c, c.i + 1, ",", NULL);
    struct cur where = cur_range(&c, c.i, at);
    struct cur rest = cur_range(&c, at + 1, c.end);
    if (at < 0 || !eat(&where, "in|inside|within|inside of") || !any_word(&where, PLACES) ||
        cur_done(&rest)) {
        return P_NO;
    }
    bool good = parse_target(g, &where, USE_SCOPE, &place) == P_OK &&
                parse_clauses(g, rest) == P_OK && place_all(g, m.count, place) == P_OK;
    if (!good) {
        gram_back_to(g, m);
    }
    return good ? P_OK : P_NO;
}
