/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows that came in between or went away. Where a page differs all the way down, its rows are
 * matched by content: rows that occur once in both pictures are anchors, the longest chain of them
 * that keeps its order stands, and every anchor is extended both ways. Only the columns that differ
 * take part, so that a fixed bar beside moving content does not hide the move. A match by hash is
 * checked by its bytes. */
#include <stdlib.h>
#include <string.h>

#include "tests/visual/vis_bytes.h"
#include "tests/visual/vis_cmp.h"

/* Fewer differing rows are compared in place: a block that moved is found by vis_move. */
#define ROWS_MIN 16
#define SHARE_MIN 16 /* one in so many */
#define NONE UINT32_MAX

struct span {
    uint32_t x0, x1; /* columns */
    uint32_t top;    /* rows above are equal */
    uint32_t na, nb; /* rows from top to the ends */
};

struct slot {
    uint64_t hash;
    uint32_t a, b; /* row + 1, 0: none, NONE: more than one */
};

struct aligner {
    struct visual *v;
    struct span span;
    uint64_t *hash_a, *hash_b;
    uint32_t *match; /* per row of b: its row in a, or NONE */
    uint32_t *tails, *back;
    struct slot *slots;
    size_t slot_mask;
};

/* --- where it differs */

/* The row as the comparison of bytes takes it, and the bytes of a pixel in it. */
static const uint8_t *
bytes_of_row(struct visual *v, int which, uint32_t y, uint32_t *out_bpp)
{
    const struct vis_image *im = &v->image[which];

    if (v->same_kind && im->depth >= 8) {
        *out_bpp = im->bpp;
        return vis_pixel_row(v, which, y);
    }
    *out_bpp = 4;
    return (const uint8_t *)vis_drawn_row(v, which, y);
}

/* The columns in which rows of both differ. */
static void
find_columns(struct visual *v, struct span *s)
{
    s->x0 = v->common_w;
    s->x1 = 0;
    for (uint32_t y = s->top; y < v->common_h && !(s->x0 == 0 && s->x1 == v->common_w); y++) {
        uint32_t bpp = 1;
        if (v->equal[y]) {
            continue;
        }
        const uint8_t *a = bytes_of_row(v, 0, y, &bpp);
        const uint8_t *b = bytes_of_row(v, 1, y, &bpp);
        size_t n = (size_t)v->common_w * bpp;
        uint32_t first = (uint32_t)(vis_first_difference(a, b, 0, n) / bpp);
        s->x0 = first < s->x0 ? first : s->x0;
        size_t last = vis_last_difference(a, b, (size_t)s->x1 * bpp, n);
        uint32_t end = (uint32_t)((last + bpp - 1) / bpp);
        s->x1 = end > s->x1 ? end : s->x1;
    }
    if (s->x0 >= s->x1) { /* only rows beyond the other picture */
        s->x0 = 0;
        s->x1 = v->common_w;
    }
}

static bool
is_worth_it(const struct visual *v)
{
    uint32_t differing = 0;

    for (uint32_t y = 0; y < v->common_h; y++) {
        differing += !v->equal[y];
    }
    bool other_height = v->image[0].h != v->image[1].h && differing > 0;
    return v->options->find_shifts && v->image[0].w == v->image[1].w &&
           (other_height || (differing >= ROWS_MIN && differing * SHARE_MIN >= v->common_h));
}

/* --- hashes */

static const uint8_t *
span_of_row(const struct aligner *al, int which, uint32_t row, size_t *out_n)
{
    uint32_t bpp = 1;
    const uint8_t *p = bytes_of_row(al->v, which, al->span.top + row, &bpp);

    *out_n = (size_t)(al->span.x1 - al->span.x0) * bpp;
    return p + (size_t)al->span.x0 * bpp;
}

static void
hash_rows(struct aligner *al)
{
    const struct span *s = &al->span;
    size_t n = 0;

    for (uint32_t i = 0; i < s->na; i++) {
        const uint8_t *p = span_of_row(al, 0, i, &n);
        al->hash_a[i] = vis_hash_bytes(p, n);
    }
    for (uint32_t i = 0; i < s->nb; i++) {
        bool shared = i < s->na && al->v->equal[s->top + i] && s->top + i < al->v->common_h;
        const uint8_t *p = shared ? NULL : span_of_row(al, 1, i, &n);
        al->hash_b[i] = shared ? al->hash_a[i] : vis_hash_bytes(p, n);
    }
}

static bool
is_same_row(struct aligner *al, uint32_t a, uint32_t b)
{
    size_t n = 0;

    if (al->hash_a[a] != al->hash_b[b]) {
        return false;
    }
    if (a == b && al->v->equal[al->span.top + a]) {
        return true;
    }
    /* One buffer of drawn rows per picture: both stay. */
    const uint8_t *pa = span_of_row(al, 0, a, &n);
    const uint8_t *pb = span_of_row(al, 1, b, &n);
    return memcmp(pa, pb, n) == 0;
}

/* --- anchors */

