/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules of suites and cases: tags, null and absent, sub-flows, upserts, counts, artifacts, paths.
 */
#include "tests/tests_fixture.h"

static enum rc
update_case(char *id, const char *sub_flows, bool reusable, char *why)
{
    struct call c = call_as(ORG);
    Assay__UpdateCaseRequest req = ASSAY__UPDATE_CASE_REQUEST__INIT;
    Assay__Case resp = ASSAY__CASE__INIT;

    req.case_id = id;
    if (sub_flows != NULL) {
        PB_SET(&req, sub_flow_ids, pb_bytes(c.arena, str_z(sub_flows)));
    }
    if (reusable) {
        PB_SET(&req, is_reusable, 1);
    }
    enum rc rc = WRITE(&c, tests_update_case(&tests, &c.ctx, &req, &resp));
    (void)snprintf(why, 64, "%s", reason(&c));
    call_end(&c);
    return rc;
}

static Assay__Case *
standalone(struct call *c, char *name)
{
    Assay__CreateCaseRequest req = ASSAY__CREATE_CASE_REQUEST__INIT;
    Assay__Case *made = ARENA_NEW(c->arena, Assay__Case);

    assay__case__init(made);
    req.name = name;
    req.app_id = TEXT("app_shop01");
    req.steps = JSON("[\"tap Login\"]");
    assert_int_equal(WRITE(c, tests_create_case(&tests, &c->ctx, &req, made)), RC_OK);
    return made;
}

static void
saving_a_case_again_keeps_its_ids(void **state)
{
    struct call c = call_as(ORG);

    (void)state;
    Assay__Case *first = standalone(&c, TEXT("login"));
    Assay__Case *second = standalone(&c, TEXT("login"));
    assert_int_equal(first->id, second->id);
    assert_string_equal(first->public_id, second->public_id);
    assert_string_equal(first->uuid, second->uuid);
    call_end(&c);
}

static void
sub_flows_exist_are_reusable_and_lead_nowhere_back(void **state)
{
    struct call c = call_as(ORG);
    char why[64];
    char list[2][64];

    (void)state;
    char *a = standalone(&c, TEXT("a"))->public_id;
    char *b = standalone(&c, TEXT("b"))->public_id;
    (void)snprintf(list[0], sizeof(list[0]), "[\"%s\"]", a);
    (void)snprintf(list[1], sizeof(list[1]), "[\"%s\"]", b);
    assert_int_equal(update_case(a, "[\"case_nowhere\"]", false, why), RC_NOT_FOUND);
    assert_int_equal(update_case(a, "[1]", false, why), RC_INVALID_ARGUMENT);
    assert_int_equal(update_case(a, list[1], false, why), RC_FAILED_PRECONDITION);
    assert_string_equal(why, "NOT_REUSABLE");
    assert_int_equal(update_case(b, NULL, true, why), RC_OK);
    assert_int_equal(update_case(a, list[1], true, why), RC_OK);
    assert_int_equal(update_case(b, list[0], false, why), RC_FAILED_PRECONDITION);
    assert_string_equal(why, "SUB_FLOW_CYCLE");
    assert_int_equal(update_case(a, list[0], false, why), RC_FAILED_PRECONDITION);
    call_end(&c);
}

static void
a_suite_counts_its_cases(void **state)
{
    struct call c = call_as(ORG);
    Assay__DeleteCaseRequest req = ASSAY__DELETE_CASE_REQUEST__INIT;
    Assay__StatusText resp = ASSAY__STATUS_TEXT__INIT;

    (void)state;
    Assay__Suite *s = make_suite(&c, TEXT("Shop"));
    (void)add_case(&c, s->public_id, TEXT("a"));
    req.case_id = add_case(&c, s->public_id, TEXT("b"))->public_id;
    ASSERT_N("suites WHERE case_count = 2", 1);
    assert_int_equal(WRITE(&c, tests_delete_case(&tests, &c.ctx, &req, &resp)), RC_OK);
    ASSERT_N("suites WHERE case_count = 1", 1);
    assert_int_equal(WRITE(&c, tests_delete_case(&tests, &c.ctx, &req, &resp)), RC_NOT_FOUND);
    ASSERT_N("suites WHERE case_count = 1", 1);
    call_end(&c);
}

