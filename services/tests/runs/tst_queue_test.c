/* SPDX-License-Identifier: Apache-2.0
 *
 * The queue: turns, claims, ranks, the end of jobs, the wall between organizations. */
#include "tests/tests_fixture.h"

static void
claim(int max, struct tst_claim **out, int *n, struct call *c)
{
    *c = call_as(0);
    assert_int_equal(tst_queue_claim(&tests, &c->ctx, ASSAY_US_PER_S, max, false, out, n), RC_OK);
}

static void
queue_many(int64_t org, int count)
{
    struct call c = call_as(org);
    struct tst_job job = {.platform = "web", .reset_strategy = "relaunch", .mode = "replay"};

    assert_int_equal(db_begin(db, &c.ctx), RC_OK);
    for (int i = 0; i < count; i++) {
        int64_t id = 0;
        assert_int_equal(tst_queue_add(&tests, &c.ctx, &job, &id), RC_OK);
    }
    assert_int_equal(db_commit(db, &c.ctx), RC_OK);
    call_end(&c);
}

/* Claims `n` jobs one by one and counts those of the organization. */
static int
claimed_of(int64_t org, int n)
{
    int count = 0;

    for (int i = 0; i < n; i++) {
        struct tst_claim *jobs = NULL;
        struct call c;
        int got = 0;
        claim(1, &jobs, &got, &c);
        assert_int_equal(got, 1);
        count += jobs[0].org_id == org;
        call_end(&c);
    }
    return count;
}

static void
organizations_take_turns_when_one_has_a_thousand_queued(void **state)
{
    (void)state;
    queue_many(ORG, 1000);
    queue_many(OTHER_ORG, 5);
    int mine = claimed_of(OTHER_ORG, 11);
    assert_int_equal(mine, 5);
}

static void
what_an_organization_ran_in_the_past_is_no_debt(void **state)
{
    (void)state;
    queue_many(ORG, 300);
    assert_int_equal(claimed_of(ORG, 300), 300);
    queue_many(OTHER_ORG, 200);
    queue_many(ORG, 2);
    assert_int_equal(claimed_of(ORG, 6), 2);
}

static void *
claimer(void *arg)
{
    atomic_int *total = arg;

    for (int got = 1; got > 0;) {
        struct tst_claim *jobs = NULL;
        struct call c;
        claim(3, &jobs, &got, &c);
        for (int i = 0; i < got; i++) {
            (void)atomic_fetch_add(&total[jobs[i].id], 1);
        }
        call_end(&c);
    }
    return NULL;
}

static void
eight_claimers_take_each_job_once(void **state)
{
    static atomic_int taken[201];
    pthread_t threads[8];

    (void)state;
    queue_many(ORG, 200);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, claimer, taken), 0);
    }
    for (int i = 0; i < 8; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    for (int i = 1; i <= 200; i++) {
        assert_int_equal(atomic_load(&taken[i]), 1);
    }
    ASSERT_N("jobs WHERE fence <> 1", 0);
}

static void
those_who_wait_for_one_device_do_not_hold_up_the_others(void **state)
{
    struct tst_claim *jobs = NULL;
    struct call c;
    int got = 0;

    (void)state;
    queue_many(ORG, 40);
    pg_support_exec("UPDATE tests.jobs SET device_id = 'tablet-1'");
    pg_support_exec("UPDATE tests.jobs SET state = 'waiting' WHERE id <= 16");
    queue_many(ORG, 1);
    claim(4, &jobs, &got, &c);
    assert_int_equal(got, 1);
    assert_int_equal(jobs[0].id, 41);
    call_end(&c);
}

static void
end_job_as(int64_t id, const char *status, const char *message)
{
    struct call c = call_as(0);
    struct tst_job_ref ref = {id, ORG, id};

    assert_int_equal(WRITE(&c, tst_job_end(&tests, &c.ctx, &ref, status, message)), RC_OK);
    call_end(&c);
}

static void
expect_tally(const char *verdicts, const char *status, int n)
{
    struct call c = call_as(ORG);
    char sql[256];

    (void)set_up(NULL);
    (void)queue_run(&c, n);
    (void)snprintf(sql, sizeof(sql),
                   "UPDATE tests.case_runs SET status = (string_to_array('%s', ','))[position]",
                   verdicts);
    pg_support_exec(sql);
    end_job_as(1, ST_ERROR, NULL);
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM tests.suite_runs r JOIN tests.suites s ON s.id = suite_id"
                   " WHERE r.status = '%s' AND s.last_run_status = r.status"
                   " AND finished_at IS NOT NULL",
                   status);
    assert_int_equal(n_of(sql), 1);
    call_end(&c);
}

static void
the_verdict_of_a_suite_is_error_over_cancelled_over_failed_over_passed(void **state)
{
    (void)state;
    expect_tally("passed,passed", "passed", 2);
    expect_tally("passed,failed", "failed", 2);
    expect_tally("passed,failed,cancelled", "cancelled", 3);
    expect_tally("cancelled,failed,error", "error", 3);
    expect_tally("passed,pending", "error", 2);
    ASSERT_N("case_runs WHERE error_message = 'the run ended before this case did'", 1);
}

static void
an_empty_suite_ends_error(void **state)
{
    (void)state;
    expect_tally("", "error", 0);
    ASSERT_N("suite_runs WHERE error_message = 'the suite has no cases'", 1);
}

