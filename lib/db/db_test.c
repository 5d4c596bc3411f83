/* SPDX-License-Identifier: Apache-2.0
 *
 * lib/db against a real Postgres, with its faults. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#undef fail

#include "db/db.h"
#include "tests/support/pg.h"

enum {
    Q_PUT,
    Q_ALL,
    Q_SLEEP,
    Q_ECHO,
    Q_ARRAYS,
    Q_PID,
    Q_PUT_CHILD,
    Q_ORG,
    Q_COUNT_ALL,
    Q_BROKEN_TIME,
    Q_END
};

static const struct db_query_def QUERIES[] = {
    [Q_PUT] = {"put", "INSERT INTO things (org_id, name) VALUES ($1, $2) RETURNING id", 2},
    [Q_ALL] = {"all", "SELECT name FROM things ORDER BY id", 0},
    [Q_SLEEP] = {"sleep", "SELECT pg_sleep($1)", 1},
    [Q_ECHO] = {"echo",
                "SELECT $1::bigint, $2::float8, $3::bool, $4::text, $5::bytea,"
                " $6::timestamptz, $7::text",
                7},
    [Q_ARRAYS] = {"arrays", "SELECT $1::text[], $2::bigint[]", 2},
    [Q_PID] = {"pid", "SELECT pg_backend_pid()", 0},
    [Q_PUT_CHILD] = {"put_child", "INSERT INTO children (thing) VALUES ($1)", 1},
    [Q_ORG] = {"org", "SELECT current_setting('assay.org_id')", 0},
    [Q_COUNT_ALL] = {"count_all", "SELECT count(*) FROM things", 0},
    [Q_BROKEN_TIME] = {"broken_time", "SELECT $1::text::timestamptz", 1},
};

static const struct db_query_def COMMON[] = {{"one", "SELECT 41 + $1::int", 1}};

static const struct db_migration COMMON_MIGRATIONS[] = {
    {1, "0001_wall",
     "CREATE FUNCTION org_ok(o bigint) RETURNS boolean LANGUAGE sql STABLE AS "
     "$$ SELECT coalesce(nullif(current_setting('assay.org_id', true), ''), '0')::bigint"
     " IN (0, o) $$;"
     "CREATE FUNCTION org_now() RETURNS bigint LANGUAGE sql STABLE AS "
     "$$ SELECT coalesce(nullif(current_setting('assay.org_id', true), ''), '0')::bigint $$"}};

static const struct db_migration MIGRATIONS[] = {
    {1, "0001_things",
     "CREATE TABLE things (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
     " org_id bigint NOT NULL, name text NOT NULL CONSTRAINT name_free UNIQUE,"
     " CONSTRAINT name_short CHECK (length(name) < 20));"
     "CREATE TABLE children (thing bigint CONSTRAINT child_of REFERENCES things"
     " DEFERRABLE INITIALLY DEFERRED);"
     "ALTER TABLE things ENABLE ROW LEVEL SECURITY;"
     "ALTER TABLE things FORCE ROW LEVEL SECURITY;"
     "CREATE POLICY tenant ON things USING ((SELECT org_now()) = ANY (ARRAY[0, org_id]))"
     " WITH CHECK (org_ok(org_id))"},
    {2, "0002_more", "SELECT pg_sleep(0.05); ALTER TABLE things ADD COLUMN more text"},
};

struct fixture {
    struct db *db;
    struct arena *arena;
    struct ctx ctx;
};

static struct db_cfg
make_cfg(void)
{
    return (struct db_cfg){.uri = pg_support_uri(),
                           .schema = "toy",
                           .app = "db_test",
                           .queries = QUERIES,
                           .query_count = Q_END,
                           .migrations = MIGRATIONS,
                           .migration_count = ARRAY_LEN(MIGRATIONS),
                           .common_queries = COMMON,
                           .common_query_count = 1,
                           .common_migrations = COMMON_MIGRATIONS,
                           .common_migration_count = 1};
}

static void
fresh_ctx(struct fixture *f)
{
    arena_reset(f->arena);
    ctx_init(&f->ctx, f->arena);
    f->ctx.deadline_us = clk_wall_us() + 60 * ASSAY_US_PER_S;
}

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct db_cfg cfg = make_cfg();

    pg_support_exec("DROP SCHEMA IF EXISTS toy CASCADE");
    f->arena = arena_new(4 << 20);
    fresh_ctx(f);
    *state = f;
    return db_open(&cfg, &f->db) != RC_OK || db_migrate(f->db, &f->ctx) != RC_OK;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    db_close(f->db);
    arena_free(f->arena);
    free(f);
    return 0;
}

static enum rc
put(struct fixture *f, const char *name)
{
    return DB_QUERY(f->db, &f->ctx, Q_PUT, NULL, DB_ARG_I64(1), DB_ARG_Z(name));
}

static int64_t
stored(void)
{
    return pg_support_i64("SELECT count(*) FROM toy.things");
}

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

/* --- faults -------------------------------------------------------------------------------- */