static void
absent_members_stay_and_nulls_clear(void **state)
{
    struct call c = call_as(ORG);
    Assay__UpdateSuiteRequest req = ASSAY__UPDATE_SUITE_REQUEST__INIT;
    Assay__Suite resp = ASSAY__SUITE__INIT;
    uint32_t nulls[] = {3};

    (void)state;
    req.suite_id = make_suite(&c, TEXT("Shop"))->public_id;
    req.description = TEXT("d");
    PB_SET(&req, tags, JSON("[\" Smoke \",\"smoke\",\"a-b\"]"));
    assert_int_equal(WRITE(&c, tests_update_suite(&tests, &c.ctx, &req, &resp)), RC_OK);
    assert_int_equal(resp.n_tags, 2);
    assert_string_equal(resp.tags[0]->name, "smoke");
    assert_string_equal(resp.tags[0]->display_name, "Smoke");
    req.description = NULL;
    req.has_tags = 0;
    assert_int_equal(WRITE(&c, tests_update_suite(&tests, &c.ctx, &req, &resp)), RC_OK);
    assert_string_equal(resp.description, "d");
    assert_int_equal(resp.n_tags, 2);
    req.nulls = nulls;
    req.n_nulls = 1;
    assert_int_equal(WRITE(&c, tests_update_suite(&tests, &c.ctx, &req, &resp)), RC_OK);
    assert_null(resp.description);
    PB_SET(&req, tags, JSON("[\"no blanks\"]"));
    assert_int_equal(WRITE(&c, tests_update_suite(&tests, &c.ctx, &req, &resp)),
                     RC_INVALID_ARGUMENT);
    call_end(&c);
}

static enum rc
artifact(int64_t org, char *path)
{
    struct call c = call_as(org);
    Assay__GetArtifactRequest req = ASSAY__GET_ARTIFACT_REQUEST__INIT;
    Assay__Blob resp = ASSAY__BLOB__INIT;

    req.path = path;
    enum rc rc = tests_get_artifact(&tests, &c.ctx, &req, &resp);
    call_end(&c);
    return rc;
}

static void
artifacts_are_named_by_run_and_step_and_belong_to_one_organization(void **state)
{
    struct call c = call_as(ORG);

    (void)state;
    (void)queue_run(&c, 1);
    pg_support_exec("UPDATE tests.case_runs SET public_id = 'tr1';"
                    "INSERT INTO tests.steps (org_id, case_run_id, idx, fence, text, kind, status,"
                    " started_at, duration_us, screenshot_key, screenshot_type) VALUES (7, 1, 0, 1,"
                    " 't', 'step', 'passed', now(), 1, 'k', 'image/jpeg')");
    assert_int_equal(artifact(ORG, TEXT("tr1/step_0.jpg")), RC_OK);
    assert_int_equal(artifact(OTHER_ORG, TEXT("tr1/step_0.jpg")), RC_NOT_FOUND);
    assert_int_equal(artifact(ORG, TEXT("tr1/step_1.jpg")), RC_NOT_FOUND);
    assert_int_equal(artifact(ORG, TEXT("tr1/step_.jpg")), RC_NOT_FOUND);
    assert_int_equal(artifact(ORG, TEXT("tr1/step_0.exe")), RC_NOT_FOUND);
    assert_int_equal(artifact(ORG, TEXT("../step_0.jpg")), RC_NOT_FOUND);
    assert_int_equal(artifact(ORG, TEXT("")), RC_NOT_FOUND);
    call_end(&c);
}

static enum rc
check_path(int64_t org, char *name, char *value)
{
    struct call c = call_as(org);
    Assay__CheckPathRequest req = ASSAY__CHECK_PATH_REQUEST__INIT;
    Assay__PathParam param = ASSAY__PATH_PARAM__INIT;
    Assay__PathParam *params[] = {&param};
    Assay__Empty resp = ASSAY__EMPTY__INIT;

    param.name = name;
    param.value = value;
    req.params = params;
    req.n_params = 1;
    enum rc rc = tests_check_path(&tests, &c.ctx, &req, &resp);
    call_end(&c);
    return rc;
}

static void
paths_name_what_the_organization_has(void **state)
{
    struct call c = call_as(ORG);

    (void)state;
    Assay__Suite *s = make_suite(&c, TEXT("Shop"));
    assert_int_equal(check_path(ORG, TEXT("suite_id"), s->public_id), RC_OK);
    assert_int_equal(check_path(ORG, TEXT("suite_id"), s->uuid), RC_OK);
    assert_int_equal(check_path(OTHER_ORG, TEXT("suite_id"), s->public_id), RC_NOT_FOUND);
    assert_int_equal(check_path(ORG, TEXT("suite_id"), TEXT("nonsense")), RC_NOT_FOUND);
    assert_int_equal(check_path(ORG, TEXT("suite_run_id"), TEXT("99999999999999999999")),
                     RC_NOT_FOUND);
    call_end(&c);
}

int
main(void)
{
    const struct CMUnitTest all[] = {
        T(saving_a_case_again_keeps_its_ids),
        T(sub_flows_exist_are_reusable_and_lead_nowhere_back),
        T(a_suite_counts_its_cases),
        T(absent_members_stay_and_nulls_clear),
        T(artifacts_are_named_by_run_and_step_and_belong_to_one_organization),
        T(paths_name_what_the_organization_has),
    };
    return cmocka_run_group_tests(all, open_all, close_all);
}
