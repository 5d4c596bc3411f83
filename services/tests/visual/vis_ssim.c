/* SPDX-License-Identifier: Apache-2.0
 *
 * Structural similarity of what counts: over windows that are the cells, in luma. A window without
 * a pixel that counts scores 1 without being looked at, so the cost follows the change and the mean
 * is the same. */
#include <string.h>

#include "tests/visual/vis_cmp.h"

#define C1 6.5025  /* (0.01 * 255)^2 */
#define C2 58.5225 /* (0.03 * 255)^2 */

static struct vis_group *
group_of(const struct visual *v, const struct vis_cell *cell)
{
    struct vis_group *g = cell->region == 0 ? NULL : &v->groups[cell->region - 1];

    return g != NULL && vis_is_counted(g) ? g : NULL;
}

static double
score(const struct vis_window *win)
{
    double n = win->n;
    double mean_a = win->a / n;
    double mean_b = win->b / n;
    double var_a = win->aa / n - mean_a * mean_a;
    double var_b = win->bb / n - mean_b * mean_b;
    double cov = win->ab / n - mean_a * mean_b;

    return (2 * mean_a * mean_b + C1) * (2 * cov + C2) /
           ((mean_a * mean_a + mean_b * mean_b + C1) * (var_a + var_b + C2));
}

static void
add_times(struct vis_window *to, const struct vis_window *win, uint32_t times)
{
    to->a += win->a * times;
    to->b += win->b * times;
    to->aa += win->aa * times;
    to->bb += win->bb * times;
    to->ab += win->ab * times;
    to->n += win->n * times;
}

/* Adds a row that stands for `times` equal ones. */
static void
add_row(struct visual *v, const struct vis_cell *cells, struct vis_window *windows, uint32_t y,
        uint32_t times)
{
    if (v->pair[y] == VIS_NO_ROW) {
        return;
    }
    const uint32_t *a = vis_drawn_row(v, 0, v->pair[y] & ~VIS_PAIR_SAME);
    const uint32_t *b = vis_drawn_row(v, 1, y);
    for (uint32_t cx = 0; cx * VIS_CELL < v->common_w; cx++) {
        uint32_t x = cx * VIS_CELL;
        uint32_t n = v->common_w - x < VIS_CELL ? v->common_w - x : VIS_CELL;
        if (group_of(v, &cells[cx]) != NULL) {
            struct vis_window one = {0};
            v->ops->add_window(&one, a + x, b + x, n);
            add_times(&windows[cx], &one, times);
        }
    }
}

struct mean {
    double sum;
    uint64_t n;
};

static void
add_cells(struct visual *v, const struct vis_cell *cells, uint32_t cy, struct vis_window *windows,
          struct mean *all)
{
    uint32_t bottom = (cy + 1) * VIS_CELL < v->h ? (cy + 1) * VIS_CELL : v->h;

    memset(windows, 0, v->cell_w * sizeof(*windows));
    for (uint32_t y = cy * VIS_CELL, times = 1; y < bottom; y += times) {
        for (times = 1; y + times < bottom && v->repeats[y + times]; times++) {
        }
        add_row(v, cells, windows, y, times);
    }
    for (uint32_t cx = 0; cx < v->cell_w; cx++) {
        struct vis_group *g = group_of(v, &cells[cx]);
        if (g != NULL && windows[cx].n > 0) {
            double s = score(&windows[cx]);
            g->ssim_sum += s;
            g->windows++;
            all->sum += s;
            all->n++;
        }
    }
}

static bool
has_counted(const struct visual *v, const struct vis_cell *cells)
{
    for (uint32_t cx = 0; cx < v->cell_w; cx++) {
        if (group_of(v, &cells[cx]) != NULL) {
            return true;
        }
    }
    return false;
}

bool
vis_measure_ssim(struct visual *v)
{
    struct mean all = {0, 0};
    double windows = (double)v->cell_w * v->cell_h;
    /* Rows that the other picture does not have are like nothing there. */
    double missing = (double)v->result.diff_pixels / (VIS_CELL * VIS_CELL);

    if (!v->options->measure_ssim) {
        return true;
    }
    if (!vis_buf_need(&v->line_buf, v->cell_w * sizeof(struct vis_window))) {
        return false;
    }
    for (uint32_t cy = 0; cy < v->cell_h; cy++) {
        const struct vis_cell *cells = vis_cell_row(v, cy);
        if (cells != NULL && has_counted(v, cells)) {
            add_cells(v, cells, cy, (struct vis_window *)(void *)v->line_buf.p, &all);
        }
    }
    if (all.n > 0) {
        v->result.ssim = all.sum / (double)all.n;
    }
    double lost = ((double)all.n - all.sum + missing) / windows;
    v->result.ssim_picture = lost > 1 ? 0 : 1 - lost;
    return true;
}
