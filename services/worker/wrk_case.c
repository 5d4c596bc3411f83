/* SPDX-License-Identifier: Apache-2.0
 *
 * One case: reset the device, run the sub-flows, the steps (or the recording), the assertions. Each
 * executed step gets a screenshot and a report. The first step that fails or breaks ends the case.
 */
#include "worker/wrk_case.h"

#include <string.h>

#include "worker/steps/grammar.h"

#define ARENA_MAX ((size_t)128 * 1024 * 1024)
#define STEP_ARENA_MAX ((size_t)64 * 1024 * 1024)
#define CASE_DEFAULT_US (600 * ASSAY_US_PER_S)
#define RESET_US (45 * ASSAY_US_PER_S)

static void
read_variables(struct case_run *r)
{
    const Assay__StartJobRequest *req = r->job->req;
    const struct json_value *v = wrk_items_parse(r->arena, req->has_variables, req->variables);

    vars_init(&r->vars, r->arena);
    for (size_t i = 0; json_is(v, JSON_OBJECT) && i < v->count; i++) {
        const struct json_value *value = v->members[i].value;
        bool secret = json_is(value, JSON_OBJECT) && json_bool(json_get(value, "secret"), false);
        struct str text = json_is(value, JSON_OBJECT) ? json_str(json_get(value, "value"))
                          : json_is(value, JSON_STRING) || json_is(value, JSON_NUMBER)
                              ? json_str(value)
                              : value->raw;
        if (vars_set(&r->vars, v->members[i].key, text, secret) != RC_OK) {
            r->verdict = STEP_ERROR;
            r->message = STR("the variables are too many or too long");
        }
    }
}

static enum device_reset
reset_of(const char *strategy)
{
    return strcmp(strategy, "relaunch") == 0    ? DEVICE_RELAUNCH
           : strcmp(strategy, "reinstall") == 0 ? DEVICE_FRESH
                                                : DEVICE_CLEAR_DATA;
}

static enum rc
reset_or_open(struct case_run *r, struct ctx *ctx, struct str url)
{
    struct wrk_device *d = r->job->device;

    (void)pthread_mutex_lock(&d->lock);
    bool is_open = d->is_open;
    (void)pthread_mutex_unlock(&d->lock);
    if (is_open) {
        return r->dev->driver->reset(r->dev, ctx, reset_of(r->job->req->reset_strategy), url);
    }
    enum rc rc = r->dev->driver->open(r->dev, ctx, url);
    (void)pthread_mutex_lock(&d->lock);
    d->is_open = rc == RC_OK;
    (void)pthread_mutex_unlock(&d->lock);
    return rc;
}

/* True when the case begins with an address of its own: loading the start page before would only
 * cost. Not when the start address may do something by being opened (a token in its query), and not
 * after a relaunch, which means to be there. */
static bool
begins_elsewhere(struct case_run *r, struct str start)
{
    const struct item *first = &r->items.at[0];

    if (reset_of(r->job->req->reset_strategy) == DEVICE_RELAUNCH ||
        str_find_byte(start, '?') >= 0 || str_find_byte(start, '#') >= 0 ||
        str_find_byte(start, '@') >= 0) {
        return false;
    }
    if (first->kind == ITEM_RECORDED) {
        return str_eqz(json_str(json_get(first->action, "type")), "navigate");
    }
    struct plan *plan = ARENA_NEW(r->arena, struct plan);
    if (first->kind != ITEM_SENTENCE || first->ai || plan == NULL ||
        steps_parse(r->arena, first->text, plan) != RC_OK || plan->count == 0) {
        return false;
    }
    const struct action *a = &plan->actions[0];
    return a->type == ACT_OPEN && !a->optional && a->if_visible == NULL;
}

