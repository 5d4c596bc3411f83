/* SPDX-License-Identifier: Apache-2.0
 *
 * Differences that nobody needs to look at, because they lie where the screenshot is known to
 * change: in regions that people confirmed, else in the hotspots of its history. Product
 * behaviour, but that history counts only as far as people approved it, each change once, and in
 * both dimensions: a button beside a clock is no part of the clock. Source: docs/vizzly.md. */
#include <string.h>

#include "tests/vizzly/viz.h"
#include "tests_sql.h"

#define LIST_MAX ((size_t)1024 * 1024)
#define NOT_KNOWN (-1.0)

/* Columns of viz_doubts. */
enum { D_ID, D_PROJECT, D_NAME, D_SIGNATURE, D_SEQ, D_SSIM, D_REGIONS, D_COUNT, D_CONFIRMED };

/* A difference, and what is known of its place. */
struct doubt {
    struct str id, name, signature;
    int64_t project_id, seq;
    bool has_ssim;
    double ssim;
    struct visual_region *regions;
    size_t region_count;
    bool is_whole; /* all regions are told */
    struct visual_rect *confirmed;
    size_t confirmed_count;
    /* out: */
    double region_coverage, hotspot_coverage;
    const char *filter; /* NULL: it has to be looked at */
};

/* --- what differs -------------------------------------------------------------------------- */

static struct visual_rect
rect_of(int64_t x1, int64_t y1, int64_t x2, int64_t y2)
{
    return (struct visual_rect){
        .x = (int32_t)x1, .y = (int32_t)y1, .w = (int32_t)(x2 - x1), .h = (int32_t)(y2 - y1)};
}

struct visual_region *
viz_regions_parse(struct ctx *ctx, struct str json, size_t *out_count)
{
    const struct json_value *list = NULL;

    *out_count = 0;
    if (json.n > 0 && json_parse(json, ctx->arena, &list, NULL) != RC_OK) {
        return NULL;
    }
    size_t n = json_is(list, JSON_ARRAY) ? list->count : 0;
    struct visual_region *regions = ARENA_ARRAY(ctx->arena, n + 1, struct visual_region);
    for (size_t i = 0; regions != NULL && i < n; i++) {
        const struct json_value *r = json_at(list, i);
        regions[i] = (struct visual_region){
            .box = rect_of(json_i64(json_get(r, "x1"), 0), json_i64(json_get(r, "y1"), 0),
                           json_i64(json_get(r, "x2"), 0), json_i64(json_get(r, "y2"), 0)),
            .pixels = (uint64_t)json_i64(json_get(r, "pixels"), 0)};
    }
    *out_count = regions == NULL ? 0 : n;
    return regions;
}

/* "x1,y1,x2,y2,x1,..." */
static struct visual_rect *
parse_rects(struct ctx *ctx, struct str text, size_t *out_count)
{
    size_t n = 0;
    size_t pairs = 0;
    struct visual_band *sides = viz_parse_bands(ctx, text, &pairs); /* (x1, y1), (x2, y2) */
    struct visual_rect *rects = ARENA_ARRAY(ctx->arena, pairs / 2 + 1, struct visual_rect);

    for (size_t i = 0; rects != NULL && i + 1 < pairs; i += 2) {
        rects[n++] = rect_of(sides[i].y1, sides[i].y2, sides[i + 1].y1, sides[i + 1].y2);
    }
    *out_count = n;
    return rects;
}

static enum rc
read_doubts(struct tests *t, struct ctx *ctx, const struct str *ids, size_t count,
            struct doubt **out, size_t *out_count)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_VIZ_DOUBTS, &res, DB_ARG_STRS(ids, count));
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    struct doubt *doubts = ARENA_ARRAY(ctx->arena, n + 1, struct doubt);
    for (size_t i = 0; doubts != NULL && i < n; i++) {
        int row = (int)i;
        struct doubt *d = &doubts[i];
        *d = (struct doubt){.id = db_str(res, row, D_ID),
                            .name = db_str(res, row, D_NAME),
                            .signature = db_str(res, row, D_SIGNATURE),
                            .project_id = db_i64(res, row, D_PROJECT),
                            .seq = db_i64(res, row, D_SEQ),
                            .has_ssim = !db_is_null(res, row, D_SSIM),
                            .ssim = db_f64(res, row, D_SSIM),
                            .region_coverage = NOT_KNOWN,
                            .hotspot_coverage = NOT_KNOWN};
        d->regions = viz_regions_parse(ctx, db_str(res, row, D_REGIONS), &d->region_count);
        d->is_whole = d->region_count > 0 && (int64_t)d->region_count == db_i64(res, row, D_COUNT);
        d->confirmed = parse_rects(ctx, db_str(res, row, D_CONFIRMED), &d->confirmed_count);
    }
    *out = doubts;
    *out_count = n;
    return doubts != NULL && !arena_failed(ctx->arena) ? RC_OK
                                                       : fail_memory(ctx, "too many differences");
}

