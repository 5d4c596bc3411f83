/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of a screenshot that change in most builds. */
#include <string.h>

#include "tests/vizzly/viz.h"
#include "tests_sql.h"

/* Columns of viz_history. */
enum { H_NAME, H_SEQ, H_APPROVED, H_BANDS };

struct visual_band *
viz_parse_bands(struct ctx *ctx, struct str text, size_t *out_count)
{
    size_t max = 1;

    for (size_t i = 0; i < text.n; i++) {
        max += text.p[i] == ',';
    }
    struct visual_band *bands = ARENA_ARRAY(ctx->arena, max / 2 + 1, struct visual_band);
    size_t n = 0;
    while (bands != NULL && text.n > 0) {
        int64_t y1 = 0;
        int64_t y2 = 0;
        if (str_to_i64(str_split(&text, ','), 0, INT32_MAX, &y1) != RC_OK || text.p == NULL ||
            str_to_i64(str_split(&text, ','), 0, INT32_MAX, &y2) != RC_OK) {
            break;
        }
        bands[n++] = (struct visual_band){.y1 = (int32_t)y1, .y2 = (int32_t)y2};
    }
    *out_count = bands == NULL ? 0 : n;
    return bands;
}

static Assay__SdkHotspotAnalysis *
answer(struct ctx *ctx, const struct visual_hotspots *found)
{
    Assay__SdkHotspotAnalysis *a =
        PB_NEW(ctx->arena, Assay__SdkHotspotAnalysis, assay__sdk_hotspot_analysis);
    Assay__SdkHotspotFactors *f =
        PB_NEW(ctx->arena, Assay__SdkHotspotFactors, assay__sdk_hotspot_factors);
    Assay__SdkHotspotRegion *regions =
        ARENA_ARRAY(ctx->arena, found->band_count + 1, Assay__SdkHotspotRegion);
    if (a == NULL || f == NULL || regions == NULL) {
        return NULL;
    }
    a->regions = ARENA_ARRAY(ctx->arena, found->band_count + 1, Assay__SdkHotspotRegion *);
    for (size_t i = 0; a->regions != NULL && i < found->band_count; i++) {
        const struct visual_band *band = &found->bands[i];
        assay__sdk_hotspot_region__init(&regions[i]);
        regions[i].y1 = band->y1;
        regions[i].y2 = band->y2;
        regions[i].height = regions[i].line_count = band->y2 - band->y1;
        regions[i].frequency = band->frequency;
        a->regions[a->n_regions++] = &regions[i];
    }
    bool enough = found->confidence != VISUAL_CONFIDENCE_NONE;
    a->total_builds_analyzed = (int64_t)found->builds;
    a->confidence = pb_strz(ctx->arena, str_z(visual_confidence_name(found->confidence)));
    a->confidence_score = enough ? found->score : 0;
    a->data_source = pb_strz(ctx->arena, str_z(found->builds == 0 ? "none" : found->data_source));
    f->build_count = a->total_builds_analyzed;
    f->data_source = a->data_source;
    f->frequency_consistency = enough ? found->consistency : 0;
    a->confidence_factors = f;
    a->frequency_threshold = VISUAL_HOTSPOT_FREQUENCY;
    return arena_failed(ctx->arena) ? NULL : a;
}

/* The rows [from, to) of the result are one name's builds. */
static enum rc
analyse(struct ctx *ctx, const struct db_result *res, int from, int to,
        Assay__SdkHotspotAnalysis **out)
{
    size_t n = (size_t)(to - from);
    struct visual_history *builds = ARENA_ARRAY(ctx->arena, n + 1, struct visual_history);
    struct visual_hotspots *found = ARENA_NEW(ctx->arena, struct visual_hotspots);

    if (builds == NULL || found == NULL) {
        return fail_memory(ctx, "too many builds");
    }
    for (size_t i = 0; i < n; i++) {
        int row = from + (int)i;
        builds[i].changed =
            viz_parse_bands(ctx, db_str(res, row, H_BANDS), &builds[i].changed_count);
        builds[i].approved = db_bool(res, row, H_APPROVED);
    }
    if (visual_find_hotspots(builds, n, VISUAL_HOTSPOT_FREQUENCY, found) != RC_OK) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    *out = answer(ctx, found);
    return *out != NULL ? RC_OK : fail_memory(ctx, "too many regions");
}

