/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys and gestures of the whole screen. */
#include "worker/steps/parse.h"

#include <string.h>

/* --- keys */

static enum parsed
put_key(struct gram *g, struct cur c, const char *key)
{
    int times = 0;
    const struct target *t = NULL;
    eat(&c, "key|keys|button on the keyboard|key on the keyboard|on the keyboard|on keyboard|"
            "key on your keyboard|keyboard key|keyboard shortcut|shortcut");
    (void)eat_times(&c, &times);
    if (eat(&c, "in|on|inside|within|while in|while on|into") &&
        (cur_done(&c) || parse_target(g, &c, USE_TYPE, &t) != P_OK)) {
        return P_NO;
    }
    if (t == NULL &&
        eat(&c, "to submit|to confirm|to search|to continue|to submit the form|"
                "to send|to save") &&
        !cur_done(&c)) {
        return P_NO;
    }
    if (t == NULL && !cur_done(&c)) {
        return P_NO;
    }
    struct action *a = add_action(g, ACT_PRESS, t);
    a->value = str_z(key);
    a->has_value = true;
    a->repeat = times > 1 ? times : 0;
    return P_OK;
}

enum parsed
clause_press(struct gram *g, struct cur c)
{
    bool combo_verb =
        eat(&c, "use the keyboard shortcut|use keyboard shortcut|use the shortcut|"
                "press the keyboard shortcut|press the key combination|press the keys|"
                "press keys|send the key|send key|send keys|type the key|press key|"
                "press the key|hit the key|press the shortcut|press shortcut|"
                "press keyboard key|use shortcut|press the key combo|press keyboard shortcut");
    if (!combo_verb &&
        !eat(&c, "press|presses|hit|hits|press on|strike|pressing|hitting|pressed|push")) {
        return P_NO;
    }
    bool quoted = cur_quoted(&c);
    if (any_word(&c, "volume|power|camera|lock|letter|character|digit") &&
        !any_word(&c, "icon|link") && !quoted) {
        return refuse(g, "that key is not known", "Press Enter");
    }
    eat(&c, "the|down");
    struct cur at = c;
    if (at_phrase(&c, "down arrow|down key|down")) {
        at = c;
    }
    const char *key = eat_key(g, &at);
    if (key == NULL && c.i > 0 && strcmp(c.t[c.i - 1].low, "down") == 0) {
        c.i--;
        at = c;
        key = eat_key(g, &at);
    }
    static const char HELD[] = "shift|ctrl|control|alt|option|cmd|command|meta|windows|win|fn";
    bool held = phrase_len(&c, c.i, HELD) > 0 && (c.i + 1 == c.end || !is_capital(&c.t[c.i + 1]));
    if (key == NULL && !quoted && (held || phrase_len(&c, c.end - 1, "key|keys") > 0)) {
        return refuse(g, "that key is not known", "Press Enter, or: Press Ctrl+A");
    }
    if (key == NULL) {
        return combo_verb ? refuse(g, "that key is not known", "Press Enter") : P_NO;
    }
    /* A quoted word that is also what buttons are called is a button. */
    if (quoted && !combo_verb && !at_phrase(&at, "key|keys") &&
        (strcmp(key, "Delete") == 0 || strcmp(key, "Home") == 0 || strcmp(key, "End") == 0 ||
         strcmp(key, "Insert") == 0 || strncmp(key, "Arrow", 5) == 0)) {
        return P_NO;
    }
    return put_key(g, at, key);
}

/* --- scrolling */

static const char *
eat_direction(struct cur *c)
{
    if (eat(c, "up|upwards|upward")) {
        return "up";
    }
    if (eat(c, "down|downwards|downward")) {
        return "down";
    }
    if (eat(c, "left|leftwards|to the left|leftward|to left")) {
        return "left";
    }
    if (eat(c, "right|rightwards|to the right|rightward|to right")) {
        return "right";
    }
    return NULL;
}

