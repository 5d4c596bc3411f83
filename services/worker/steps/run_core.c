/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "worker/steps/match.h"
#include "worker/steps/run_parts.h"

#define SCRATCH_MAX (64u * 1024 * 1024)
#define SETTLE_US (2 * ASSAY_US_PER_S)
#define LOOK_AGAIN_US (500 * ASSAY_US_PER_MS) /* values may change without an event of the page */

bool
run_init(struct run *run, struct ctx *ctx, struct device *dev, struct step_vars *vars,
         const struct step_options *opt, struct step_result *out)
{
    *run = (struct run){.ctx = ctx, .sub = *ctx, .dev = dev, .vars = vars, .opt = opt, .out = out};
    *out = (struct step_result){.verdict = STEP_PASSED};
    run->sub.arena = arena_new(SCRATCH_MAX);
    if (run->sub.arena == NULL) {
        run_say(run, STEP_ERROR, "NO_MEMORY", "the worker has no memory left");
        return false;
    }
    ctx_recover(&run->sub);
    run_set_deadline(run, 0);
    return true;
}

void
run_fini(struct run *run, int64_t started_us)
{
    run->out->elapsed_us = clk_mono_us() - started_us;
    arena_free(run->sub.arena);
    run->sub.arena = NULL;
}

void
run_set_deadline(struct run *run, int64_t timeout_us)
{
    int64_t own = run->opt->timeout_us > 0 ? run->opt->timeout_us : STEP_TIMEOUT_DEFAULT_US;
    run->deadline_us = clk_mono_us() + (timeout_us > 0 ? timeout_us : own);
}

int64_t
run_left_us(const struct run *run)
{
    int64_t left = run->deadline_us - clk_mono_us();
    int64_t all = ctx_left_us(run->ctx);
    left = left < all ? left : all;
    return left > 0 ? left : 0;
}

void
run_waited(struct run *run, int64_t from_us)
{
    run->out->waited_us += clk_mono_us() - from_us;
}

enum rc
run_observe(struct run *run)
{
    int64_t left = run_left_us(run);
    left = left < SETTLE_US ? left : SETTLE_US;
    arena_reset(run->sub.arena);
    ctx_recover(&run->sub);
    enum rc rc = run->dev->driver->observe(run->dev, &run->sub, left, &run->snap);
    run->out->waited_us += rc == RC_OK ? run->snap.settle_us : 0;
    if (rc == RC_OK) {
        run->out->evidence.url = arena_str(run->ctx->arena, run->snap.url);
    }
    return rc;
}

/* Failures after which the action certainly did not happen and may be possible soon. */
static bool
may_change(const struct err *err, enum rc rc)
{
    static const char *const SOON[] = {"NOT_VISIBLE",     "DISABLED",     "COVERED",
                                       "MOVING",          "DETACHED",     "AMBIGUOUS",
                                       "NO_SUCH_ELEMENT", "NOT_EDITABLE", "NO_SUCH_OPTION"};
    if (rc == RC_NOT_FOUND) {
        return err->reason == NULL || strcmp(err->reason, "NAVIGATION_FAILED") != 0;
    }
    for (size_t i = 0; rc == RC_FAILED_PRECONDITION && i < ARRAY_LEN(SOON); i++) {
        if (strcmp(err->reason, SOON[i]) == 0) {
            return true;
        }
    }
    return rc == RC_FAILED_PRECONDITION && strncmp(err->reason, "NOT_YET", 7) == 0;
}

/* Keeps the words of the failure: the arena they live in is emptied by the next observation. */
static void
keep_failure(struct run *run, struct err *kept)
{
    *kept = run->sub.err;
    kept->msg = arena_str(run->ctx->arena, run->sub.err.msg);
    kept->detail = STR_EMPTY;
}

static enum rc
give_up(struct run *run, const struct err *last)
{
    ctx_recover(&run->sub);
    return fail(&run->sub, last->code, last->reason, "%.*s", STR_ARG(last->msg));
}

static enum rc
wait_change(struct run *run)
{
    int64_t left = run_left_us(run);
    int64_t budget = left < LOOK_AGAIN_US ? left : LOOK_AGAIN_US;
    int64_t from = clk_mono_us();
    ctx_recover(&run->sub);
    enum rc rc = run->dev->driver->wait_change(run->dev, &run->sub, run->snap.version, budget);
    run_waited(run, from);
    bool quiet = rc == RC_DEADLINE_EXCEEDED && run->sub.err.reason != NULL &&
                 strcmp(run->sub.err.reason, "NO_CHANGE") == 0;
    if (quiet) {
        ctx_recover(&run->sub);
        return RC_OK;
    }
    return rc;
}

enum rc
run_dialog_open(struct run *run)
{
    return fail(&run->sub, RC_FAILED_PRECONDITION, "DIALOG_OPEN",
                "a dialog of the browser is open: '%.*s'; it has to be accepted or dismissed first",
                STR_ARG(run->snap.dialog));
}

