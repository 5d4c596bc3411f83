/* SPDX-License-Identifier: Apache-2.0
 *
 * People and baselines: list, accept, replace, delete. */
#include "tests/baselines/bsl_lab.h"

struct answer {
    enum rc rc;
    char reason[32];
    int64_t accepted;
};

static struct answer
accept_with(const struct call *c, const char *of, int64_t index, bool replace)
{
    Assay__AcceptBaselinesRequest req = ASSAY__ACCEPT_BASELINES_REQUEST__INIT;
    Assay__AcceptBaselinesResponse resp = ASSAY__ACCEPT_BASELINES_RESPONSE__INIT;
    struct call mine = call_as(c->ctx.who.org_id);
    struct answer a;

    req.run_id = pb_strz(mine.arena, str_z(of));
    req.has_step_index = index >= 0;
    req.step_index = index;
    req.replace = replace;
    a.rc = WRITE(&mine, tests_accept_baselines(&tests, &mine.ctx, &req, &resp));
    a.accepted = resp.accepted;
    (void)snprintf(a.reason, sizeof(a.reason), "%s", reason(&mine));
    call_end(&mine);
    return a;
}

static enum rc
accept(const struct call *c, const char *of, int64_t index, int64_t *out)
{
    struct answer a = accept_with(c, of, index, false);

    *out = a.accepted;
    return a.rc;
}

/* The public id of the newest run of the case. */
static const char *
case_run(void)
{
    static char id[32];
    struct call c = call_as(ORG);
    Assay__ListCaseRunsRequest req = ASSAY__LIST_CASE_RUNS_REQUEST__INIT;
    Assay__ListCaseRunsResponse runs = ASSAY__LIST_CASE_RUNS_RESPONSE__INIT;

    req.case_id = one->public_id;
    assert_int_equal(tests_list_case_runs(&tests, &c.ctx, &req, &runs), RC_OK);
    (void)snprintf(id, sizeof(id), "%s", runs.items[0]->public_id);
    call_end(&c);
    return id;
}

static void
what_is_accepted_becomes_the_baseline_and_is_resolved(void **state)
{
    struct call c = call_as(ORG);
    struct call other = call_as(OTHER_ORG);
    int64_t n = 0;

    (void)state;
    make(&c, "10", "25");
    run_showing(&c, picture(c.arena, W, 0, 80), ST_PASSED);
    run_showing(&c, picture(c.arena, W, 60, 80), ST_PASSED);
    assert_int_equal(accept(&other, run_id, -1, &n), RC_NOT_FOUND);
    assert_int_equal(accept(&c, case_run(), 7, &n), RC_FAILED_PRECONDITION);
    assert_int_equal(accept(&c, run_id, 0, &n), RC_FAILED_PRECONDITION); /* whose step 0? */
    assert_int_equal(accept(&c, case_run(), 0, &n), RC_OK);
    assert_int_equal(n, 1);
    expect_run("passed", "'ok'");
    ASSERT_N("baselines b JOIN tests.step_checks k USING (image_key) WHERE k.id = 2", 1);
    ASSERT_N("outbox WHERE type = 'visual.baseline_updated'", 2); /* audit and webhooks */
    run_showing(&c, picture(c.arena, W, 60, 80), ST_PASSED);
    expect_run("passed", "'ok'");
    start(&c);
    assert_int_equal(accept(&c, run_id, -1, &n), RC_FAILED_PRECONDITION);
    call_end(&other);
    call_end(&c);
}

static void
accepting_again_changes_nothing_and_is_not_told_again(void **state)
{
    struct call c = call_as(ORG);
    int64_t n = 0;

    (void)state;
    make(&c, "10", "25");
    run_showing(&c, picture(c.arena, W, 0, 80), ST_PASSED);
    run_showing(&c, picture(c.arena, W, 60, 80), ST_PASSED);
    for (int i = 0; i < 3; i++) {
        n = 0;
        assert_int_equal(accept(&c, run_id, -1, &n), RC_OK);
        assert_int_equal(n, 1);
    }
    ASSERT_N("outbox WHERE type = 'visual.baseline_updated'", 2);
    call_end(&c);
}

