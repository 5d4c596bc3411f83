/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/steps/run_step.h"

#include <string.h>
#include <time.h>

#include "worker/steps/grammar.h"
#include "worker/steps/run_parts.h"

#define TIE_GRACE_US (1500 * ASSAY_US_PER_MS)  /* a page that renders may show two for a moment */
#define OPTIONAL_GRACE_US (2 * ASSAY_US_PER_S) /* how long a condition is given to become true */
#define LONG_PRESS_US (1000 * ASSAY_US_PER_MS)
#define SWIPE_US (300 * ASSAY_US_PER_MS)
#define SWIPE_PART 0.6
#define WAIT_SLICE_US (100 * ASSAY_US_PER_MS)

const char *
step_verdict_name(enum step_verdict verdict)
{
    static const char *const NAMES[] = {"passed", "failed", "error", "skipped"};
    return (size_t)verdict < ARRAY_LEN(NAMES) ? NAMES[verdict] : "error";
}

/* --- acting on one element */

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

/* Says in words what stood in the way, with the element's name. */
static enum rc
name_failure(struct run *run, enum rc rc, const struct elem *e)
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
    if (run->snap.dialog.p != NULL) {
        return fail(&run->sub, RC_FAILED_PRECONDITION, "DIALOG_OPEN",
                    "a dialog of the browser is open: '%.*s'", STR_ARG(run->snap.dialog));
    }
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
    return e != NULL ? name_failure(run, rc, e) : rc;
}

static bool
perform(struct run *run, struct acting *w)
{
    int times = w->a->repeat > 1 ? w->a->repeat : 1;
    enum rc rc = RC_OK;
    for (int i = 0; i < times && rc == RC_OK; i++) {
        rc = run_until(run, act_once, w, TIE_GRACE_US);
    }
    if (rc != RC_OK) {
        run_fail(run, rc);
        return false;
    }
    return true;
}

/* --- conditions */

struct condition {
    const struct target *target;
    bool visible;
};

static enum rc
check_condition(struct run *run, void *arg)
{
    struct condition *c = arg;
    struct resolved r;
    c->visible = look_for(&run->sub, &run->snap, c->target) != NULL ||
                 look_by_description(&run->snap, c->target) != NULL;
    if (!c->visible && resolve(&run->sub, &run->snap, c->target, RESOLVE_TAP, &r) == RC_OK) {
        c->visible = true;
    }
    ctx_recover(&run->sub);
    return c->visible ? RC_OK : fail(&run->sub, RC_NOT_FOUND, "NOT_FOUND", "not there");
}

/* Whether an optional action is to be done; a device that fails ends the step. */
static bool
wanted(struct run *run, const struct action *a, bool *out_go_on)
{
    const struct target *t = a->if_visible != NULL ? a->if_visible : a->optional ? a->target : NULL;
    *out_go_on = true;
    if (t == NULL) {
        return true;
    }
    struct condition c = {0};
    enum rc rc = run_target(run, t, &c.target);
    if (rc == RC_OK) {
        int64_t own = run->opt->timeout_us > 0 ? run->opt->timeout_us : STEP_TIMEOUT_DEFAULT_US;
        run_set_deadline(run, own < OPTIONAL_GRACE_US ? own : OPTIONAL_GRACE_US);
        rc = run_until(run, check_condition, &c, 0);
    }
    if (rc != RC_OK && rc != RC_NOT_FOUND) {
        run_fail(run, rc);
        *out_go_on = false;
        return false;
    }
    if (!c.visible) {
        struct str name = run_target_text(run, c.target);
        run_say(run, STEP_SKIPPED, "CONDITION_FALSE", "%.*s was not there, nothing was done",
                STR_ARG(name));
    }
    return c.visible;
}

/* --- the page as a whole */

static bool
ended(struct run *run, enum rc rc)
{
    if (rc != RC_OK) {
        run_fail(run, rc);
        return false;
    }
    return true;
}

