/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes through lib/svc: change, event and key in one transaction, once for each key. */
#include "tests/support/toy.h"

static void
a_write_commits_change_event_and_key_together(void **state)
{
    pid_t writer = spawn("writer", 1);
    struct caller c = caller_new("writer");
    char id[ID_UUID_LEN + 1];

    (void)state;
    assert_int_equal(call(&c, 0, "k1", "put", "a1", id), RC_OK);
    assert_int_equal(count("writer.things"), 1);
    assert_int_equal(count("writer.outbox"), 1);
    assert_int_equal(count("writer.idempotency"), 1);
    assert_int_equal(call(&c, 0, "", "put", "a2", id), RC_OK);
    assert_int_equal(count("writer.outbox"), 2);
    assert_int_equal(count("writer.idempotency"), 1);
    caller_free(&c);
    assert_int_equal(end_with(writer, SIGTERM), 0);
}

static void
a_failing_handler_leaves_nothing(void **state)
{
    pid_t writer = spawn("writer", 1);
    struct caller c = caller_new("writer");

    (void)state;
    assert_int_equal(call(&c, 0, "k1", "fail", "a1", NULL), RC_FAILED_PRECONDITION);
    assert_true(str_eqz(str_z(c.ctx.err.reason), "TOLD_TO_FAIL"));
    assert_int_equal(call(&c, 0, "k2", "lie", "a1", NULL), RC_INTERNAL);
    assert_int_equal(count("writer.things"), 0);
    assert_int_equal(count("writer.outbox"), 0);
    assert_int_equal(count("writer.idempotency"), 0);
    /* A failure is not remembered: the retry runs. */
    assert_int_equal(call(&c, 0, "k1", "put", "a1", NULL), RC_OK);
    caller_free(&c);
    assert_int_equal(end_with(writer, SIGTERM), 0);
}

static void
the_same_key_is_answered_again_and_runs_nothing(void **state)
{
    pid_t writer = spawn("writer", 1);
    struct caller c = caller_new("writer");
    char first[ID_UUID_LEN + 1], again[ID_UUID_LEN + 1];

    (void)state;
    for (size_t method = 0; method < 2; method++) {
        char key[8];
        (void)snprintf(key, sizeof key, "k%zu", method);
        assert_int_equal(call(&c, method, key, "put", "a1", first), RC_OK);
        assert_int_equal(call(&c, method, key, "put", "a1", again), RC_OK);
        assert_string_equal(first, again);
        assert_int_equal(count("writer.things"), (int64_t)method + 1);
        assert_int_equal(call(&c, method, key, "put", "other", NULL), RC_INVALID_ARGUMENT);
        assert_string_equal(c.ctx.err.reason, "IDEMPOTENCY_KEY_REUSED");
    }
    /* Another replica, after a restart, knows it too. */
    assert_int_equal(end_with(writer, SIGKILL), SIGKILL);
    writer = spawn("writer", 2);
    assert_int_equal(call(&c, 0, "k0", "put", "a1", again), RC_OK);
    assert_int_equal(call(&c, 1, "k1", "put", "a1", again), RC_OK);
    assert_string_equal(first, again);
    assert_int_equal(count("writer.things"), 2);
    /* A failed call with transactions of its own may be tried again under its key. */
    assert_int_equal(call(&c, 1, "m", "fail", "a1", NULL), RC_FAILED_PRECONDITION);
    assert_int_equal(call(&c, 1, "m", "fail", "a1", NULL), RC_FAILED_PRECONDITION);
    assert_int_equal(count("writer.things"), 4);
    caller_free(&c);
    assert_int_equal(end_with(writer, SIGTERM), 0);
}

static void
of_a_call_with_secrets_only_the_use_of_its_key_is_stored(void **state)
{
    pid_t writer = spawn("writer", 1);
    struct caller c = caller_new("writer");
    char token[ID_UUID_LEN + 1], sql[256];

    (void)state;
    assert_int_equal(call(&c, 0, "", "put", "warm", NULL), RC_OK);
    for (size_t method = 2; method < 4; method++) {
        int64_t before = count("writer.things");
        assert_int_equal(call(&c, method, "s", "put", "a1", token), RC_OK);
        assert_int_equal(count("writer.idempotency"), (int64_t)method - 1);
        (void)snprintf(sql, sizeof sql,
                       "writer.idempotency i WHERE octet_length(request_sha256) > 0 OR"
                       " octet_length(response) > 0 OR"
                       " strpos(encode(response, 'escape') || i::text, '%s') > 0",
                       token);
        assert_int_equal(count(sql), 0);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(call(&c, method, "s", "put", i == 0 ? "a1" : "b1", NULL),
                             RC_ALREADY_EXISTS);
            assert_string_equal(c.ctx.err.reason, "IDEMPOTENCY_SECRET");
        }
        assert_int_equal(count("writer.things"), before + 1);
        /* A failure is not remembered. */
        assert_int_equal(call(&c, method, "f", "fail", "a1", NULL), RC_FAILED_PRECONDITION);
        assert_int_equal(call(&c, method, "f", "fail", "a1", NULL), RC_FAILED_PRECONDITION);
    }
    caller_free(&c);
    assert_int_equal(end_with(writer, SIGTERM), 0);
}

