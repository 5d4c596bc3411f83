/* SPDX-License-Identifier: Apache-2.0
 *
 * Many calls at once: the queue, the workers, and answers that readers share. */
#include "rpc/rpc_lab.h"

/* --- load ---------------------------------------------------------------------------------- */

static void
full_queue_refuses_at_once(void **state)
{
    struct fixture f;
    struct background slow[3];

    (void)state;
    open_with(&f, 1, 2);
    for (int i = 0; i < 3; i++) {
        start_call(&slow[i], &f, "wait", PATIENCE_US);
        await(i == 0 ? has_waiting : has_queued, &f, i == 0 ? 1 : i);
    }
    struct outcome o = call(&f, "echo", PATIENCE_US);
    assert_int_equal(o.rc, RC_RESOURCE_EXHAUSTED);
    assert_string_equal(o.reason, "QUEUE_FULL");
    assert_true(o.took_us < PATIENCE_US / 2); /* the slow ones wait longer */
    atomic_store(&f.service.release, true);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(end_call(&slow[i]).rc, RC_OK);
    }
    assert_int_equal(atomic_load(&f.service.executed), 3);
    close_all(&f);
}

static void
slow_calls_do_not_hold_fast_ones_back(void **state)
{
    enum { SLOW = 12 };
    struct fixture f;
    struct background slow[SLOW];

    (void)state;
    open_with(&f, SLOW + 1, 64);
    for (int i = 0; i < SLOW; i++) {
        start_call(&slow[i], &f, "wait", PATIENCE_US);
    }
    await(has_waiting, &f, SLOW);
    for (int i = 0; i < 50; i++) {
        struct outcome o = call(&f, "echo", PATIENCE_US);
        assert_int_equal(o.rc, RC_OK);
        assert_true(o.took_us < PATIENCE_US / 2);
    }
    assert_int_equal(atomic_load(&f.service.waiting), SLOW);
    atomic_store(&f.service.release, true);
    for (int i = 0; i < SLOW; i++) {
        assert_int_equal(end_call(&slow[i]).rc, RC_OK);
    }
    close_all(&f);
}

static void
waiting_methods_leave_the_workers_free(void **state)
{
    enum { POLLS = 6 };
    struct fixture f;
    struct background polls[POLLS];

    (void)state;
    open_with(&f, 1, 16);
    for (int i = 0; i < POLLS; i++) {
        start_method(&polls[i], &f, &methods[1], "wait", PATIENCE_US);
    }
    await(has_waiting, &f, POLLS);
    assert_int_equal(call(&f, "echo", PATIENCE_US).rc, RC_OK);
    atomic_store(&f.service.release, true);
    for (int i = 0; i < POLLS; i++) {
        assert_int_equal(end_call(&polls[i]).rc, RC_OK);
    }
    close_all(&f);
}

struct crowd {
    struct fixture *f;
    int calls;
    int wrong;
    const struct rpc_method *method; /* of readers */
    int64_t user_id;
};

static void *
crowd_main(void *arg)
{
    struct crowd *c = arg;
    struct arena *arena = arena_new(ARENA_MAX);

    for (int i = 0; i < c->calls; i++) {
        struct ctx ctx;
        char id[32];
        Assay__Event req = event("echo");
        Assay__Event *got = NULL;
        arena_reset(arena);
        ctx_init(&ctx, arena);
        ctx.deadline_us = clk_wall_us() + PATIENCE_US;
        (void)snprintf(id, sizeof(id), "%p-%d", arg, i);
        req.id = id;
        struct outcome o = call_with(c->f->client, &ctx, &methods[0], &req, &got);
        c->wrong += o.rc != RC_OK || strcmp(o.id, id) != 0;
    }
    arena_free(arena);
    return NULL;
}

