/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"
#include "tests/tst_store.h"
#include "tests_sql.h"

/* Columns of case_get and the case lists. */
enum {
    C_ID,
    C_PUBLIC_ID,
    C_UUID,
    C_SUITE_ID,
    C_APP_PUBLIC_ID,
    C_NAME,
    C_MODE,
    C_STEPS,
    C_ASSERTIONS,
    C_STEP_COUNT,
    C_RECORDING,
    C_SUMMARY,
    C_MAPPINGS,
    C_WIDTH,
    C_HEIGHT,
    C_PLATFORM,
    C_FUZZY,
    C_REUSABLE,
    C_SUB_FLOWS,
    C_CONTEXT,
    C_CREATED,
    C_UPDATED,
    C_APP_ID,
    C_RECENT
};

static Assay__CaseSourceRecordingSummary *
read_summary(struct ctx *ctx, struct str json)
{
    const struct json_value *v = NULL;
    Assay__CaseSourceRecordingSummary *s = ARENA_NEW(ctx->arena, Assay__CaseSourceRecordingSummary);

    if (s == NULL || json_parse(json, ctx->arena, &v, NULL) != RC_OK) {
        return NULL;
    }
    assay__case_source_recording_summary__init(s);
    s->total_actions = json_i64(json_get(v, "total_actions"), 0);
    const struct json_value *counts = json_get(v, "gesture_counts");
    s->gesture_counts = pb_bytes(ctx->arena, counts == NULL ? STR("{}") : counts->raw);
    return s;
}

static char **
read_strings(struct ctx *ctx, const struct db_result *res, int row, int col, size_t *out_n)
{
    struct str *items = db_strs(res, row, col, out_n);
    char **list = ARENA_ARRAY(ctx->arena, *out_n + 1, char *);

    for (size_t i = 0; list != NULL && i < *out_n; i++) {
        list[i] = pb_strz(ctx->arena, items[i]);
    }
    return list;
}

/* Assay__Case and Assay__CaseItem have the same members; protobuf-c gives them no common type. */
#define FILL_CASE(c)                                                                               \
    do {                                                                                           \
        (c)->id = db_i64(res, row, C_ID);                                                          \
        (c)->public_id = db_strz(res, row, C_PUBLIC_ID);                                           \
        (c)->uuid = db_strz(res, row, C_UUID);                                                     \
        (c)->has_suite_id = !db_is_null(res, row, C_SUITE_ID);                                     \
        (c)->suite_id = db_i64(res, row, C_SUITE_ID);                                              \
        (c)->app_public_id = db_strz(res, row, C_APP_PUBLIC_ID);                                   \
        (c)->name = db_strz(res, row, C_NAME);                                                     \
        (c)->mode = db_strz(res, row, C_MODE);                                                     \
        (c)->steps = pb_bytes(ctx->arena, db_str(res, row, C_STEPS));                              \
        (c)->assertions = pb_bytes(ctx->arena, db_str(res, row, C_ASSERTIONS));                    \
        (c)->step_count = db_i64(res, row, C_STEP_COUNT);                                          \
        (c)->has_source_recording = !db_is_null(res, row, C_RECORDING);                            \
        if ((c)->has_source_recording) {                                                           \
            (c)->source_recording_summary = read_summary(ctx, db_str(res, row, C_SUMMARY));        \
            (c)->has_source_gesture_list = 1;                                                      \
            (c)->source_gesture_list = pb_bytes(ctx->arena, db_str(res, row, C_RECORDING));        \
        }                                                                                          \
        (c)->has_step_gesture_groups = !db_is_null(res, row, C_MAPPINGS);                          \
        (c)->step_gesture_groups = pb_bytes(ctx->arena, db_str(res, row, C_MAPPINGS));             \
        (c)->has_source_device_width = !db_is_null(res, row, C_WIDTH);                             \
        (c)->source_device_width = db_i64(res, row, C_WIDTH);                                      \
        (c)->has_source_device_height = !db_is_null(res, row, C_HEIGHT);                           \
        (c)->source_device_height = db_i64(res, row, C_HEIGHT);                                    \
        (c)->source_platform = db_strz(res, row, C_PLATFORM);                                      \
        (c)->fuzzy_match = db_bool(res, row, C_FUZZY);                                             \
        (c)->is_reusable = db_bool(res, row, C_REUSABLE);                                          \
        (c)->sub_flow_ids = read_strings(ctx, res, row, C_SUB_FLOWS, &(c)->n_sub_flow_ids);        \
        (c)->context = db_strz(res, row, C_CONTEXT);                                               \
        (c)->created_at = db_time_us(res, row, C_CREATED);                                         \
        (c)->updated_at = db_time_us(res, row, C_UPDATED);                                         \
    } while (0)

