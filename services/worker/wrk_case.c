/* SPDX-License-Identifier: Apache-2.0
 *
 * One case: reset the device, run the sub-flows, the steps (or the recording), the assertions. Each
 * executed step gets a screenshot and a report. The first step that fails or breaks ends the case.
 *
 * Modes without a model. replay: the recording when there is one, else the sentences. hybrid: the
 * same, but a recorded action that cannot be done and has a sentence is tried by its sentence, and
 * marked as healed. ai: every sentence is for a model. What needs one and has none ends `error`. */
#include <stdio.h>
#include <string.h>

#include "json/json.h"
#include "worker/steps/grammar.h"
#include "worker/steps/run_step.h"
#include "worker/wrk_job.h"

#define ARENA_MAX ((size_t)128 * 1024 * 1024)
#define STEP_ARENA_MAX ((size_t)64 * 1024 * 1024)
#define CASE_DEFAULT_US (600 * ASSAY_US_PER_S)
#define RESET_US (45 * ASSAY_US_PER_S)
#define SHOT_US (10 * ASSAY_US_PER_S)
#define SETTLE_US (2 * ASSAY_US_PER_S)
#define JPEG_QUALITY 80

enum item_kind { ITEM_SENTENCE, ITEM_RECORDED, ITEM_ASSERTION, ITEM_CHECK, ITEM_BROKEN };

/* One thing to do. */
struct item {
    enum item_kind kind;
    struct str text;                 /* as the author wrote it */
    const struct json_value *action; /* recorded action or check */
    struct str fallback;             /* sentence of a recorded action, p NULL: none */
    bool secret;
    bool ai; /* only a model may do it */
    bool fuzzy;
};

struct items {
    struct item *at;
    size_t n, cap;
    struct arena *arena;
};

struct case_run {
    struct wrk_job *job;
    const Assay__JobCase *c;
    struct device *dev;
    struct arena *arena; /* of the case: items, variables */
    struct arena *step_arena;
    struct step_vars vars;
    struct step_options opt;
    struct items items;
    int64_t deadline_us; /* wall */
    int64_t started_us;
    int index;
    enum step_verdict verdict;
    struct str message; /* of the step that ended the case */
    bool device_gone;
};

/* --- what is to be done -------------------------------------------------------------------- */

static struct item *
add_item(struct items *items)
{
    if (items->n == items->cap) {
        size_t cap = items->cap == 0 ? 64 : items->cap * 2;
        struct item *at = arena_grow(items->arena, items->at, items->n * sizeof(*at),
                                     cap * sizeof(*at));
        if (at == NULL) {
            return NULL;
        }
        items->at = at;
        items->cap = cap;
    }
    struct item *item = &items->at[items->n++];
    *item = (struct item){.fallback = STR_EMPTY};
    return item;
}

static const struct json_value *
parse_list(struct arena *arena, protobuf_c_boolean has, ProtobufCBinaryData json)
{
    const struct json_value *v = NULL;

    if (!has || json_parse(str_n((const char *)json.data, json.len), arena, &v, NULL) != RC_OK) {
        return NULL;
    }
    return v;
}

/* A step is a sentence, or an object {text | do, secret?}. */
static struct str
step_text(const struct json_value *step, bool *out_secret)
{
    *out_secret = json_bool(json_get(step, "secret"), false);
    if (json_is(step, JSON_STRING)) {
        return json_str(step);
    }
    struct str text = json_str(json_get(step, "text"));
    return text.n > 0 ? text : json_str(json_get(step, "do"));
}

static bool
is_recorded_object(const struct json_value *step)
{
    return json_is(step, JSON_OBJECT) && json_str(json_get(step, "type")).n > 0;
}

static struct str
recorded_text(struct arena *arena, const struct json_value *action)
{
    struct str label = json_str(json_get(action, "text"));
    struct str type = json_str(json_get(action, "type"));
    struct str value = json_str(json_get(action, type.n == 8 ? "url" : "value"));

    if (label.n == 0) {
        label = json_str(json_get(action, "selector"));
    }
    return arena_printf(arena, "%.*s %.*s%s%.*s", STR_ARG(type), STR_ARG(label),
                        value.n > 0 ? ": " : "", STR_ARG(value));
}

