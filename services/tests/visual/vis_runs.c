/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs of changed pixels, and whether they lie on an edge that moved. */
#include "tests/visual/vis_runs.h"

#include <stdlib.h>
#include <string.h>

#define RUN_MAX 3      /* pixels: what an edge and its smoothing can reach */
#define STEP_MIN 8     /* of a channel's 255 between the colours beside an edge */
#define MIX_SLACK 3    /* of 255: rounding by the browser, in each picture */
#define MOVED_MIN 8    /* of 256 */
#define MOVED_MAX 230  /* of 256: a whole pixel is a change */
#define MOVED_SLACK 13 /* of 256, and rounding */
#define RUNS_MAX (1 << 17)
#define COLUMN_PIXELS_MAX ((size_t)1 << 20)

static void
channels_of(uint32_t pixel, int32_t out[4])
{
    uint8_t p[4];

    memcpy(p, &pixel, 4);
    for (int c = 0; c < 4; c++) {
        out[c] = p[c];
    }
}

/* The two colours beside a run, and the channel in which they are furthest apart. */
struct mix {
    int32_t near[4], step[4];
    int wide;
};

static bool
begin_mix(struct mix *m, uint32_t near, uint32_t far)
{
    int32_t to[4];

    channels_of(near, m->near);
    channels_of(far, to);
    m->wide = 0;
    for (int c = 0; c < 4; c++) {
        m->step[c] = to[c] - m->near[c];
        m->wide = abs(m->step[c]) > abs(m->step[m->wide]) ? c : m->wide;
    }
    return abs(m->step[m->wide]) >= STEP_MIN;
}

/* How much of the far colour is in the pixel, of 256. False: another colour is in it as well. */
static bool
share_of(const struct mix *m, uint32_t pixel, int32_t *out)
{
    int32_t p[4];
    int32_t step = m->step[m->wide];

    channels_of(pixel, p);
    int32_t share = (p[m->wide] - m->near[m->wide]) * 256 / step;
    for (int c = 0; c < 4; c++) {
        int32_t off = p[c] * 256 - m->near[c] * 256 - m->step[c] * share;
        if (abs(off) > MIX_SLACK * 256) {
            return false;
        }
    }
    int32_t over = MIX_SLACK * 256 / abs(step);
    *out = share;
    return share >= -over && share <= 256 + over;
}

/* Whether the pixels of the run mix the two beside it in this picture, more of the further one the
 * further they are. Adds up how much of it they hold. */
static bool
is_edge(const struct vis_run *r, const uint32_t *p, int32_t *out_shares, int32_t *out_slack)
{
    struct mix m;
    int32_t before = 0;

    if (!begin_mix(&m, p[r->from - 1], p[r->to])) {
        return false;
    }
    int32_t rounding = MIX_SLACK * 256 / abs(m.step[m.wide]);
    for (int32_t x = r->from; x < r->to; x++) {
        int32_t share;
        if (!share_of(&m, p[x], &share) || share < before - rounding) {
            return false;
        }
        *out_shares += share;
        before = share;
    }
    *out_slack = rounding;
    return true;
}

/* Sets r->moved when the run is one of an edge in both pictures. The ground may be a shadow that
 * moved along: each picture has its own colours beside the run. */
static void
measure(struct vis_run *r, const uint32_t *a, const uint32_t *b)
{
    int32_t shares[2] = {0, 0};
    int32_t slack[2];

    if (r->to - r->from > RUN_MAX || r->luma == 0 || !is_edge(r, a, &shares[0], &slack[0]) ||
        !is_edge(r, b, &shares[1], &slack[1])) {
        return;
    }
    int32_t moved = shares[0] - shares[1];
    if (abs(moved) >= MOVED_MIN && abs(moved) <= MOVED_MAX) {
        r->moved = moved;
        r->slack = MOVED_SLACK + (slack[0] > slack[1] ? slack[0] : slack[1]);
    }
}

static bool
add_run(struct vis_runs *f, struct vis_run r, const uint32_t *a, const uint32_t *b)
{
    size_t used = (size_t)f->count * sizeof(r);

    if (f->count == RUNS_MAX || !vis_buf_grow(&f->v->run_buf, used, used + sizeof(r))) {
        return false;
    }
    for (int32_t x = r.from; x < r.to; x++) {
        int32_t luma = vis_luma(b[x]) - vis_luma(a[x]);
        r.luma += luma;
        r.luma_abs += abs(luma);
    }
    if (r.from > 0 && r.to < f->n) {
        measure(&r, a, b);
    }
    f->runs = (struct vis_run *)(void *)f->v->run_buf.p;
    f->runs[f->count++] = r;
    return true;
}

