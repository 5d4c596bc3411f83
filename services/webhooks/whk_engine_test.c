/* SPDX-License-Identifier: Apache-2.0
 *
 * Rounds of the engine: who has his turn, and what is left when endpoints change under way. */
#include "webhooks/webhooks_lab.h"

#include "tests/support/sink.h"

static struct sink *sink;

static int
answer(void *arg, const struct sink_request *req)
{
    (void)arg;
    (void)req;
    return 200;
}

/* A machine under load answers late too. */
static void
open_patient(void)
{
    private_cfg.timeout_us = 20 * ASSAY_US_PER_S;
    open_with(&private_cfg);
}

static int64_t
create_at(const char *path)
{
    char url[64];

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", sink_port(sink), path);
    return create(7, url);
}

/* More events than anybody gets through in these tests. */
static void
pile_up(int64_t endpoint, int n)
{
    char sql[300];

    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO webhooks.deliveries"
                   " (org_id, endpoint_id, event_id, event_type, payload)"
                   " SELECT 7, %lld, gen_random_uuid(), 'run.passed', '{}'"
                   " FROM generate_series(1, %d)",
                   (long long)endpoint, n);
    pg_support_exec(sql);
}

static int64_t
delivered(int64_t endpoint)
{
    char sql[128];

    (void)snprintf(sql, sizeof(sql), "deliveries WHERE state = 'delivered' AND endpoint_id = %lld",
                   (long long)endpoint);
    return count(sql);
}

/* Dead ones before it, each with a backlog that is due: it has its turn all the same. */
static void
an_endpoint_that_failed_once_is_not_starved_by_dead_ones(void **state)
{
    const int dead = private_cfg.in_flight; /* more than the share of those that fail */

    (void)state;
    open_patient();
    for (int i = 0; i < dead; i++) {
        pile_up(create(7, "http://127.0.0.1:9/"), 50);
    }
    int64_t well = create_at("/well");
    pile_up(well, 1);
    pg_support_exec("UPDATE webhooks.endpoints SET failing_since = now()");
    for (int i = 0; i < 6 && delivered(well) == 0; i++) {
        deliver_round();
    }
    assert_int_equal(delivered(well), 1);
    assert_int_equal(count("endpoints WHERE failing_since IS NULL"), 1);
}

/* Past what the interface allows: copies of an endpoint, each with the secret sealed for itself. */
static void
copy_endpoint(int64_t id, int n)
{
    struct call c = call_begin(7);
    struct str sealed;
    char sql[400];

    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO webhooks.endpoints (org_id, url, event_types)"
                   " SELECT org_id, url, event_types FROM webhooks.endpoints,"
                   " generate_series(1, %d) WHERE id = %lld",
                   n, (long long)id);
    pg_support_exec(sql);
    assert_int_equal(db_begin(db, &c.ctx), RC_OK);
    for (int64_t copy = id + 1; copy <= id + n; copy++) {
        assert_int_equal(whk_seal(webhooks.ring, &c.ctx, copy,
                                  STR("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5"), &sealed),
                         RC_OK);
        assert_int_equal(whk_endpoint_set_secret(db, &c.ctx, copy, sealed), RC_OK);
    }
    assert_int_equal(db_commit(db, &c.ctx), RC_OK);
    call_end(&c);
}

static void
a_thousand_endpoints_of_one_organization_all_get_their_event_once(void **state)
{
    (void)state;
    open_patient();
    copy_endpoint(create_at("/many"), 999);
    tell_new(7);
    assert_int_equal(count("deliveries"), 1000);
    for (int i = 0; i < 400 && count("deliveries WHERE attempt = 0") > 0; i++) {
        deliver_round();
    }
    assert_int_equal(count("deliveries WHERE state = 'delivered' AND attempt = 1"), 1000);
}

/* Begins what is due without awaiting it. */
static void
begin_round(void)
{
    struct call c = call_begin(0);

    (void)whk_deliver(&webhooks, &c.ctx);
    assert_int_equal(c.ctx.err.code, RC_OK);
    call_end(&c);
}

static void
end_round(void)
{
    struct call c = call_begin(0);

    assert_true(whk_engine_drain(webhooks.engine, &c.ctx, 10 * ASSAY_US_PER_S));
    assert_int_equal(c.ctx.err.code, RC_OK);
    call_end(&c);
}

static void
an_endpoint_that_is_deleted_under_way_leaves_nothing_and_harms_nobody(void **state)
{
    (void)state;
    open_patient();
    int64_t gone = create_at("/gone");
    int64_t stays = create_at("/stays");
    tell_new(7);
    begin_round();
    assert_int_equal(erase(7, gone), RC_OK);
    end_round();
    assert_int_equal(count("deliveries"), 1);
    assert_int_equal(delivered(stays), 1);
    tell_new(7);
    deliver_round();
    assert_int_equal(delivered(stays), 2);
}

static void
what_waits_for_an_endpoint_that_is_switched_off_goes_out_when_it_is_on_again(void **state)
{
    (void)state;
    open_patient();
    int64_t id = create_at("/later");
    pile_up(id, 20);
    pg_support_exec("UPDATE webhooks.endpoints SET enabled = false");
    deliver_round();
    assert_int_equal(count("deliveries WHERE attempt = 0"), 20);
    /* Somebody switches it on while a backlog lies there. */
    pg_support_exec("UPDATE webhooks.endpoints SET enabled = true");
    for (int i = 0; i < 20 && delivered(id) < 20; i++) {
        deliver_round();
    }
    assert_int_equal(delivered(id), 20);
    assert_int_equal(count("deliveries WHERE attempt <> 1"), 0);
}

static int
begin_sink(void **state)
{
    (void)state;
    sink = sink_start(answer, NULL);
    return sink == NULL ? 1 : 0;
}

static int
end_sink(void **state)
{
    (void)state;
    sink_stop(sink);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_endpoint_that_failed_once_is_not_starved_by_dead_ones),
        T(a_thousand_endpoints_of_one_organization_all_get_their_event_once),
        T(an_endpoint_that_is_deleted_under_way_leaves_nothing_and_harms_nobody),
        T(what_waits_for_an_endpoint_that_is_switched_off_goes_out_when_it_is_on_again),
    };
    return cmocka_run_group_tests(tests, begin_sink, end_sink);
}
