/* SPDX-License-Identifier: Apache-2.0
 *
 * Making and naming builds. */
#include <stdio.h>
#include <string.h>

#include "auth_client.h"
#include "tests/vizzly/viz.h"
#include "tests_sql.h"

/* Per cent of pixels that may differ where nobody says. Source: tests/contract. */
#define THRESHOLD_DEFAULT 0.1
/* What the command-line client compares with by itself. */
#define COLOUR_DELTA_DEFAULT 2.0
#define CLUSTER_MIN_DEFAULT 2
#define METADATA_MAX ((size_t)64 * 1024)
#define QUOTA_DETAILS_MAX 512

bool
viz_is_cli(const char *agent)
{
    struct str rest = agent == NULL ? STR_EMPTY : str_z(agent);
    struct str product = str_split(&rest, ' ');

    return str_starts(product, STR("vizzly-cli/")) && str_starts(rest, STR("("));
}

char *
viz_build_url(struct ctx *ctx, const char *id)
{
    return pb_strz(ctx->arena, arena_printf(ctx->arena, "%.*s/builds/%s", STR_ARG(ctx->host), id));
}

char *
viz_file_url(struct ctx *ctx, const char *key)
{
    return key == NULL ? NULL
                       : pb_strz(ctx->arena, arena_printf(ctx->arena, "%.*s/uploads/sdk/%s.png",
                                                          STR_ARG(ctx->host), key));
}

enum rc
viz_caller(struct tests *t, struct ctx *ctx, Assay__GetTokenContextResponse **out)
{
    Assay__GetTokenContextRequest req = ASSAY__GET_TOKEN_CONTEXT_REQUEST__INIT;

    return auth_call_get_token_context(svc_client(t->svc, SVC_AUTH), ctx, &req, out);
}

/* --- storage ------------------------------------------------------------------------------- */

/* "2.5GB" */
static struct str
size_text(struct ctx *ctx, int64_t bytes)
{
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB"};
    double n = (double)bytes;
    size_t unit = 0;

    for (; n >= 1024 && unit + 1 < ARRAY_LEN(units); unit++) {
        n /= 1024;
    }
    return arena_printf(ctx->arena, unit == 0 ? "%.0f%s" : "%.1f%s", n, units[unit]);
}

/* The text for people, and the same in bytes. */
static void
put_size(struct ctx *ctx, struct buf *b, const char *key, int64_t bytes)
{
    char exact[64];

    (void)snprintf(exact, sizeof(exact), "%sBytes", key);
    json_put_member_str(b, key, size_text(ctx, bytes));
    json_put_member_i64(b, exact, bytes);
}

