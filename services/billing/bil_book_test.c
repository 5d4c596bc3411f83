/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "billing/bil_book.h"
#include "billing/bil_limits.h"
#include "billing/bil_month.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct bil_entry entries[BIL_LEGS_MAX];

static struct bil_op
op_of(enum bil_kind kind, int64_t amount)
{
    return (struct bil_op){.kind = kind, .event_id = STR("e"), .amount_micro = amount};
}

static struct bil_op
apply(struct bil_book *book, enum bil_kind kind, int64_t amount)
{
    struct bil_op op = op_of(kind, amount);

    book->entries = entries;
    book->count = 0;
    bil_book_apply(book, &op);
    return op;
}

static void
the_allowance_is_spent_before_the_prepaid_credit(void **state)
{
    struct bil_book book = {.allowance_micro = 30, .prepaid_micro = 100};

    (void)state;
    struct bil_op op = apply(&book, BIL_DEDUCT, 50);
    assert_int_equal(op.result, BIL_POSTED);
    assert_int_equal(op.allowance_micro, 30);
    assert_int_equal(op.prepaid_micro, 20);
    assert_int_equal(book.allowance_micro, 0);
    assert_int_equal(book.prepaid_micro, 80);
    assert_int_equal(book.count, 2);
    assert_string_equal(entries[0].debit, "allowance");
    assert_string_equal(entries[0].credit, "revenue");
    assert_int_equal(entries[0].after_micro, 0);
    assert_string_equal(entries[1].debit, "prepaid");
    assert_int_equal(entries[1].leg, 1);
    assert_int_equal(entries[1].after_micro, 80);
}

static void
a_deduction_beyond_the_credit_is_refused_whole(void **state)
{
    struct bil_book book = {.allowance_micro = 30, .prepaid_micro = 100};

    (void)state;
    assert_int_equal(apply(&book, BIL_DEDUCT, 131).result, BIL_SHORT);
    assert_int_equal(book.count, 0);
    assert_int_equal(book.allowance_micro, 30);
    assert_int_equal(book.prepaid_micro, 100);
    assert_int_equal(apply(&book, BIL_DEDUCT, 130).result, BIL_POSTED);
    assert_int_equal(apply(&book, BIL_DEDUCT, 1).result, BIL_SHORT);
}

static void
what_has_happened_is_taken_as_far_as_it_goes(void **state)
{
    struct bil_book book = {.allowance_micro = 30, .prepaid_micro = 5};

    (void)state;
    struct bil_op op = apply(&book, BIL_DEDUCT_UPTO, 50);
    assert_int_equal(op.result, BIL_POSTED);
    assert_int_equal(op.allowance_micro + op.prepaid_micro, 35);
    assert_int_equal(apply(&book, BIL_DEDUCT_UPTO, 50).result, BIL_SHORT);
    book = (struct bil_book){.allowance_micro = 30, .prepaid_micro = 5};
    op = apply(&book, BIL_REFUND_UPTO, 50);
    assert_int_equal(op.prepaid_micro, 5);
    assert_int_equal(book.allowance_micro, 30); /* no money bought it */
    op = apply(&book, BIL_EXPIRE_UPTO, 100);
    assert_int_equal(op.allowance_micro, 30);
}

static void
credit_is_added_to_its_bucket_and_no_bucket_overflows(void **state)
{
    static const struct {
        enum bil_kind kind;
        const char *bucket, *from;
    } ADDS[] = {{BIL_TOPUP, "prepaid", "payments"},
                {BIL_GRANT_PREPAID, "prepaid", "grants"},
                {BIL_GRANT_ALLOWANCE, "allowance", "grants"},
                {BIL_REFILL, "allowance", "plan"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ADDS); i++) {
        struct bil_book book = {.allowance_micro = 7, .prepaid_micro = 7};
        assert_int_equal(apply(&book, ADDS[i].kind, 10).result, BIL_POSTED);
        assert_int_equal(book.allowance_micro + book.prepaid_micro, 24);
        assert_string_equal(entries[0].credit, ADDS[i].bucket);
        assert_string_equal(entries[0].debit, ADDS[i].from);
        assert_int_equal(entries[0].after_micro, 17);
    }
    struct bil_book full = {.prepaid_micro = BIL_BALANCE_MAX - 9};
    assert_int_equal(apply(&full, BIL_TOPUP, 10).result, BIL_FULL);
    assert_int_equal(apply(&full, BIL_TOPUP, 9).result, BIL_POSTED);
}

