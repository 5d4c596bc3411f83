/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls: what they carry, their deadlines, and the servers that come and go. */
#include "rpc/rpc_lab.h"
#include "rpc/rpc_frame.h"

/* --- what travels -------------------------------------------------------------------------- */

static void
answers_and_failures_travel(void **state)
{
    struct fixture f;
    struct outcome o;

    (void)state;
    open_with(&f, 2, 16);
    o = call(&f, "echo", PATIENCE_US);
    assert_int_equal(o.rc, RC_OK);
    assert_string_equal(o.id, "e1");
    o = call(&f, "fail", PATIENCE_US);
    assert_int_equal(o.rc, RC_NOT_FOUND);
    assert_string_equal(o.reason, "SUITE_NOT_FOUND");
    assert_string_equal(o.message, "no suite e1");
    o = call(&f, "bare code", PATIENCE_US);
    assert_int_equal(o.rc, RC_ABORTED);
    assert_string_equal(o.reason, "ABORTED");
    assert_int_equal(atomic_load(&f.service.finished), 3);
    close_all(&f);
}

static void
caller_deadline_and_keys_travel(void **state)
{
    struct fixture f;
    struct arena *arena = arena_new(ARENA_MAX);
    struct ctx ctx;
    Assay__Event req = event("who");
    Assay__Event *got = NULL;

    (void)state;
    open_with(&f, 1, 16);
    ctx_init(&ctx, arena);
    ctx.deadline_us = clk_wall_us() + PATIENCE_US;
    ctx.request_id = STR("req-1");
    ctx.idempotency_key = STR("key-1");
    ctx.traceparent = STR("00-trace");
    ctx.peer = STR("192.0.2.7");
    ctx.who = (struct principal){
        .user_id = 12, .org_id = 34, .role = ROLE_ADMIN, .email = STR("a@example.org")};
    struct outcome o = call_with(f.client, &ctx, &methods[0], &req, &got);
    assert_int_equal(o.rc, RC_OK);
    assert_string_equal(got->request_id, "req-1");
    assert_string_equal(got->order_key, "key-1");
    assert_string_equal(got->details, "00-trace");
    assert_string_equal(got->peer, "192.0.2.7");
    assert_string_equal(got->actor_email, "a@example.org");
    assert_int_equal(got->actor_user_id, 12);
    assert_int_equal(got->org_id, 34);
    assert_int_equal(got->at_us, ctx.deadline_us);
    arena_free(arena);
    close_all(&f);
}

static void
call_for_an_organization_does_not_tell_who_asks(void **state)
{
    struct fixture f;
    struct arena *arena = arena_new(ARENA_MAX);
    struct ctx ctx;
    Assay__Event req = event("who");
    Assay__Event *got = NULL;

    (void)state;
    open_with(&f, 1, 16);
    ctx_init(&ctx, arena);
    ctx.request_id = STR("req-1");
    ctx.peer = STR("192.0.2.7");
    ctx.who = (struct principal){
        .user_id = 12, .org_id = 34, .role = ROLE_ADMIN, .email = STR("a@example.org")};
    struct outcome o = call_with(f.client, &ctx, org_method, &req, &got);
    assert_int_equal(o.rc, RC_OK);
    assert_int_equal(got->org_id, 34);
    assert_string_equal(got->request_id, "req-1");
    assert_int_equal(got->actor_user_id, 0);
    assert_string_equal(got->actor_email, "");
    assert_string_equal(got->peer, "");
    arena_free(arena);
    close_all(&f);
}

static void
unknown_method_is_unimplemented(void **state)
{
    struct fixture f;
    struct arena *arena = arena_new(ARENA_MAX);
    struct ctx ctx;
    Assay__Event req = event("echo");
    Assay__Event *got = NULL;

    (void)state;
    open_with(&f, 1, 16);
    ctx_init(&ctx, arena);
    struct outcome o = call_with(f.client, &ctx, &absent, &req, &got);
    assert_int_equal(o.rc, RC_UNIMPLEMENTED);
    assert_int_equal(atomic_load(&f.service.executed), 0);
    arena_free(arena);
    close_all(&f);
}

