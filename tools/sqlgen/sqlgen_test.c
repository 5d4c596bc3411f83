/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs build/tools/sqlgen on small folders, from the top of the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "base/buf.h"

struct bench {
    char dir[64];
    struct buf output;
};

static void
put(const struct bench *t, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", t->dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static int
run(struct bench *t, const char *command)
{
    char line[2048];
    buf_clear(&t->output);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t n;
    while ((n = fread(line, 1, sizeof(line), pipe)) > 0) {
        buf_put(&t->output, str_n(line, n));
    }
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int
sqlgen(struct bench *t)
{
    char command[256];
    snprintf(command, sizeof(command), "build/tools/sqlgen demo %s %s 2>&1", t->dir, t->dir);
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
             "-o %s/main 2>&1 && %s/main",
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
    assert_true(str_find(buf_str(&t->output), str_z(why)) >= 0);
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
    assert_true(str_find(buf_str(&((struct bench *)*state)->output),
                         STR("queries_b.sql:1: one stands already")) >= 0);
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

static int
setup(void **state)
{
    static struct bench t;
    snprintf(t.dir, sizeof(t.dir), "/tmp/assay-sql-XXXXXX");
    buf_init(&t.output, 1 << 20);
    *state = &t;
    return mkdtemp(t.dir) != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
    struct bench *t = *state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", t->dir);
    int status = run(t, command);
    buf_fini(&t->output);
    return status;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