static void
malformed_operations_are_told_apart(void **state)
{
    char id[BIL_EVENT_ID_MAX + 2];
    struct bil_op op = op_of(BIL_DEDUCT, 1);

    (void)state;
    memset(id, 'x', sizeof(id));
    assert_true(bil_op_is_valid(&op));
    op.event_id = str_n(id, BIL_EVENT_ID_MAX);
    assert_true(bil_op_is_valid(&op));
    op.event_id = str_n(id, BIL_EVENT_ID_MAX + 1);
    assert_false(bil_op_is_valid(&op));
    op.event_id = STR_EMPTY;
    assert_false(bil_op_is_valid(&op));
    op.event_id = STR("a b");
    assert_false(bil_op_is_valid(&op));
    static const int64_t BAD[] = {0, -1, BIL_AMOUNT_MAX + 1, INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        op = op_of(BIL_DEDUCT, BAD[i]);
        assert_false(bil_op_is_valid(&op));
    }
}

/* Whatever happens in whatever order: the entries add up to the balances, which stay above zero,
 * and a refusal happens only where there was not enough. */
static void
a_million_random_operations_add_up(void **state)
{
    struct bil_book book = {.allowance_micro = 0};
    int64_t allowance = 0;
    int64_t prepaid = 0;
    uint32_t seed = 20261122;

    (void)state;
    for (int i = 0; i < 1000000; i++) {
        seed = seed * 1664525 + 1013904223;
        enum bil_kind kind = (enum bil_kind)((seed >> 8) % BIL_KIND_COUNT);
        int64_t amount = 1 + (int64_t)((seed >> 12) % 5000);
        int64_t before = book.allowance_micro + book.prepaid_micro;
        struct bil_op op = apply(&book, kind, amount);
        for (size_t e = 0; e < book.count; e++) {
            bool adds = strcmp(entries[e].credit, "allowance") == 0 ||
                        strcmp(entries[e].credit, "prepaid") == 0;
            const char *bucket = adds ? entries[e].credit : entries[e].debit;
            int64_t *to = strcmp(bucket, "allowance") == 0 ? &allowance : &prepaid;
            *to += adds ? entries[e].amount_micro : -entries[e].amount_micro;
            assert_int_equal(entries[e].after_micro, *to);
        }
        assert_int_equal(book.allowance_micro, allowance);
        assert_int_equal(book.prepaid_micro, prepaid);
        assert_true(allowance >= 0 && prepaid >= 0);
        if (kind == BIL_DEDUCT) {
            assert_int_equal(op.result, before >= amount ? BIL_POSTED : BIL_SHORT);
        }
    }
}

static void
low_is_below_a_fifth_or_nothing(void **state)
{
    (void)state;
    assert_true(bil_is_low(0, 0));
    assert_false(bil_is_low(1, 0));
    assert_false(bil_is_low(200000, 1000000));
    assert_true(bil_is_low(199999, 1000000));
}

/* --- months and limits ------------------------------------------------------------------------ */

#define NOV_2026 INT64_C(1793491200000000)
#define DEC_2026 INT64_C(1796083200000000)
#define MINUTE BIL_US_PER_MINUTE

static void
months_are_those_of_the_calendar_in_utc(void **state)
{
    (void)state;
    struct bil_month m = bil_month_of(NOV_2026);
    assert_int_equal(m.begin_us, NOV_2026);
    assert_int_equal(m.end_us, DEC_2026);
    assert_string_equal(m.text, "2026-11");
    assert_string_equal(bil_month_of(DEC_2026 - 1).text, "2026-11");
    assert_string_equal(bil_month_of(DEC_2026).text, "2026-12");
    assert_string_equal(bil_month_of(bil_month_of(DEC_2026).end_us).text, "2027-01");
    assert_string_equal(bil_month_of(INT64_C(1709164800000000)).text, "2024-02"); /* leap day */
    /* The last instant of January 31, whose next month has no such day. */
    m = bil_month_of(INT64_C(1801439999999999));
    assert_string_equal(m.text, "2027-01");
    assert_int_equal(m.end_us, INT64_C(1801440000000000));
    assert_string_equal(bil_month_of(m.end_us).text, "2027-02");
    assert_string_equal(bil_month_of(INT64_C(253402300799000000)).text, "9999-12");
}

