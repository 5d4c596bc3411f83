/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/steps/grammar.h"
#include "worker/steps/look.h"
#include "worker/steps/match.h"
#include "worker/steps/steps_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A target is written as people write it: "Tap <words>". */
struct row {
    const char *step;
    int ref;            /* of the element that is meant; 0: refused */
    const char *reason; /* of the refusal */
};

static enum resolve_use
use_of(enum act_type type)
{
    switch (type) {
    case ACT_TYPE:
    case ACT_CLEAR:
        return RESOLVE_TYPE;
    case ACT_SELECT:
        return RESOLVE_SELECT;
    case ACT_CHECK:
    case ACT_UNCHECK:
        return RESOLVE_CHECK;
    case ACT_VERIFY_VISIBLE:
        return RESOLVE_LOOK;
    default:
        return RESOLVE_TAP;
    }
}

static void
expect_rows(struct fake_screen *s, const struct row *rows, size_t count)
{
    struct snapshot snap = {
        .elems = s->elems, .count = s->count, .viewport_w = 1280, .viewport_h = 720};
    for (size_t i = 0; i < count; i++) {
        struct arena *arena = arena_new(4 * 1024 * 1024);
        struct plan *plan = ARENA_NEW(arena, struct plan);
        struct ctx ctx;
        struct resolved r = {0};
        ctx_init(&ctx, arena);
        assert_int_equal(steps_parse(arena, str_z(rows[i].step), plan), RC_OK);
        assert_int_equal(plan->count, 1);
        enum rc rc =
            resolve(&ctx, &snap, plan->actions[0].target, use_of(plan->actions[0].type), &r);
        int got = rc == RC_OK ? r.elem->ref : 0;
        if (got != rows[i].ref || (rc != RC_OK && strcmp(ctx.err.reason, rows[i].reason) != 0)) {
            print_message("%s: expected %d, got %d %s %.*s\n", rows[i].step, rows[i].ref, got,
                          rc != RC_OK ? ctx.err.reason : "", STR_ARG(ctx.err.msg));
        }
        assert_int_equal(got, rows[i].ref);
        if (rc != RC_OK) {
            assert_string_equal(ctx.err.reason, rows[i].reason);
        }
        arena_free(arena);
    }
}

#define EXPECT(s, ...)                                                                             \
    do {                                                                                           \
        static const struct row rows_[] = {__VA_ARGS__};                                           \
        expect_rows(&(s), rows_, sizeof(rows_) / sizeof(*rows_));                                  \
    } while (0)

static void
names_match_from_exact_to_similar(void **state)
{
    (void)state;
    struct fake_screen s = {0};
    fake_add(&s, -1, ELEM_BUTTON, "Save", 0, 0, 50, 20, HOT);                   /* 100 */
    fake_add(&s, -1, ELEM_BUTTON, "Save as draft", 0, 30, 50, 20, HOT);         /* 101 */
    fake_add(&s, -1, ELEM_BUTTON, "\xE2\x9C\x95 Close", 0, 60, 50, 20, HOT);    /* 102 */
    fake_add(&s, -1, ELEM_BUTTON, "Amber jar 180", 0, 90, 50, 20, HOT);         /* 103 */
    fake_add(&s, -1, ELEM_BUTTON, "Customize appearance", 0, 120, 50, 20, HOT); /* 104 */
    EXPECT(s, {"Tap 'Save'", 100, NULL}, {"Tap 'save'", 100, NULL}, {"Tap 'Save as'", 101, NULL},
           {"Tap 'Close'", 102, NULL}, {"Tap 'Amber jar 480'", 0, "NOT_FOUND"},
           {"Tap 'Amber jar'", 103, NULL}, {"Tap 'Amber jar 18'", 0, "NOT_FOUND"},
           {"Tap 'Customise appearance'", 104, NULL}, {"Tap 'Saved'", 0, "NOT_FOUND"},
           {"Tap 'draft'", 0, "NOT_FOUND"});
}

static void
a_similar_name_is_never_enough_for_looking(void **state)
{
    (void)state;
    struct fake_screen s = {0};
    fake_add(&s, -1, ELEM_TEXT, "Customize appearance", 0, 0, 50, 20, SHOWN);
    EXPECT(s, {"Verify 'Customise appearance' is visible", 0, "NOT_FOUND"},
           {"Verify 'customize appearance' is visible", 100, NULL});
}