/* "100px", "300 pixels", "half a screen". */
static bool
eat_distance(struct cur *c, struct action *a)
{
    int64_t n = 0;
    const struct tok *t = cur_tok(c);
    if (t == NULL || t->kind != TOK_WORD) {
        return false;
    }
    struct str low = str_z(t->low);
    if (low.n > 2 && str_ends(low, STR("px")) &&
        str_to_i64(str_sub(low, 0, low.n - 2), 1, 100000, &n) == RC_OK) {
        c->i++;
        a->unit = "px";
    } else if (low.n > 1 && low.p[low.n - 1] == '%' &&
               str_to_i64(str_sub(low, 0, low.n - 1), 1, 1000, &n) == RC_OK) {
        c->i++;
        a->unit = "%";
    } else if (number_at(c, c->i, &n) && phrase_len(c, c->i + 1, "px|pixels|pixel") > 0) {
        c->i += 2;
        a->unit = "px";
    } else if (number_at(c, c->i, &n) && phrase_len(c, c->i + 1, "screens|screen|pages|page") > 0) {
        c->i += 2;
        a->unit = "screen";
    } else if (eat(c, "one page|a page|one screen|a screen|one full screen|a full page|a full "
                      "screen")) {
        n = 1;
        a->unit = "screen";
    } else {
        return false;
    }
    a->amount = n;
    return n > 0;
}

static enum parsed
put_scroll_to(struct gram *g, struct cur where, const char *direction)
{
    const struct target *t = NULL;
    if (cur_done(&where) || parse_target(g, &where, USE_VERIFY, &t) != P_OK) {
        return refuse(g, "the step does not say where to scroll", "Scroll to \"Reviews\"");
    }
    struct action *a = add_action(g, ACT_SCROLL_TO, t);
    /* Down is where one looks first. */
    a->direction = direction != NULL && strcmp(direction, "down") != 0 ? direction : NULL;
    return P_OK;
}

static enum parsed
scroll_edge(struct gram *g, struct cur c, const char *edge, const char *direction)
{
    eat(&c, "of the page|of page|of the screen|of this page|of the document|of the list|page");
    if (!cur_done(&c)) {
        return refuse(g, "words are left over", "Scroll to the bottom");
    }
    struct action *a = add_action(g, ACT_SCROLL, NULL);
    a->direction = direction;
    a->edge = edge;
    return P_OK;
}

static enum parsed
scroll_by(struct gram *g, struct cur c, const char *direction)
{
    struct action a = {.type = ACT_SCROLL, .direction = direction};
    int times = 0;
    bool some = false;
    const struct target *t = NULL;
    for (bool more = true; more;) {
        more = false;
        struct cur look = c;
        if (eat(&c, "a little|a bit|slightly")) {
            some = more = true;
        } else if (eat(&c, "by|for about|about|the page|the screen|page")) {
            more = true;
        } else if (a.amount == 0 && eat_distance(&look, &a)) {
            c = look;
            more = true;
        } else if (times == 0 && eat_times(&c, &times)) {
            more = true;
        } else if (a.direction == NULL && (a.direction = eat_direction(&c)) != NULL) {
            more = true;
        }
    }
    if (!cur_done(&c)) {
        for (int i = c.i + 1; a.direction == NULL && i < c.end; i++) {
            struct cur way = cur_range(&c, i, c.end);
            const char *found = c.t[i].kind == TOK_WORD ? eat_direction(&way) : NULL;
            if (found != NULL && cur_done(&way)) {
                a.direction = found;
                c.end = i;
            }
        }
        bool place = eat(&c, "in|inside|within|on") || at_phrase(&c, WORDS_DET) || cur_quoted(&c);
        if (!place || parse_target(g, &c, USE_SCOPE, &t) != P_OK) {
            return refuse(g, "it is unclear what to scroll",
                          "Scroll down in the \"Messages\" list");
        }
    }
    if (some && a.direction == NULL) {
        return refuse(g, "the step does not say where to scroll", "Scroll to \"Reviews\"");
    }
    struct action *to = add_action(g, ACT_SCROLL, t);
    a.target = t;
    a.repeat = times > 1 ? times : 0;
    a.direction = a.direction == NULL ? "down" : a.direction;
    *to = a;
    return P_OK;
}

static bool
eat_seen_tail(struct cur *c)
{
    return eat_end(
        c, "is visible|is displayed|appears|is shown|is in view|comes into view|is seen|"
           "is on the screen|is on screen|becomes visible|shows up|are visible|are displayed|"
           "is found|is present|can be seen|is in the viewport|come into view|is reached|"
           "appear|is visible on the screen|is visible on screen|is fully visible|"
           "is displayed on the screen");
}