static bool
shows_anything(const struct snapshot *snap)
{
    for (size_t i = 0; i < snap->count; i++) {
        const struct elem *e = &snap->elems[i];
        if ((e->flags & ELEM_VISIBLE) != 0 && (e->text.n > 0 || e->name.n > 0)) {
            return true;
        }
    }
    return false;
}

enum rc
run_drawn(struct run *run)
{
    if (run->snap.unsettled && run_left_us(run) > 0) {
        return fail(&run->sub, RC_FAILED_PRECONDITION, "NOT_YET_DRAWN",
                    "the page is still loading");
    }
    return shows_anything(&run->snap) ? RC_OK
                                      : fail(&run->sub, RC_FAILED_PRECONDITION, "NOT_YET_DRAWN",
                                             "the page shows nothing at all");
}

bool
run_dialog_says(const struct run *run, const struct target *t)
{
    if (run->snap.dialog.p == NULL || t == NULL) {
        return false;
    }
    bool itself = !t->quoted && (str_ieq(t->name, STR("alert")) || str_ieq(t->name, STR("prompt")));
    if (itself) {
        return true;
    }
    return t->name.n > 0 ? match_contains(run->snap.dialog, t->name, NULL)
                         : t->role != NULL && strcmp(t->role, "dialog") == 0;
}

/* What has been waited for, and since when nothing new was seen. */
struct patience {
    int64_t started_us;
    int64_t changed_us;
    int64_t version;
    int64_t grace_us;
};

static void
look_at_changes(const struct run *run, struct patience *p)
{
    if (run->snap.unsettled || run->snap.version != p->version) {
        p->changed_us = clk_mono_us();
        p->version = run->snap.version;
    }
}

/* Something else stands where a verified text, state or number should stand: no page that is quiet
 * for seconds will change that. What is not there at all may still come. */
static bool
settled_otherwise(const struct run *run, const struct patience *p, const char *reason)
{
    bool differs = strcmp(reason, "NOT_YET_EQUAL") == 0 || strcmp(reason, "NOT_YET_CHECKED") == 0 ||
                   strcmp(reason, "NOT_YET_COUNT") == 0;
    return differs && run->differs_us > 0 && clk_mono_us() - p->changed_us > run->differs_us;
}

static bool
hopeless(const struct run *run, const struct patience *p, const char *reason)
{
    bool tie = strcmp(reason, "AMBIGUOUS") == 0;
    return run_left_us(run) == 0 || (tie && clk_mono_us() - p->started_us > p->grace_us) ||
           settled_otherwise(run, p, reason);
}

enum rc
run_until(struct run *run, run_fn *fn, void *arg, int64_t grace_us)
{
    int64_t now = clk_mono_us();
    struct patience p = {.started_us = now, .changed_us = now, .grace_us = grace_us};
    struct err last = {0};
    for (;;) {
        enum rc rc = run_observe(run);
        look_at_changes(run, &p);
        if (rc == RC_OK) {
            rc = run->snap.dialog.p != NULL && !run->sees_dialogs ? run_dialog_open(run)
                                                                  : fn(run, arg);
        }
        if (rc == RC_OK || !may_change(&run->sub.err, rc)) {
            return rc;
        }
        /* The same words every time: keep them once. */
        if (last.reason == NULL || strcmp(last.reason, run->sub.err.reason) != 0 ||
            !str_eq(last.msg, run->sub.err.msg)) {
            keep_failure(run, &last);
        }
        if (hopeless(run, &p, last.reason)) {
            return give_up(run, &last);
        }
        rc = wait_change(run);
        if (rc != RC_OK) {
            return rc;
        }
    }
}

/* --- results */

void
run_say(struct run *run, enum step_verdict verdict, const char *reason, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str text = arena_vprintf(run->ctx->arena, fmt, args);
    va_end(args);
    run->out->verdict = verdict;
    run->out->reason = reason;
    run->out->message = vars_mask(run->ctx->arena, run->vars, text);
}

void
run_fail(struct run *run, enum rc rc)
{
    const struct err *err = &run->sub.err;
    const char *reason = err->reason != NULL ? err->reason : rc_name(rc);
    struct str msg = err->msg.n > 0 ? err->msg : str_z(rc_name(rc));
    bool app = rc == RC_NOT_FOUND || rc == RC_FAILED_PRECONDITION;
    app &= strcmp(reason, "NAVIGATION_FAILED") != 0 && strcmp(reason, "NO_VARIABLE") != 0;
    app |= strcmp(reason, "PAGE_LOAD_TIMEOUT") == 0;
    run->cancelled = rc == RC_CANCELLED;
    run_say(run, app ? STEP_FAILED : STEP_ERROR, reason, "%.*s", STR_ARG(msg));
    run->out->needs_model = strcmp(reason, "NOT_FOUND") == 0 || strcmp(reason, "AMBIGUOUS") == 0;
}

