/* SPDX-License-Identifier: Apache-2.0
 *
 * What GitHub is told. Its limits are those of the documentation that whk_github_text.h names. */
#include "webhooks/whk_github_text.h"

#include "json/json.h"
#include "webhooks/whk_text_lab.h"

#define SHA "4f5e6d7c8b9a0123456789abcdef0123456789ab"
#define HEAD                                                                                       \
    "<!-- assay:results -->\n### assay: %d passed, %d not\n\n"                                     \
    "| | Suite | Status | Duration | Commit |\n|---|---|---|---|---|\n"

static void
assert_text(struct str got, const char *want)
{
    assert_string_equal(arena_strz(arena, got), want);
}

/* An event of this type whose data has these members. */
static struct whk_run
run_of(const char *type, const char *members, bool *out_told)
{
    struct whk_run run;
    struct str event = arena_printf(arena,
                                    "{\"id\":\"x\",\"type\":\"%s\",\"created_at\":"
                                    "\"2025-01-15T10:30:00\",\"data\":{%s}}",
                                    type, members);

    assert_int_equal(whk_run_read(&ctx, event, &run, out_told), RC_OK);
    return run;
}

/* --- reading ------------------------------------------------------------------------------- */

static void
a_run_is_read_with_its_commit_and_pull_request(void **state)
{
    bool told = false;

    (void)state;
    struct whk_run run = run_of("run.failed",
                                "\"run_id\":\"sr1\",\"status\":\"failed\",\"name\":\"Checkout\","
                                "\"run_url\":\"https://a/r\",\"commit_sha\":\"" SHA
                                "\",\"duration_ms\":8123,\"metadata\":{\"pr_number\":\"12\"}",
                                &told);
    assert_true(told && run.ended);
    assert_text(run.run_id, "sr1");
    assert_text(run.sha, SHA);
    assert_text(run.url, "https://a/r");
    assert_int_equal(run.duration_ms, 8123);
    assert_int_equal(run.at_us, INT64_C(1736937000000000));
    assert_int_equal(run.pull, 12);
    assert_false(run_of("run.started", "\"commit_sha\":\"" SHA "\"", &told).ended);
}

static void
the_number_of_the_pull_request_is_found_under_the_names_of_ci(void **state)
{
    static const struct {
        const char *metadata;
        int64_t want;
    } CASES[] = {
        {"{\"pull_request\":7}", 7},
        {"{\"pull_request_number\":\"8\"}", 8},
        {"{\"pr\":9}", 9},
        {"{\"pull_number\":10}", 10},
        {"{\"pull_request\":\"none\",\"pr\":11}", 11},
        {"{\"pull_request\":{\"number\":7}}", 0},
        {"{\"pr\":0}", 0},
        {"{\"pr\":-1}", 0},
        {"{\"pr\":\"1.5\"}", 0},
        {"{\"pr\":1.5}", 0},
        {"{\"pr\":99999999999}", 0},
        {"{\"pr\":\"99999999999\"}", 0},
        {"null", 0},
        {"[]", 0},
    };
    bool told = false;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct str members = arena_printf(arena, "\"metadata\":%s", CASES[i].metadata);
        assert_int_equal(run_of("run.passed", arena_strz(arena, members), &told).pull,
                         CASES[i].want);
    }
}

/* It becomes part of a path. */
static void
what_is_no_commit_is_told_to_nobody(void **state)
{
    static const char *const BAD[] = {"",         "abc123",       "main",     "../../x",
                                      "4f5e6d7/", "4f5e6d7 8b9a", "g4f5e6d7", SHA SHA};
    bool told = false;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct str members = arena_printf(arena, "\"commit_sha\":\"%s\"", BAD[i]);
        (void)run_of("run.passed", arena_strz(arena, members), &told);
        assert_false(told);
    }
    (void)run_of("run.passed", "\"commit_sha\":null", &told);
    assert_false(told);
    (void)run_of("run.passed", "\"commit_sha\":\"4F5E6D7\"", &told);
    assert_true(told);
}

static void
what_is_no_event_is_refused(void **state)
{
    struct whk_run run;
    bool told = false;

    (void)state;
    assert_int_equal(whk_run_read(&ctx, STR("[]"), &run, &told), RC_INVALID_ARGUMENT);
    ctx_recover(&ctx);
    assert_int_equal(whk_run_read(&ctx, STR("{"), &run, &told), RC_INVALID_ARGUMENT);
}

/* --- commit status ------------------------------------------------------------------------- */

static void
a_commit_status_says_what_became_of_the_run(void **state)
{
    static const struct {
        const char *type, *status, *state, *description;
    } CASES[] = {
        {"run.started", "running", "pending", "running"},
        {"run.passed", "passed", "success", "passed after 2.0 s"},
        {"run.failed", "failed", "failure", "failed after 2.0 s"},
        {"run.failed", "error", "error", "error after 2.0 s"},
        {"run.cancelled", "cancelled", "error", "cancelled after 2.0 s"},
    };
    bool told = false;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct str members =
            arena_printf(arena,
                         "\"status\":\"%s\",\"name\":\"Log in\",\"duration_ms\":2049,"
                         "\"run_url\":\"https://a/r\"",
                         CASES[i].status);
        struct whk_run run = run_of(CASES[i].type, arena_strz(arena, members), &told);
        struct str want = arena_printf(arena,
                                       "{\"state\":\"%s\",\"context\":\"assay/Log in\","
                                       "\"description\":\"%s\",\"target_url\":\"https://a/r\"}",
                                       CASES[i].state, CASES[i].description);
        assert_text(whk_status_body(&ctx, &run), arena_strz(arena, want));
    }
}

