/* SPDX-License-Identifier: Apache-2.0
 *
 * Sentences that act: what reaches the device, what is said when it cannot be done. */
#include "worker/steps/steps_lab.h"

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
    b->opt.timeout_us = PATIENT_US;
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
    b->opt.timeout_us = PATIENT_US;
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

/* The page draws its list itself: it is no select to the device. */
static void
drawn_list(struct bench *b)
{
    struct fake_screen *s = b->f.screens;
    b->f.count = 2;
    b->f.no_select = true;
    b->f.next_on_act = true;
    fake_add(&s[0], -1, ELEM_COMBOBOX, "Fruit", 10, 10, 50, 20, HOT);
    fake_add(&s[1], -1, ELEM_COMBOBOX, "Fruit", 10, 10, 50, 20, HOT | ELEM_EXPANDED);
    fake_add(&s[1], -1, ELEM_OPTION, "Apple pie", 10, 40, 50, 20, HOT);
    fake_add(&s[1], -1, ELEM_OPTION, "Pear", 10, 60, 50, 20, HOT);
}

static void
a_list_that_the_page_draws_is_opened_and_its_option_pressed(void **state)
{
    struct bench *b = *state;
    drawn_list(b);
    assert_int_equal(run(b, "Select 'Pear' from the Fruit dropdown"), STEP_PASSED);
    assert_string_equal(b->f.log, "tap 100 ; tap 102 ");
}

static void
of_a_list_that_is_open_the_option_is_pressed_at_once(void **state)
{
    struct bench *b = *state;
    drawn_list(b);
    b->f.at = 1;
    assert_int_equal(run(b, "Select 'Pear' from Fruit"), STEP_PASSED);
    assert_string_equal(b->f.log, "tap 102 ");
}

static void
a_drawn_list_gives_no_option_that_is_called_otherwise(void **state)
{
    struct bench *b = *state;
    drawn_list(b);
    assert_int_equal(run(b, "Select 'Apple' from the Fruit dropdown"), STEP_FAILED);
    assert_string_equal(b->r.reason, "NO_SUCH_OPTION");
    assert_string_equal(b->f.log, "tap 100 ");
}