static enum parsed
scroll_until(struct gram *g, struct cur c, const char *direction)
{
    struct cur edge = c;
    bool top = eat(&edge, "the top|you reach the top|i reach the top|reaching the top");
    if (top ||
        eat(&edge, "the bottom|the end|you reach the bottom|you reach the end|i reach the end|"
                   "i reach the bottom|reaching the bottom|reaching the end")) {
        return scroll_edge(g, edge, top ? "top" : "bottom", top ? "up" : "down");
    }
    eat(&c, "the page contains|page contains|the page shows|page shows|the screen shows|visible");
    eat(&c,
        "you see|i see|you can see|i can see|the user sees|you find|i find|we see|seeing|you reach|"
        "reaching");
    eat_seen_tail(&c);
    return put_scroll_to(g, c, direction);
}

static enum parsed
clause_scroll(struct gram *g, struct cur c)
{
    struct cur brought = c;
    if (eat(&brought, "bring|move|get") &&
        eat_end(&brought, "into view|into the view|into the viewport")) {
        return put_scroll_to(g, brought, NULL);
    }
    if (!eat(&c, "scroll|scrolls|scroll the page|scroll page|scroll the screen|scrolling|"
                 "scroll through the page")) {
        return P_NO;
    }
    struct cur whole = c;
    if (!any_word(&c, "until|till") && eat_end(&c, "into view|into the view|into the viewport")) {
        return put_scroll_to(g, c, NULL);
    }
    const char *direction = eat_direction(&c);
    if (eat(&c, "until|till")) {
        return scroll_until(g, c, direction);
    }
    if (eat(&c, "all the way")) {
        direction = direction == NULL ? eat_direction(&c) : direction;
        if (cur_done(&c) && direction != NULL) {
            return scroll_edge(g, c, strcmp(direction, "up") == 0 ? "top" : "bottom", direction);
        }
    }
    if (eat(&c, "to the very bottom|to the bottom|to bottom|to the end|to page bottom|to the page "
                "bottom") ||
        (direction == NULL && eat(&c, "the bottom"))) {
        return scroll_edge(g, c, "bottom", "down");
    }
    if (eat(&c, "to the very top|to the top|to top|to the beginning|back to the top|to the start|"
                "to page top")) {
        return scroll_edge(g, c, "top", "up");
    }
    if (eat(&c, "to find|to see|to view|to reach|to|until you see|onto|over to|back to")) {
        return put_scroll_to(g, c, direction);
    }
    if (direction == NULL && !cur_done(&c) &&
        !at_phrase(&c, "by|in|a|the|inside|within|page|about|"
                       "slightly")) {
        struct action probe = {0};
        struct cur look = c;
        int times = 0;
        if (!eat_distance(&look, &probe) && !eat_times(&look, &times)) {
            return refuse(g, "the step does not say where to scroll", "Scroll to \"Reviews\"");
        }
    }
    c = whole;
    if (direction != NULL) {
        (void)eat_direction(&c);
    }
    return scroll_by(g, c, direction);
}

/* --- swipes and pinches */

/* "the left edge of the screen". */
static const char *
eat_side(struct cur *c)
{
    static const char *const SIDES[] = {"left", "right", "top", "bottom", "up", "down"};
    struct cur look = *c;
    eat(&look, "the");
    for (size_t i = 0; i < ARRAY_LEN(SIDES); i++) {
        if (eat(&look, SIDES[i])) {
            eat(&look, "edge|side|end|border");
            eat(&look, "of the screen|of the page");
            *c = look;
            return SIDES[i];
        }
    }
    return NULL;
}

/* "from right to left". */
static bool
eat_from_to(struct cur *c, const char **out)
{
    static const char *const WAYS[][3] = {{"right", "left", "left"}, {"left", "right", "right"},
                                          {"bottom", "top", "up"},   {"down", "up", "up"},
                                          {"top", "bottom", "down"}, {"up", "down", "down"}};
    struct cur look = *c;
    eat(&look, "from");
    const char *from = eat_side(&look);
    const char *to = from != NULL && eat(&look, "to") ? eat_side(&look) : NULL;
    for (size_t i = 0; to != NULL && i < ARRAY_LEN(WAYS); i++) {
        if (strcmp(WAYS[i][0], from) == 0 && strcmp(WAYS[i][1], to) == 0) {
            *out = WAYS[i][2];
            *c = look;
            return true;
        }
    }
    return false;
}

static bool
eat_way(struct cur *c, const char **out)
{
    if (eat_from_to(c, out)) {
        return true;
    }
    *out = eat_direction(c);
    return *out != NULL;
}

