/* SPDX-License-Identifier: Apache-2.0
 *
 * Acting on one thing: tap and its kin, check boxes, drag. */
#include "worker/steps/parse.h"

static const char HINT_TAP[] = "write what to tap: Tap \"Save\"";

static const char TAP_WORDS[] =
    "tap|tap on|tap at|taps|taps on|tapped|tapped on|click|click on|clicks|clicks on|clicked|"
    "clicked on|click at|click onto|left click|left-click|left click on|left-click on|single tap|"
    "single tap on|single click|single click on|press|press on|presses|presses on|hit|hits|push|"
    "hit on|touch|activate|single-click|single-tap|tapping|clicking|clicking on|tapping on|"
    "tap upon|click the mouse on|perform a click on|do a click on|perform a tap on|push on|"
    "click once on|tap once on|click into|click in|tap into|tap in|click inside";

struct gesture {
    const char *words;
    enum act_type type;
};

static const struct gesture GESTURES[] = {
    {"double tap|double tap on|double-tap|double-tap on|double click|double click on|double-click|"
     "double-click on|doubleclick|doubleclick on|doubletap|double clicks|double clicks on|"
     "double-clicks|double-clicks on|double taps|double taps on|double-taps|double-taps on|"
     "doubleclicks|perform a double click on|perform a double tap on|do a double click on|"
     "do a double tap on|dblclick",
     ACT_DOUBLE_TAP},
    {"long press|long press on|long-press|long-press on|longpress|longpress on|long tap|"
     "long tap on|long-tap|press and hold|press and hold on|tap and hold|tap and hold on|"
     "touch and hold|click and hold|click and hold on|hold down|long presses|long-presses|"
     "long presses on|long click|long click on|long-click|hold|hold down on|press & hold|"
     "perform a long press on|do a long press on|hold your finger on",
     ACT_LONG_PRESS},
    {"right click|right click on|right-click|right-click on|rightclick|rightclick on|right clicks|"
     "right clicks on|right-clicks on|right-clicks|context click|context click on|context-click|"
     "open the context menu of|open the context menu on|open the context menu for|"
     "secondary click|secondary click on|perform a right click on|do a right click on",
     ACT_CONTEXT_TAP},
    {"hover|hover on|hover over|hovers|hovers over|hovers on|hover the mouse over|"
     "hover the cursor over|hover the mouse on|move the mouse over|move the mouse to|move mouse "
     "over|"
     "move mouse to|move the mouse pointer over|move the cursor over|move the cursor to|"
     "move cursor over|move the pointer over|move the pointer to|mouse over|mouseover|mouse-over|"
     "hover above|hovering over|move your mouse over|point at|point to|move the mouse onto|"
     "move the mouse pointer to|place the mouse over|move cursor to|hover the pointer over|"
     "place the cursor over|point the mouse at|hover mouse over|hover your mouse over|hover your "
     "cursor over|hover with the mouse over|move the mouse on|rest the mouse "
     "on",
     ACT_HOVER},
    {TAP_WORDS, ACT_TAP},
};

static const struct gesture *
eat_gesture(struct cur *c)
{
    const struct gesture *best = NULL;
    int len = 0;
    for (size_t i = 0; i < ARRAY_LEN(GESTURES); i++) {
        int n = phrase_len(c, c->i, GESTURES[i].words);
        if (n > len) {
            len = n;
            best = &GESTURES[i];
        }
    }
    /* "click X twice" is said of a double click too, but that is another thing. */
    c->i += len;
    return best;
}

static bool
names_several(const struct cur *c)
{
    int quoted = 0;
    for (int i = c->i; i < c->end; i++) {
        quoted += c->t[i].kind == TOK_QUOTED;
    }
    return quoted > 1 && c->t[c->i].kind == TOK_QUOTED && any_word(c, "and|,");
}

/* "'A', 'B' and 'C'" with one verb: one action each. P_NO when it is no such list. */
static enum parsed
quoted_list(struct gram *g, struct cur c, enum act_type type, const char *role)
{
    if (!names_several(&c)) {
        return P_NO;
    }
    struct cur look = c;
    while (!cur_done(&look)) {
        if (!cur_quoted(&look)) {
            return P_NO;
        }
        look.i++;
        if (!cur_done(&look) && !eat(&look, ", and|,|and|and also|, then|and then|then")) {
            return P_NO;
        }
    }
    for (int i = c.i; i < c.end; i++) {
        struct target *t = c.t[i].kind == TOK_QUOTED ? ARENA_NEW(g->arena, struct target) : NULL;
        if (t != NULL) {
            *t = (struct target){.name = c.t[i].text, .quoted = true, .role = role};
            add_action(g, type, t);
        }
    }
    return P_OK;
}

