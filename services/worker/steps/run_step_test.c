/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/steps/run_step.h"
#include "worker/steps/steps_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* cmocka's own fail() stands in the way of ours. */
#include <cmocka.h>

struct bench {
    struct fake f;
    struct arena *arena;
    struct arena *values;
    struct ctx ctx;
    struct step_vars *vars;
    struct step_options opt;
    struct step_result r;
};

static int
set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    b->arena = arena_new(8 * 1024 * 1024);
    b->values = arena_new(1024 * 1024);
    b->vars = calloc(1, sizeof(*b->vars));
    ctx_init(&b->ctx, b->arena);
    vars_init(b->vars, b->values);
    fake_init(&b->f);
    b->opt.timeout_us = 150 * ASSAY_US_PER_MS;
    b->opt.base_url = STR("http://shop.test/start");
    *state = b;
    return 0;
}

static int
tear_down(void **state)
{
    struct bench *b = *state;
    arena_free(b->arena);
    arena_free(b->values);
    free(b->vars);
    free(b);
    return 0;
}

static enum step_verdict
run(struct bench *b, const char *sentence)
{
    b->f.log[0] = '\0';
    assert_int_equal(run_sentence(&b->ctx, &b->f.base, b->vars, &b->opt, str_z(sentence), &b->r),
                     RC_OK);
    return b->r.verdict;
}

static enum step_verdict
replay(struct bench *b, const char *json)
{
    const struct json_value *v = NULL;
    b->f.log[0] = '\0';
    assert_int_equal(json_parse(str_z(json), b->arena, &v, NULL), RC_OK);
    assert_int_equal(run_recorded(&b->ctx, &b->f.base, b->vars, &b->opt, v, &b->r), RC_OK);
    return b->r.verdict;
}

static enum step_verdict
check(struct bench *b, const char *json)
{
    const struct json_value *v = NULL;
    assert_int_equal(json_parse(str_z(json), b->arena, &v, NULL), RC_OK);
    assert_int_equal(run_check(&b->ctx, &b->f.base, b->vars, &b->opt, v, &b->r), RC_OK);
    return b->r.verdict;
}

#define MESSAGE_HAS(b, part) assert_true(str_find((b)->r.message, STR(part)) >= 0)

static void
login(struct fake_screen *s)
{
    int form = fake_add(s, -1, ELEM_FORM, "", 0, 0, 600, 400, SHOWN);
    fake_add(s, form, ELEM_TEXTBOX, "Email", 10, 10, 200, 30, HOT | ELEM_EDITABLE);
    fake_add(s, form, ELEM_TEXTBOX, "Password", 10, 50, 200, 30, HOT | ELEM_EDITABLE | ELEM_SECRET);
    fake_add(s, form, ELEM_CHECKBOX, "Remember me", 10, 90, 20, 20, HOT);
    fake_add(s, form, ELEM_BUTTON, "Sign in", 10, 130, 100, 30, HOT);
}

static void
a_tap_reaches_the_named_button(void **state)
{
    struct bench *b = *state;
    login(&b->f.screens[0]);
    assert_int_equal(run(b, "Tap 'Sign in'"), STEP_PASSED);
    assert_string_equal(b->f.log, "tap 104 ");
    assert_string_equal(b->r.evidence.role, "button");
    assert_true(str_eqz(b->r.evidence.url, "http://shop.test/login"));
}

static void
a_compound_step_does_all_its_actions_in_order(void **state)
{
    struct bench *b = *state;
    login(&b->f.screens[0]);
    assert_int_equal(run(b, "Enter 'ada' in Email, check 'Remember me', then press Enter"),
                     STEP_PASSED);
    assert_string_equal(b->f.log, "fill 101 ada; check 103 ; key -1 Enter");
    assert_int_equal(b->r.done, 3);
}

static void
a_late_element_is_waited_for(void **state)
{
    struct bench *b = *state;
    b->f.count = 2;
    b->f.changes_after = 3;
    login(&b->f.screens[1]);
    assert_int_equal(run(b, "Tap 'Sign in'"), STEP_PASSED);
    assert_string_equal(b->f.log, "tap 104 ");
}