static void
many_callers_each_get_their_own_answer(void **state)
{
    enum { CALLERS = 32, CALLS = 200 };
    struct fixture f;
    struct crowd crowd[CALLERS];
    pthread_t threads[CALLERS];
    struct rpc_server_stats stats;

    (void)state;
    open_with(&f, 4, 256);
    for (int i = 0; i < CALLERS; i++) {
        crowd[i] = (struct crowd){.f = &f, .calls = CALLS};
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_main, &crowd[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(crowd[i].wrong, 0);
    }
    assert_int_equal(atomic_load(&f.service.executed), CALLERS * CALLS);
    rpc_server_stats(f.server, &stats);
    assert_int_equal(stats.calls, CALLERS * CALLS);
    assert_true(stats.frames_in < stats.calls / 2); /* they share messages */
    close_all(&f);
}

/* Reads for one of two organizations, and looks whether the answer is that one's and was made after
 * the call began. */
static void *
reader_main(void *arg)
{
    struct crowd *c = arg;
    struct arena *arena = arena_new(ARENA_MAX);

    for (int i = 0; i < c->calls; i++) {
        struct ctx ctx;
        Assay__Event req = event("when");
        Assay__Event *got = NULL;
        arena_reset(arena);
        ctx_init(&ctx, arena);
        ctx.who.org_id = 1 + i % 2;
        ctx.who.user_id = c->user_id;
        ctx.deadline_us = clk_wall_us() + PATIENCE_US;
        int64_t began_us = clk_mono_us();
        struct outcome o = call_with(c->f->client, &ctx, c->method, &req, &got);
        if (o.rc != RC_OK) {
            print_error("%s %s: %s\n", rc_name(o.rc), o.reason, o.message);
        } else if (got->at_us < began_us || got->org_id != ctx.who.org_id) {
            print_error("an answer that was not for this call\n");
        } else {
            continue;
        }
        c->wrong++;
    }
    arena_free(arena);
    return NULL;
}

#define READS 200

/* How many calls of 32 readers took the answer of another. */
static int
shared_by_readers(const struct rpc_method *method, bool is_one_user)
{
    enum { CALLERS = 32 };
    struct fixture f;
    struct crowd crowd[CALLERS];
    pthread_t threads[CALLERS];

    open_with(&f, 4, 256);
    for (int i = 0; i < CALLERS; i++) {
        crowd[i] = (struct crowd){&f, READS, 0, method, is_one_user ? 7 : 100 + i};
        assert_int_equal(pthread_create(&threads[i], NULL, reader_main, &crowd[i]), 0);
    }
    int wrong = 0; /* asserted when no thread uses what stands here any more */
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        wrong += crowd[i].wrong;
    }
    assert_int_equal(wrong, 0);
    int executed = atomic_load(&f.service.executed);
    close_all(&f);
    return CALLERS * READS - executed;
}

static void
reads_are_shared_but_never_stale_nor_between_callers(void **state)
{
    (void)state;
    assert_true(shared_by_readers(read_method, true) > 0);
    assert_int_equal(shared_by_readers(read_method, false), 0);
}

static void
reads_for_an_organization_are_shared_by_its_members(void **state)
{
    (void)state;
    assert_true(shared_by_readers(org_method, false) > 0);
}

static atomic_int made_count;

/* The variant, then the payload. */
static bool
make_marked(const void *arg, unsigned variant, struct str payload, struct buf *out)
{
    (void)arg;
    atomic_fetch_add(&made_count, 1);
    buf_putc(out, (char)('a' + variant));
    buf_put(out, payload);
    return true;
}

/* As reader_main, in one of two forms. */
static void *
forming_reader_main(void *arg)
{
    struct crowd *c = arg;
    struct arena *arena = arena_new(ARENA_MAX);
    struct rpc_form form = {.make = make_marked, .arg = c->f, .variant = (unsigned)c->user_id};
    struct buf own;

    buf_init(&own, 4096);
    for (int i = 0; i < c->calls; i++) {
        struct ctx ctx;
        Assay__Event req = event("when");
        ProtobufCMessage *got = NULL;
        struct str made = STR_EMPTY;
        arena_reset(arena);
        buf_clear(&own);
        ctx_init(&ctx, arena);
        ctx.who.org_id = 1 + i % 2;
        ctx.deadline_us = clk_wall_us() + PATIENCE_US;
        int64_t began_us = clk_mono_us();
        enum rc rc = rpc_call_formed(c->f->client, &ctx, org_method, &req.base, &form, &own, &made);
        bool is_right =
            rc == RC_OK && made.n > 0 && made.p[0] == (char)('a' + c->user_id) &&
            pb_unpack(arena, &assay__event__descriptor, str_sub(made, 1, made.n), &got) == RC_OK;
        const Assay__Event *e = (const Assay__Event *)got;
        c->wrong += !is_right || e->at_us < began_us || e->org_id != ctx.who.org_id;
    }
    buf_fini(&own);
    arena_free(arena);
    return NULL;
}

