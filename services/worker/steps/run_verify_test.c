/* SPDX-License-Identifier: Apache-2.0
 *
 * Verifications and checks: what is compared, and for how long. */
#include "worker/steps/steps_lab.h"

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
    fake_add(&b->f.screens[1], -1, ELEM_HEADING, "Orders", 0, 0, 50, 50, SHOWN);
    b->f.count = 2;
    b->f.changes_after = 2;
    b->opt.timeout_us = PATIENT_US;
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
nothing_is_missing_from_a_page_that_shows_nothing(void **state)
{
    struct bench *b = *state;
    assert_int_equal(run(b, "Verify 'Error' is not visible"), STEP_FAILED);
    assert_string_equal(b->r.reason, "PAGE_EMPTY");
    fake_add(&b->f.screens[0], -1, ELEM_HEADING, "Orders", 0, 0, 50, 50, 0);
    assert_int_equal(run(b, "Verify 'Error' is not visible"), STEP_FAILED);
    b->f.screens[0].elems[0].flags = SHOWN;
    assert_int_equal(run(b, "Verify 'Error' is not visible"), STEP_PASSED);
}

static void
nothing_is_missing_from_a_place_that_is_not_there(void **state)
{
    struct bench *b = *state;
    summary(&b->f.screens[0]);
    assert_int_equal(run(b, "Verify 'Paid' is not visible in the row 'Total'"), STEP_PASSED);
    assert_int_equal(run(b, "Verify '€62.00' is not visible in the row 'Total'"), STEP_FAILED);
    assert_string_equal(b->r.reason, "STILL_VISIBLE");
    assert_int_equal(run(b, "Verify 'Coupon' is not visible in the row 'Totals'"), STEP_FAILED);
    assert_string_equal(b->r.reason, "NOT_FOUND");
    assert_int_equal(run(b, "Verify 'Coupon' is not visible next to 'Discount'"), STEP_FAILED);
    /* A dialog that has closed has taken everything with it. */
    assert_int_equal(run(b, "Wait until 'Coupon' disappears in the row 'Totals'"), STEP_ERROR);
    assert_int_equal(run(b, "Wait for 'Coupon' in the dialog 'Pay' to disappear"), STEP_PASSED);
}

/* What somebody calls a button may be a link, and "errors" an alert that says "Error". */
static void
an_absence_is_not_claimed_by_other_words_for_the_same_thing(void **state)
{
    struct bench *b = *state;
    struct fake_screen *s = &b->f.screens[0];
    fake_add(s, -1, ELEM_LINK, "Delete", 0, 0, 50, 20, HOT);
    assert_int_equal(run(b, "Verify the 'Delete' button is not visible"), STEP_FAILED);
    assert_string_equal(b->r.reason, "STILL_VISIBLE");
    assert_int_equal(run(b, "Verify that no errors are displayed"), STEP_PASSED);
    fake_add(s, -1, ELEM_TEXT, "Error: the card was declined", 0, 40, 50, 20, SHOWN);
    assert_int_equal(run(b, "Verify that no errors are displayed"), STEP_FAILED);
    assert_int_equal(run(b, "Verify the error message is not displayed"), STEP_FAILED);
}