static void
a_pass_with_a_visual_warning_says_so(void **state)
{
    bool told = false;

    (void)state;
    struct whk_run run =
        run_of("run.passed",
               "\"name\":\"a\",\"status\":\"passed\",\"visual_regression_status\":\"warn\"", &told);
    assert_text(whk_status_body(&ctx, &run), "{\"state\":\"success\",\"context\":\"assay/a\","
                                             "\"description\":\"passed, visual warning\"}");
}

static void
a_commit_status_keeps_githubs_limits(void **state)
{
    char text[1001];
    const struct json_value *v = NULL;
    struct whk_run run = {.type = STR("run.failed"), .duration_ms = 1, .ended = true};

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    run.name = str_z(text);
    run.status = str_z(text);
    assert_int_equal(json_parse(whk_status_body(&ctx, &run), arena, &v, NULL), RC_OK);
    assert_int_equal(json_str(json_get(v, "description")).n, 140);
    assert_int_equal(json_str(json_get(v, "context")).n, strlen("assay/") + 200);
}

/* --- comment ------------------------------------------------------------------------------- */

static struct str
comment(const struct whk_result *results, size_t n)
{
    const struct json_value *v = NULL;

    assert_int_equal(json_parse(whk_comment_body(&ctx, results, n), arena, &v, NULL), RC_OK);
    assert_int_equal(v->count, 1);
    return json_str(json_get(v, "body"));
}

static void
a_comment_is_a_table_that_is_found_again_by_its_mark(void **state)
{
    const struct whk_result results[] = {
        {STR("Alpha"), STR("passed"), STR(SHA), STR("https://a/r?x=(1)|2"), 8123},
        {STR("Beta"), STR("failed"), STR(SHA), STR_EMPTY, -1},
        {STR("Gamma"), STR("passed, visual warning"), STR(SHA), STR_EMPTY, 0},
        {STR("Delta"), STR("cancelled"), STR(SHA), STR_EMPTY, 60000},
    };
    char want[1000];

    (void)state;
    (void)snprintf(want, sizeof want,
                   HEAD "| \xE2\x9C\x85 | [Alpha](https://a/r?x=%%281%%29%%7C2) | passed | 8.1 s | "
                        "4f5e6d7 |\n"
                        "| \xE2\x9D\x8C | Beta | failed |  | 4f5e6d7 |\n"
                        "| \xE2\x9A\xA0\xEF\xB8\x8F | Gamma | passed, visual warning | 0.0 s | "
                        "4f5e6d7 |\n"
                        "| \xE2\x9B\x94 | Delta | cancelled | 60.0 s | 4f5e6d7 |\n",
                   2, 2);
    assert_text(comment(results, ARRAY_LEN(results)), want);
}

static void
a_name_cannot_leave_its_cell_mention_anybody_or_be_markup(void **state)
{
    static const struct {
        const char *name, *want;
    } CASES[] = {
        {"a | b", "a \\| b"},
        {"@team", "@\xE2\x80\x8Bteam"},
        {"&commat;team &#64;team", "&amp;commat;team &amp;\\#64;team"},
        {"<img src=x> <!-- y", "&lt;img src=x> &lt;\\!-- y"},
        {"[a](http://x)", "\\[a\\](http://x)"},
        {"![a](x)", "\\!\\[a\\](x)"},
        {"*b* _c_ `d`", "\\*b\\* \\_c\\_ \\`d\\`"},
        {"#12 \\|", "\\#12 \\\\\\|"},
        {"one\r\ntwo", "one  two"},
    };
    struct whk_result r = {.status = STR("passed"), .sha = STR(SHA), .duration_ms = -1};
    char want[1000];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        r.name = str_z(CASES[i].name);
        (void)snprintf(want, sizeof want, HEAD "| \xE2\x9C\x85 | %s | passed |  | 4f5e6d7 |\n", 1,
                       0, CASES[i].want);
        assert_text(comment(&r, 1), want);
    }
}

/* GitHub refuses more than 65536 characters, and with that the comment would never change again. */
static void
a_comment_of_many_long_names_fits_and_counts_what_it_leaves_out(void **state)
{
    enum { N = 1000 };
    struct whk_result *results = ARENA_ARRAY(arena, N, struct whk_result);
    char *name = arena_alloc(arena, 5000);

    (void)state;
    memset(name, '|', 5000);
    for (int i = 0; i < N; i++) {
        results[i] =
            (struct whk_result){str_n(name, 5000), STR("passed"), STR(SHA), STR("https://a/r"), 1};
    }
    struct str text = comment(results, N);
    size_t rows = 0;
    for (size_t i = 0; i < text.n; i++) {
        rows += text.p[i] == '\n' ? 1 : 0;
    }
    assert_in_range(text.n, 60000, 65536);
    assert_true(str_find(text, STR("assay: 1000 passed, 0 not")) > 0);
    struct str tail = arena_printf(arena, "| | and %zu more | | | |\n", N - (rows - 6));
    assert_true(str_ends(text, tail));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_run_is_read_with_its_commit_and_pull_request),
        T(the_number_of_the_pull_request_is_found_under_the_names_of_ci),
        T(what_is_no_commit_is_told_to_nobody),
        T(what_is_no_event_is_refused),
        T(a_commit_status_says_what_became_of_the_run),
        T(a_pass_with_a_visual_warning_says_so),
        T(a_commit_status_keeps_githubs_limits),
        T(a_comment_is_a_table_that_is_found_again_by_its_mark),
        T(a_name_cannot_leave_its_cell_mention_anybody_or_be_markup),
        T(a_comment_of_many_long_names_fits_and_counts_what_it_leaves_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
