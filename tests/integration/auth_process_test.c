/* SPDX-License-Identifier: Apache-2.0
 *
 * The auth service as it runs: two processes on one database, called by rpc. */
#include "tests/integration/auth_process_lab.h"

static void
replicas_accept_each_others_tokens(void **state)
{
    char token[JWS_TOKEN_MAX];
    struct principal who;

    (void)state;
    for (int i = 0; i < REPLICAS; i++) {
        login(i, token, &who);
        struct jws_keys *keys = fetch_keys(1 - i);
        assert_int_equal(verify(keys, token), JWS_VALID);
        jws_keys_free(keys);
    }
}

static int
by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static void
when_a_revocation_is_answered_every_gateway_has_applied_it(void **state)
{
    struct gateway gateways[2] = {0};
    char jwt[JWS_TOKEN_MAX];
    struct principal who;
    int64_t took_us[20];

    (void)state;
    login(0, jwt, &who);
    gateway_start(&gateways[0], 1, 0);
    gateway_start(&gateways[1], 2, 1);
    for (size_t i = 0; i < ARRAY_LEN(took_us); i++) {
        char token[64];
        int64_t id = make_token((int)(i % REPLICAS), &who, token);
        assert_int_equal(introspect(0, token), RC_OK);
        int64_t from_us = clk_mono_us();
        assert_int_equal(revoke_token((int)((i / 2) % REPLICAS), &who, id), RC_OK);
        took_us[i] = clk_mono_us() - from_us;
        assert_int_equal(atomic_load(&gateways[0].applied), id);
        assert_int_equal(atomic_load(&gateways[1].applied), id);
        assert_int_equal(introspect(1, token), RC_UNAUTHENTICATED);
    }
    qsort(took_us, ARRAY_LEN(took_us), sizeof(took_us[0]), by_number);
    print_message("revocation with two gateways: median %lld us, longest %lld us\n",
                  (long long)took_us[ARRAY_LEN(took_us) / 2],
                  (long long)took_us[ARRAY_LEN(took_us) - 1]);
    /* By what the gateways say, not by waiting for their leases. */
    assert_true(took_us[ARRAY_LEN(took_us) / 2] < LEASE_US);
    gateway_stop(&gateways[0]);
    gateway_stop(&gateways[1]);
}

static void
the_watch_survives_a_killed_replica(void **state)
{
    struct gateway g = {0};
    char jwt[JWS_TOKEN_MAX];
    char token[64];
    struct principal who;

    (void)state;
    login(0, jwt, &who);
    gateway_start(&g, 3, 1);
    int64_t id = make_token(0, &who, token);
    (void)end_process(pids[1], SIGKILL);
    pids[1] = 0;
    assert_int_equal(revoke_token(0, &who, id), RC_OK);
    gateway_stop(&g);
    assert_true(atomic_load(&g.failures) > 0);
    start_replica(1);
    wait_until_answers(1);
    assert_int_equal(introspect(1, token), RC_UNAUTHENTICATED);
}

static void
a_rotation_reaches_running_replicas_and_refuses_nobody(void **state)
{
    char before[JWS_TOKEN_MAX];
    char after[JWS_TOKEN_MAX];
    struct principal who;
    int64_t until_us = clk_mono_us() + 40 * ASSAY_US_PER_S;

    (void)state;
    login(0, before, &who);
    struct jws_keys *old_keys = fetch_keys(0);
    size_t count = jws_keys_count(old_keys);
    assert_int_equal(end_process(run_auth("rotate-keys", ""), 0), 0);
    for (;;) { /* replicas hear of it by NOTIFY */
        login(1, after, &who);
        if (verify(old_keys, after) == JWS_UNKNOWN_KEY) {
            break;
        }
        assert_true(clk_mono_us() < until_us);
    }
    struct jws_keys *keys = fetch_keys(1);
    assert_int_equal(jws_keys_count(keys), count + 1);
    assert_int_equal(verify(keys, before), JWS_VALID);
    assert_int_equal(verify(keys, after), JWS_VALID);
    jws_keys_free(keys);
    jws_keys_free(old_keys);
}

static void
events_reach_the_audit_log_and_its_chain_holds(void **state)
{
    char token[JWS_TOKEN_MAX];
    struct principal who;
    int64_t until_us = clk_mono_us() + 40 * ASSAY_US_PER_S;

    (void)state;
    login(0, token, &who);
    while (pg_support_i64("SELECT count(*) FROM auth.outbox WHERE target = 1") > 0 ||
           pg_support_i64("SELECT count(*) FROM auth.audit_events WHERE type = 'user.login'") ==
               0) {
        assert_true(clk_mono_us() < until_us);
        (void)nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    assert_true(pg_support_i64("SELECT count(*) FROM auth.audit_events WHERE type ="
                               " 'user.registered' AND peer = '192.0.2.7'") == 1);
    assert_int_equal(end_process(run_auth("verify-audit", ""), 0), 0);
}

static bool
log_holds(const char *text)
{
    char command[256];

    (void)snprintf(command, sizeof(command), "grep -q -F -e '%s' '%s/log'", text, dir);
    return system(command) == 0;
}

static void
logs_hold_no_secret(void **state)
{
    char jwt[JWS_TOKEN_MAX];
    char token[64];
    struct principal who;

    (void)state;
    login(0, jwt, &who);
    int64_t id = make_token(0, &who, token);
    assert_int_equal(introspect(0, token), RC_OK);
    assert_int_equal(revoke_token(0, &who, id), RC_OK);
    assert_true(log_holds("assay.Accounts/Login")); /* something is logged at all */
    assert_false(log_holds(PASSWORD));
    assert_false(log_holds(token + 3));
    assert_false(log_holds(strrchr(jwt, '.') + 1));
    assert_false(log_holds(KEY));
}

static void
a_stop_asked_for_is_clean(void **state)
{
    struct gateway g = {0};

    (void)state;
    gateway_start(&g, 4, 1);
    int status = end_process(pids[1], SIGTERM);
    pids[1] = 0;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    gateway_stop(&g);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replicas_accept_each_others_tokens),
        cmocka_unit_test(when_a_revocation_is_answered_every_gateway_has_applied_it),
        cmocka_unit_test(the_watch_survives_a_killed_replica),
        cmocka_unit_test(a_rotation_reaches_running_replicas_and_refuses_nobody),
        cmocka_unit_test(events_reach_the_audit_log_and_its_chain_holds),
        cmocka_unit_test(logs_hold_no_secret),
        cmocka_unit_test(a_stop_asked_for_is_clean),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
