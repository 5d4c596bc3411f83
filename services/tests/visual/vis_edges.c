/* SPDX-License-Identifier: Apache-2.0
 *
 * Boxes that moved by a fraction of a pixel. Of such a box one column changes on its left side and
 * one on its right, each all in one direction and far from the other: to the rules for groups
 * either looks like something recoloured. Together they do not: what one side gave the other took,
 * along the same rows and by the same fraction. Such sides are found here, and their groups are
 * judged again without them.
 *
 * A side is a chain of runs of changed pixels, one per line: a row for upright sides, a column for
 * lying ones. A run lies between two pixels that did not change; in both pictures it mixes their
 * two colours, and more of the further one the further it is. How much of it the mix lost is the
 * way the edge went, because a pixel on an edge is mixed by the area that each side covers of it. A
 * border that came has a colour of its own; or, where its colour happens to be such a mix, its
 * sides went apart. A side that is alone was drawn somewhere else on purpose. */
#include <stdlib.h>
#include <string.h>

#include "tests/visual/vis_runs.h"

#define GAP_MAX 3       /* lines */
#define SIDE_MIN 6      /* lines */
#define TAIL_MAX 24     /* lines beyond the end of a side: its round corner */
#define TAIL_RUN_MAX 48 /* pixels */
#define BALANCE_MAX 35  /* per cent: the corners of one side against those of the other */
#define GROUPS_TRIED 64

struct side {
    int32_t last_run;
    int32_t first, last; /* lines */
    int32_t moved;
    bool lighter;
};

struct finder {
    struct vis_runs all;
    struct side *sides;
    int32_t side_count;
};

/* --- sides --------------------------------------------------------------------------------- */

static bool
goes_on(const struct vis_run *above, const struct vis_run *r)
{
    int32_t slack = above->slack > r->slack ? above->slack : r->slack;

    return above->moved != 0 && !above->followed && abs(above->from - r->from) <= 1 &&
           abs(above->to - r->to) <= 2 && (above->luma > 0) == (r->luma > 0) &&
           abs(above->moved - r->moved) <= slack;
}

/* Joins the runs of a line to those that end on the line `above`. */
static void
chain_line(struct finder *f, int32_t line, int32_t above)
{
    const int32_t *start = &f->all.starts[line - f->all.line0];
    int32_t q = f->all.starts[above - f->all.line0];
    int32_t end = f->all.starts[above - f->all.line0 + 1];

    for (int32_t i = start[0]; i < start[1]; i++) {
        struct vis_run *r = &f->all.runs[i];
        while (q < end && f->all.runs[q].from < r->from - 1) {
            q++;
        }
        for (int32_t k = q; r->moved != 0 && r->above < 0 && k < end; k++) {
            if (f->all.runs[k].from > r->from + 1) {
                break;
            }
            if (goes_on(&f->all.runs[k], r)) {
                r->above = k;
                f->all.runs[k].followed = true;
            }
        }
    }
}

/* What crosses an edge, a hairline on the ground, hides a line or two of it. */
static void
chain_runs(struct finder *f)
{
    for (int32_t line = f->all.line0; line < f->all.line1; line++) {
        for (int32_t gap = 1; gap <= GAP_MAX && line - gap >= f->all.line0; gap++) {
            chain_line(f, line, line - gap);
        }
    }
}

static bool
add_side(struct finder *f, int32_t last_run)
{
    struct vis_buf *buf = &f->all.v->side_buf;
    size_t used = (size_t)f->side_count * sizeof(struct side);
    int64_t moved = 0;
    int32_t n = 0;
    struct side s = {.last_run = last_run, .last = f->all.runs[last_run].line};

    for (int32_t i = last_run; i >= 0; i = f->all.runs[i].above, n++) {
        moved += f->all.runs[i].moved;
        s.first = f->all.runs[i].line;
    }
    if (n < SIDE_MIN) {
        return true;
    }
    if (!vis_buf_grow(buf, used, used + sizeof(s))) {
        return false;
    }
    s.moved = (int32_t)(moved / n);
    s.lighter = f->all.runs[last_run].luma > 0;
    f->sides = (struct side *)(void *)buf->p;
    f->sides[f->side_count++] = s;
    return true;
}

static bool
find_sides(struct finder *f)
{
    chain_runs(f);
    for (int32_t i = 0; i < f->all.count; i++) {
        if (f->all.runs[i].moved != 0 && !f->all.runs[i].followed && !add_side(f, i)) {
            return false;
        }
    }
    return true;
}

