/* SPDX-License-Identifier: Apache-2.0
 *
 * Apps under test. */
#include "base/id.h"
#include "sessions/sessions.h"
#include "sessions_sql.h"

/* Path values take the number or the public id. */
static struct db_arg
number_arg(const char *id)
{
    int64_t n = 0;

    return str_to_i64(str_z(id), 1, INT64_MAX, &n) == RC_OK ? DB_ARG_I64(n) : DB_ARG_NULL;
}

static enum rc
not_found(struct ctx *ctx)
{
    return fail(ctx, RC_NOT_FOUND, "APP_NOT_FOUND", "no such app");
}

enum rc
sessions_create_app(struct sessions *s, struct ctx *ctx, const Assay__CreateAppRequest *req,
                    Assay__CreateAppResponse *resp)
{
    const struct db_result *res = NULL;
    char public_id[32];

    id_public("app_", public_id);
    enum rc rc =
        DB_QUERY(s->db, ctx, Q_APP_INSERT, &res, DB_ARG_Z(public_id), DB_ARG_I64(ctx->who.org_id),
                 DB_ARG_Z(req->name), DB_ARG_Z(req->platform), DB_ARG_Z(req->url));
    if (rc != RC_OK) {
        return rc;
    }
    resp->id = db_i64(res, 0, 0);
    resp->public_id = db_strz(res, 0, 1);
    resp->name = db_strz(res, 0, 2);
    resp->package_name = db_strz(res, 0, 3);
    resp->platform = db_strz(res, 0, 4);
    resp->url = db_strz(res, 0, 5);
    resp->icon_url = db_strz(res, 0, 6);
    resp->created_at = db_time_us(res, 0, 7);
    struct svc_event event = {
        .type = "app.created",
        .tell = TELL_AUDIT,
        .resource_type = STR("app"),
        .resource_id = str_z(resp->public_id),
        .resource_name = str_z(resp->name),
    };
    return svc_emit(s->db, ctx, &event);
}

enum rc
sessions_list_apps(struct sessions *s, struct ctx *ctx, const Assay__ListAppsRequest *req,
                   Assay__ListAppsResponse *resp)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(s->db, ctx, Q_APP_LIST, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(req->platform));
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    Assay__App *apps = ARENA_ARRAY(ctx->arena, n + 1, Assay__App);
    resp->items = ARENA_ARRAY(ctx->arena, n + 1, Assay__App *);
    if (apps == NULL || resp->items == NULL) {
        return fail_memory(ctx, "too many apps");
    }
    for (int i = 0; i < (int)n; i++) {
        assay__app__init(&apps[i]);
        apps[i].id = db_i64(res, i, 0);
        apps[i].public_id = db_strz(res, i, 1);
        apps[i].name = db_strz(res, i, 2);
        apps[i].package_name = db_strz(res, i, 3);
        apps[i].platform = db_strz(res, i, 4);
        apps[i].url = db_strz(res, i, 5);
        apps[i].icon_url = db_strz(res, i, 6);
        apps[i].created_at = db_time_us(res, i, 7);
        apps[i].has_last_started_at = !db_is_null(res, i, 8);
        apps[i].last_started_at = db_time_us(res, i, 8);
        apps[i].updated_at = db_time_us(res, i, 9);
        resp->items[i] = &apps[i];
    }
    resp->n_items = n;
    return RC_OK;
}

static enum rc
fill_builds(struct sessions *s, struct ctx *ctx, Assay__GetAppResponse *resp)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(s->db, ctx, Q_BUILDS_OF_APP, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_I64(resp->id));
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    Assay__GetAppResponseBuild *builds = ARENA_ARRAY(ctx->arena, n + 1, Assay__GetAppResponseBuild);
    resp->builds = ARENA_ARRAY(ctx->arena, n + 1, Assay__GetAppResponseBuild *);
    if (builds == NULL || resp->builds == NULL) {
        return fail_memory(ctx, "too many builds");
    }
    for (int i = 0; i < (int)n; i++) {
        Assay__GetAppResponseBuild *b = &builds[i];
        size_t permissions = 0;
        assay__get_app_response_build__init(b);
        b->id = db_i64(res, i, 0);
        b->version = db_strz(res, i, 1);
        b->build_number = db_strz(res, i, 2);
        b->file_size = db_i64(res, i, 3);
        b->uploaded_by = db_strz(res, i, 4);
        b->uploaded_at = db_time_us(res, i, 5);
        b->tags = pb_bytes(ctx->arena, db_str(res, i, 6));
        b->min_sdk_version = db_strz(res, i, 7);
        b->target_sdk_version = db_strz(res, i, 8);
        struct str *list = db_strs(res, i, 9, &permissions);
        b->permissions = ARENA_ARRAY(ctx->arena, permissions + 1, char *);
        for (size_t p = 0; b->permissions != NULL && p < permissions; p++) {
            b->permissions[b->n_permissions++] = pb_strz(ctx->arena, list[p]);
        }
        b->metadata = pb_bytes(ctx->arena, db_str(res, i, 10));
        b->note = db_strz(res, i, 11);
        resp->builds[i] = b;
    }
    resp->n_builds = n;
    if (n > 0) {
        resp->latest_version = builds[0].version;
        resp->latest_build_number = builds[0].build_number;
        PB_SET(resp, latest_uploaded_at, builds[0].uploaded_at);
    }
    return RC_OK;
}

