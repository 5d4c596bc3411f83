/* SPDX-License-Identifier: Apache-2.0
 *
 * Values, transactions and the walls between tenants, on a real Postgres. */
#include "db/db_fixture.h"

/* --- values -------------------------------------------------------------------------------- */

static void
values_of_every_type_come_back(void **state)
{
    struct fixture *f = *state;
    const struct db_result *res;
    const int64_t when = INT64_C(1738327496123456);

    assert_int_equal(DB_QUERY(f->db, &f->ctx, Q_ECHO, &res, DB_ARG_I64(INT64_MIN), DB_ARG_F64(0.1),
                              DB_ARG_BOOL(true), DB_ARG_STR(STR("gr\xc3\xbc\xc3\x9f")),
                              DB_ARG_BYTES(((struct str){"\0\xff\x80", 3})), DB_ARG_TIME(when),
                              DB_ARG_Z(NULL)),
                     RC_OK);
    assert_int_equal(db_rows(res), 1);
    assert_true(db_i64(res, 0, 0) == INT64_MIN);
    assert_true(db_f64(res, 0, 1) == 0.1);
    assert_true(db_bool(res, 0, 2));
    assert_string_equal(db_strz(res, 0, 3), "gr\xc3\xbc\xc3\x9f");
    assert_true(str_eq(db_bytes(res, 0, 4), (struct str){"\0\xff\x80", 3}));
    assert_true(db_time_us(res, 0, 5) == when);
    assert_true(db_is_null(res, 0, 6));
    assert_null(db_strz(res, 0, 6));
    assert_int_equal(DB_QUERY(f->db, &f->ctx, Q_BROKEN_TIME, &res, DB_ARG_Z("infinity")), RC_OK);
    assert_true(db_time_us(res, 0, 0) == INT64_MAX);
    assert_int_equal(DB_QUERY(f->db, &f->ctx, DB_COMMON(0), &res, DB_ARG_I64(1)), RC_OK);
    assert_int_equal(db_i64(res, 0, 0), 42);
}

static void
arrays_keep_quotes_commas_and_nulls(void **state)
{
    struct fixture *f = *state;
    const struct str in[] = {STR("a,b"), STR("q\"u\\o"), STR(""), STR("NULL"), STR("{}")};
    const int64_t ints[] = {INT64_MIN, 0, INT64_MAX};
    const struct db_result *res;
    size_t n;

    assert_int_equal(
        DB_QUERY(f->db, &f->ctx, Q_ARRAYS, &res, DB_ARG_STRS(in, 5), DB_ARG_I64S(ints, 3)), RC_OK);
    struct str *out = db_strs(res, 0, 0, &n);
    assert_int_equal(n, 5);
    for (size_t i = 0; i < n; i++) {
        assert_true(str_eq(out[i], in[i]));
        assert_non_null(out[i].p);
    }
    out = db_strs(res, 0, 1, &n);
    assert_int_equal(n, 3);
    assert_true(str_eqz(out[0], "-9223372036854775808"));
    assert_int_equal(
        DB_QUERY(f->db, &f->ctx, Q_ARRAYS, &res, DB_ARG_STRS(NULL, 0), DB_ARG_STR(STR("{1,NULL}"))),
        RC_OK);
    (void)db_strs(res, 0, 0, &n);
    assert_int_equal(n, 0);
    out = db_strs(res, 0, 1, &n);
    assert_int_equal(n, 2);
    assert_null(out[1].p);
}

static void
text_with_nul_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(
        DB_QUERY(f->db, &f->ctx, Q_PUT, NULL, DB_ARG_I64(1), DB_ARG_STR(((struct str){"a\0b", 3}))),
        RC_INVALID_ARGUMENT);
}

/* --- transactions -------------------------------------------------------------------------- */

