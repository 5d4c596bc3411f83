/* SPDX-License-Identifier: Apache-2.0
 *
 * Cases: create, read, change, delete. */
#include "tests/tst_store.h"

#include <string.h>

static enum rc
tell(struct tests *t, struct ctx *ctx, const char *type, const char *public_id, struct str name)
{
    struct svc_event event = {
        .type = type,
        .tell = TELL_AUDIT,
        .resource_type = STR("test_case"),
        .resource_id = str_z(public_id),
        .resource_name = name,
    };
    return svc_emit(t->db, ctx, &event);
}

/* Steps are texts or objects that say what to do; nothing else can be run. */
static enum rc
check_steps(struct ctx *ctx, const char *member, ProtobufCBinaryData json, int64_t *out_count)
{
    const struct json_value *v = NULL;

    if (json_parse(str_n((const char *)json.data, json.len), ctx->arena, &v, NULL) != RC_OK ||
        !json_is(v, JSON_ARRAY)) {
        return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY", "%s must be an array", member);
    }
    for (size_t i = 0; i < v->count; i++) {
        const struct json_value *item = json_at(v, i);
        if (!json_is(item, JSON_STRING) && !json_is(item, JSON_OBJECT)) {
            return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY",
                        "%s[%zu] must be a string or an object", member, i);
        }
    }
    *out_count = (int64_t)v->count;
    return RC_OK;
}

/* What both creating calls share: steps, assertions and recording are checked and counted. */
static enum rc
check_content(struct ctx *ctx, struct tst_case_new *c)
{
    int64_t ignored = 0;

    enum rc rc = check_steps(ctx, "steps", c->steps, &c->step_count);
    if (rc == RC_OK && c->assertions.data != NULL) {
        rc = check_steps(ctx, "assertions", c->assertions, &ignored);
    }
    if (rc == RC_OK && c->recording.data != NULL) {
        rc = tst_recording_summary(ctx, c->recording, &c->summary);
    }
    return rc;
}

enum rc
tests_create_suite_case(struct tests *t, struct ctx *ctx, const Assay__CreateSuiteCaseRequest *req,
                        Assay__Case *resp)
{
    Assay__Suite *suite = NULL;
    Assay__Case *made = NULL;
    struct tst_case_new c = {
        .name = req->name,
        .mode = req->mode,
        .steps = req->steps,
        .fuzzy_match = true,
        .device_width = req->source_device_width,
        .device_height = req->source_device_height,
    };

    if (req->has_assertions) {
        c.assertions = req->assertions;
    }
    if (req->has_source_recording) {
        c.recording = req->source_recording;
    }
    enum rc rc = tst_suite_get(t, ctx, (struct tst_key){.text = req->suite_id}, &suite);
    if (rc == RC_OK) {
        rc = check_content(ctx, &c);
    }
    if (rc == RC_OK) {
        c.suite_id = suite->id;
        c.app_id = suite->has_app_id ? suite->app_id : 0;
        c.source_platform = suite->platform;
        rc = tst_case_save(t, ctx, &c, false, &made);
    }
    if (rc != RC_OK) {
        return rc;
    }
    *resp = *made;
    return tell(t, ctx, "test_case.created", made->public_id, str_z(made->name));
}

enum rc
tests_create_case(struct tests *t, struct ctx *ctx, const Assay__CreateCaseRequest *req,
                  Assay__Case *resp)
{
    const char *platform = NULL;
    Assay__Case *made = NULL;
    struct tst_case_new c = {
        .name = req->name,
        .mode = req->mode,
        .steps = req->steps,
        .fuzzy_match = req->fuzzy_match,
        .device_width = req->source_device_width,
        .device_height = req->source_device_height,
        .context = req->context,
    };

    if (req->has_assertions) {
        c.assertions = req->assertions;
    }
    if (req->has_source_recording) {
        c.recording = req->source_recording;
    }
    enum rc rc = check_content(ctx, &c);
    if (rc == RC_OK) {
        rc = tst_app_resolve(t, ctx, req->app_id, 0, &c.app_id, &platform);
    }
    if (rc == RC_OK) {
        c.source_platform = req->source_platform != NULL ? req->source_platform : platform;
        rc = tst_case_save(t, ctx, &c, true, &made);
    }
    if (rc != RC_OK) {
        return rc;
    }
    *resp = *made;
    return tell(t, ctx, "test_case.saved", made->public_id, str_z(made->name));
}

enum rc
tests_list_cases(struct tests *t, struct ctx *ctx, const Assay__ListCasesRequest *req,
                 Assay__ListCasesResponse *resp)
{
    bool reusable = req->reusable;

    return tst_cases_standalone(t, ctx, req->has_reusable ? &reusable : NULL, &resp->items,
                                &resp->n_items);
}

enum rc
tests_get_case(struct tests *t, struct ctx *ctx, const Assay__GetCaseRequest *req,
               Assay__Case *resp)
{
    Assay__Case *c = NULL;

    enum rc rc = tst_case_get(t, ctx, (struct tst_key){.text = req->case_id}, &c, NULL);
    if (rc == RC_OK) {
        *resp = *c;
    }
    return rc;
}

#define SUB_FLOW_DEPTH_MAX 16
#define SUB_FLOWS_MAX 50

/* Walks level by level from the ids given: each must exist and be reusable, and none may lead back
 * to the case itself. */
