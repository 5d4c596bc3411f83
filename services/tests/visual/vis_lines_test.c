/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines that two threads pass on: all of them, in order, each with the one above. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/visual/vis_lines.h"

#define STRIDE 48
#define LINES 5003 /* many times what is made ahead, and not a whole number of batches */

/* Lines repeat in runs of 1 to 300. */
static bool
begins_run(uint32_t y)
{
    return y % 7 == 0 ? y % 300 != 7 : y % 900 < 40;
}

static uint8_t
byte_of(uint32_t run, uint32_t x)
{
    return (uint8_t)(run * 31 + x);
}

/* What each side saw. */
struct log {
    uint32_t made, made_runs, out_of_order;
    uint32_t used, used_runs;
};

static bool
make(void *arg, uint32_t y, uint8_t *line)
{
    struct log *log = arg;

    log->out_of_order += y != log->made++; /* told by the thread of the test */
    if (y > 0 && !begins_run(y)) {
        return false;
    }
    for (uint32_t x = 0; x < STRIDE; x++) {
        line[x] = byte_of(log->made_runs, x);
    }
    log->made_runs++;
    return true;
}

static void
check_line(const uint8_t *line, uint32_t run)
{
    for (uint32_t x = 0; x < STRIDE; x++) {
        assert_int_equal(line[x], byte_of(run, x));
    }
}

static void
use(void *arg, const uint8_t *line, const uint8_t *above)
{
    struct log *log = arg;
    bool first = log->used == 0;
    bool begins = first || begins_run(log->used);

    assert_int_equal(above == NULL, first);
    assert_int_equal(line == above, !begins);
    if (!first) {
        check_line(above, log->used_runs - 1);
    }
    log->used_runs += begins;
    check_line(line, log->used_runs - 1);
    log->used++;
}

static void
check_run(bool threaded, uint32_t count)
{
    struct log log = {0};
    struct vis_lines lines = {
        .count = count, .stride = STRIDE, .make = make, .maker = &log, .use = use, .user = &log};
    uint8_t *space = malloc(vis_lines_space(&lines, threaded));

    assert_non_null(space);
    vis_lines_run(&lines, threaded, space);
    assert_int_equal(log.out_of_order, 0);
    assert_int_equal(log.made, count);
    assert_int_equal(log.used, count);
    assert_int_equal(log.made_runs, log.used_runs);
    free(space);
}

static void
lines_arrive_in_order_with_the_one_above_in_turns(void **state)
{
    (void)state;
    check_run(false, LINES);
    check_run(false, 1);
}

static void
lines_arrive_in_order_with_the_one_above_from_another_thread(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        check_run(true, LINES);
    }
    check_run(true, 1);
    check_run(true, 16);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_arrive_in_order_with_the_one_above_in_turns),
        cmocka_unit_test(lines_arrive_in_order_with_the_one_above_from_another_thread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