/* Whether two sides stand along the same lines. */
static bool
are_level(const struct side *a, const struct side *b)
{
    int32_t slack = 2 + (a->last - a->first) / 8;

    return abs(a->first - b->first) <= slack && abs(a->last - b->last) <= slack;
}

/* The other side of the box of which `s` is one: it went the same way, and lost what `s` gained.
 * NULL when there is none, or when one went the other way: then the box became larger or smaller.
 * They need not have gone as far: a border and the ground below it are smoothed one after the
 * other. */
static const struct side *
other_side(const struct finder *f, const struct side *s)
{
    const struct side *found = NULL;
    int32_t least = INT32_MAX;

    for (int32_t i = 0; i < f->side_count; i++) {
        const struct side *o = &f->sides[i];
        bool same_way = (o->moved > 0) == (s->moved > 0);
        bool same_luma = o->lighter == s->lighter;
        if (o == s || same_way == same_luma || !are_level(s, o)) {
            continue;
        }
        if (!same_way) {
            return NULL;
        }
        int32_t apart =
            abs(o->first - s->first) + abs(o->last - s->last) + abs(o->moved - s->moved) / 16;
        if (apart < least) {
            least = apart;
            found = o;
        }
    }
    return found;
}

/* --- round corners ------------------------------------------------------------------------- */

struct tail {
    int64_t luma, luma_abs;
};

/* The runs that go on from the end of a side, line by line in the direction `dir`. Counts what they
 * gained, or marks them as explained. */
static void
follow_tail(struct finder *f, const struct vis_run *end, int32_t dir, bool explain,
            struct tail *out)
{
    int32_t lo = end->from;
    int32_t hi = end->to;

    for (int32_t line = end->line + dir, i = 0; i < TAIL_MAX; i++, line += dir) {
        int32_t next_lo = INT32_MAX;
        int32_t next_hi = -1;
        if (line < f->all.line0 || line >= f->all.line1) {
            return;
        }
        for (int32_t k = f->all.starts[line - f->all.line0];
             k < f->all.starts[line - f->all.line0 + 1]; k++) {
            struct vis_run *r = &f->all.runs[k];
            if (r->from > hi || r->to < lo || r->to - r->from > TAIL_RUN_MAX) {
                continue;
            }
            out->luma += r->luma;
            out->luma_abs += r->luma_abs;
            r->explained = r->explained || explain;
            next_lo = r->from < next_lo ? r->from : next_lo;
            next_hi = r->to > next_hi ? r->to : next_hi;
        }
        if (next_hi < 0) {
            return;
        }
        lo = next_lo;
        hi = next_hi;
    }
}

/* From the lines `first` and `last` of the side outwards. */
static void
follow_tails(struct finder *f, const struct side *s, int32_t first, int32_t last, bool explain,
             struct tail *out)
{
    const struct vis_run *top = &f->all.runs[s->last_run];
    const struct vis_run *bottom = top;

    while (bottom->line > last && bottom->above >= 0) {
        bottom = &f->all.runs[bottom->above];
    }
    while (top->above >= 0 && f->all.runs[top->above].line >= first) {
        top = &f->all.runs[top->above];
    }
    follow_tail(f, top, -1, explain, out);
    follow_tail(f, bottom, 1, explain, out);
}

/* The corners of both sides together gave as much as they took. */
static void
explain_pair(struct finder *f, const struct side *s, const struct side *o)
{
    struct tail both = {0, 0};
    int32_t first = s->first > o->first ? s->first : o->first;
    int32_t last = s->last < o->last ? s->last : o->last;

    for (int32_t i = s->last_run; i >= 0; i = f->all.runs[i].above) {
        f->all.runs[i].explained = true;
    }
    follow_tails(f, s, first, last, false, &both);
    follow_tails(f, o, first, last, false, &both);
    if (llabs(both.luma) * 100 <= both.luma_abs * BALANCE_MAX) {
        follow_tails(f, s, first, last, true, &both);
    }
}

/* --- groups -------------------------------------------------------------------------------- */

