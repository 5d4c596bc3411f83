/* SPDX-License-Identifier: Apache-2.0
 *
 * What was used: the month against the plan, and model calls. */
#include <string.h>

#include "billing/bil_store.h"
#include "billing/billing.h"
#include "pb/pb.h"

static enum rc
check_arena(struct ctx *ctx)
{
    return arena_failed(ctx->arena) ? fail_memory(ctx, "the answer is too large") : RC_OK;
}

/* --- model calls --------------------------------------------------------------------------- */

static void
add_to_bucket(Assay__AiUsageBucket *bucket, const struct bil_ai_sum *sum)
{
    bucket->input_tokens += sum->input_tokens;
    bucket->output_tokens += sum->output_tokens;
    bucket->cost_micro += sum->cost_micro;
    bucket->runs_count += sum->calls;
}

static void
sum_up(const struct bil_ai_sum *sums, size_t n, Assay__AiUsageBucket *byok,
       Assay__AiUsageBucket *hosted)
{
    for (size_t i = 0; i < n; i++) {
        add_to_bucket(sums[i].is_byok ? byok : hosted, &sums[i]);
    }
}

static Assay__ModelUsage *
find_model(Assay__ModelUsage **list, size_t n, const char *model)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i]->model, model) == 0) {
            return list[i];
        }
    }
    return NULL;
}

/* A model that was called with both kinds of keys is one line. */
static Assay__ModelUsage **
by_model(struct ctx *ctx, const struct bil_ai_sum *sums, size_t n, size_t *out_n)
{
    Assay__ModelUsage **list = ARENA_ARRAY(ctx->arena, n + 1, Assay__ModelUsage *);
    Assay__ModelUsage *items = ARENA_ARRAY(ctx->arena, n + 1, Assay__ModelUsage);

    *out_n = 0;
    for (size_t i = 0; list != NULL && items != NULL && i < n; i++) {
        Assay__ModelUsage *m = find_model(list, *out_n, sums[i].model);
        if (m == NULL) {
            m = &items[*out_n];
            assay__model_usage__init(m);
            m->model = sums[i].model;
            list[(*out_n)++] = m;
        }
        m->runs += sums[i].calls;
        m->cost_micro += sums[i].cost_micro;
    }
    return list;
}

enum rc
billing_get_ai_usage(struct billing *billing, struct ctx *ctx, const Assay__GetAiUsageRequest *req,
                     Assay__AiUsage *resp)
{
    struct bil_ai_sum *sums = NULL;
    size_t n = 0;

    (void)req;
    enum rc rc = bil_ai_sums(billing->db, ctx, 0, &sums, &n);
    if (rc != RC_OK) {
        return rc;
    }
    resp->total = PB_NEW(ctx->arena, Assay__AiUsageBucket, assay__ai_usage_bucket);
    resp->byok = PB_NEW(ctx->arena, Assay__AiUsageBucket, assay__ai_usage_bucket);
    resp->vibeview = PB_NEW(ctx->arena, Assay__AiUsageBucket, assay__ai_usage_bucket);
    resp->by_model = by_model(ctx, sums, n, &resp->n_by_model);
    rc = check_arena(ctx);
    if (rc == RC_OK) {
        sum_up(sums, n, resp->byok, resp->vibeview);
        sum_up(sums, n, resp->total, resp->total);
    }
    return rc;
}

/* --- dashboard ----------------------------------------------------------------------------- */

static Assay__UsageMetric *
metric(struct ctx *ctx, double current, const char *unit)
{
    Assay__UsageMetric *m = PB_NEW(ctx->arena, Assay__UsageMetric, assay__usage_metric);

    if (m != NULL) {
        m->current = current;
        m->unit = pb_strz(ctx->arena, str_z(unit));
    }
    return m;
}

static Assay__UsageMetric *
metric_with_limit(struct ctx *ctx, double current, const char *unit, bool has_limit, double limit)
{
    Assay__UsageMetric *m = metric(ctx, current, unit);

    if (m != NULL && has_limit) {
        PB_SET(m, limit, limit);
    }
    return m;
}

/* Hundredths of a minute, rounded down: nobody is shown more than was used. */
static double
minutes(int64_t us)
{
    return (double)(us / (BIL_US_PER_MINUTE / 100)) / 100.0;
}

static void
fill_metrics(struct ctx *ctx, const struct bil_account *a, const Assay__AiUsageBucket *byok,
             const Assay__AiUsageBucket *hosted, Assay__UsageDashboard *resp)
{
    const struct bil_plan *p = &a->plan;

    resp->ai_credit_vibeview =
        metric_with_limit(ctx, (double)hosted->cost_micro / (double)BIL_MICRO_PER_USD, "USD",
                          p->is_enforced, (double)p->credit_micro / (double)BIL_MICRO_PER_USD);
    resp->ai_tokens_byok =
        metric(ctx, (double)(byok->input_tokens + byok->output_tokens), "tokens");
    resp->streaming_minutes =
        metric_with_limit(ctx, minutes(a->ended_us + a->live_us), "minutes",
                          p->streaming_minutes != BIL_NO_LIMIT, (double)p->streaming_minutes);
    resp->active_sessions =
        metric_with_limit(ctx, (double)a->live_sessions, "sessions",
                          p->concurrent_sessions != BIL_NO_LIMIT, (double)p->concurrent_sessions);
}

enum rc
billing_get_usage_dashboard(struct billing *billing, struct ctx *ctx,
                            const Assay__GetUsageDashboardRequest *req, Assay__UsageDashboard *resp)
{
    Assay__AiUsageBucket byok = ASSAY__AI_USAGE_BUCKET__INIT;
    Assay__AiUsageBucket hosted = ASSAY__AI_USAGE_BUCKET__INIT;
    struct bil_account a;
    struct bil_ai_sum *sums = NULL;
    size_t n = 0;

    (void)req;
    enum rc rc = billing_account(billing, ctx, ctx->who.org_id, &a);
    if (rc == RC_OK) {
        rc = bil_ai_sums(billing->db, ctx, bil_month_of(clk_wall_us()).begin_us, &sums, &n);
    }
    if (rc != RC_OK) {
        return rc;
    }
    sum_up(sums, n, &byok, &hosted);
    resp->plan_id = a.plan.plan_id;
    resp->plan_name = a.plan.name;
    fill_metrics(ctx, &a, &byok, &hosted, resp);
    resp->monthly_sessions = a.ended_sessions + a.live_sessions;
    resp->ai_cost_micro = hosted.cost_micro;
    resp->byok_cost_micro = byok.cost_micro;
    resp->ai_runs = hosted.runs_count;
    resp->byok_runs = byok.runs_count;
    resp->by_model = by_model(ctx, sums, n, &resp->n_by_model);
    resp->streaming_overage_minutes = (double)a.overage_minutes;
    resp->streaming_overage_micro = a.overage_cost_micro;
    return check_arena(ctx);
}
