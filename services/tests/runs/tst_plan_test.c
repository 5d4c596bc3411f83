/* SPDX-License-Identifier: Apache-2.0
 *
 * Hot statements on 20,000 rows, and those of pictures on tables of which the planner knows nothing
 * yet: none may read a table it has an index for. The plans are those of the prepared statements
 * (generic), asked of Postgres with the texts that the service prepares. */
#include "tests/tests_fixture.h"

static void
fill(void)
{
    /* What plan a statement gets, as one number: how many tables it reads from end to end. */
    pg_support_exec(
        "CREATE OR REPLACE FUNCTION public.seq_scans(q text, args text) RETURNS bigint"
        " LANGUAGE plpgsql SET search_path = tests, public SET plan_cache_mode = force_generic_plan"
        " AS $$ DECLARE line text; n bigint := 0; BEGIN"
        "  EXECUTE 'PREPARE p AS ' || q;"
        "  FOR line IN EXECUTE 'EXPLAIN EXECUTE p' || CASE WHEN args = '' THEN '' ELSE '(' || args "
        "|| ')' END LOOP"
        "   IF line ~ 'Seq Scan on "
        "(suites|cases|suite_runs|jobs|case_runs|run_events|viz_[a-z]+)'"
        "    OR line ~ 'Index Scan Backward using run_events_pkey' THEN"
        "    n := n + 1; RAISE WARNING '%', line; END IF; END LOOP;"
        "  DEALLOCATE p; RETURN n; END $$");
    pg_support_exec(
        "INSERT INTO tests.suites (public_id, org_id, name)"
        " SELECT 'suite_' || i, i % 200, 's' FROM generate_series(1, 20000) i;"
        "INSERT INTO tests.cases (public_id, org_id, suite_id, name, steps)"
        " SELECT 'case_' || i, i % 200, i, 'c', '[]' FROM generate_series(1, 20000) i;"
        "INSERT INTO tests.suite_runs (public_id, org_id, suite_id, suite_name, mode, run_url, "
        "status)"
        " SELECT 'sr' || i, i % 200, i, 's', 'ai', '', 'passed' FROM generate_series(1, 20000) i;"
        "INSERT INTO tests.jobs (org_id, suite_run_id, rank, platform, reset_strategy, mode, state)"
        " SELECT i % 200, i, i, 'web', 'relaunch', 'ai',"
        " CASE WHEN i <= 18000 THEN 'done' WHEN i <= 18050 THEN 'running' ELSE 'queued' END"
        " FROM generate_series(1, 20000) i;"
        "INSERT INTO tests.case_runs (public_id, org_id, case_id, case_name, suite_run_id, job_id,"
        " status) SELECT 'tr' || i, i % 200, i, 'c', i, i, 'passed' FROM generate_series(1, 20000) "
        "i;"
        "INSERT INTO tests.run_events (org_id, suite_run_id, case_run_id, type)"
        " SELECT i % 200, i / 10 + 1, i / 10 + 1, 'step' FROM generate_series(1, 20000) i;"
        "ANALYZE tests.suites, tests.cases, tests.suite_runs, tests.jobs, tests.case_runs,"
        " tests.run_events;");
}

static int64_t
seq_scans(int query, const char *args)
{
    static char sql[16384];

    (void)snprintf(sql, sizeof(sql), "SELECT public.seq_scans($q$%s$q$, $q$%s$q$)",
                   tests_queries[query].sql, args);
    return pg_support_i64(sql);
}

struct hot {
    int query;
    const char *args;
};

static int
count_bad(const struct hot *hot, size_t count)
{
    int bad = 0;

    for (size_t i = 0; i < count; i++) {
        if (seq_scans(hot[i].query, hot[i].args) != 0) {
            print_message("%s reads whole tables\n", tests_queries[hot[i].query].name);
            bad++;
        }
    }
    return bad;
}

static void
hot_statements_use_their_indexes(void **state)
{
    static const struct hot HOT[] = {
        {Q_SUITE_LIST, "7"},
        {Q_SUITE_GET, "7, 'suite_7', NULL"},
        {Q_CASE_GET, "7, 'case_7', NULL"},
        {Q_CASE_LIST_OF_SUITE, "7, 7"},
        {Q_EXISTS_SUITE, "7, 'suite_7'"},
        {Q_EXISTS_CASE, "7, 'case_7'"},
        {Q_EXISTS_SUITE_RUN, "7, '7'"},
        {Q_RUN_GET, "7, 'tr7'"},
        {Q_SUITE_RUN_GET, "7, 'sr7', NULL"},
        {Q_RUN_LIST_OF_SUITE_RUN, "7, 7"},
        {Q_RUN_EVENTS_OF_SUITE_RUN, "7, 7"},
        {Q_RUN_EVENTS_OF_CASE_RUN, "7, 7"},
        {Q_JOB_CLAIM, "1000, 4, 16"},
        {Q_JOB_CLAIM_WAITING, "1000, 4"},
        {Q_JOB_EXPIRED, ""},
        {Q_JOB_DEPTH, ""},
        {Q_JOB_TO_RELEASE, "20"},
        {Q_JOBS_TO_CANCEL, ""},
        {Q_STALE_KEYS, ""},
        {Q_CASES_OF_JOB, "7"},
        {Q_JOBS_OF_SUITE_RUN, "7, 7"},
    };

    (void)state;
    fill();
    /* The measure itself: this one does read the table. */
    assert_int_equal(pg_support_i64("SELECT public.seq_scans("
                                    "'SELECT 1 FROM case_runs WHERE uuid::text = $1', '''x''')"),
                     1);
    assert_int_equal(count_bad(HOT, ARRAY_LEN(HOT)), 0);
}

/* A plan that is made in the first minute of a table stays until its figures are taken. */
static void
what_compares_pictures_uses_indexes_of_young_tables(void **state)
{
    static const struct hot HOT[] = {
#define ID "'00000000-0000-4000-8000-000000000000'"
        {Q_VIZ_COMPARE, "7, " ID ", '{"
                        "00000000-0000-4000-8000-000000000000"
                        "}'"},
        {Q_VIZ_IMAGES_KNOWN, "7, '{}'"},
        {Q_VIZ_PAIRS_FINISH, "'[]'"},
        {Q_VIZ_COMPARISONS_FINISH, "'{7}'"},
        {Q_VIZ_DOUBTS, "'{}'"},
        {Q_VIZ_JUDGED_BEFORE, "'{7}', '{a}', '{b}', '{9}'"},
        {Q_VIZ_BUILDS_LOCK, "'{}'"},
        {Q_VIZ_SCREENSHOTS_REUSABLE, "7, 7, '[]'"},
        {Q_VIZ_SIGNATURES, "7, 7, '[]'"},
        {Q_VIZ_ANNOUNCED, "7, " ID ", '{}'"},
        {Q_VIZ_SCREENSHOTS_FIND, "7, " ID ", '[]', '{}'"},
        {Q_VIZ_IMAGES_ADD, "7, '[]', 1000"},
#undef ID
    };

    (void)state;
    pg_support_exec("TRUNCATE tests.viz_builds, tests.viz_images, tests.viz_pairs CASCADE");
    assert_int_equal(count_bad(HOT, ARRAY_LEN(HOT)), 0);
}

int
main(void)
{
    const struct CMUnitTest all[] = {
        T(hot_statements_use_their_indexes),
        T(what_compares_pictures_uses_indexes_of_young_tables),
    };
    return cmocka_run_group_tests(all, open_all, close_all);
}
