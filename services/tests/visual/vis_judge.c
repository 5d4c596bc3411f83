/* SPDX-License-Identifier: Apache-2.0
 *
 * What happened to a thing: whether a move by a fraction of a pixel explains what it gained. A
 * corner that became rounder changes the sum as well, but cannot have moved: the sides that begin
 * where it ends did not. */
#include <stdlib.h>

#include "tests/visual/vis_things.h"

/* Of what changed, per cent that smoothing may add or lose: letters are drawn with a curve of
 * contrast, which is not linear; in stripes of a flat screen once for each. Boxes are painted in
 * layers, each smoothed by itself: at an edge d of a pixel beside up to d (1 - d) is lost. */
#define LOSS_MAX 25
#define LOSS_MAX_LARGE 50
#define LETTER_MAX 32      /* pixels: what is larger is a box */
#define THIN_MAX 3         /* pixels: a stroke */
#define PIECE_MAX 24       /* pixels: of a letter, not of the side of a box */
#define MOVED_MAX 0.92     /* of a pixel: a whole one is a change */
#define FAR_MAX 1.25       /* letters are set on whole pixels by some */
#define MOVED_MIN 0.1      /* of a pixel */
#define LETTERS_APART 0.25 /* of a pixel: letters are set at quarters, each on its own */
#define EDGE_MAX 1.25      /* pixels that the end of a line may gain or lose */
#define SLIGHT 64    /* squared: a border with less than an eighth of what the other has has none */
#define TINY 3       /* pixels above the threshold; fewer tell nothing */
#define FAINT_MIN 64 /* pixels above half of it: enough to tell without any above */

/* Of what changed, that no move explains pixel by pixel: from here on it is another letter; up to
 * here it moved, whatever the sum says. And the share of the steps between neighbours that changed:
 * all of them, when sides went a whole pixel each its own way. */
#define OTHER_MIN 0.8
#define FITTED_MAX 0.2
#define FITTED_SHARE_MAX 0.36
#define FITTED_FAR 1.25
#define WHOLE_SHARE 0.9
#define BENT_MIN 0.3   /* as far as the fit tells it */
#define APART_MIN 0.36 /* of the steps in a group, that no move of all of it explains */

/* A letter that moved while its neighbour stayed: rows of that neighbour, how often it gained the
 * step between its two grounds, and the share of steps that changed, which is 0.38 at most where
 * letters are set at quarters of a pixel. */
#define TORN_ROWS 3
#define TORN_GROUND 8
#define TORN_SHARE_MIN 0.42

/* Pixels given to this per call, as a share of the canvas and at least. */
#define BUDGET_SHARE 4
#define BUDGET_MIN ((uint64_t)1 << 18)
#define PARTED_SHARE 4 /* of what parts gained, that their group did not lose */
#define AREA_MIN 4096  /* pixels */
#define REACH 64       /* rows */

static double
size_of(double x)
{
    return x < 0 ? -x : x;
}

static double
dot(const int64_t a[3], const int64_t b[3])
{
    return (double)a[0] * (double)b[0] + (double)a[1] * (double)b[1] + (double)a[2] * (double)b[2];
}

/* The largest step of a channel that the border adds up to, per line. */
static double
step_of(const int64_t border[3], uint32_t lines)
{
    int64_t most = 0;

    for (int c = 0; c < 3; c++) {
        most = llabs(border[c]) > most ? llabs(border[c]) : most;
    }
    return (double)most / lines;
}

struct move {
    double dx, dy;
};

/* The move that explains most of the sum; `xx` and `yy` are the squares of the borders, 0 for one
 * along which nothing moved. */
static struct move
solve(const struct vis_thing *t, double xx, double yy)
{
    double xy = dot(t->across, t->down);
    double sx = -dot(t->sum, t->across);
    double sy = -dot(t->sum, t->down);
    double det = xx * yy - xy * xy;

    if (xx > 0 && yy > 0 && det > 0.05 * xx * yy) {
        return (struct move){(sx * yy - sy * xy) / det, (sy * xx - sx * xy) / det};
    }
    if (xx > 0 && xx >= yy) {
        return (struct move){sx / xx, 0};
    }
    return (struct move){0, yy > 0 ? sy / yy : 0};
}

static bool
is_within(struct move m, double limit)
{
    return size_of(m.dx) <= limit && size_of(m.dy) <= limit;
}

