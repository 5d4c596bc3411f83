/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "json/json.h"
#include "worker/steps/action.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define OUT_MAX 65536

/* Runs the subcommand with `in` as standard input; what it prints lands in `out`. */
static int
explain(char **argv, int argc, struct str in, char *out)
{
    FILE *input = tmpfile();
    FILE *output = tmpfile();
    assert_non_null(input);
    assert_non_null(output);
    assert_int_equal(fwrite(in.p, 1, in.n, input), in.n);
    rewind(input);
    (void)fflush(stdout);
    int saved_in = dup(0);
    int saved_out = dup(1);
    assert_true(dup2(fileno(input), 0) == 0 && dup2(fileno(output), 1) == 1);
    clearerr(stdin);
    (void)fseek(stdin, 0, SEEK_SET);
    int rc = cli_explain(argc, argv);
    (void)fflush(stdout);
    assert_true(dup2(saved_in, 0) == 0 && dup2(saved_out, 1) == 1);
    (void)close(saved_in);
    (void)close(saved_out);
    rewind(output);
    size_t n = fread(out, 1, OUT_MAX - 1, output);
    out[n] = '\0';
    (void)fclose(input);
    (void)fclose(output);
    return rc;
}

static void
a_sentence_is_explained_in_words(void **state)
{
    (void)state;
    char out[OUT_MAX];
    char name[] = "explain";
    char text[] = "Click the second 'Details' button";
    char *argv[] = {name, text, NULL};
    assert_int_equal(explain(argv, 2, STR(""), out), CLI_OK);
    assert_string_equal(out, "Tap the 2nd \"Details\" button\n");
}

static void
a_refusal_tells_why_and_fails(void **state)
{
    (void)state;
    char out[OUT_MAX];
    char name[] = "explain";
    char text[] = "Verify the page looks correct";
    char *argv[] = {name, text, NULL};
    assert_int_equal(explain(argv, 2, STR(""), out), CLI_FAILED);
    assert_true(str_find(str_z(out), STR("judgement")) > 0);
    assert_true(str_find(str_z(out), STR("hint: ")) > 0);
}

static void
no_argument_is_wrong_usage(void **state)
{
    (void)state;
    char out[OUT_MAX];
    char name[] = "explain";
    char bad[] = "--yaml";
    char *none[] = {name, NULL};
    char *unknown[] = {name, bad, NULL};
    assert_int_equal(explain(none, 1, STR(""), out), CLI_USAGE);
    assert_int_equal(explain(unknown, 2, STR(""), out), CLI_USAGE);
}

/* One object per line, whatever the lines hold: bad bytes, none at all, far too many. */
static void
every_line_gets_one_object(void **state)
{
    (void)state;
    char out[OUT_MAX];
    char name[] = "explain";
    char json[] = "--json";
    char dash[] = "-";
    char *argv[] = {name, json, dash, NULL};
    struct buf in;
    buf_init(&in, OUT_MAX);
    buf_putz(&in, "Tap 'A'\n\n\xff\xfe\nGo back\r\n");
    for (int i = 0; i < 3000; i++) {
        buf_putz(&in, "tap ");
    }
    buf_putz(&in, "\nPress Enter");
    assert_int_equal(explain(argv, 3, buf_str(&in), out), CLI_OK);
    buf_fini(&in);
    static const char *const FIRST_TYPE[] = {"tap",  "unsupported", "unsupported",
                                             "back", "unsupported", "press"};
    struct arena *arena = arena_new(1024 * 1024);
    struct str rest = str_z(out);
    for (size_t i = 0; i < 6; i++) {
        const struct json_value *v = NULL;
        struct str line = str_split(&rest, '\n');
        assert_int_equal(json_parse(line, arena, &v, NULL), RC_OK);
        assert_true(json_is(json_get(v, "text"), JSON_STRING));
        assert_true(str_eqz(json_str(json_path(v, "actions.0.type")), FIRST_TYPE[i]));
    }
    assert_int_equal(rest.n, 0);
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sentence_is_explained_in_words),
        cmocka_unit_test(a_refusal_tells_why_and_fails),
        cmocka_unit_test(no_argument_is_wrong_usage),
        cmocka_unit_test(every_line_gets_one_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