static void
add_recording(struct items *items, const struct json_value *list, const Assay__JobCase *c,
              const struct json_value *steps, const struct json_value *mappings)
{
    for (size_t i = 0; i < list->count; i++) {
        struct item *item = add_item(items);
        if (item == NULL) {
            return;
        }
        item->kind = ITEM_RECORDED;
        item->action = json_at(list, i);
        item->secret = json_bool(json_get(item->action, "secret"), false);
        item->text = recorded_text(items->arena, item->action);
        item->fuzzy = !c->has_fuzzy_match || c->fuzzy_match;
        /* A sentence that maps to this action alone can stand in for it. */
        for (size_t s = 0; mappings != NULL && s < mappings->count; s++) {
            const struct json_value *indexes = json_at(mappings, s);
            bool secret = false;
            if (indexes->count == 1 && json_i64(json_at(indexes, 0), -1) == (int64_t)i) {
                item->fallback = step_text(json_at(steps, s), &secret);
                item->secret = item->secret || secret;
            }
        }
    }
}

static void
add_steps(struct items *items, const struct json_value *steps, const Assay__JobCase *c)
{
    for (size_t i = 0; steps != NULL && i < steps->count; i++) {
        const struct json_value *step = json_at(steps, i);
        struct item *item = add_item(items);
        if (item == NULL) {
            return;
        }
        if (json_bool(json_get(step, "missing_sub_flow"), false)) {
            item->kind = ITEM_BROKEN;
            item->text = STR("a sub-flow of this case was deleted or is no longer reusable");
        } else if (is_recorded_object(step)) {
            item->kind = ITEM_RECORDED;
            item->action = step;
            item->secret = json_bool(json_get(step, "secret"), false);
            item->text = recorded_text(items->arena, step);
            item->fuzzy = !c->has_fuzzy_match || c->fuzzy_match;
        } else {
            item->kind = ITEM_SENTENCE;
            item->text = step_text(step, &item->secret);
            item->ai = strcmp(c->mode, "ai") == 0;
        }
    }
}

static void
add_assertions(struct items *items, const struct json_value *list)
{
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        const struct json_value *a = json_at(list, i);
        const struct json_value *check = json_get(a, "check");
        struct item *item = add_item(items);
        if (item == NULL) {
            return;
        }
        item->kind = json_is(check, JSON_OBJECT) ? ITEM_CHECK : ITEM_ASSERTION;
        item->action = check;
        item->text = json_is(a, JSON_STRING) ? json_str(a) : json_str(json_get(a, "assert"));
        if (item->text.n == 0) {
            item->text = json_str(json_get(a, "text"));
        }
    }
}

static void
add_case(struct case_run *r, const Assay__JobCase *c, bool own)
{
    for (size_t i = 0; i < c->n_sub_flows; i++) {
        add_case(r, c->sub_flows[i], false);
    }
    const struct json_value *steps = parse_list(r->arena, true, c->steps);
    const struct json_value *recording = parse_list(r->arena, c->has_recording, c->recording);
    bool replays = recording != NULL && recording->count > 0 && strcmp(c->mode, "ai") != 0;
    if (replays) {
        const struct json_value *maps =
            strcmp(c->mode, "hybrid") == 0
                ? parse_list(r->arena, c->has_step_mappings, c->step_mappings)
                : NULL;
        add_recording(&r->items, recording, c, steps, maps);
    } else {
        add_steps(&r->items, steps, c);
    }
    if (own) {
        add_assertions(&r->items, parse_list(r->arena, c->has_assertions, c->assertions));
    }
}

/* --- one step ------------------------------------------------------------------------------ */

static void
say(struct step_result *out, enum step_verdict verdict, const char *reason, struct str message)
{
    out->verdict = verdict;
    out->reason = reason;
    out->message = message;
}

static void
say_model_needed(struct ctx *ctx, struct step_result *out, struct str why)
{
    say(out, STEP_ERROR, "MODEL_NEEDED",
        arena_printf(ctx->arena,
                     "%.*s%sthis needs a model and none is configured: write the step as in `assay "
                     "explain`, or set ASSAY_OPENAI_BASE_URL and ASSAY_OPENAI_API_KEY (or another "
                     "provider's) for the tests service",
                     STR_ARG(why), why.n > 0 ? "; " : ""));
}