static void
a_text_inside_a_button_is_the_button(void **state)
{
    (void)state;
    struct fake_screen s = {0};
    int b = fake_add(&s, -1, ELEM_BUTTON, "Pay now", 0, 0, 90, 30, HOT);
    fake_add(&s, b, ELEM_TEXT, "Pay now", 5, 5, 60, 20, SHOWN);
    int card = fake_add(&s, -1, ELEM_OTHER, "", 0, 50, 300, 100, HOT);
    fake_add(&s, card, ELEM_TEXT, "Blue mug", 5, 55, 60, 20, SHOWN);
    EXPECT(s, {"Tap 'Pay now'", 100, NULL}, {"Tap the 'Pay now' button", 100, NULL},
           {"Tap 'Blue mug'", 102, NULL});
}

static void
what_cannot_be_seen_is_not_touched(void **state)
{
    (void)state;
    struct fake_screen s = {0};
    fake_add(&s, -1, ELEM_BUTTON, "Menu", 0, 0, 50, 20, ELEM_ENABLED | ELEM_CLICKABLE);
    EXPECT(s, {"Tap 'Menu'", 0, "NOT_FOUND"});
    fake_add(&s, -1, ELEM_BUTTON, "Menu", 0, 30, 50, 20, HOT);
    EXPECT(s, {"Tap 'Menu'", 101, NULL});
}

static void
kinds_must_agree(void **state)
{
    (void)state;
    struct fake_screen s = {0};
    fake_add(&s, -1, ELEM_HEADING, "Search", 0, 0, 100, 20, SHOWN);
    fake_add(&s, -1, ELEM_TEXTBOX, "Search", 0, 30, 100, 20, HOT | ELEM_EDITABLE);
    fake_add(&s, -1, ELEM_BUTTON, "Search", 110, 30, 60, 20, HOT);
    EXPECT(s, {"Tap the Search button", 102, NULL}, {"Tap the Search field", 101, NULL},
           {"Type 'x' into Search", 101, NULL}, {"Tap 'Search'", 0, "AMBIGUOUS"},
           {"Tap the Search link", 102, NULL}, {"Tap the Search tab", 102, NULL},
           {"Check 'Search'", 0, "NOT_FOUND"});
}

static void
ordinals_count_in_reading_order(void **state)
{
    (void)state;
    struct fake_screen s = {0};
    fake_add(&s, -1, ELEM_BUTTON, "Edit", 200, 52, 50, 20, HOT); /* second row */
    fake_add(&s, -1, ELEM_BUTTON, "Edit", 300, 10, 50, 20, HOT); /* first row, right */
    fake_add(&s, -1, ELEM_BUTTON, "Edit", 100, 12, 50, 20, HOT); /* first row, left */
    EXPECT(s, {"Tap the first 'Edit'", 102, NULL}, {"Tap the second 'Edit'", 101, NULL},
           {"Tap the last 'Edit'", 100, NULL}, {"Tap the second to last 'Edit'", 101, NULL},
           {"Tap the 4th 'Edit'", 0, "NOT_FOUND"}, {"Tap 'Edit'", 0, "AMBIGUOUS"});
}

static void
invoices(struct fake_screen *s)
{
    int table = fake_add(s, -1, ELEM_TABLE, "", 0, 0, 400, 200, SHOWN);
    for (int i = 0; i < 3; i++) {
        static const char *const NAMES[] = {"Invoice 7", "Invoice 70", "Invoice 8"};
        int row = fake_add(s, table, ELEM_ROW, NAMES[i], 0, 40.0 * i, 400, 40, SHOWN);
        fake_add(s, row, ELEM_CELL, NAMES[i], 0, 40.0 * i, 200, 40, SHOWN);
        fake_add(s, row, ELEM_BUTTON, "Delete", 300, 40.0 * i + 5, 60, 30, HOT);
    } /* rows 101, 104, 107; buttons 103, 106, 109 */
}