static void
a_rollback_leaves_nothing_and_a_commit_stays(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(db_begin(f->db, &f->ctx), RC_OK);
    assert_int_equal(put(f, "a"), RC_OK);
    db_rollback(f->db, &f->ctx);
    assert_int_equal(stored(), 0);
    assert_int_equal(db_begin(f->db, &f->ctx), RC_OK);
    assert_int_equal(put(f, "a"), RC_OK);
    assert_int_equal(stored(), 0);
    assert_int_equal(db_commit(f->db, &f->ctx), RC_OK);
    assert_int_equal(stored(), 1);
    assert_false(db_in_tx(&f->ctx));
}

static void
nested_begins_commit_once_and_an_inner_rollback_dooms(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(db_begin(f->db, &f->ctx), RC_OK);
    assert_int_equal(db_begin(f->db, &f->ctx), RC_OK);
    assert_int_equal(put(f, "a"), RC_OK);
    assert_int_equal(db_commit(f->db, &f->ctx), RC_OK);
    assert_int_equal(stored(), 0);
    assert_int_equal(db_commit(f->db, &f->ctx), RC_OK);
    assert_int_equal(stored(), 1);
    assert_int_equal(db_begin(f->db, &f->ctx), RC_OK);
    assert_int_equal(put(f, "b"), RC_OK);
    assert_int_equal(db_begin(f->db, &f->ctx), RC_OK);
    db_rollback(f->db, &f->ctx);
    assert_int_equal(db_commit(f->db, &f->ctx), RC_ABORTED);
    assert_int_equal(stored(), 1);
}

static void
a_unique_violation_names_its_constraint(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(put(f, "taken"), RC_OK);
    assert_int_equal(put(f, "taken"), RC_ALREADY_EXISTS);
    assert_string_equal(f->ctx.err.reason, "DB_UNIQUE");
    assert_true(str_eqz(db_constraint(f->db), "name_free"));
    assert_int_equal(stored(), 1);
}

static void
a_failed_statement_cannot_be_committed(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(db_begin(f->db, &f->ctx), RC_OK);
    assert_int_equal(put(f, "a"), RC_OK);
    assert_int_equal(put(f, "a name much longer than allowed"), RC_FAILED_PRECONDITION);
    assert_true(str_eqz(db_constraint(f->db), "name_short"));
    ctx_recover(&f->ctx);
    assert_int_equal(put(f, "b"), RC_INTERNAL);
    ctx_recover(&f->ctx);
    assert_int_equal(db_commit(f->db, &f->ctx), RC_INTERNAL);
    assert_int_equal(stored(), 0);
    fresh_ctx(f);
    assert_int_equal(put(f, "c"), RC_OK);
}

static void
a_deferred_constraint_fails_the_commit(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(db_begin(f->db, &f->ctx), RC_OK);
    assert_int_equal(DB_QUERY(f->db, &f->ctx, Q_PUT_CHILD, NULL, DB_ARG_I64(999)), RC_OK);
    assert_int_equal(db_commit(f->db, &f->ctx), RC_FAILED_PRECONDITION);
    assert_string_equal(f->ctx.err.reason, "DB_FOREIGN_KEY");
    fresh_ctx(f);
    assert_int_equal(put(f, "next"), RC_OK);
}

static void
count_call(void *arg)
{
    ++*(int *)arg;
}

static void
deferred_statements_commit_or_fail_with_the_transaction(void **state)
{
    struct fixture *f = *state;
    int calls = 0;

    assert_int_equal(db_begin(f->db, &f->ctx), RC_OK);
    for (int i = 0; i < 40; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "n%d", i);
        assert_int_equal(DB_DEFER(f->db, &f->ctx, Q_PUT, DB_ARG_I64(1), DB_ARG_Z(name)), RC_OK);
    }
    assert_int_equal(db_after_commit(&f->ctx, count_call, &calls), RC_OK);
    assert_int_equal(calls, 0);
    assert_int_equal(db_commit(f->db, &f->ctx), RC_OK);
    assert_int_equal(calls, 1);
    assert_int_equal(stored(), 40);
    assert_int_equal(db_begin(f->db, &f->ctx), RC_OK);
    assert_int_equal(put(f, "fresh"), RC_OK);
    assert_int_equal(DB_DEFER(f->db, &f->ctx, Q_PUT, DB_ARG_I64(1), DB_ARG_Z("n1")), RC_OK);
    assert_int_equal(db_after_commit(&f->ctx, count_call, &calls), RC_OK);
    assert_int_equal(db_commit(f->db, &f->ctx), RC_ALREADY_EXISTS);
    assert_int_equal(calls, 1);
    assert_int_equal(stored(), 40);
}

