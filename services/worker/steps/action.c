/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/steps/action.h"

#include <string.h>

#include "json/json.h"

static const char *const TYPE_NAMES[ACT_TYPE_COUNT] = {
    [ACT_UNSUPPORTED] = "unsupported",
    [ACT_OPEN] = "open",
    [ACT_TAP] = "tap",
    [ACT_DOUBLE_TAP] = "double_tap",
    [ACT_LONG_PRESS] = "long_press",
    [ACT_CONTEXT_TAP] = "context_tap",
    [ACT_HOVER] = "hover",
    [ACT_CHECK] = "check",
    [ACT_UNCHECK] = "uncheck",
    [ACT_TYPE] = "type",
    [ACT_CLEAR] = "clear",
    [ACT_SELECT] = "select",
    [ACT_UPLOAD] = "upload",
    [ACT_DRAG] = "drag",
    [ACT_PRESS] = "press",
    [ACT_SCROLL] = "scroll",
    [ACT_SCROLL_TO] = "scroll_to",
    [ACT_SWIPE] = "swipe",
    [ACT_PINCH] = "pinch",
    [ACT_BACK] = "back",
    [ACT_FORWARD] = "forward",
    [ACT_RELOAD] = "reload",
    [ACT_LAUNCH] = "launch",
    [ACT_RELAUNCH] = "relaunch",
    [ACT_HIDE_KEYBOARD] = "hide_keyboard",
    [ACT_ROTATE] = "rotate",
    [ACT_SWITCH_TAB] = "switch_tab",
    [ACT_CLOSE_TAB] = "close_tab",
    [ACT_WAIT] = "wait",
    [ACT_WAIT_VISIBLE] = "wait_visible",
    [ACT_WAIT_HIDDEN] = "wait_hidden",
    [ACT_WAIT_ENABLED] = "wait_enabled",
    [ACT_WAIT_LOAD] = "wait_load",
    [ACT_VERIFY_VISIBLE] = "verify_visible",
    [ACT_VERIFY_NOT_VISIBLE] = "verify_not_visible",
    [ACT_VERIFY_TEXT] = "verify_text",
    [ACT_VERIFY_VALUE] = "verify_value",
    [ACT_VERIFY_URL] = "verify_url",
    [ACT_VERIFY_TITLE] = "verify_title",
    [ACT_VERIFY_COUNT] = "verify_count",
    [ACT_VERIFY_ENABLED] = "verify_enabled",
    [ACT_VERIFY_DISABLED] = "verify_disabled",
    [ACT_VERIFY_CHECKED] = "verify_checked",
    [ACT_SCREENSHOT] = "screenshot",
    [ACT_VISUAL_CHECK] = "visual_check",
    [ACT_STORE] = "store",
    [ACT_DIALOG_ACCEPT] = "dialog_accept",
    [ACT_DIALOG_DISMISS] = "dialog_dismiss",
};

static const char *const RELATION_NAMES[] = {"",      "next to", "left of", "right of", "above",
                                             "below", "before",  "after",   "near"};

const char *
act_type_name(enum act_type type)
{
    return (int)type >= 0 && type < ACT_TYPE_COUNT ? TYPE_NAMES[type] : "unsupported";
}

const char *
act_relation_name(enum act_relation relation)
{
    return (size_t)relation < ARRAY_LEN(RELATION_NAMES) ? RELATION_NAMES[relation] : "";
}

bool
act_is_verify(enum act_type type)
{
    return type >= ACT_VERIFY_VISIBLE && type <= ACT_VERIFY_CHECKED;
}

bool
act_is_wait_for(enum act_type type)
{
    return type >= ACT_WAIT_VISIBLE && type <= ACT_WAIT_LOAD;
}

void
act_position_put(struct buf *b, unsigned position)
{
    static const struct {
        unsigned bit;
        const char *word;
    } WORDS[] = {{POS_TOP, "top"},
                 {POS_BOTTOM, "bottom"},
                 {POS_CENTER, "center"},
                 {POS_LEFT, "left"},
                 {POS_RIGHT, "right"}};
    bool some = false;
    for (size_t i = 0; i < ARRAY_LEN(WORDS); i++) {
        if ((position & WORDS[i].bit) != 0) {
            buf_putz(b, some ? " " : "");
            buf_putz(b, WORDS[i].word);
            some = true;
        }
    }
}