static void
a_scope_takes_its_best_match_only(void **state)
{
    (void)state;
    struct fake_screen s = {0};
    invoices(&s);
    EXPECT(s, {"Tap 'Delete' in the row 'Invoice 7'", 103, NULL},
           {"Tap 'Delete' in the row 'Invoice 70'", 106, NULL},
           {"Tap 'Delete' in the row for 'Invoice 8'", 109, NULL},
           {"Tap 'Delete' next to 'Invoice 7'", 103, NULL},
           {"Tap Delete after 'Invoice 70'", 106, NULL},
           {"Tap 'Delete' to the right of 'Invoice 8'", 109, NULL},
           {"Tap 'Delete' in the third row", 109, NULL},
           {"Tap 'Delete' in the row 'Invoice 9'", 0, "NOT_FOUND"},
           {"Tap 'Delete'", 0, "AMBIGUOUS"});
}

static void
relations_follow_geometry(void **state)
{
    (void)state;
    struct fake_screen s = {0};
    fake_add(&s, -1, ELEM_TEXT, "Plan", 200, 200, 100, 20, SHOWN);
    fake_add(&s, -1, ELEM_BUTTON, "Buy", 200, 100, 50, 20, HOT); /* 101 above */
    fake_add(&s, -1, ELEM_BUTTON, "Buy", 200, 300, 50, 20, HOT); /* 102 below */
    fake_add(&s, -1, ELEM_BUTTON, "Buy", 400, 200, 50, 20, HOT); /* 103 right */
    fake_add(&s, -1, ELEM_BUTTON, "Buy", 50, 200, 50, 20, HOT);  /* 104 left */
    EXPECT(s, {"Tap 'Buy' above 'Plan'", 101, NULL}, {"Tap 'Buy' below 'Plan'", 102, NULL},
           {"Tap 'Buy' to the right of 'Plan'", 103, NULL},
           {"Tap 'Buy' to the left of 'Plan'", 104, NULL},
           {"Tap 'Buy' below 'Nothing'", 0, "NOT_FOUND"});
}

static void
sections_are_found_by_their_heading(void **state)
{
    (void)state;
    struct fake_screen s = {0};
    for (int i = 0; i < 2; i++) {
        int part = fake_add(&s, -1, ELEM_OTHER, "", 0, 100.0 * i, 300, 90, SHOWN);
        fake_add(&s, part, ELEM_HEADING, i == 0 ? "Billing" : "Shipping", 0, 100.0 * i, 100, 20,
                 SHOWN);
        fake_add(&s, part, ELEM_TEXTBOX, "Street", 0, 100.0 * i + 30, 100, 20, HOT | ELEM_EDITABLE);
    }
    int head = fake_add(&s, -1, ELEM_BANNER, "", 0, 300, 300, 50, SHOWN);
    fake_add(&s, head, ELEM_LINK, "Home", 0, 310, 50, 20, HOT);
    fake_add(&s, -1, ELEM_LINK, "Home", 0, 400, 50, 20, HOT);
    EXPECT(s, {"Type 'x' into 'Street' in the 'Shipping' section", 105, NULL},
           {"Type 'x' into 'Street' in the 'Billing' section", 102, NULL},
           {"Type 'x' into 'Street'", 0, "AMBIGUOUS"}, {"Tap 'Home' in the header", 107, NULL});
}

static void
a_control_without_a_name_is_found_by_the_text_beside_it(void **state)
{
    (void)state;
    struct fake_screen s = {0};
    fake_add(&s, -1, ELEM_TEXT, "Quantity:", 0, 0, 80, 20, SHOWN);
    fake_add(&s, -1, ELEM_TEXTBOX, "", 90, 0, 100, 20, HOT | ELEM_EDITABLE);
    fake_add(&s, -1, ELEM_CHECKBOX, "", 0, 50, 20, 20, HOT);
    fake_add(&s, -1, ELEM_TEXT, "Gift wrap", 25, 50, 80, 20, SHOWN);
    fake_add(&s, -1, ELEM_TEXT, "Country", 0, 100, 80, 20, SHOWN);
    fake_add(&s, -1, ELEM_COMBOBOX, "", 0, 122, 100, 20, HOT);
    EXPECT(s, {"Type '3' into 'Quantity'", 101, NULL}, {"Check 'Gift wrap'", 102, NULL},
           {"Select 'Spain' from 'Country'", 105, NULL},
           {"Type '3' into 'Amount'", 0, "NOT_FOUND"});
}