/* --- confirmed regions --------------------------------------------------------------------- */

static void
hold_against_confirmed(struct doubt *d)
{
    if (d->confirmed_count == 0) {
        return;
    }
    struct visual_coverage c = visual_match_dynamic(d->regions, d->region_count, d->confirmed,
                                                    d->confirmed_count, d->has_ssim ? d->ssim : 0);
    d->region_coverage = c.coverage;
    d->filter = c.passes && d->is_whole ? "region-filtered" : NULL;
}

/* --- hotspots ------------------------------------------------------------------------------ */

/* The same regions with rows and columns exchanged. */
static struct visual_region *
turned(struct ctx *ctx, const struct doubt *d)
{
    struct visual_region *out = ARENA_ARRAY(ctx->arena, d->region_count + 1, struct visual_region);

    for (size_t i = 0; out != NULL && i < d->region_count; i++) {
        struct visual_rect box = d->regions[i].box;
        out[i] = d->regions[i];
        out[i].box = (struct visual_rect){.x = box.y, .y = box.x, .w = box.h, .h = box.w};
    }
    return out;
}

/* How much of `regions` lies in the bands that most of the rows [from, to) of the result have in
 * `column`. */
static enum rc
cover(struct ctx *ctx, const struct db_result *res, int from, int to, int column,
      const struct visual_region *regions, size_t count, struct visual_coverage *out)
{
    size_t n = (size_t)(to - from);
    struct visual_history *seen = ARENA_ARRAY(ctx->arena, n + 1, struct visual_history);
    struct visual_hotspots *found = ARENA_NEW(ctx->arena, struct visual_hotspots);

    if (seen == NULL || found == NULL || regions == NULL) {
        return fail_memory(ctx, "too many builds");
    }
    for (size_t i = 0; i < n; i++) {
        struct str bands = db_str(res, from + (int)i, column);
        seen[i].changed = viz_parse_bands(ctx, bands, &seen[i].changed_count);
        seen[i].approved = true;
    }
    if (visual_find_hotspots(seen, n, VISUAL_HOTSPOT_FREQUENCY, found) != RC_OK) {
        return fail(ctx, RC_RESOURCE_EXHAUSTED, "OVERLOADED", "out of memory");
    }
    *out = visual_match_hotspots(regions, count, found);
    return RC_OK;
}

static enum rc
hold_against_history(struct ctx *ctx, struct doubt *d, const struct db_result *res, int from,
                     int to)
{
    struct visual_coverage rows;
    struct visual_coverage columns;

    if (to - from < VISUAL_HOTSPOT_BUILDS_MIN) {
        return RC_OK;
    }
    enum rc rc = cover(ctx, res, from, to, 1, d->regions, d->region_count, &rows);
    rc = rc == RC_OK ? cover(ctx, res, from, to, 2, turned(ctx, d), d->region_count, &columns) : rc;
    if (rc == RC_OK) {
        d->hotspot_coverage = rows.coverage < columns.coverage ? rows.coverage : columns.coverage;
        d->filter = rows.passes && columns.passes && d->is_whole ? "hotspot-filtered" : NULL;
    }
    return rc;
}

/* For those that confirmed regions do not explain. */
static enum rc
hold_all_against_history(struct tests *t, struct ctx *ctx, struct doubt *doubts, size_t count)
{
    const struct db_result *res = NULL;
    struct doubt **open = ARENA_ARRAY(ctx->arena, count + 1, struct doubt *);
    int64_t *projects = ARENA_ARRAY(ctx->arena, count + 1, int64_t);
    int64_t *seqs = ARENA_ARRAY(ctx->arena, count + 1, int64_t);
    struct str *names = ARENA_ARRAY(ctx->arena, count + 1, struct str);
    struct str *signatures = ARENA_ARRAY(ctx->arena, count + 1, struct str);
    size_t n = 0;

    if (open == NULL || projects == NULL || seqs == NULL || names == NULL || signatures == NULL) {
        return fail_memory(ctx, "too many differences");
    }
    for (size_t i = 0; i < count; i++) {
        if (doubts[i].filter == NULL && doubts[i].is_whole) {
            projects[n] = doubts[i].project_id;
            seqs[n] = doubts[i].seq;
            names[n] = doubts[i].name;
            signatures[n] = doubts[i].signature;
            open[n++] = &doubts[i];
        }
    }
    enum rc rc =
        n == 0 ? RC_OK
               : DB_QUERY(t->db, ctx, Q_VIZ_JUDGED_BEFORE, &res, DB_ARG_I64S(projects, n),
                          DB_ARG_STRS(names, n), DB_ARG_STRS(signatures, n), DB_ARG_I64S(seqs, n));
    for (int from = 0; rc == RC_OK && n > 0 && from < db_rows(res);) {
        int to = from + 1;
        while (to < db_rows(res) && db_i64(res, to, 0) == db_i64(res, from, 0)) {
            to++;
        }
        rc = hold_against_history(ctx, open[db_i64(res, from, 0)], res, from, to);
        from = to;
    }
    return rc;
}

