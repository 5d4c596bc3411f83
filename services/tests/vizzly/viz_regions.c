/* SPDX-License-Identifier: Apache-2.0
 *
 * Regions of a screenshot that change by themselves: those that people confirmed, and those that
 * its history suggests. */
#include <string.h>

#include "tests/vizzly/viz.h"
#include "tests_sql.h"

#define WINDOW 20
#define CANDIDATES_MAX 64

/* Columns of viz_regions_of. */
enum { R_NAME, R_ID, R_LABEL, R_X1, R_Y1, R_X2, R_Y2 };

/* --- what the history suggests -------------------------------------------------------------- */

struct candidate {
    struct visual_rect box;
    size_t builds;
    int last; /* row of the history that it was seen in last */
};

static struct visual_rect
around(struct visual_rect a, struct visual_rect b)
{
    int32_t x = a.x < b.x ? a.x : b.x;
    int32_t y = a.y < b.y ? a.y : b.y;
    int32_t right = a.x + a.w > b.x + b.w ? a.x + a.w : b.x + b.w;
    int32_t bottom = a.y + a.h > b.y + b.h ? a.y + a.h : b.y + b.h;

    return (struct visual_rect){.x = x, .y = y, .w = right - x, .h = bottom - y};
}

static void
count_region(struct visual_rect box, int row, struct candidate *list, size_t *count)
{
    for (size_t i = 0; i < *count; i++) {
        struct candidate *c = &list[i];
        if (visual_rect_matches(box, c->box) || visual_rect_matches(c->box, box)) {
            c->box = around(c->box, box);
            c->builds += c->last != row;
            c->last = row;
            return;
        }
    }
    if (*count < CANDIDATES_MAX) {
        list[(*count)++] = (struct candidate){.box = box, .builds = 1, .last = row};
    }
}

/* The rows [from, to) of the history are those of one name. */
static enum rc
find_candidates(struct ctx *ctx, const struct db_result *res, int from, int to,
                struct candidate **out, size_t *out_count)
{
    struct candidate *list = ARENA_ARRAY(ctx->arena, CANDIDATES_MAX, struct candidate);
    size_t n = 0;
    size_t kept = 0;

    if (list == NULL) {
        return fail_memory(ctx, "too many regions");
    }
    for (int row = from; row < to; row++) {
        size_t count = 0;
        const struct visual_region *regions = viz_regions_parse(ctx, db_str(res, row, 1), &count);
        for (size_t i = 0; i < count; i++) {
            count_region(regions[i].box, row, list, &n);
        }
    }
    for (size_t i = 0; i < n && to - from >= VISUAL_HOTSPOT_BUILDS_MIN; i++) {
        if ((double)list[i].builds >= VISUAL_HOTSPOT_FREQUENCY * (to - from)) {
            list[kept++] = list[i];
        }
    }
    *out = list;
    *out_count = kept;
    return RC_OK;
}

/* --- messages ------------------------------------------------------------------------------ */

static Assay__SdkRegion *
confirmed(struct ctx *ctx, const struct db_result *res, int row)
{
    Assay__SdkRegion *r = PB_NEW(ctx->arena, Assay__SdkRegion, assay__sdk_region);

    if (r != NULL) {
        r->id = db_strz(res, row, R_ID);
        r->label = db_strz(res, row, R_LABEL);
        r->x1 = db_i64(res, row, R_X1);
        r->y1 = db_i64(res, row, R_Y1);
        r->x2 = db_i64(res, row, R_X2);
        r->y2 = db_i64(res, row, R_Y2);
    }
    return r;
}

static bool
is_confirmed(const struct visual_rect *box, const Assay__SdkRegions *m)
{
    for (size_t i = 0; i < m->n_confirmed; i++) {
        const Assay__SdkRegion *r = m->confirmed[i];
        struct visual_rect known = {.x = (int32_t)r->x1,
                                    .y = (int32_t)r->y1,
                                    .w = (int32_t)(r->x2 - r->x1),
                                    .h = (int32_t)(r->y2 - r->y1)};
        if (visual_rect_matches(*box, known)) {
            return true;
        }
    }
    return false;
}