static struct slot *
slot_of(struct aligner *al, uint64_t hash)
{
    size_t i = hash & al->slot_mask;

    while ((al->slots[i].a | al->slots[i].b) != 0 && al->slots[i].hash != hash) {
        i = (i + 1) & al->slot_mask;
    }
    al->slots[i].hash = hash;
    return &al->slots[i];
}

static void
index_rows(struct aligner *al)
{
    for (uint32_t i = 0; i < al->span.na; i++) {
        struct slot *s = slot_of(al, al->hash_a[i]);
        s->a = s->a == 0 ? i + 1 : NONE;
    }
    for (uint32_t i = 0; i < al->span.nb; i++) {
        struct slot *s = slot_of(al, al->hash_b[i]);
        s->b = s->b == 0 ? i + 1 : NONE;
    }
}

/* For row b of the current picture the only row of the baseline like it, or NONE. */
static uint32_t
partner(struct aligner *al, uint32_t b)
{
    const struct slot *s = slot_of(al, al->hash_b[b]);

    return s->a != 0 && s->a != NONE && s->b == b + 1 ? s->a - 1 : NONE;
}

/* The longest chain of anchors that keeps its order in both: patience sorting. Rows off the chain
 * get no match. */
static void
choose_anchors(struct aligner *al)
{
    uint32_t length = 0;

    for (uint32_t b = 0; b < al->span.nb; b++) {
        uint32_t a = partner(al, b);
        uint32_t lo = 0;
        uint32_t hi = length;
        al->match[b] = a;
        if (a == NONE) {
            continue;
        }
        while (lo < hi) {
            uint32_t mid = (lo + hi) / 2;
            if (al->match[al->tails[mid]] < a) {
                lo = mid + 1;
            } else {
                hi = mid;
            }
        }
        al->back[b] = lo == 0 ? NONE : al->tails[lo - 1];
        al->tails[lo] = b;
        length = lo == length ? length + 1 : length;
    }
    uint32_t on_chain = length == 0 ? NONE : al->tails[length - 1];
    for (uint32_t b = al->span.nb; b-- > 0;) {
        if (b == on_chain) {
            on_chain = al->back[b];
        } else {
            al->match[b] = NONE;
        }
    }
}

/* Extends matches downwards, then upwards, over rows that are the same but not unique. */
static void
extend(struct aligner *al)
{
    uint32_t na = al->span.na;
    uint32_t nb = al->span.nb;
    uint32_t taken = 0; /* rows of a below this are matched, or passed */

    for (uint32_t b = 0; b < nb; b++) {
        if (al->match[b] != NONE) {
            taken = al->match[b] + 1;
        } else if (taken < na && (b == 0 ? taken == 0 : al->match[b - 1] == taken - 1) &&
                   is_same_row(al, taken, b)) {
            al->match[b] = taken++;
        }
    }
    uint32_t limit = na; /* rows of a from this on are matched */
    for (uint32_t b = nb; b-- > 0;) {
        bool follows = b + 1 == nb ? limit == na : al->match[b + 1] == limit;
        if (al->match[b] != NONE) {
            limit = al->match[b];
        } else if (follows && limit > 0 && is_same_row(al, limit - 1, b)) {
            al->match[b] = --limit;
        }
    }
}

/* The upward pass may have met rows that the downward one had given to matches above: order
 * decides. */
static void
keep_order(struct aligner *al)
{
    uint32_t next = 0;

    for (uint32_t b = 0; b < al->span.nb; b++) {
        if (al->match[b] != NONE && al->match[b] < next) {
            al->match[b] = NONE;
        }
        next = al->match[b] == NONE ? next : al->match[b] + 1;
    }
}

/* --- what it means */

static bool
add_rows(struct visual *v, uint32_t y, uint32_t h, bool inserted)
{
    if (!vis_buf_grow(&v->rows_buf, v->rows_count * sizeof(*v->rows),
                      (v->rows_count + 1) * sizeof(*v->rows))) {
        return false;
    }
    v->rows = (struct visual_rows *)(void *)v->rows_buf.p;
    v->rows[v->rows_count++] = (struct visual_rows){(int32_t)y, (int32_t)h, inserted};
    return true;
}

/* How many of the `both` rows to compare from the top of a gap; the rest is compared from its
 * bottom, and in between is what came or went: where most rows are the same then. */
static uint32_t
best_split(struct aligner *al, uint32_t a0, uint32_t a1, uint32_t b0, uint32_t b1)
{
    uint32_t both = a1 - a0 < b1 - b0 ? a1 - a0 : b1 - b0;
    uint32_t same = 0;
    uint32_t best_same = 0;
    uint32_t best = both;

    for (uint32_t i = 0; i < both; i++) {
        same += al->hash_a[a0 + i] == al->hash_b[b0 + i];
    }
    best_same = same;
    for (uint32_t i = both; i-- > 0;) {
        uint32_t up = both - i; /* from the bottom */
        same -= al->hash_a[a0 + i] == al->hash_b[b0 + i];
        same += al->hash_a[a1 - up] == al->hash_b[b1 - up];
        if (same > best_same) {
            best_same = same;
            best = i;
        }
    }
    return best;
}

