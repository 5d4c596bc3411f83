/* SPDX-License-Identifier: Apache-2.0
 *
 * How many requests an endpoint may have: grows with success, falls with failure, and nobody holds
 * what others need. */
#include "webhooks/whk_lanes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define FLIGHTS 16
#define WINDOW 8
#define QUICK (10 * ASSAY_US_PER_MS)
#define SLOW (5 * ASSAY_US_PER_S)

static struct whk_lanes lanes;
static struct arena *arena;
static struct ctx ctx;

static int
set_up(void **state)
{
    (void)state;
    arena = arena_new(1 << 20);
    ctx_init(&ctx, arena);
    return whk_lanes_init(&lanes, FLIGHTS, WINDOW) ? 0 : 1;
}

static int
tear_down(void **state)
{
    (void)state;
    whk_lanes_fini(&lanes);
    arena_free(arena);
    return 0;
}

/* -1: not known, which is one. */
static int64_t
room_of(int64_t endpoint)
{
    struct whk_room room;

    assert_int_equal(whk_lanes_room(&lanes, &ctx, &room), RC_OK);
    for (size_t i = 0; i < room.count; i++) {
        if (room.endpoints[i] == endpoint) {
            return room.rooms[i];
        }
    }
    return -1;
}

static int64_t
room_in_all(void)
{
    struct whk_room room;
    int64_t n = 0;

    assert_int_equal(whk_lanes_room(&lanes, &ctx, &room), RC_OK);
    for (size_t i = 0; i < room.count; i++) {
        n += room.rooms[i];
    }
    return n;
}

static void
begin(int64_t endpoint, int n)
{
    for (int i = 0; i < n; i++) {
        whk_lanes_begin(&lanes, endpoint);
    }
}

static bool
has_some(int64_t endpoint)
{
    for (size_t i = 0; i < lanes.count; i++) {
        if (lanes.lanes[i].endpoint_id == endpoint) {
            return lanes.lanes[i].under_way > 0;
        }
    }
    return false;
}

static int64_t
somebody_with_room(void)
{
    struct whk_room room;

    assert_int_equal(whk_lanes_room(&lanes, &ctx, &room), RC_OK);
    for (size_t i = 0; i < room.count; i++) {
        if (room.rooms[i] > 0) {
            return room.endpoints[i];
        }
    }
    fail_msg("nobody has room");
    return 0;
}

static void
a_success_doubles_up_to_the_bound_and_a_failure_begins_anew(void **state)
{
    static const int64_t WINDOWS[] = {2, 4, 8, 8};

    (void)state;
    begin(1, 1);
    assert_int_equal(room_of(1), 0);
    for (size_t i = 0; i < ARRAY_LEN(WINDOWS); i++) {
        begin(1, 1); /* keeps the lane known */
        whk_lanes_end(&lanes, 1, true, QUICK);
        assert_int_equal(room_of(1), WINDOWS[i] - 1);
    }
    begin(1, 5);
    whk_lanes_end(&lanes, 1, false, QUICK);
    assert_int_equal(room_of(1), 0); /* five under way, one allowed: no room, and none below zero */
    assert_int_equal(room_of(2), -1);
}

/* Between a failure and its storing nothing more is asked of the endpoint. */
static void
who_has_just_failed_gets_nothing(void **state)
{
    (void)state;
    begin(1, 1);
    for (int i = 0; i < 3; i++) {
        begin(1, 1);
        whk_lanes_end(&lanes, 1, true, QUICK);
    }
    assert_int_equal(room_of(1), WINDOW - 1);
    whk_lanes_doubt(&lanes, 1);
    assert_int_equal(room_of(1), 0);
    whk_lanes_forget_idle(&lanes);
    assert_int_equal(room_of(1), 0);
    whk_lanes_end(&lanes, 1, false, QUICK);
    assert_int_equal(room_of(1), 1);
}

static void
endpoints_know_nothing_of_each_other(void **state)
{
    (void)state;
    begin(1, 2);
    begin(2, 2);
    whk_lanes_end(&lanes, 1, false, QUICK);
    whk_lanes_end(&lanes, 2, true, QUICK);
    assert_int_equal(room_of(1), 0);
    assert_int_equal(room_of(2), 1);
}

