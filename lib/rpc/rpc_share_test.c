/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads that ask for the same become one, at a link whose server is worked by hand: it holds every
 * lane until the test answers, so what waits to be sent is known. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#undef fail /* ours is in base/ctx.h */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>

#include "rpc/rpc_link.h"
#include "tests/support/place.h"

#define LANES 3 /* as many frames as a link has out */
#define CALLS_MAX 8
#define PATIENCE_US (20 * ASSAY_US_PER_S)
#define SHORT_US ASSAY_US_PER_S /* long enough for others to join, on a slow machine too */

struct caller {
    pthread_t thread;
    struct rpc_link *link;
    char wire[32], same[32];
    int64_t timeout_us;
    enum rpc_fate fate;
    struct rpc_answer answer;
    atomic_bool has_left;
};

struct fixture {
    char dir[PLACE_MAX], url[96];
    nng_socket sock;
    nng_ctx lanes[LANES];
    nng_aio *aios[LANES];
    struct rpc_link *link;
    struct caller callers[CALLS_MAX];
    int count;
};

static void
ignore_change(void *arg)
{
    (void)arg;
}

static void
wait_for(bool (*is_so)(struct fixture *f, int n), struct fixture *f, int n)
{
    struct timespec pause = {.tv_nsec = 1000 * 1000};
    int64_t end_us = clk_mono_us() + PATIENCE_US;

    while (!is_so(f, n)) {
        assert_true(clk_mono_us() < end_us);
        (void)nanosleep(&pause, NULL);
    }
}

static bool
is_usable(struct fixture *f, int n)
{
    (void)n;
    return rpc_link_is_usable(f->link);
}

static bool
has_load(struct fixture *f, int n)
{
    return rpc_link_load(f->link) == n;
}

/* --- callers ------------------------------------------------------------------------------- */

static void *
caller_main(void *arg)
{
    struct caller *c = arg;

    c->fate = rpc_link_call(c->link, str_z(c->wire), str_z(c->same), clk_wall_us() + c->timeout_us,
                            &c->answer);
    atomic_store(&c->has_left, true);
    return NULL;
}

/* Starts a call and returns when it is at the link: `load` calls are there then. */
static struct caller *
start(struct fixture *f, const char *wire, const char *same, int64_t timeout_us, int load)
{
    struct caller *c = &f->callers[f->count++];

    c->link = f->link;
    c->timeout_us = timeout_us;
    (void)snprintf(c->wire, sizeof(c->wire), "%s", wire);
    (void)snprintf(c->same, sizeof(c->same), "%s", same);
    assert_int_equal(pthread_create(&c->thread, NULL, caller_main, c), 0);
    wait_for(has_load, f, load);
    return c;
}

/* Waits for the end of a call that got `body` as its answer (NULL: none). */
static void
ends(struct caller *c, enum rpc_fate fate, const char *body, bool is_shared)
{
    assert_int_equal(pthread_join(c->thread, NULL), 0);
    assert_int_equal(c->fate, fate);
    assert_int_equal(c->answer.is_shared, is_shared);
    if (body == NULL) {
        assert_null(c->answer.slab);
        assert_null(c->answer.party);
    } else {
        assert_true(str_eqz(c->answer.body, body));
    }
    rpc_answer_drop(&c->answer);
}

/* --- the server ---------------------------------------------------------------------------- */

/* Takes the next frame of a lane; its one call goes to *out_id, "" when it brings none. */
static void
take(struct fixture *f, int lane, char wire[32], uint32_t *out_id)
{
    struct rpc_frame frame;
    struct str body = STR_EMPTY;

    nng_ctx_recv(f->lanes[lane], f->aios[lane]);
    nng_aio_wait(f->aios[lane]);
    assert_int_equal(nng_aio_result(f->aios[lane]), 0);
    nng_msg *msg = nng_aio_get_msg(f->aios[lane]);
    assert_int_equal(rpc_frame_parse(rpc_msg_str(msg), &frame), RC_OK);
    assert_true(frame.count <= 1);
    (void)rpc_frame_next(&frame, out_id, &body);
    (void)snprintf(wire, 32, "%.*s", STR_ARG(body));
    nng_msg_free(msg);
}