static enum rc
history(struct tests *t, struct ctx *ctx, int64_t project_id, const struct str *names, size_t count,
        int64_t window, const struct db_result **out)
{
    return DB_QUERY(t->db, ctx, Q_VIZ_HISTORY, out, DB_ARG_I64(ctx->who.org_id),
                    DB_ARG_I64(project_id), DB_ARG_STRS(names, count), DB_ARG_I64(window));
}

enum rc
viz_hotspots(struct tests *t, struct ctx *ctx, int64_t project_id, struct str name, int64_t window,
             Assay__SdkHotspotAnalysis **out)
{
    const struct db_result *res = NULL;
    enum rc rc = history(t, ctx, project_id, &name, 1, window, &res);

    return rc == RC_OK ? analyse(ctx, res, 0, db_rows(res), out) : rc;
}

enum rc
tests_get_sdk_hotspots(struct tests *t, struct ctx *ctx, const Assay__GetSdkHotspotsRequest *req,
                       Assay__GetSdkHotspotsResponse *resp)
{
    struct str name = str_z(req->screenshot_name);
    enum rc rc = viz_check_name(ctx, "screenshot_name", name);

    resp->screenshot_name = req->screenshot_name;
    return rc == RC_OK ? viz_hotspots(t, ctx, ctx->who.project_id, name, req->window_size,
                                      &resp->hotspot_analysis)
                       : rc;
}

static enum rc
add_entry(struct ctx *ctx, const struct db_result *res, int from, int to,
          Assay__GetSdkHotspotsOfManyResponse *resp)
{
    Assay__GetSdkHotspotsOfManyResponse__HotspotsEntry *entry =
        PB_NEW(ctx->arena, Assay__GetSdkHotspotsOfManyResponse__HotspotsEntry,
               assay__get_sdk_hotspots_of_many_response__hotspots_entry);

    if (entry == NULL) {
        return fail_memory(ctx, "too many names");
    }
    entry->key = db_strz(res, from, H_NAME);
    resp->hotspots[resp->n_hotspots++] = entry;
    return analyse(ctx, res, from, to, &entry->value);
}

/* Each name once: the same twice is one member of the answer. */
static size_t
distinct(char *const *names, size_t count, struct str *out)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        bool seen = false;
        for (size_t k = 0; k < n; k++) {
            seen = seen || str_eqz(out[k], names[i]);
        }
        if (!seen) {
            out[n++] = str_z(names[i]);
        }
    }
    return n;
}

enum rc
tests_get_sdk_hotspots_of_many(struct tests *t, struct ctx *ctx,
                               const Assay__GetSdkHotspotsOfManyRequest *req,
                               Assay__GetSdkHotspotsOfManyResponse *resp)
{
    const struct db_result *res = NULL;
    struct str *names = ARENA_ARRAY(ctx->arena, req->n_screenshot_names + 1, struct str);

    resp->summary = PB_NEW(ctx->arena, Assay__SdkHotspotSummary, assay__sdk_hotspot_summary);
    resp->hotspots = ARENA_ARRAY(ctx->arena, req->n_screenshot_names + 1,
                                 Assay__GetSdkHotspotsOfManyResponse__HotspotsEntry *);
    if (names == NULL || resp->summary == NULL || resp->hotspots == NULL) {
        return fail_memory(ctx, "too many names");
    }
    if (req->n_screenshot_names == 0) {
        return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY", "screenshot_names is required");
    }
    size_t n = distinct(req->screenshot_names, req->n_screenshot_names, names);
    enum rc rc = RC_OK;
    for (size_t i = 0; rc == RC_OK && i < n; i++) {
        rc = viz_check_name(ctx, "screenshot_names[]", names[i]);
    }
    rc = rc == RC_OK ? history(t, ctx, ctx->who.project_id, names, n, req->window_size, &res) : rc;
    for (int from = 0, to = 0; rc == RC_OK && from < db_rows(res); from = to) {
        while (to < db_rows(res) && str_eq(db_str(res, to, H_NAME), db_str(res, from, H_NAME))) {
            to++;
        }
        rc = add_entry(ctx, res, from, to, resp);
    }
    resp->summary->requested = (int64_t)req->n_screenshot_names;
    resp->summary->returned = (int64_t)resp->n_hotspots;
    return rc;
}