static void
fill_case(struct ctx *ctx, const struct db_result *res, int row, Assay__Case *c)
{
    assay__case__init(c);
    FILL_CASE(c);
}

static void
fill_item(struct ctx *ctx, const struct db_result *res, int row, Assay__CaseItem *c)
{
    assay__case_item__init(c);
    FILL_CASE(c);
    c->recent_run_statuses = read_strings(ctx, res, row, C_RECENT, &c->n_recent_run_statuses);
}

static enum rc
out_of_memory(struct ctx *ctx)
{
    return fail_memory(ctx, "the cases need too much memory");
}

enum rc
tst_case_get(struct tests *t, struct ctx *ctx, struct tst_key key, Assay__Case **out,
             int64_t *out_app_id)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_CASE_GET, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(key.text), key.id > 0 ? DB_ARG_I64(key.id) : DB_ARG_NULL);
    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return fail(ctx, RC_NOT_FOUND, "CASE_NOT_FOUND", "no such case");
    }
    Assay__Case *c = ARENA_NEW(ctx->arena, Assay__Case);
    if (c == NULL) {
        return out_of_memory(ctx);
    }
    fill_case(ctx, res, 0, c);
    *out = c;
    if (out_app_id != NULL) {
        *out_app_id = db_i64(res, 0, C_APP_ID);
    }
    return arena_failed(ctx->arena) ? out_of_memory(ctx) : RC_OK;
}

enum rc
tst_cases_of_suite(struct tests *t, struct ctx *ctx, int64_t suite_id, Assay__Case ***out,
                   size_t *out_count)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_CASE_LIST_OF_SUITE, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_I64(suite_id));
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    Assay__Case *cases = ARENA_ARRAY(ctx->arena, n + 1, Assay__Case);
    Assay__Case **list = ARENA_ARRAY(ctx->arena, n + 1, Assay__Case *);
    for (size_t i = 0; cases != NULL && list != NULL && i < n; i++) {
        fill_case(ctx, res, (int)i, &cases[i]);
        list[i] = &cases[i];
    }
    *out = list;
    *out_count = n;
    return arena_failed(ctx->arena) ? out_of_memory(ctx) : RC_OK;
}

enum rc
tst_cases_standalone(struct tests *t, struct ctx *ctx, const bool *reusable, Assay__CaseItem ***out,
                     size_t *out_count)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_CASE_LIST_STANDALONE, &res, DB_ARG_I64(ctx->who.org_id),
                          reusable == NULL ? DB_ARG_NULL : DB_ARG_BOOL(*reusable));
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    Assay__CaseItem *cases = ARENA_ARRAY(ctx->arena, n + 1, Assay__CaseItem);
    Assay__CaseItem **list = ARENA_ARRAY(ctx->arena, n + 1, Assay__CaseItem *);
    for (size_t i = 0; cases != NULL && list != NULL && i < n; i++) {
        fill_item(ctx, res, (int)i, &cases[i]);
        list[i] = &cases[i];
    }
    *out = list;
    *out_count = n;
    return arena_failed(ctx->arena) ? out_of_memory(ctx) : RC_OK;
}

static struct db_arg
json_arg(ProtobufCBinaryData json)
{
    return json.data == NULL ? DB_ARG_NULL : DB_ARG_STR(str_n((const char *)json.data, json.len));
}

static struct db_arg
positive_arg(int64_t v)
{
    return v > 0 ? DB_ARG_I64(v) : DB_ARG_NULL;
}

static struct db_arg
text_arg(struct str s)
{
    return s.p == NULL ? DB_ARG_NULL : DB_ARG_STR(s);
}

