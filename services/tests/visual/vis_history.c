/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known to change: confirmed regions, and bands of rows from past builds. */
#include <math.h>
#include <stdlib.h>

#include "tests/visual/visual.h"

#define DYNAMIC_COVERAGE 0.90
#define DYNAMIC_SSIM 0.95
#define HOTSPOT_COVERAGE 0.80
#define BUILDS_ENOUGH 10
#define SCORE_HIGH 70
#define SCORE_MEDIUM 40
/* A band of this many rows counts as a region of at most as many. */
#define ROWS_MAX INT32_C(1000000)

static bool
is_inside(struct visual_rect a, struct visual_rect b)
{
    return a.x >= b.x && a.y >= b.y && (int64_t)a.x + a.w <= (int64_t)b.x + b.w &&
           (int64_t)a.y + a.h <= (int64_t)b.y + b.h;
}

bool
visual_rect_matches(struct visual_rect region, struct visual_rect dynamic)
{
    double dx = region.x + region.w / 2.0 - (dynamic.x + dynamic.w / 2.0);
    double dy = region.y + region.h / 2.0 - (dynamic.y + dynamic.h / 2.0);

    return dx * dx + dy * dy <= VISUAL_MATCH_PX * VISUAL_MATCH_PX || is_inside(region, dynamic);
}

static bool
matches_any(struct visual_rect box, const struct visual_rect *dynamic, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (visual_rect_matches(box, dynamic[i])) {
            return true;
        }
    }
    return false;
}

struct visual_coverage
visual_match_dynamic(const struct visual_region *regions, size_t count,
                     const struct visual_rect *dynamic, size_t dynamic_count, double ssim)
{
    double matched = 0;
    double all = 0;

    for (size_t i = 0; i < count; i++) {
        double pixels = (double)regions[i].pixels;
        all += pixels;
        matched += matches_any(regions[i].box, dynamic, dynamic_count) ? pixels : 0;
    }
    double coverage = all > 0 ? matched / all : 0;
    return (struct visual_coverage){coverage, coverage >= DYNAMIC_COVERAGE && ssim >= DYNAMIC_SSIM};
}

/* --- hotspots */

const char *
visual_confidence_name(enum visual_confidence confidence)
{
    static const char *const names[] = {"insufficient_data", "low", "medium", "high"};

    return names[confidence];
}

/* At row `y` the number of builds that changed goes up or down. */
struct edge {
    int32_t y;
    int step;
};

struct edges {
    struct edge *items;
    size_t count;
};

static int
by_row(const void *a, const void *b)
{
    const struct edge *ea = a;
    const struct edge *eb = b;

    return (ea->y > eb->y) - (ea->y < eb->y);
}

static bool
add_band(struct edges *edges, struct visual_band band)
{
    int32_t y1 = band.y1 < 0 ? 0 : band.y1;
    int32_t y2 = band.y2 > ROWS_MAX ? ROWS_MAX : band.y2;

    if (y1 >= y2) {
        return false;
    }
    edges->items[edges->count++] = (struct edge){y1, 1};
    edges->items[edges->count++] = (struct edge){y2, -1};
    return true;
}

/* Adds one build's bands to the edges, overlaps joined, so that a row counts once per build. */
static void
add_build(struct edges *edges, const struct visual_history *build)
{
    struct edges own = {edges->items + edges->count, 0};
    size_t kept = 0;
    int depth = 0;

    for (size_t i = 0; i < build->changed_count; i++) {
        (void)add_band(&own, build->changed[i]);
    }
    qsort(own.items, own.count, sizeof(struct edge), by_row);
    for (size_t i = 0; i < own.count;) {
        int before = depth;
        int32_t y = own.items[i].y;
        for (; i < own.count && own.items[i].y == y; i++) {
            depth += own.items[i].step;
        }
        if ((before > 0) != (depth > 0)) {
            own.items[kept++] = (struct edge){y, depth > 0 ? 1 : -1};
        }
    }
    edges->count += kept;
}

struct sweep {
    struct visual_hotspots *out;
    double threshold;
    size_t builds;
    double consistency_rows; /* sum over rows of |2f - 1| */
    double rows;
    double weight; /* sum over the rows of the last band of f */
};

/* Rows [y1, y2) changed in `n` builds. */
static void
sweep_rows(struct sweep *s, int32_t y1, int32_t y2, int n)
{
    double f = (double)n / (double)s->builds;
    double h = y2 - y1;
    struct visual_hotspots *o = s->out;

    s->rows += h;
    s->consistency_rows += h * fabs(2 * f - 1);
    if (f < s->threshold) {
        return;
    }
    struct visual_band *last = o->band_count > 0 ? &o->bands[o->band_count - 1] : NULL;
    if (last != NULL && (last->y2 == y1 || o->band_count == VISUAL_HOTSPOT_BANDS_MAX)) {
        s->weight += f * h;
        last->y2 = y2;
    } else {
        o->bands[o->band_count++] = (struct visual_band){y1, y2, f};
        last = &o->bands[o->band_count - 1];
        s->weight = f * h;
    }
    last->frequency = s->weight / (last->y2 - last->y1);
}

