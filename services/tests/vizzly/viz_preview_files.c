/* SPDX-License-Identifier: Apache-2.0
 *
 * Static previews are shown, taken down, and removed when their time is over. */
#include <string.h>

#include "tests/vizzly/viz.h"
#include "tests_sql.h"

/* Contents a sweep removes at a time. */
#define SWEEP_MAX 50

char *
viz_preview_url(struct ctx *ctx, struct str token, struct str base)
{
    struct buf b;

    buf_init(&b, (size_t)8192);
    buf_printf(&b, "%.*s/previews/%.*s/", STR_ARG(ctx->host), STR_ARG(token));
    for (size_t i = 0; i < base.n; i++) {
        char c = base.p[i];
        if (ch_is_alpha(c) || ch_is_digit(c) || strchr("-._~/", c) != NULL) {
            buf_putc(&b, c);
        } else {
            buf_printf(&b, "%%%02X", (unsigned char)c);
        }
    }
    buf_putz(&b, base.n > 0 ? "/" : "");
    char *url = pb_strz(ctx->arena, buf_str(&b));
    buf_fini(&b);
    return url;
}

struct str
viz_preview_suffix(struct arena *arena, int64_t org_id)
{
    return arena_printf(arena, "-preview-%lld", (long long)org_id);
}

/* --- what a build shows -------------------------------------------------------------------- */

enum rc
viz_preview_read(struct tests *t, struct ctx *ctx, const char *build_id, Assay__SdkPreview **out)
{
    const struct db_result *res = NULL;

    *out = NULL;
    enum rc rc = DB_QUERY(t->db, ctx, Q_VIZ_PREVIEW_GET, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(build_id));
    if (rc != RC_OK || db_rows(res) == 0) {
        return rc;
    }
    Assay__SdkPreview *m = PB_NEW(ctx->arena, Assay__SdkPreview, assay__sdk_preview);
    if (m == NULL) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    m->url = viz_preview_url(ctx, db_str(res, 0, 0), db_str(res, 0, 1));
    m->status = pb_strz(ctx->arena, STR("ready"));
    m->file_count = db_i64(res, 0, 2);
    m->expires_at = db_time_us(res, 0, 3);
    *out = m;
    return RC_OK;
}

/* As the command line reads it; null, which no message can be, without a preview. */
static struct str
preview_json(struct ctx *ctx, const Assay__SdkPreview *preview)
{
    char at[CLK_TEXT_MAX];
    struct buf b;

    if (preview == NULL) {
        return STR("null");
    }
    (void)clk_format(preview->expires_at, CLK_Z, at);
    buf_init(&b, (size_t)16384);
    buf_putc(&b, '{');
    json_put_member_str(&b, "preview_url", str_z(preview->url));
    json_put_member_str(&b, "status", str_z(preview->status));
    json_put_member_i64(&b, "file_count", preview->file_count);
    json_put_member_str(&b, "expires_at", str_z(at));
    buf_putc(&b, '}');
    struct str json = arena_str(ctx->arena, buf_str(&b));
    buf_fini(&b);
    return json;
}

enum rc
tests_get_sdk_preview(struct tests *t, struct ctx *ctx, const Assay__GetSdkPreviewRequest *req,
                      Assay__Text *resp)
{
    Assay__SdkPreview *preview = NULL;
    struct viz_head head;
    enum rc rc = viz_build_head(t, ctx, req->build_id, &head);

    rc = rc == RC_OK ? viz_preview_read(t, ctx, head.id, &preview) : rc;
    if (rc == RC_OK) {
        resp->content_type = pb_strz(ctx->arena, STR("application/json; charset=utf-8"));
        resp->body = pb_bytes(ctx->arena, preview_json(ctx, preview));
    }
    return rc;
}

enum rc
tests_delete_sdk_preview(struct tests *t, struct ctx *ctx,
                         const Assay__DeleteSdkPreviewRequest *req,
                         Assay__DeleteSdkPreviewResponse *resp)
{
    const struct db_result *res = NULL;
    struct viz_head head;
    enum rc rc = viz_build_head(t, ctx, req->build_id, &head);

    rc = rc == RC_OK ? DB_QUERY(t->db, ctx, Q_VIZ_PREVIEW_DELETE, &res, DB_ARG_I64(ctx->who.org_id),
                                DB_ARG_Z(head.id))
                     : rc;
    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0 || !db_bool(res, 0, 0)) {
        return fail(ctx, RC_NOT_FOUND, "PREVIEW_NOT_FOUND", "the build has no preview");
    }
    struct svc_event event = {
        .type = "visual_preview.removed",
        .tell = TELL_AUDIT,
        .resource_type = STR("visual_build"),
        .resource_id = str_z(head.id),
        .resource_name = str_z(head.name),
    };
    resp->message = pb_strz(ctx->arena, STR("Preview removed"));
    return svc_emit(t->db, ctx, &event);
}

/* --- files --------------------------------------------------------------------------------- */