/* Sends the lane's frame back: empty, or with the answer to call `id`. */
static void
give_back(struct fixture *f, int lane, uint32_t id, const char *body)
{
    char bytes[RPC_FRAME_HEAD + RPC_FRAME_ENTRY];
    size_t n = strlen(body);
    nng_msg *msg = NULL;

    rpc_frame_put_head(bytes, 1, 0, n > 0);
    rpc_frame_put_entry(bytes + RPC_FRAME_HEAD, id, n);
    assert_int_equal(nng_msg_alloc(&msg, 0), 0);
    assert_int_equal(nng_msg_append(msg, bytes, n > 0 ? sizeof(bytes) : RPC_FRAME_HEAD), 0);
    assert_int_equal(nng_msg_append(msg, body, n), 0);
    nng_aio_set_msg(f->aios[lane], msg);
    nng_ctx_send(f->lanes[lane], f->aios[lane]);
    nng_aio_wait(f->aios[lane]);
    assert_int_equal(nng_aio_result(f->aios[lane]), 0);
}

/* Opens both ends and fills every lane: what is called from now on waits. */
static void
open_all(struct fixture *f)
{
    const char *why = "";
    char wire[32];
    uint32_t id;

    *f = (struct fixture){.dir = ""};
    place_make(f->dir, "share");
    (void)snprintf(f->url, sizeof(f->url), "ipc://%s/svc.1", f->dir);
    assert_int_equal(nng_rep0_open(&f->sock), 0);
    for (int i = 0; i < LANES; i++) {
        assert_int_equal(nng_ctx_open(&f->lanes[i], f->sock), 0);
        assert_int_equal(nng_aio_alloc(&f->aios[i], NULL, NULL), 0);
    }
    assert_int_equal(nng_listen(f->sock, f->url, NULL, 0), 0);
    struct rpc_link_cfg cfg = {.url = f->url, .message_max = 65536, .changed = ignore_change};
    assert_int_equal(rpc_link_open(&cfg, &f->link, &why), RC_OK);
    wait_for(is_usable, f, 0);
    for (int i = 0; i < LANES; i++) {
        char own[] = {(char)('1' + i), '\0'};
        (void)start(f, own, own, PATIENCE_US, i + 1);
        take(f, i, wire, &id);
        assert_string_equal(wire, own);
    }
}

static void
close_all(struct fixture *f)
{
    rpc_link_shutdown(f->link);
    for (int i = 0; i < LANES; i++) {
        ends(&f->callers[i], RPC_LOST, NULL, false);
        (void)nng_ctx_close(f->lanes[i]);
        nng_aio_free(f->aios[i]);
    }
    rpc_link_unref(f->link);
    (void)nng_close(f->sock);
    (void)remove(f->url + strlen("ipc://"));
    assert_int_equal(rmdir(f->dir), 0);
}

/* --- tests --------------------------------------------------------------------------------- */

static void
calls_that_wait_for_the_same_travel_as_one(void **state)
{
    struct fixture f;
    char wire[32];
    uint32_t id = 0;

    (void)state;
    open_all(&f);
    struct caller *a = start(&f, "a", "same", PATIENCE_US, 4);
    struct caller *b = start(&f, "b", "same", PATIENCE_US, 5);
    struct caller *c = start(&f, "c", "same", PATIENCE_US, 6);
    give_back(&f, 0, 0, "");
    take(&f, 0, wire, &id);
    assert_string_equal(wire, "a");
    give_back(&f, 0, id, "answer");
    ends(a, RPC_ANSWERED, "answer", false);
    ends(b, RPC_ANSWERED, "answer", true);
    ends(c, RPC_ANSWERED, "answer", true);
    wait_for(has_load, &f, LANES);
    close_all(&f);
}

