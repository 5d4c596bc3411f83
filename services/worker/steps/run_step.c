/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/steps/run_step.h"

#include "worker/steps/grammar.h"
#include "worker/steps/run_parts.h"

#define TIE_GRACE_US (1500 * ASSAY_US_PER_MS)  /* a page that renders may show two for a moment */
#define OPTIONAL_GRACE_US (2 * ASSAY_US_PER_S) /* how long a condition is given to become true */

const char *
step_verdict_name(enum step_verdict verdict)
{
    static const char *const NAMES[] = {"passed", "failed", "error", "skipped"};
    return (size_t)verdict < ARRAY_LEN(NAMES) ? NAMES[verdict] : "error";
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
    c->visible = run_dialog_says(run, c->target) ||
                 look_for(&run->sub, &run->snap, c->target) != NULL ||
                 look_by_description(&run->snap, c->target) != NULL;
    if (!c->visible && resolve(&run->sub, &run->snap, c->target, RESOLVE_TAP, &r) == RC_OK) {
        c->visible = true;
    }
    ctx_recover(&run->sub);
    return c->visible ? RC_OK : fail(&run->sub, RC_NOT_FOUND, "NOT_FOUND", "not there");
}

static bool
same_condition(const struct target *a, const struct target *b)
{
    return a != NULL && (a == b || (b != NULL && a->name.n > 0 && str_ieq(a->name, b->name)));
}

/* Whether an optional action is to be done; a device that fails ends the step. */
static bool
wanted(struct run *run, const struct action *a, bool *out_go_on)
{
    const struct target *t = a->if_visible != NULL ? a->if_visible : a->optional ? a->target : NULL;
    *out_go_on = true;
    /* "If X is there, close it and check Y": one condition for all, asked once. */
    bool same =
        a->if_visible != NULL && same_condition(t, run->held != NULL ? run->held : run->denied);
    if (t == NULL || (same && run->held != NULL)) {
        return true;
    }
    struct condition c = {0};
    enum rc rc = run_target(run, t, &c.target);
    if (rc == RC_OK && !same) {
        int64_t own = run->opt->timeout_us > 0 ? run->opt->timeout_us : STEP_TIMEOUT_DEFAULT_US;
        run_set_deadline(run, own < OPTIONAL_GRACE_US ? own : OPTIONAL_GRACE_US);
        run->sees_dialogs = true;
        rc = run_until(run, check_condition, &c, 0);
        run->sees_dialogs = false;
    }
    if (rc != RC_OK && rc != RC_NOT_FOUND) {
        run_fail(run, rc);
        *out_go_on = false;
        return false;
    }
    run->held = c.visible ? t : NULL;
    run->denied = c.visible ? NULL : t;
    if (!c.visible) {
        struct str name = run_target_text(run, c.target);
        run_say(run, STEP_SKIPPED, "CONDITION_FALSE", "%.*s was not there, nothing was done",
                STR_ARG(name));
    }
    return c.visible;
}

/* --- one action */

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
    return run_ended(run, rc);
}

bool
run_action(struct run *run, const struct action *a)
{
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
        return run_open(run, a);
    }
    if (a->type == ACT_WAIT) {
        return run_pause(run, a);
    }
    if (a->type == ACT_STORE) {
        return store(run, a);
    }
    if (act_is_verify(a->type) || (act_is_wait_for(a->type) && a->type != ACT_WAIT_LOAD)) {
        return run_verify(run, a);
    }
    return run_touches(a->type) ? run_touch(run, a) : run_page_command(run, a);
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
                                    .reason = "NO_MEMORY",
                                    .message = STR("the step needs too much memory")};
        return RC_OK;
    }
    return run_plan(ctx, dev, vars, opt, plan, out);
}