/* Its verdicts are not settled before the suite's run ends: deciding early would take them away. */
static void
nothing_is_accepted_of_a_run_whose_suite_is_not_over(void **state)
{
    struct call c = call_as(ORG);
    int64_t n = 0;

    (void)state;
    make(&c, "10", "25");
    run_showing(&c, picture(c.arena, W, 0, 80), ST_PASSED);
    (void)add_case(&c, suite->public_id, TEXT("second"));
    start(&c);
    run = n_of("SELECT max(id) - 1 FROM tests.case_runs");
    char id[24];
    (void)snprintf(id, sizeof(id), "%lld", (long long)job);
    report_shot(0, store(&c, picture(c.arena, W, 200, 80)));
    assert_false(report_case(id, 1, run, ST_PASSED).lost);
    compare_all();
    ASSERT_N("step_checks WHERE verdict = 'fail'", 1);
    assert_int_equal(accept(&c, case_run(), -1, &n), RC_FAILED_PRECONDITION);
    assert_int_equal(accept(&c, run_id, -1, &n), RC_FAILED_PRECONDITION);
    assert_false(finish_job(id, 1).lost);
    ASSERT_N("suite_runs WHERE visual_status = 'fail'", 1);
    assert_int_equal(accept(&c, case_run(), -1, &n), RC_OK);
    call_end(&c);
}

static void
one_step_is_accepted_without_the_others(void **state)
{
    struct call c = call_as(ORG);
    int64_t n = 0;

    (void)state;
    make(&c, "10", "NULL");
    for (int rows = 0; rows <= 60; rows += 60) {
        start(&c);
        report_step(0, "first", store(&c, picture(c.arena, W, rows, 80)), NULL, 0);
        report_step(1, "second", store(&c, picture(c.arena, W, rows, 70)), NULL, 0);
        end_case(ST_PASSED);
        compare_all();
    }
    assert_int_equal(accept(&c, case_run(), 1, &n), RC_OK);
    assert_int_equal(n, 1);
    expect_run("passed", "'warn'");
    ASSERT_N("step_checks WHERE verdict = 'warn' AND step_index = 0", 1);
    ASSERT_N("step_checks WHERE verdict = 'ok' AND step_index = 1", 1);
    assert_int_equal(accept(&c, case_run(), 0, &n), RC_OK);
    expect_run("passed", "'ok'");
    call_end(&c);
}

static void
what_somebody_else_has_replaced_is_not_undone_unawares(void **state)
{
    struct call c = call_as(ORG);
    char mine[32];
    int64_t n = 0;

    (void)state;
    make(&c, "10", "NULL");
    run_showing(&c, picture(c.arena, W, 0, 80), ST_PASSED);
    run_showing(&c, picture(c.arena, W, 60, 80), ST_PASSED);
    (void)snprintf(mine, sizeof(mine), "%s", run_id);
    run_showing(&c, picture(c.arena, W, 120, 80), ST_PASSED);
    assert_int_equal(accept(&c, run_id, -1, &n), RC_OK);
    struct answer refused = accept_with(&c, mine, -1, false);
    assert_int_equal(refused.rc, RC_FAILED_PRECONDITION);
    assert_string_equal(refused.reason, "CONFLICT");
    ASSERT_N("baselines b JOIN tests.step_checks k USING (image_key) WHERE k.id = 3", 1);
    ASSERT_N("step_checks WHERE verdict = 'warn'", 1); /* of the refused run, as it was */
    assert_int_equal(accept_with(&c, mine, -1, true).rc, RC_OK);
    ASSERT_N("baselines b JOIN tests.step_checks k USING (image_key) WHERE k.id = 2", 1);
    ASSERT_N("outbox WHERE type = 'visual.baseline_updated'", 4);
    call_end(&c);
}

struct person {
    char run[32];
    struct answer answer;
};

static void *
decide(void *arg)
{
    struct person *p = arg;
    struct call c = call_as(ORG);

    p->answer = accept_with(&c, p->run, -1, false);
    call_end(&c);
    return NULL;
}