/* Prepares the device. A browser that died before is started anew by the driver. */
static bool
prepare(struct case_run *r)
{
    struct str start = str_z(r->job->req->url);
    struct str url = begins_elsewhere(r, start) ? STR_EMPTY : start;
    struct ctx ctx;

    arena_reset(r->step_arena);
    ctx_init(&ctx, r->step_arena);
    ctx.deadline_us = clk_wall_us() + RESET_US;
    enum rc rc = reset_or_open(r, &ctx, url);
    if (rc == RC_CANCELLED && !wrk_job_is_over(r->job)) {
        ctx_recover(&ctx); /* a stop meant for whoever was here before */
        rc = reset_or_open(r, &ctx, url);
    }
    if (rc == RC_OK) {
        return true;
    }
    /* An address that does not answer is about the run, not a verdict on the app. */
    r->verdict = STEP_ERROR;
    r->message = arena_printf(r->arena, "%s%.*s: %.*s%s%.*s",
                              url.n > 0 ? "the app could not be opened at " : "no device to run on",
                              STR_ARG(url), STR_ARG(ctx.err.msg), ctx.err.detail.n > 0 ? "; " : "",
                              STR_ARG(ctx.err.detail));
    return false;
}

static void
finish(struct case_run *r)
{
    static const char *const VERDICTS[] = {
        [STEP_PASSED] = "passed",
        [STEP_FAILED] = "failed",
        [STEP_ERROR] = "error",
        [STEP_SKIPPED] = "passed",
    };
    const char *verdict = VERDICTS[r->verdict];
    struct str message = r->message;

    if (atomic_load(&r->job->lost) || atomic_load(&r->job->returned)) {
        return; /* the case belongs to somebody else now */
    }
    if (atomic_load(&r->job->cancel)) {
        verdict = "cancelled";
        message = STR("cancelled");
    }
    met_add(r->job->worker->met.cases, (size_t)r->verdict, 0, 1);
    wrk_report_end(r->job, r->c->run_id, verdict, message, r->started_us, clk_wall_us());
}

/* What is waited for of tests is not the case's own time. */
static void
wait_for(struct case_run *r, void (*wait)(struct wrk_job *job))
{
    int64_t from_us = clk_wall_us();

    wait(r->job);
    r->deadline_us += clk_wall_us() - from_us;
}

/* What is to be done. False: nothing that could be run. */
static bool
read_items(struct case_run *r)
{
    wrk_items_add(r, r->c, true);
    if (arena_failed(r->arena)) {
        r->verdict = STEP_ERROR;
        r->message = STR("the case is too large");
    } else if (r->items.n == 0) { /* a case that checks nothing must not pass */
        r->verdict = STEP_ERROR;
        r->message = STR("the case has no steps and no assertions");
    }
    return r->verdict == STEP_PASSED;
}

static void
run_items(struct case_run *r)
{
    for (size_t i = 0; i < r->items.n && !wrk_job_is_over(r->job); i++) {
        wait_for(r, wrk_report_wait_lease);
        if (wrk_job_is_over(r->job) || !wrk_step_run(r, &r->items.at[i])) {
            return;
        }
    }
}

void
wrk_case_run(struct wrk_job *job, const Assay__JobCase *c)
{
    const Assay__StartJobRequest *req = job->req;
    int64_t limit_us = c->has_timeout_ms ? c->timeout_ms * ASSAY_US_PER_MS : CASE_DEFAULT_US;
    struct case_run r = {
        .job = job,
        .c = c,
        .dev = job->device->device,
        .arena = arena_new(ARENA_MAX),
        .step_arena = arena_new(STEP_ARENA_MAX),
        .started_us = clk_wall_us(),
        .verdict = STEP_PASSED,
    };
    r.deadline_us = r.started_us + limit_us;
    r.items.arena = r.arena;
    r.opt.base_url = str_z(req->url);
    r.opt.timeout_us = req->has_step_timeout_ms ? req->step_timeout_ms * ASSAY_US_PER_MS : 0;
    wrk_report_start(job, c->run_id, r.started_us);
    if (r.arena == NULL || r.step_arena == NULL) {
        r.verdict = STEP_ERROR;
        r.message = STR("the worker has no memory left");
    } else {
        read_variables(&r);
        if (r.verdict == STEP_PASSED && read_items(&r) && prepare(&r)) {
            wait_for(&r, wrk_report_wait_verdicts); /* should we die, no earlier case runs again */
            run_items(&r);
        }
    }
    finish(&r);
    arena_free(r.step_arena);
    arena_free(r.arena);
}