/* --- the judgement ------------------------------------------------------------------------- */

static void
put_coverage(struct buf *b, const char *key, double coverage)
{
    if (coverage >= 0) {
        json_put_key(b, key);
        json_put_f64(b, coverage);
    }
}

static enum rc
write_judged(struct tests *t, struct ctx *ctx, const struct doubt *doubts, size_t count)
{
    struct buf b;

    buf_init(&b, LIST_MAX);
    buf_putc(&b, '[');
    for (size_t i = 0; i < count; i++) {
        const struct doubt *d = &doubts[i];
        if (d->region_coverage < 0 && d->hotspot_coverage < 0) {
            continue;
        }
        buf_putz(&b, b.n == 1 ? "{" : ",{");
        json_put_member_str(&b, "id", d->id);
        if (d->filter != NULL) {
            json_put_member_str(&b, "filter", str_z(d->filter));
        }
        put_coverage(&b, "region_coverage", d->region_coverage);
        put_coverage(&b, "hotspot_coverage", d->hotspot_coverage);
        buf_putc(&b, '}');
    }
    bool any = b.n > 1;
    buf_putc(&b, ']');
    bool ok = !buf_failed(&b);
    struct str list = arena_str(ctx->arena, buf_str(&b));
    buf_fini(&b);
    if (!ok || arena_failed(ctx->arena)) {
        return fail_memory(ctx, "too many differences");
    }
    return any ? DB_QUERY(t->db, ctx, Q_VIZ_JUDGED, NULL, DB_ARG_STR(list)) : RC_OK;
}

enum rc
viz_judge(struct tests *t, struct ctx *ctx, const struct str *ids, size_t count,
          struct str **out_passed, size_t *out_count)
{
    struct doubt *doubts = NULL;
    size_t n = 0;

    *out_count = 0;
    if (count == 0 || !t->cfg->dynamic_filter) {
        return RC_OK;
    }
    enum rc rc = read_doubts(t, ctx, ids, count, &doubts, &n);
    for (size_t i = 0; rc == RC_OK && i < n; i++) {
        hold_against_confirmed(&doubts[i]);
    }
    rc = rc == RC_OK ? hold_all_against_history(t, ctx, doubts, n) : rc;
    rc = rc == RC_OK ? write_judged(t, ctx, doubts, n) : rc;
    struct str *passed = ARENA_ARRAY(ctx->arena, n + 1, struct str);
    for (size_t i = 0; rc == RC_OK && passed != NULL && i < n; i++) {
        if (doubts[i].filter != NULL) {
            passed[(*out_count)++] = doubts[i].id;
        }
    }
    *out_passed = passed;
    return rc == RC_OK && passed == NULL ? fail_memory(ctx, "too many differences") : rc;
}

/* --- what has to be looked at --------------------------------------------------------------- */

static bool
is_among(struct str id, const struct str *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(id, list[i])) {
            return true;
        }
    }
    return false;
}

enum rc
viz_tell_regressions(struct tests *t, struct ctx *ctx, const struct db_result *res)
{
    struct str *ids = ARENA_ARRAY(ctx->arena, (size_t)db_rows(res) + 1, struct str);
    struct str *passed = NULL;
    size_t n = 0;
    size_t passed_count = 0;

    if (ids == NULL) {
        return fail_memory(ctx, "too many comparisons");
    }
    for (int i = 0; i < db_rows(res); i++) {
        if (db_bool(res, i, 3)) {
            ids[n++] = db_str(res, i, 2);
        }
    }
    enum rc rc = viz_judge(t, ctx, ids, n, &passed, &passed_count);
    for (int i = 0; rc == RC_OK && i < db_rows(res); i++) {
        if (!db_bool(res, i, 3) || is_among(db_str(res, i, 2), passed, passed_count)) {
            continue;
        }
        struct str data = arena_printf(
            ctx->arena,
            "{\"comparison_id\":\"%.*s\",\"build_id\":\"%.*s\",\"diff_percentage\":%.*s}",
            STR_ARG(db_str(res, i, 2)), STR_ARG(db_str(res, i, 0)), STR_ARG(db_str(res, i, 5)));
        struct svc_event event = {
            .type = "visual.regression_detected",
            .tell = TELL_WEBHOOKS,
            .org_id = db_i64(res, i, 1),
            .resource_type = STR("visual_comparison"),
            .resource_id = db_str(res, i, 2),
            .resource_name = db_str(res, i, 4),
            .data = data,
        };
        rc = svc_emit(t->db, ctx, &event);
    }
    return rc;
}
