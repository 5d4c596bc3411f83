/* SPDX-License-Identifier: Apache-2.0
 *
 * The queue of pairs when the store of the pictures is away, or has lost one. */
#include "tests/vizzly/viz_queue.h"

#include <signal.h>
#include <sys/resource.h>
#include <turbojpeg.h>

#include "tests/tests_fixture.h"

#define PAIRS 10 /* more than are claimed at once */
#define ROUNDS (VIZ_ATTEMPTS_MAX + 1)
_Static_assert(VIZ_ATTEMPTS_MAX == 4, "the attempts that tests begin with");

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

/* All that is to do with the store at `url`, so many times, each as soon as it is due again. */
static void
compare_with(const char *url, int rounds)
{
    struct tests_cfg cfg = CFG;
    struct viz *viz = NULL;

    cfg.blob = (struct blob_settings){.url = url, .s3_access_key = "x", .s3_secret_key = "x"};
    tests.cfg = &cfg;
    assert_int_equal(viz_new(&tests, &viz), RC_OK);
    for (int round = 0; round < rounds; round++) {
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
    /* One attempt is left: a second round without the store would be one too many. */
    pg_support_exec("UPDATE tests.viz_pairs SET attempts = 3, fence = 3");
    compare_with("s3://bucket?endpoint=http://127.0.0.1:1", 2);
    ASSERT_N("viz_pairs WHERE state = 'pending' AND attempts = 3 AND fence = 5", PAIRS);
    ASSERT_N("viz_pairs WHERE error = 'the file store does not answer;"
             " the comparison is tried again'",
             PAIRS);
    (void)snprintf(url, sizeof(url), "file:%s/blobs", folder);
    compare_with(url, ROUNDS);
    ASSERT_N("viz_pairs WHERE state = 'failed' AND error = 'a picture is gone from the store'",
             PAIRS);
}

/* Two pictures that differ, for all pairs. */
static void
store_pictures(const char *url)
{
    const struct blob_cfg cfg = {.url = str_z(url)};
    static unsigned char rgb[96 * 96 * 3];
    struct blob_store *store = NULL;
    const char *why = NULL;

    assert_int_equal(blob_open(&cfg, &store, &why), RC_OK);
    for (int i = 0; i < 2; i++) {
        struct call c = call_as(ORG);
        unsigned char *jpeg = NULL;
        unsigned long n = 0;
        memset(rgb, 255, sizeof(rgb));
        memset(rgb, 40, sizeof(rgb) / 2 * (size_t)i);
        tjhandle tj = tjInitCompress();
        assert_int_equal(tjCompress2(tj, rgb, 96, 0, 96, TJPF_RGB, &jpeg, &n, TJSAMP_444, 90, 0),
                         0);
        assert_int_equal(blob_put(store, &c.ctx, i == 0 ? STR("one") : STR("other"),
                                  str_n((const char *)jpeg, n), NULL),
                         RC_OK);
        tjFree(jpeg);
        (void)tjDestroy(tj);
        call_end(&c);
    }
    blob_close(store);
    pg_support_exec("UPDATE tests.viz_pairs SET base_blob = 'one', current_blob = 'other'");
}

/* No file may be larger than `bytes`: what is written fails as on a full disk. Returns what was. */
static rlim_t
limit_files(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    return before;
}

static void
a_full_disk_fails_no_comparison(void **state)
{
    char url[PLACE_MAX + 16];

    (void)state;
    (void)snprintf(url, sizeof(url), "file:%s/blobs", folder);
    store_pictures(url);
    (void)signal(SIGXFSZ, SIG_IGN);
    rlim_t before = limit_files(16);
    compare_with(url, ROUNDS);
    (void)limit_files(before);
    ASSERT_N("viz_pairs WHERE state = 'pending' AND attempts = 0", PAIRS);
    ASSERT_N("viz_pairs WHERE error = 'there is no room to store this;"
             " the comparison is tried again'",
             PAIRS);
    compare_with(url, ROUNDS);
    ASSERT_N("viz_pairs WHERE state = 'done' AND error IS NULL AND verdict = 'different'"
             " AND diff_blob IS NOT NULL AND attempts = 1",
             PAIRS);
}

static void
a_pair_that_breaks_whoever_compares_it_fails_in_the_end(void **state)
{
    (void)state;
    pg_support_exec("UPDATE tests.viz_pairs SET attempts = 4, fence = 4");
    compare_with("s3://bucket?endpoint=http://127.0.0.1:1", 1);
    ASSERT_N("viz_pairs WHERE state = 'failed' AND error LIKE '%begun several times%'", PAIRS);
}

int
main(void)
{
    const struct CMUnitTest tests_of_the_queue[] = {
        cmocka_unit_test_setup(what_the_store_keeps_us_from_is_tried_until_the_store_is_back,
                               set_up_pairs),
        cmocka_unit_test_setup(a_full_disk_fails_no_comparison, set_up_pairs),
        cmocka_unit_test_setup(a_pair_that_breaks_whoever_compares_it_fails_in_the_end,
                               set_up_pairs),
    };

    return cmocka_run_group_tests(tests_of_the_queue, open_all, close_all);
}