static void
a_missing_element_fails_and_names_the_nearest(void **state)
{
    struct bench *b = *state;
    login(&b->f.screens[0]);
    assert_int_equal(run(b, "Tap 'Sign up'"), STEP_FAILED);
    assert_string_equal(b->r.reason, "NOT_FOUND");
    MESSAGE_HAS(b, "\"Sign in\"");
    assert_string_equal(b->f.log, "");
    assert_true(b->r.needs_model);
}

static void
a_button_that_stays_disabled_fails_with_its_name(void **state)
{
    struct bench *b = *state;
    login(&b->f.screens[0]);
    b->f.act_fails = "DISABLED";
    b->f.fails_left = 1000000;
    assert_int_equal(run(b, "Tap 'Sign in'"), STEP_FAILED);
    assert_string_equal(b->r.reason, "DISABLED");
    MESSAGE_HAS(b, "button 'Sign in' is disabled");
}

static void
a_covered_button_is_tried_again_until_it_is_free(void **state)
{
    struct bench *b = *state;
    login(&b->f.screens[0]);
    b->f.act_fails = "COVERED";
    b->f.fails_left = 3;
    assert_int_equal(run(b, "Tap 'Sign in'"), STEP_PASSED);
    assert_string_equal(b->f.log, "tap 104 ");
}

static void
an_action_that_may_have_happened_is_not_repeated(void **state)
{
    struct bench *b = *state;
    login(&b->f.screens[0]);
    b->f.act_fails = "DIALOG_OPEN";
    b->f.fails_left = 1;
    assert_int_equal(run(b, "Tap 'Sign in'"), STEP_FAILED);
    assert_string_equal(b->f.log, "");
}

static void
a_tie_is_refused_with_both(void **state)
{
    struct bench *b = *state;
    fake_add(&b->f.screens[0], -1, ELEM_BUTTON, "Edit", 10, 10, 50, 20, HOT);
    fake_add(&b->f.screens[0], -1, ELEM_BUTTON, "Edit", 10, 60, 50, 20, HOT);
    assert_int_equal(run(b, "Tap 'Edit'"), STEP_FAILED);
    assert_string_equal(b->r.reason, "AMBIGUOUS");
    MESSAGE_HAS(b, "10,10");
    MESSAGE_HAS(b, "10,60");
    assert_int_equal(run(b, "Tap the second 'Edit'"), STEP_PASSED);
    assert_string_equal(b->f.log, "tap 101 ");
}

static void
a_gone_device_is_an_error_of_the_run(void **state)
{
    struct bench *b = *state;
    b->f.dies = RC_UNAVAILABLE;
    assert_int_equal(run(b, "Tap 'Sign in'"), STEP_ERROR);
    assert_string_equal(b->r.reason, "DEVICE_GONE");
}

static void
an_aborted_device_ends_the_step_as_cancelled(void **state)
{
    struct bench *b = *state;
    b->f.dies = RC_CANCELLED;
    enum rc rc = run_sentence(&b->ctx, &b->f.base, b->vars, &b->opt, STR("Tap 'X'"), &b->r);
    assert_int_equal(rc, RC_CANCELLED);
    assert_int_equal(b->r.verdict, STEP_ERROR);
}

static void
a_sentence_for_a_model_says_how_to_configure_one(void **state)
{
    struct bench *b = *state;
    assert_int_equal(run(b, "Verify the page looks correct"), STEP_ERROR);
    assert_string_equal(b->r.reason, "NEEDS_MODEL");
    assert_true(b->r.needs_model);
    MESSAGE_HAS(b, "ASSAY_ANTHROPIC_API_KEY");
    MESSAGE_HAS(b, "hybrid");
}