bool
run_ended(struct run *run, enum rc rc)
{
    if (rc != RC_OK) {
        run_fail(run, rc);
        return false;
    }
    return true;
}

void
run_evidence(struct run *run, const struct elem *e, const char *how)
{
    struct arena *arena = run->ctx->arena;
    struct step_evidence *ev = &run->out->evidence;
    ev->has_elem = true;
    ev->role = elem_role_name(e->role);
    ev->name = vars_mask(arena, run->vars, arena_str(arena, elem_caption(e)));
    ev->text = vars_mask(arena, run->vars, arena_str(arena, e->text.n > 0 ? e->text : e->value));
    ev->box = e->box;
    ev->how = how;
}

enum rc
run_not_yet(struct run *run, const char *reason, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str text = arena_vprintf(run->sub.arena, fmt, args);
    va_end(args);
    ctx_recover(&run->sub);
    return fail(&run->sub, RC_FAILED_PRECONDITION, reason, "%.*s", STR_ARG(text));
}

struct str
run_named(struct run *run, const struct elem *e)
{
    struct str caption = elem_caption(e);
    return arena_printf(run->sub.arena, "%s '%.*s'", elem_role_name(e->role),
                        (int)(caption.n > 80 ? 80 : caption.n), caption.n > 0 ? caption.p : "");
}

struct str
run_target_text(struct run *run, const struct target *t)
{
    return target_text(run->sub.arena, t);
}

/* --- names, values, addresses */

static enum rc
expand_flat(struct run *run, const struct target *t, struct target **out)
{
    struct target *copy = ARENA_NEW(run->ctx->arena, struct target);
    if (copy == NULL) {
        return fail_memory(&run->sub, "the step needs too much memory");
    }
    *copy = *t;
    struct str name;
    enum rc rc = vars_expand(&run->sub, run->vars, t->name, &name);
    if (rc == RC_OK) {
        copy->name = arena_str(run->ctx->arena, name);
        *out = copy;
    }
    return rc;
}

enum rc
run_target(struct run *run, const struct target *t, const struct target **out)
{
    struct target *top = NULL;
    struct target *near = NULL;
    ctx_recover(&run->sub);
    enum rc rc = expand_flat(run, t, &top);
    if (rc == RC_OK && t->near != NULL) {
        rc = expand_flat(run, t->near, &near);
        top->near = near;
    }
    struct target *at = top;
    int depth = 0;
    for (const struct target *w = t->within;
         rc == RC_OK && w != NULL && depth < STEP_TARGET_DEPTH_MAX; w = w->within, depth++) {
        struct target *scope = NULL;
        rc = expand_flat(run, w, &scope);
        if (rc == RC_OK) {
            scope->within = NULL;
            at->within = scope;
            at = scope;
        }
    }
    if (rc == RC_OK) {
        *out = top;
    }
    return rc;
}

static struct str
origin_of(struct str url)
{
    ptrdiff_t scheme = str_find(url, STR("://"));
    if (scheme < 0) {
        return url;
    }
    struct str rest = str_sub(url, (size_t)scheme + 3, url.n);
    ptrdiff_t slash = str_find_byte(rest, '/');
    return slash < 0 ? url : str_sub(url, 0, (size_t)scheme + 3 + (size_t)slash);
}

enum rc
run_address(struct run *run, struct str value, struct str *out)
{
    struct str v;
    enum rc rc = vars_expand(&run->sub, run->vars, str_trim(value), &v);
    if (rc != RC_OK) {
        return rc;
    }
    bool absolute =
        str_find(v, STR("://")) > 0 || str_starts(v, STR("about:")) || str_starts(v, STR("data:"));
    if (absolute) {
        *out = v;
    } else if (v.n > 0 && v.p[0] == '/') {
        struct str base = run->opt->base_url.n > 0 ? run->opt->base_url : run->snap.url;
        if (base.n == 0) {
            return fail(&run->sub, RC_INVALID_ARGUMENT, "NO_BASE_URL",
                        "the address '%.*s' is relative and the suite has no base address",
                        STR_ARG(v));
        }
        struct str origin = origin_of(base);
        *out = arena_printf(run->sub.arena, "%.*s%.*s", STR_ARG(origin), STR_ARG(v));
    } else {
        bool local = str_istarts(v, STR("localhost")) || str_istarts(v, STR("127."));
        *out = arena_printf(run->sub.arena, "%s%.*s", local ? "http://" : "https://", STR_ARG(v));
    }
    return RC_OK;
}

enum rc
run_act(struct run *run, const struct device_action *action)
{
    return run->dev->driver->act(run->dev, &run->sub, action);
}