enum rc
tst_case_save(struct tests *t, struct ctx *ctx, const struct tst_case_new *c, bool upsert,
              Assay__Case **out)
{
    const struct db_result *res = NULL;
    char public_id[32];
    enum rc rc;

    id_public("case_", public_id);
    struct db_arg assertions =
        c->assertions.data == NULL ? DB_ARG_STR(STR("[]")) : json_arg(c->assertions);
    if (upsert) {
        rc = DB_QUERY(t->db, ctx, Q_CASE_UPSERT_STANDALONE, &res, DB_ARG_STR(str_z(public_id)),
                      DB_ARG_I64(ctx->who.org_id), positive_arg(c->app_id), DB_ARG_Z(c->name),
                      DB_ARG_Z(c->mode), json_arg(c->steps), assertions, DB_ARG_I64(c->step_count),
                      json_arg(c->recording), text_arg(c->summary), positive_arg(c->device_width),
                      positive_arg(c->device_height), DB_ARG_Z(c->source_platform),
                      DB_ARG_BOOL(c->fuzzy_match), DB_ARG_Z(c->context));
    } else {
        rc = DB_QUERY(t->db, ctx, Q_CASE_INSERT, &res, DB_ARG_STR(str_z(public_id)),
                      DB_ARG_I64(ctx->who.org_id), positive_arg(c->suite_id),
                      positive_arg(c->app_id), DB_ARG_Z(c->name), DB_ARG_Z(c->mode),
                      json_arg(c->steps), assertions, DB_ARG_I64(c->step_count),
                      json_arg(c->recording), text_arg(c->summary), positive_arg(c->device_width),
                      positive_arg(c->device_height), DB_ARG_Z(c->source_platform),
                      DB_ARG_BOOL(c->fuzzy_match), DB_ARG_Z(c->context));
    }
    if (rc != RC_OK) {
        return rc;
    }
    return tst_case_get(t, ctx, (struct tst_key){.id = db_i64(res, 0, 0)}, out, NULL);
}

enum { F_CONTEXT = 5 };

enum rc
tst_case_update(struct tests *t, struct ctx *ctx, int64_t id, const struct tst_case_change *change)
{
    const Assay__UpdateCaseRequest *req = change->req;
    struct str *flows = NULL;

    if (change->sub_flows != NULL) {
        flows = ARENA_ARRAY(ctx->arena, change->sub_flow_count + 1, struct str);
        for (size_t i = 0; flows != NULL && i < change->sub_flow_count; i++) {
            flows[i] = str_z(change->sub_flows[i]);
        }
    }
    return DB_QUERY(t->db, ctx, Q_CASE_UPDATE, NULL, DB_ARG_I64(ctx->who.org_id), DB_ARG_I64(id),
                    DB_ARG_Z(req->name), req->has_steps ? json_arg(req->steps) : DB_ARG_NULL,
                    change->step_count >= 0 ? DB_ARG_I64(change->step_count) : DB_ARG_NULL,
                    req->has_assertions ? json_arg(req->assertions) : DB_ARG_NULL,
                    DB_ARG_BOOL(req->context != NULL || PB_WAS_NULL(req, F_CONTEXT)),
                    DB_ARG_Z(req->context), positive_arg(change->app_id),
                    flows == NULL ? DB_ARG_NULL : DB_ARG_STRS(flows, change->sub_flow_count),
                    req->has_source_recording ? json_arg(req->source_recording) : DB_ARG_NULL,
                    text_arg(change->summary),
                    req->has_fuzzy_match ? DB_ARG_BOOL(req->fuzzy_match) : DB_ARG_NULL,
                    req->has_is_reusable ? DB_ARG_BOOL(req->is_reusable) : DB_ARG_NULL);
}

enum rc
tst_case_delete(struct tests *t, struct ctx *ctx, const char *public_id, struct str *out_name)
{
    const struct db_result *res = NULL;

    enum rc rc =
        DB_QUERY(t->db, ctx, Q_CASE_DELETE, &res, DB_ARG_I64(ctx->who.org_id), DB_ARG_Z(public_id));
    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return fail(ctx, RC_NOT_FOUND, "CASE_NOT_FOUND", "no such case");
    }
    *out_name = db_str(res, 0, 1);
    return RC_OK;
}

enum rc
tst_sub_flows_lock(struct tests *t, struct ctx *ctx)
{
    return DB_QUERY(t->db, ctx, Q_SUB_FLOWS_LOCK, NULL, DB_ARG_I64(ctx->who.org_id));
}

enum rc
tst_sub_flows(struct tests *t, struct ctx *ctx, const struct str *ids, size_t count,
              struct tst_sub_flow **out, size_t *out_count)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_SUB_FLOWS, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_STRS(ids, count));
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    struct tst_sub_flow *list = ARENA_ARRAY(ctx->arena, n + 1, struct tst_sub_flow);
    for (size_t i = 0; list != NULL && i < n; i++) {
        list[i].public_id = db_str(res, (int)i, 0);
        list[i].is_reusable = db_bool(res, (int)i, 1);
        list[i].next = db_strs(res, (int)i, 2, &list[i].next_count);
    }
    *out = list;
    *out_count = n;
    return arena_failed(ctx->arena) ? out_of_memory(ctx) : RC_OK;
}