static enum rc
add_candidates(struct ctx *ctx, const struct db_result *res, int from, int to, Assay__SdkRegions *m)
{
    struct candidate *list = NULL;
    size_t n = 0;

    enum rc rc = find_candidates(ctx, res, from, to, &list, &n);
    m->candidates = ARENA_ARRAY(ctx->arena, n + 1, Assay__SdkRegion *);
    for (size_t i = 0; rc == RC_OK && m->candidates != NULL && i < n; i++) {
        if (is_confirmed(&list[i].box, m)) {
            continue;
        }
        Assay__SdkRegion *r = PB_NEW(ctx->arena, Assay__SdkRegion, assay__sdk_region);
        if (r == NULL) {
            break;
        }
        r->x1 = list[i].box.x;
        r->y1 = list[i].box.y;
        r->x2 = list[i].box.x + list[i].box.w;
        r->y2 = list[i].box.y + list[i].box.h;
        PB_SET(r, frequency, (double)list[i].builds / (to - from));
        m->candidates[m->n_candidates++] = r;
    }
    return rc == RC_OK && arena_failed(ctx->arena) ? fail_memory(ctx, "too many regions") : rc;
}

/* The row from which on a result, sorted by a name in column 0, is about `name`; *out_to: until
 * there. */
static int
rows_of(const struct db_result *res, struct str name, int *out_to)
{
    int from = 0;

    while (from < db_rows(res) && !str_eq(db_str(res, from, 0), name)) {
        from++;
    }
    *out_to = from;
    while (*out_to < db_rows(res) && str_eq(db_str(res, *out_to, 0), name)) {
        (*out_to)++;
    }
    return from;
}

enum rc
viz_regions(struct tests *t, struct ctx *ctx, int64_t project_id, const struct str *names,
            size_t count, Assay__SdkRegions *out)
{
    const struct db_result *known = NULL;
    const struct db_result *seen = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_VIZ_REGIONS_OF, &known, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_I64(project_id), DB_ARG_STRS(names, count));
    rc = rc == RC_OK
             ? DB_QUERY(t->db, ctx, Q_VIZ_REGIONS_SEEN, &seen, DB_ARG_I64(ctx->who.org_id),
                        DB_ARG_I64(project_id), DB_ARG_STRS(names, count), DB_ARG_I64(WINDOW))
             : rc;
    for (size_t i = 0; rc == RC_OK && i < count; i++) {
        int to = 0;
        assay__sdk_regions__init(&out[i]);
        int from = rows_of(known, names[i], &to);
        out[i].confirmed = ARENA_ARRAY(ctx->arena, (size_t)(to - from) + 1, Assay__SdkRegion *);
        for (int row = from; out[i].confirmed != NULL && row < to; row++) {
            Assay__SdkRegion *r = confirmed(ctx, known, row);
            if (r != NULL) {
                out[i].confirmed[out[i].n_confirmed++] = r;
            }
        }
        from = rows_of(seen, names[i], &to);
        rc = add_candidates(ctx, seen, from, to, &out[i]);
    }
    return rc;
}

static enum rc
answer(struct tests *t, struct ctx *ctx, char *name, Assay__SdkRegionsResponse *resp)
{
    struct str s = str_z(name);
    enum rc rc = RC_OK;

    resp->screenshot_name = name;
    resp->regions = PB_NEW(ctx->arena, Assay__SdkRegions, assay__sdk_regions);
    rc = resp->regions == NULL ? fail_memory(ctx, "the request needs too much memory")
                               : viz_regions(t, ctx, ctx->who.project_id, &s, 1, resp->regions);
    return rc;
}

enum rc
tests_get_sdk_regions(struct tests *t, struct ctx *ctx, const Assay__GetSdkRegionsRequest *req,
                      Assay__SdkRegionsResponse *resp)
{
    enum rc rc = viz_check_name(ctx, "screenshot_name", str_z(req->screenshot_name));

    return rc == RC_OK ? answer(t, ctx, req->screenshot_name, resp) : rc;
}

