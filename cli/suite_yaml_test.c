/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/suite_yaml.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_MAX ((size_t)64 << 20)

static struct arena *arena;

static int
set_up(void **state)
{
    (void)state;
    arena = arena_new(ARENA_MAX);
    return arena == NULL;
}

static int
tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct suite_file
parse_ok(const char *text)
{
    struct suite_file f = {0};
    struct suite_error e = {0};

    if (suite_yaml_parse(arena, str_z(text), &f, &e) != RC_OK) {
        fail_msg("%zu:%zu: %s", e.line, e.column, e.text);
    }
    return f;
}

static void
assert_refused(const char *text, size_t line, size_t column, const char *why)
{
    struct suite_file f = {0};
    struct suite_error e = {0};

    assert_int_not_equal(suite_yaml_parse(arena, str_z(text), &f, &e), RC_OK);
    if (e.line != line || e.column != column || strstr(e.text, why) == NULL) {
        fail_msg("%s\n%zu:%zu: %s, not %zu:%zu: %s", text, e.line, e.column, e.text, line, column,
                 why);
    }
}

static void
assert_str(struct str s, const char *z)
{
    if (!str_eqz(s, z)) {
        fail_msg("'%.*s' is not '%s'", STR_ARG(s), z);
    }
}

static void
reads_every_member(void **state)
{
    (void)state;
    struct suite_file f =
        parse_ok("name: Login\n"
                 "description: two ways in\n"
                 "appId: com.example.shop\n"
                 "platform: web\n"
                 "resetStrategy: clear_data\n"
                 "context: null\n"
                 "variables: {USER: demo, COUNT: 3, PIN: {value: '1', secret: true}}\n"
                 "tags: [Smoke, 7]\n"
                 "cases:\n"
                 "  - name: Valid login\n"
                 "    mode: recorded\n"
                 "    context: fresh\n"
                 "    fuzzyMatch: false\n"
                 "    steps: ['Open \"/login\"', {text: Tap Sign in, n: 1}, 42]\n"
                 "    assertions: [Dashboard is shown]\n"
                 "    sourceRecording: [{type: wait, value: 300}, {type: fill, value: '300'}]\n"
                 "    sourceDeviceWidth: 390\n"
                 "    sourceDeviceHeight: 844\n"
                 "    stepMappings: [[0], [1, 2]]\n"
                 "  - {name: Empty}\n");
    assert_str(f.name, "Login");
    assert_str(f.description, "two ways in");
    assert_str(f.app_id, "com.example.shop");
    assert_str(f.context, "");
    assert_str(f.variables,
               "{\"USER\":\"demo\",\"COUNT\":\"3\",\"PIN\":{\"value\":\"1\",\"secret\":true}}");
    assert_str(f.tags, "[\"Smoke\",\"7\"]");
    assert_int_equal(f.case_count, 2);
    assert_str(f.cases[0].steps,
               "[\"Open \\\"/login\\\"\",{\"text\":\"Tap Sign in\",\"n\":1},\"42\"]");
    assert_str(f.cases[0].assertions, "[\"Dashboard is shown\"]");
    assert_str(f.cases[0].recording,
               "[{\"type\":\"wait\",\"value\":300},{\"type\":\"fill\",\"value\":\"300\"}]");
    assert_str(f.cases[0].mappings, "[[0],[1,2]]");
    assert_false(f.cases[0].fuzzy_match);
    assert_int_equal(f.cases[0].width, 390);
    assert_int_equal(f.cases[0].height, 844);
    assert_str(f.cases[1].steps, "[]");
    assert_true(f.cases[1].fuzzy_match);
}

static void
tells_line_and_column(void **state)
{
    (void)state;
    assert_refused("name: A\ncases:\n  - name: B\n    step: [x]\n", 4, 5, "no 'step'");
    assert_refused("nam: A\n", 1, 1, "no 'nam'");
    assert_refused("name: A\nname: B\n", 2, 1, "twice");
    assert_refused("name: A\ncases: [{name: B, steps: [[x]]}]\n", 2, 27, "text or a mapping");
    assert_refused("name: A\ncases: {}\n", 2, 8, "must be a list");
    assert_refused("name: A\nplatform: wap\n", 2, 11, "cannot be 'wap'");
    assert_refused("name: A\ncases: [{steps: [x]}]\n", 2, 9, "no 'name'");
    assert_refused("name: A\ncases: [{name: B, fuzzyMatch: yes}]\n", 2, 31, "true or false");
    assert_refused("name: A\n  b: [\n", 2, 4, "not YAML");
    assert_refused("name: A\n---\nname: B\n", 3, 1, "second document");
    assert_refused("name: A\nvariables: {A: [x]}\n", 2, 16, "a text");
    assert_refused("", 1, 1, "not a suite");
    assert_refused("- a\n", 1, 1, "not a suite");
}

static void
number_like_texts_stay_texts(void **state)
{
    (void)state;
    struct suite_file f = parse_ok(
        "name: 007\ncases: [{name: 1, sourceRecording: [{a: 010, b: 0x1f, c: 1.5, d: -0.25e3, "
        "e: .inf, f: 1., g: ~, h: True, i: 1-2, j: -}]}]\n");
    assert_str(f.name, "007");
    assert_str(f.cases[0].recording,
               "[{\"a\":\"010\",\"b\":\"0x1f\",\"c\":1.5,\"d\":-0.25e3,\"e\":\".inf\",\"f\":\"1.\","
               "\"g\":null,\"h\":true,\"i\":\"1-2\",\"j\":\"-\"}]");
}

/* Nine levels of nine aliases: 387 million nodes from a screenful. */
static void
aliases_do_not_explode(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 65536);
    buf_putz(&b, "name: A\ncases: [{name: B, sourceRecording: [{x0: &x0 [1,1,1,1,1,1,1,1,1]");
    for (int i = 1; i < 9; i++) {
        buf_printf(&b, ", x%d: &x%d [", i, i);
        for (int k = 0; k < 9; k++) {
            buf_printf(&b, "%s*x%d", k > 0 ? "," : "", i - 1);
        }
        buf_putc(&b, ']');
    }
    buf_putz(&b, "}]}]\n");
    assert_refused(b.p, 2, 42, "too large");
    buf_fini(&b);
}

static void
an_alias_to_itself_ends(void **state)
{
    (void)state;
    struct suite_file f;
    struct suite_error e;
    enum rc rc = suite_yaml_parse(
        arena, STR("name: A\ncases: [{name: B, sourceRecording: [{a: &x [*x]}]}]\n"), &f, &e);
    assert_int_equal(rc, RC_RESOURCE_EXHAUSTED);
}

static struct str
read_file(const char *path)
{
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    char *text = arena_alloc(arena, 1 << 20);
    size_t n = fread(text, 1, 1 << 20, in);
    (void)fclose(in);
    return str_n(text, n);
}

static void
reads_the_sample_suites(void **state)
{
    (void)state;
    struct suite_file f;
    struct suite_error e;
    assert_int_equal(suite_yaml_parse(arena, read_file("examples/suites/shop.yaml"), &f, &e),
                     RC_OK);
    assert_int_equal(f.case_count, 12);
    assert_int_equal(
        suite_yaml_parse(arena, read_file("examples/suites/shop-recorded.yaml"), &f, &e), RC_OK);
    assert_int_equal(f.case_count, 3);
    assert_true(f.cases[0].recording.n > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_every_member),           TEST(tells_line_and_column),
        TEST(number_like_texts_stay_texts), TEST(aliases_do_not_explode),
        TEST(an_alias_to_itself_ends),      TEST(reads_the_sample_suites),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