static void
who_has_nothing_under_way_is_forgotten_unless_slow(void **state)
{
    (void)state;
    begin(1, 1);
    begin(2, 1);
    begin(3, 1);
    whk_lanes_end(&lanes, 1, true, QUICK);
    whk_lanes_end(&lanes, 2, true, SLOW);
    whk_lanes_end(&lanes, 3, false, SLOW); /* who fails is no slow one: the table knows him */
    whk_lanes_forget_idle(&lanes);
    assert_int_equal(room_of(1), -1);
    assert_int_equal(room_of(2), 1);
    assert_int_equal(room_of(3), -1);
    /* Quick once, and it is like others. */
    begin(2, 1);
    whk_lanes_end(&lanes, 2, true, QUICK);
    whk_lanes_forget_idle(&lanes);
    assert_int_equal(room_of(2), -1);
}

static void
slow_endpoints_share_a_quarter_and_take_turns(void **state)
{
    const int64_t share = FLIGHTS / 4 + 1;

    (void)state;
    for (int64_t e = 1; e <= 10; e++) {
        begin(e, 1);
        whk_lanes_end(&lanes, e, true, SLOW);
        whk_lanes_forget_idle(&lanes);
    }
    assert_int_equal(room_in_all(), share);
    for (int64_t n = 0; n < share; n++) {
        /* Those that have none come first, though two successes would allow more. */
        for (int64_t e = 1; e <= 10; e++) {
            assert_true(room_of(e) == 0 || !has_some(e));
        }
        begin(somebody_with_room(), 1);
    }
    assert_int_equal(room_in_all(), 0);
    /* The place that is free now goes to one of them; others are not touched by it. */
    begin(50, 1);
    begin(50, 1);
    whk_lanes_end(&lanes, 50, true, QUICK);
    assert_int_equal(room_in_all(), 1);
    for (int64_t e = 1; e <= 10; e++) {
        if (has_some(e)) {
            whk_lanes_end(&lanes, e, true, SLOW);
            break;
        }
    }
    assert_int_equal(room_in_all(), 2);
}

/* More slow ones than there is room for: each gets it within as many rounds as there are. */
static void
no_slow_endpoint_is_left_out(void **state)
{
    bool had[11] = {false};

    (void)state;
    for (int64_t e = 1; e <= 10; e++) {
        begin(e, 1);
        whk_lanes_end(&lanes, e, true, SLOW);
    }
    for (int round = 0; round < 10; round++) {
        struct whk_room room;
        assert_int_equal(whk_lanes_room(&lanes, &ctx, &room), RC_OK);
        for (size_t i = 0; i < room.count; i++) {
            had[room.endpoints[i]] = had[room.endpoints[i]] || room.rooms[i] > 0;
        }
    }
    for (int64_t e = 1; e <= 10; e++) {
        assert_true(had[e]);
    }
}

static void
there_is_a_lane_for_all_that_can_be_under_way(void **state)
{
    (void)state;
    /* The most that slow ones can leave behind, then a full house that ends, then its successors.
     */
    for (int64_t e = 1; e <= 3 * FLIGHTS; e++) {
        begin(e, 1);
        whk_lanes_end(&lanes, e, true, SLOW);
        whk_lanes_forget_idle(&lanes);
    }
    for (int64_t e = 1000; e < 1000 + FLIGHTS; e++) {
        begin(e, 1);
    }
    for (int64_t e = 1000; e < 1000 + FLIGHTS; e++) {
        whk_lanes_end(&lanes, e, true, SLOW);
    }
    for (int64_t e = 2000; e < 2000 + FLIGHTS + FLIGHTS / 4 + 1; e++) {
        begin(e, 1);
    }
    whk_lanes_forget_idle(&lanes);
    assert_true(lanes.count <= 3 * FLIGHTS);
}

#define L(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        L(a_success_doubles_up_to_the_bound_and_a_failure_begins_anew),
        L(who_has_just_failed_gets_nothing),
        L(endpoints_know_nothing_of_each_other),
        L(who_has_nothing_under_way_is_forgotten_unless_slow),
        L(slow_endpoints_share_a_quarter_and_take_turns),
        L(no_slow_endpoint_is_left_out),
        L(there_is_a_lane_for_all_that_can_be_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
