/* SPDX-License-Identifier: Apache-2.0
 *
 * Acting on one thing: tap and its kin, check boxes. */
#include "worker/steps/parse.h"

static const char HINT_TAP[] = "write what to tap: Tap \"Save\"";

static const char TAP_WORDS[] =
    "tap|tap on|tap at|taps|taps on|tapped|tapped on|click|click on|clicks|clicks on|clicked|"
    "clicked on|click at|click onto|left click|left-click|left click on|left-click on|single tap|"
    "single tap on|single click|single click on|press|press on|presses|presses on|hit|hits|push|"
    "hit on|touch|activate|single-click|single-tap|tapping|clicking|clicking on|tapping "
    "on|hitting|pressing|"
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
     "secondary click|secondary click on|right-mouse-click|right mouse click",
     ACT_CONTEXT_TAP},
    {"hover|hover on|put the cursor over|put the cursor on|put the mouse over|put the mouse on|put "
     "the pointer over|"
     "put the mouse pointer over|put your mouse over|place the cursor on|place the pointer "
     "over|bring the cursor over|"
     "hover over|hovers|hovers over|hovers on|hover the mouse over|"
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

static const struct gesture GIVEN[] = {
    {"a double tap|a double click", ACT_DOUBLE_TAP},
    {"a long press", ACT_LONG_PRESS},
    {"a right click", ACT_CONTEXT_TAP},
    {"a tap|a click|a press", ACT_TAP},
};

/* "bring up the context menu for". */
static bool
eat_context_menu(struct cur *c)
{
    struct cur look = *c;
    if (!eat(&look, "open|opens|bring up|show|display|open up|call up")) {
        return false;
    }
    eat(&look, WORDS_DET);
    if (!eat(&look, "context menu|right-click menu|right click menu") || !eat(&look, "of|on|for")) {
        return false;
    }
    *c = look;
    return true;
}

static const struct gesture *
eat_gesture(struct cur *c)
{
    const struct gesture *best = NULL;
    struct cur start = *c;
    int len = 0;
    struct cur given = *c;
    /* "give 'Like' a tap" */
    if (eat(&given, "give")) {
        for (size_t i = 0; i < ARRAY_LEN(GIVEN); i++) {
            if (eat_end(&given, GIVEN[i].words)) {
                *c = given;
                return &GIVEN[i];
            }
        }
    }
    if (eat_context_menu(c)) {
        return &GIVEN[2];
    }
    bool noun = eat(c, "do a|perform a|make a|execute a|do|perform|execute|give a");
    for (size_t i = 0; i < ARRAY_LEN(GESTURES); i++) {
        int n = phrase_len(c, c->i, GESTURES[i].words);
        if (n > len) {
            len = n;
            best = &GESTURES[i];
        }
    }
    /* "click X twice" is said of a double click too, but that is another thing. */
    if (best == NULL) {
        *c = start;
        return NULL;
    }
    c->i += len;
    if (noun || best->type != ACT_TAP) {
        eat(c, "at|on|upon|onto|of|over");
    }
    return best;
}

static const char ARROWS[] = "→|>|->|»|›|=>";

/* "Settings → Notifications → 'Email alerts'": one after the other. */
static enum parsed
tap_path(struct gram *g, struct cur c)
{
    while (!cur_done(&c)) {
        int at = find_phrase(&c, c.i, ARROWS, NULL);
        struct cur part = cur_range(&c, c.i, at < 0 ? c.end : at);
        const struct target *t = NULL;
        if (parse_target(g, &part, USE_TAP, &t) != P_OK) {
            return P_REFUSED;
        }
        add_action(g, ACT_TAP, t);
        c.i = at < 0 ? c.end : at + 1;
    }
    return P_OK;
}

/* "confirm with 'Yes'", "save with the 'OK' button". */
static bool
eat_means(struct gram *g, struct cur *c)
{
    struct cur look = *c;
    const char *role = NULL;
    int len = 0;
    if (!eat(&look, "confirm|confirm it|confirm this|save|save it|submit|submit it|close it|"
                    "dismiss it|accept|accept it|finish|continue|proceed|send it|go on|"
                    "submit the form|save the changes") ||
        !eat(&look, "with|via|using|through|by using")) {
        return false;
    }
    bool button = role_at_end(&look, USE_TAP, &role, &len) && role != NULL;
    struct cur key = look;
    if (!button && eat_key(g, &key) != NULL) {
        return false; /* 'Enter' may be the key */
    }
    if (!button && !(cur_quoted(&look) && look.end - look.i == 1)) {
        return false;
    }
    *c = look;
    return true;
}

static enum parsed
finish_tap(struct gram *g, struct cur c, const struct gesture *how)
{
    eat_purpose_end(&c);
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
    if (how->type == ACT_TAP && any_word(&c, ARROWS)) {
        return tap_path(g, c);
    }
    enum parsed list = how->type == ACT_TAP ? put_list(g, c, ACT_TAP, USE_TAP, false) : P_NO;
    if (list != P_NO) {
        return list;
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

/* Where the verb starts behind a place without a comma: "in the 'Address' section click …". */
static int
place_end(const struct cur *c)
{
    for (int i = c->i + 1; i < c->end; i++) {
        struct cur verb = cur_range(c, i, c->end);
        bool place = c->t[i - 1].kind == TOK_QUOTED ||
                     phrase_len(c, i - 1,
                                "section|row|dialog|card|panel|menu|header|footer|sidebar|table|"
                                "list|form|popup|modal|toolbar|navbar|block|area") > 0;
        if (place && c->t[i].kind == TOK_WORD && !is_capital(&c->t[i]) &&
            eat_gesture(&verb) != NULL) {
            return i;
        }
    }
    return -1;
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
    if (at < 0) {
        at = place_end(&look);
        rest = cur_range(&c, at, c.end);
    }
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
    static const struct gesture RIGHT = {TAP_WORDS, ACT_CONTEXT_TAP};
    static const char RIGHT_BUTTON[] = "with the right mouse button|using the right mouse button|"
                                       "with the right button|with right mouse button";
    bool right = eat(&c, RIGHT_BUTTON) || eat_end(&c, RIGHT_BUTTON);
    if (right) {
        eat(&c, ",");
        return eat(&c, TAP_WORDS) ? finish_tap(g, c, &RIGHT) : P_NO;
    }
    if (eat_means(g, &c)) {
        return finish_tap(g, c, &TAP);
    }
    struct cur gesture = c;
    if (eat_gesture(&gesture) == NULL && eat_open_widget(&c)) {
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
    eat_end(&c, type == ACT_CHECK ? "as checked|as ticked|as selected|as marked"
                                  : "as unchecked|as unticked|as unselected");
    if (cur_done(&c)) {
        return refuse(g, "the step does not say on what", "Check \"I agree\"");
    }
    enum parsed list = put_list(g, c, type, USE_CHECK, false);
    if (list != P_NO) {
        return list;
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
    eat(&c, "both");
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

/* The machine itself, which no step can switch. */
static bool
is_machine(const struct cur *range)
{
    struct cur c = *range;
    eat(&c, WORDS_DET);
    return phrase_len(&c, c.i,
                      "phone|device|tablet|computer|laptop|screen|display|monitor|machine|tv|"
                      "browser|internet|network|app|server|mobile|power") == c.end - c.i;
}

static enum parsed
put_switch(struct gram *g, struct cur c, bool on)
{
    return is_machine(&c) ? refuse(g, "a step acts on the page, not on the machine",
                                   "put the visible name in quotes: Turn on \"Wi-Fi\"")
                          : put_check(g, c, on ? ACT_CHECK : ACT_UNCHECK);
}

/* "Turn 'Wi-Fi' on". */
static enum parsed
turn(struct gram *g, struct cur c)
{
    if (eat(&c, "turn on|switch on|toggle on|turns on|switches on")) {
        return put_switch(g, c, true);
    }
    if (eat(&c, "turn off|switch off|toggle off|turns off|switches off")) {
        return put_switch(g, c, false);
    }
    if (eat(&c, "turn|switch|toggle|turns") && !cur_done(&c)) {
        bool off = phrase_len(&c, c.end - 1, "off") > 0;
        if (off || phrase_len(&c, c.end - 1, "on") > 0) {
            c.end--;
            return put_switch(g, c, !off);
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
    if (eat(&c, "tick|ticks|put a check mark next to|put a checkmark next to|put a tick next to|"
                "put a check next to|put a check mark in|put a checkmark in|check off|tick off|put "
                "a check in|put a tick in|check mark|mark the "
                "checkbox")) {
        return put_check(g, c, ACT_CHECK);
    }
    if (eat(&c, "enable|activate|disable|deactivate|enables|disables|enable the|disable the") &&
        (box_like(&c) || (cur_quoted(&c) && c.end - c.i == 1))) {
        bool off = phrase_len(&whole, whole.i, "disable|deactivate|disables") > 0;
        return put_check(g, c, off ? ACT_UNCHECK : ACT_CHECK);
    }
    c = whole;
    if (eat(&c, "mark|marks|set")) {
        struct cur mark = c;
        bool on = eat_end(&mark, "as checked|as ticked|as selected");
        if (on || eat_end(&mark, "as unchecked|as unticked|as not checked")) {
            return put_check(g, mark, on ? ACT_CHECK : ACT_UNCHECK);
        }
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