static void
a_session_over_the_end_of_a_month_counts_in_both(void **state)
{
    (void)state;
    struct bil_split s = bil_split_by_month(DEC_2026 + 10 * MINUTE, 25 * MINUTE);
    assert_int_equal(s.last_us, 10 * MINUTE);
    assert_int_equal(s.before_us, 15 * MINUTE);
    assert_string_equal(s.last.text, "2026-12");
    assert_string_equal(s.before.text, "2026-11");
    s = bil_split_by_month(DEC_2026 + 10 * MINUTE, 10 * MINUTE);
    assert_int_equal(s.before_us, 0);
}

static struct bil_account
account(int64_t minutes)
{
    return (struct bil_account){.plan = {.streaming_minutes = minutes,
                                         .concurrent_sessions = 2,
                                         .credit_micro = 1000000,
                                         .overage_micro = 60000,
                                         .is_enforced = true}};
}

static void
streaming_ends_with_the_minutes_or_goes_on_with_the_credit(void **state)
{
    struct bil_account a = account(30);

    (void)state;
    assert_int_equal(bil_streaming_left_us(&a), 30 * MINUTE);
    a.ended_us = 20 * MINUTE;
    a.live_us = 4 * MINUTE;
    assert_int_equal(bil_streaming_left_us(&a), 6 * MINUTE);
    a.live_us = 100 * MINUTE;
    assert_int_equal(bil_streaming_left_us(&a), 0);
    a.overage = true;
    a.live_us = 15 * MINUTE; /* five beyond the plan, two of them paid */
    a.overage_minutes = 2;
    a.prepaid_micro = 60000 * 10 + 59999;
    assert_int_equal(bil_streaming_left_us(&a), 7 * MINUTE);
    a.plan.overage_micro = 1; /* more minutes than a number of microseconds holds */
    a.prepaid_micro = BIL_BALANCE_MAX;
    a.allowance_micro = BIL_BALANCE_MAX;
    assert_true(bil_streaming_left_us(&a) > INT64_C(1000000000) * 60);
    a.plan.overage_micro = 0; /* beyond the plan is free */
    assert_int_equal(bil_streaming_left_us(&a), BIL_NO_LIMIT);
    a = account(BIL_NO_LIMIT);
    assert_int_equal(bil_streaming_left_us(&a), BIL_NO_LIMIT);
}

static void
model_runs_need_credit_where_the_plan_says_so(void **state)
{
    struct bil_account a = account(30);

    (void)state;
    assert_false(bil_credit_left(&a));
    assert_true(bil_account_is_low(&a));
    a.prepaid_micro = 1;
    assert_true(bil_credit_left(&a));
    a.prepaid_micro = 0;
    a.plan.is_enforced = false;
    assert_true(bil_credit_left(&a));
    assert_false(bil_account_is_low(&a));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_allowance_is_spent_before_the_prepaid_credit),
        cmocka_unit_test(a_deduction_beyond_the_credit_is_refused_whole),
        cmocka_unit_test(what_has_happened_is_taken_as_far_as_it_goes),
        cmocka_unit_test(credit_is_added_to_its_bucket_and_no_bucket_overflows),
        cmocka_unit_test(malformed_operations_are_told_apart),
        cmocka_unit_test(a_million_random_operations_add_up),
        cmocka_unit_test(low_is_below_a_fifth_or_nothing),
        cmocka_unit_test(months_are_those_of_the_calendar_in_utc),
        cmocka_unit_test(a_session_over_the_end_of_a_month_counts_in_both),
        cmocka_unit_test(streaming_ends_with_the_minutes_or_goes_on_with_the_credit),
        cmocka_unit_test(model_runs_need_credit_where_the_plan_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
