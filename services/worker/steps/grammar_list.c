/* SPDX-License-Identifier: Apache-2.0
 *
 * Several names with one verb: "'A', 'B' and 'C'", "both the 'Accept' and 'Decline' buttons". */
#include "worker/steps/grammar_name.h"

#include <string.h>

struct cur
singular(struct gram *g, const struct cur *range)
{
    static const char PLURALS[] =
        "buttons|links|rows|checkboxes|fields|images|tabs|options|headings|"
        "dropdowns|radios|dialogs|switches|toggles|columns|icons|pictures|boxes|inputs|"
        "labels|badges|messages|cards|tags|chips|tooltips|errors|warnings|alerts|posts|comments|"
        "tasks|files|notes|pills|photos";
    int n = range->end - range->i;
    struct tok *t = ARENA_ARRAY(g->arena, n > 0 ? (size_t)n : 1, struct tok);
    if (t == NULL || n <= 0) {
        return *range;
    }
    memcpy(t, range->t + range->i, (size_t)n * sizeof(*t));
    struct cur c = {t, 0, n};
    for (int i = 0; i < n; i++) {
        size_t len = strlen(t[i].low);
        if (phrase_len(&c, i, PLURALS) > 0) {
            bool es = phrase_len(&c, i, "checkboxes|switches|boxes") > 0;
            char *low = arena_strz(g->arena, str_n(t[i].low, len - (es ? 2 : 1)));
            t[i].low = low != NULL ? low : "";
        }
    }
    return c;
}

/* Names and joints up to the last name; *out_tail is what stands behind it. False: no list. */
static bool
read_names(const struct cur *c, const char *joints, struct cur *out_names, struct cur *out_tail)
{
    struct cur look = *c;
    int names = 0;
    while (cur_quoted(&look)) {
        names++;
        look.i++;
        *out_names = cur_range(c, c->i, look.i);
        *out_tail = cur_range(c, look.i, c->end);
        if (!eat(&look, joints)) {
            break;
        }
        eat(&look, "the");
    }
    return names > 1;
}

/* "buttons" behind the names. False: something else is said there. */
static bool
role_of_all(struct gram *g, const struct cur *tail, enum target_use use, const char **out_role)
{
    struct cur one = singular(g, tail);
    int len = 0;
    *out_role = NULL;
    return cur_done(tail) || (role_at_start(&one, use, out_role, &len) && one.i + len == one.end &&
                              str_ends(str_z(tail->t[tail->end - 1].low), STR("s")));
}

enum parsed
put_list(struct gram *g, struct cur c, enum act_type type, enum target_use use, bool denied)
{
    struct cur names = c;
    struct cur tail = c;
    const char *role = NULL;
    bool both = eat(&c, "both|both of|all of|each of");
    eat(&c, "the");
    if (!read_names(&c, ", and|,|and|nor|, nor|or|, or|and also|, then|and then|then", &names,
                    &tail) ||
        (both && names.end - names.i != 3) || !role_of_all(g, &tail, use, &role)) {
        return P_NO;
    }
    /* "not 'a' or 'b'" is neither; any other "or" leaves a choice. */
    if (any_word(&names, "or") && !denied) {
        return refuse(g, "\"or\" leaves a choice; it needs judgement",
                      "write one step for each: Tap \"Save\"");
    }
    for (int i = names.i; i < names.end; i++) {
        struct target *t =
            names.t[i].kind == TOK_QUOTED ? ARENA_NEW(g->arena, struct target) : NULL;
        if (t != NULL && names.t[i].text.n == 0) {
            return refuse(g, "the name in quotes is empty", "Tap \"Save\"");
        }
        if (t != NULL) {
            *t = (struct target){.name = names.t[i].text, .quoted = true, .role = role};
            add_action(g, type, t);
        }
    }
    return P_OK;
}
