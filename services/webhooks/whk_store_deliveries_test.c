/* SPDX-License-Identifier: Apache-2.0
 *
 * Claims and records: who may send what, when, and what is left when somebody dies. */
#include "webhooks/webhooks_lab.h"

#define BAD                                                                                        \
    (struct whk_outcome)                                                                           \
    {                                                                                              \
        .status = 500, .error = STR("answered with status 500")                                    \
    }
#define GOOD                                                                                       \
    (struct whk_outcome)                                                                           \
    {                                                                                              \
        .end = WHK_DELIVERED, .status = 204                                                        \
    }

static void
an_attempt_is_planned_before_it_is_sent_and_made_by_one(void **state)
{
    struct call c = call_begin(0);
    struct whk_job jobs[4];

    (void)state;
    (void)create(7, "https://example.com/");
    tell_new(7);
    tell_new(7);
    /* An endpoint of which nothing is known gets one request at first. */
    assert_int_equal(claim(&c, false, 4, jobs), 1);
    assert_int_equal(jobs[0].attempt, 1);
    /* A process that died now would leave an attempt that comes back when the lease is over. */
    assert_int_equal(count("deliveries WHERE attempt = 1 AND state = 'pending'"
                           " AND next_at - now() BETWEEN interval '18 s' AND interval '20 s'"),
                     1);
    assert_int_equal(claim(&c, false, 4, jobs + 1), 1);
    assert_int_not_equal(jobs[0].delivery_id, jobs[1].delivery_id);
    assert_int_equal(claim(&c, false, 4, jobs + 2), 0);
    assert_false(record(&c, &jobs[0], GOOD));
    assert_int_equal(count("deliveries WHERE state = 'delivered' AND response_status = 204"
                           " AND delivered_at IS NOT NULL AND error IS NULL"),
                     1);
    call_end(&c);
}

static void
who_lost_the_lease_changes_nothing_of_his_successor(void **state)
{
    struct call c = call_begin(0);
    struct whk_job slow, next;

    (void)state;
    (void)create(7, "https://example.com/");
    tell_new(7);
    assert_int_equal(claim(&c, false, 1, &slow), 1);
    pg_support_exec("UPDATE webhooks.deliveries SET next_at = now()");
    assert_int_equal(claim(&c, false, 1, &next), 1);
    assert_int_equal(next.delivery_id, slow.delivery_id);
    assert_int_equal(next.attempt, 2);
    assert_false(record(&c, &slow, BAD));
    assert_int_equal(count("deliveries WHERE attempt = 2 AND error IS NULL"), 1);
    assert_false(record(&c, &next, GOOD));
    assert_false(record(&c, &slow, BAD));
    assert_int_equal(count("deliveries WHERE state = 'delivered'"), 1);
    call_end(&c);
}

static void
events_of_one_thing_go_out_in_their_order(void **state)
{
    struct call c = call_begin(0);
    struct whk_job jobs[8], other[8];
    char ids[3][ID_UUID_LEN + 1];

    (void)state;
    (void)create(7, "https://example.com/");
    for (int i = 0; i < 3; i++) {
        id_uuid(ids[i]);
        assert_int_equal(tell_of(ids[i], i < 2 ? "a" : "b"), 1);
    }
    /* The first of a, and b, which has nothing to do with it. */
    assert_int_equal(claim(&c, false, 8, jobs), 1);
    assert_true(str_eqz(jobs[0].event_id, ids[0]));
    assert_int_equal(claim(&c, false, 8, other), 1);
    assert_true(str_eqz(other[0].event_id, ids[2]));
    assert_int_equal(claim(&c, false, 8, other), 0);
    /* It fails: the second waits for its retry. */
    assert_false(record(&c, &jobs[0], BAD));
    assert_int_equal(claim(&c, true, 8, other), 0);
    pg_support_exec("UPDATE webhooks.deliveries SET next_at = now() WHERE attempt = 1");
    assert_int_equal(claim(&c, true, 8, jobs), 1);
    assert_true(str_eqz(jobs[0].event_id, ids[0]));
    assert_false(record(&c, &jobs[0], GOOD));
    assert_int_equal(claim(&c, false, 8, jobs), 1);
    assert_false(record(&c, &jobs[0], GOOD));
    call_end(&c);
}

static void
a_poisonous_event_holds_up_its_successor_for_three_attempts_only(void **state)
{
    struct call c = call_begin(0);
    struct whk_job job;
    char ids[2][ID_UUID_LEN + 1];

    (void)state;
    (void)create(7, "https://example.com/");
    for (int i = 0; i < 2; i++) {
        id_uuid(ids[i]);
        assert_int_equal(tell_of(ids[i], "a"), 1);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(claim(&c, i > 0, 1, &job), 1);
        assert_true(str_eqz(job.event_id, ids[0]));
        assert_false(record(&c, &job, BAD));
        if (i < 2) {
            assert_int_equal(claim(&c, true, 1, &job), 0);
            pg_support_exec("UPDATE webhooks.deliveries SET next_at = now()");
        }
    }
    assert_int_equal(claim(&c, true, 1, &job), 1);
    assert_true(str_eqz(job.event_id, ids[1]));
    call_end(&c);
}