/* An assertion may look and wait; one that would act is a mistake of its author. */
static enum rc
run_assertion(struct case_run *r, struct ctx *ctx, struct str text, struct step_result *out)
{
    struct plan plan;

    enum rc rc = steps_parse(ctx->arena, text, &plan);
    if (rc != RC_OK) {
        return rc;
    }
    for (size_t i = 0; i < plan.count; i++) {
        if (!act_is_verify(plan.actions[i].type) && !act_is_wait_for(plan.actions[i].type)) {
            say(out, STEP_ERROR, "NOT_AN_ASSERTION",
                STR("this would act on the app; an assertion only looks"));
            return RC_OK;
        }
    }
    return run_sentence(ctx, r->dev, &r->vars, &r->opt, text, out);
}

static enum rc
run_recorded_item(struct case_run *r, struct ctx *ctx, const struct item *item,
                  struct step_result *out)
{
    r->opt.fuzzy_match = item->fuzzy;
    enum rc rc = run_recorded(ctx, r->dev, &r->vars, &r->opt, item->action, out);
    bool not_found = rc == RC_OK && out->verdict == STEP_FAILED && out->done == 0 &&
                     out->reason != NULL &&
                     (strcmp(out->reason, "NOT_FOUND") == 0 ||
                      strcmp(out->reason, "NO_SUCH_ELEMENT") == 0); /* no text to look for */
    if (!not_found || item->fallback.n == 0) {
        return rc;
    }
    struct str was = out->message;
    int64_t waited_us = out->waited_us;
    ctx_recover(ctx);
    rc = run_sentence(ctx, r->dev, &r->vars, &r->opt, item->fallback, out);
    out->waited_us += waited_us;
    if (rc == RC_OK && out->verdict == STEP_PASSED) {
        out->healed = true;
        out->message = arena_printf(ctx->arena, "done by its sentence \"%.*s\": %.*s",
                                    STR_ARG(item->fallback), STR_ARG(was));
    }
    return rc;
}

static enum rc
run_item(struct case_run *r, struct ctx *ctx, const struct item *item, struct step_result *out)
{
    *out = (struct step_result){.verdict = STEP_PASSED};
    switch (item->kind) {
    case ITEM_BROKEN:
        say(out, STEP_ERROR, "SUB_FLOW_MISSING", item->text);
        return RC_OK;
    case ITEM_RECORDED:
        return run_recorded_item(r, ctx, item, out);
    case ITEM_CHECK:
        return run_check(ctx, r->dev, &r->vars, &r->opt, item->action, out);
    case ITEM_ASSERTION:
        return run_assertion(r, ctx, item->text, out);
    case ITEM_SENTENCE:
        break;
    }
    if (item->ai) {
        say_model_needed(ctx, out, STR("mode is ai"));
        return RC_OK;
    }
    return run_sentence(ctx, r->dev, &r->vars, &r->opt, item->text, out);
}

/* At most `max` bytes, ending with a whole character: half a one is not UTF-8, and tests would refuse
 * the report for good. What is cut has been masked before: half a secret is none that is found. */
static struct str
cut(struct str s, size_t max)
{
    size_t n = s.n < max ? s.n : max;

    while (n > 0 && n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80) {
        n--;
    }
    return str_sub(s, 0, n);
}

/* --- evidence ------------------------------------------------------------------------------ */

/* {"url":...,"element":{"role","name","text","box"},"found":...} */
static ProtobufCBinaryData
evidence_json(struct case_run *r, struct ctx *ctx, const struct step_evidence *e)
{
    struct buf b;

    buf_init(&b, 65536);
    buf_putc(&b, '{');
    json_put_member_str(&b, "url", vars_mask(ctx->arena, &r->vars, e->url));
    if (e->has_elem) {
        json_put_key(&b, "element");
        buf_putc(&b, '{');
        json_put_member_str(&b, "role", str_z(e->role));
        json_put_member_str(&b, "name", vars_mask(ctx->arena, &r->vars, e->name));
        json_put_member_str(&b, "text", cut(vars_mask(ctx->arena, &r->vars, e->text), 1024));
        json_put_key(&b, "box");
        buf_printf(&b, "[%.1f,%.1f,%.1f,%.1f]}", e->box.x, e->box.y, e->box.w, e->box.h);
    }
    if (e->how != NULL) {
        json_put_member_str(&b, "found", str_z(e->how));
    }
    buf_putc(&b, '}');
    ProtobufCBinaryData out = {0, NULL};
    if (!buf_failed(&b)) {
        out = pb_bytes(ctx->arena, buf_str(&b));
    }
    buf_fini(&b);
    return out;
}

