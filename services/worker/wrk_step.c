/* SPDX-License-Identifier: Apache-2.0
 *
 * One step of a case. Modes without a model. replay: the recording when there is one, else the
 * sentences. hybrid: the same, but a recorded action that cannot be done and has a sentence is
 * tried by its sentence, and marked as healed. ai: every sentence is for a model. What needs one
 * and has none ends `error`. */
#include <string.h>

#include "worker/steps/grammar.h"
#include "worker/wrk_case.h"

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

/* Of a browser that died also its last words. */
static struct str
error_text(struct ctx *ctx)
{
    bool tells = ctx->err.reason != NULL && strcmp(ctx->err.reason, "DEVICE_GONE") == 0 &&
                 ctx->err.detail.n > 0;

    return tells ? arena_printf(ctx->arena, "%.*s: %.*s", STR_ARG(ctx->err.msg),
                                STR_ARG(ctx->err.detail))
                 : ctx->err.msg;
}

bool
wrk_step_run(struct case_run *r, const struct item *item)
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
        say(&res, STEP_ERROR, ctx.err.reason == NULL ? "INTERNAL" : ctx.err.reason,
            error_text(&ctx));
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
    wrk_step_report(r, &ctx, item, &res, started_us);
    r->index++;
    if (res.verdict == STEP_PASSED || res.verdict == STEP_SKIPPED) {
        return true;
    }
    r->verdict = res.verdict;
    struct str text = item->secret ? STR("(secret step)")
                                   : wrk_cut(vars_mask(r->arena, &r->vars, item->text), 500);
    struct str message = wrk_step_message(r, r->arena, item, &res);
    r->message =
        arena_printf(r->arena, "step %d \"%.*s\": %.*s", r->index, STR_ARG(text), STR_ARG(message));
    return false;
}