static void
an_optional_step_is_skipped_when_nothing_is_there(void **state)
{
    struct bench *b = *state;
    login(&b->f.screens[0]);
    assert_int_equal(run(b, "If 'Accept cookies' is visible, tap it"), STEP_SKIPPED);
    assert_string_equal(b->f.log, "");
    assert_int_equal(run(b, "If 'Sign in' is visible, tap it"), STEP_PASSED);
    assert_string_equal(b->f.log, "tap 104 ");
}

static void
addresses_resolve_against_the_base(void **state)
{
    struct bench *b = *state;
    assert_int_equal(run(b, "Open /cart"), STEP_PASSED);
    assert_string_equal(b->f.log, "go 0 http://shop.test/cart");
    assert_int_equal(run(b, "Go to example.com"), STEP_PASSED);
    assert_string_equal(b->f.log, "go 0 https://example.com");
}

static void
a_dialog_of_the_browser_hides_the_page(void **state)
{
    struct bench *b = *state;
    login(&b->f.screens[0]);
    b->f.screens[0].dialog = "Delete it?";
    assert_int_equal(run(b, "Verify that 'Delete it?' is visible"), STEP_PASSED);
    assert_int_equal(run(b, "Verify that 'Delete it?' is not visible"), STEP_FAILED);
    /* Nothing behind it can be touched, and nothing is certainly gone. */
    assert_int_equal(run(b, "Tap 'Sign in'"), STEP_FAILED);
    assert_string_equal(b->r.reason, "DIALOG_OPEN");
    MESSAGE_HAS(b, "'Delete it?'; it has to be accepted or dismissed first");
    assert_int_equal(run(b, "Verify that 'Sign in' is not visible"), STEP_FAILED);
    assert_string_equal(b->r.reason, "DIALOG_OPEN");
}

static void
an_address_that_does_not_answer_is_an_error_of_the_run(void **state)
{
    struct bench *b = *state;
    b->f.unreachable = true;
    assert_int_equal(run(b, "Open /cart"), STEP_ERROR);
    assert_string_equal(b->r.reason, "NAVIGATION_FAILED");
    MESSAGE_HAS(b, "http://shop.test/cart: the address could not be opened (net::ERR_CONN");
}

static void
secrets_reach_the_device_but_no_message(void **state)
{
    struct bench *b = *state;
    login(&b->f.screens[0]);
    assert_int_equal(vars_set(b->vars, STR("env:PASSWORD"), STR("hunter2"), true), RC_OK);
    assert_int_equal(run(b, "Enter ${env:PASSWORD} into Password"), STEP_PASSED);
    assert_string_equal(b->f.log, "fill 102 hunter2");
    assert_int_equal(run(b, "Verify '${env:PASSWORD}' is visible"), STEP_FAILED);
    assert_true(str_find(b->r.message, STR("hunter2")) < 0);
    MESSAGE_HAS(b, "\xE2\x80\xA2\xE2\x80\xA2\xE2\x80\xA2");
    assert_int_equal(run(b, "Enter ${unknown} into Password"), STEP_ERROR);
    assert_string_equal(b->r.reason, "NO_VARIABLE");
}

static void
summary(struct fake_screen *s)
{
    int row1 = fake_add(s, -1, ELEM_ROW, "Amber jar €57.00", 0, 0, 400, 30, SHOWN);
    fake_add(s, row1, ELEM_CELL, "Amber jar", 0, 0, 200, 30, SHOWN);
    fake_add(s, row1, ELEM_CELL, "€57.00", 200, 0, 200, 30, SHOWN);
    int row2 = fake_add(s, -1, ELEM_ROW, "Total €62.00", 0, 40, 400, 30, SHOWN);
    fake_add(s, row2, ELEM_CELL, "Total", 0, 40, 200, 30, SHOWN);
    fake_add(s, row2, ELEM_CELL, "€62.00", 200, 40, 200, 30, SHOWN);
    fake_add(s, -1, ELEM_TEXT, "Status: Paid", 0, 90, 200, 20, SHOWN);
}