/* The pixels of a line, in both pictures; NULL where nothing changed. */
bool
vis_line_of(const struct vis_runs *f, int32_t line, const uint32_t *out[2])
{
    if (!f->upright) {
        out[0] = f->columns[0] + (size_t)(line - f->line0) * (size_t)f->n;
        out[1] = f->columns[1] + (size_t)(line - f->line0) * (size_t)f->n;
        return true;
    }
    if (!f->v->touched[line]) {
        return false;
    }
    out[0] = vis_drawn_row(f->v, 0, (uint32_t)line);
    out[1] = vis_drawn_row(f->v, 1, (uint32_t)line);
    return true;
}

/* Whether the pixel changed so that it can be seen. */
static bool
is_seen_at(const struct vis_runs *f, int32_t line, int32_t x)
{
    uint32_t px = (uint32_t)(f->upright ? x : line);
    uint32_t py = (uint32_t)(f->upright ? line : x);

    return f->v->touched[py] && vis_is_seen(vis_code_at(f->v, px, py));
}

static bool
find_runs(struct vis_runs *f)
{
    const uint32_t *p[2];

    for (int32_t line = f->line0; line < f->line1; line++) {
        f->starts[line - f->line0] = f->count;
        for (int32_t x = 0; vis_line_of(f, line, p) && x < f->n; x++) {
            int32_t from = x;
            while (x < f->n && p[0][x] != p[1][x] && is_seen_at(f, line, x)) {
                x++;
            }
            struct vis_run r = {.line = line, .from = from, .to = x, .above = -1};
            if (x > from && !add_run(f, r, p[0], p[1])) {
                return false;
            }
        }
    }
    f->starts[f->line1 - f->line0] = f->count;
    return true;
}

static bool
is_near_change(const struct visual *v, uint32_t y)
{
    return v->touched[y] || (y > 0 && v->touched[y - 1]) || (y + 1 < v->h && v->touched[y + 1]);
}

/* Columns as lines; of rows without a change nothing is read. */
static bool
load_columns(struct vis_runs *f)
{
    struct visual *v = f->v;
    size_t lines = (size_t)(f->line1 - f->line0);
    size_t pixels = lines * (size_t)f->n;

    if (pixels > COLUMN_PIXELS_MAX || !vis_buf_need(&v->line_buf, pixels * 8)) {
        return false;
    }
    uint32_t *to = (uint32_t *)(void *)v->line_buf.p;
    memset(to, 0, pixels * 8);
    for (uint32_t y = 0; y < v->common_h; y++) {
        for (int which = 0; which < 2 && is_near_change(v, y); which++) {
            const uint32_t *row = vis_drawn_row(v, which, y) + f->line0;
            for (size_t i = 0; i < lines; i++) {
                to[((size_t)which * lines + i) * (size_t)f->n + y] = row[i];
            }
        }
    }
    f->columns[0] = to;
    f->columns[1] = to + pixels;
    return true;
}

static void
set_lines(struct vis_runs *f, const struct vis_sums *s)
{
    uint32_t lo = f->upright ? s->y0 : s->x0;
    uint32_t hi = f->upright ? s->y1 : s->x1;
    uint32_t end = f->upright ? f->v->common_h : f->v->common_w;

    f->n = (int32_t)(f->upright ? f->v->common_w : f->v->common_h);
    f->line0 = (int32_t)(lo > 2 ? lo - 2 : 0);
    f->line1 = (int32_t)(hi + 2 < end ? hi + 2 : end);
}

bool
vis_find_runs(struct visual *v, const struct vis_sums *s, bool upright, uint64_t *budget,
              struct vis_runs *out)
{
    *out = (struct vis_runs){.v = v, .upright = upright};
    set_lines(out, s);
    if (out->line1 <= out->line0) {
        return false;
    }
    size_t lines = (size_t)(out->line1 - out->line0);
    uint64_t cost = lines * (uint64_t)out->n;
    if (cost > *budget || !vis_buf_need(&v->start_buf, (lines + 1) * sizeof(int32_t)) ||
        (!upright && !load_columns(out))) {
        return false;
    }
    *budget -= cost;
    out->starts = (int32_t *)(void *)v->start_buf.p;
    return find_runs(out);
}