/* One frame brings both. */
static void
calls_for_different_things_travel_apart(void **state)
{
    struct fixture f;
    struct rpc_frame frame;

    (void)state;
    open_all(&f);
    struct caller *a = start(&f, "a", "this", PATIENCE_US, 4);
    struct caller *b = start(&f, "b", "that", PATIENCE_US, 5);
    struct caller *c = start(&f, "c", "", PATIENCE_US, 6);
    struct caller *d = start(&f, "d", "", PATIENCE_US, 7);
    give_back(&f, 0, 0, "");
    nng_ctx_recv(f.lanes[0], f.aios[0]);
    nng_aio_wait(f.aios[0]);
    nng_msg *msg = nng_aio_get_msg(f.aios[0]);
    assert_int_equal(rpc_frame_parse(rpc_msg_str(msg), &frame), RC_OK);
    assert_int_equal(frame.count, 4);
    nng_msg_free(msg);
    rpc_link_shutdown(f.link);
    ends(a, RPC_LOST, NULL, false);
    ends(b, RPC_LOST, NULL, false);
    ends(c, RPC_LOST, NULL, false);
    ends(d, RPC_LOST, NULL, false);
    close_all(&f);
}

/* A call that has left began before: its answer would be too old. */
static void
call_that_was_sent_is_not_joined(void **state)
{
    struct fixture f;
    char wire[32];
    uint32_t first = 0;
    uint32_t second = 0;

    (void)state;
    open_all(&f);
    struct caller *a = start(&f, "a", "same", PATIENCE_US, 4);
    give_back(&f, 0, 0, "");
    take(&f, 0, wire, &first);
    struct caller *b = start(&f, "b", "same", PATIENCE_US, 5);
    give_back(&f, 1, first, "old");
    ends(a, RPC_ANSWERED, "old", false);
    take(&f, 1, wire, &second);
    assert_string_equal(wire, "b");
    give_back(&f, 1, second, "new");
    ends(b, RPC_ANSWERED, "new", false);
    close_all(&f);
}

static void
rider_takes_over_when_the_queued_call_gives_up(void **state)
{
    struct fixture f;
    char wire[32];
    uint32_t id = 0;

    (void)state;
    open_all(&f);
    struct caller *a = start(&f, "a", "same", SHORT_US, 4);
    struct caller *b = start(&f, "b", "same", PATIENCE_US, 5);
    struct caller *c = start(&f, "c", "same", PATIENCE_US, 6);
    ends(a, RPC_TOO_LATE, NULL, false);
    wait_for(has_load, &f, 5);
    give_back(&f, 0, 0, "");
    take(&f, 0, wire, &id);
    assert_string_equal(wire, "b");
    give_back(&f, 0, id, "answer");
    ends(b, RPC_ANSWERED, "answer", false);
    ends(c, RPC_ANSWERED, "answer", true);
    close_all(&f);
}

static void
rider_takes_over_when_the_sent_call_gives_up(void **state)
{
    struct fixture f;
    char wire[32];
    uint32_t id = 0;

    (void)state;
    open_all(&f);
    struct caller *a = start(&f, "a", "same", SHORT_US, 4);
    struct caller *b = start(&f, "b", "same", PATIENCE_US, 5);
    give_back(&f, 0, 0, "");
    take(&f, 0, wire, &id);
    assert_string_equal(wire, "a");
    ends(a, RPC_TIMED_OUT, NULL, false);
    give_back(&f, 0, id, "answer");
    ends(b, RPC_ANSWERED, "answer", false);
    close_all(&f);
}

static void
rider_that_gives_up_leaves_the_others_alone(void **state)
{
    struct fixture f;
    char wire[32];
    uint32_t id = 0;

    (void)state;
    open_all(&f);
    struct caller *a = start(&f, "a", "same", PATIENCE_US, 4);
    struct caller *b = start(&f, "b", "same", SHORT_US, 5);
    struct caller *c = start(&f, "c", "same", PATIENCE_US, 6);
    ends(b, RPC_TOO_LATE, NULL, false);
    wait_for(has_load, &f, 5);
    give_back(&f, 0, 0, "");
    take(&f, 0, wire, &id);
    give_back(&f, 0, id, "answer");
    ends(a, RPC_ANSWERED, "answer", false);
    ends(c, RPC_ANSWERED, "answer", true);
    close_all(&f);
}