static void
a_total_is_compared_with_what_stands_beside_the_label(void **state)
{
    struct bench *b = *state;
    summary(&b->f.screens[0]);
    assert_int_equal(run(b, "Verify that the Total is '€62.00'"), STEP_PASSED);
    assert_non_null(b->r.evidence.how);
    /* The line shows €57.00: a search of the page would pass. */
    assert_int_equal(run(b, "Verify that the Total is '€57.00'"), STEP_FAILED);
    assert_string_equal(b->r.reason, "TEXT_DIFFERS");
    MESSAGE_HAS(b, "says '€62.00'");
    assert_int_equal(run(b, "Verify the Status is 'Paid'"), STEP_PASSED);
    assert_int_equal(run(b, "Verify the Status is 'Pai'"), STEP_FAILED);
}

static void
a_text_is_seen_as_whole_words_only(void **state)
{
    struct bench *b = *state;
    summary(&b->f.screens[0]);
    assert_int_equal(run(b, "Verify 'Amber jar' is visible"), STEP_PASSED);
    assert_int_equal(run(b, "Verify 'Amber ja' is visible"), STEP_FAILED);
    assert_int_equal(run(b, "Verify '€6' is visible"), STEP_FAILED);
    assert_int_equal(run(b, "Verify '€62' is visible"), STEP_FAILED);
}

static void
an_absence_waits_until_the_thing_is_gone(void **state)
{
    struct bench *b = *state;
    fake_add(&b->f.screens[0], -1, ELEM_PROGRESS, "Loading", 0, 0, 50, 50, SHOWN);
    b->f.count = 2;
    b->f.changes_after = 2;
    assert_int_equal(run(b, "Verify 'Loading' is not visible"), STEP_PASSED);
    assert_int_equal(b->f.at, 1);
    b->f.at = 0;
    assert_int_equal(run(b, "Wait until 'Loading' disappears"), STEP_FAILED);
    assert_string_equal(b->r.reason, "STILL_VISIBLE");
    /* Described, not quoted: the kind counts, so that its absence is not claimed by missing words.
     */
    assert_int_equal(run(b, "Verify the busy spinner is not visible"), STEP_FAILED);
}

static void
states_and_counts_are_exact(void **state)
{
    struct bench *b = *state;
    struct fake_screen *s = &b->f.screens[0];
    login(s);
    fake_add(s, -1, ELEM_BUTTON, "Pay", 300, 10, 50, 20, (HOT) & ~(unsigned)ELEM_ENABLED);
    assert_int_equal(run(b, "Verify the 'Pay' button is disabled"), STEP_PASSED);
    assert_int_equal(run(b, "Verify the 'Pay' button is enabled"), STEP_FAILED);
    assert_int_equal(run(b, "Verify 'Remember me' is checked"), STEP_FAILED);
    s->elems[3].flags |= ELEM_CHECKED;
    assert_int_equal(run(b, "Verify 'Remember me' is checked"), STEP_PASSED);
    assert_int_equal(run(b, "Verify there are 2 buttons"), STEP_PASSED);
    assert_int_equal(run(b, "Verify there are 3 buttons"), STEP_FAILED);
    MESSAGE_HAS(b, "found 2");
}

static void
a_value_is_read_from_the_entry_of_its_label(void **state)
{
    struct bench *b = *state;
    struct fake_screen *s = &b->f.screens[0];
    int list = fake_add(s, -1, ELEM_LIST, "", 0, 0, 400, 100, SHOWN);
    fake_add(s, list, ELEM_TEXT, "Status", 0, 0, 100, 20, SHOWN);
    fake_add(s, list, ELEM_ALERT, "", 200, 0, 100, 20, SHOWN);
    s->elems[2].label = STR("Status");
    s->elems[2].text = STR("confirmed");
    assert_int_equal(run(b, "Verify that the Status is 'confirmed'"), STEP_PASSED);
    assert_int_equal(run(b, "Verify that the Status is 'refused'"), STEP_FAILED);
    MESSAGE_HAS(b, "says 'confirmed'");
}

