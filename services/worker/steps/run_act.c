/* SPDX-License-Identifier: Apache-2.0
 *
 * Acting on one element: resolve it, do it, say in words what stood in the way. */
#include <string.h>

#include "worker/steps/run_parts.h"

#define TIE_GRACE_US (1500 * ASSAY_US_PER_MS) /* a page that renders may show two for a moment */
#define LONG_PRESS_US (1000 * ASSAY_US_PER_MS)
#define SWIPE_US (300 * ASSAY_US_PER_MS)
#define SWIPE_PART 0.6

struct acting {
    const struct action *a;
    const struct target *target; /* NULL: the whole page or what has the focus */
    const struct target *to;
    enum resolve_use use;
    enum device_verb verb;
    struct str text;
    bool on;
};

static void
about(struct run *run, const char *what, struct str name)
{
    struct ctx *sub = &run->sub;
    const char *reason = sub->err.reason;
    enum rc code = sub->err.code;
    struct str kept = sub->err.msg;
    ctx_recover(sub);
    (void)fail(sub, code, reason, "%.*s %s%s%.*s", STR_ARG(name), what, kept.n > 0 ? ": " : "",
               STR_ARG(kept));
}

enum rc
run_name_failure(struct run *run, enum rc rc, const struct elem *e)
{
    static const struct {
        const char *reason;
        const char *words;
    } WORDS[] = {{"DISABLED", "is disabled"},
                 {"COVERED", "is covered by something else"},
                 {"MOVING", "does not stand still"},
                 {"NOT_VISIBLE", "is not visible"},
                 {"DETACHED", "went away"},
                 {"NOT_EDITABLE", "cannot be edited"},
                 {"NO_SUCH_OPTION", "has no such option"}};
    const char *reason = run->sub.err.reason;
    for (size_t i = 0; rc == RC_FAILED_PRECONDITION && i < ARRAY_LEN(WORDS); i++) {
        if (strcmp(reason, WORDS[i].reason) == 0) {
            about(run, WORDS[i].words, run_named(run, e));
        }
    }
    return rc;
}

static double
middle(double at, double length)
{
    return at + length / 2;
}

static void
swipe_path(const struct run *run, const struct elem *e, const char *direction,
           struct device_action *d)
{
    struct elem_box b = {0, 0, run->snap.viewport_w, run->snap.viewport_h};
    if (e != NULL) {
        b = e->box;
    }
    double x = middle(b.x, b.w);
    double y = middle(b.y, b.h);
    double dx = strcmp(direction, "left") == 0 ? -1 : strcmp(direction, "right") == 0 ? 1 : 0;
    double dy = strcmp(direction, "up") == 0 ? -1 : strcmp(direction, "down") == 0 ? 1 : 0;
    d->x = x - dx * b.w * SWIPE_PART / 2;
    d->y = y - dy * b.h * SWIPE_PART / 2;
    d->x2 = x + dx * b.w * SWIPE_PART / 2;
    d->y2 = y + dy * b.h * SWIPE_PART / 2;
    d->duration_us = SWIPE_US;
}

static void
scroll_way(const struct run *run, const struct action *a, struct device_action *d)
{
    double far = run->snap.page_h > 0 ? run->snap.page_h : 100000;
    bool across = a->direction != NULL &&
                  (strcmp(a->direction, "left") == 0 || strcmp(a->direction, "right") == 0);
    double length = across ? run->snap.viewport_w : run->snap.viewport_h;
    double by = length * 0.8;
    if (a->edge != NULL) {
        by = far;
    } else if (a->amount > 0 && strcmp(a->unit, "px") == 0) {
        by = (double)a->amount;
    } else if (a->amount > 0 && strcmp(a->unit, "%") == 0) {
        by = length * (double)a->amount / 100;
    } else if (a->amount > 0) {
        by = length * (double)a->amount;
    }
    bool back = a->direction != NULL &&
                (strcmp(a->direction, "up") == 0 || strcmp(a->direction, "left") == 0);
    by = back ? -by : by;
    d->x2 = across ? by : 0;
    d->y2 = across ? 0 : by;
}

/* The point to work with: the element, and for a drag where it goes. */
static enum rc
resolve_both(struct run *run, struct acting *w, struct device_action *d, const struct elem **out)
{
    struct resolved r = {0};
    struct resolved to = {0};
    *out = NULL;
    d->ref = -1;
    d->ref2 = -1;
    if (w->target != NULL) {
        enum rc rc = resolve(&run->sub, &run->snap, w->target, w->use, &r);
        if (rc != RC_OK) {
            return rc;
        }
        *out = r.elem;
        d->ref = r.elem->ref;
    }
    if (w->to != NULL) {
        enum rc rc = resolve(&run->sub, &run->snap, w->to, RESOLVE_TAP, &to);
        if (rc != RC_OK) {
            return rc;
        }
        d->ref2 = to.elem->ref;
    }
    return RC_OK;
}

