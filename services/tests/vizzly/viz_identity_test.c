/* SPDX-License-Identifier: Apache-2.0
 *
 * Names and identities as the command-line client makes them. The file names were printed by the
 * client's own functions (version 0.29.6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/vizzly/viz.h"

#include <cmocka.h>

static struct arena *arena;
static struct ctx ctx;

static int
begin(void **state)
{
    (void)state;
    arena = arena_new((size_t)1 << 20);
    ctx_init(&ctx, arena);
    return arena == NULL;
}

static int
end(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void
baselines_have_the_file_names_that_the_client_computes(void **state)
{
    static const struct {
        const char *name, *browser;
        int64_t width;
        const char *file;
    } CASES[] = {
        {"Home", "", 1280, "Home_8d6be1960d47.png"},
        {"Home  Page  two", "Firefox", 640, "Home-Page-two_ec1d850d5355.png"},
        {".hidden", "chrome", 1, "file_.hidden_29ab0fd66b57.png"},
        {"Größe 🛒 (x)", "webkit", 390, "Gr__e-__-_x__0789d88c7913.png"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "", 10,
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa_3cdb6b03ea43.png"},
        {" edge blanks ", "chrome", 5, "-edge-blanks-_7223b0762402.png"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        assert_string_equal(
            viz_baseline_file(&ctx, str_z(CASES[i].name), str_z(CASES[i].browser), CASES[i].width),
            CASES[i].file);
    }
}

static struct viz_shot
identified(const char *properties)
{
    const struct json_value *v = NULL;
    struct viz_shot shot = {.viewport_width = 0};

    assert_int_equal(json_parse(str_z(properties), arena, &v, NULL), RC_OK);
    viz_identify(&shot, v);
    return shot;
}

static void
what_older_clients_nest_is_read_like_what_newer_ones_say(void **state)
{
    (void)state;
    struct viz_shot flat =
        identified("{\"browser\":\"firefox\",\"viewport\":{\"width\":800,\"height\":600}}");
    assert_true(str_eqz(flat.browser, "firefox"));
    assert_int_equal(flat.viewport_width, 800);
    assert_int_equal(flat.viewport_height, 600);
    struct viz_shot nested = identified(
        "{\"threshold\":2,\"properties\":{\"browser\":\"webkit\",\"viewport_width\":390}}");
    assert_true(str_eqz(nested.browser, "webkit"));
    assert_int_equal(nested.viewport_width, 390);
    struct viz_shot outer = identified("{\"browser\":\"a\",\"properties\":{\"browser\":\"b\"}}");
    assert_true(str_eqz(outer.browser, "a"));
    struct viz_shot odd = identified("{\"browser\":5,\"viewport\":[1],\"viewport_width\":-3}");
    assert_int_equal(odd.browser.n, 0);
    assert_int_equal(odd.viewport_width, 0);
    viz_identify_default(&odd);
    assert_true(str_eqz(odd.browser, "chrome"));
    assert_int_equal(odd.viewport_width, 1920);
}

static void
names_that_leave_their_folder_are_refused(void **state)
{
    static const char *const BAD[] = {"",       "..",       "../a",       "a/..",
                                      "a/../b", "a\\..\\b", "line\nbreak"};
    static const char *const GOOD[] = {"a", "...", "a..b", "a/b", "Größe 🛒", "..a"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        ctx_recover(&ctx);
        assert_int_equal(viz_check_name(&ctx, "name", str_z(BAD[i])), RC_INVALID_ARGUMENT);
    }
    ctx_recover(&ctx);
    for (size_t i = 0; i < ARRAY_LEN(GOOD); i++) {
        assert_int_equal(viz_check_name(&ctx, "name", str_z(GOOD[i])), RC_OK);
    }
}

static void
the_command_line_is_known_by_its_agent(void **state)
{
    (void)state;
    assert_true(viz_is_cli("vizzly-cli/0.29.6 (upload)"));
    assert_true(viz_is_cli("vizzly-cli/0.22.2 (run) vizzly-sdk/1"));
    assert_false(viz_is_cli("vizzly-cli/1.0"));
    assert_false(viz_is_cli("Vizzly-CLI/1.0 (test)"));
    assert_false(viz_is_cli("Vizzly-Claude-Plugin/0.1.0"));
    assert_false(viz_is_cli("my vizzly-cli/1"));
    assert_false(viz_is_cli(NULL));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(baselines_have_the_file_names_that_the_client_computes,
                                        begin, end),
        cmocka_unit_test_setup_teardown(what_older_clients_nest_is_read_like_what_newer_ones_say,
                                        begin, end),
        cmocka_unit_test_setup_teardown(names_that_leave_their_folder_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(the_command_line_is_known_by_its_agent, begin, end),
    };
    return cmocka_run_group_tests_name("viz_identity", tests, NULL, NULL);
}
