/* SPDX-License-Identifier: Apache-2.0
 *
 * The queue of pairs when the store of the pictures is away, or has lost one. */
#include "tests/viz_queue.h"

#include "tests/tests_fixture.h"

#define PAIRS 10 /* more than are claimed at once */
#define ROUNDS (VIZ_ATTEMPTS_MAX + 1)

static int
set_up_pairs(void **state)
{
    int rc = set_up(state);

    pg_support_exec("TRUNCATE tests.viz_builds, tests.viz_images, tests.viz_pairs, tests.outbox"
                    " RESTART IDENTITY CASCADE");
    pg_support_exec(
        "INSERT INTO tests.viz_pairs (org_id, base_pixels, current_pixels, colour_delta,"
        "  cluster_min, base_blob, current_blob)"
        " SELECT 7, 'base', 'p' || n, 2, 2, 'gone', 'gone' FROM generate_series(1, 10) n");
    return rc;
}

/* All that is to do with the store at `url`, each time as soon as it is due again. */
static void
compare_with(const char *url)
{
    struct tests_cfg cfg = CFG;
    struct viz *viz = NULL;

    cfg.blob = (struct blob_settings){.url = url, .s3_access_key = "x", .s3_secret_key = "x"};
    tests.cfg = &cfg;
    assert_int_equal(viz_new(&tests, &viz), RC_OK);
    for (int round = 0; round < ROUNDS; round++) {
        struct call c = call_as(0);
        while (viz_compare_some(&tests, &c.ctx)) {
            ctx_recover(&c.ctx); /* as the loop does, which logs it */
        }
        call_end(&c);
        pg_support_exec("UPDATE tests.viz_pairs SET lease_until = now() - interval '1 second'"
                        " WHERE lease_until IS NOT NULL");
    }
    viz_free(viz);
    tests.viz = NULL;
    tests.cfg = &CFG;
}

static void
what_the_store_keeps_us_from_is_tried_until_the_store_is_back(void **state)
{
    char url[PLACE_MAX + 16];

    (void)state;
    compare_with("s3://bucket?endpoint=http://127.0.0.1:1");
    ASSERT_N("viz_pairs WHERE state = 'pending'", PAIRS);
    ASSERT_N("viz_pairs WHERE attempts > 1", 0);
    ASSERT_N("viz_pairs WHERE error LIKE 'the store of the pictures does not answer%'", PAIRS);
    (void)snprintf(url, sizeof(url), "file:%s/blobs", folder);
    compare_with(url);
    ASSERT_N("viz_pairs WHERE state = 'failed' AND error = 'a picture is gone from the store'",
             PAIRS);
}

static void
a_pair_that_breaks_whoever_compares_it_fails_in_the_end(void **state)
{
    (void)state;
    pg_support_exec("UPDATE tests.viz_pairs SET attempts = 4, fence = 4");
    compare_with("s3://bucket?endpoint=http://127.0.0.1:1");
    ASSERT_N("viz_pairs WHERE state = 'failed' AND error LIKE '%begun several times%'", PAIRS);
}

int
main(void)
{
    const struct CMUnitTest tests_of_the_queue[] = {
        cmocka_unit_test_setup(what_the_store_keeps_us_from_is_tried_until_the_store_is_back,
                               set_up_pairs),
        cmocka_unit_test_setup(a_pair_that_breaks_whoever_compares_it_fails_in_the_end,
                               set_up_pairs),
    };

    return cmocka_run_group_tests(tests_of_the_queue, open_all, close_all);
}