/* --- confirming ---------------------------------------------------------------------------- */

static enum rc
tell(struct tests *t, struct ctx *ctx, const char *type, struct str id, const char *name,
     struct str details)
{
    struct svc_event event = {
        .type = type,
        .tell = TELL_AUDIT,
        .resource_type = STR("visual_region"),
        .resource_id = id,
        .resource_name = str_z(name),
        .details = details,
    };
    return svc_emit(t->db, ctx, &event);
}

/* What nobody has decided yet is judged again. */
static enum rc
judge_again(struct tests *t, struct ctx *ctx, const char *name)
{
    const struct db_result *res = NULL;
    struct str *passed = NULL;
    size_t count = 0;

    enum rc rc = DB_QUERY(t->db, ctx, Q_VIZ_DOUBTS_NAMED, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_I64(ctx->who.project_id), DB_ARG_Z(name));
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    struct str *ids = ARENA_ARRAY(ctx->arena, n + 1, struct str);
    for (size_t i = 0; ids != NULL && i < n; i++) {
        ids[i] = db_str(res, (int)i, 0);
    }
    return ids == NULL ? fail_memory(ctx, "the request needs too much memory")
                       : viz_judge(t, ctx, ids, n, &passed, &count);
}

enum rc
tests_confirm_sdk_region(struct tests *t, struct ctx *ctx,
                         const Assay__ConfirmSdkRegionRequest *req, Assay__SdkRegionsResponse *resp)
{
    const struct db_result *res = NULL;
    Assay__GetTokenContextResponse *who = NULL;

    enum rc rc = viz_check_name(ctx, "screenshot_name", str_z(req->screenshot_name));
    if (rc == RC_OK && (req->x2 <= req->x1 || req->y2 <= req->y1)) {
        rc = fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY",
                  "x2 and y2 must be greater than x1 and y1");
    }
    rc = rc == RC_OK ? viz_caller(t, ctx, &who) : rc; /* before anything is locked */
    if (rc == RC_OK) {
        rc = DB_QUERY(t->db, ctx, Q_VIZ_REGION_CONFIRM, &res, DB_ARG_I64(ctx->who.org_id),
                      DB_ARG_I64(ctx->who.project_id), DB_ARG_Z(req->screenshot_name),
                      DB_ARG_Z(req->label), DB_ARG_I64(req->x1), DB_ARG_I64(req->y1),
                      DB_ARG_I64(req->x2), DB_ARG_I64(req->y2), DB_ARG_Z(who->user->id));
    }
    rc = rc == RC_OK ? judge_again(t, ctx, req->screenshot_name) : rc;
    rc = rc == RC_OK
             ? tell(t, ctx, "visual_region.confirmed", db_str(res, 0, 0), req->screenshot_name,
                    arena_printf(ctx->arena, "%lld,%lld to %lld,%lld", (long long)req->x1,
                                 (long long)req->y1, (long long)req->x2, (long long)req->y2))
             : rc;
    return rc == RC_OK ? answer(t, ctx, req->screenshot_name, resp) : rc;
}

enum rc
tests_remove_sdk_region(struct tests *t, struct ctx *ctx, const Assay__RemoveSdkRegionRequest *req,
                        Assay__SdkRegionsResponse *resp)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_VIZ_REGION_REMOVE, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_I64(ctx->who.project_id), DB_ARG_Z(req->screenshot_name),
                          DB_ARG_Z(req->region_id));
    if (rc == RC_OK && db_rows(res) == 0) {
        rc = fail(ctx, RC_NOT_FOUND, "REGION_NOT_FOUND", "no such region");
    }
    rc = rc == RC_OK ? tell(t, ctx, "visual_region.removed", db_str(res, 0, 0),
                            req->screenshot_name, STR_EMPTY)
                     : rc;
    return rc == RC_OK ? answer(t, ctx, req->screenshot_name, resp) : rc;
}
