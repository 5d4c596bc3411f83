/* SPDX-License-Identifier: Apache-2.0
 *
 * The gauges by which somebody who sleeps is told of a run that does not go on. */
#include "tests/tests_fixture.h"

enum { QUEUED, WAITING, ALLOCATING, RUNNING, RELEASING, STATES };

static void
assert_jobs(const int64_t want[STATES])
{
    (void)run_loop(tst_measure);
    for (size_t i = 0; i < STATES; i++) {
        assert_int_equal(met_value(tests.gauges.jobs, i, 0), want[i]);
    }
}

static void
runs_that_wait_and_leases_that_ran_out_are_told_with_their_age(void **state)
{
    struct met *met = met_new();
    struct call c = call_as(ORG);

    (void)state;
    tests.gauges = tst_gauges_make(met);
    assert_jobs((const int64_t[STATES]){0});
    assert_int_equal(met_value(tests.gauges.waiting, 0, 0), 0);
    assert_int_equal(met_value(tests.gauges.overdue, 0, 0), 0);

    for (int i = 0; i < 4; i++) {
        (void)queue_run(&c, 1);
    }
    pg_support_exec(
        "UPDATE tests.jobs SET created_at = now() - interval '1 hour'"
        " WHERE id = (SELECT min(id) FROM tests.jobs);"
        "UPDATE tests.jobs SET state = 'waiting' WHERE id = (SELECT min(id) FROM tests.jobs);"
        "UPDATE tests.jobs SET state = 'running', lease_until = now() - interval '5 minutes',"
        " created_at = now() - interval '9 hours'"
        " WHERE id = (SELECT max(id) FROM tests.jobs)");
    assert_jobs((const int64_t[STATES]){[QUEUED] = 2, [WAITING] = 1, [RUNNING] = 1});
    assert_in_range(met_value(tests.gauges.waiting, 0, 0), 3600, 7200);
    assert_in_range(met_value(tests.gauges.overdue, 0, 0), 300, 3600);

    pg_support_exec("UPDATE tests.jobs SET state = 'done'");
    assert_jobs((const int64_t[STATES]){0});
    assert_int_equal(met_value(tests.gauges.waiting, 0, 0), 0);
    assert_int_equal(met_value(tests.gauges.overdue, 0, 0), 0);
    call_end(&c);
    tests.gauges = (struct tst_gauges){0};
    met_free(met);
}

int
main(void)
{
    const struct CMUnitTest all[] = {
        T(runs_that_wait_and_leases_that_ran_out_are_told_with_their_age),
    };
    return cmocka_run_group_tests(all, open_all, close_all);
}