static enum parsed
put_swipe(struct gram *g, struct cur c, const char *direction, int times)
{
    const struct target *t = NULL;
    eat_purpose_end(&c);
    struct cur tail = c;
    if (times == 0 && eat_times(&c, &times)) {
        tail = c;
    }
    eat(&c, "on the screen|across the screen|the screen|on screen|on the page|across the page");
    if (times == 0) {
        (void)eat_times(&c, &times);
    }
    eat_end(&c, "to refresh|to refresh the page|to go back|to close");
    if (!cur_done(&c)) {
        bool place = eat(&c, "on|over|across|in|inside|through");
        if (!place && !cur_quoted(&c) && !at_phrase(&c, WORDS_DET) && !is_capital(cur_tok(&c)) &&
            phrase_len(&c, c.i - 1, "left|right|up|down|top|bottom|upwards|downwards") > 0) {
            return refuse(g, "it is unclear what to swipe", "Swipe left on \"Card\"");
        }
        for (int i = c.i + 1; i < c.end; i++) {
            tail = cur_range(&c, i, c.end);
            if (times == 0 && c.t[i].kind == TOK_WORD && eat_times(&tail, &times) &&
                cur_done(&tail)) {
                c.end = i;
            }
        }
        if (any_word(&c, "until|till") || parse_target(g, &c, USE_SCOPE, &t) != P_OK) {
            return refuse(g, "it is unclear what to swipe", "Swipe left on \"Card\"");
        }
    }
    struct action *a = add_action(g, ACT_SWIPE, t);
    a->direction = direction;
    a->repeat = times > 1 ? times : 0;
    return P_OK;
}

static enum parsed
clause_swipe(struct gram *g, struct cur c)
{
    if (!eat(&c, "swipe|swipes|flick|swiping|perform a swipe|do a swipe")) {
        return P_NO;
    }
    const char *direction = NULL;
    if (eat_way(&c, &direction)) {
        return put_swipe(g, c, direction, 0);
    }
    eat(&c, "on|across|over|the screen|through");
    eat(&c, "the screen");
    for (int i = c.i; i < c.end; i++) {
        struct cur way = cur_range(&c, i, c.end);
        int times = 0;
        if (c.t[i].kind != TOK_WORD || !eat_way(&way, &direction)) {
            continue;
        }
        (void)eat_times(&way, &times);
        if (cur_done(&way)) {
            return put_swipe(g, cur_range(&c, c.i, i), direction, times);
        }
    }
    return refuse(g, "the step does not say in which direction", "Swipe left on \"Card\"");
}

static enum parsed
clause_pinch(struct gram *g, struct cur c)
{
    const char *direction = NULL;
    if (eat(&c, "pinch out|spread two fingers|spread your fingers|spread fingers|spread|zoom in by "
                "pinching|zoom in by pinching on|pinch open|pinch "
                "outward|pinch to zoom in|pinch out to zoom in|pinch open to zoom in|pinch "
                "outwards|pinches "
                "out")) {
        direction = "out";
    } else if (eat(&c, "pinch in|pinch two fingers|pinch two fingers together|zoom out by "
                       "pinching|zoom out by pinching on|pinch close|pinch "
                       "closed|pinch inward|pinch to zoom out|pinch in to zoom out|pinch closed to "
                       "zoom out|pinch inwards|"
                       "pinches in")) {
        direction = "in";
    } else if (eat(&c, "zoom in|zooms in")) {
        direction = "out";
    } else if (eat(&c, "zoom out|zooms out")) {
        direction = "in";
    } else {
        return P_NO;
    }
    const struct target *t = NULL;
    eat(&c, "on the screen|on screen");
    eat_end(&c, strcmp(direction, "out") == 0
                    ? "to zoom in|to enlarge|to enlarge it|to zoom in on it"
                    : "to zoom out");
    if (!cur_done(&c)) {
        eat(&c, "on|into|over|in");
        if (parse_target(g, &c, USE_VERIFY, &t) != P_OK) {
            return P_REFUSED;
        }
    }
    struct action *a = add_action(g, ACT_PINCH, t);
    a->direction = direction;
    return P_OK;
}

enum parsed
clause_move(struct gram *g, struct cur c)
{
    enum parsed p = clause_scroll(g, c);
    if (p == P_NO) {
        p = clause_swipe(g, c);
    }
    return p == P_NO ? clause_pinch(g, c) : p;
}