static ProtobufCBinaryData
actions_json(struct ctx *ctx, struct str text)
{
    struct plan plan;
    struct buf b;
    ProtobufCBinaryData out = {0, NULL};

    buf_init(&b, 65536);
    if (steps_parse(ctx->arena, text, &plan) == RC_OK) {
        plan_put_json(&b, &plan);
        if (!buf_failed(&b)) {
            out = pb_bytes(ctx->arena, buf_str(&b));
        }
    }
    buf_fini(&b);
    return out;
}

/* A picture of where the step ended; none when the device is gone. */
static struct str
take_picture(struct case_run *r, struct ctx *ctx)
{
    struct str jpeg = STR_EMPTY;

    if (r->device_gone) {
        return jpeg;
    }
    struct ctx shot;
    ctx_init(&shot, ctx->arena);
    shot.deadline_us = clk_wall_us() + SHOT_US;
    /* What the step led to, not what it left: a page that loads is waited for. */
    if (r->dev->driver->settle(r->dev, &shot, SETTLE_US) != RC_OK) {
        ctx_recover(&shot); /* a dialog is open, or the picture will fail for the same reason */
    }
    if (r->dev->driver->screenshot(r->dev, &shot, DEVICE_JPEG, JPEG_QUALITY, &jpeg) != RC_OK) {
        return STR_EMPTY;
    }
    wrk_frame_put(r->job->device, jpeg);
    return jpeg;
}

static const char *
kind_name(enum item_kind kind)
{
    return kind == ITEM_RECORDED                          ? "recorded"
           : kind == ITEM_ASSERTION || kind == ITEM_CHECK ? "assertion"
                                                          : "step";
}

/* What a secret step says of itself may quote it. */
static struct str
message_of(struct case_run *r, struct arena *arena, const struct item *item,
           const struct step_result *res)
{
    if (!item->secret) {
        return vars_mask(arena, &r->vars, res->message);
    }
    return res->reason == NULL ? STR_EMPTY
                               : arena_printf(arena, "the secret step ended with %s", res->reason);
}

static void
report(struct case_run *r, struct ctx *ctx, const struct item *item, const struct step_result *res,
       int64_t started_us)
{
    Assay__StepReport step = ASSAY__STEP_REPORT__INIT;
    struct str shown = item->secret ? STR("(secret step)") : item->text;
    struct str message = message_of(r, ctx->arena, item, res);

    /* Even an authored text may hold the value of a secret variable. */
    shown = vars_mask(ctx->arena, &r->vars, shown);
    step.index = r->index;
    step.text = pb_strz(ctx->arena, cut(shown, 4096));
    step.status = pb_strz(ctx->arena, str_z(step_verdict_name(res->verdict)));
    step.kind = pb_strz(ctx->arena, str_z(kind_name(item->kind)));
    step.started_us = started_us;
    step.duration_us = clk_wall_us() - started_us;
    PB_SET(&step, own_us, step.duration_us > res->waited_us ? step.duration_us - res->waited_us : 0);
    if (message.n > 0) {
        step.message = pb_strz(ctx->arena, cut(message, 8192));
    }
    if (res->reason != NULL) {
        step.reason = pb_strz(ctx->arena, str_z(res->reason));
    }
    if (!item->secret) {
        ProtobufCBinaryData evidence = evidence_json(r, ctx, &res->evidence);
        ProtobufCBinaryData actions = item->kind == ITEM_SENTENCE || item->kind == ITEM_ASSERTION
                                          ? actions_json(ctx, shown)
                                          : (ProtobufCBinaryData){0, NULL};
        step.has_evidence = evidence.data != NULL;
        step.evidence = evidence;
        step.has_actions = actions.data != NULL;
        step.actions = actions;
    }
    PB_SET(&step, healed, res->healed);
    struct str jpeg = item->secret ? STR_EMPTY : take_picture(r, ctx);
    if (step.text == NULL || step.status == NULL || step.kind == NULL) {
        atomic_store(&r->job->lost, true); /* out of memory: a report without text is no report */
        return;
    }
    wrk_report_step(r->job, r->c->run_id, &step, jpeg);
    met_add(r->job->worker->met.steps, (size_t)res->verdict, 0, 1);
}