static void
the_open_dialog_wins_a_tie(void **state)
{
    (void)state;
    struct fake_screen s = {0};
    fake_add(&s, -1, ELEM_BUTTON, "Cancel", 0, 0, 50, 20, HOT);
    int dialog = fake_add(&s, -1, ELEM_DIALOG, "Sure?", 100, 100, 300, 200, SHOWN);
    fake_add(&s, dialog, ELEM_BUTTON, "Cancel", 120, 250, 50, 20, HOT);
    EXPECT(s, {"Tap 'Cancel'", 102, NULL}, {"Tap 'Cancel' in the dialog", 102, NULL});
}

static void
placeholders_titles_and_ids_name_too(void **state)
{
    (void)state;
    struct fake_screen s = {0};
    fake_add(&s, -1, ELEM_TEXTBOX, "", 0, 0, 50, 20, HOT | ELEM_EDITABLE);
    s.elems[0].placeholder = STR("Search products");
    fake_add(&s, -1, ELEM_BUTTON, "", 0, 400, 50, 20, HOT);
    s.elems[1].test_id = STR("open-cart");
    EXPECT(s, {"Type 'x' into 'Search products'", 100, NULL}, {"Tap 'Open cart'", 101, NULL});
}

static void
a_term_and_its_definition_are_one_thing_to_look_at(void **state)
{
    (void)state;
    struct fake_screen s = {0};
    int list = fake_add(&s, -1, ELEM_LIST, "", 0, 0, 400, 100, SHOWN);
    fake_add(&s, list, ELEM_TEXT, "Country", 0, 0, 100, 20, SHOWN);
    fake_add(&s, list, ELEM_TEXT, "Ireland", 200, 0, 100, 20, SHOWN); /* 102 */
    s.elems[2].label = STR("Country");
    EXPECT(s, {"Verify that 'Country' is visible", 102, NULL});
    /* The same word elsewhere is another thing. */
    fake_add(&s, -1, ELEM_TEXT, "Country", 0, 300, 100, 20, SHOWN);
    EXPECT(s, {"Verify that 'Country' is visible", 0, "AMBIGUOUS"});
}

static void
a_date_field_may_be_called_a_date(void **state)
{
    (void)state;
    struct fake_screen s = {0};
    fake_add(&s, -1, ELEM_DATE, "Arrival", 0, 0, 100, 20, HOT | ELEM_EDITABLE); /* 100 */
    fake_add(&s, -1, ELEM_TEXTBOX, "Delivery", 0, 40, 100, 20, HOT | ELEM_EDITABLE);
    EXPECT(s, {"Set the Arrival date to '2026-05-04'", 100, NULL},
           {"Set the Delivery date to '2026-05-04'", 0, "NOT_FOUND"},
           {"Set the 'Arrival date' to '2026-05-04'", 0, "NOT_FOUND"});
}

static void
texts_match_by_whole_words_and_exact_digits(void **state)
{
    (void)state;
    assert_int_equal(match_name(STR("Save"), STR(" save "), false), MATCH_FOLDED);
    assert_int_equal(match_name(STR("Email"), STR("Email *"), false), MATCH_BARE);
    assert_int_equal(match_name(STR("Item 1"), STR("Item 1,000"), true), MATCH_NONE);
    assert_int_equal(match_name(STR("Room 101 north"), STR("Room 102 north"), true), MATCH_NONE);
    assert_true(match_contains(STR("Hello  big world"), STR("big world"), NULL));
    assert_false(match_contains(STR("Subtotal 5"), STR("total"), NULL));
    assert_false(match_contains(STR("€57.00"), STR("€5"), NULL));
    assert_false(match_contains(STR("-5"), STR("5"), NULL));
    assert_true(match_contains(STR("(5 items)"), STR("5 items"), NULL));
    assert_true(match_same(STR("a  b"), STR(" a b ")));
    assert_false(match_same(STR("a b"), STR("A b")));
    assert_true(match_id(STR("First name"), STR("firstName")));
    assert_true(match_id(STR("first name"), STR("first-name")));
    assert_false(match_id(STR("first"), STR("first-name")));
}