static enum parsed
finish_tap(struct gram *g, struct cur c, const struct gesture *how)
{
    int times = 0;
    int64_t us = 0;
    const struct target *t = NULL;
    if (eat_times(&c, &times)) {
        eat(&c, "on|at");
    }
    for (int i = c.i + 1; i < c.end; i++) {
        struct cur tail = cur_range(&c, i, c.end);
        if (times == 0 && c.t[i].kind == TOK_WORD && eat_times(&tail, &times) && cur_done(&tail)) {
            c.end = i;
        }
        tail = cur_range(&c, i, c.end);
        if (how->type == ACT_LONG_PRESS && eat(&tail, "for") && eat_duration(&tail, &us) &&
            cur_done(&tail)) {
            c.end = i;
        }
    }
    if (how->type == ACT_LONG_PRESS && us == 0) {
        struct cur lead = c;
        if (eat(&lead, "for") && eat_duration(&lead, &us) && eat(&lead, "on")) {
            c = lead;
        }
    }
    if (cur_done(&c)) {
        return refuse(g, "the step does not say on what", HINT_TAP);
    }
    if (how->type == ACT_TAP && quoted_list(g, c, ACT_TAP, NULL) == P_OK) {
        return P_OK;
    }
    if (parse_target(g, &c, USE_TAP, &t) != P_OK) {
        return P_REFUSED;
    }
    struct action *a = add_action(g, how->type, t);
    a->repeat = times > 1 ? times : 0;
    a->duration_us = us;
    return P_OK;
}

/* "Press Enter" is a key, "Press Save" a tap. */
static bool
eat_open_widget(struct cur *c)
{
    struct cur look = *c;
    if (!eat(&look, "open|opens|expand|open up|close|switch to|go to|navigate to|collapse")) {
        return false;
    }
    if (!any_word(&look, "tab|menu|dropdown|drop-down|link|accordion|dialog|modal|popup") ||
        any_word(&look, "new|browser|page|window|current|this|alert")) {
        return false;
    }
    const char *role = NULL;
    int len = 0;
    eat(&look, WORDS_DET);
    bool plain = role_at_end(&look, USE_TAP, &role, &len) && len == look.end - look.i;
    bool close = phrase_len(c, c->i, "close|collapse") > 0;
    if (plain || close) {
        return false;
    }
    bool travel = phrase_len(c, c->i, "switch to|go to|navigate to") > 0;
    bool browser =
        at_phrase(&look, "next|previous|other|last|first") && !is_capital(cur_tok(&look));
    if (travel && (browser || phrase_len(&look, look.end - 1, "tab") == 0)) {
        return false;
    }
    *c = look;
    return true;
}

