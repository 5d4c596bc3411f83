/* SPDX-License-Identifier: Apache-2.0
 *
 * Suites: create, read, change, delete. */
#include "tests/tst_store.h"

#include <string.h>

enum rc
tests_list_suites(struct tests *t, struct ctx *ctx, const Assay__ListSuitesRequest *req,
                  Assay__ListSuitesResponse *resp)
{
    struct str *tags = ARENA_ARRAY(ctx->arena, req->n_tags + 1, struct str);

    for (size_t i = 0; tags != NULL && i < req->n_tags; i++) {
        tags[i] = str_z(req->tags[i]);
    }
    return tst_suite_list(t, ctx, req->app_id, tags, req->n_tags, strcmp(req->match, "all") == 0,
                          &resp->items, &resp->n_items);
}

enum rc
tests_create_suite(struct tests *t, struct ctx *ctx, const Assay__CreateSuiteRequest *req,
                   Assay__Suite *resp)
{
    struct tst_suite_new suite = {
        .name = req->name,
        .description = req->description,
        .platform = req->platform,
    };
    Assay__Suite *made = NULL;

    enum rc rc = tst_tags_parse(ctx, req->tags, req->n_tags, &suite.tags);
    if (rc == RC_OK && (req->app_public_id != NULL || req->has_app_id)) {
        const char *platform = NULL;
        rc = tst_app_resolve(t, ctx, req->app_public_id, req->app_id, &suite.app_id, &platform);
        suite.platform = suite.platform == NULL ? platform : suite.platform;
    }
    if (rc == RC_OK) {
        rc = tst_suite_insert(t, ctx, &suite, &made);
    }
    if (rc != RC_OK) {
        return rc;
    }
    *resp = *made;
    struct svc_event event = {
        .type = "test_suite.created",
        .tell = TELL_AUDIT,
        .resource_type = STR("test_suite"),
        .resource_id = str_z(made->public_id),
        .resource_name = str_z(made->name),
    };
    return svc_emit(t->db, ctx, &event);
}

enum rc
tests_get_suite(struct tests *t, struct ctx *ctx, const Assay__GetSuiteRequest *req,
                Assay__GetSuiteResponse *resp)
{
    Assay__Suite *s = NULL;

    enum rc rc = tst_suite_get(t, ctx, (struct tst_key){.text = req->suite_id}, &s);
    if (rc != RC_OK) {
        return rc;
    }
    resp->id = s->id;
    resp->public_id = s->public_id;
    resp->uuid = s->uuid;
    resp->name = s->name;
    resp->description = s->description;
    resp->has_app_id = s->has_app_id;
    resp->app_id = s->app_id;
    resp->app_public_id = s->app_public_id;
    resp->app_name = s->app_name;
    resp->platform = s->platform;
    resp->case_count = s->case_count;
    resp->reset_strategy = s->reset_strategy;
    resp->context = s->context;
    resp->variables = s->variables;
    resp->has_visual_regression_warn_pct = s->has_visual_regression_warn_pct;
    resp->visual_regression_warn_pct = s->visual_regression_warn_pct;
    resp->has_visual_regression_fail_pct = s->has_visual_regression_fail_pct;
    resp->visual_regression_fail_pct = s->visual_regression_fail_pct;
    resp->last_run_status = s->last_run_status;
    resp->has_last_run_at = s->has_last_run_at;
    resp->last_run_at = s->last_run_at;
    resp->created_at = s->created_at;
    resp->updated_at = s->updated_at;
    resp->n_tags = s->n_tags;
    resp->tags = s->tags;
    return tst_cases_of_suite(t, ctx, s->id, &resp->cases, &resp->n_cases);
}

enum rc
tests_update_suite(struct tests *t, struct ctx *ctx, const Assay__UpdateSuiteRequest *req,
                   Assay__Suite *resp)
{
    Assay__Suite *s = NULL;
    struct tst_tags tags = {.count = 0};

    enum rc rc = tst_suite_get(t, ctx, (struct tst_key){.text = req->suite_id}, &s);
    if (rc == RC_OK && req->has_tags) {
        char **list = NULL;
        size_t n = 0;
        rc = tst_json_strings(ctx, "tags", req->tags, &list, &n);
        rc = rc == RC_OK ? tst_tags_parse(ctx, list, n, &tags) : rc;
    }
    if (rc == RC_OK) {
        rc = tst_suite_update(t, ctx, s->id, req, req->has_tags ? &tags : NULL);
    }
    if (rc == RC_OK) {
        rc = tst_suite_get(t, ctx, (struct tst_key){.id = s->id}, &s);
    }
    if (rc != RC_OK) {
        return rc;
    }
    *resp = *s;
    struct svc_event event = {
        .type = "test_suite.updated",
        .tell = TELL_AUDIT,
        .resource_type = STR("test_suite"),
        .resource_id = str_z(s->public_id),
        .resource_name = str_z(s->name),
    };
    return svc_emit(t->db, ctx, &event);
}

enum rc
tests_delete_suite(struct tests *t, struct ctx *ctx, const Assay__DeleteSuiteRequest *req,
                   Assay__StatusText *resp)
{
    struct str name;

    enum rc rc = tst_suite_delete(t, ctx, req->suite_id, &name);
    if (rc != RC_OK) {
        return rc;
    }
    resp->status = pb_strz(ctx->arena, STR("deleted"));
    struct svc_event event = {
        .type = "test_suite.deleted",
        .tell = TELL_AUDIT,
        .resource_type = STR("test_suite"),
        .resource_id = str_z(req->suite_id),
        .resource_name = name,
    };
    return svc_emit(t->db, ctx, &event);
}