/* A stroke that moved has nothing else to have been drawn anew. */
static bool
is_thin(const struct vis_thing *t)
{
    return t->x1 - t->x0 <= THIN_MAX || t->last_row + 1 - t->y0 <= THIN_MAX;
}

/* The move of the thing, or none when what stands beside it did not move, or it went too far. */
static struct move
find_move(const struct vis_thing *t, bool mind_still, double limit)
{
    double xx = dot(t->across, t->across);
    double yy = dot(t->down, t->down);
    double step_x = step_of(t->across, t->last_row + 1 - t->y0);
    double step_y = step_of(t->down, t->x1 - t->x0);
    bool is_side = is_thin(t) && t->n > PIECE_MAX;
    bool is_corner = mind_still && !is_side && step_x * 3 > step_y && step_y * 3 > step_x;

    xx = is_corner && t->still[0] * 2.0 >= step_x ? 0 : xx;
    yy = is_corner && t->still[1] * 2.0 >= step_y ? 0 : yy;
    struct move m = solve(t, xx * SLIGHT < yy ? 0 : xx, yy * SLIGHT < xx ? 0 : yy);
    return is_within(m, limit) ? m : (struct move){0, 0};
}

/* What the move leaves of the sum, channel by channel. Returns how much that is. */
static double
rest_of(const struct vis_thing *t, struct move m, double out[3])
{
    double all = 0;

    for (int c = 0; c < 3; c++) {
        out[c] = (double)t->sum[c] + m.dx * (double)t->across[c] + m.dy * (double)t->down[c];
        all += size_of(out[c]);
    }
    return all;
}

/* Red and blue went apart: stripes of a flat screen. */
static bool
is_striped(const struct vis_thing *t)
{
    double both = (double)t->red_red * (double)t->blue_blue;
    double shared = t->red_blue > 0 ? (double)t->red_blue : 0;

    return t->red_red > 0 && t->blue_blue > 0 && shared * shared * 2 < both;
}

static double
light_sum(const int64_t sum[3])
{
    return (double)(sum[0] + sum[1] + sum[2]);
}

/* How far it went by the first moments, about the middle of the thing; what was lost may have stood
 * at either end. False: there is too little to tell. */
static bool
find_shift(const struct vis_thing *t, int axis, double *out)
{
    const double middle[2] = {(t->x0 + t->x1 - 1) / 2.0, (t->y0 + t->last_row) / 2.0};
    const double reach[2] = {(t->x1 - t->x0) / 2.0, (t->last_row + 1 - t->y0) / 2.0};
    double weight = t->weight[axis] + middle[axis] * light_sum(axis == 0 ? t->across : t->down);
    double moment = t->moment[axis] - middle[axis] * light_sum(t->sum);
    double slack = size_of(light_sum(t->sum)) * reach[axis];

    *out = 0;
    if (size_of(moment) > slack && weight != 0) {
        moment -= moment > 0 ? slack : -slack;
        *out = moment / weight;
    }
    return size_of(weight) * 4 > (double)t->sum_abs;
}

/* The larger of how far it went along either axis, 0 when there is too little to tell. */
static double
farthest(const struct vis_thing *t)
{
    double most = 0;

    for (int i = 0; i < 2; i++) {
        double shift;
        most = find_shift(t, i, &shift) && size_of(shift) > most ? size_of(shift) : most;
    }
    return most;
}

/* Nothing was smoothed anew: every pixel is there, elsewhere. */
static bool
is_exact(const struct vis_thing *t)
{
    return t->sum[0] == 0 && t->sum[1] == 0 && t->sum[2] == 0;
}

/* Whether it moved along both axes, though something beside it stayed along either: perhaps the
 * corner of a line that became rounder, whose straight parts lie where they lay. */
static bool
is_bent(const struct vis_thing *t, double out_shift[2])
{
    struct vis_fitted fit = vis_fit_solve(&t->fit);

    out_shift[0] = fit.dx;
    out_shift[1] = fit.dy;
    return t->over >= TINY && t->still[0] * 2.0 * t->n >= (double)t->sum_abs &&
           t->still[1] * 2.0 * t->n >= (double)t->sum_abs && size_of(fit.dx) >= BENT_MIN &&
           size_of(fit.dy) >= BENT_MIN;
}

enum finding {
    THING_SAME,    /* smoothed otherwise, or moved too little to tell */
    THING_MOVED,   /* by a fraction of a pixel */
    THING_STEPPED, /* by a whole one */
    THING_PARTED,  /* a move would explain it, but what stands beside it stayed */
    THING_CHANGED
};

