/* SPDX-License-Identifier: Apache-2.0
 *
 * What billing counts, on a real Postgres; each delivery in a transaction, as the dispatcher does.
 */
#include "billing/billing_lab.h"

struct sum {
    int64_t count;
    int64_t quantity_micro;
    int64_t billable_micro;
};

static int64_t
total(const char *what, int64_t org, const char *meter)
{
    char sql[200];

    (void)snprintf(sql, sizeof(sql),
                   "SELECT coalesce(%s, 0)::bigint FROM billing.usage_events WHERE org_id = %lld"
                   " AND meter = '%s'",
                   what, (long long)org, meter);
    return pg_support_i64(sql);
}

static struct sum
sum(int64_t org, const char *meter)
{
    return (struct sum){total("count(*)", org, meter), total("sum(quantity_micro)", org, meter),
                        total("sum(billable_micro)", org, meter)};
}

#define RUN(id, ms) "{\"run_id\":\"" id "\",\"status\":\"passed\",\"duration_ms\":" #ms "}"

static void
a_run_makes_exactly_one_row_whatever_is_repeated(void **state)
{
    struct event *events[3] = {event("run.passed", 7, RUN("run_a", 1500)),
                               event("run.failed", 7, RUN("run_b", 1)),
                               event("run.cancelled", 7, RUN("run_c", 0))};

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(deliver(events, 3), 3);
    }
    /* Within one batch too. */
    struct event *twice[2] = {events[0], events[0]};
    assert_int_equal(deliver(twice, 2), 2);
    struct sum s = sum(7, BIL_METER_RUN);
    assert_int_equal(s.count, 3);
    assert_int_equal(s.quantity_micro, 1501000);
    assert_int_equal(s.billable_micro, 1501000);
    /* A second end of the same run, under another id, is no second run. */
    assert_int_equal(deliver_one("run.failed", RUN("run_a", 99999)), 1);
    assert_int_equal(sum(7, BIL_METER_RUN).quantity_micro, 1501000);
    for (int i = 0; i < 3; i++) {
        free(events[i]);
    }
}

/* The inbox forgets after 30 days; the rows do not. */
static void
an_event_that_comes_very_late_again_counts_once(void **state)
{
    struct event *e = event("run.passed", 7, RUN("run_a", 1500));

    (void)state;
    assert_int_equal(deliver(&e, 1), 1);
    pg_support_exec("DELETE FROM billing.inbox");
    assert_int_equal(deliver(&e, 1), 1);
    assert_int_equal(sum(7, BIL_METER_RUN).count, 1);
    free(e);
}

static void
what_is_not_the_customers_time_is_not_billable(void **state)
{
    (void)state;
    assert_int_equal(deliver_one("run.failed", "{\"run_id\":\"run_e\",\"status\":\"error\","
                                               "\"duration_ms\":5000}"),
                     1);
    struct sum s = sum(7, BIL_METER_RUN);
    assert_int_equal(s.count, 1);
    assert_int_equal(s.quantity_micro, 5000000);
    assert_int_equal(s.billable_micro, 0);
    assert_int_equal(deliver_one("session.stopped", "{\"session_id\":\"s1\",\"seconds\":60,"
                                                    "\"of_run\":true}"),
                     1);
    assert_int_equal(deliver_one("session.stopped", "{\"session_id\":\"s2\",\"seconds\":30,"
                                                    "\"of_run\":false}"),
                     1);
    s = sum(7, BIL_METER_SESSION);
    assert_int_equal(s.count, 2);
    assert_int_equal(s.quantity_micro, 90000000);
    assert_int_equal(s.billable_micro, 30000000);
}

static void
other_types_are_taken_and_not_stored(void **state)
{
    static const char *const TYPES[] = {"run.started", "app.uploaded", "from.the.future", ""};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(TYPES); i++) {
        assert_int_equal(deliver_one(TYPES[i], "not even JSON"), 1);
    }
    assert_int_equal(pg_support_i64("SELECT count(*) FROM billing.usage_events"), 0);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM billing.inbox"), 0);
}