/* --- JSON */

/* One target without the ones it names. */
static void
put_flat(struct buf *b, const struct target *t)
{
    if (t->role != NULL) {
        json_put_member_str(b, "role", str_z(t->role));
    }
    if (t->name.n > 0) {
        json_put_member_str(b, "name", t->name);
    }
    if (t->nth != 0) {
        json_put_member_i64(b, "nth", t->nth);
    }
    if (t->position != 0) {
        json_put_key(b, "position");
        buf_putc(b, '"');
        act_position_put(b, t->position);
        buf_putc(b, '"');
    }
}

static void put_target(struct buf *b, const char *key, const struct target *t, int depth);

static void
put_near(struct buf *b, const struct target *t, int depth)
{
    json_put_key(b, "near");
    buf_putc(b, '{');
    json_put_member_str(b, "relation", str_z(act_relation_name(t->relation)));
    put_flat(b, t->near);
    if (t->near->within != NULL) {
        put_target(b, "within", t->near->within, depth + 1);
    }
    buf_putc(b, '}');
}

static void
put_target(struct buf *b, const char *key, const struct target *t, int depth)
{
    json_put_key(b, key);
    buf_putc(b, '{');
    put_flat(b, t);
    if (t->near != NULL && depth < STEP_TARGET_DEPTH_MAX) {
        put_near(b, t, depth);
    }
    if (t->within != NULL && depth < STEP_TARGET_DEPTH_MAX) {
        put_target(b, "within", t->within, depth + 1);
    }
    buf_putc(b, '}');
}

static void
put_numbers(struct buf *b, const struct action *a)
{
    if (a->amount != 0) {
        json_put_member_i64(b, "amount", a->amount);
        json_put_member_str(b, "unit", str_z(a->unit));
    }
    if (a->repeat > 1) {
        json_put_member_i64(b, "repeat", a->repeat);
    }
    if (a->nth != 0) {
        json_put_member_i64(b, "nth", a->nth);
    }
    if (a->has_count) {
        json_put_member_i64(b, "count", a->count);
    }
    if (a->duration_us > 0) {
        json_put_member_i64(b, "ms", a->duration_us / ASSAY_US_PER_MS);
    }
    if (a->timeout_us > 0) {
        json_put_member_i64(b, "timeout_ms", a->timeout_us / ASSAY_US_PER_MS);
    }
}

static void
put_action(struct buf *b, const struct action *a)
{
    buf_putc(b, '{');
    json_put_member_str(b, "type", str_z(act_type_name(a->type)));
    if (a->target != NULL) {
        put_target(b, "target", a->target, 0);
    }
    if (a->to != NULL) {
        put_target(b, "to", a->to, 0);
    }
    if (a->edge != NULL) {
        json_put_member_str(b, "to", str_z(a->edge));
    }
    if (a->has_value) {
        json_put_member_str(b, "value", a->value);
    }
    if (a->mode != MODE_NONE) {
        json_put_member_str(b, "mode", str_z(a->mode == MODE_APPEND ? "append" : "contains"));
    }
    if (a->negated) {
        json_put_member_bool(b, "not", true);
    }
    if (a->direction != NULL) {
        json_put_member_str(b, "direction", str_z(a->direction));
    }
    put_numbers(b, a);
    if (a->variable.n > 0) {
        json_put_member_str(b, "variable", a->variable);
    }
    if (a->optional) {
        json_put_member_bool(b, "optional", true);
    }
    if (a->if_visible != NULL) {
        put_target(b, "if_visible", a->if_visible, 0);
    }
    buf_putc(b, '}');
}

void
plan_put_json(struct buf *b, const struct plan *plan)
{
    if (plan->count == 0) {
        buf_putz(b, "[{\"type\":\"unsupported\"}]");
        return;
    }
    buf_putc(b, '[');
    for (size_t i = 0; i < plan->count && i < STEP_ACTIONS_MAX; i++) {
        buf_putz(b, i > 0 ? "," : "");
        put_action(b, &plan->actions[i]);
    }
    buf_putc(b, ']');
}
