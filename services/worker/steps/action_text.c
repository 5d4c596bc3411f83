/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans in English. Every line is a sentence of the grammar that means the same action. */
#include <string.h>

#include "worker/steps/action.h"

/* In quotes the grammar reads back. */
static void
put_quoted(struct buf *b, struct str s)
{
    buf_putc(b, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"') {
            buf_putc(b, '\\');
        }
        buf_putc(b, s.p[i]);
    }
    buf_putc(b, '"');
}

static const char *
role_noun(const char *role)
{
    static const struct {
        const char *role;
        const char *noun;
    } NOUNS[] = {{"textbox", "field"},
                 {"combobox", "dropdown"},
                 {"radio", "radio button"},
                 {"img", "image"},
                 {"menuitem", "menu item"}};
    for (size_t i = 0; i < ARRAY_LEN(NOUNS); i++) {
        if (strcmp(role, NOUNS[i].role) == 0) {
            return NOUNS[i].noun;
        }
    }
    return role;
}

static void
put_nth(struct buf *b, int nth)
{
    if (nth == -1) {
        buf_putz(b, "last ");
    } else if (nth == -2) {
        buf_putz(b, "second to last ");
    } else if (nth > 0) {
        const char *tail = nth % 100 >= 11 && nth % 100 <= 13 ? "th"
                           : nth % 10 == 1                    ? "st"
                           : nth % 10 == 2                    ? "nd"
                           : nth % 10 == 3                    ? "rd"
                                                              : "th";
        buf_printf(b, "%d%s ", nth, tail);
    }
}

static void
put_core(struct buf *b, const struct target *t)
{
    buf_putz(b, t->role != NULL || t->nth != 0 || t->name.n == 0 ? "the " : "");
    put_nth(b, t->nth);
    if (t->name.n > 0) {
        put_quoted(b, t->name);
        buf_putz(b, t->role != NULL ? " " : "");
    }
    buf_putz(b, t->role != NULL ? role_noun(t->role) : t->name.n == 0 ? "item" : "");
}

void
target_put_text(struct buf *b, const struct target *t)
{
    static const char *const PLACE[] = {
        "",        " next to ", " to the left of ", " to the right of ",
        " above ", " below ",   " before ",         " after ",
        " near "};
    put_core(b, t);
    if (t->position != 0) {
        buf_putz(b, " at the ");
        act_position_put(b, t->position);
    }
    if (t->near != NULL) {
        buf_putz(b, PLACE[t->relation]);
        put_core(b, t->near);
    }
    int depth = 0;
    for (const struct target *w = t->within; w != NULL && depth < STEP_TARGET_DEPTH_MAX;
         w = w->within, depth++) {
        buf_putz(b, " in ");
        put_core(b, w);
    }
}

struct str
target_text(struct arena *arena, const struct target *t)
{
    struct buf b;

    buf_init(&b, 2048);
    target_put_text(&b, t);
    struct str out = arena_str(arena, buf_str(&b));
    buf_fini(&b);
    return out;
}

static void
put_duration(struct buf *b, int64_t us)
{
    int64_t ms = us / ASSAY_US_PER_MS;
    if (ms % 1000 == 0) {
        buf_printf(b, "%lld second%s", (long long)(ms / 1000), ms == 1000 ? "" : "s");
    } else {
        buf_printf(b, "%lld ms", (long long)ms);
    }
}

static void
verb_target(struct buf *b, const char *verb, const struct action *a)
{
    buf_putz(b, verb);
    if (a->target != NULL) {
        buf_putc(b, ' ');
        target_put_text(b, a->target);
    }
}

static void
put_scroll_to(struct buf *b, const struct action *a)
{
    buf_printf(b, "Scroll %s%sto ", a->direction != NULL ? a->direction : "",
               a->direction != NULL ? " " : "");
    target_put_text(b, a->target);
}

static void
put_type(struct buf *b, const struct action *a)
{
    buf_putz(b, a->mode == MODE_APPEND ? "Append " : "Type ");
    put_quoted(b, a->value);
    if (a->target != NULL) {
        buf_putz(b, a->mode == MODE_APPEND ? " to " : " into ");
        target_put_text(b, a->target);
    }
}

static void
value_target(struct buf *b, const char *verb, const char *link, const struct action *a)
{
    buf_putz(b, verb);
    put_quoted(b, a->value);
    if (a->target != NULL) {
        buf_putz(b, link);
        target_put_text(b, a->target);
    }
}

