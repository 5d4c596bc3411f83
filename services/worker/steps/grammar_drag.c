/* SPDX-License-Identifier: Apache-2.0
 *
 * "Drag X to Y", in its many words. */
#include "worker/steps/parse.h"

enum parsed
clause_drag(struct gram *g, struct cur c)
{
    bool lifted = eat_end(&c, "by drag and drop|by drag & drop|by dragging|via drag and drop|"
                              "with drag and drop|using drag and drop|by dragging it|"
                              "by drag-and-drop|by dragging and dropping") &&
                  eat(&c, "move|put|bring|place|drop|reorder|moves");
    if (!lifted && any_word(&c, "and drop|and release|, drop|then drop")) {
        lifted = eat(&c, "grab|pick up|take|lift|pull");
    }
    struct cur pulled = c;
    if (!lifted && any_word(&c, "over to|onto|on top of") && eat(&pulled, "pull|move")) {
        c = pulled;
        lifted = true;
    }
    if (!lifted &&
        !eat(&c, "drop|drag|drags|drag and drop|drag & drop|drag-and-drop|drag the|drags and drops|"
                 "dragging")) {
        return P_NO;
    }
    int len = 0;
    int at = find_phrase(&c, c.i + 1,
                         "and drop it on|and drop it onto|and drop it into|and drop it in|"
                         "and drop it to|and drop on|and drop onto|and drop into|and drop to|"
                         "and drop in|to|onto|on to|into|over|on top of|over to|on|, drop it on|"
                         "then drop it on|and release it on|and release it over|and drop it over|"
                         "and move it to",
                         &len);
    const struct target *from = NULL;
    const struct target *to = NULL;
    if (at < 0 || at + len >= c.end) {
        return refuse(g, "the step does not say where to drag it", "Drag \"Task\" to \"Done\"");
    }
    struct cur what = cur_range(&c, c.i, at);
    struct cur where = cur_range(&c, at + len, c.end);
    if (where.end - where.i == 1 && word_is_literal(&where.t[where.i]) && !where.t[where.i].var) {
        return refuse(g, "dragging to a number is not supported", "Set \"Volume\" to 50");
    }
    if (parse_target(g, &what, USE_TAP, &from) != P_OK ||
        parse_target(g, &where, USE_SCOPE, &to) != P_OK) {
        return P_REFUSED;
    }
    bool way =
        !to->quoted && phrase_len(&where, where.end - 1, "left|right|top|bottom|up|down") > 0;
    if (to->name.n == 0 || way) {
        return refuse(g, "the step does not say where to drag it", "Drag \"Task\" to \"Done\"");
    }
    struct target *bare = ARENA_NEW(g->arena, struct target);
    if (bare == NULL) {
        return P_REFUSED;
    }
    *bare = *to;
    struct action *a = add_action(g, ACT_DRAG, from);
    a->to = bare;
    return P_OK;
}
