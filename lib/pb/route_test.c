/* SPDX-License-Identifier: Apache-2.0
 *
 * The trie is written by hand, as the generator would: the walk is tested without it.
 *
 *     GET        /                               root
 *     GET        /api/runs                       list
 *     GET        /api/runs/status                status
 *     GET DELETE /api/runs/{id}                  one, remove
 *     GET        /api/runs/{id}/log              log
 *     POST       /api/runs/status/reset          reset
 *     GET        /api/files/{path=**}            file
 *     GET        /api/files/step_{n}.jpg         step
 *     GET        /api/files/{name}               name */
#include "pb/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

enum { R_ROOT, R_LIST, R_STATUS, R_ONE, R_REMOVE, R_LOG, R_RESET, R_FILE, R_STEP, R_NAME };

static const struct gw_route routes[] = {
    [R_ROOT] = {.pattern = "root"},     [R_LIST] = {.pattern = "list"},
    [R_STATUS] = {.pattern = "status"}, [R_ONE] = {.pattern = "one"},
    [R_REMOVE] = {.pattern = "remove"}, [R_LOG] = {.pattern = "log"},
    [R_RESET] = {.pattern = "reset"},   [R_FILE] = {.pattern = "file"},
    [R_STEP] = {.pattern = "step"},     [R_NAME] = {.pattern = "name"},
};

enum { N_ROOT, N_API, N_RUNS, N_STATUS, N_RESET, N_ID, N_LOG, N_FILES, N_REST, N_STEP, N_NAME };

#define NO_ROUTES                                                                                  \
    {                                                                                              \
        -1, -1, -1, -1, -1                                                                         \
    }
#define GET_ONLY(r)                                                                                \
    {                                                                                              \
        (r), -1, -1, -1, -1                                                                        \
    }

static const struct gw_edge root_edges[] = {{STR_INIT("api"), N_API}};
static const struct gw_edge api_edges[] = {{STR_INIT("files"), N_FILES},
                                           {STR_INIT("runs"), N_RUNS}};
static const struct gw_edge runs_edges[] = {{STR_INIT("status"), N_STATUS}};
static const struct gw_param_edge runs_params[] = {{STR_INIT(""), STR_INIT(""), N_ID}};
static const struct gw_edge status_edges[] = {{STR_INIT("reset"), N_RESET}};
static const struct gw_edge id_edges[] = {{STR_INIT("log"), N_LOG}};
static const struct gw_param_edge files_params[] = {
    {STR_INIT("step_"), STR_INIT(".jpg"), N_STEP},
    {STR_INIT(""), STR_INIT(""), N_NAME},
};

static const struct gw_node nodes[] = {
    [N_ROOT] = {root_edges, NULL, 1, 0, -1, GET_ONLY(R_ROOT)},
    [N_API] = {api_edges, NULL, 2, 0, -1, NO_ROUTES},
    [N_RUNS] = {runs_edges, runs_params, 1, 1, -1, GET_ONLY(R_LIST)},
    [N_STATUS] = {status_edges, NULL, 1, 0, -1, GET_ONLY(R_STATUS)},
    [N_RESET] = {NULL, NULL, 0, 0, -1, {-1, R_RESET, -1, -1, -1}},
    [N_ID] = {id_edges, NULL, 1, 0, -1, {R_ONE, -1, -1, -1, R_REMOVE}},
    [N_LOG] = {NULL, NULL, 0, 0, -1, GET_ONLY(R_LOG)},
    [N_FILES] = {NULL, files_params, 0, 2, N_REST, NO_ROUTES},
    [N_REST] = {NULL, NULL, 0, 0, -1, GET_ONLY(R_FILE)},
    [N_STEP] = {NULL, NULL, 0, 0, -1, GET_ONLY(R_STEP)},
    [N_NAME] = {NULL, NULL, 0, 0, -1, GET_ONLY(R_NAME)},
};

static const struct gw_trie trie = {nodes, ARRAY_LEN(nodes), routes, ARRAY_LEN(routes)};

struct found {
    enum rc rc;
    struct gw_match match;
    unsigned allowed;
};

static struct found
find_z(struct arena *arena, enum gw_verb verb, const char *path)
{
    struct found f = {0};
    f.rc = gw_route_find(&trie, verb, str_z(path), arena, &f.match, &f.allowed);
    return f;
}

static void
expect(void **state, enum gw_verb verb, const char *path, const char *pattern, const char *value)
{
    struct found f = find_z(*state, verb, path);
    assert_int_equal(f.rc, RC_OK);
    assert_string_equal(f.match.route->pattern, pattern);
    assert_int_equal(f.match.param_count, value != NULL ? 1 : 0);
    if (value != NULL) {
        assert_true(str_eqz(f.match.params[0], value));
    }
}

static void
expect_unknown(void **state, const char *path)
{
    assert_int_equal(find_z(*state, GW_GET, path).rc, RC_NOT_FOUND);
}

static void
a_fixed_segment_wins_over_a_parameter(void **state)
{
    expect(state, GW_GET, "/api/runs/status", "status", NULL);
    expect(state, GW_GET, "/api/runs/17", "one", "17");
    expect(state, GW_GET, "/api/runs/statuses", "one", "statuses");
}

static void
a_final_slash_changes_nothing(void **state)
{
    expect(state, GW_GET, "/", "root", NULL);
    expect(state, GW_GET, "/api/runs/", "list", NULL);
    expect(state, GW_GET, "/api/runs/17/", "one", "17");
    expect(state, GW_GET, "/api/files/a/b/", "file", "a/b");
}