/* How often 32 readers had a form made for each answer that was executed. */
static int
made_by_readers(int forms, int *out_executed)
{
    enum { CALLERS = 32 };
    struct fixture f;
    struct crowd crowd[CALLERS];
    pthread_t threads[CALLERS];

    atomic_store(&made_count, 0);
    open_with(&f, 4, 256);
    for (int i = 0; i < CALLERS; i++) {
        crowd[i] = (struct crowd){&f, READS, 0, NULL, i % forms};
        assert_int_equal(pthread_create(&threads[i], NULL, forming_reader_main, &crowd[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(crowd[i].wrong, 0);
    }
    *out_executed = atomic_load(&f.service.executed);
    close_all(&f);
    assert_true(*out_executed < CALLERS * READS); /* some shared */
    return atomic_load(&made_count);
}

static void
form_of_a_shared_answer_is_made_once(void **state)
{
    int executed = 0;

    (void)state;
    int made = made_by_readers(1, &executed);
    assert_int_equal(made, executed);
    made = made_by_readers(2, &executed);
    assert_in_range(made, executed, 32 * READS);
}

static void
form_that_cannot_be_made_is_told(void **state)
{
    struct fixture f;
    struct ctx ctx;
    struct buf own;
    struct str made = STR("untouched");
    Assay__Event req = event("when");
    struct rpc_form form = {.make = make_marked, .variant = 1};

    (void)state;
    struct arena *arena = arena_new(ARENA_MAX);
    open_with(&f, 1, 16);
    ctx_init(&ctx, arena);
    ctx.deadline_us = clk_wall_us() + PATIENCE_US;
    buf_init(&own, 2);
    assert_int_equal(rpc_call_formed(f.client, &ctx, org_method, &req.base, &form, &own, &made),
                     RC_INTERNAL);
    assert_string_equal(ctx.err.reason, "ANSWER_TOO_LARGE");
    assert_true(str_eqz(made, "untouched"));
    buf_fini(&own);
    arena_free(arena);
    close_all(&f);
}

static void *
failing_reader_main(void *arg)
{
    struct crowd *c = arg;

    for (int i = 0; i < c->calls; i++) {
        struct outcome o = call_method(c->f, read_method, "busy", PATIENCE_US);
        c->wrong +=
            o.rc != RC_ABORTED || strcmp(o.reason, "BUSY") != 0 || o.retry_after_us != RETRY_US;
    }
    return NULL;
}

/* Who rode along asks again for itself. */
static void
failure_of_one_execution_is_not_shared(void **state)
{
    enum { CALLERS = 16, CALLS = 50 };
    struct fixture f;
    struct crowd crowd[CALLERS];
    pthread_t threads[CALLERS];

    (void)state;
    open_with(&f, 4, 256);
    for (int i = 0; i < CALLERS; i++) {
        crowd[i] = (struct crowd){.f = &f, .calls = CALLS};
        assert_int_equal(pthread_create(&threads[i], NULL, failing_reader_main, &crowd[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(crowd[i].wrong, 0);
    }
    assert_int_equal(atomic_load(&f.service.executed), CALLERS * CALLS);
    close_all(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_queue_refuses_at_once),
        cmocka_unit_test(slow_calls_do_not_hold_fast_ones_back),
        cmocka_unit_test(waiting_methods_leave_the_workers_free),
        cmocka_unit_test(many_callers_each_get_their_own_answer),
        cmocka_unit_test(reads_are_shared_but_never_stale_nor_between_callers),
        cmocka_unit_test(reads_for_an_organization_are_shared_by_its_members),
        cmocka_unit_test(failure_of_one_execution_is_not_shared),
        cmocka_unit_test(form_of_a_shared_answer_is_made_once),
        cmocka_unit_test(form_that_cannot_be_made_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