/* What differs by a letter or two is often the opposite. */
static void
a_name_that_resembles_another_is_another_name(void **state)
{
    (void)state;
    static const char *const DIFFER[][2] = {{"Turn on alerts", "Turn off alerts"},
                                            {"Mark as read", "Mark as unread"},
                                            {"Unlock", "Unblock"},
                                            {"Contact", "Contract"},
                                            {"Sign in now", "Sign up now"},
                                            {"Save as PDF", "Save as GIF"},
                                            {"Version 1.5", "Version 15"},
                                            {"Item 1-2", "Item 12"},
                                            {"Four", "For"},
                                            {"Notifications", "Notificatons"}};
    for (size_t i = 0; i < ARRAY_LEN(DIFFER); i++) {
        assert_int_equal(match_name(str_z(DIFFER[i][0]), str_z(DIFFER[i][1]), true), MATCH_NONE);
    }
    static const char *const SAME[][2] = {
        {"Log in", "Login"},        {"E-mail", "Email"},
        {"Sign-in", "Sign in"},     {"Favourite colours", "favorite colors"},
        {"Customise", "Customize"}, {"Customers list", "Customers' list"}};
    for (size_t i = 0; i < ARRAY_LEN(SAME); i++) {
        assert_int_equal(match_name(str_z(SAME[i][0]), str_z(SAME[i][1]), true), MATCH_ALIKE);
        assert_int_equal(match_name(str_z(SAME[i][0]), str_z(SAME[i][1]), false), MATCH_NONE);
    }
}

static void
all_alphabets_are_read(void **state)
{
    (void)state;
    assert_int_equal(match_name(STR("ÉTÉ"), STR("été"), false), MATCH_FOLDED);
    assert_int_equal(match_name(STR("Überweisung"), STR("ÜBERWEISUNG"), false), MATCH_FOLDED);
    assert_int_equal(match_name(STR("żółw"), STR("ŻÓŁW"), false), MATCH_FOLDED);
    assert_int_equal(match_name(STR("ΑΘΗΝΑ"), STR("αθηνα"), false), MATCH_FOLDED);
    assert_int_equal(match_name(STR("Ёлка"), STR("ёлка"), false), MATCH_FOLDED);
    assert_int_equal(match_name(STR("ログイン"), STR("ログイン："), false), MATCH_BARE);
    assert_int_equal(match_name(STR("Don't"), STR("Don’t"), false), MATCH_EXACT);
    assert_int_equal(match_name(STR("×"), STR("÷"), true), MATCH_NONE);
    assert_true(match_contains(STR("ご購入しました。"), STR("購入しました"), NULL));
    assert_true(match_contains(STR("已支付"), STR("支付"), NULL));
    assert_true(match_contains(STR("สั่งซื้อแล้ว"), STR("ซื้อ"), NULL));
    assert_true(match_contains(STR("BIS ÜBERMORGEN"), STR("übermorgen"), NULL));
    assert_true(match_contains(STR("You’re in"), STR("You're in"), NULL));
    assert_false(match_contains(STR("Неоплачено"), STR("оплачено"), NULL));
    assert_false(match_contains(STR("überall"), STR("all"), NULL));
    assert_false(match_same(STR("Été"), STR("été")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_match_from_exact_to_similar),
        cmocka_unit_test(a_similar_name_is_never_enough_for_looking),
        cmocka_unit_test(a_text_inside_a_button_is_the_button),
        cmocka_unit_test(what_cannot_be_seen_is_not_touched),
        cmocka_unit_test(kinds_must_agree),
        cmocka_unit_test(ordinals_count_in_reading_order),
        cmocka_unit_test(a_scope_takes_its_best_match_only),
        cmocka_unit_test(relations_follow_geometry),
        cmocka_unit_test(sections_are_found_by_their_heading),
        cmocka_unit_test(a_control_without_a_name_is_found_by_the_text_beside_it),
        cmocka_unit_test(the_open_dialog_wins_a_tie),
        cmocka_unit_test(placeholders_titles_and_ids_name_too),
        cmocka_unit_test(a_term_and_its_definition_are_one_thing_to_look_at),
        cmocka_unit_test(a_date_field_may_be_called_a_date),
        cmocka_unit_test(texts_match_by_whole_words_and_exact_digits),
        cmocka_unit_test(a_name_that_resembles_another_is_another_name),
        cmocka_unit_test(all_alphabets_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