static void
a_list_that_filters_gets_the_letters_it_wants(void **state)
{
    struct bench *b = *state;
    drawn_list(b);
    b->opt.timeout_us = PATIENT_US;
    for (int i = 0; i < 2; i++) {
        b->f.screens[i].elems[0].flags |= ELEM_EDITABLE;
    }
    b->f.screens[2] = b->f.screens[1];
    b->f.screens[1].count = 1;
    b->f.count = 3;
    assert_int_equal(run(b, "Select 'Pear' from Fruit"), STEP_PASSED);
    assert_string_equal(b->f.log, "tap 100 ; fill 100 Pear; tap 102 ");
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

/* What is behind "and" is done though closing the banner has ended what the condition asks for. */
static void
a_condition_is_asked_once_for_all_it_governs(void **state)
{
    struct bench *b = *state;
    fake_add(&b->f.screens[0], -1, ELEM_BUTTON, "Accept cookies", 0, 0, 50, 20, HOT);
    fake_add(&b->f.screens[1], -1, ELEM_HEADING, "Orders", 0, 0, 50, 20, SHOWN);
    b->f.count = 2;
    b->f.next_on_act = true;
    assert_int_equal(
        run(b, "If 'Accept cookies' is visible, tap it and verify 'Welcome' is visible"),
        STEP_FAILED);
    assert_string_equal(b->r.reason, "NOT_VISIBLE");
    b->f.at = 0;
    assert_int_equal(
        run(b, "If 'Accept cookies' is visible, tap it and verify 'Orders' is visible"),
        STEP_PASSED);
    assert_int_equal(run(b, "If 'Accept cookies' is visible, tap it and verify 'x' is visible"),
                     STEP_SKIPPED);
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
a_dialog_that_comes_late_is_waited_for(void **state)
{
    struct bench *b = *state;
    login(&b->f.screens[0]);
    assert_int_equal(run(b, "Accept the alert"), STEP_FAILED);
    assert_string_equal(b->f.log, "");
    MESSAGE_HAS(b, "no dialog");
    b->f.count = 2;
    b->f.changes_after = 3;
    b->f.screens[1].dialog = "Your name?";
    b->opt.timeout_us = PATIENT_US;
    assert_int_equal(run(b, "Accept the prompt with 'Ada'"), STEP_PASSED);
    assert_string_equal(b->f.log, "accept 0 Ada");
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
scrolling_goes_on_while_the_page_grows(void **state)
{
    struct bench *b = *state;
    b->f.count = 3;
    b->f.next_on_act = true;
    for (size_t i = 0; i < 3; i++) {
        fake_add(&b->f.screens[i], -1, ELEM_LISTITEM, "Entry 1", 0, -400.0 * (double)i, 100, 20,
                 SHOWN);
    }
    fake_add(&b->f.screens[2], -1, ELEM_LISTITEM, "Entry 2", 0, 300, 100, 20, SHOWN);
    assert_int_equal(run(b, "Scroll down until 'Entry 2' is visible"), STEP_PASSED);
    assert_string_equal(b->f.log, "scroll -1 ; scroll -1 ; scroll_to 101 ");
}

static void
a_list_that_is_named_is_what_is_scrolled(void **state)
{
    struct bench *b = *state;
    b->f.count = 2;
    b->f.next_on_act = true;
    for (size_t i = 0; i < 2; i++) {
        int list = fake_add(&b->f.screens[i], -1, ELEM_LIST, "Chats", 0, 0, 100, 200, SHOWN);
        fake_add(&b->f.screens[i], list, ELEM_LISTITEM, i == 0 ? "Ada" : "Grace", 0, 0, 100, 20,
                 SHOWN);
    }
    assert_int_equal(run(b, "Scroll to 'Grace' in the 'Chats' list"), STEP_PASSED);
    assert_string_equal(b->f.log, "scroll 100 ; scroll_to 101 ");
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
a_remembered_value_is_used_later(void **state)
{
    struct bench *b = *state;
    summary(&b->f.screens[0]);
    assert_int_equal(run(b, "Remember the 'Total' as total"), STEP_PASSED);
    assert_true(str_eqz(vars_get(b->vars, STR("total"))->value, "€62.00"));
    assert_int_equal(run(b, "Verify that the Total is ${total}"), STEP_PASSED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_tap_reaches_the_named_button),
        T(a_compound_step_does_all_its_actions_in_order),
        T(a_late_element_is_waited_for),
        T(a_missing_element_fails_and_names_the_nearest),
        T(a_button_that_stays_disabled_fails_with_its_name),
        T(a_covered_button_is_tried_again_until_it_is_free),
        T(an_action_that_may_have_happened_is_not_repeated),
        T(a_tie_is_refused_with_both),
        T(a_list_that_the_page_draws_is_opened_and_its_option_pressed),
        T(of_a_list_that_is_open_the_option_is_pressed_at_once),
        T(a_drawn_list_gives_no_option_that_is_called_otherwise),
        T(a_list_that_filters_gets_the_letters_it_wants),
        T(a_gone_device_is_an_error_of_the_run),
        T(an_aborted_device_ends_the_step_as_cancelled),
        T(a_sentence_for_a_model_says_how_to_configure_one),
        T(an_optional_step_is_skipped_when_nothing_is_there),
        T(a_condition_is_asked_once_for_all_it_governs),
        T(addresses_resolve_against_the_base),
        T(a_dialog_of_the_browser_hides_the_page),
        T(a_dialog_that_comes_late_is_waited_for),
        T(an_address_that_does_not_answer_is_an_error_of_the_run),
        T(secrets_reach_the_device_but_no_message),
        T(scrolling_goes_on_while_the_page_grows),
        T(a_list_that_is_named_is_what_is_scrolled),
        T(scrolling_ends_with_the_page),
        T(a_remembered_value_is_used_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