enum rc
viz_refuse_quota(struct tests *t, struct ctx *ctx, int64_t used, int64_t more)
{
    enum rc rc = fail(ctx, RC_RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED", "Storage quota exceeded");
    struct buf b;

    buf_init(&b, QUOTA_DETAILS_MAX);
    buf_putc(&b, '{');
    put_size(ctx, &b, "currentUsage", used);
    put_size(ctx, &b, "limit", t->cfg->storage_quota);
    put_size(ctx, &b, "estimatedUpload", more);
    json_put_member_str(&b, "planName", STR("self-hosted"));
    buf_putc(&b, '}');
    ctx->err.data = arena_str(ctx->arena, buf_str(&b));
    buf_fini(&b);
    return rc;
}

enum rc
viz_check_quota(struct tests *t, struct ctx *ctx)
{
    const struct db_result *res = NULL;

    if (t->cfg->storage_quota == 0) {
        return RC_OK;
    }
    enum rc rc = DB_QUERY(t->db, ctx, Q_VIZ_STORAGE, &res, DB_ARG_I64(ctx->who.org_id));
    if (rc != RC_OK) {
        return rc;
    }
    int64_t used = db_i64(res, 0, 0);
    return used < t->cfg->storage_quota ? RC_OK : viz_refuse_quota(t, ctx, used, 0);
}

/* --- builds -------------------------------------------------------------------------------- */

/* How a build's pictures are looked at. */
struct look {
    double threshold, colour_delta;
    int64_t cluster_min;
};

/* The command-line client names a colour distance, and any group of pixels beyond it counts. Others
 * name per cents of pixels, and any difference of a pixel counts. */
static enum rc
read_look(struct ctx *ctx, const struct viz_build_new *build, struct look *out)
{
    const struct json_value *metadata = NULL;

    if (build->metadata.p != NULL &&
        json_parse(build->metadata, ctx->arena, &metadata, NULL) != RC_OK) {
        return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY", "build.metadata must be an object");
    }
    if (build->metadata.n > METADATA_MAX) {
        return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY", "build.metadata is too large");
    }
    const struct json_value *own = json_path(metadata, "comparison");
    if (!viz_is_cli(build->agent) && !json_is(own, JSON_OBJECT)) {
        *out =
            (struct look){.threshold = build->has_threshold ? build->threshold : THRESHOLD_DEFAULT,
                          .cluster_min = 1};
        return RC_OK;
    }
    double named = build->has_threshold ? build->threshold : COLOUR_DELTA_DEFAULT;
    double delta = json_f64(json_get(own, "threshold"), named);
    int64_t cluster = json_i64(json_get(own, "minClusterSize"), CLUSTER_MIN_DEFAULT);
    *out = (struct look){.threshold = 0,
                         .colour_delta = delta >= 0 && delta <= 100 ? delta : COLOUR_DELTA_DEFAULT,
                         .cluster_min = cluster >= 1 && cluster <= 1000000 ? cluster : 1};
    return RC_OK;
}

static struct str
name_of(struct ctx *ctx, const char *name)
{
    char at[CLK_TEXT_MAX];

    if (name != NULL && name[0] != '\0') {
        return str_z(name);
    }
    (void)clk_format(clk_wall_us(), CLK_Z, at);
    return arena_printf(ctx->arena, "Build %s", at);
}

static enum rc
tell_created(struct tests *t, struct ctx *ctx, const struct viz_build *build)
{
    struct svc_event event = {
        .type = "visual_build.created",
        .tell = TELL_AUDIT,
        .resource_type = STR("visual_build"),
        .resource_id = str_z(build->id),
        .resource_name = str_z(build->name),
    };
    return svc_emit(t->db, ctx, &event);
}

enum rc
viz_build_create(struct tests *t, struct ctx *ctx, const struct viz_build_new *build,
                 struct viz_build *out)
{
    const struct db_result *res = NULL;
    struct look look = {.cluster_min = 1};

    enum rc rc = read_look(ctx, build, &look);
    rc = rc == RC_OK ? viz_check_quota(t, ctx) : rc;
    if (rc == RC_OK) {
        rc = DB_QUERY(t->db, ctx, Q_VIZ_BUILD_INSERT, &res, DB_ARG_I64(ctx->who.org_id),
                      DB_ARG_I64(ctx->who.project_id), DB_ARG_STR(name_of(ctx, build->name)),
                      DB_ARG_Z(build->branch), DB_ARG_Z(build->environment),
                      DB_ARG_Z(build->commit_sha), DB_ARG_Z(build->commit_message),
                      DB_ARG_Z(build->common_ancestor_sha),
                      build->pull_request > 0 ? DB_ARG_I64(build->pull_request) : DB_ARG_NULL,
                      DB_ARG_Z(build->parallel_id), DB_ARG_F64(look.threshold),
                      DB_ARG_F64(look.colour_delta), DB_ARG_I64(look.cluster_min),
                      build->metadata.p == NULL ? DB_ARG_NULL : DB_ARG_STR(build->metadata),
                      DB_ARG_Z(build->agent));
    }
    if (rc != RC_OK) {
        return rc;
    }
    *out = (struct viz_build){.id = db_strz(res, 0, 0),
                              .name = db_strz(res, 0, 1),
                              .branch = db_strz(res, 0, 2),
                              .environment = db_strz(res, 0, 3),
                              .status = db_strz(res, 0, 4),
                              .created_us = db_time_us(res, 0, 5)};
    return db_bool(res, 0, 6) ? tell_created(t, ctx, out) : RC_OK;
}

struct db_arg
viz_bound(const struct ctx *ctx)
{
    return ctx->who.kind == TOKEN_SDK ? DB_ARG_I64(ctx->who.project_id) : DB_ARG_NULL;
}

enum rc
viz_build_head(struct tests *t, struct ctx *ctx, const char *id, struct viz_head *out)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_VIZ_BUILD_HEAD, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(id), viz_bound(ctx));
    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return fail(ctx, RC_NOT_FOUND, "BUILD_NOT_FOUND", "no such build");
    }
    *out = (struct viz_head){.id = db_strz(res, 0, 0),
                             .project_id = db_i64(res, 0, 1),
                             .name = db_strz(res, 0, 2),
                             .status = db_strz(res, 0, 3),
                             .parallel_id = db_strz(res, 0, 4)};
    return RC_OK;
}

/* --- the end of a build -------------------------------------------------------------------- */

static struct str
done_data(struct ctx *ctx, const struct db_result *res, int row)
{
    struct buf b;

    buf_init(&b, (size_t)256 * 1024);
    buf_putc(&b, '{');
    json_put_member_str(&b, "build_id", db_str(res, row, 0));
    json_put_member_str(&b, "name", db_str(res, row, 2));
    json_put_member_str(&b, "branch", db_str(res, row, 3));
    json_put_member_str(&b, "commit_sha", db_str(res, row, 4));
    json_put_member_i64(&b, "screenshots", db_i64(res, row, 5));
    json_put_member_i64(&b, "comparisons", db_i64(res, row, 6));
    json_put_member_i64(&b, "regressions", db_i64(res, row, 7));
    buf_putc(&b, '}');
    struct str data = buf_failed(&b) ? STR("{}") : arena_str(ctx->arena, buf_str(&b));
    buf_fini(&b);
    return data;
}

enum rc
viz_tell_done(struct tests *t, struct ctx *ctx, const struct str *builds, size_t count)
{
    const struct db_result *res = NULL;

    if (count == 0) {
        return RC_OK;
    }
    enum rc rc = DB_QUERY(t->db, ctx, Q_VIZ_BUILDS_LOCK, NULL, DB_ARG_STRS(builds, count));
    rc = rc == RC_OK ? DB_QUERY(t->db, ctx, Q_VIZ_BUILDS_TELL, &res, DB_ARG_STRS(builds, count))
                     : rc;
    for (int i = 0; rc == RC_OK && i < db_rows(res); i++) {
        struct svc_event event = {
            .type = "visual.run_completed_with_regressions",
            .tell = TELL_WEBHOOKS,
            .org_id = db_i64(res, i, 1),
            .resource_type = STR("visual_build"),
            .resource_id = db_str(res, i, 0),
            .resource_name = db_str(res, i, 2),
            .data = done_data(ctx, res, i),
        };
        rc = db_i64(res, i, 7) > 0 ? svc_emit(t->db, ctx, &event) : RC_OK;
    }
    return rc == RC_OK && db_rows(res) > 0 ? db_notify(t->db, ctx, VIZ_DONE_CHANNEL, STR("")) : rc;
}