static void
a_walk_that_ends_nowhere_goes_back_to_the_parameter(void **state)
{
    expect(state, GW_GET, "/api/runs/status/log", "log", "status");
}

static void
the_path_decides_before_the_verb(void **state)
{
    struct found f = find_z(*state, GW_DELETE, "/api/runs/status");
    assert_int_equal(f.rc, RC_UNIMPLEMENTED);
    assert_int_equal(f.allowed, 1U << GW_GET);
}

static void
a_known_path_with_another_verb_tells_what_is_allowed(void **state)
{
    struct found f = find_z(*state, GW_PUT, "/api/runs/17");
    assert_int_equal(f.rc, RC_UNIMPLEMENTED);
    assert_int_equal(f.allowed, 1U << GW_GET | 1U << GW_DELETE);
    assert_null(f.match.route);
    f = find_z(*state, GW_VERB_COUNT, "/api/runs/17");
    assert_int_equal(f.rc, RC_UNIMPLEMENTED);
}

static void
unknown_paths_are_not_found(void **state)
{
    expect_unknown(state, "");
    expect_unknown(state, "api/runs");
    expect_unknown(state, "*");
    expect_unknown(state, "/api");
    expect_unknown(state, "/api/run");
    expect_unknown(state, "/api/runs/17/logs");
    expect_unknown(state, "/api//runs");
    expect_unknown(state, "/api/runs//");
    expect_unknown(state, "/api/files");
    expect_unknown(state, "/api/files/");
}

static void
segments_are_decoded_once_after_the_split(void **state)
{
    expect(state, GW_GET, "/api/runs/a%2Fb", "one", "a/b");
    expect(state, GW_GET, "/api/runs/a%252Fb", "one", "a%2Fb");
    expect(state, GW_GET, "/api/runs/%7e%7E", "one", "~~");
    expect(state, GW_GET, "/api/runs/gr%C3%BCn", "one", "gr\xc3\xbcn");
    expect(state, GW_GET, "/api/runs/a+b", "one", "a+b");
    expect(state, GW_GET, "/api/%72uns/%73tatus", "status", NULL);
    expect(state, GW_GET, "/api/files/a%2Fb/c", "file", "a/b/c");
}

static void
bad_escapes_name_nothing(void **state)
{
    expect_unknown(state, "/api/runs/%");
    expect_unknown(state, "/api/runs/%4");
    expect_unknown(state, "/api/runs/%4g");
    expect_unknown(state, "/api/runs/a%00b");
    expect_unknown(state, "/api/runs/%C3");
    expect_unknown(state, "/api/runs/%C0%AF");
    expect_unknown(state, "/api/runs/%ED%A0%80");
    expect_unknown(state, "/api/runs/\xff");
}

static void
fixed_text_around_a_parameter_wins_over_a_bare_one_and_that_over_the_rest(void **state)
{
    expect(state, GW_GET, "/api/files/step_12.jpg", "step", "12");
    expect(state, GW_GET, "/api/files/step_.jpg", "name", "step_.jpg");
    expect(state, GW_GET, "/api/files/step_12.png", "name", "step_12.png");
    expect(state, GW_GET, "/api/files/step_1/x", "file", "step_1/x");
    expect(state, GW_GET, "/api/files/a/../b", "file", "a/../b");
}

static void
too_many_segments_are_refused(void **state)
{
    char path[512] = "/api/files";
    for (int i = 0; i < 63; i++) {
        size_t n = strlen(path);
        memcpy(path + n, "/x", 3);
    }
    assert_int_equal(find_z(*state, GW_GET, path).rc, RC_RESOURCE_EXHAUSTED);
}

static void
a_full_arena_is_told_apart_from_an_unknown_path(void **state)
{
    (void)state;
    struct arena *tiny = arena_new(1);
    assert_int_equal(find_z(tiny, GW_GET, "/api/files/a/b").rc, RC_RESOURCE_EXHAUSTED);
    assert_int_equal(find_z(tiny, GW_GET, "/api/runs/%41").rc, RC_RESOURCE_EXHAUSTED);
    arena_free(tiny);
}

static void
verbs_are_named_exactly(void **state)
{
    (void)state;
    for (int v = 0; v < GW_VERB_COUNT; v++) {
        assert_int_equal(gw_verb_parse(str_z(gw_verb_name((enum gw_verb)v))), v);
    }
    assert_int_equal(gw_verb_parse(STR("get")), GW_VERB_COUNT);
    assert_int_equal(gw_verb_parse(STR("")), GW_VERB_COUNT);
    assert_int_equal(gw_verb_parse(STR("HEAD")), GW_VERB_COUNT);
}

static int
setup(void **state)
{
    *state = arena_new(1 << 16);
    return *state != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
    arena_free(*state);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_fixed_segment_wins_over_a_parameter),
        TEST(a_final_slash_changes_nothing),
        TEST(a_walk_that_ends_nowhere_goes_back_to_the_parameter),
        TEST(the_path_decides_before_the_verb),
        TEST(a_known_path_with_another_verb_tells_what_is_allowed),
        TEST(unknown_paths_are_not_found),
        TEST(segments_are_decoded_once_after_the_split),
        TEST(bad_escapes_name_nothing),
        TEST(fixed_text_around_a_parameter_wins_over_a_bare_one_and_that_over_the_rest),
        TEST(too_many_segments_are_refused),
        TEST(a_full_arena_is_told_apart_from_an_unknown_path),
        TEST(verbs_are_named_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
