/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/id.h"
#include "tests/tst_store.h"
#include "tests_sql.h"

/* Columns of suite_list, suite_list_filtered and suite_get. */
enum {
    C_ID,
    C_PUBLIC_ID,
    C_UUID,
    C_NAME,
    C_DESCRIPTION,
    C_APP_ID,
    C_APP_PUBLIC_ID,
    C_APP_NAME,
    C_PLATFORM,
    C_CASE_COUNT,
    C_RESET,
    C_CONTEXT,
    C_VARIABLES,
    C_WARN,
    C_FAIL,
    C_LAST_STATUS,
    C_LAST_AT,
    C_CREATED,
    C_UPDATED,
    C_TAG_NAMES,
    C_TAG_DISPLAYS
};

static void
set_optional_i64(const struct db_result *res, int row, int col, protobuf_c_boolean *has, int64_t *v)
{
    *has = !db_is_null(res, row, col);
    *v = *has ? db_i64(res, row, col) : 0;
}

static enum rc
fill_tags(struct ctx *ctx, const struct db_result *res, int row, Assay__Suite *s)
{
    size_t n = 0;
    size_t m = 0;
    struct str *names = db_strs(res, row, C_TAG_NAMES, &n);
    struct str *displays = db_strs(res, row, C_TAG_DISPLAYS, &m);

    if (n == 0) {
        return RC_OK;
    }
    s->tags = ARENA_ARRAY(ctx->arena, n, Assay__SuiteTag *);
    Assay__SuiteTag *tags = ARENA_ARRAY(ctx->arena, n, Assay__SuiteTag);
    if (s->tags == NULL || tags == NULL || n != m) {
        return fail(ctx, RC_INTERNAL, "BAD_TAGS", "tags cannot be read");
    }
    for (size_t i = 0; i < n; i++) {
        assay__suite_tag__init(&tags[i]);
        tags[i].name = pb_strz(ctx->arena, names[i]);
        tags[i].display_name = pb_strz(ctx->arena, displays[i]);
        s->tags[i] = &tags[i];
    }
    s->n_tags = n;
    return RC_OK;
}

static enum rc
fill_suite(struct ctx *ctx, const struct db_result *res, int row, Assay__Suite *s)
{
    assay__suite__init(s);
    s->id = db_i64(res, row, C_ID);
    s->public_id = db_strz(res, row, C_PUBLIC_ID);
    s->uuid = db_strz(res, row, C_UUID);
    s->name = db_strz(res, row, C_NAME);
    s->description = db_strz(res, row, C_DESCRIPTION);
    set_optional_i64(res, row, C_APP_ID, &s->has_app_id, &s->app_id);
    s->app_public_id = db_strz(res, row, C_APP_PUBLIC_ID);
    s->app_name = db_strz(res, row, C_APP_NAME);
    s->platform = db_strz(res, row, C_PLATFORM);
    s->case_count = db_i64(res, row, C_CASE_COUNT);
    s->reset_strategy = db_strz(res, row, C_RESET);
    s->context = db_strz(res, row, C_CONTEXT);
    s->variables = pb_bytes(ctx->arena, db_str(res, row, C_VARIABLES));
    set_optional_i64(res, row, C_WARN, &s->has_visual_regression_warn_pct,
                     &s->visual_regression_warn_pct);
    set_optional_i64(res, row, C_FAIL, &s->has_visual_regression_fail_pct,
                     &s->visual_regression_fail_pct);
    s->last_run_status = db_strz(res, row, C_LAST_STATUS);
    s->has_last_run_at = !db_is_null(res, row, C_LAST_AT);
    s->last_run_at = s->has_last_run_at ? db_time_us(res, row, C_LAST_AT) : 0;
    s->created_at = db_time_us(res, row, C_CREATED);
    s->updated_at = db_time_us(res, row, C_UPDATED);
    return fill_tags(ctx, res, row, s);
}

static enum rc
fill_list(struct ctx *ctx, const struct db_result *res, Assay__Suite ***out, size_t *out_count)
{
    size_t n = (size_t)db_rows(res);
    Assay__Suite *suites = ARENA_ARRAY(ctx->arena, n + 1, Assay__Suite);
    Assay__Suite **list = ARENA_ARRAY(ctx->arena, n + 1, Assay__Suite *);

    if (suites == NULL || list == NULL) {
        return fail_memory(ctx, "too many suites");
    }
    for (size_t i = 0; i < n; i++) {
        enum rc rc = fill_suite(ctx, res, (int)i, &suites[i]);
        if (rc != RC_OK) {
            return rc;
        }
        list[i] = &suites[i];
    }
    *out = list;
    *out_count = n;
    return RC_OK;
}

enum rc
tst_suite_list(struct tests *t, struct ctx *ctx, const char *app_public_id, const struct str *tags,
               size_t tag_count, bool all_tags, Assay__Suite ***out, size_t *out_count)
{
    const struct db_result *res = NULL;
    enum rc rc;

    /* The plain list is the hot one: its own statement keeps its plan free of conditions. */
    if (app_public_id == NULL && tag_count == 0) {
        rc = DB_QUERY(t->db, ctx, Q_SUITE_LIST, &res, DB_ARG_I64(ctx->who.org_id));
    } else {
        rc = DB_QUERY(t->db, ctx, Q_SUITE_LIST_FILTERED, &res, DB_ARG_I64(ctx->who.org_id),
                      DB_ARG_Z(app_public_id), DB_ARG_STRS(tags, tag_count), DB_ARG_BOOL(all_tags));
    }
    return rc == RC_OK ? fill_list(ctx, res, out, out_count) : rc;
}