static void
sweep(struct sweep *s, struct edges *edges)
{
    int n = 0;

    qsort(edges->items, edges->count, sizeof(struct edge), by_row);
    for (size_t i = 0; i < edges->count; i++) {
        if (i > 0 && n > 0 && edges->items[i].y > edges->items[i - 1].y) {
            sweep_rows(s, edges->items[i - 1].y, edges->items[i].y, n);
        }
        n += edges->items[i].step;
    }
}

static void
rate(struct visual_hotspots *o, size_t approved)
{
    double builds = o->builds >= BUILDS_ENOUGH ? 1 : (double)o->builds / BUILDS_ENOUGH;
    double source = approved == o->builds ? 20 : 10;

    if (o->builds < VISUAL_HOTSPOT_BUILDS_MIN) {
        return;
    }
    o->score = 40 * builds + 40 * o->consistency + source;
    o->confidence = o->score >= SCORE_HIGH     ? VISUAL_CONFIDENCE_HIGH
                    : o->score >= SCORE_MEDIUM ? VISUAL_CONFIDENCE_MEDIUM
                                               : VISUAL_CONFIDENCE_LOW;
}

enum rc
visual_find_hotspots(const struct visual_history *builds, size_t count, double frequency,
                     struct visual_hotspots *out)
{
    struct edges edges = {NULL, 0};
    size_t bands = 0;
    size_t approved = 0;

    for (size_t i = 0; i < count; i++) {
        bands += builds[i].changed_count;
        approved += builds[i].approved;
    }
    edges.items = calloc(bands + 1, 2 * sizeof(struct edge));
    if (edges.items == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    *out = (struct visual_hotspots){
        .builds = count,
        .data_source = count == 0          ? "none"
                       : approved == count ? "approved"
                                           : "mixed",
    };
    if (count >= VISUAL_HOTSPOT_BUILDS_MIN) {
        struct sweep s = {.out = out, .threshold = frequency, .builds = count};
        for (size_t i = 0; i < count; i++) {
            add_build(&edges, &builds[i]);
        }
        sweep(&s, &edges);
        out->consistency = s.rows > 0 ? s.consistency_rows / s.rows : 1;
    }
    rate(out, approved);
    free(edges.items);
    return RC_OK;
}

static int
by_top(const void *a, const void *b)
{
    const struct visual_band *ba = a;
    const struct visual_band *bb = b;

    return (ba->y1 > bb->y1) - (ba->y1 < bb->y1);
}

static double
rows_within(struct visual_band band, const struct visual_hotspots *h)
{
    double rows = 0;

    for (size_t i = 0; i < h->band_count; i++) {
        int32_t y1 = band.y1 > h->bands[i].y1 ? band.y1 : h->bands[i].y1;
        int32_t y2 = band.y2 < h->bands[i].y2 ? band.y2 : h->bands[i].y2;
        rows += y2 > y1 ? y2 - y1 : 0;
    }
    return rows;
}

struct visual_coverage
visual_match_hotspots(const struct visual_region *regions, size_t count,
                      const struct visual_hotspots *hotspots)
{
    struct visual_band bands[VISUAL_REGIONS_MAX];
    double rows = 0;
    double within = 0;
    int32_t seen_to = 0;

    count = count > VISUAL_REGIONS_MAX ? VISUAL_REGIONS_MAX : count;
    for (size_t i = 0; i < count; i++) {
        int32_t y = regions[i].box.y;
        bands[i] = (struct visual_band){y < 0 ? 0 : y, y + regions[i].box.h, 0};
    }
    qsort(bands, count, sizeof(bands[0]), by_top);
    for (size_t i = 0; i < count; i++) {
        bands[i].y1 = bands[i].y1 < seen_to ? seen_to : bands[i].y1;
        if (bands[i].y2 > bands[i].y1) {
            rows += bands[i].y2 - bands[i].y1;
            within += rows_within(bands[i], hotspots);
            seen_to = bands[i].y2;
        }
    }
    double coverage = rows > 0 ? within / rows : 0;
    return (struct visual_coverage){coverage, coverage >= HOTSPOT_COVERAGE &&
                                                  hotspots->confidence == VISUAL_CONFIDENCE_HIGH};
}
