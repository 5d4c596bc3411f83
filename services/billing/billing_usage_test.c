/* SPDX-License-Identifier: Apache-2.0
 *
 * Model calls and live sessions: counted, shown, paid. */
#include "billing/billing_lab.h"

#include "billing/bil_post.h"

static int
deliver_now(const char *type, const char *data, int64_t ago_us)
{
    struct event *e = event(type, ORG, data);

    e->msg.at_us = clk_wall_us() - ago_us;
    int accepted = deliver(&e, 1);
    free(e);
    return accepted;
}

static Assay__UsageDashboard
dashboard(struct call *c)
{
    Assay__GetUsageDashboardRequest req = ASSAY__GET_USAGE_DASHBOARD_REQUEST__INIT;
    Assay__UsageDashboard resp = ASSAY__USAGE_DASHBOARD__INIT;

    assert_int_equal(billing_get_usage_dashboard(&billing, &c->ctx, &req, &resp), RC_OK);
    return resp;
}

#define CALL(id, model, byok, cost)                                                                \
    "{\"call_id\":\"" id "\",\"model\":\"" model "\",\"byok\":" byok                               \
    ",\"input_tokens\":100,\"output_tokens\":20,\"cost_micro\":" #cost ",\"test_run_id\":5}"

static void
model_calls_are_counted_by_model_and_paid_once(void **state)
{
    struct call c = call_begin(ORG);
    Assay__GetAiUsageRequest req = ASSAY__GET_AI_USAGE_REQUEST__INIT;
    Assay__AiUsage u = ASSAY__AI_USAGE__INIT;

    (void)state;
    for (int i = 0; i < 2; i++) { /* other events may tell of the same call */
        assert_int_equal(deliver_now("model.called", CALL("c1", "m1", "false", 300000), 0), 1);
    }
    assert_int_equal(deliver_now("model.called", CALL("c2", "m1", "true", 50000), 0), 1);
    assert_int_equal(deliver_now("model.called", CALL("c3", "m2", "false", 100000), 0), 1);
    assert_int_equal(billing_get_ai_usage(&billing, &c.ctx, &req, &u), RC_OK);
    assert_int_equal(u.total->runs_count, 3);
    assert_int_equal(u.total->input_tokens, 300);
    assert_int_equal(u.vibeview->cost_micro, 400000);
    assert_int_equal(u.byok->cost_micro, 50000);
    assert_int_equal(u.byok->runs_count, 1);
    assert_int_equal(u.n_by_model, 2);
    assert_string_equal(u.by_model[0]->model, "m1");
    assert_int_equal(u.by_model[0]->runs, 2);
    assert_int_equal(u.by_model[0]->cost_micro, 350000);
    assert_int_equal(balance_micro(), USD - 400000);
    Assay__UsageDashboard d = dashboard(&c);
    assert_int_equal(d.ai_runs, 2);
    assert_int_equal(d.byok_runs, 1);
    assert_true(d.ai_credit_vibeview->current > 0.399 && d.ai_credit_vibeview->current < 0.401);
    assert_true(d.ai_tokens_byok->current > 119.5 && d.ai_tokens_byok->current < 120.5);
    /* More than there is: the rest is taken, and no run may start. */
    assert_int_equal(deliver_now("model.called", CALL("c4", "m2", "false", 5000000), 0), 1);
    assert_int_equal(balance_micro(), 0);
    Assay__GetEntitlementRequest ask = ASSAY__GET_ENTITLEMENT_REQUEST__INIT;
    Assay__Entitlement may = ASSAY__ENTITLEMENT__INIT;
    ask.org_id = ORG;
    assert_int_equal(billing_get_entitlement(&billing, &c.ctx, &ask, &may), RC_OK);
    assert_false(may.credit_left);
    assert_int_equal(may.concurrent_sessions, 2);
    assert_int_equal(deliver_now("model.called", "{\"call_id\":\"x\"}", 0), 0);
    arena_free(c.arena);
    add_up();
}

static void
on_a_plan_that_refuses_nothing_costs_are_shown_beyond_the_budget(void **state)
{
    struct call c = call_begin(ORG);
    Assay__GetAiUsageRequest req = ASSAY__GET_AI_USAGE_REQUEST__INIT;
    Assay__AiUsage u = ASSAY__AI_USAGE__INIT;
    char *old = NULL;
    int64_t more = 0;

    (void)state;
    (void)balance_micro();
    assert_int_equal(bil_account_set_plan(db, &c.ctx, ORG, "self_hosted", &old, &more), RC_OK);
    assert_string_equal(old, "free");
    assert_int_equal(deliver_now("model.called", CALL("c1", "m1", "false", 7000000), 0), 1);
    assert_int_equal(billing_get_ai_usage(&billing, &c.ctx, &req, &u), RC_OK);
    assert_int_equal(u.vibeview->cost_micro, 7000000);
    Assay__GetEntitlementRequest ask = ASSAY__GET_ENTITLEMENT_REQUEST__INIT;
    Assay__Entitlement may = ASSAY__ENTITLEMENT__INIT;
    ask.org_id = ORG;
    assert_int_equal(billing_get_entitlement(&billing, &c.ctx, &ask, &may), RC_OK);
    assert_true(may.credit_left);
    assert_false(may.has_concurrent_sessions || may.has_streaming_left_us ||
                 may.has_max_session_us);
    arena_free(c.arena);
}