/* "Drag X to Y". */
static enum parsed
clause_drag(struct gram *g, struct cur c)
{
    if (!eat(&c, "drop|drag|drags|drag and drop|drag & drop|drag-and-drop|drag the|drags and drops|"
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

/* "In the row 'Invoice 7', click 'Edit'". */
static enum parsed
place_first(struct gram *g, struct cur c)
{
    struct cur look = c;
    if (!eat(&look, "in|inside|within|on|for|from|under") || any_word(&c, "page|screen")) {
        return P_NO;
    }
    int at = find_phrase(&look, look.i + 1, ",", NULL);
    struct cur rest = cur_range(&c, at + 1, c.end);
    const struct gesture *how =
        at > 0 ? (eat(&rest, "i|the user|user|then"), eat_gesture(&rest)) : NULL;
    if (how == NULL || cur_done(&rest)) {
        return P_NO;
    }
    /* The place behind the thing is what the target's grammar knows. */
    int moved = at - c.i;
    int kept = rest.end - rest.i;
    struct tok *t = ARENA_ARRAY(g->arena, (size_t)(moved + kept), struct tok);
    if (t == NULL) {
        return P_REFUSED;
    }
    for (int i = 0; i < kept; i++) {
        t[i] = rest.t[rest.i + i];
    }
    for (int i = 0; i < moved; i++) {
        t[kept + i] = c.t[c.i + i];
    }
    return finish_tap(g, (struct cur){t, 0, kept + moved}, how);
}

enum parsed
clause_tap(struct gram *g, struct cur c)
{
    enum parsed p = clause_drag(g, c);
    if (p == P_NO) {
        p = place_first(g, c);
    }
    if (p != P_NO) {
        return p;
    }
    static const struct gesture TAP = {TAP_WORDS, ACT_TAP};
    if (eat_open_widget(&c)) {
        return finish_tap(g, c, &TAP);
    }
    const struct gesture *how = eat_gesture(&c);
    return how == NULL ? P_NO : finish_tap(g, c, how);
}

/* --- check boxes and switches */

static enum parsed
put_check(struct gram *g, struct cur c, enum act_type type)
{
    const struct target *t = NULL;
    if (cur_done(&c)) {
        return refuse(g, "the step does not say on what", "Check \"I agree\"");
    }
    if (quoted_list(g, c, type, NULL) == P_OK) {
        return P_OK;
    }
    if (parse_target(g, &c, USE_CHECK, &t) != P_OK) {
        return P_REFUSED;
    }
    add_action(g, type, t);
    return P_OK;
}

/* "Check" unquoted and without a kind means "look at" more often than "tick". */
static bool
check_is_clear(const struct cur *range)
{
    struct cur c = *range;
    const char *role = NULL;
    int len = 0;
    if (cur_done(&c)) {
        return false;
    }
    eat(&c, WORDS_DET);
    if (cur_quoted(&c) || (!cur_done(&c) && (c.t[c.i].var || is_capital(&c.t[c.i])))) {
        return true;
    }
    struct cur core = c;
    int at = find_phrase(
        &c, c.i, "next to|in|below|above|to the left of|to the right of|labelled|for", NULL);
    core.end = at > c.i ? at : c.end;
    return role_at_end(&core, USE_CHECK, &role, &len) && role != NULL;
}

static bool
box_like(const struct cur *c)
{
    return any_word(c, "checkbox|check box|checkboxes|radio|switch|toggle|box|tickbox|radiobutton");
}

/* "Turn 'Wi-Fi' on". */
static enum parsed
turn(struct gram *g, struct cur c)
{
    if (eat(&c, "turn on|switch on|toggle on|turns on|switches on")) {
        return put_check(g, c, ACT_CHECK);
    }
    if (eat(&c, "turn off|switch off|toggle off|turns off|switches off")) {
        return put_check(g, c, ACT_UNCHECK);
    }
    if (eat(&c, "turn|switch|toggle|turns") && !cur_done(&c)) {
        bool off = phrase_len(&c, c.end - 1, "off") > 0;
        if (off || phrase_len(&c, c.end - 1, "on") > 0) {
            c.end--;
            return put_check(g, c, off ? ACT_UNCHECK : ACT_CHECK);
        }
    }
    return P_NO;
}

enum parsed
clause_check(struct gram *g, struct cur c)
{
    struct cur whole = c;
    enum parsed p = turn(g, c);
    if (p != P_NO) {
        return p;
    }
    if (eat(&c,
            "uncheck|untick|unchecks|unticks|un-check|un-tick|deselect|unselect|clear the checkbox|"
            "remove the check from|untick the|unmark|deselects|clear the check from|"
            "remove the tick from|de-select")) {
        return put_check(g, c, ACT_UNCHECK);
    }
    if (eat(&c, "tick|ticks|check off|tick off|put a check in|put a tick in|check mark|mark the "
                "checkbox")) {
        return put_check(g, c, ACT_CHECK);
    }
    if (eat(&c, "enable|activate|disable|deactivate|enables|disables|enable the|disable the") &&
        (box_like(&c) || (cur_quoted(&c) && c.end - c.i == 1))) {
        bool off = phrase_len(&whole, whole.i, "disable|deactivate|disables") > 0;
        return put_check(g, c, off ? ACT_UNCHECK : ACT_CHECK);
    }
    c = whole;
    if (eat(&c, "toggle|flip|toggles") && !cur_done(&c)) {
        static const struct gesture TAP = {TAP_WORDS, ACT_TAP};
        return finish_tap(g, c, &TAP);
    }
    c = whole;
    if (eat(&c, "mark|select|choose|pick|selects|chooses") &&
        any_word(&c, "checkbox|check box|radio|radio button|checkboxes|radiobutton") &&
        !any_word(&c, "from|as")) {
        return put_check(g, c, ACT_CHECK);
    }
    c = whole;
    if (!eat(&c, "check|checks")) {
        return P_NO;
    }
    if (at_phrase(&c,
                  "that|if|whether|for|page|the page|there|,|url|the url|title|the title|it|in")) {
        return P_NO;
    }
    return check_is_clear(&c)
               ? put_check(g, c, ACT_CHECK)
               : refuse(g, "it is unclear whether to tick a box or to verify something",
                        "Check \"I agree\", or: Check that \"Saved\" is visible");
}