static bool
open_address(struct run *run, const struct action *a)
{
    struct str url;
    enum rc rc = RC_OK;
    if (run->opt->base_url.n == 0) {
        rc = run_observe(run);
    }
    if (rc == RC_OK) {
        rc = run_address(run, a->value, &url);
    }
    int64_t from = clk_mono_us();
    rc = rc == RC_OK ? run->dev->driver->go(run->dev, &run->sub, url) : rc;
    run_waited(run, from);
    return ended(run, rc);
}

/* A wait for time is the one place that sleeps; in slices, so that a device that is gone or a run
 * that is cancelled ends it. */
static bool
wait_time(struct run *run, const struct action *a)
{
    int64_t from = clk_mono_us();
    run_set_deadline(run, a->duration_us);
    for (int64_t left = run_left_us(run); left > 0; left = run_left_us(run)) {
        int64_t slice = left < WAIT_SLICE_US ? left : WAIT_SLICE_US;
        struct timespec ts = {.tv_sec = 0, .tv_nsec = (long)slice * 1000};
        struct device_page page;
        (void)nanosleep(&ts, NULL);
        arena_reset(run->sub.arena);
        ctx_recover(&run->sub);
        enum rc rc = run->dev->driver->page(run->dev, &run->sub, &page);
        if (rc != RC_OK) {
            return ended(run, rc);
        }
    }
    run_waited(run, from);
    return true;
}

static enum rc
page_command(struct run *run, const struct action *a)
{
    const struct device_driver *d = run->dev->driver;
    struct str text = STR_EMPTY;
    switch (a->type) {
    case ACT_BACK:
        return d->back(run->dev, &run->sub);
    case ACT_FORWARD:
        return d->forward(run->dev, &run->sub);
    case ACT_RELOAD:
        return d->reload(run->dev, &run->sub);
    case ACT_SWITCH_TAB:
        return d->tab(run->dev, &run->sub, a->nth, false);
    case ACT_CLOSE_TAB:
        return d->tab(run->dev, &run->sub, 0, true);
    case ACT_LAUNCH:
    case ACT_RELAUNCH:
        return d->reset(run->dev, &run->sub, DEVICE_RELAUNCH, run->opt->base_url);
    case ACT_DIALOG_ACCEPT:
    case ACT_DIALOG_DISMISS:
        if (vars_expand(&run->sub, run->vars, a->value, &text) != RC_OK) {
            return run->sub.err.code;
        }
        return d->dialog(run->dev, &run->sub, a->type == ACT_DIALOG_ACCEPT, text);
    case ACT_HIDE_KEYBOARD:
        return RC_OK; /* no on-screen keyboard covers the page in a browser */
    case ACT_WAIT_LOAD:
        return d->settle(run->dev, &run->sub, run_left_us(run));
    default:
        return fail(&run->sub, RC_UNIMPLEMENTED, "NOT_SUPPORTED", "this device cannot %s",
                    act_type_name(a->type));
    }
}

/* --- one action */

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
act_on_element(struct run *run, const struct action *a, struct acting *w)
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
    if (rc != RC_OK) {
        return ended(run, rc);
    }
    if (a->type == ACT_TYPE && (a->mode == MODE_APPEND || w->target == NULL)) {
        w->verb = DEVICE_TYPE;
    }
    return a->type == ACT_SCROLL_TO ? run_scroll_to(run, a, w->target) : perform(run, w);
}

struct storing {
    const struct target *target;
    struct str value;
};

static enum rc
read_once(struct run *run, void *arg)
{
    struct storing *s = arg;
    struct reading r;
    enum rc rc = look_read(&run->sub, &run->snap, s->target, &r);
    if (rc == RC_OK) {
        s->value = r.text;
        run_evidence(run, r.elem, r.how);
    }
    return rc;
}