#define LIVE(id) "{\"session_id\":\"" id "\",\"status\":\"starting\"}"
#define ENDED(id, s) "{\"session_id\":\"" id "\",\"status\":\"stopped\",\"seconds\":" #s "}"
#define MINUTE_US (INT64_C(60) * 1000000)

/* The month may have begun a minute ago; what lies before it does not count. */
static double
since_month(double minutes)
{
    double of_month =
        (double)(clk_wall_us() - bil_month_of(clk_wall_us()).begin_us) / (double)MINUTE_US;

    return minutes < of_month ? minutes : of_month;
}

static void
the_dashboard_shows_the_minutes_of_sessions_under_way(void **state)
{
    struct call c = call_begin(ORG);

    (void)state;
    assert_int_equal(deliver_now("session.started", LIVE("s1"), 10 * MINUTE_US), 1);
    assert_int_equal(deliver_now("session.stopped", ENDED("s2", 120), 0), 1);
    assert_int_equal(deliver_now("session.started", LIVE("s2"), MINUTE_US), 1); /* late */
    Assay__UsageDashboard d = dashboard(&c);
    double wanted = since_month(10) + since_month(2);
    assert_true(d.streaming_minutes->current > wanted - 0.05 &&
                d.streaming_minutes->current < wanted + 0.5);
    assert_true(d.streaming_minutes->limit > 29.5 && d.streaming_minutes->limit < 30.5);
    assert_true(d.active_sessions->current > 0.5 && d.active_sessions->current < 1.5);
    assert_int_equal(d.monthly_sessions, 2);
    assert_int_equal(deliver_now("session.stopped", ENDED("s1", 600), 0), 1);
    d = dashboard(&c);
    assert_true(d.active_sessions->current < 0.5);
    assert_int_equal(d.monthly_sessions, 2);
    arena_free(c.arena);
}

static void
meter(void)
{
    struct call c = call_begin(0);

    (void)bil_meter_loop(&billing, &c.ctx);
    assert_int_equal(c.ctx.err.code, RC_OK);
    arena_free(c.arena);
}

static void
minutes_beyond_the_plan_cost_credit_once_when_that_is_wanted(void **state)
{
    struct call c = call_begin(ORG);

    (void)state;
    pg_support_exec("UPDATE billing.plans SET streaming_minutes = 0 WHERE plan_id = 'free'");
    (void)balance_micro();
    pg_support_exec("INSERT INTO billing.stream_months (org_id, month, used_us, sessions) VALUES"
                    " (7, date_trunc('month', now() AT TIME ZONE 'UTC')::date, 330000000, 1)");
    meter();
    assert_int_equal(balance_micro(), USD); /* off is off */
    assert_int_equal(
        deliver_now("session_defaults.updated", "{\"allow_streaming_overage\":true}", 0), 1);
    assert_int_equal(deliver_now("session_defaults.updated", "{\"allow_streaming_overage\":false}",
                                 MINUTE_US), /* older */
                     1);
    for (int i = 0; i < 3; i++) {
        meter();
        assert_int_equal(balance_micro(), USD - 5 * 60000); /* whole minutes only */
    }
    Assay__UsageDashboard d = dashboard(&c);
    assert_true(d.streaming_overage_minutes > 4.5 && d.streaming_overage_minutes < 5.5);
    assert_int_equal(d.streaming_overage_micro, 300000);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM billing.ledger WHERE is_streaming"), 5);
    /* A replica that died between charge and note charges nothing again. */
    pg_support_exec("UPDATE billing.stream_months SET overage_minutes = 0");
    meter();
    assert_int_equal(balance_micro(), USD - 5 * 60000);
    /* Sixteen minutes are paid by a dollar; then it is over. */
    pg_support_exec("UPDATE billing.stream_months SET used_us = 3600000000");
    meter();
    assert_int_equal(balance_micro(), USD - 16 * 60000);
    arena_free(c.arena);
    add_up();
}

/* More organizations without credit than the loop takes at once. */
static void
who_cannot_pay_for_minutes_holds_nobody_up(void **state)
{
    (void)state;
    post(BIL_TOPUP, "t1", USD);
    pg_support_exec("UPDATE billing.plans SET streaming_minutes = 0 WHERE plan_id = 'free';"
                    "INSERT INTO billing.accounts (org_id, plan_id, period, overage)"
                    " SELECT i, 'free', date_trunc('month', now() AT TIME ZONE 'UTC')::date, true"
                    " FROM generate_series(100, 350) i;"
                    "UPDATE billing.accounts SET overage = true;"
                    "INSERT INTO billing.stream_months (org_id, month, used_us) SELECT org_id,"
                    " date_trunc('month', now() AT TIME ZONE 'UTC')::date, 120000000"
                    " FROM billing.accounts");
    struct call c = call_begin(0);
    struct bil_due *due = NULL;
    size_t n = 0;
    assert_int_equal(bil_overage_due(db, &c.ctx, clk_wall_us(), &due, &n), RC_OK);
    assert_int_equal(n, 1);
    assert_int_equal(due[0].org_id, ORG);
    arena_free(c.arena);
    meter();
    assert_int_equal(balance_micro(), 2 * USD - 2 * 60000);
    add_up();
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(model_calls_are_counted_by_model_and_paid_once),
        T(on_a_plan_that_refuses_nothing_costs_are_shown_beyond_the_budget),
        T(the_dashboard_shows_the_minutes_of_sessions_under_way),
        T(minutes_beyond_the_plan_cost_credit_once_when_that_is_wanted),
        T(who_cannot_pay_for_minutes_holds_nobody_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