static void
put_scroll(struct buf *b, const struct action *a)
{
    if (a->edge != NULL) {
        buf_printf(b, "Scroll to the %s", a->edge);
        return;
    }
    buf_printf(b, "Scroll %s", a->direction);
    if (a->amount > 0) {
        bool joined = strcmp(a->unit, "screen") != 0;
        buf_printf(b, " by %lld%s%s", (long long)a->amount, joined ? "" : " ",
                   joined ? a->unit : "screens");
    }
    if (a->target != NULL) {
        buf_putz(b, " in ");
        target_put_text(b, a->target);
    }
}

static void
put_swipe(struct buf *b, const struct action *a)
{
    buf_printf(b, a->type == ACT_SWIPE ? "Swipe %s" : "Pinch %s", a->direction);
    if (a->target != NULL) {
        buf_putz(b, " on ");
        target_put_text(b, a->target);
    }
}

static void
put_compare(struct buf *b, const struct action *a)
{
    const char *verb = a->mode == MODE_CONTAINS ? (a->negated ? "does not contain" : "contains")
                                                : (a->negated ? "is not" : "is");
    buf_putz(b, "Verify that ");
    if (a->type == ACT_VERIFY_URL) {
        buf_putz(b, "the URL");
    } else if (a->type == ACT_VERIFY_TITLE) {
        buf_putz(b, "the page title");
    } else {
        buf_putz(b, a->type == ACT_VERIFY_VALUE && a->value.n > 0 ? "the value of " : "");
        target_put_text(b, a->target);
    }
    if (a->type == ACT_VERIFY_VALUE && a->value.n == 0) {
        buf_putz(b, a->negated ? " is not empty" : " is empty");
        return;
    }
    buf_printf(b, " %s ", verb);
    put_quoted(b, a->value);
}

static void
put_state(struct buf *b, const struct action *a, const char *state)
{
    buf_putz(b, "Verify that ");
    target_put_text(b, a->target);
    buf_printf(b, " is %s%s", a->negated ? "not " : "", state);
}

static void
put_wait(struct buf *b, const struct action *a, const char *state)
{
    buf_putz(b, "Wait until ");
    target_put_text(b, a->target);
    buf_printf(b, " is %s", state);
}

static void
put_verify(struct buf *b, const struct action *a)
{
    switch (a->type) {
    case ACT_VERIFY_VISIBLE:
        put_state(b, a, "visible");
        break;
    case ACT_VERIFY_NOT_VISIBLE:
        put_state(b, a, "not visible");
        break;
    case ACT_VERIFY_ENABLED:
        put_state(b, a, "enabled");
        break;
    case ACT_VERIFY_DISABLED:
        put_state(b, a, "disabled");
        break;
    case ACT_VERIFY_CHECKED:
        put_state(b, a, "checked");
        break;
    case ACT_VERIFY_COUNT:
        buf_printf(b, "Verify that the number of ");
        target_put_text(b, a->target);
        buf_printf(b, " is %lld", (long long)a->count);
        break;
    default:
        put_compare(b, a);
    }
    if (a->timeout_us > 0) {
        buf_putz(b, " within ");
        put_duration(b, a->timeout_us);
    }
}

/* `text`, and `before` with the quoted value when the action has one. */
static void
put_with_value(struct buf *b, const char *text, const char *before, const struct action *a)
{
    buf_putz(b, text);
    if (a->has_value) {
        buf_putz(b, before);
        put_quoted(b, a->value);
    }
}

static void
put_page_action(struct buf *b, const struct action *a)
{
    switch (a->type) {
    case ACT_OPEN:
        value_target(b, "Open ", "", a);
        break;
    case ACT_BACK:
        buf_putz(b, "Go back");
        break;
    case ACT_FORWARD:
        buf_putz(b, "Go forward");
        break;
    case ACT_RELOAD:
        buf_putz(b, "Reload the page");
        break;
    case ACT_LAUNCH:
        buf_putz(b, "Launch the ");
        if (a->has_value) {
            put_quoted(b, a->value);
            buf_putc(b, ' ');
        }
        buf_putz(b, "app");
        break;
    case ACT_RELAUNCH:
        buf_putz(b, "Relaunch the app");
        break;
    case ACT_HIDE_KEYBOARD:
        buf_putz(b, "Hide the keyboard");
        break;
    case ACT_ROTATE:
        buf_putz(b, "Rotate the device");
        if (a->has_value) {
            buf_printf(b, " to %.*s", STR_ARG(a->value));
        }
        break;
    case ACT_SWITCH_TAB:
        if (a->nth < 0) {
            buf_putz(b, "Switch to the last tab");
        } else {
            buf_printf(b, "Switch to tab %d", a->nth);
        }
        break;
    case ACT_CLOSE_TAB:
        buf_putz(b, "Close the tab");
        break;
    case ACT_DIALOG_ACCEPT:
    case ACT_DIALOG_DISMISS:
        put_with_value(b, a->type == ACT_DIALOG_ACCEPT ? "Accept the alert" : "Dismiss the alert",
                       " with ", a);
        break;
    case ACT_VISUAL_CHECK:
        put_with_value(b, "Visual check", " ", a);
        break;
    case ACT_SCREENSHOT:
        put_with_value(b, "Take a screenshot", " as ", a);
        if (a->target != NULL) {
            buf_putz(b, " of ");
            target_put_text(b, a->target);
        }
        break;
    default:
        buf_putz(b, act_type_name(a->type));
    }
}