static void
a_deadline_cancels_the_statement_and_the_connection_is_usable(void **state)
{
    struct fixture *f = *state;
    int64_t start = clk_mono_us();

    f->ctx.deadline_us = clk_wall_us() + 150 * ASSAY_US_PER_MS;
    assert_int_equal(DB_QUERY(f->db, &f->ctx, Q_SLEEP, NULL, DB_ARG_F64(60)), RC_DEADLINE_EXCEEDED);
    assert_true(clk_mono_us() - start < 10 * ASSAY_US_PER_S); /* the statement sleeps longer */
    fresh_ctx(f);
    assert_int_equal(put(f, "after"), RC_OK);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM pg_stat_activity WHERE query LIKE"
                                    " '%pg_sleep($1)%' AND state = 'active' AND usename = 'assay'"),
                     0);
}

static void
a_deadline_inside_a_transaction_undoes_it(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(db_begin(f->db, &f->ctx), RC_OK);
    assert_int_equal(put(f, "a"), RC_OK);
    f->ctx.deadline_us = clk_wall_us() + 100 * ASSAY_US_PER_MS;
    assert_int_equal(DB_QUERY(f->db, &f->ctx, Q_SLEEP, NULL, DB_ARG_F64(10)), RC_DEADLINE_EXCEEDED);
    db_rollback(f->db, &f->ctx);
    fresh_ctx(f);
    assert_int_equal(put(f, "a"), RC_OK);
    assert_int_equal(stored(), 1);
}

static void
an_expired_call_does_not_commit(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(db_begin(f->db, &f->ctx), RC_OK);
    assert_int_equal(put(f, "late"), RC_OK);
    f->ctx.deadline_us = clk_wall_us() - 1;
    assert_int_equal(db_commit(f->db, &f->ctx), RC_DEADLINE_EXCEEDED);
    assert_int_equal(stored(), 0);
}

static void
a_backend_killed_inside_a_transaction_dooms_it(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(db_begin(f->db, &f->ctx), RC_OK);
    assert_int_equal(put(f, "a"), RC_OK);
    assert_true(pg_support_terminate_all() >= 1);
    assert_int_equal(put(f, "b"), RC_UNAVAILABLE);
    assert_string_equal(f->ctx.err.reason, "DB_LOST");
    ctx_recover(&f->ctx);
    assert_int_equal(put(f, "c"), RC_UNAVAILABLE); /* not on a new connection */
    ctx_recover(&f->ctx);
    assert_int_equal(db_commit(f->db, &f->ctx), RC_UNAVAILABLE);
    fresh_ctx(f);
    assert_int_equal(put(f, "d"), RC_OK);
    assert_int_equal(stored(), 1);
}

static void
a_connection_lost_at_commit_is_reported_as_unknown(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(db_begin(f->db, &f->ctx), RC_OK);
    assert_int_equal(put(f, "a"), RC_OK);
    assert_true(pg_support_terminate_all() >= 1);
    assert_int_equal(db_commit(f->db, &f->ctx), RC_UNKNOWN);
    fresh_ctx(f);
    assert_int_equal(put(f, "b"), RC_OK);
}

static void
a_restart_between_calls_is_not_seen(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(put(f, "a"), RC_OK);
    pg_support_stop();
    pg_support_start();
    assert_int_equal(db_begin(f->db, &f->ctx), RC_OK);
    assert_int_equal(put(f, "b"), RC_OK);
    assert_int_equal(db_commit(f->db, &f->ctx), RC_OK);
    assert_int_equal(db_begin(f->db, &f->ctx), RC_OK);
    pg_support_stop();
    pg_support_start();
    assert_int_equal(put(f, "c"), RC_OK); /* nothing had been sent */
    assert_int_equal(db_commit(f->db, &f->ctx), RC_OK);
}