enum rc
sessions_get_app(struct sessions *s, struct ctx *ctx, const Assay__GetAppRequest *req,
                 Assay__GetAppResponse *resp)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(s->db, ctx, Q_APP_GET, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(req->app_id), number_arg(req->app_id));
    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return not_found(ctx);
    }
    resp->id = db_i64(res, 0, 0);
    resp->public_id = db_strz(res, 0, 1);
    resp->name = db_strz(res, 0, 2);
    resp->package_name = db_strz(res, 0, 3);
    resp->platform = db_strz(res, 0, 4);
    resp->url = db_strz(res, 0, 5);
    resp->icon_url = db_strz(res, 0, 6);
    resp->created_at = db_time_us(res, 0, 7);
    resp->has_last_started_at = !db_is_null(res, 0, 8);
    resp->last_started_at = db_time_us(res, 0, 8);
    return fill_builds(s, ctx, resp);
}

static struct str
app_data(struct ctx *ctx, int64_t id, struct str public_id, struct str name)
{
    struct buf b;

    buf_init(&b, 16384);
    buf_putc(&b, '{');
    json_put_member_i64(&b, "app_id", id);
    json_put_member_str(&b, "app_public_id", public_id);
    json_put_member_str(&b, "name", name);
    buf_putc(&b, '}');
    struct str data = arena_str(ctx->arena, buf_str(&b));
    buf_fini(&b);
    return data;
}

enum rc
sessions_delete_app(struct sessions *s, struct ctx *ctx, const Assay__DeleteAppRequest *req,
                    Assay__StatusText *resp)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(s->db, ctx, Q_APP_DELETE, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(req->app_id), number_arg(req->app_id));
    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return not_found(ctx);
    }
    resp->status = pb_strz(ctx->arena, STR("deleted"));
    struct svc_event event = {
        .type = "app.deleted",
        .tell = TELL_AUDIT | TELL_WEBHOOKS | TELL_TESTS,
        .resource_type = STR("app"),
        .resource_id = db_str(res, 0, 1),
        .resource_name = db_str(res, 0, 2),
        .data = app_data(ctx, db_i64(res, 0, 0), db_str(res, 0, 1), db_str(res, 0, 2)),
    };
    return svc_emit(s->db, ctx, &event);
}

static enum rc
check_build(struct sessions *s, struct ctx *ctx, const Assay__ResolveAppRequest *req,
            Assay__ResolveAppResponse *resp)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(s->db, ctx, Q_BUILD_CHECK, &res, DB_ARG_I64(req->build_id),
                          DB_ARG_I64(resp->id), DB_ARG_I64(req->org_id));
    if (rc == RC_OK) {
        PB_SET(resp, build_exists, db_rows(res) > 0);
        PB_SET(resp, build_matches, db_rows(res) > 0 && db_bool(res, 0, 0));
    }
    return rc;
}

enum rc
sessions_resolve_app(struct sessions *s, struct ctx *ctx, const Assay__ResolveAppRequest *req,
                     Assay__ResolveAppResponse *resp)
{
    const struct db_result *res = NULL;

    enum rc rc =
        DB_QUERY(s->db, ctx, Q_APP_GET, &res, DB_ARG_I64(req->org_id), DB_ARG_Z(req->public_id),
                 req->has_id ? DB_ARG_I64(req->id) : DB_ARG_NULL);
    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return not_found(ctx);
    }
    resp->id = db_i64(res, 0, 0);
    resp->public_id = db_strz(res, 0, 1);
    resp->name = db_strz(res, 0, 2);
    resp->package_name = db_strz(res, 0, 3);
    resp->platform = db_strz(res, 0, 4);
    resp->url = db_strz(res, 0, 5);
    return req->has_build_id ? check_build(s, ctx, req, resp) : RC_OK;
}