static enum rc
check_sub_flows(struct tests *t, struct ctx *ctx, const char *own_id, char **ids, size_t count)
{
    struct str *level = ARENA_ARRAY(ctx->arena, count + 1, struct str);
    size_t n = count;

    for (size_t i = 0; level != NULL && i < count; i++) {
        level[i] = str_z(ids[i]);
    }
    if (count > SUB_FLOWS_MAX) {
        return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY", "at most %d sub-flows",
                    SUB_FLOWS_MAX);
    }
    for (int depth = 0; n > 0; depth++) {
        struct tst_sub_flow *flows = NULL;
        size_t found = 0;
        size_t next = 0;
        enum rc rc = tst_sub_flows(t, ctx, level, n, &flows, &found);
        if (rc != RC_OK) {
            return rc;
        }
        for (size_t i = 0; i < n; i++) {
            bool known = false;
            for (size_t f = 0; f < found; f++) {
                known = known || str_eq(level[i], flows[f].public_id);
            }
            if (!known && depth == 0) {
                return fail(ctx, RC_NOT_FOUND, "CASE_NOT_FOUND", "sub-flow %.*s does not exist",
                            STR_ARG(level[i]));
            }
            if (str_eqz(level[i], own_id) || depth > SUB_FLOW_DEPTH_MAX) {
                return fail(ctx, RC_FAILED_PRECONDITION, "SUB_FLOW_CYCLE",
                            "sub_flow_ids form a cycle");
            }
        }
        for (size_t f = 0; f < found; f++) {
            if (!flows[f].is_reusable) {
                return fail(ctx, RC_FAILED_PRECONDITION, "NOT_REUSABLE",
                            "sub-flow %.*s is not reusable", STR_ARG(flows[f].public_id));
            }
            next += flows[f].next_count;
        }
        level = ARENA_ARRAY(ctx->arena, next + 1, struct str);
        n = 0;
        for (size_t f = 0; level != NULL && f < found; f++) {
            for (size_t i = 0; i < flows[f].next_count; i++) {
                level[n++] = flows[f].next[i];
            }
        }
    }
    return RC_OK;
}

static enum rc
check_update(struct tests *t, struct ctx *ctx, const Assay__UpdateCaseRequest *req,
             const Assay__Case *c, struct tst_case_change *change)
{
    int64_t ignored = 0;
    const char *platform = NULL;
    enum rc rc = RC_OK;

    if (req->has_steps) {
        rc = check_steps(ctx, "steps", req->steps, &change->step_count);
    }
    if (rc == RC_OK && req->has_assertions) {
        rc = check_steps(ctx, "assertions", req->assertions, &ignored);
    }
    if (rc == RC_OK && req->has_source_recording) {
        rc = tst_recording_summary(ctx, req->source_recording, &change->summary);
    }
    if (rc == RC_OK && c->has_suite_id && req->app_id != NULL) {
        return fail(ctx, RC_FAILED_PRECONDITION, "CASE_IN_SUITE",
                    "app_id of a case in a suite is the suite's");
    }
    if (rc == RC_OK && c->has_suite_id && req->has_is_reusable && req->is_reusable) {
        return fail(ctx, RC_FAILED_PRECONDITION, "CASE_IN_SUITE",
                    "only standalone cases can be reusable");
    }
    if (rc == RC_OK && req->app_id != NULL) {
        rc = tst_app_resolve(t, ctx, req->app_id, 0, &change->app_id, &platform);
    }
    if (rc == RC_OK && req->has_sub_flow_ids) {
        rc = tst_json_strings(ctx, "sub_flow_ids", req->sub_flow_ids, &change->sub_flows,
                              &change->sub_flow_count);
        rc = rc == RC_OK ? tst_sub_flows_lock(t, ctx) : rc;
        rc = rc == RC_OK
                 ? check_sub_flows(t, ctx, c->public_id, change->sub_flows, change->sub_flow_count)
                 : rc;
    }
    return rc;
}

enum rc
tests_update_case(struct tests *t, struct ctx *ctx, const Assay__UpdateCaseRequest *req,
                  Assay__Case *resp)
{
    Assay__Case *c = NULL;
    struct tst_case_change change = {.req = req, .step_count = -1};

    enum rc rc = tst_case_get(t, ctx, (struct tst_key){.text = req->case_id}, &c, NULL);
    rc = rc == RC_OK ? check_update(t, ctx, req, c, &change) : rc;
    rc = rc == RC_OK ? tst_case_update(t, ctx, c->id, &change) : rc;
    rc = rc == RC_OK ? tst_case_get(t, ctx, (struct tst_key){.id = c->id}, &c, NULL) : rc;
    if (rc != RC_OK) {
        return rc;
    }
    *resp = *c;
    return tell(t, ctx, "test_case.updated", c->public_id, str_z(c->name));
}

enum rc
tests_delete_case(struct tests *t, struct ctx *ctx, const Assay__DeleteCaseRequest *req,
                  Assay__StatusText *resp)
{
    struct str name;

    enum rc rc = tst_case_delete(t, ctx, req->case_id, &name);
    if (rc != RC_OK) {
        return rc;
    }
    resp->status = pb_strz(ctx->arena, STR("deleted"));
    return tell(t, ctx, "test_case.deleted", req->case_id, name);
}