static void
scrolling_goes_on_while_the_page_grows(void **state)
{
    struct bench *b = *state;
    b->f.count = 3;
    b->f.next_on_act = true;
    for (size_t i = 0; i < 3; i++) {
        fake_add(&b->f.screens[i], -1, ELEM_LISTITEM, "Entry 1", 0, -400.0 * (double)i, 100, 20, SHOWN);
    }
    fake_add(&b->f.screens[2], -1, ELEM_LISTITEM, "Entry 2", 0, 300, 100, 20, SHOWN);
    assert_int_equal(run(b, "Scroll down until 'Entry 2' is visible"), STEP_PASSED);
    assert_string_equal(b->f.log, "scroll -1 ; scroll -1 ; scroll_to 101 ");
}

static void
scrolling_ends_with_the_page(void **state)
{
    struct bench *b = *state;
    fake_add(&b->f.screens[0], -1, ELEM_LISTITEM, "Entry 1", 0, 0, 100, 20, SHOWN);
    assert_int_equal(run(b, "Scroll to 'Entry 2'"), STEP_FAILED);
    assert_string_equal(b->r.reason, "NOT_FOUND");
    assert_string_equal(b->f.log, "scroll -1 ");
}

static void
a_quiet_page_that_says_otherwise_ends_a_verification_early(void **state)
{
    struct bench *b = *state;
    login(&b->f.screens[0]);
    b->opt.timeout_us = 60 * ASSAY_US_PER_S;
    b->opt.differs_us = 20 * ASSAY_US_PER_MS;
    assert_int_equal(run(b, "Verify the value of 'Email' is 'ada@example.com'"), STEP_FAILED);
    assert_string_equal(b->r.reason, "TEXT_DIFFERS");
    assert_true(b->r.elapsed_us < 30 * ASSAY_US_PER_S);
}

static void
what_is_waited_for_the_page_is_told_apart(void **state)
{
    struct bench *b = *state;
    assert_int_equal(run(b, "Wait for 30 ms"), STEP_PASSED);
    assert_true(b->r.waited_us >= 30 * ASSAY_US_PER_MS);
    assert_true(b->r.waited_us <= b->r.elapsed_us);
}

static void
one_action_takes_one_look(void **state)
{
    struct bench *b = *state;
    login(&b->f.screens[0]);
    assert_int_equal(run(b, "Tap 'Sign in'"), STEP_PASSED);
    assert_int_equal(b->f.observed, 1);
    assert_int_equal(run(b, "Verify 'Sign in' is visible"), STEP_PASSED);
    assert_int_equal(b->f.observed, 2);
}

static void
field_values_are_read_but_never_those_of_passwords(void **state)
{
    struct bench *b = *state;
    login(&b->f.screens[0]);
    assert_int_equal(run(b, "Verify the Email field is empty"), STEP_PASSED);
    b->f.screens[0].elems[1].value = STR("ada@example.com");
    assert_int_equal(run(b, "Verify the Email field is empty"), STEP_FAILED);
    assert_int_equal(run(b, "Verify the value of 'Email' is 'ada@example.com'"), STEP_PASSED);
    assert_int_equal(run(b, "Verify the Password field is empty"), STEP_PASSED);
    b->f.screens[0].elems[2].value = STR("\u2022\u2022\u2022");
    assert_int_equal(run(b, "Verify the Password field is empty"), STEP_FAILED);
    assert_int_equal(run(b, "Verify the value of 'Password' is 'abc'"), STEP_ERROR);
    assert_string_equal(b->r.reason, "SECRET_FIELD");
}

static void
the_address_is_compared_by_path_or_part(void **state)
{
    struct bench *b = *state;
    assert_int_equal(run(b, "I should be on '/login'"), STEP_PASSED);
    assert_int_equal(run(b, "I should be on '/log'"), STEP_FAILED);
    assert_int_equal(run(b, "Verify the URL contains 'shop.test'"), STEP_PASSED);
    assert_int_equal(run(b, "Verify the page title is 'Shop'"), STEP_PASSED);
}

