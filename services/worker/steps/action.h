/* SPDX-License-Identifier: Apache-2.0
 *
 * What a step means: a short list of actions, each with the target a person named. The grammar
 * makes plans from English sentences, the executor performs them on a device. A plan that cannot be
 * trusted is a refusal: no action, a reason for people and a hint how to write it instead.
 *
 * Ownership: plans live in the arena they were parsed into. */
#ifndef ASSAY_WORKER_STEPS_ACTION_H
#define ASSAY_WORKER_STEPS_ACTION_H

#include "base/arena.h"
#include "base/buf.h"

#define STEP_TEXT_MAX 4096 /* bytes of one sentence */
#define STEP_ACTIONS_MAX 16
#define STEP_TARGET_DEPTH_MAX 4 /* nesting of within and near */

enum act_type {
    ACT_UNSUPPORTED = 0,
    ACT_OPEN,
    ACT_TAP,
    ACT_DOUBLE_TAP,
    ACT_LONG_PRESS,
    ACT_CONTEXT_TAP,
    ACT_HOVER,
    ACT_CHECK,
    ACT_UNCHECK,
    ACT_TYPE,
    ACT_CLEAR,
    ACT_SELECT,
    ACT_UPLOAD,
    ACT_DRAG,
    ACT_PRESS,
    ACT_SCROLL,
    ACT_SCROLL_TO,
    ACT_SWIPE,
    ACT_PINCH,
    ACT_BACK,
    ACT_FORWARD,
    ACT_RELOAD,
    ACT_LAUNCH,
    ACT_RELAUNCH,
    ACT_HIDE_KEYBOARD,
    ACT_ROTATE,
    ACT_SWITCH_TAB,
    ACT_CLOSE_TAB,
    ACT_WAIT,
    ACT_WAIT_VISIBLE,
    ACT_WAIT_HIDDEN,
    ACT_WAIT_ENABLED,
    ACT_WAIT_LOAD,
    ACT_VERIFY_VISIBLE,
    ACT_VERIFY_NOT_VISIBLE,
    ACT_VERIFY_TEXT,
    ACT_VERIFY_VALUE,
    ACT_VERIFY_URL,
    ACT_VERIFY_TITLE,
    ACT_VERIFY_COUNT,
    ACT_VERIFY_ENABLED,
    ACT_VERIFY_DISABLED,
    ACT_VERIFY_CHECKED,
    ACT_SCREENSHOT,
    ACT_VISUAL_CHECK,
    ACT_STORE,
    ACT_DIALOG_ACCEPT,
    ACT_DIALOG_DISMISS,
    ACT_TYPE_COUNT
};

enum act_relation {
    REL_NONE = 0,
    REL_NEXT_TO,
    REL_LEFT_OF,
    REL_RIGHT_OF,
    REL_ABOVE,
    REL_BELOW,
    REL_BEFORE,
    REL_AFTER,
    REL_NEAR
};

/* Parts of the screen a sentence can name; OR-ed: top right. */
enum act_position { POS_TOP = 1, POS_BOTTOM = 2, POS_LEFT = 4, POS_RIGHT = 8, POS_CENTER = 16 };

/* The thing a person means. */
struct target {
    struct str name;  /* as written, without quotes; empty: none given */
    const char *role; /* "button", "textbox", …; NULL: the sentence does not say */
    int nth;          /* from 1; -1 the last, -2 the one before; 0: not given */
    bool quoted;      /* the name stood in quotes: it is literal */
    const struct target *within;
    enum act_relation relation;
    const struct target *near;
    unsigned position; /* enum act_position */
};

enum act_mode { MODE_NONE = 0, MODE_APPEND, MODE_CONTAINS };

struct action {
    enum act_type type;
    const struct target *target; /* NULL: none */
    const struct target *to;     /* where a drag ends */
    struct str value;            /* text, key, address, option, file; may be empty with has_value */
    bool has_value;
    enum act_mode mode;
    bool negated;          /* a verification of the opposite */
    const char *direction; /* up down left right, in out, landscape portrait */
    const char *edge;      /* "top" "bottom": how far a scroll goes */
    int64_t amount;        /* of a scroll, with unit */
    const char *unit;      /* "px" "%" "screen" */
    int repeat;            /* 0: once */
    int nth;               /* tab number; 0: none */
    int64_t count;         /* of verify_count, with has_count */
    bool has_count;
    int64_t duration_us; /* of a wait or a long press; 0: none */
    int64_t timeout_us;  /* "within 5 seconds"; 0: the step's own */
    struct str variable; /* where a store goes */
    bool optional;       /* no failure when the target is not there */
    const struct target *if_visible;
};

struct plan {
    struct action actions[STEP_ACTIONS_MAX];
    size_t count;      /* 0: refused */
    struct str reason; /* of a refusal, for people */
    struct str hint;
};

/* "tap", "verify_text", …; never NULL. */
const char *act_type_name(enum act_type type);
const char *act_relation_name(enum act_relation relation);
/* "top right"; writes to `out`. */
void act_position_put(struct buf *b, unsigned position);
/* True for waits with a condition and verifications: they look and never touch. */
bool act_is_verify(enum act_type type);
bool act_is_wait_for(enum act_type type);

/* Appends the plan as a JSON array of actions; a refusal is [{"type":"unsupported"}]. */
void plan_put_json(struct buf *b, const struct plan *plan);
/* Appends what the plan would do in plain English, one action per line, or why it was refused. An
 * action's line is itself a sentence that parses to the same action. */
void plan_put_text(struct buf *b, const struct plan *plan);
/* `the "Save" button in the "Address" dialog`. */
void target_put_text(struct buf *b, const struct target *t);
struct str target_text(struct arena *arena, const struct target *t);

#endif
