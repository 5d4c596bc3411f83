/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/visual/visual.h"

static const struct visual_band clock_rows[] = {{10, 30, 0}, {20, 40, 0}};
static const struct visual_band clock_and_foot[] = {{10, 40, 0}, {500, 520, 0}};

static void
rows_that_change_in_most_builds_are_a_hotspot(void **state)
{
    struct visual_history builds[10];
    struct visual_hotspots h;

    (void)state;
    for (size_t i = 0; i < 10; i++) {
        builds[i] = i < 9 ? (struct visual_history){clock_rows, 2, true}
                          : (struct visual_history){clock_and_foot, 2, true};
    }
    assert_int_equal(visual_find_hotspots(builds, 10, VISUAL_HOTSPOT_FREQUENCY, &h), RC_OK);
    assert_int_equal(h.band_count, 1);
    assert_int_equal(h.bands[0].y1, 10);
    assert_int_equal(h.bands[0].y2, 40);
    assert_float_equal(h.bands[0].frequency, 1, 1e-9);
    assert_int_equal(h.confidence, VISUAL_CONFIDENCE_HIGH);
    assert_true(h.score >= 70 && h.score <= 100);
    assert_string_equal(h.data_source, "approved");
    assert_float_equal(h.consistency, (30 * 1.0 + 20 * 0.8) / 50, 1e-9);
}

static void
neighbours_of_different_frequency_are_one_band_with_their_mean(void **state)
{
    static const struct visual_band low[] = {{0, 10, 0}};
    static const struct visual_band both[] = {{0, 20, 0}};
    struct visual_history builds[4] = {
        {both, 1, true}, {both, 1, true}, {both, 1, false}, {low, 1, true}};
    struct visual_hotspots h;

    (void)state;
    assert_int_equal(visual_find_hotspots(builds, 4, 0.7, &h), RC_OK);
    assert_int_equal(h.band_count, 1);
    assert_int_equal(h.bands[0].y2, 20);
    assert_float_equal(h.bands[0].frequency, (10 * 1.0 + 10 * 0.75) / 20, 1e-9);
    assert_string_equal(h.data_source, "mixed");
}

static void
two_builds_are_not_enough(void **state)
{
    struct visual_history builds[2] = {{clock_rows, 2, true}, {clock_rows, 2, true}};
    struct visual_hotspots h;

    (void)state;
    assert_int_equal(visual_find_hotspots(builds, 2, 0.7, &h), RC_OK);
    assert_int_equal(h.band_count, 0);
    assert_int_equal(h.confidence, VISUAL_CONFIDENCE_NONE);
    assert_float_equal(h.score, 0, 0);
    assert_int_equal(visual_find_hotspots(builds, 0, 0.7, &h), RC_OK);
    assert_string_equal(h.data_source, "none");
}

static void
a_change_on_hot_rows_passes_and_one_beside_does_not(void **state)
{
    struct visual_hotspots h = {
        .bands = {{10, 40, 1}}, .band_count = 1, .confidence = VISUAL_CONFIDENCE_HIGH};
    struct visual_region regions[2] = {{.box = {0, 12, 50, 20}}, {.box = {90, 20, 50, 18}}};

    (void)state;
    struct visual_coverage c = visual_match_hotspots(regions, 2, &h);
    assert_float_equal(c.coverage, 1, 1e-9);
    assert_true(c.passes);
    regions[1].box.h = 100; /* to 120: rows 12 to 120, of them 28 hot */
    c = visual_match_hotspots(regions, 2, &h);
    assert_float_equal(c.coverage, 28.0 / 108, 1e-9);
    assert_false(c.passes);
    regions[1].box.h = 18;
    h.confidence = VISUAL_CONFIDENCE_MEDIUM;
    assert_false(visual_match_hotspots(regions, 2, &h).passes);
}

static void
confirmed_regions_match_in_two_dimensions(void **state)
{
    struct visual_rect clock = {100, 100, 80, 20};
    struct visual_region regions[2] = {{.box = {104, 102, 70, 16}, .pixels = 95},
                                       {.box = {400, 102, 70, 16}, .pixels = 5}};

    (void)state;
    assert_true(visual_rect_matches(regions[0].box, clock));
    assert_false(visual_rect_matches(regions[1].box, clock));
    struct visual_coverage c = visual_match_dynamic(regions, 2, &clock, 1, 0.97);
    assert_float_equal(c.coverage, 0.95, 1e-9);
    assert_true(c.passes);
    assert_false(visual_match_dynamic(regions, 2, &clock, 1, 0.94).passes);
    regions[1].pixels = 50;
    assert_false(visual_match_dynamic(regions, 2, &clock, 1, 0.97).passes);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_that_change_in_most_builds_are_a_hotspot),
        cmocka_unit_test(neighbours_of_different_frequency_are_one_band_with_their_mean),
        cmocka_unit_test(two_builds_are_not_enough),
        cmocka_unit_test(a_change_on_hot_rows_passes_and_one_beside_does_not),
        cmocka_unit_test(confirmed_regions_match_in_two_dimensions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