/* Not accepted, so that its sender keeps it for people; its batch is. */
static void
what_cannot_be_counted_is_left_out_and_holds_up_nobody(void **state)
{
    static const char *const DATA[] = {
        "",
        "null",
        "[]",
        "{",
        "{\"run_id\":\"r\"}",
        "{\"duration_ms\":1}",
        "{\"run_id\":\"\",\"duration_ms\":1}",
        "{\"run_id\":5,\"duration_ms\":1}",
        "{\"run_id\":\"r\",\"duration_ms\":-1}",
        "{\"run_id\":\"r\",\"duration_ms\":1.5}",
        "{\"run_id\":\"r\",\"duration_ms\":\"1\"}",
        "{\"run_id\":\"r\",\"duration_ms\":2678400001}",
        "{\"run_id\":\"r\",\"duration_ms\":9223372036854775807}",
        "{\"run_id\":\"r\",\"duration_ms\":1e300}",
        "{\"run_id\":\"r\",\"duration_ms\":1,\"duration_ms\":2}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(DATA); i++) {
        assert_int_equal(deliver_one("run.passed", DATA[i]), 0);
    }
    struct event *events[4] = {event("run.passed", 7, RUN("run_a", 1000)),
                               event("run.passed", 0, RUN("run_x", 1000)),
                               event("run.passed", 7, RUN("run_y", 1000)),
                               event("run.passed", 7, RUN("run_b", 2678400000))};
    (void)snprintf(events[2]->id, sizeof(events[2]->id), "not-a-uuid");
    assert_int_equal(deliver(events, 4), 2);
    assert_int_equal(sum(7, BIL_METER_RUN).count, 2);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM billing.usage_events"), 2);
    for (int i = 0; i < 4; i++) {
        free(events[i]);
    }
}

static void
a_batch_that_is_rolled_back_counts_when_it_comes_again(void **state)
{
    struct event *e = event("run.passed", 7, RUN("run_a", 1500));
    struct call c = call_begin(0);
    struct bil_usage usage;
    bool added = false;

    (void)state;
    assert_int_equal(db_begin(db, &c.ctx), RC_OK);
    assert_int_equal(bil_usage_read(c.arena, &e->msg, &usage), RC_OK);
    assert_int_equal(bil_usage_add(db, &c.ctx, &e->msg, &usage, &added), RC_OK);
    assert_true(added);
    db_rollback(db, &c.ctx);
    assert_int_equal(sum(7, BIL_METER_RUN).count, 0);
    assert_int_equal(deliver(&e, 1), 1);
    assert_int_equal(sum(7, BIL_METER_RUN).count, 1);
    arena_free(c.arena);
    free(e);
}

static void
organizations_see_their_own_usage_only(void **state)
{
    struct event *events[2] = {event("run.passed", 7, RUN("run_a", 1000)),
                               event("run.passed", 8, RUN("run_a", 3000))};

    (void)state;
    assert_int_equal(deliver(events, 2), 2);
    assert_int_equal(sum(7, BIL_METER_RUN).quantity_micro, 1000000);
    assert_int_equal(sum(8, BIL_METER_RUN).quantity_micro, 3000000);
    assert_int_equal(sum(9, BIL_METER_RUN).count, 0);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM pg_class WHERE relname = 'usage_events'"
                                    " AND relrowsecurity AND relforcerowsecurity"),
                     1);
    free(events[0]);
    free(events[1]);
}

static void
rows_are_never_changed(void **state)
{
    static const char *const SQL[] = {"UPDATE billing.usage_events SET billable_micro = 0",
                                      "DELETE FROM billing.usage_events",
                                      "TRUNCATE billing.usage_events"};

    (void)state;
    assert_int_equal(deliver_one("run.passed", RUN("run_a", 1000)), 1);
    for (size_t i = 0; i < ARRAY_LEN(SQL); i++) {
        must_be_refused(SQL[i]);
    }
    assert_int_equal(sum(7, BIL_METER_RUN).billable_micro, 1000000);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_run_makes_exactly_one_row_whatever_is_repeated),
        T(an_event_that_comes_very_late_again_counts_once),
        T(what_is_not_the_customers_time_is_not_billable),
        T(other_types_are_taken_and_not_stored),
        T(what_cannot_be_counted_is_left_out_and_holds_up_nobody),
        T(a_batch_that_is_rolled_back_counts_when_it_comes_again),
        T(organizations_see_their_own_usage_only),
        T(rows_are_never_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
