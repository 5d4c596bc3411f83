/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs build/tools/sqlgen on small folders, from the top of the tree. */
#include "tools/common/tool_lab.h"

static int
sqlgen(struct bench *t)
{
    char command[256];
    snprintf(command, sizeof(command), "build/tools/sqlgen demo %s %s", t->dir, t->dir);
    return run(t, command);
}

/* Compiles what was made with `checks` in main and runs it. */
static void
expect(struct bench *t, const char *checks)
{
    char text[4096];
    char command[512];
    assert_int_equal(sqlgen(t), 0);
    snprintf(text, sizeof(text),
             "#include <string.h>\n#include \"demo_sql.h\"\n"
             "int main(void) { return (%s) ? 0 : 1; }\n",
             checks);
    put(t, "main.c", text);
    snprintf(command, sizeof(command),
             "gcc -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -Ilib -I%s %s/main.c %s/demo_sql.c "
             "-o %s/main && %s/main",
             t->dir, t->dir, t->dir, t->dir, t->dir);
    int status = run(t, command);
    if (status != 0) {
        print_error("%s\n%s\n", checks, t->output.p != NULL ? t->output.p : "");
    }
    assert_int_equal(status, 0);
}

static void
refused(struct bench *t, const char *queries, const char *why)
{
    put(t, "queries.sql", queries);
    assert_int_equal(sqlgen(t), 1);
    assert_true(said(t, why));
}

static void
statements_become_constants_and_texts(void **state)
{
    put(*state, "queries.sql",
        "-- head\n-- name: one\n-- why\nSELECT 1;\n\n-- name: two_of\n"
        "SELECT \"a\\b\" FROM t\nWHERE x = $2 AND y = $1 AND z = '?"
        "?/';\n");
    expect(*state,
           "DEMO_QUERY_COUNT == 2 && Q_ONE == 0 && Q_TWO_OF == 1 &&"
           " strcmp(demo_queries[0].sql, \"SELECT 1\") == 0 &&"
           " strcmp(demo_queries[0].name, \"one\") == 0 && demo_queries[0].params == 0 &&"
           " demo_queries[1].params == 2 && strcmp(demo_queries[1].sql,"
           " \"SELECT \\\"a\\\\b\\\" FROM t\\nWHERE x = $2 AND y = $1 AND z = '?\" \"?/'\") == 0");
}

static void
files_of_statements_count_on_in_the_order_of_their_names(void **state)
{
    put(*state, "queries_b.sql", "-- head\n-- name: two\nSELECT 2;\n");
    put(*state, "queries_a.sql", "-- head\n-- name: one\nSELECT 1;\n");
    expect(*state, "DEMO_QUERY_COUNT == 2 && Q_ONE == 0 && Q_TWO == 1 &&"
                   " strcmp(demo_queries[0].sql, \"SELECT 1\") == 0 &&"
                   " strcmp(demo_queries[1].sql, \"SELECT 2\") == 0");
    put(*state, "queries_b.sql", "-- name: one\nSELECT 2;\n");
    assert_int_equal(sqlgen(*state), 1);
    assert_true(said(*state, "queries_b.sql:1: one stands already"));
    put(*state, "queries_b.sql", "SELECT 2;\n");
    assert_int_equal(sqlgen(*state), 1);
}

static void
text_that_only_looks_like_a_parameter_does_not_count(void **state)
{
    put(*state, "queries.sql",
        "-- name: q\nSELECT '$7', E'\\'$8', \"$9\", $tag$ $6 $tag$, /* $5 /* */ $4 */ $1, a$3 -- "
        "$2\n");
    /* `a$3` would be a name; it is counted as a parameter and so leaves a gap: refused below. */
    assert_int_equal(sqlgen(*state), 1);
    put(*state, "queries.sql",
        "-- name: q\nSELECT '$7', E'\\'$8', \"$9\", $tag$ $6 $tag$, /* $5 /* */ $4 */ $1 -- $2\n");
    expect(*state, "demo_queries[Q_Q].params == 1");
}

static void
migrations_are_embedded_in_order(void **state)
{
    put(*state, "0002_more.sql", "SELECT 2;\n");
    put(*state, "0001_start.sql", "CREATE TABLE t (a text DEFAULT '\xc3\xa4\\n');\n");
    expect(*state,
           "DEMO_MIGRATION_COUNT == 2 && demo_migrations[0].version == 1 &&"
           " strcmp(demo_migrations[0].name, \"0001_start\") == 0 && strcmp("
           "demo_migrations[0].sql, \"CREATE TABLE t (a text DEFAULT '\xc3\xa4\\\\n');\\n\") == 0"
           " && demo_migrations[1].version == 2 && demo_query_count == 0");
}

static void
faults_are_refused(void **state)
{
    refused(*state, "SELECT 1;\n", "queries.sql:1: text before the first");
    refused(*state, "-- name: A\nSELECT 1;\n", "queries.sql:1: name \"A\"");
    refused(*state, "-- name: a\nSELECT 1;\n-- name: a\nSELECT 2;\n",
            "queries.sql:3: a stands already");
    refused(*state, "-- name: a\n-- name: b\nSELECT 2;\n", "queries.sql:1: a is empty");
    refused(*state, "-- name: a\nSELECT $2;\n", "without gaps");
}

static void
gaps_and_bad_names_of_migrations_are_refused(void **state)
{
    put(*state, "0002_x.sql", "SELECT 1;\n");
    assert_int_equal(sqlgen(*state), 1);
    put(*state, "0001_start.sql", "SELECT 1;\n");
    assert_int_equal(sqlgen(*state), 0);
    put(*state, "3_x.sql", "SELECT 1;\n");
    assert_int_equal(sqlgen(*state), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(statements_become_constants_and_texts),
        TEST(files_of_statements_count_on_in_the_order_of_their_names),
        TEST(text_that_only_looks_like_a_parameter_does_not_count),
        TEST(migrations_are_embedded_in_order),
        TEST(faults_are_refused),
        TEST(gaps_and_bad_names_of_migrations_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