static void
lost_connection_ends_riders_too(void **state)
{
    struct fixture f;
    char wire[32];
    uint32_t id = 0;

    (void)state;
    open_all(&f);
    struct caller *a = start(&f, "a", "same", PATIENCE_US, 4);
    struct caller *b = start(&f, "b", "same", PATIENCE_US, 5);
    give_back(&f, 0, 0, "");
    take(&f, 0, wire, &id);
    struct caller *c = start(&f, "c", "other", PATIENCE_US, 6);
    struct caller *d = start(&f, "d", "other", PATIENCE_US, 7);
    rpc_link_shutdown(f.link);
    ends(a, RPC_LOST, NULL, false);
    ends(b, RPC_LOST, NULL, true);
    ends(c, RPC_UNSENT, NULL, false);
    ends(d, RPC_UNSENT, NULL, true);
    close_all(&f);
}

static bool
make_nothing(const void *arg, unsigned variant, struct str payload, struct buf *out)
{
    (void)arg;
    (void)variant;
    (void)payload;
    (void)out;
    return true;
}

static bool
has_left(struct fixture *f, int n)
{
    return atomic_load(&f->callers[n].has_left);
}

static void
leader_makes_for_all_before_they_wake(void **state)
{
    struct fixture f;
    char wire[32];
    uint32_t id = 0;
    struct rpc_form form = {.make = make_nothing, .arg = wire, .variant = 1};
    struct rpc_form other = {.make = make_nothing, .arg = wire, .variant = 2};
    struct str made;

    (void)state;
    open_all(&f);
    struct caller *a = start(&f, "a", "same", PATIENCE_US, 4);
    struct caller *b = start(&f, "b", "same", PATIENCE_US, 5);
    struct caller *c = start(&f, "c", "same", PATIENCE_US, 6);
    give_back(&f, 0, 0, "");
    take(&f, 0, wire, &id);
    give_back(&f, 0, id, "answer");
    wait_for(has_left, &f, LANES);
    assert_false(atomic_load(&b->has_left) || atomic_load(&c->has_left));
    struct buf *room = rpc_party_room(&a->answer);
    assert_non_null(room);
    buf_init(room, 64);
    buf_putz(room, "made");
    rpc_party_serve(&a->answer, &form);
    wait_for(has_left, &f, LANES + 1);
    wait_for(has_left, &f, LANES + 2);
    assert_null(rpc_party_room(&a->answer));
    assert_null(rpc_party_room(&b->answer));
    assert_true(rpc_party_made(&b->answer, &form, &made));
    assert_false(rpc_party_made(&b->answer, &other, &made));
    ends(a, RPC_ANSWERED, "answer", false);
    ends(c, RPC_ANSWERED, "answer", true);
    assert_true(str_eqz(made, "made")); /* it lives as long as one of them needs it */
    ends(b, RPC_ANSWERED, "answer", true);
    close_all(&f);
}

static void
call_that_is_left_alone_makes_for_itself(void **state)
{
    struct fixture f;
    char wire[32];
    uint32_t id = 0;

    (void)state;
    open_all(&f);
    struct caller *a = start(&f, "a", "same", PATIENCE_US, 4);
    struct caller *b = start(&f, "b", "same", SHORT_US, 5);
    ends(b, RPC_TOO_LATE, NULL, false);
    wait_for(has_load, &f, 4);
    give_back(&f, 0, 0, "");
    take(&f, 0, wire, &id);
    give_back(&f, 0, id, "answer");
    wait_for(has_left, &f, LANES);
    assert_null(rpc_party_room(&a->answer));
    ends(a, RPC_ANSWERED, "answer", false);
    close_all(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_that_wait_for_the_same_travel_as_one),
        cmocka_unit_test(calls_for_different_things_travel_apart),
        cmocka_unit_test(call_that_was_sent_is_not_joined),
        cmocka_unit_test(rider_takes_over_when_the_queued_call_gives_up),
        cmocka_unit_test(rider_takes_over_when_the_sent_call_gives_up),
        cmocka_unit_test(rider_that_gives_up_leaves_the_others_alone),
        cmocka_unit_test(lost_connection_ends_riders_too),
        cmocka_unit_test(leader_makes_for_all_before_they_wake),
        cmocka_unit_test(call_that_is_left_alone_makes_for_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