static void
a_key_that_is_running_is_refused_meanwhile(void **state)
{
    pid_t writer = spawn("writer", 1);
    struct caller a = caller_new("writer"), b = caller_new("writer");
    pthread_t thread;
    void *rc;

    (void)state;
    assert_int_equal(call(&b, 0, "", "put", "warm", NULL), RC_OK);
    assert_int_equal(pthread_create(&thread, NULL, call_slowly, &a), 0);
    assert_true(is_held());
    assert_int_equal(call(&b, 0, "k1", "slow", "a1", NULL), RC_ABORTED);
    assert_string_equal(b.ctx.err.reason, "IDEMPOTENCY_IN_PROGRESS");
    open_gate();
    assert_int_equal(pthread_join(thread, &rc), 0);
    assert_int_equal((intptr_t)rc, RC_OK);
    assert_int_equal(call(&b, 0, "k1", "slow", "a1", NULL), RC_OK);
    assert_int_equal(count("writer.things"), 2);
    caller_free(&a);
    caller_free(&b);
    assert_int_equal(end_with(writer, SIGTERM), 0);
}

/* Holds the key k1 as a call like that of the key "seen", commits when somebody waits for it. */
static void *
announce_k1(void *arg)
{
    pg_support_exec(
        "DO $$ BEGIN"
        " INSERT INTO writer.idempotency (principal, method, key, request_sha256, running_until)"
        " SELECT principal, method, 'k1', request_sha256, now() + interval '1 minute'"
        " FROM writer.idempotency WHERE key = 'seen';"
        " PERFORM pg_advisory_xact_lock(4711);"
        " FOR i IN 1..3000 LOOP"
        "  PERFORM pg_stat_clear_snapshot();"
        "  EXIT WHEN EXISTS (SELECT FROM pg_stat_activity"
        "                    WHERE usename = 'assay' AND wait_event_type = 'Lock');"
        "  PERFORM pg_sleep(0.01);"
        " END LOOP; END $$");
    return arg;
}

static void
calls_that_all_found_no_key_run_once(void **state)
{
    pid_t writer = spawn("writer", 1);
    struct caller c = caller_new("writer");
    pthread_t thread;

    (void)state;
    assert_int_equal(call(&c, 1, "seen", "put", "a1", NULL), RC_OK);
    assert_int_equal(pthread_create(&thread, NULL, announce_k1, NULL), 0);
    assert_true(
        comes_to("pg_locks WHERE locktype = 'advisory' AND objid = 4711", 1, 30 * ASSAY_US_PER_S));
    assert_int_equal(call(&c, 1, "k1", "put", "a1", NULL), RC_ABORTED);
    assert_string_equal(c.ctx.err.reason, "IDEMPOTENCY_IN_PROGRESS");
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(count("writer.things"), 1);
    /* One that is over its time is taken over. */
    pg_support_exec("UPDATE writer.idempotency SET running_until = now() WHERE key = 'k1'");
    assert_int_equal(call(&c, 1, "k1", "put", "a1", NULL), RC_OK);
    assert_int_equal(count("writer.things"), 2);
    caller_free(&c);
    assert_int_equal(end_with(writer, SIGTERM), 0);
}

static void
a_lost_race_is_run_again(void **state)
{
    pid_t writer = spawn("writer", 1);
    struct caller c = caller_new("writer");

    (void)state;
    assert_int_equal(call(&c, 0, "k1", "race", "a1", NULL), RC_OK);
    assert_int_equal(count("writer.things"), 1);
    assert_int_equal(count("writer.outbox"), 1);
    assert_int_equal(pg_support_i64("SELECT last_value FROM writer.trips"), 3);
    caller_free(&c);
    assert_int_equal(end_with(writer, SIGTERM), 0);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TOY_TEST(a_write_commits_change_event_and_key_together),
        TOY_TEST(a_failing_handler_leaves_nothing),
        TOY_TEST(the_same_key_is_answered_again_and_runs_nothing),
        TOY_TEST(of_a_call_with_secrets_only_the_use_of_its_key_is_stored),
        TOY_TEST(a_key_that_is_running_is_refused_meanwhile),
        TOY_TEST(calls_that_all_found_no_key_run_once),
        TOY_TEST(a_lost_race_is_run_again),
    };
    return toy_run_tests(argc, argv, tests, ARRAY_LEN(tests));
}