static const struct {
    struct str ending;
    const char *type;
} TYPES[] = {
    {STR_INIT(".html"), "text/html; charset=utf-8"},
    {STR_INIT(".htm"), "text/html; charset=utf-8"},
    {STR_INIT(".js"), "text/javascript; charset=utf-8"},
    {STR_INIT(".mjs"), "text/javascript; charset=utf-8"},
    {STR_INIT(".css"), "text/css; charset=utf-8"},
    {STR_INIT(".json"), "application/json; charset=utf-8"},
    {STR_INIT(".webmanifest"), "application/manifest+json; charset=utf-8"},
    {STR_INIT(".xml"), "application/xml; charset=utf-8"},
    {STR_INIT(".txt"), "text/plain; charset=utf-8"},
    {STR_INIT(".md"), "text/plain; charset=utf-8"},
    {STR_INIT(".csv"), "text/csv; charset=utf-8"},
    {STR_INIT(".map"), "application/json; charset=utf-8"},
    {STR_INIT(".svg"), "image/svg+xml"},
    {STR_INIT(".png"), "image/png"},
    {STR_INIT(".jpg"), "image/jpeg"},
    {STR_INIT(".jpeg"), "image/jpeg"},
    {STR_INIT(".gif"), "image/gif"},
    {STR_INIT(".webp"), "image/webp"},
    {STR_INIT(".avif"), "image/avif"},
    {STR_INIT(".ico"), "image/x-icon"},
    {STR_INIT(".woff"), "font/woff"},
    {STR_INIT(".woff2"), "font/woff2"},
    {STR_INIT(".ttf"), "font/ttf"},
    {STR_INIT(".otf"), "font/otf"},
    {STR_INIT(".wasm"), "application/wasm"},
    {STR_INIT(".pdf"), "application/pdf"},
    {STR_INIT(".mp4"), "video/mp4"},
    {STR_INIT(".webm"), "video/webm"},
    {STR_INIT(".mp3"), "audio/mpeg"},
    {STR_INIT(".ogg"), "audio/ogg"},
    {STR_INIT(".wav"), "audio/wav"},
};

static const char *
type_of(struct str path)
{
    for (size_t i = 0; i < ARRAY_LEN(TYPES); i++) {
        size_t n = TYPES[i].ending.n;
        if (path.n >= n && str_ieq(str_sub(path, path.n - n, path.n), TYPES[i].ending)) {
            return TYPES[i].type;
        }
    }
    return "application/octet-stream";
}

enum rc
tests_get_preview_file(struct tests *t, struct ctx *ctx, const Assay__GetPreviewFileRequest *req,
                       Assay__Blob *resp)
{
    const struct db_result *res = NULL;
    struct str path = req->path == NULL ? STR_EMPTY : str_z(req->path);

    path.n -= path.n > 0 && path.p[path.n - 1] == '/';
    struct str asked[] = {path,
                          path.n == 0 ? STR("index.html")
                                      : arena_printf(ctx->arena, "%.*s/index.html", STR_ARG(path)),
                          arena_printf(ctx->arena, "%.*s.html", STR_ARG(path))};
    enum rc rc = DB_QUERY(t->db, ctx, Q_VIZ_PREVIEW_FILE, &res, DB_ARG_Z(req->token),
                          DB_ARG_STRS(asked, ARRAY_LEN(asked)));
    if (rc == RC_OK && db_rows(res) == 0) {
        return fail(ctx, RC_NOT_FOUND, "FILE_NOT_FOUND", "no such file");
    }
    if (rc != RC_OK) {
        return rc;
    }
    struct str found = db_str(res, 0, 0);
    struct str suffix = viz_preview_suffix(ctx->arena, db_i64(res, 0, 2));
    resp->sha256 = db_strz(res, 0, 1);
    resp->key =
        pb_strz(ctx->arena, arena_printf(ctx->arena, "%s%.*s", resp->sha256, STR_ARG(suffix)));
    resp->content_type = pb_strz(ctx->arena, str_z(type_of(found)));
    PB_SET(resp, hosted, 1);
    PB_SET(resp, index, str_eq(found, asked[1]));
    return RC_OK;
}

/* --- the end ------------------------------------------------------------------------------- */

/* Removes what nobody shows. Its rows are locked, and not offered to uploads any more. */
static enum rc
remove_contents(struct tests *t, struct ctx *ctx, int *out_count)
{
    const struct db_result *res = NULL;
    int64_t orgs[SWEEP_MAX];
    struct str digests[SWEEP_MAX];

    enum rc rc = DB_QUERY0(t->db, ctx, Q_VIZ_PREVIEW_BLOBS_TAKE, &res);
    int n = rc == RC_OK ? db_rows(res) : 0;
    for (int i = 0; rc == RC_OK && i < n; i++) {
        struct str suffix = viz_preview_suffix(ctx->arena, db_i64(res, i, 0));
        orgs[i] = db_i64(res, i, 0);
        digests[i] = db_str(res, i, 1);
        rc =
            blob_delete(t->blobs, ctx,
                        arena_printf(ctx->arena, "%.*s%.*s", STR_ARG(digests[i]), STR_ARG(suffix)));
    }
    *out_count = n;
    return rc == RC_OK && n > 0
               ? DB_QUERY(t->db, ctx, Q_VIZ_PREVIEW_BLOBS_REMOVE, NULL,
                          DB_ARG_I64S(orgs, (size_t)n), DB_ARG_STRS(digests, (size_t)n))
               : rc;
}

bool
viz_preview_sweep(void *state, struct ctx *ctx)
{
    struct tests *t = state;
    int n = 0;

    if (DB_QUERY0(t->db, ctx, Q_VIZ_PREVIEWS_END, NULL) != RC_OK ||
        DB_QUERY0(t->db, ctx, Q_VIZ_PREVIEW_BLOBS_LOOK, NULL) != RC_OK ||
        db_begin(t->db, ctx) != RC_OK) {
        return false;
    }
    if (remove_contents(t, ctx, &n) != RC_OK) {
        db_rollback(t->db, ctx);
        return false;
    }
    return db_commit(t->db, ctx) == RC_OK && n == SWEEP_MAX;
}
