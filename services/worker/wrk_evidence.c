/* SPDX-License-Identifier: Apache-2.0
 *
 * What is told of a step: its text, its verdict, what was found, a picture. */
#include <string.h>

#include "worker/steps/grammar.h"
#include "worker/wrk_case.h"

#define SHOT_US (10 * ASSAY_US_PER_S)
#define SETTLE_US (2 * ASSAY_US_PER_S)
#define JPEG_QUALITY 80
#define REST_US (2 * ASSAY_US_PER_S)
#define REST_SHOTS 30

/* At most `max` bytes, ending with a whole character: half a one is not UTF-8, and tests would
 * refuse the report for good. What is cut has been masked before: half a secret is none that is
 * found. */
struct str
wrk_cut(struct str s, size_t max)
{
    size_t n = s.n < max ? s.n : max;

    while (n > 0 && n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80) {
        n--;
    }
    return str_sub(s, 0, n);
}

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
        json_put_member_str(&b, "text", wrk_cut(vars_mask(ctx->arena, &r->vars, e->text), 1024));
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

static struct str
shoot(struct case_run *r, struct ctx *shot)
{
    struct str jpeg = STR_EMPTY;

    return r->dev->driver->screenshot(r->dev, shot, DEVICE_JPEG, JPEG_QUALITY, &jpeg) == RC_OK
               ? jpeg
               : STR_EMPTY;
}

static void
stop_moving(struct case_run *r, struct ctx *shot, bool still)
{
    if (r->dev->driver->still != NULL && r->dev->driver->still(r->dev, shot, still) != RC_OK) {
        ctx_recover(shot); /* the picture is taken as it is */
    }
}

/* The page at rest: two pictures in a row are the same, three once it has moved. One that never
 * rests (a clock, a video) is taken as it is after a while. */
static struct str
shoot_at_rest(struct case_run *r, struct ctx *shot)
{
    int64_t end_us = clk_mono_us() + REST_US;
    struct str last = STR_EMPTY;
    int same = 0;
    int wanted = 1;

    for (int i = 0; i < REST_SHOTS && same < wanted; i++) {
        stop_moving(r, shot, true);
        struct str jpeg = shoot(r, shot);
        if (jpeg.n == 0 || wrk_job_is_over(r->job)) {
            last = jpeg;
            break;
        }
        bool moved = i > 0 && !str_eq(jpeg, last);
        same = i > 0 && !moved ? same + 1 : 0;
        wanted = moved ? 2 : wanted;
        last = jpeg;
        if (clk_mono_us() >= end_us) {
            break;
        }
    }
    stop_moving(r, shot, false);
    return last;
}

/* A picture of where the step ended; none when the device is gone. */
static struct str
take_picture(struct case_run *r, struct ctx *ctx, bool passed)
{
    bool compares = passed && r->job->req->has_compares && r->job->req->compares;

    if (r->device_gone) {
        return STR_EMPTY;
    }
    struct ctx shot;
    ctx_init(&shot, ctx->arena);
    shot.deadline_us = clk_wall_us() + SHOT_US;
    /* What the step led to, not what it left: a page that loads is waited for. */
    if (r->dev->driver->settle(r->dev, &shot, SETTLE_US) != RC_OK) {
        ctx_recover(&shot); /* a dialog is open, or the picture will fail for the same reason */
    }
    struct str jpeg = compares ? shoot_at_rest(r, &shot) : shoot(r, &shot);
    if (jpeg.n > 0) {
        wrk_frame_put(r->job->device, jpeg);
    }
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
struct str
wrk_step_message(struct case_run *r, struct arena *arena, const struct item *item,
                 const struct step_result *res)
{
    if (!item->secret) {
        return vars_mask(arena, &r->vars, res->message);
    }
    return res->reason == NULL ? STR_EMPTY
                               : arena_printf(arena, "the secret step ended with %s", res->reason);
}

void
wrk_step_report(struct case_run *r, struct ctx *ctx, const struct item *item,
                const struct step_result *res, int64_t started_us)
{
    Assay__StepReport step = ASSAY__STEP_REPORT__INIT;
    struct str shown = item->secret ? STR("(secret step)") : item->text;
    struct str message = wrk_step_message(r, ctx->arena, item, res);

    /* Even an authored text may hold the value of a secret variable. */
    shown = vars_mask(ctx->arena, &r->vars, shown);
    step.index = r->index;
    step.text = pb_strz(ctx->arena, wrk_cut(shown, 4096));
    step.status = pb_strz(ctx->arena, str_z(step_verdict_name(res->verdict)));
    step.kind = pb_strz(ctx->arena, str_z(kind_name(item->kind)));
    step.started_us = started_us;
    step.duration_us = clk_wall_us() - started_us;
    PB_SET(&step, own_us,
           step.duration_us > res->waited_us ? step.duration_us - res->waited_us : 0);
    if (message.n > 0) {
        step.message = pb_strz(ctx->arena, wrk_cut(message, 8192));
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
    PB_SET(&step, secret, item->secret);
    PB_SET(&step, steps_before, r->index - (int)item->at);
    if (item->flow_id != NULL) {
        step.flow_id = pb_strz(ctx->arena, str_z(item->flow_id));
    }
    struct str jpeg = item->secret ? STR_EMPTY : take_picture(r, ctx, res->verdict == STEP_PASSED);
    if (step.text == NULL || step.status == NULL || step.kind == NULL) {
        atomic_store(&r->job->lost, true); /* out of memory: a report without text is no report */
        return;
    }
    wrk_report_step(r->job, r->c->run_id, &step, jpeg);
    met_add(r->job->worker->met.steps, (size_t)res->verdict, 0, 1);
}