static void
a_remembered_value_is_used_later(void **state)
{
    struct bench *b = *state;
    summary(&b->f.screens[0]);
    assert_int_equal(run(b, "Remember the 'Total' as total"), STEP_PASSED);
    assert_true(str_eqz(vars_get(b->vars, STR("total"))->value, "€62.00"));
    assert_int_equal(run(b, "Verify that the Total is ${total}"), STEP_PASSED);
}

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

static void
suite_checks_hold_and_fail(void **state)
{
    struct bench *b = *state;
    summary(&b->f.screens[0]);
    b->f.found_selector = "#total";
    b->f.found_ref = 105;
    assert_int_equal(check(b, "{\"kind\":\"url\",\"path_is\":\"/login/\"}"), STEP_PASSED);
    assert_int_equal(check(b, "{\"kind\":\"url\",\"contains\":\"cart\"}"), STEP_FAILED);
    assert_int_equal(check(b, "{\"kind\":\"visible_text\",\"contains\":\"mber ja\"}"), STEP_PASSED);
    assert_int_equal(check(b, "{\"kind\":\"visible_text\",\"contains\":\"nothing\"}"), STEP_FAILED);
    assert_int_equal(
        check(b, "{\"kind\":\"visible_text\",\"selector_hint\":\"#total\",\"equals\":\"€62.00\"}"),
        STEP_PASSED);
    assert_int_equal(
        check(b, "{\"kind\":\"visible_text\",\"selector_hint\":\"#total\",\"equals\":\"€62\"}"),
        STEP_FAILED);
    assert_int_equal(check(b, "{\"kind\":\"absent_text\",\"any_of\":[\"error\",\"oops\"]}"),
                     STEP_PASSED);
    assert_int_equal(check(b, "{\"kind\":\"absent_text\",\"any_of\":[\"error\",\"AMBER\"]}"),
                     STEP_FAILED);
    assert_int_equal(check(b, "{\"kind\":\"element_visible\",\"selector_hint\":\"#total\"}"),
                     STEP_PASSED);
    assert_int_equal(check(b, "{\"kind\":\"element_visible\",\"selector_hint\":\"#none\"}"),
                     STEP_FAILED);
    assert_int_equal(check(b, "{\"kind\":\"magic\"}"), STEP_ERROR);
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_tap_reaches_the_named_button),
        T(a_compound_step_does_all_its_actions_in_order),
        T(a_late_element_is_waited_for),
        T(a_missing_element_fails_and_names_the_nearest),
        T(a_button_that_stays_disabled_fails_with_its_name),
        T(a_covered_button_is_tried_again_until_it_is_free),
        T(an_action_that_may_have_happened_is_not_repeated),
        T(a_tie_is_refused_with_both),
        T(a_gone_device_is_an_error_of_the_run),
        T(an_aborted_device_ends_the_step_as_cancelled),
        T(a_sentence_for_a_model_says_how_to_configure_one),
        T(an_optional_step_is_skipped_when_nothing_is_there),
        T(addresses_resolve_against_the_base),
        T(secrets_reach_the_device_but_no_message),
        T(a_total_is_compared_with_what_stands_beside_the_label),
        T(a_text_is_seen_as_whole_words_only),
        T(an_absence_waits_until_the_thing_is_gone),
        T(states_and_counts_are_exact),
        T(a_dialog_of_the_browser_hides_the_page),
        T(an_address_that_does_not_answer_is_an_error_of_the_run),
        T(a_value_is_read_from_the_entry_of_its_label),
        T(scrolling_goes_on_while_the_page_grows),
        T(scrolling_ends_with_the_page),
        T(a_quiet_page_that_says_otherwise_ends_a_verification_early),
        T(what_is_waited_for_the_page_is_told_apart),
        T(one_action_takes_one_look),
        T(field_values_are_read_but_never_those_of_passwords),
        T(the_address_is_compared_by_path_or_part),
        T(a_remembered_value_is_used_later),
        T(a_recorded_click_goes_by_selector),
        T(a_gone_selector_heals_only_when_allowed_and_unique),
        T(a_selector_that_names_something_else_by_now_is_not_clicked),
        T(recorded_gestures_are_replayed),
        T(suite_checks_hold_and_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