/* --- tenants ------------------------------------------------------------------------------- */

static void
as_org(struct fixture *f, int64_t org_id, enum token_kind kind)
{
    f->ctx.who.org_id = org_id;
    f->ctx.who.kind = kind;
}

static int64_t
visible(struct fixture *f)
{
    const struct db_result *res;

    assert_int_equal(DB_QUERY0(f->db, &f->ctx, Q_COUNT_ALL, &res), RC_OK);
    return db_i64(res, 0, 0);
}

static void
another_organization_sees_nothing_even_without_a_filter(void **state)
{
    struct fixture *f = *state;

    as_org(f, 1, TOKEN_JWT);
    assert_int_equal(put(f, "mine"), RC_OK);
    assert_int_equal(visible(f), 1);
    as_org(f, 2, TOKEN_JWT);
    assert_int_equal(visible(f), 0);
    assert_int_equal(put(f, "smuggled"), RC_INTERNAL); /* into organization 1 */
    assert_string_equal(f->ctx.err.reason, "DB_POLICY");
    fresh_ctx(f);
    as_org(f, 0, TOKEN_JWT); /* signed in, no organization */
    assert_int_equal(visible(f), 0);
    as_org(f, 0, TOKEN_SERVICE);
    assert_int_equal(visible(f), 1);
}

static void
a_failed_statement_takes_its_organization_with_it(void **state)
{
    struct fixture *f = *state;
    const struct db_result *res = NULL;

    as_org(f, 5, TOKEN_JWT);
    assert_int_equal(DB_QUERY0(f->db, &f->ctx, Q_ORG, &res), RC_OK);
    as_org(f, 6, TOKEN_JWT);
    assert_int_equal(DB_QUERY(f->db, &f->ctx, Q_BROKEN_TIME, &res, DB_ARG_STR(STR("no time"))),
                     RC_INTERNAL);
    ctx_recover(&f->ctx);
    assert_int_equal(DB_QUERY0(f->db, &f->ctx, Q_ORG, &res), RC_OK);
    assert_true(str_eqz(db_str(res, 0, 0), "6"));
}

static void
the_organization_survives_rollbacks(void **state)
{
    struct fixture *f = *state;

    as_org(f, 1, TOKEN_JWT);
    assert_int_equal(put(f, "mine"), RC_OK);
    as_org(f, 2, TOKEN_JWT);
    assert_int_equal(db_begin(f->db, &f->ctx), RC_OK);
    assert_int_equal(visible(f), 0);
    as_org(f, 1, TOKEN_JWT); /* changed inside */
    assert_int_equal(visible(f), 1);
    db_rollback(f->db, &f->ctx);
    assert_int_equal(visible(f), 1);
    as_org(f, 2, TOKEN_JWT);
    assert_int_equal(visible(f), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(values_of_every_type_come_back),
        T(arrays_keep_quotes_commas_and_nulls),
        T(text_with_nul_is_refused),
        T(a_rollback_leaves_nothing_and_a_commit_stays),
        T(nested_begins_commit_once_and_an_inner_rollback_dooms),
        T(a_unique_violation_names_its_constraint),
        T(a_failed_statement_cannot_be_committed),
        T(a_deferred_constraint_fails_the_commit),
        T(deferred_statements_commit_or_fail_with_the_transaction),
        T(another_organization_sees_nothing_even_without_a_filter),
        T(a_failed_statement_takes_its_organization_with_it),
        T(the_organization_survives_rollbacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
