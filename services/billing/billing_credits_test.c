/* SPDX-License-Identifier: Apache-2.0
 *
 * Credit as its callers see it, on a real Postgres: allowance, deductions, the ledger. */
#include "billing/billing_lab.h"

static void
a_new_organization_has_its_first_allowance_as_an_entry(void **state)
{
    struct call c = call_begin(ORG);

    (void)state;
    for (int i = 0; i < 2; i++) {
        Assay__GetBalanceResponse b = balance(&c);
        assert_int_equal(b.allowance_micro, USD);
        assert_int_equal(b.prepaid_micro, 0);
        assert_int_equal(b.plan_allowance_micro, USD);
        assert_false(b.has_plan_period_end); /* the plan costs nothing */
        assert_false(b.low_balance);
        assert_int_equal(b.n_bundles, 2);
        assert_string_equal(b.bundles[1]->bundle_key, "bundle_25");
    }
    Assay__ListLedgerRequest req = ASSAY__LIST_LEDGER_REQUEST__INIT;
    Assay__ListLedgerResponse resp = ASSAY__LIST_LEDGER_RESPONSE__INIT;
    assert_int_equal(billing_list_ledger(&billing, &c.ctx, &req, &resp), RC_OK);
    assert_int_equal(resp.total, 1);
    assert_int_equal(resp.n_entries, 1);
    assert_string_equal(resp.entries[0]->entry_type, "subscription_refill");
    assert_string_equal(resp.entries[0]->balance_bucket, "allowance");
    assert_int_equal(resp.entries[0]->amount_micro, USD);
    arena_free(c.arena);
}

static void
a_month_ends_the_allowance_and_keeps_what_was_bought(void **state)
{
    (void)state;
    post(BIL_TOPUP, "t1", 5 * USD);
    post(BIL_DEDUCT, "d1", USD / 4);
    pg_support_exec("UPDATE billing.accounts SET period = period - interval '1 month';"
                    "ALTER TABLE billing.ledger DISABLE TRIGGER USER;"
                    "UPDATE billing.ledger SET event_id = 'refill/2001-01' WHERE debit = 'plan';"
                    "ALTER TABLE billing.ledger ENABLE TRIGGER USER");
    struct call c = call_begin(ORG);
    Assay__GetBalanceResponse b = balance(&c);
    assert_int_equal(b.allowance_micro, USD);
    assert_int_equal(b.prepaid_micro, 5 * USD);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM billing.ledger"
                                    " WHERE entry_type = 'subscription_expiry'"),
                     1);
    arena_free(c.arena);
    add_up();
}

static void
an_event_is_booked_once_and_never_with_another_amount(void **state)
{
    const char *reason = NULL;

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(deduct("e1", 1000, &reason), RC_OK);
        assert_int_equal(balance_micro(), USD - 1000);
    }
    assert_int_equal(deduct("e1", 1001, &reason), RC_ALREADY_EXISTS);
    assert_string_equal(reason, "EVENT_REUSED");
    assert_int_equal(post(BIL_TOPUP, "e1", 1000).result, BIL_REUSED);
    assert_int_equal(deduct("e2", USD, &reason), RC_FAILED_PRECONDITION);
    assert_string_equal(reason, "CREDIT_EXHAUSTED");
    assert_int_equal(balance_micro(), USD - 1000);
    /* A refusal is no event: with credit the same deduction is possible. */
    post(BIL_TOPUP, "t1", 10 * USD);
    assert_int_equal(deduct("e2", USD, &reason), RC_OK);
    static const int64_t BAD[] = {0, -5, BIL_AMOUNT_MAX + 1};
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        assert_int_equal(deduct("e3", BAD[i], &reason), RC_INVALID_ARGUMENT);
    }
    assert_int_equal(deduct("", 5, &reason), RC_INVALID_ARGUMENT);
    add_up();
}

static void
the_ledger_is_never_changed_and_no_balance_moves_without_it(void **state)
{
    static const char *const SQL[] = {
        "UPDATE billing.ledger SET amount_micro = 1",
        "DELETE FROM billing.ledger",
        "TRUNCATE billing.ledger",
        "UPDATE billing.accounts SET prepaid_micro = 5",
        "UPDATE billing.accounts SET entries = 5",
        "DELETE FROM billing.accounts",
        "INSERT INTO billing.ledger (org_id, event_id, leg, entry_type, debit, credit, "
        "amount_micro,"
        " asked_micro, after_micro) VALUES (7, 'x', 0, 'x', 'prepaid', 'revenue', 1, 1, 0)",
        "INSERT INTO billing.ledger (org_id, event_id, leg, entry_type, debit, credit, "
        "amount_micro,"
        " asked_micro, after_micro) VALUES (8, 'x', 0, 'x', 'grants', 'prepaid', 1, 1, 1)",
        "INSERT INTO billing.ledger (org_id, event_id, leg, entry_type, debit, credit, "
        "amount_micro,"
        " asked_micro, after_micro) VALUES (7, 'x', 0, 'x', 'prepaid', 'allowance', 1, 1, 1)",
    };

    (void)state;
    post(BIL_DEDUCT, "d1", USD / 4);
    for (size_t i = 0; i < ARRAY_LEN(SQL); i++) {
        must_be_refused(SQL[i]);
    }
    assert_int_equal(balance_micro(), USD - USD / 4);
    add_up();
}

/* The check is worth something only if it finds what it looks for. */
static void
a_ledger_that_does_not_add_up_is_found(void **state)
{
    struct call c = call_begin(0);
    int64_t *orgs = NULL;
    size_t n = 0;

    (void)state;
    post(BIL_TOPUP, "t1", 5 * USD);
    pg_support_exec("ALTER TABLE billing.accounts DISABLE TRIGGER balance_needs_entry;"
                    "UPDATE billing.accounts SET prepaid_micro = prepaid_micro - 1;"
                    "ALTER TABLE billing.accounts ENABLE TRIGGER balance_needs_entry");
    assert_int_equal(bil_ledger_faults(db, &c.ctx, &orgs, &n), RC_OK);
    assert_int_equal(n, 1);
    assert_int_equal(orgs[0], ORG);
    arena_free(c.arena);
}

static void
low_credit_is_told_once_when_it_is_crossed(void **state)
{
    const char *count = "SELECT count(*) FROM billing.outbox WHERE type = 'billing.low_balance'";

    (void)state;
    post(BIL_DEDUCT, "d1", USD / 2);
    assert_int_equal(pg_support_i64(count), 0);
    post(BIL_DEDUCT, "d2", USD / 2 - 1000);
    assert_int_equal(pg_support_i64(count), 1);
    post(BIL_DEDUCT, "d3", 500);
    assert_int_equal(pg_support_i64(count), 1);
    struct call c = call_begin(ORG);
    assert_true(balance(&c).low_balance);
    arena_free(c.arena);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_new_organization_has_its_first_allowance_as_an_entry),
        T(a_month_ends_the_allowance_and_keeps_what_was_bought),
        T(an_event_is_booked_once_and_never_with_another_amount),
        T(the_ledger_is_never_changed_and_no_balance_moves_without_it),
        T(a_ledger_that_does_not_add_up_is_found),
        T(low_credit_is_told_once_when_it_is_crossed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