static void
of_two_people_at_the_same_moment_one_is_told_of_the_conflict(void **state)
{
    struct call c = call_as(ORG);
    struct person people[2];
    pthread_t threads[2];

    (void)state;
    make(&c, "10", "NULL");
    run_showing(&c, picture(c.arena, W, 0, 80), ST_PASSED);
    for (int i = 0; i < 2; i++) {
        run_showing(&c, picture(c.arena, W, 60 + 60 * i, 80), ST_PASSED);
        (void)snprintf(people[i].run, sizeof(people[i].run), "%s", run_id);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, decide, &people[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal((people[0].answer.rc == RC_OK) + (people[1].answer.rc == RC_OK), 1);
    int loser = people[0].answer.rc == RC_OK ? 1 : 0;
    assert_string_equal(people[loser].answer.reason, "CONFLICT");
    ASSERT_N("outbox WHERE type = 'visual.baseline_updated'", 2);
    call_end(&c);
}

static void
a_lost_baseline_is_replaced_by_accepting(void **state)
{
    struct call c = call_as(ORG);
    int64_t n = 0;

    (void)state;
    make(&c, "10", "NULL");
    run_showing(&c, picture(c.arena, W, 0, 80), ST_PASSED);
    pg_support_exec("UPDATE tests.baselines SET image_key = 'lost'");
    run_showing(&c, picture(c.arena, W, 0, 80), ST_PASSED);
    expect_run("passed", "'warn'");
    assert_int_equal(accept(&c, run_id, -1, &n), RC_OK);
    expect_run("passed", "'ok'");
    run_showing(&c, picture(c.arena, W, 0, 80), ST_PASSED);
    expect_run("passed", "'ok'");
    call_end(&c);
}

static void
a_broken_picture_is_not_accepted_and_a_broken_baseline_can_be_replaced(void **state)
{
    struct call c = call_as(ORG);
    int64_t n = 0;

    (void)state;
    make(&c, "10", "25");
    run_showing(&c, picture(c.arena, W, 0, 80), ST_PASSED);
    struct str good = picture(c.arena, W, 60, 80);
    run_showing(&c, str_sub(good, 0, good.n / 2), ST_PASSED);
    expect_run("failed", "'fail'");
    ASSERT_N("step_checks WHERE error LIKE 'the screenshot: %'", 1);
    assert_int_equal(accept(&c, run_id, -1, &n), RC_FAILED_PRECONDITION);
    pg_support_exec("UPDATE tests.baselines SET image_key ="
                    " (SELECT image_key FROM tests.step_checks ORDER BY id DESC LIMIT 1)");
    run_showing(&c, good, ST_PASSED);
    expect_run("failed", "'fail'");
    ASSERT_N("step_checks WHERE error LIKE 'the baseline: %'", 1);
    assert_int_equal(accept(&c, run_id, -1, &n), RC_OK);
    run_showing(&c, good, ST_PASSED);
    expect_run("passed", "'ok'");
    call_end(&c);
}

static enum rc
delete_baselines(const struct call *as, int64_t index, int64_t *out)
{
    Assay__DeleteCaseBaselinesRequest req = ASSAY__DELETE_CASE_BASELINES_REQUEST__INIT;
    Assay__DeleteCaseBaselinesResponse resp = ASSAY__DELETE_CASE_BASELINES_RESPONSE__INIT;
    struct call c = call_as(as->ctx.who.org_id);

    req.case_id = one->public_id;
    req.has_step_index = index >= 0;
    req.step_index = index;
    enum rc rc = WRITE(&c, tests_delete_case_baselines(&tests, &c.ctx, &req, &resp));
    *out = resp.deleted;
    call_end(&c);
    return rc;
}

static void
what_is_deleted_is_made_anew_by_the_next_passing_run(void **state)
{
    struct call c = call_as(ORG);
    struct call other = call_as(OTHER_ORG);
    int64_t n = 0;

    (void)state;
    make(&c, "10", "25");
    assert_int_equal(delete_baselines(&c, -1, &n), RC_NOT_FOUND);
    run_showing(&c, picture(c.arena, W, 0, 80), ST_PASSED);
    assert_int_equal(delete_baselines(&other, -1, &n), RC_NOT_FOUND);
    assert_int_equal(delete_baselines(&c, 3, &n), RC_NOT_FOUND);
    assert_int_equal(delete_baselines(&c, 0, &n), RC_OK);
    assert_int_equal(n, 1);
    ASSERT_N("baselines", 0);
    ASSERT_N("outbox WHERE type = 'visual.baseline_updated' AND encode(event, 'escape') LIKE"
             " '%\"run_id\":null,\"step_indexes\":[0]}%'",
             2);
    run_showing(&c, picture(c.arena, W, 200, 80), ST_PASSED);
    expect_run("passed", "NULL");
    ASSERT_N("baselines", 1);
    assert_int_equal(delete_baselines(&c, -1, &n), RC_OK);
    call_end(&other);
    call_end(&c);
}

static void
baselines_are_listed_and_shown_to_their_organization(void **state)
{
    struct call c = call_as(ORG);
    struct call other = call_as(OTHER_ORG);
    Assay__ListCaseBaselinesRequest list = ASSAY__LIST_CASE_BASELINES_REQUEST__INIT;
    Assay__ListCaseBaselinesResponse all = ASSAY__LIST_CASE_BASELINES_RESPONSE__INIT;
    Assay__GetCaseBaselineImageRequest get = ASSAY__GET_CASE_BASELINE_IMAGE_REQUEST__INIT;
    Assay__Blob blob = ASSAY__BLOB__INIT;
    char want[128];

    (void)state;
    make(&c, "10", "25");
    run_showing(&c, picture(c.arena, 640, 0, 80), ST_PASSED);
    char *wide = store(&c, picture(c.arena, 640, 0, 80));
    run_showing(&c, picture(c.arena, W, 0, 80), ST_PASSED);
    list.case_id = get.case_id = one->public_id;
    assert_int_equal(tests_list_case_baselines(&tests, &c.ctx, &list, &all), RC_OK);
    assert_int_equal(all.n_items, 2);
    assert_int_equal(all.items[0]->width, W);
    assert_int_equal(all.items[0]->test_case_id, one->id);
    (void)snprintf(want, sizeof(want), "/api/v1/tests/cases/%s/baselines/step_0.jpg",
                   one->public_id);
    assert_string_equal(all.items[0]->image_url, want);
    assert_true(str_ends(str_z(all.items[1]->image_url), STR("step_0.jpg?width=640")));
    get.step_index = 0;
    PB_SET(&get, width, 640);
    assert_int_equal(tests_get_case_baseline_image(&tests, &c.ctx, &get, &blob), RC_OK);
    assert_string_equal(blob.key, wide);
    assert_int_equal(tests_get_case_baseline_image(&tests, &other.ctx, &get, &blob), RC_NOT_FOUND);
    get.step_index = 1;
    assert_int_equal(tests_get_case_baseline_image(&tests, &c.ctx, &get, &blob), RC_NOT_FOUND);
    call_end(&other);
    call_end(&c);
}

int
main(void)
{
    const struct CMUnitTest all[] = {
        T(what_is_accepted_becomes_the_baseline_and_is_resolved),
        T(accepting_again_changes_nothing_and_is_not_told_again),
        T(nothing_is_accepted_of_a_run_whose_suite_is_not_over),
        T(one_step_is_accepted_without_the_others),
        T(what_somebody_else_has_replaced_is_not_undone_unawares),
        T(of_two_people_at_the_same_moment_one_is_told_of_the_conflict),
        T(a_lost_baseline_is_replaced_by_accepting),
        T(a_broken_picture_is_not_accepted_and_a_broken_baseline_can_be_replaced),
        T(what_is_deleted_is_made_anew_by_the_next_passing_run),
        T(baselines_are_listed_and_shown_to_their_organization),
    };
    return cmocka_run_group_tests(all, open_all, close_all);
}