static void
attempts_follow_the_schedule_and_end(void **state)
{
    static const int WAITS_S[] = {10, 60, 600, 3600, 21600, 86400, 172800};
    struct call c = call_begin(0);
    struct whk_job job;

    (void)state;
    (void)create(7, "https://example.com/");
    tell_new(7);
    for (size_t i = 0; i < ARRAY_LEN(WAITS_S); i++) {
        char sql[256];
        assert_int_equal(claim(&c, i > 0, 1, &job), 1);
        assert_false(record(&c, &job, BAD));
        assert_int_equal(claim(&c, true, 1, &job), 0);
        (void)snprintf(sql, sizeof(sql),
                       "deliveries WHERE attempt = %zu AND state = 'pending' AND"
                       " extract(epoch FROM next_at - now()) BETWEEN %d * 0.99 - 1 AND %d * 1.11",
                       i + 1, WAITS_S[i], WAITS_S[i]);
        assert_int_equal(count(sql), 1);
        pg_support_exec("UPDATE webhooks.deliveries SET next_at = now()");
    }
    assert_int_equal(claim(&c, true, 1, &job), 1);
    assert_int_equal(job.attempt, 8);
    assert_false(record(&c, &job, BAD));
    assert_int_equal(count("deliveries WHERE state = 'failed' AND attempt = 8"), 1);
    call_end(&c);
}

static void
a_last_attempt_that_was_interrupted_ends_the_delivery(void **state)
{
    struct call c = call_begin(0);
    struct whk_job job;

    (void)state;
    (void)create(7, "https://example.com/");
    tell_new(7);
    pg_support_exec("UPDATE webhooks.deliveries SET attempt = 7");
    assert_int_equal(claim(&c, false, 1, &job), 1);
    assert_int_equal(job.attempt, 8);
    /* Under way: the sweep leaves it alone. */
    (void)whk_sweep(&webhooks, &c.ctx);
    assert_int_equal(count("deliveries WHERE state = 'pending'"), 1);
    /* Its process died: no ninth attempt, whoever looks. */
    pg_support_exec("UPDATE webhooks.deliveries SET next_at = next_at - interval '10 minutes'");
    assert_int_equal(claim(&c, false, 1, &job), 0);
    (void)whk_sweep(&webhooks, &c.ctx);
    assert_int_equal(
        count("deliveries WHERE state = 'failed' AND attempt = 8 AND error IS NOT NULL"), 1);
    call_end(&c);
}

static void
three_days_of_failing_are_enough(void **state)
{
    struct call c = call_begin(0);
    struct whk_job job;

    (void)state;
    (void)create(7, "https://example.com/");
    tell_new(7);
    assert_int_equal(claim(&c, false, 1, &job), 1);
    assert_false(record(&c, &job, BAD));
    pg_support_exec("UPDATE webhooks.endpoints SET failing_since = now() - interval '71 hours';"
                    "UPDATE webhooks.deliveries SET next_at = now()");
    assert_int_equal(claim(&c, true, 1, &job), 1);
    assert_false(record(&c, &job, BAD));
    /* One success is a new beginning. */
    pg_support_exec("UPDATE webhooks.deliveries SET next_at = now()");
    assert_int_equal(claim(&c, true, 1, &job), 1);
    assert_false(record(&c, &job, GOOD));
    assert_int_equal(count("endpoints WHERE failing_since IS NULL AND enabled"), 1);
    tell_new(7);
    assert_int_equal(claim(&c, false, 1, &job), 1);
    assert_false(record(&c, &job, BAD));
    pg_support_exec("UPDATE webhooks.endpoints SET failing_since = now() - interval '73 hours';"
                    "UPDATE webhooks.deliveries SET next_at = now()");
    assert_int_equal(claim(&c, true, 1, &job), 1);
    assert_true(record(&c, &job, BAD));
    call_end(&c);
}

static void
an_endpoint_that_is_switched_off_gets_only_what_is_sent_by_hand(void **state)
{
    struct call c = call_begin(0);
    struct whk_job jobs[4];
    int64_t id = 0;

    (void)state;
    int64_t endpoint = create(7, "https://example.com/");
    tell_new(7);
    pg_support_exec("UPDATE webhooks.endpoints SET enabled = false");
    assert_int_equal(claim(&c, false, 4, jobs), 0);
    c.ctx.who.org_id = 7;
    assert_int_equal(db_begin(db, &c.ctx), RC_OK);
    assert_int_equal(whk_force(db, &c.ctx, endpoint, STR("0190a1b2-0000-7000-8000-000000000001"),
                               "webhook.test", STR("{}"), &id),
                     RC_OK);
    assert_int_equal(db_commit(db, &c.ctx), RC_OK);
    c.ctx.who.org_id = 0;
    assert_int_equal(claim(&c, false, 4, jobs), 1);
    assert_int_equal(jobs[0].delivery_id, id);
    call_end(&c);
}