static void
messages_past_the_limit_are_refused(void **state)
{
    struct fixture f;
    struct arena *arena = arena_new(ARENA_MAX);
    struct ctx ctx;
    Assay__Event req = event("echo");
    Assay__Event *got = NULL;

    (void)state;
    open_with(&f, 1, 16);
    ctx_init(&ctx, arena);
    req.has_data = 1;
    req.data.len = MESSAGE_MAX - 64;
    req.data.data = arena_zalloc(arena, 1, MESSAGE_MAX + 1);
    struct outcome o = call_with(f.client, &ctx, &methods[0], &req, &got);
    assert_int_equal(o.rc, RC_OK);
    assert_int_equal(got->data.len, MESSAGE_MAX - 64);
    req.data.len = MESSAGE_MAX + 1;
    o = call_with(f.client, &ctx, &methods[0], &req, &got);
    assert_int_equal(o.rc, RC_RESOURCE_EXHAUSTED);
    assert_string_equal(o.reason, "REQUEST_TOO_LARGE");
    assert_int_equal(atomic_load(&f.service.executed), 1);
    o = call(&f, "big answer", PATIENCE_US);
    assert_int_equal(o.rc, RC_INTERNAL);
    assert_string_equal(o.reason, "ANSWER_TOO_LARGE");
    assert_int_equal(call(&f, "echo", PATIENCE_US).rc, RC_OK);
    arena_free(arena);
    close_all(&f);
}

/* --- time ---------------------------------------------------------------------------------- */

static void
deadline_ends_the_call_while_the_handler_runs(void **state)
{
    struct fixture f;

    (void)state;
    open_with(&f, 1, 16);
    assert_int_equal(call(&f, "echo", PATIENCE_US).rc, RC_OK); /* connected */
    struct outcome o = call(&f, "wait", 100 * ASSAY_US_PER_MS);
    assert_int_equal(o.rc, RC_DEADLINE_EXCEEDED);
    assert_true(o.took_us >= 90 * ASSAY_US_PER_MS);
    assert_true(o.took_us < PATIENCE_US);
    close_all(&f);
}

static void
call_that_expired_in_the_queue_is_not_executed(void **state)
{
    struct fixture f;
    struct background slow;

    (void)state;
    open_with(&f, 1, 16);
    start_call(&slow, &f, "wait", PATIENCE_US);
    await(has_waiting, &f, 1);
    assert_int_equal(call(&f, "echo", 50 * ASSAY_US_PER_MS).rc, RC_DEADLINE_EXCEEDED);
    atomic_store(&f.service.release, true);
    assert_int_equal(end_call(&slow).rc, RC_OK);
    await(has_expired, &f, 1);
    assert_int_equal(call(&f, "echo", PATIENCE_US).rc, RC_OK);
    assert_int_equal(atomic_load(&f.service.executed), 2);
    close_all(&f);
}

static void
past_deadline_sends_nothing(void **state)
{
    struct fixture f;

    (void)state;
    open_with(&f, 1, 16);
    assert_int_equal(call(&f, "echo", -1).rc, RC_DEADLINE_EXCEEDED);
    assert_int_equal(atomic_load(&f.service.executed), 0);
    close_all(&f);
}

static void
no_server_is_unavailable_at_the_deadline(void **state)
{
    struct fixture f;

    (void)state;
    open_with(&f, 0, 0);
    struct outcome o = call(&f, "echo", 50 * ASSAY_US_PER_MS);
    assert_int_equal(o.rc, RC_UNAVAILABLE);
    assert_string_equal(o.reason, "NO_REPLICA");
    close_all(&f);
}

/* --- drain, replicas ----------------------------------------------------------------------- */

struct drainer {
    pthread_t thread;
    struct rpc_server *server;
    atomic_bool is_done;
};

static void *
drain_main(void *arg)
{
    struct drainer *d = arg;

    rpc_server_drain(d->server, clk_wall_us() + PATIENCE_US);
    atomic_store(&d->is_done, true);
    return NULL;
}

static void
draining_finishes_what_runs_and_sends_new_calls_elsewhere(void **state)
{
    struct fixture f;
    struct background slow;
    struct drainer drainer = {0};
    struct rpc_server *second = NULL;
    char url[128];
    const char *why = "";

    (void)state;
    open_with(&f, 2, 16);
    start_call(&slow, &f, "wait", PATIENCE_US);
    await(has_waiting, &f, 1);
    drainer.server = f.server;
    assert_int_equal(pthread_create(&drainer.thread, NULL, drain_main, &drainer), 0);
    await(has_replicas, &f, 0);
    assert_int_equal(call(&f, "echo", 50 * ASSAY_US_PER_MS).rc, RC_UNAVAILABLE);
    (void)snprintf(url, sizeof(url), "%s.2", f.name);
    assert_int_equal(start_server(&f, url, 1, 16, &second, &why), RC_OK);
    assert_int_equal(call(&f, "echo", PATIENCE_US).rc, RC_OK);
    assert_false(atomic_load(&drainer.is_done));
    atomic_store(&f.service.release, true);
    assert_int_equal(end_call(&slow).rc, RC_OK);
    assert_int_equal(pthread_join(drainer.thread, NULL), 0);
    assert_int_equal(atomic_load(&f.service.executed), 2);
    rpc_server_free(second);
    close_all(&f);
}