/* Runs one item and reports it. False: the case is over. */
static bool
step(struct case_run *r, const struct item *item)
{
    struct step_result res;
    struct ctx ctx;
    int64_t started_us = clk_wall_us();

    arena_reset(r->step_arena);
    ctx_init(&ctx, r->step_arena);
    ctx.deadline_us = r->deadline_us;
    enum rc rc = run_item(r, &ctx, item, &res);
    if (wrk_job_is_over(r->job)) {
        return false;
    }
    if (rc != RC_OK) { /* CANCELLED too: a stop that nobody asked of this job is no verdict */
        say(&res, STEP_ERROR, ctx.err.reason == NULL ? "INTERNAL" : ctx.err.reason, ctx.err.msg);
    }
    if (res.needs_model && res.verdict == STEP_ERROR) {
        say_model_needed(&ctx, &res, res.message);
    }
    /* What was not found because the time of the case was over is nothing the app did wrong. */
    if (res.verdict != STEP_PASSED && res.verdict != STEP_SKIPPED &&
        clk_wall_us() >= r->deadline_us) {
        say(&res, STEP_ERROR, "CASE_TIMEOUT", STR("the case took longer than it may"));
    }
    r->device_gone = res.reason != NULL && strcmp(res.reason, "DEVICE_GONE") == 0;
    report(r, &ctx, item, &res, started_us);
    r->index++;
    if (res.verdict == STEP_PASSED || res.verdict == STEP_SKIPPED) {
        return true;
    }
    r->verdict = res.verdict;
    struct str text = item->secret ? STR("(secret step)")
                                   : cut(vars_mask(r->arena, &r->vars, item->text), 500);
    struct str message = message_of(r, r->arena, item, &res);
    r->message = arena_printf(r->arena, "step %d \"%.*s\": %.*s", r->index, STR_ARG(text),
                              STR_ARG(message));
    return false;
}

/* --- the case ------------------------------------------------------------------------------ */

static void
read_variables(struct case_run *r)
{
    const Assay__StartJobRequest *req = r->job->req;
    const struct json_value *v = parse_list(r->arena, req->has_variables, req->variables);

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

/* Prepares the device. A browser that died before is started anew by the driver. */
static bool
prepare(struct case_run *r)
{
    struct str url = str_z(r->job->req->url);
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
    r->message = arena_printf(r->arena, "the app could not be opened at %.*s: %.*s%s%.*s",
                              STR_ARG(url), STR_ARG(ctx.err.msg), ctx.err.detail.n > 0 ? "; " : "",
                              STR_ARG(ctx.err.detail));
    return false;
}

static void
finish(struct case_run *r)
{
    static const char *const VERDICTS[] = {
        [STEP_PASSED] = "passed", [STEP_FAILED] = "failed",
        [STEP_ERROR] = "error",   [STEP_SKIPPED] = "passed",
    };
    const char *verdict = VERDICTS[r->verdict];
    struct str message = r->message;

    if (atomic_load(&r->job->lost)) {
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

static void
run_items(struct case_run *r)
{
    add_case(r, r->c, true);
    if (arena_failed(r->arena)) {
        r->verdict = STEP_ERROR;
        r->message = STR("the case is too large");
        return;
    }
    if (r->items.n == 0) { /* a case that checks nothing must not pass */
        r->verdict = STEP_ERROR;
        r->message = STR("the case has no steps and no assertions");
        return;
    }
    for (size_t i = 0; i < r->items.n && !wrk_job_is_over(r->job); i++) {
        wait_for(r, wrk_report_wait_lease);
        if (wrk_job_is_over(r->job) || !step(r, &r->items.at[i])) {
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
        if (r.verdict == STEP_PASSED && prepare(&r)) {
            wait_for(&r, wrk_report_wait_verdicts); /* should we die, no earlier case runs again */
            run_items(&r);
        }
    }
    finish(&r);
    arena_free(r.step_arena);
    arena_free(r.arena);
}