static void
pair_rows(struct aligner *al, uint32_t a, uint32_t b)
{
    uint32_t same = is_same_row(al, a, b) ? VIS_PAIR_SAME : 0;

    al->v->pair[al->span.top + b] = (al->span.top + a) | same;
}

/* Between two matches: rows of both are compared in order, what is left came in between or went
 * away. */
static bool
fill_gap(struct aligner *al, uint32_t a0, uint32_t a1, uint32_t b0, uint32_t b1)
{
    struct visual *v = al->v;
    uint32_t top = al->span.top;
    uint32_t both = a1 - a0 < b1 - b0 ? a1 - a0 : b1 - b0;
    uint32_t split = best_split(al, a0, a1, b0, b1);

    for (uint32_t i = 0; i < split; i++) {
        pair_rows(al, a0 + i, b0 + i);
    }
    for (uint32_t i = split; i < both; i++) {
        pair_rows(al, a1 - both + i, b1 - both + i);
    }
    if (b1 - b0 > both && !add_rows(v, top + b0 + split, b1 - b0 - both, true)) {
        return false;
    }
    return a1 - a0 <= both || add_rows(v, top + a0 + split, a1 - a0 - both, false);
}

/* Sets v->pair and v->rows from the matches. */
static bool
apply(struct aligner *al)
{
    struct visual *v = al->v;
    uint32_t a = 0;
    uint32_t b = 0;

    for (uint32_t i = 0; i <= al->span.nb; i++) {
        uint32_t match = i == al->span.nb ? al->span.na : al->match[i];
        if (match == NONE) {
            continue;
        }
        if (!fill_gap(al, a, match, b, i)) {
            return false;
        }
        if (i < al->span.nb) {
            v->pair[al->span.top + i] = (al->span.top + match) | VIS_PAIR_SAME;
        }
        a = match + 1;
        b = i + 1;
    }
    return true;
}

/* How many rows match elsewhere than in place, and how much more rows match so than in place. */
static bool
is_better(const struct aligner *al, int32_t *out_shift)
{
    const struct span *s = &al->span;
    uint32_t moved = 0;
    uint32_t matched = 0;
    uint32_t in_place = 0;
    uint32_t run = 0;
    uint32_t best = 0;

    for (uint32_t b = 0; b < s->nb; b++) {
        bool has = al->match[b] != NONE;
        bool away = has && al->match[b] != b;
        matched += has;
        moved += away;
        in_place += b < s->na && al->v->equal[s->top + b];
        bool joins = away && b > 0 && al->match[b - 1] == al->match[b] - 1;
        run = away ? (joins ? run + 1 : 1) : 0;
        if (run > best) {
            best = run;
            *out_shift = (int32_t)b - (int32_t)al->match[b];
        }
    }
    return moved >= 8 && matched >= in_place + 8 && moved * 20 >= s->nb;
}

static bool
take_memory(struct aligner *al)
{
    struct visual *v = al->v;
    size_t na = al->span.na;
    size_t nb = al->span.nb;
    size_t slots = 16;

    while (slots < 2 * (na + nb)) {
        slots *= 2;
    }
    if (!vis_buf_need(&v->hash_buf, (na + nb) * 8 + nb * 12 + slots * sizeof(struct slot))) {
        return false;
    }
    uint8_t *p = v->hash_buf.p;
    al->slots = (struct slot *)(void *)p;
    al->hash_a = (uint64_t *)(void *)(p + slots * sizeof(struct slot));
    al->hash_b = al->hash_a + na;
    al->match = (uint32_t *)(void *)(al->hash_b + nb);
    al->tails = al->match + nb;
    al->back = al->tails + nb;
    al->slot_mask = slots - 1;
    memset(al->slots, 0, slots * sizeof(struct slot));
    return true;
}

bool
vis_align(struct visual *v)
{
    struct aligner al = {.v = v};
    struct span *s = &al.span;
    int32_t shift = 0;

    v->aligned = false;
    if (!is_worth_it(v)) {
        return true;
    }
    while (s->top < v->common_h && v->equal[s->top]) {
        s->top++;
    }
    find_columns(v, s);
    s->na = v->image[0].h - s->top;
    s->nb = v->image[1].h - s->top;
    if (!take_memory(&al)) {
        return false;
    }
    hash_rows(&al);
    index_rows(&al);
    choose_anchors(&al);
    extend(&al);
    keep_order(&al);
    if (!is_better(&al, &shift)) {
        return true;
    }
    v->aligned = true;
    v->aligned_top = s->top;
    v->aligned_x0 = s->x0;
    v->aligned_x1 = s->x1;
    v->result.dy = shift;
    for (uint32_t y = s->top; y < v->h; y++) {
        v->pair[y] = VIS_NO_ROW;
    }
    return apply(&al);
}