static void
take_pixel(struct visual *v, struct vis_sums *s, uint32_t a, uint32_t b, uint8_t code)
{
    bool over = code == VIS_CODE_OVER_SOFT;
    const struct vis_cached *pair = vis_colour_pair(v, a, b);

    if ((code != VIS_CODE_LOW_SOFT && !over) || s->low_soft == 0) {
        return;
    }
    s->low_soft--;
    s->over_soft -= over && s->over_soft > 0;
    s->high_soft -= (pair->level & VIS_HIGH) != 0 && s->high_soft > 0;
    s->luma -= pair->luma;
    uint64_t luma_abs = (uint64_t)abs(pair->luma);
    s->luma_abs -= luma_abs < s->luma_abs ? luma_abs : s->luma_abs;
}

/* Takes the explained pixels of the group out of its sums. */
static void
take_explained(const struct finder *f, uint32_t group, struct vis_sums *s)
{
    const uint32_t *p[2];

    for (int32_t i = 0; i < f->all.count; i++) {
        const struct vis_run *r = &f->all.runs[i];
        for (int32_t x = r->from; r->explained && vis_line_of(&f->all, r->line, p) && x < r->to;
             x++) {
            uint32_t px = (uint32_t)(f->all.upright ? x : r->line);
            uint32_t py = (uint32_t)(f->all.upright ? r->line : x);
            const struct vis_cell *cells = vis_cell_row(f->all.v, py / VIS_CELL);
            if (cells != NULL && cells[px / VIS_CELL].region == group + 1) {
                take_pixel(f->all.v, s, p[0][x], p[1][x], vis_code_at(f->all.v, px, py));
            }
        }
    }
}

/* The cells of explained runs: what is left in them may look like a line. */
static void
mark_explained(const struct finder *f, uint8_t *cells)
{
    const struct visual *v = f->all.v;

    for (int32_t i = 0; i < f->all.count; i++) {
        const struct vis_run *r = &f->all.runs[i];
        for (int32_t x = r->from; r->explained && x < r->to; x++) {
            uint32_t px = (uint32_t)(f->all.upright ? x : r->line);
            uint32_t py = (uint32_t)(f->all.upright ? r->line : x);
            cells[(size_t)(py / VIS_CELL) * v->cell_w + px / VIS_CELL] = 1;
        }
    }
}

/* Takes what moved sides explain of the group out of the sums. False: cannot tell. */
static bool
explain(struct visual *v, uint32_t group, bool upright, struct vis_sums *s, uint64_t *budget)
{
    struct finder f = {.side_count = 0};

    if (!vis_find_runs(v, &v->groups[group].sums, upright, budget, &f.all) || !find_sides(&f)) {
        return false;
    }
    for (int32_t i = 0; i < f.side_count; i++) {
        const struct side *o = other_side(&f, &f.sides[i]);
        if (o != NULL) {
            explain_pair(&f, &f.sides[i], o);
        }
    }
    take_explained(&f, group, s);
    mark_explained(&f, v->stack_buf.p);
    return true;
}

/* Mostly edges, that is. */
static bool
may_be_sides(const struct vis_group *g)
{
    const struct vis_sums *s = &g->sums;

    return (g->fate == VIS_FATE_COUNTED || g->fate == VIS_FATE_FAINT) &&
           s->low_hard * 4 <= s->low_hard + s->low_soft;
}

static void
excuse(struct visual *v, uint32_t group, uint64_t *budget)
{
    struct vis_group *g = &v->groups[group];
    struct vis_sums rest = g->sums;
    size_t cells = (size_t)v->cell_w * v->cell_h;

    if (!vis_buf_need(&v->stack_buf, cells)) {
        return;
    }
    memset(v->stack_buf.p, 0, cells);
    for (int axis = 0; axis < 2 && g->fate != VIS_FATE_TOLERATED; axis++) {
        if (explain(v, group, axis == 0, &rest, budget) &&
            vis_judge(v, &rest) == VIS_FATE_TOLERATED &&
            !vis_has_line(v, group + 1, &g->sums, v->stack_buf.p)) {
            g->fate = VIS_FATE_TOLERATED;
        }
    }
}

void
vis_excuse_edges(struct visual *v)
{
    uint64_t budget = 4 * (uint64_t)v->w * v->h;
    int tried = 0;

    for (uint32_t i = 0; !v->aligned && i < v->group_count && tried < GROUPS_TRIED; i++) {
        if (may_be_sides(&v->groups[i]) && !vis_has_spot(v, i + 1, &v->groups[i].sums)) {
            excuse(v, i, &budget);
            tried++;
        }
    }
}