static bool
store(struct run *run, const struct action *a)
{
    struct storing s = {0};
    enum rc rc = run_target(run, a->target, &s.target);
    if (rc == RC_OK) {
        rc = run_until(run, read_once, &s, TIE_GRACE_US);
    }
    if (rc == RC_OK && vars_set(run->vars, a->variable, str_trim(s.value), false) != RC_OK) {
        rc = fail(&run->sub, RC_RESOURCE_EXHAUSTED, "TOO_MANY_VARIABLES",
                  "too many values are remembered");
    }
    return ended(run, rc);
}

bool
run_action(struct run *run, const struct action *a)
{
    struct acting w = {0};
    bool go_on = true;
    if (!wanted(run, a, &go_on)) {
        return go_on;
    }
    run_set_deadline(run, a->timeout_us);
    arena_reset(run->sub.arena);
    run->snap = (struct snapshot){0};
    ctx_recover(&run->sub);
    if (a->type == ACT_SCREENSHOT || a->type == ACT_VISUAL_CHECK) {
        run->out->screenshot = true;
        run->out->visual_check |= a->type == ACT_VISUAL_CHECK;
        run->out->label = a->value;
        return true;
    }
    if (a->type == ACT_OPEN) {
        return open_address(run, a);
    }
    if (a->type == ACT_WAIT) {
        return wait_time(run, a);
    }
    if (a->type == ACT_STORE) {
        return store(run, a);
    }
    if (act_is_verify(a->type) || (act_is_wait_for(a->type) && a->type != ACT_WAIT_LOAD)) {
        return run_verify(run, a);
    }
    if (element_verb(a->type, &w.verb, &w.use)) {
        return act_on_element(run, a, &w);
    }
    int64_t from = clk_mono_us();
    enum rc rc = page_command(run, a);
    run_waited(run, from);
    return ended(run, rc);
}

/* --- plans and sentences */

static void
run_all(struct run *run, const struct plan *plan)
{
    size_t skipped = 0;
    run->out->actions = plan->count;
    for (size_t i = 0; i < plan->count; i++) {
        run->out->verdict = STEP_PASSED;
        if (!run_action(run, &plan->actions[i])) {
            return;
        }
        skipped += run->out->verdict == STEP_SKIPPED;
        run->out->done++;
    }
    run->out->verdict = skipped == plan->count ? STEP_SKIPPED : STEP_PASSED;
    if (run->out->verdict == STEP_PASSED) {
        run->out->reason = NULL;
    }
}

static void
not_understood(struct run *run, const struct plan *plan)
{
    run_say(
        run, STEP_ERROR, "NEEDS_MODEL",
        "the step is not understood without a model: %.*s. Write it differently, or configure a "
        "model (settings of the organization, or ASSAY_ANTHROPIC_API_KEY, ASSAY_OPENAI_API_KEY, "
        "ASSAY_GOOGLE_API_KEY or ASSAY_OPENROUTER_API_KEY) and run in hybrid or ai mode",
        STR_ARG(plan->reason));
    run->out->hint = plan->hint;
    run->out->needs_model = true;
}

enum rc
run_plan(struct ctx *ctx, struct device *dev, struct step_vars *vars,
         const struct step_options *opt, const struct plan *plan, struct step_result *out)
{
    struct run run;
    int64_t started = clk_mono_us();
    if (run_init(&run, ctx, dev, vars, opt, out)) {
        if (plan->count == 0) {
            not_understood(&run, plan);
        } else {
            run_all(&run, plan);
        }
    }
    run_fini(&run, started);
    return run.cancelled ? RC_CANCELLED : RC_OK;
}

enum rc
run_sentence(struct ctx *ctx, struct device *dev, struct step_vars *vars,
             const struct step_options *opt, struct str text, struct step_result *out)
{
    struct plan *plan = ARENA_NEW(ctx->arena, struct plan);
    if (plan == NULL || steps_parse(ctx->arena, text, plan) != RC_OK) {
        *out = (struct step_result){.verdict = STEP_ERROR,
                                    .reason = "OUT_OF_MEMORY",
                                    .message = STR("the step needs too much memory")};
        return RC_OK;
    }
    return run_plan(ctx, dev, vars, opt, plan, out);
}
