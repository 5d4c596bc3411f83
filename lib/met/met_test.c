/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "met/met.h"

static const char *const RESULTS[] = {"hit", "mi\"ss"};

static int64_t
seven(void *arg)
{
    (void)arg;
    return 7;
}

static void
the_page_has_help_type_and_series(void **state)
{
    struct met *met = met_new();
    struct buf out;

    (void)state;
    struct met_metric *c = met_counter(met, "assay_cache_total", "Look-ups by result.",
                                       MET_LABEL("result", RESULTS, 2), MET_NO_LABEL);
    (void)met_gauge_fn(met, "assay_depth", "Depth.", seven, NULL);
    met_add(c, 1, 0, 3);
    met_add(c, 99, 0, 1);
    buf_init(&out, 65536);
    met_write(met, &out);
    assert_string_equal(out.p,
                        "# HELP assay_depth Depth.\n# TYPE assay_depth gauge\nassay_depth 7\n"
                        "# HELP assay_cache_total Look-ups by result.\n"
                        "# TYPE assay_cache_total counter\n"
                        "assay_cache_total{result=\"mi\\\"ss\"} 3\n"
                        "assay_cache_total{result=\"other\"} 1\n");
    buf_fini(&out);
    met_free(met);
}

static void
histogram_buckets_are_cumulative_and_in_seconds(void **state)
{
    struct met *met = met_new();
    struct buf out;

    (void)state;
    struct met_metric *h =
        met_histogram(met, "x_seconds", "Durations.", MET_NO_LABEL, MET_NO_LABEL);
    met_observe_us(h, 0, 0, 400);
    met_observe_us(h, 0, 0, 1000);
    met_observe_us(h, 0, 0, 60000000);
    buf_init(&out, 65536);
    met_write(met, &out);
    assert_non_null(strstr(out.p, "x_seconds_bucket{le=\"0.0005\"} 1\n"));
    assert_non_null(strstr(out.p, "x_seconds_bucket{le=\"0.001\"} 2\n"));
    assert_non_null(strstr(out.p, "x_seconds_bucket{le=\"30\"} 2\n"));
    assert_non_null(strstr(out.p, "x_seconds_bucket{le=\"+Inf\"} 3\n"));
    assert_non_null(strstr(out.p, "x_seconds_sum 60.001400\nx_seconds_count 3\n"));
    buf_fini(&out);
    met_free(met);
}

static void *
count_many(void *arg)
{
    for (int i = 0; i < 10000; i++) {
        met_add(arg, 0, 0, 1);
    }
    return NULL;
}

static void
no_count_is_lost_between_threads(void **state)
{
    struct met *met = met_new();
    pthread_t threads[4];

    (void)state;
    struct met_metric *c = met_counter(met, "n_total", "N.", MET_NO_LABEL, MET_NO_LABEL);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count_many, c), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(met_value(c, 0, 0), 40000);
    met_free(met);
}

static void
without_metrics_counting_does_nothing(void **state)
{
    (void)state;
    struct met_metric *none = met_counter(NULL, "n", "N.", MET_NO_LABEL, MET_NO_LABEL);
    met_add(none, 0, 0, 1);
    met_observe_us(none, 0, 0, 1);
    assert_int_equal(met_value(none, 0, 0), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_has_help_type_and_series),
        cmocka_unit_test(histogram_buckets_are_cumulative_and_in_seconds),
        cmocka_unit_test(no_count_is_lost_between_threads),
        cmocka_unit_test(without_metrics_counting_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