static void
put_element_action(struct buf *b, const struct action *a)
{
    switch (a->type) {
    case ACT_TAP:
        verb_target(b, "Tap", a);
        break;
    case ACT_DOUBLE_TAP:
        verb_target(b, "Double tap", a);
        break;
    case ACT_LONG_PRESS:
        verb_target(b, "Long press", a);
        if (a->duration_us > 0) {
            buf_putz(b, " for ");
            put_duration(b, a->duration_us);
        }
        break;
    case ACT_CONTEXT_TAP:
        verb_target(b, "Right click", a);
        break;
    case ACT_HOVER:
        verb_target(b, "Hover over", a);
        break;
    case ACT_CHECK:
        verb_target(b, "Tick", a);
        break;
    case ACT_UNCHECK:
        verb_target(b, "Untick", a);
        break;
    case ACT_CLEAR:
        verb_target(b, "Clear", a);
        break;
    case ACT_SCROLL_TO:
        put_scroll_to(b, a);
        break;
    case ACT_SELECT:
        value_target(b, "Select ", " from ", a);
        break;
    case ACT_UPLOAD:
        value_target(b, "Upload ", " to ", a);
        break;
    case ACT_PRESS:
        buf_printf(b, "Press %.*s", STR_ARG(a->value));
        if (a->target != NULL) {
            buf_putz(b, " in ");
            target_put_text(b, a->target);
        }
        break;
    case ACT_DRAG:
        verb_target(b, "Drag", a);
        buf_putz(b, " to ");
        target_put_text(b, a->to);
        break;
    case ACT_STORE:
        verb_target(b, "Remember", a);
        buf_printf(b, " as %.*s", STR_ARG(a->variable));
        break;
    default:
        put_page_action(b, a);
    }
}

static void
put_action(struct buf *b, const struct action *a)
{
    switch (a->type) {
    case ACT_TYPE:
        put_type(b, a);
        break;
    case ACT_SCROLL:
        put_scroll(b, a);
        break;
    case ACT_SWIPE:
    case ACT_PINCH:
        put_swipe(b, a);
        break;
    case ACT_WAIT:
        buf_putz(b, "Wait ");
        put_duration(b, a->duration_us);
        break;
    case ACT_WAIT_VISIBLE:
        put_wait(b, a, "visible");
        break;
    case ACT_WAIT_HIDDEN:
        put_wait(b, a, "hidden");
        break;
    case ACT_WAIT_ENABLED:
        put_wait(b, a, "enabled");
        break;
    case ACT_WAIT_LOAD:
        buf_putz(b, "Wait for the page to load");
        break;
    default:
        if (act_is_verify(a->type)) {
            put_verify(b, a);
        } else {
            put_element_action(b, a);
        }
    }
}

void
plan_put_text(struct buf *b, const struct plan *plan)
{
    if (plan->count == 0) {
        buf_printf(b, "not understood: %.*s\nhint: %.*s\n", STR_ARG(plan->reason),
                   STR_ARG(plan->hint));
        return;
    }
    for (size_t i = 0; i < plan->count && i < STEP_ACTIONS_MAX; i++) {
        const struct action *a = &plan->actions[i];
        if (a->if_visible != NULL) {
            buf_putz(b, "If ");
            target_put_text(b, a->if_visible);
            buf_putz(b, " is visible, ");
        }
        put_action(b, a);
        if (act_is_wait_for(a->type) && a->timeout_us > 0) {
            buf_putz(b, " for up to ");
            put_duration(b, a->timeout_us);
        }
        if (a->repeat > 1) {
            buf_printf(b, " %d times", a->repeat);
        }
        buf_putz(b, a->optional ? " if it is visible\n" : "\n");
    }
}