static void
a_backlog_of_one_endpoint_leaves_room_for_the_others(void **state)
{
    struct call c = call_begin(0);
    int64_t full = create(7, "https://example.com/full");
    int64_t rooms[] = {3};

    (void)state;
    pg_support_exec("INSERT INTO webhooks.deliveries"
                    " (org_id, endpoint_id, event_id, event_type, payload)"
                    " SELECT 7, id, gen_random_uuid(), 'run.passed', '{}'"
                    " FROM webhooks.endpoints, generate_series(1, 2000)");
    int64_t later = create(7, "https://example.com/later");
    tell_new(7);
    const struct str kinds[] = {STR_INIT(WHK_KIND_WEBHOOK)};
    const struct whk_claim what = {.room = {&full, rooms, 1},
                                   .limit = 8,
                                   .kinds = kinds,
                                   .kind_count = 1,
                                   .lease_us = LEASE_US,
                                   .retry = &webhooks.retry};
    struct whk_job *found = NULL;
    size_t n = 0;
    assert_int_equal(db_begin(db, &c.ctx), RC_OK);
    assert_int_equal(whk_claim(db, &c.ctx, &what, &found, &n), RC_OK);
    assert_int_equal(db_commit(db, &c.ctx), RC_OK);
    assert_int_equal(n, 4);
    size_t of_later = 0;
    for (size_t i = 0; i < n; i++) {
        of_later += found[i].endpoint_id == later ? 1 : 0;
    }
    assert_int_equal(of_later, 1);
    call_end(&c);
}

/* What Postgres has counted of reads and writes of deliveries; a session tells it about a second
 * after its transactions. */
static int64_t
reads_of_deliveries(void)
{
    return pg_support_i64(
        "SELECT seq_tup_read + (SELECT sum(idx_tup_read)::bigint"
        "  FROM pg_stat_user_indexes i WHERE i.relid = t.relid)"
        " FROM pg_stat_user_tables t WHERE relid = 'webhooks.deliveries'::regclass");
}

static int64_t
updates_of_deliveries(void)
{
    return pg_support_i64("SELECT n_tup_upd FROM pg_stat_user_tables"
                          " WHERE relid = 'webhooks.deliveries'::regclass");
}

static void
await_updates(int64_t n)
{
    int64_t end_us = clk_mono_us() + 20 * ASSAY_US_PER_S;

    while (updates_of_deliveries() < n) {
        assert_true(clk_mono_us() < end_us);
    }
}

static void
make_backlog(int n)
{
    char sql[300];

    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO webhooks.deliveries"
                   " (org_id, endpoint_id, event_id, event_type, payload)"
                   " SELECT 7, id, gen_random_uuid(), 'run.passed', '{}'"
                   " FROM webhooks.endpoints, generate_series(1, %d)",
                   n);
    pg_support_exec(sql);
}

static void
send_some(struct call *c, int n)
{
    struct whk_job job;

    for (int i = 0; i < n; i++) {
        assert_int_equal(claim(c, false, 1, &job), 1);
        assert_false(record(c, &job, GOOD));
    }
}

static void
a_backlog_is_not_read_to_store_what_ended(void **state)
{
    struct call c = call_begin(0);

    (void)state;
    (void)create(7, "https://example.com/");
    make_backlog(15);
    pg_support_exec("ANALYZE webhooks.deliveries");
    send_some(&c, 8); /* the plans that stay are made now, for few */
    make_backlog(3000);
    int64_t before = reads_of_deliveries();
    int64_t updates = updates_of_deliveries();
    send_some(&c, 8);
    await_updates(updates + 16);
    assert_true(reads_of_deliveries() - before < 1000);
    call_end(&c);
}

static void
old_deliveries_are_swept(void **state)
{
    struct call c = call_begin(0);

    (void)state;
    (void)create(7, "https://example.com/");
    tell_new(7);
    tell_new(7);
    pg_support_exec("UPDATE webhooks.deliveries SET created_at = now() - interval '31 days'"
                    " WHERE id = (SELECT min(id) FROM webhooks.deliveries)");
    assert_false(whk_sweep(&webhooks, &c.ctx));
    assert_int_equal(count("deliveries"), 1);
    call_end(&c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_attempt_is_planned_before_it_is_sent_and_made_by_one),
        T(who_lost_the_lease_changes_nothing_of_his_successor),
        T(events_of_one_thing_go_out_in_their_order),
        T(a_poisonous_event_holds_up_its_successor_for_three_attempts_only),
        T(attempts_follow_the_schedule_and_end),
        T(a_last_attempt_that_was_interrupted_ends_the_delivery),
        T(three_days_of_failing_are_enough),
        T(an_endpoint_that_is_switched_off_gets_only_what_is_sent_by_hand),
        T(a_backlog_of_one_endpoint_leaves_room_for_the_others),
        T(a_backlog_is_not_read_to_store_what_ended),
        T(old_deliveries_are_swept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