/* Less than a pixel of the edge beside it, which did not move: the end of a piece of a line. */
static bool
is_less_than_edge(const struct vis_thing *t, const double rest[3])
{
    double edge = (t->still[0] > t->still[1] ? t->still[0] : t->still[1]) * EDGE_MAX;

    return size_of(rest[0]) < edge && size_of(rest[1]) < edge && size_of(rest[2]) < edge;
}

/* Another letter with as much ink, or sides that went a whole pixel away from each other. */
static bool
is_other(const struct vis_thing *t, const struct vis_fitted *fit, bool is_large)
{
    return is_large ? fit->share >= WHOLE_SHARE : fit->left >= OTHER_MIN && !is_thin(t);
}

/* A letter that moved though the next one of its word did not: what stands between is another. */
static bool
is_torn(const struct vis_thing *t, const struct vis_fitted *fit)
{
    bool stays = t->still_ink[0] >= TORN_ROWS || t->still_ink[1] >= TORN_ROWS;

    return stays && t->steps * TORN_GROUND <= t->sum_abs && fit->share >= TORN_SHARE_MIN &&
           size_of(fit->dx) > 2 * size_of(fit->dy);
}

/* One move explains every pixel: more than a line of them, as one alone always has such a move. */
static bool
is_fitted(const struct vis_thing *t, const struct vis_fitted *fit)
{
    return fit->left <= FITTED_MAX && fit->share <= FITTED_SHARE_MAX &&
           size_of(fit->dx) + size_of(fit->dy) <= FITTED_FAR && t->x1 - t->x0 > 1 &&
           t->last_row > t->y0 && (double)t->fit.change >= (double)t->sum_abs * 0.9;
}

/* What of the sum no move explains goes to out_rest. */
static enum finding
find_out(const struct vis_thing *t, double out_rest[3])
{
    double all = (double)t->sum_abs;
    bool is_large = t->x1 - t->x0 > LETTER_MAX || t->last_row + 1 - t->y0 > LETTER_MAX;
    bool striped = is_striped(t);
    double loss_max = all * (is_large || striped ? LOSS_MAX_LARGE : LOSS_MAX) / 100;
    struct move m = find_move(t, true, MOVED_MAX);
    double rest = rest_of(t, m, out_rest);
    double ignored[3];

    if (striped) {
        rest = size_of(out_rest[0] + out_rest[1] + out_rest[2]);
    }
    if (t->over < TINY) {
        bool lost =
            (t->high_hard > 0 && rest > loss_max) || (t->seen >= FAINT_MIN && rest > all * 0.95);
        return lost ? THING_CHANGED : THING_SAME;
    }
    struct vis_fitted fit = vis_fit_solve(&t->fit);
    if (!striped && (is_other(t, &fit, is_large) || (!is_large && is_torn(t, &fit)))) {
        return THING_CHANGED;
    }
    /* Two signs of the same: what was lost, and pixels far from anything that stood beside. */
    double stray = t->high_hard >= TINY && !is_thin(t) ? all * t->high_hard / t->over : 0;
    if (!is_large) {
        double apart = LETTERS_APART * (double)t->steps;
        loss_max = loss_max < apart ? apart : loss_max;
    }
    loss_max += t->n;
    if (rest + stray > loss_max && (stray > 0 || !is_less_than_edge(t, out_rest))) {
        struct move any = find_move(t, false, is_large ? MOVED_MAX : FAR_MAX);
        if (stray > 0 || rest_of(t, any, ignored) > loss_max) {
            return stray == 0 && is_fitted(t, &fit) ? THING_MOVED : THING_CHANGED;
        }
        return is_within(any, MOVED_MAX) || t->n > PIECE_MAX ? THING_PARTED : THING_STEPPED;
    }
    double far = m.dx == 0 && m.dy == 0 ? farthest(t) : 0;
    return far > FAR_MAX                               ? THING_CHANGED
           : far > MOVED_MAX && is_exact(t)            ? THING_STEPPED
           : size_of(m.dx) + size_of(m.dy) > MOVED_MIN ? THING_MOVED
                                                       : THING_SAME;
}

/* --- groups -------------------------------------------------------------------------------- */

struct judge {
    struct visual *v;
    double bent[2], bent_abs; /* sums of how far bent things went */
};

