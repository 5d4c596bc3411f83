/* SPDX-License-Identifier: Apache-2.0
 *
 * Recorded actions: by selector, by text, by neither. */
#include "worker/steps/steps_lab.h"

static void
a_recorded_click_goes_by_selector(void **state)
{
    struct bench *b = *state;
    login(&b->f.screens[0]);
    b->f.found_selector = "#go";
    b->f.found_ref = 104;
    assert_int_equal(replay(b, "{\"type\":\"click\",\"selector\":\"#go\",\"text\":\"Sign in\"}"),
                     STEP_PASSED);
    assert_string_equal(b->f.log, "tap 104 ");
    assert_false(b->r.healed);
}

static void
a_gone_selector_heals_only_when_allowed_and_unique(void **state)
{
    struct bench *b = *state;
    static const char CLICK[] =
        "{\"type\":\"click\",\"selector\":\"button#old\",\"text\":\"Sign in\"}";
    login(&b->f.screens[0]);
    assert_int_equal(replay(b, CLICK), STEP_FAILED);
    b->opt.fuzzy_match = true;
    assert_int_equal(replay(b, CLICK), STEP_PASSED);
    assert_true(b->r.healed);
    MESSAGE_HAS(b, "button#old");
    fake_add(&b->f.screens[0], -1, ELEM_BUTTON, "Sign in", 400, 10, 80, 30, HOT);
    assert_int_equal(replay(b, CLICK), STEP_FAILED);
    assert_string_equal(b->f.log, "");
}

static void
a_selector_that_names_something_else_by_now_is_not_clicked(void **state)
{
    struct bench *b = *state;
    fake_add(&b->f.screens[0], -1, ELEM_BUTTON, "Delete account", 10, 10, 90, 30, HOT);
    b->f.found_selector = "#b1";
    b->f.found_ref = 100;
    assert_int_equal(replay(b, "{\"type\":\"click\",\"selector\":\"#b1\",\"text\":\"Save\"}"),
                     STEP_FAILED);
    assert_string_equal(b->f.log, "");
}

static void
recorded_gestures_are_replayed(void **state)
{
    struct bench *b = *state;
    assert_int_equal(replay(b, "{\"type\":\"tap\",\"x\":5,\"y\":6}"), STEP_PASSED);
    assert_string_equal(b->f.log, "tap -1 ");
    assert_int_equal(replay(b, "{\"type\":\"key\",\"keycode\":66}"), STEP_PASSED);
    assert_string_equal(b->f.log, "key -1 Enter");
    assert_int_equal(replay(b, "{\"type\":\"navigate\",\"url\":\"/a\"}"), STEP_PASSED);
    assert_string_equal(b->f.log, "go 0 http://shop.test/a");
    assert_int_equal(replay(b, "{\"type\":\"wait\",\"value\":1}"), STEP_PASSED);
    assert_int_equal(replay(b, "{\"type\":\"dance\"}"), STEP_ERROR);
    assert_int_equal(replay(b, "{\"type\":\"tap\",\"selector\":\"#save\"}"), STEP_ERROR);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_recorded_click_goes_by_selector),
        T(a_gone_selector_heals_only_when_allowed_and_unique),
        T(a_selector_that_names_something_else_by_now_is_not_clicked),
        T(recorded_gestures_are_replayed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