static void
replicas_that_come_and_go_are_found(void **state)
{
    struct fixture f;
    struct rpc_server *more[2] = {NULL, NULL};
    const char *why = "";

    (void)state;
    open_with(&f, 1, 16);
    for (int i = 0; i < 2; i++) {
        char url[128];
        (void)snprintf(url, sizeof(url), "%s.more-%d", f.name, i);
        assert_int_equal(start_server(&f, url, 1, 16, &more[i], &why), RC_OK);
    }
    await(has_replicas, &f, 3);
    rpc_server_free(more[0]);
    rpc_server_free(more[1]);
    await(has_replicas, &f, 1);
    assert_int_equal(call(&f, "echo", PATIENCE_US).rc, RC_OK);
    close_all(&f);
}

static void
peers_are_called_by_their_address(void **state)
{
    struct fixture f;
    struct rpc_peers *peers = NULL;
    struct arena *arena = arena_new(ARENA_MAX);
    struct ctx ctx;
    Assay__Event req = event("echo");
    ProtobufCMessage *resp = NULL;

    (void)state;
    open_with(&f, 1, 16);
    assert_int_equal(rpc_peers_new(NULL, MESSAGE_MAX, false, &peers), RC_OK);
    for (int i = 0; i < 3; i++) {
        ctx_init(&ctx, arena);
        assert_int_equal(rpc_peers_call(peers, f.url, &ctx, &methods[0], &req.base, &resp), RC_OK);
    }
    /* More addresses than places: each is refused by its deadline, and the first still works. */
    for (int i = 0; i < 300; i++) {
        char url[128];
        (void)snprintf(url, sizeof(url), "ipc://%s/nobody.%d", f.dir, i);
        ctx_init(&ctx, arena);
        ctx.deadline_us = clk_wall_us() + 100;
        assert_int_not_equal(rpc_peers_call(peers, url, &ctx, &methods[0], &req.base, &resp),
                             RC_OK);
    }
    ctx_init(&ctx, arena);
    assert_int_equal(rpc_peers_call(peers, f.url, &ctx, &methods[0], &req.base, &resp), RC_OK);
    rpc_peers_free(peers);
    arena_free(arena);
    close_all(&f);
}

/* --- frames -------------------------------------------------------------------------------- */

static void
frames_are_checked_as_a_whole(void **state)
{
    char bytes[RPC_FRAME_HEAD + 2 * RPC_FRAME_ENTRY + 3];
    struct rpc_frame frame;
    struct str body;
    uint32_t id;

    (void)state;
    rpc_frame_put_head(bytes, 77, RPC_FRAME_DRAINING, 2);
    rpc_frame_put_entry(bytes + RPC_FRAME_HEAD, 5, 3);
    memcpy(bytes + RPC_FRAME_HEAD + RPC_FRAME_ENTRY, "abc", 3);
    rpc_frame_put_entry(bytes + RPC_FRAME_HEAD + RPC_FRAME_ENTRY + 3, 6, 0);
    assert_int_equal(rpc_frame_parse(str_n(bytes, sizeof(bytes)), &frame), RC_OK);
    assert_int_equal(frame.session, 77);
    assert_int_equal(frame.flags, RPC_FRAME_DRAINING);
    assert_true(rpc_frame_next(&frame, &id, &body));
    assert_int_equal(id, 5);
    assert_true(str_eq(body, STR("abc")));
    assert_true(rpc_frame_next(&frame, &id, &body));
    assert_int_equal(id, 6);
    assert_int_equal(body.n, 0);
    assert_false(rpc_frame_next(&frame, &id, &body));
    for (size_t n = 0; n < sizeof(bytes); n++) {
        assert_int_equal(rpc_frame_parse(str_n(bytes, n), &frame), RC_INVALID_ARGUMENT);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_checked_as_a_whole),
        cmocka_unit_test(answers_and_failures_travel),
        cmocka_unit_test(caller_deadline_and_keys_travel),
        cmocka_unit_test(call_for_an_organization_does_not_tell_who_asks),
        cmocka_unit_test(unknown_method_is_unimplemented),
        cmocka_unit_test(messages_past_the_limit_are_refused),
        cmocka_unit_test(deadline_ends_the_call_while_the_handler_runs),
        cmocka_unit_test(call_that_expired_in_the_queue_is_not_executed),
        cmocka_unit_test(past_deadline_sends_nothing),
        cmocka_unit_test(no_server_is_unavailable_at_the_deadline),
        cmocka_unit_test(draining_finishes_what_runs_and_sends_new_calls_elsewhere),
        cmocka_unit_test(replicas_that_come_and_go_are_found),
        cmocka_unit_test(peers_are_called_by_their_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