static enum rc
act_once(struct run *run, void *arg)
{
    struct acting *w = arg;
    const struct elem *e = NULL;
    struct device_action d = {
        .verb = w->verb, .text = w->text, .on = w->on, .duration_us = w->a->duration_us};
    enum rc rc = resolve_both(run, w, &d, &e);
    if (rc != RC_OK) {
        return rc;
    }
    if (w->verb == DEVICE_LONG_PRESS && d.duration_us == 0) {
        d.duration_us = LONG_PRESS_US;
    }
    if (w->verb == DEVICE_SWIPE) {
        swipe_path(run, e, w->a->direction, &d);
    } else if (w->verb == DEVICE_SCROLL) {
        scroll_way(run, w->a, &d);
    }
    if (e != NULL) {
        run_evidence(run, e, NULL);
    }
    if (w->verb == DEVICE_KEY && d.ref >= 0) {
        struct device_action focus = {.verb = DEVICE_FOCUS, .ref = d.ref, .ref2 = -1};
        rc = run_act(run, &focus);
        d.ref = -1;
    }
    rc = rc == RC_OK ? run_act(run, &d) : rc;
    if (rc == RC_OK) {
        return RC_OK;
    }
    return e != NULL ? run_name_failure(run, rc, e) : rc;
}

static bool
perform(struct run *run, struct acting *w)
{
    int times = w->a->repeat > 1 ? w->a->repeat : 1;
    enum rc rc = RC_OK;
    for (int i = 0; i < times && rc == RC_OK; i++) {
        rc = run_until(run, act_once, w, TIE_GRACE_US);
    }
    return run_ended(run, rc);
}

/* --- which actions these are */

static bool
element_verb(enum act_type type, enum device_verb *out_verb, enum resolve_use *out_use)
{
    static const struct {
        enum act_type type;
        enum device_verb verb;
        enum resolve_use use;
    } VERBS[] = {{ACT_TAP, DEVICE_TAP, RESOLVE_TAP},
                 {ACT_DOUBLE_TAP, DEVICE_DOUBLE_TAP, RESOLVE_TAP},
                 {ACT_LONG_PRESS, DEVICE_LONG_PRESS, RESOLVE_TAP},
                 {ACT_CONTEXT_TAP, DEVICE_CONTEXT_TAP, RESOLVE_TAP},
                 {ACT_HOVER, DEVICE_HOVER, RESOLVE_TAP},
                 {ACT_CHECK, DEVICE_CHECK, RESOLVE_CHECK},
                 {ACT_UNCHECK, DEVICE_CHECK, RESOLVE_CHECK},
                 {ACT_TYPE, DEVICE_FILL, RESOLVE_TYPE},
                 {ACT_CLEAR, DEVICE_CLEAR, RESOLVE_TYPE},
                 {ACT_SELECT, DEVICE_SELECT, RESOLVE_SELECT},
                 {ACT_UPLOAD, DEVICE_UPLOAD, RESOLVE_FILE},
                 {ACT_DRAG, DEVICE_DRAG, RESOLVE_TAP},
                 {ACT_PRESS, DEVICE_KEY, RESOLVE_TYPE},
                 {ACT_SCROLL, DEVICE_SCROLL, RESOLVE_LOOK},
                 {ACT_SCROLL_TO, DEVICE_SCROLL_TO, RESOLVE_TAP},
                 {ACT_SWIPE, DEVICE_SWIPE, RESOLVE_TAP}};
    for (size_t i = 0; i < ARRAY_LEN(VERBS); i++) {
        if (VERBS[i].type == type) {
            *out_verb = VERBS[i].verb;
            *out_use = VERBS[i].use;
            return true;
        }
    }
    return false;
}

static const struct target ANY_FILE = {.role = NULL};

static bool
prepare(struct run *run, const struct action *a, struct acting *w)
{
    enum rc rc = RC_OK;
    struct str text = STR_EMPTY;
    w->a = a;
    w->on = a->type == ACT_CHECK;
    const struct target *t = a->target == NULL && a->type == ACT_UPLOAD ? &ANY_FILE : a->target;
    /* A file input is called a field by people. */
    struct target file = t != NULL ? *t : ANY_FILE;
    if (a->type == ACT_UPLOAD) {
        file.role = NULL;
        t = &file;
    }
    if (t != NULL) {
        rc = run_target(run, t, &w->target);
    }
    if (rc == RC_OK && a->to != NULL) {
        rc = run_target(run, a->to, &w->to);
    }
    if (rc == RC_OK) {
        rc = vars_expand(&run->sub, run->vars, a->value, &text);
        w->text = arena_str(run->ctx->arena, text);
    }
    if (a->type == ACT_TYPE && (a->mode == MODE_APPEND || w->target == NULL)) {
        w->verb = DEVICE_TYPE;
    }
    return run_ended(run, rc);
}

bool
run_touches(enum act_type type)
{
    struct acting w;
    return element_verb(type, &w.verb, &w.use);
}

bool
run_touch(struct run *run, const struct action *a)
{
    struct acting w = {0};
    if (!element_verb(a->type, &w.verb, &w.use) || !prepare(run, a, &w)) {
        return false;
    }
    if (a->type == ACT_SELECT && w.target != NULL) {
        return run_choose(run, w.target, w.text);
    }
    return a->type == ACT_SCROLL_TO ? run_scroll_to(run, a, w.target) : perform(run, &w);
}