static void
a_stopped_server_is_reported_soon_and_found_again(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(put(f, "a"), RC_OK);
    pg_support_stop();
    int64_t start = clk_mono_us();
    assert_int_equal(put(f, "b"), RC_UNAVAILABLE);
    assert_string_equal(f->ctx.err.reason, "DB_DOWN");
    assert_true(clk_mono_us() - start < 15 * ASSAY_US_PER_S); /* long before the deadline */
    pg_support_start();
    enum rc rc = RC_UNAVAILABLE;
    for (int64_t end = clk_mono_us() + 30 * ASSAY_US_PER_S; rc != RC_OK && clk_mono_us() < end;) {
        fresh_ctx(f);
        rc = put(f, "c");
    }
    assert_int_equal(rc, RC_OK);
}

static void *
query_in_thread(void *arg)
{
    struct fixture *f = arg;
    struct fixture mine = {.db = f->db, .arena = arena_new(1 << 20)};

    fresh_ctx(&mine);
    enum rc rc = DB_QUERY0(mine.db, &mine.ctx, Q_PID, NULL);
    arena_free(mine.arena);
    return rc == RC_OK ? f : NULL;
}

static void
threads_have_connections_of_their_own_that_end_with_them(void **state)
{
    struct fixture *f = *state;
    static const char COUNT[] = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'assay'";

    assert_int_equal(DB_QUERY0(f->db, &f->ctx, Q_PID, NULL), RC_OK);
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        void *ok;
        assert_int_equal(pthread_create(&thread, NULL, query_in_thread, f), 0);
        assert_int_equal(pthread_join(thread, &ok), 0);
        assert_non_null(ok);
    }
    int64_t left = 0;
    for (int64_t end = clk_mono_us() + 5 * ASSAY_US_PER_S; clk_mono_us() < end;) {
        left = pg_support_i64(COUNT);
        if (left == 1) {
            break;
        }
    }
    assert_int_equal(left, 1);
}

/* --- migrations and start ------------------------------------------------------------------ */