static void
take_thing(void *context, const struct vis_thing *t)
{
    struct judge *f = context;
    struct vis_group *g = &f->v->groups[t->region - 1];
    double rest[3];
    double shift[2];
    enum finding found = find_out(t, rest);

    if (found == THING_CHANGED) {
        g->changed_things++;
        g->changed_box =
            vis_rect_join(g->changed_box, (struct visual_rect){(int32_t)t->x0, (int32_t)t->y0,
                                                               (int32_t)(t->x1 - t->x0),
                                                               (int32_t)(t->last_row + 1 - t->y0)});
    }
    g->stepped_things += found == THING_STEPPED;
    g->moved_things += found == THING_MOVED;
    if (found <= THING_MOVED && is_bent(t, shift)) {
        g->is_bent = true;
        for (int i = 0; i < 2; i++) {
            f->bent[i] += shift[i];
            f->bent_abs += size_of(shift[i]);
        }
    }
    vis_fit_join(&g->fit, &t->fit);
    for (int c = 0; c < 3; c++) {
        g->gained[c] += t->sum[c];
        g->parted += found == THING_PARTED ? size_of(rest[c]) : 0;
    }
}

/* Whether the sums of the group leave a doubt. A codec leaves its grain, in which a thing has no
 * end; a whole area of another colour is a change. */
static bool
is_doubtful(const struct visual *v, const struct vis_group *g)
{
    const struct vis_sums *s = &g->sums;
    uint64_t seen = vis_seen_of(s);
    bool obvious = g->fate != VIS_FATE_TOLERATED && seen >= AREA_MIN && s->low_hard * 4 >= seen &&
                   vis_balance_of(s) >= 60;

    return s->over_hard + s->over_soft > 0 && !obvious && !v->is_lossy && vis_has_cluster(v, s);
}

/* Marks the groups to be looked at. Returns the rows in which they stand. */
static struct visual_rect
ask(struct visual *v)
{
    uint64_t budget = (uint64_t)v->w * v->h / BUDGET_SHARE;
    struct visual_rect rows = {0};

    budget = budget < BUDGET_MIN ? BUDGET_MIN : budget;
    for (size_t i = 0; i < v->group_count; i++) {
        struct vis_group *g = &v->groups[i];
        g->is_asked = is_doubtful(v, g) && g->sums.changed <= budget;
        if (g->is_asked) {
            budget -= g->sums.changed;
            rows = vis_rect_join(rows, vis_box_of(&g->sums));
        }
    }
    return rows;
}

/* Letters that stand on whole pixels step where what they belong to moves less. And what parts of
 * one thing lost and gained is none when they moved together. */
static bool
has_changed(const struct vis_group *g)
{
    bool stepped = g->stepped_things > 0 && g->moved_things == 0;
    double gained = (double)(llabs(g->gained[0]) + llabs(g->gained[1]) + llabs(g->gained[2]));
    bool parted = g->parted > 0 && gained * PARTED_SHARE > g->parted;
    struct vis_fitted fit = vis_fit_solve(&g->fit);
    bool apart = vis_seen_of(&g->sums) >= FAINT_MIN && fit.left * fit.share >= APART_MIN;

    return g->changed_things > 0 || stepped || parted || apart;
}

bool
vis_judge_things(struct visual *v)
{
    struct judge f = {.v = v};
    struct visual_rect rows = v->is_tolerant ? ask(v) : (struct visual_rect){0};

    if (rows.w == 0) {
        return true;
    }
    /* Things reach beyond what can be seen of them. */
    uint32_t y0 = rows.y > REACH ? (uint32_t)rows.y - REACH : 0;
    uint32_t y1 = (uint32_t)(rows.y + rows.h) + REACH;
    if (!vis_each_thing(v, y0, y1 < v->common_h ? y1 : v->common_h, take_thing, &f)) {
        return false;
    }
    /* Corners that all became rounder went each another way. */
    bool is_bent_apart = size_of(f.bent[0]) + size_of(f.bent[1]) < f.bent_abs / 2;
    for (size_t i = 0; i < v->group_count; i++) {
        struct vis_group *g = &v->groups[i];
        bool changed = has_changed(g) || (g->is_bent && is_bent_apart);
        if (g->is_asked && !changed) {
            g->fate = VIS_FATE_TOLERATED;
        } else if (g->is_asked && g->fate == VIS_FATE_TOLERATED) {
            g->fate = g->sums.over_hard > 0 ? VIS_FATE_COUNTED : VIS_FATE_FAINT;
        }
    }
    return true;
}