static void
plain_text_is_neither_enabled_nor_unchecked(void **state)
{
    struct bench *b = *state;
    fake_add(&b->f.screens[0], -1, ELEM_TEXT, "Pay", 0, 0, 50, 20, SHOWN | ELEM_ENABLED);
    assert_int_equal(run(b, "Verify 'Pay' is enabled"), STEP_FAILED);
    MESSAGE_HAS(b, "nothing that can be used");
    assert_int_equal(run(b, "Verify 'Pay' is not checked"), STEP_FAILED);
    MESSAGE_HAS(b, "nothing that can be checked");
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

static int
list_of(struct fake_screen *s, int parent, int entries)
{
    int list = fake_add(s, parent, ELEM_LIST, "", 0, 0, 400, 100, SHOWN);
    for (int i = 0; i < entries; i++) {
        (void)fake_add(s, list, ELEM_LISTITEM, "", 0, 20.0 * i, 400, 20, SHOWN);
    }
    return list;
}

static void
items_are_those_of_the_one_list_that_is_no_menu(void **state)
{
    struct bench *b = *state;
    struct fake_screen *s = &b->f.screens[0];
    (void)list_of(s, fake_add(s, -1, ELEM_NAVIGATION, "", 0, 0, 400, 50, SHOWN), 4);
    (void)list_of(s, fake_add(s, -1, ELEM_CONTENTINFO, "", 0, 600, 400, 50, SHOWN), 5);
    int list = list_of(s, -1, 3);
    (void)list_of(s, list + 1, 2); /* below the first entry */
    assert_int_equal(run(b, "Verify there are 3 items"), STEP_PASSED);
    assert_true(b->r.evidence.has_elem);
    assert_int_equal(run(b, "Verify that 3 entries are visible"), STEP_PASSED);
    assert_int_equal(run(b, "Verify there are 3 list items"), STEP_PASSED);
    assert_int_equal(run(b, "Verify there are 5 items"), STEP_FAILED);
    assert_string_equal(b->r.reason, "COUNT_DIFFERS");
    MESSAGE_HAS(b, "expected 5, found 3");
    assert_int_equal(run(b, "Verify there are no items"), STEP_FAILED);
    (void)list_of(s, -1, 3); /* now nobody knows which is meant */
    assert_int_equal(run(b, "Verify there are 6 items"), STEP_FAILED);
    assert_string_equal(b->r.reason, "AMBIGUOUS");
    assert_int_equal(run(b, "Verify there are 3 items"), STEP_FAILED);
}

static void
items_of_an_empty_list_are_none_and_without_a_list_nobody_knows(void **state)
{
    struct bench *b = *state;
    struct fake_screen *s = &b->f.screens[0];
    fake_add(s, -1, ELEM_HEADING, "Todos", 0, 0, 50, 50, SHOWN);
    assert_int_equal(run(b, "Verify there are no items"), STEP_ERROR);
    assert_string_equal(b->r.reason, "NEEDS_MODEL");
    assert_true(b->r.needs_model);
    assert_int_equal(run(b, "Verify there are 2 items"), STEP_ERROR);
    (void)list_of(s, -1, 0);
    assert_int_equal(run(b, "Verify there are no items"), STEP_PASSED);
    assert_int_equal(run(b, "Verify there is 1 item"), STEP_FAILED);
    MESSAGE_HAS(b, "found 0");
    b->f.screens[1] = *s;
    (void)fake_add(&b->f.screens[1], 1, ELEM_LISTITEM, "Milk", 0, 0, 400, 20, SHOWN);
    b->f.count = 2;
    b->f.changes_after = 2;
    b->opt.timeout_us = PATIENT_US;
    assert_int_equal(run(b, "Verify there is 1 item"), STEP_PASSED); /* it comes later */
}

static void
rows_of_the_one_table_are_items_but_not_its_header(void **state)
{
    struct bench *b = *state;
    struct fake_screen *s = &b->f.screens[0];
    int table = fake_add(s, -1, ELEM_TABLE, "", 0, 0, 400, 100, SHOWN);
    int head = fake_add(s, table, ELEM_ROW, "", 0, 0, 400, 20, SHOWN);
    fake_add(s, head, ELEM_COLUMNHEADER, "Name", 0, 0, 400, 20, SHOWN);
    fake_add(s, table, ELEM_ROW, "", 0, 20, 400, 20, SHOWN);
    fake_add(s, table, ELEM_ROW, "", 0, 40, 400, 20, SHOWN);
    assert_int_equal(run(b, "Verify there are 2 items"), STEP_PASSED);
    assert_int_equal(run(b, "Verify there are 3 items"), STEP_FAILED);
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

/* "Save" may stand for "Save as draft" where it is pressed, not where it is judged. */
static void
a_state_is_read_from_what_is_named_alone(void **state)
{
    struct bench *b = *state;
    fake_add(&b->f.screens[0], -1, ELEM_BUTTON, "Save as draft", 10, 10, 50, 20, HOT);
    fake_add(&b->f.screens[0], -1, ELEM_CHECKBOX, "I agree to the terms", 10, 60, 50, 20,
             HOT | ELEM_CHECKED);
    assert_int_equal(run(b, "Verify the 'Save' button is enabled"), STEP_FAILED);
    assert_string_equal(b->r.reason, "NOT_FOUND");
    assert_int_equal(run(b, "Verify the 'Save as draft' button is enabled"), STEP_PASSED);
    assert_int_equal(run(b, "Verify that 'I agree' is checked"), STEP_PASSED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_total_is_compared_with_what_stands_beside_the_label),
        T(a_text_is_seen_as_whole_words_only),
        T(an_absence_waits_until_the_thing_is_gone),
        T(nothing_is_missing_from_a_page_that_shows_nothing),
        T(nothing_is_missing_from_a_place_that_is_not_there),
        T(an_absence_is_not_claimed_by_other_words_for_the_same_thing),
        T(plain_text_is_neither_enabled_nor_unchecked),
        T(states_and_counts_are_exact),
        T(items_are_those_of_the_one_list_that_is_no_menu),
        T(items_of_an_empty_list_are_none_and_without_a_list_nobody_knows),
        T(rows_of_the_one_table_are_items_but_not_its_header),
        T(a_value_is_read_from_the_entry_of_its_label),
        T(a_quiet_page_that_says_otherwise_ends_a_verification_early),
        T(what_is_waited_for_the_page_is_told_apart),
        T(one_action_takes_one_look),
        T(field_values_are_read_but_never_those_of_passwords),
        T(the_address_is_compared_by_path_or_part),
        T(suite_checks_hold_and_fail),
        T(a_state_is_read_from_what_is_named_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