static void
four_processes_migrate_at_once_and_each_step_runs_once(void **state)
{
    struct db_cfg cfg = make_cfg();
    pid_t children[4];

    (void)state;
    cfg.schema = "crowd";
    pg_support_exec("DROP SCHEMA IF EXISTS crowd CASCADE");
    for (size_t i = 0; i < ARRAY_LEN(children); i++) {
        children[i] = fork();
        if (children[i] == 0) {
            struct fixture f = {.arena = arena_new(1 << 20)};
            fresh_ctx(&f);
            bool ok = db_open(&cfg, &f.db) == RC_OK && db_migrate(f.db, &f.ctx) == RC_OK &&
                      db_ready(f.db, &f.ctx) == RC_OK;
            _exit(ok ? 0 : 1);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(children); i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(pg_support_i64("SELECT count(*) FROM crowd.schema_migrations"), 3);
}

static void
a_changed_or_failing_migration_is_refused_whole(void **state)
{
    struct fixture *f = *state;
    struct db_cfg cfg = make_cfg();
    struct db_migration list[3] = {MIGRATIONS[0],
                                   MIGRATIONS[1],
                                   {3, "0003_bad", "CREATE TABLE half (a int); SELECT nonsense"}};
    struct db *other;

    cfg.migrations = list;
    cfg.migration_count = 3;
    assert_int_equal(db_open(&cfg, &other), RC_OK);
    assert_int_equal(db_ready(other, &f->ctx), RC_FAILED_PRECONDITION);
    fresh_ctx(f);
    assert_int_equal(db_migrate(other, &f->ctx), RC_FAILED_PRECONDITION);
    assert_string_equal(f->ctx.err.reason, "MIGRATION_FAILED");
    assert_int_equal(pg_support_i64("SELECT count(*) FROM pg_tables WHERE tablename = 'half'"), 0);
    db_close(other);
    list[0].sql = "SELECT 1";
    cfg.migration_count = 2;
    fresh_ctx(f);
    assert_int_equal(db_open(&cfg, &other), RC_OK);
    assert_int_equal(db_migrate(other, &f->ctx), RC_FAILED_PRECONDITION);
    assert_string_equal(f->ctx.err.reason, "MIGRATION_CHANGED");
    db_close(other);
    fresh_ctx(f);
    assert_int_equal(db_migrate(f->db, &f->ctx), RC_OK);
}

static void
a_query_that_does_not_fit_the_schema_stops_the_start(void **state)
{
    struct fixture *f = *state;
    struct db_query_def queries[Q_END];
    struct db_cfg cfg = make_cfg();
    struct db *other;
    bool bypasses = true;

    assert_int_equal(db_check(f->db, &f->ctx), RC_OK);
    assert_int_equal(db_bypasses_policies(f->db, &f->ctx, &bypasses), RC_OK);
    assert_false(bypasses);
    memcpy(queries, QUERIES, sizeof queries);
    queries[Q_PID] = (struct db_query_def){"misfit", "SELECT missing FROM things", 0};
    cfg.queries = queries;
    assert_int_equal(db_open(&cfg, &other), RC_OK);
    assert_int_equal(db_check(other, &f->ctx), RC_INTERNAL);
    assert_true(str_find(f->ctx.err.detail, STR("misfit")) >= 0);
    db_close(other);
}

/* --- notifications ------------------------------------------------------------------------- */

struct heard {
    pthread_mutex_t lock;
    int empty, told;
    char last[32];
};

static void
hear(void *arg, struct str payload)
{
    struct heard *h = arg;

    (void)pthread_mutex_lock(&h->lock);
    h->empty += payload.n == 0;
    h->told += payload.n > 0;
    (void)snprintf(h->last, sizeof h->last, "%.*s", STR_ARG(payload));
    (void)pthread_mutex_unlock(&h->lock);
}

static bool
wait_heard(struct heard *h, int empty, int told)
{
    bool ok = false;

    for (int64_t end = clk_mono_us() + 10 * ASSAY_US_PER_S; !ok && clk_mono_us() < end;) {
        (void)pthread_mutex_lock(&h->lock);
        ok = h->empty >= empty && h->told >= told;
        (void)pthread_mutex_unlock(&h->lock);
    }
    return ok;
}

static void
listeners_hear_commits_and_reconnects(void **state)
{
    struct fixture *f = *state;
    struct heard one = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct heard two = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct db_listener *a, *b;

    assert_int_equal(db_listen(f->db, "jobs", hear, &one, &a), RC_OK);
    assert_int_equal(db_listen(f->db, "other", hear, &two, &b), RC_OK);
    assert_true(wait_heard(&one, 1, 0) && wait_heard(&two, 1, 0));
    assert_int_equal(db_begin(f->db, &f->ctx), RC_OK);
    assert_int_equal(db_notify(f->db, &f->ctx, "jobs", STR("lost")), RC_OK);
    db_rollback(f->db, &f->ctx);
    assert_int_equal(db_begin(f->db, &f->ctx), RC_OK);
    assert_int_equal(db_notify(f->db, &f->ctx, "jobs", STR("told")), RC_OK);
    assert_int_equal(db_commit(f->db, &f->ctx), RC_OK);
    assert_true(wait_heard(&one, 1, 1));
    assert_string_equal(one.last, "told");
    assert_int_equal(one.told, 1);
    assert_int_equal(two.told, 0);
    (void)pg_support_terminate_all();
    assert_true(wait_heard(&one, 2, 1) && wait_heard(&two, 2, 0));
    fresh_ctx(f);
    assert_int_equal(db_notify(f->db, &f->ctx, "other", STR("again")), RC_OK);
    assert_true(wait_heard(&two, 2, 1));
    db_listener_free(a);
    db_listener_free(b);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
        T(a_deadline_cancels_the_statement_and_the_connection_is_usable),
        T(a_deadline_inside_a_transaction_undoes_it),
        T(an_expired_call_does_not_commit),
        T(a_backend_killed_inside_a_transaction_dooms_it),
        T(a_connection_lost_at_commit_is_reported_as_unknown),
        T(a_restart_between_calls_is_not_seen),
        T(a_stopped_server_is_reported_soon_and_found_again),
        T(threads_have_connections_of_their_own_that_end_with_them),
        T(four_processes_migrate_at_once_and_each_step_runs_once),
        T(a_changed_or_failing_migration_is_refused_whole),
        T(a_query_that_does_not_fit_the_schema_stops_the_start),
        T(listeners_hear_commits_and_reconnects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
