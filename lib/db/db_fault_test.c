/* SPDX-License-Identifier: Apache-2.0
 *
 * What goes wrong: deadlines, lost connections, restarts, migrations that race or fail; and
 * listeners, which must outlive it. */
#include "db/db_fixture.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- faults -------------------------------------------------------------------------------- */

static void
a_deadline_cancels_the_statement_and_the_connection_is_usable(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(put(f, "before"), RC_OK); /* to be connected takes longer, now and then */
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
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