static void
the_end_of_a_job_is_told_once(void **state)
{
    struct call c = call_as(ORG);
    Assay__CiRunTestRequest req = ASSAY__CI_RUN_TEST_REQUEST__INIT;
    Assay__CiRunTestResponse resp = ASSAY__CI_RUN_TEST_RESPONSE__INIT;
    struct tst_job_ref ref = {1, ORG, 0};

    (void)state;
    Assay__Suite *s = make_suite(&c, TEXT("Shop"));
    req.test_id = add_case(&c, s->public_id, TEXT("login"))->public_id;
    assert_int_equal(tests_ci_run_test(&tests, &c.ctx, &req, &resp), RC_OK);
    ASSERT_N("outbox WHERE type = 'run.started'", 2);
    for (int i = 0; i < 2; i++) {
        struct call own = call_as(0);
        assert_int_equal(WRITE(&own, tst_job_end(&tests, &own.ctx, &ref, ST_CANCELLED, "x")),
                         RC_OK);
        call_end(&own);
    }
    /* audit, billing and webhooks */
    ASSERT_N("outbox WHERE type = 'run.cancelled'", 3);
    ASSERT_N("outbox WHERE type LIKE 'run.%'", 5);
    call_end(&c);
}

static void
a_late_cancel_is_no_message_of_a_run_that_passed(void **state)
{
    struct call c = call_as(ORG);

    (void)state;
    (void)queue_run(&c, 1);
    pg_support_exec("UPDATE tests.case_runs SET status = 'passed'");
    end_job_as(1, ST_CANCELLED, "cancelled");
    ASSERT_N("suite_runs WHERE status = 'passed' AND error_message IS NULL", 1);
    call_end(&c);
}

static void
another_organization_sees_nothing_even_without_the_filter(void **state)
{
    struct call c = call_as(ORG);

    (void)state;
    (void)queue_run(&c, 2);
    call_end(&c);
    const struct {
        int query, args;
    } asked[] = {{Q_CASES_OF_JOB, 1}, {Q_JOB_LOCK, 2}, {Q_RUN_OF_JOB_ENDED, 1}};
    for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
        const struct db_arg args[] = {DB_ARG_I64(1), DB_ARG_I64(0)};
        const struct db_result *res = NULL;
        struct call other = call_as(OTHER_ORG);
        assert_int_equal(db_query(db, &other.ctx, asked[i].query, args, asked[i].args, &res),
                         RC_OK);
        assert_int_equal(db_rows(res), 0);
        call_end(&other);
    }
    const struct db_result *res = NULL;
    struct call mine = call_as(ORG);
    assert_int_equal(DB_QUERY(db, &mine.ctx, Q_CASES_OF_JOB, &res, DB_ARG_I64(1)), RC_OK);
    assert_int_equal(db_rows(res), 2);
    call_end(&mine);
}

static struct tst_place
place_of(int64_t org, int64_t job, struct call *c)
{
    struct tst_place place;

    *c = call_as(org);
    assert_int_equal(tst_queue_place(&tests, &c->ctx, job, &place), RC_OK);
    return place;
}

static void
the_place_in_the_queue_counts_all_organizations(void **state)
{
    struct call c;

    (void)state;
    queue_many(ORG, 3);
    queue_many(OTHER_ORG, 1);
    struct tst_place place = place_of(OTHER_ORG, 4, &c);
    assert_true(place.position >= 2);
    assert_string_equal(place.reason, "waiting for its turn");
    call_end(&c);
    assert_null(place_of(OTHER_ORG, 1, &c).reason);
    call_end(&c);
}

static void
expect_reason(const char *columns, const char *want)
{
    char sql[256];
    struct call c;

    (void)snprintf(sql, sizeof(sql), "UPDATE tests.jobs SET state = 'waiting', %s", columns);
    pg_support_exec(sql);
    assert_string_equal(place_of(ORG, 1, &c).reason, want);
    call_end(&c);
}

static void
a_run_that_waits_says_for_what(void **state)
{
    (void)state;
    queue_many(ORG, 1);
    expect_reason("device_id = NULL", "waiting for a device of platform web; all are busy");
    expect_reason("category = 'desktop'", "waiting for a device of kind desktop; all are busy");
    pg_support_exec("INSERT INTO tests.absent_kinds SELECT kind FROM tests.jobs");
    expect_reason("attempts = 0", "waiting for a device of kind desktop; none is connected");
    expect_reason("platform = 'ios', category = 'phone'",
                  "waiting for a device of kind phone (ios); all are busy");
    expect_reason("device_id = 'ipad-3'", "waiting for the device ipad-3 (ios); it is busy");
    expect_reason("own_session = false, session_id = gen_random_uuid()",
                  "waiting for its session, which runs something else");
}

int
main(void)
{
    const struct CMUnitTest all[] = {
        T(organizations_take_turns_when_one_has_a_thousand_queued),
        T(what_an_organization_ran_in_the_past_is_no_debt),
        T(eight_claimers_take_each_job_once),
        T(those_who_wait_for_one_device_do_not_hold_up_the_others),
        T(the_verdict_of_a_suite_is_error_over_cancelled_over_failed_over_passed),
        T(an_empty_suite_ends_error),
        T(the_end_of_a_job_is_told_once),
        T(a_late_cancel_is_no_message_of_a_run_that_passed),
        T(another_organization_sees_nothing_even_without_the_filter),
        T(the_place_in_the_queue_counts_all_organizations),
        T(a_run_that_waits_says_for_what),
    };
    return cmocka_run_group_tests(all, open_all, close_all);
}
