/* SPDX-License-Identifier: Apache-2.0
 *
 * Revocations reach the gateways before the revoking call is answered. */
#include "auth/auth_fixture.h"

/* --- revocations --------------------------------------------------------------------------- */

struct gateway {
    const char *id;
    int64_t epoch;
    int64_t wait_us;
    size_t revocations;
    bool all;
    int64_t user_id;
    int64_t token_id;
};

static void
watch(struct gateway *g)
{
    struct call c = call_begin();
    Assay__WatchRevocationsRequest req = ASSAY__WATCH_REVOCATIONS_REQUEST__INIT;
    Assay__WatchRevocationsResponse resp = ASSAY__WATCH_REVOCATIONS_RESPONSE__INIT;

    req.gateway_id = arena_strz(c.arena, str_z(g->id));
    req.acked_epoch = g->epoch;
    req.wait_us = g->wait_us;
    assert_int_equal(auth_watch_revocations(&auth, &c.ctx, &req, &resp), RC_OK);
    assert_int_equal(resp.lease_us, CFG.lease_us);
    g->epoch = resp.epoch;
    g->revocations = resp.n_revocations;
    g->all = resp.has_all && resp.all;
    g->user_id = resp.n_revocations > 0 ? resp.revocations[0]->user_id : 0;
    g->token_id = resp.n_revocations > 0 ? resp.revocations[0]->token_id : 0;
    call_end(&c);
}

static void
on_notify(void *arg, struct str payload)
{
    (void)payload;
    run_loop(arg, NULL);
}

struct revoker {
    struct principal who;
    int64_t id;
    enum rc rc;
    atomic_bool done;
};

static void *
revoke_thread(void *arg)
{
    struct revoker *r = arg;

    r->rc = delete_personal(&r->who, r->id);
    atomic_store(&r->done, true);
    return NULL;
}

static void
a_revocation_is_answered_when_the_gateways_know_it(void **state)
{
    struct account a;
    struct made made;
    struct gateway g = {.id = "gw-1", .epoch = -1};
    struct db_listener *listener = NULL;
    pthread_t thread;

    (void)state;
    assert_int_equal(db_listen(db, AUT_LOOP_REVOCATIONS, on_notify, NULL, &listener), RC_OK);
    assert_int_equal(do_register("ada@example.com", NULL, &a), RC_OK);
    assert_int_equal(create_personal(&a.who, NULL, &made), RC_OK);
    watch(&g);
    assert_true(g.all);
    int64_t first = g.epoch;
    struct revoker r = {.who = a.who, .id = made.id};
    int64_t asked_us = clk_mono_us();
    g.wait_us = 10 * ASSAY_US_PER_S; /* the lease outlives the test's steps */
    assert_int_equal(pthread_create(&thread, NULL, revoke_thread, &r), 0);
    watch(&g); /* returns because something was revoked, long before its time is over */
    assert_int_equal(g.epoch, first + 1);
    assert_int_equal(g.revocations, 1);
    assert_int_equal(g.token_id, made.id);
    assert_false(g.all);
    assert_false(atomic_load(&r.done)); /* heard of, not acknowledged */
    g.wait_us = 0;
    watch(&g);
    pthread_join(thread, NULL);
    assert_int_equal(r.rc, RC_OK);
    /* Not because the lease was over. */
    assert_true(clk_mono_us() - asked_us < 10 * ASSAY_US_PER_S);
    db_listener_free(listener);
}

static void
a_gateway_that_went_silent_is_waited_for_until_its_lease_is_over(void **state)
{
    struct account a;
    struct made made;
    struct gateway g = {.id = "gw-1", .epoch = -1};

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, &a), RC_OK);
    assert_int_equal(create_personal(&a.who, NULL, &made), RC_OK);
    int64_t granted_us = clk_mono_us();
    watch(&g);
    assert_int_equal(delete_personal(&a.who, made.id), RC_OK);
    int64_t waited_us = clk_mono_us() - granted_us;
    assert_true(waited_us >= CFG.lease_us);
    assert_true(waited_us < CFG.lease_us + 10 * ASSAY_US_PER_S);
}

static void
without_gateways_a_revocation_waits_for_nobody(void **state)
{
    struct auth_cfg patient = CFG;
    struct account a;
    struct made made;

    (void)state;
    patient.lease_us = 60 * ASSAY_US_PER_S;
    auth.cfg = &patient;
    assert_int_equal(do_register("ada@example.com", NULL, &a), RC_OK);
    assert_int_equal(create_personal(&a.who, NULL, &made), RC_OK);
    int64_t from_us = clk_mono_us();
    assert_int_equal(delete_personal(&a.who, made.id), RC_OK);
    assert_true(clk_mono_us() - from_us < 10 * ASSAY_US_PER_S);
    auth.cfg = &CFG;
}

static void
a_gateway_too_far_behind_is_told_to_forget_all(void **state)
{
    struct gateway g = {.id = "gw-1", .epoch = 1};

    (void)state;
    pg_support_exec("UPDATE auth.revocation_head SET epoch = 5");
    pg_support_exec("INSERT INTO auth.revocations (epoch, user_id) VALUES (4, 1), (5, 2)");
    watch(&g);
    assert_true(g.all); /* 2 and 3 are no longer kept */
    assert_int_equal(g.epoch, 5);
    pg_support_exec("UPDATE auth.revocation_head SET epoch = 7");
    pg_support_exec("INSERT INTO auth.revocations (epoch, user_id) VALUES (6, 1), (7, 2)");
    watch(&g);
    assert_false(g.all);
    assert_int_equal(g.epoch, 7);
    assert_int_equal(g.revocations, 2);
    assert_int_equal(g.user_id, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_revocation_is_answered_when_the_gateways_know_it),
        T(a_gateway_that_went_silent_is_waited_for_until_its_lease_is_over),
        T(without_gateways_a_revocation_waits_for_nobody),
        T(a_gateway_too_far_behind_is_told_to_forget_all),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