enum rc
tst_suite_get(struct tests *t, struct ctx *ctx, struct tst_key key, Assay__Suite **out)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_SUITE_GET, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(key.text), key.id > 0 ? DB_ARG_I64(key.id) : DB_ARG_NULL);
    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return fail(ctx, RC_NOT_FOUND, "SUITE_NOT_FOUND", "no such suite");
    }
    Assay__Suite *s = ARENA_NEW(ctx->arena, Assay__Suite);
    if (s == NULL) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    *out = s;
    return fill_suite(ctx, res, 0, s);
}

/* Remembers new tags and reads the display names that stand. */
static enum rc
settle_tags(struct tests *t, struct ctx *ctx, const struct tst_tags *tags,
            struct str **out_displays)
{
    const struct db_result *res = NULL;
    size_t n = 0;

    *out_displays = tags->displays;
    if (tags->count == 0) {
        return RC_OK;
    }
    enum rc rc =
        DB_QUERY(t->db, ctx, Q_TAGS_REMEMBER, NULL, DB_ARG_I64(ctx->who.org_id),
                 DB_ARG_STRS(tags->names, tags->count), DB_ARG_STRS(tags->displays, tags->count));
    if (rc == RC_OK) {
        rc = DB_QUERY(t->db, ctx, Q_TAGS_DISPLAYS, &res, DB_ARG_I64(ctx->who.org_id),
                      DB_ARG_STRS(tags->names, tags->count));
    }
    if (rc == RC_OK) {
        struct str *displays = db_strs(res, 0, 0, &n);
        *out_displays = n == tags->count ? displays : tags->displays;
    }
    return rc;
}

enum rc
tst_suite_insert(struct tests *t, struct ctx *ctx, const struct tst_suite_new *suite,
                 Assay__Suite **out)
{
    char public_id[32];
    struct str *displays = NULL;

    id_public("suite_", public_id);
    enum rc rc = settle_tags(t, ctx, &suite->tags, &displays);
    if (rc == RC_OK) {
        rc = DB_QUERY(t->db, ctx, Q_SUITE_INSERT, NULL, DB_ARG_STR(str_z(public_id)),
                      DB_ARG_I64(ctx->who.org_id), DB_ARG_Z(suite->name),
                      DB_ARG_Z(suite->description),
                      suite->app_id > 0 ? DB_ARG_I64(suite->app_id) : DB_ARG_NULL,
                      DB_ARG_Z(suite->platform), DB_ARG_STRS(suite->tags.names, suite->tags.count),
                      DB_ARG_STRS(displays, suite->tags.count));
    }
    if (rc != RC_OK) {
        return rc;
    }
    return tst_suite_get(t, ctx, (struct tst_key){.text = arena_strz(ctx->arena, str_z(public_id))},
                         out);
}

/* The request's field numbers, for explicit nulls. */
enum { F_DESCRIPTION = 3, F_CONTEXT = 5, F_WARN = 7, F_FAIL = 8 };

enum rc
tst_suite_update(struct tests *t, struct ctx *ctx, int64_t id, const Assay__UpdateSuiteRequest *req,
                 const struct tst_tags *tags)
{
    struct str *displays = NULL;
    enum rc rc = tags == NULL ? RC_OK : settle_tags(t, ctx, tags, &displays);

    if (rc != RC_OK) {
        return rc;
    }
    return DB_QUERY(
        t->db, ctx, Q_SUITE_UPDATE, NULL, DB_ARG_I64(ctx->who.org_id), DB_ARG_I64(id),
        DB_ARG_Z(req->name),
        DB_ARG_BOOL(req->description != NULL || PB_WAS_NULL(req, F_DESCRIPTION)),
        DB_ARG_Z(req->description), DB_ARG_Z(req->reset_strategy),
        DB_ARG_BOOL(req->context != NULL || PB_WAS_NULL(req, F_CONTEXT)), DB_ARG_Z(req->context),
        req->has_variables
            ? DB_ARG_STR(str_n((const char *)req->variables.data, req->variables.len))
            : DB_ARG_NULL,
        DB_ARG_BOOL(req->has_visual_regression_warn_pct || PB_WAS_NULL(req, F_WARN)),
        req->has_visual_regression_warn_pct ? DB_ARG_I64(req->visual_regression_warn_pct)
                                            : DB_ARG_NULL,
        DB_ARG_BOOL(req->has_visual_regression_fail_pct || PB_WAS_NULL(req, F_FAIL)),
        req->has_visual_regression_fail_pct ? DB_ARG_I64(req->visual_regression_fail_pct)
                                            : DB_ARG_NULL,
        tags == NULL ? DB_ARG_NULL : DB_ARG_STRS(tags->names, tags->count),
        tags == NULL ? DB_ARG_NULL : DB_ARG_STRS(displays, tags->count));
}

enum rc
tst_suite_delete(struct tests *t, struct ctx *ctx, const char *public_id, struct str *out_name)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_SUITE_DELETE, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(public_id));
    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return fail(ctx, RC_NOT_FOUND, "SUITE_NOT_FOUND", "no such suite");
    }
    *out_name = db_str(res, 0, 1);
    return RC_OK;
}
