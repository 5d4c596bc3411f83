/* SPDX-License-Identifier: Apache-2.0
 *
 * The operations on rows for processors with a vector unit, in the lanes of vis_lanes.h. Every
 * function gives what its plain form gives, to the bit; the ends of rows that do not fill a vector
 * go to the plain form. */
#include "tests/visual/vis_lanes.h"
#include "tests/visual/vis_ops.h"

#if defined(VIS_LANES)

/* --- filters */

/* Four bytes, of which the pixel's are written. */
LANES void
store_pixel(uint8_t *p, one_px v, uint32_t bpp)
{
    uint32_t x = bytes_of1(v);

    if (bpp == 4) {
        memcpy(p, &x, 4);
    } else {
        memcpy(p, &x, 2);
        p[2] = (uint8_t)(x >> 16);
    }
}

VIS_LANES static void
unfilter_up(uint8_t *row, const uint8_t *prev, size_t n)
{
    size_t i = 0;

    for (; i + 32 <= n; i += 32) {
        store8(row + i, add_u8(load8(row + i), load8(prev + i)));
    }
    for (; i < n; i++) {
        row[i] = (uint8_t)(row[i] + prev[i]);
    }
}

LANES void
unfilter_sub(uint8_t *row, size_t n, uint32_t bpp)
{
    one_px left = zero1();
    size_t i = 0;

    for (; i + 4 <= n; i += bpp) {
        left = add_bytes1(left, load1(row + i));
        store_pixel(row + i, left, bpp);
    }
    for (; i < n; i++) {
        row[i] = (uint8_t)(row[i] + row[i - bpp]);
    }
}

LANES void
unfilter_average(uint8_t *row, const uint8_t *prev, size_t n, uint32_t bpp)
{
    one_px left = zero1();
    size_t i = 0;

    for (; i + 4 <= n; i += bpp) {
        one_px mean = half1(add1(left, load1(prev + i)));
        left = add_bytes1(mean, load1(row + i));
        store_pixel(row + i, left, bpp);
    }
    for (; i < n; i++) {
        row[i] = (uint8_t)(row[i] + (row[i - bpp] + prev[i]) / 2);
    }
}

LANES one_px
paeth_guess(one_px left, one_px up, one_px corner)
{
    one_px by_left = sub1(up, corner);
    one_px by_up = sub1(left, corner);
    one_px by_corner = abs1(add1(by_left, by_up));
    by_left = abs1(by_left);
    by_up = abs1(by_up);
    one_px least = min1(by_corner, min1(by_left, by_up));
    return if_equal1(least, by_left, left, if_equal1(least, by_up, up, corner));
}

/* Copies 96 bytes a step, which are whole pixels of three bytes and of four. */
LANES size_t
copy_pixels(uint8_t *row, const uint8_t *prev, size_t i, size_t n)
{
    while (i + 96 <= n &&
           is_zero8(or8(load8(row + i), or8(load8(row + i + 32), load8(row + i + 64))))) {
        store8(row + i, load8(prev + i));
        store8(row + i + 32, load8(prev + i + 32));
        store8(row + i + 64, load8(prev + i + 64));
        i += 96;
    }
    return i;
}

/* Where the residue is zero and left is corner the guess is `up`, pixel after pixel. */
LANES size_t
copy_run(uint8_t *row, const uint8_t *prev, size_t i, size_t n, uint32_t bpp)
{
    uint32_t left;
    uint32_t corner;

    if (i < bpp || i + 32 > n) {
        return i;
    }
    memcpy(&left, row + i - bpp, 4);
    memcpy(&corner, prev + i - bpp, 4);
    if (((left ^ corner) & (bpp == 3 ? UINT32_C(0xffffff) : UINT32_MAX)) != 0) {
        return i;
    }
    i = copy_pixels(row, prev, i, n);
    while (i + 32 <= n && is_zero8(load8(row + i))) {
        store8(row + i, load8(prev + i));
        i += 32 / bpp * bpp;
        /* What was copied beyond the last whole pixel is taken back: it is residue still. */
        if (bpp == 3) {
            row[i] = 0;
            row[i + 1] = 0;
        }
    }
    return i;
}

/* The last bytes of a row that are too few to be loaded as a pixel. */
static void
unfilter_paeth_end(uint8_t *row, const uint8_t *prev, size_t i, size_t n, uint32_t bpp)
{
    uint8_t tail[8] = {0};
    uint8_t above[8] = {0};
    size_t from = i == 0 ? 0 : i - bpp;

    memcpy(tail, row + from, n - from);
    memcpy(above, prev + from, n - from);
    if (i > 0) {
        vis_plain_unfilter_from(tail, above, bpp, n - from, bpp, 4);
    } else {
        vis_plain_unfilter(tail, above, n, bpp, 4);
    }
    memcpy(row + from, tail, n - from);
}

LANES void
unfilter_paeth(uint8_t *row, const uint8_t *prev, size_t n, uint32_t bpp)
{
    one_px left = zero1();
    one_px corner = zero1();
    size_t i = 0;

    while (i + 4 <= n) {
        uint32_t residue;
        memcpy(&residue, row + i, 4);
        if (residue == 0) {
            size_t to = copy_run(row, prev, i, n, bpp);
            if (to > i) {
                i = to;
                left = load1(row + i - bpp);
                corner = load1(prev + i - bpp);
                continue;
            }
        }
        one_px up = load1(prev + i);
        left = add_bytes1(paeth_guess(left, up, corner), load1(row + i));
        store_pixel(row + i, left, bpp);
        corner = up;
        i += bpp;
    }
    if (i < n) {
        unfilter_paeth_end(row, prev, i, n, bpp);
    }
}

VIS_LANES static void
unfilter(uint8_t *row, const uint8_t *prev, size_t n, uint32_t bpp, uint8_t filter)
{
    if (filter == 2) {
        unfilter_up(row, prev, n);
    } else if ((bpp != 3 && bpp != 4) || n < 8) {
        vis_plain_unfilter(row, prev, n, bpp, filter);
    } else if (filter == 1) {
        bpp == 3 ? unfilter_sub(row, n, 3) : unfilter_sub(row, n, 4);
    } else if (filter == 3) {
        bpp == 3 ? unfilter_average(row, prev, n, 3) : unfilter_average(row, prev, n, 4);
    } else {
        bpp == 3 ? unfilter_paeth(row, prev, n, 3) : unfilter_paeth(row, prev, n, 4);
    }
}

/* --- drawn pixels */

VIS_LANES static void
expand_rgb(uint32_t *out, const uint8_t *row, size_t pixels)
{
    size_t x = 0;

    for (; x + 10 <= pixels; x += 8) { /* 28 bytes are read for 24 */
        store8(out + x, load8_rgb(row + x * 3));
    }
    vis_plain_expand_rgb(out + x, row + x * 3, pixels - x);
}

VIS_LANES static void
expand_rgba(uint32_t *out, const uint8_t *row, size_t pixels)
{
    const eight_px opaque = all_u32(UINT32_C(0xff000000));
    size_t x = 0;

    for (; x + 8 <= pixels; x += 8) {
        eight_px v = load8(row + x * 4);
        if (is_zero8(without8(v, opaque))) {
            store8(out + x, v);
        } else {
            vis_plain_expand_rgba(out + x, row + x * 4, 8);
        }
    }
    vis_plain_expand_rgba(out + x, row + x * 4, pixels - x);
}

/* vis_luma of eight pixels. */
LANES eight_px
luma8(eight_px v)
{
    const eight_px byte = all_u32(255);
    eight_px red = and8(v, byte);
    eight_px green = and8(SHIFT_RIGHT_U32(v, 8), byte);
    eight_px blue = and8(SHIFT_RIGHT_U32(v, 16), byte);
    eight_px sum = add_u32(mul_u15(red, all_u32(77)),
                           add_u32(mul_u15(green, all_u32(150)), mul_u15(blue, all_u32(29))));
    return SHIFT_RIGHT_U32(sum, 8);
}

VIS_LANES static void
shade(uint8_t *out, const uint32_t *row, size_t pixels)
{
    size_t x = 0;

    for (; x + 8 <= pixels; x += 8) {
        eight_px grey = mul_u15(luma8(load8(row + x)), all_u32(VIS_SHADES));
        store_lanes_as_bytes(out + x, add_u32(SHIFT_RIGHT_U32(grey, 8), all_u32(4)));
    }
    vis_plain_shade(out + x, row + x, pixels - x);
}

/* --- what changed */

struct bounds {
    eight_px lo, hi;
};

/* The least and largest values of the 3 x 3 pixels around each of eight, widened by the slack. */
LANES struct bounds
bounds_of(const uint32_t *const rows[3], size_t x)
{
    struct bounds b = {all_u8(255), all_u8(0)};

    for (int dy = 0; dy < 3; dy++) {
        for (int dx = -1; dx <= 1; dx++) {
            eight_px v = load8(rows[dy] + x + dx);
            b.lo = min_u8(b.lo, v);
            b.hi = max_u8(b.hi, v);
        }
    }
    eight_px slack = add_u8(quarter_u8(sub_u8(b.hi, b.lo)), all_u8(VIS_ENVELOPE_SLACK));
    b.lo = sub_to_limit_u8(b.lo, slack);
    b.hi = add_to_limit_u8(b.hi, slack);
    return b;
}

/* All ones in the pixels of `v` that lie within. */
LANES eight_px
within(struct bounds b, eight_px v)
{
    eight_px ok = and8(eq_u8(max_u8(v, b.lo), v), eq_u8(min_u8(v, b.hi), v));
    return eq_u32(ok, all_u8(255));
}

/* How much lighter each column of three pixels became: with its sign, and without. */
struct columns {
    uint32_t sum[16], sum_abs[16];
};

LANES void
add_columns(struct columns *c, const uint32_t *const a[3], const uint32_t *const b[3], ptrdiff_t x,
            size_t to)
{
    eight_px sum = all_u32(0);
    eight_px sum_abs = all_u32(0);

    for (int dy = 0; dy < 3; dy++) {
        eight_px d = sub_u32(luma8(load8(b[dy] + x)), luma8(load8(a[dy] + x)));
        sum = add_u32(sum, d);
        sum_abs = add_u32(sum_abs, abs_i32(d));
    }
    store8(c->sum + to, sum);
    store8(c->sum_abs + to, sum_abs);
}

/* All ones in the pixels around which light and dark nearly cancel out. */
LANES eight_px
balanced(const uint32_t *const a[3], const uint32_t *const b[3], size_t x)
{
    struct columns c; /* from x - 4 on */
    eight_px sum = all_u32(0);
    eight_px sum_abs = all_u32(0);

    add_columns(&c, a, b, (ptrdiff_t)x - 4, 0);
    add_columns(&c, a, b, (ptrdiff_t)x + 4, 8);
    for (size_t i = 2; i <= 6; i++) {
        sum = add_u32(sum, load8(c.sum + i));
        sum_abs = add_u32(sum_abs, load8(c.sum_abs + i));
    }
    eight_px over = is_greater_i32(mul_u15(abs_i32(sum), all_u32(100)),
                                   mul_u15(sum_abs, all_u32(VIS_SOFT_BALANCE)));
    return without8(over, all_u8(255));
}

VIS_LANES static void
find_changed(uint8_t *out_class, const uint32_t *const a[3], const uint32_t *const b[3],
             size_t from, size_t to)
{
    size_t x = from;

    for (; x + 8 <= to; x += 8) {
        eight_px before = load8(a[1] + x);
        eight_px now = load8(b[1] + x);
        eight_px same = eq_u32(before, now);
        eight_px changed = without8(same, all_u8(255));
        if (is_zero8(changed)) {
            memset(out_class + x, 0, 8);
            continue;
        }
        eight_px in_base = within(bounds_of(a, x), now);
        eight_px in_current = within(bounds_of(b, x), before);
        eight_px soft = and8(in_base, in_current);
        eight_px either = and8(without8(soft, or8(in_base, in_current)), changed);
        if (!is_zero8(either)) {
            soft = or8(soft, and8(either, balanced(a, b, x)));
        }
        eight_px class = or8(all_u32(VIS_CHANGED), and8(soft, all_u32(VIS_SOFT)));
        store_lanes_as_bytes(out_class + x, and8(class, changed));
    }
    vis_plain_find_changed(out_class, a, b, x, to);
}

/* --- similarity */

VIS_LANES static void
add_window(struct vis_window *win, const uint32_t *a, const uint32_t *b, uint32_t n)
{
    if (n != 8) {
        vis_plain_add_window(win, a, b, n);
        return;
    }
    eight_px la = luma8(load8(a));
    eight_px lb = luma8(load8(b));
    win->a += sum_lanes(la);
    win->b += sum_lanes(lb);
    win->aa += sum_lanes(mul_u15(la, la));
    win->bb += sum_lanes(mul_u15(lb, lb));
    win->ab += sum_lanes(mul_u15(la, lb));
    win->n += 8;
}

static const struct vis_ops vector_ops = {unfilter, expand_rgb,   expand_rgba,
                                          shade,    find_changed, add_window};

const struct vis_ops *
vis_ops_vector(void)
{
    return vis_has_lanes() ? &vector_ops : NULL;
}

#else

const struct vis_ops *
vis_ops_vector(void)
{
    return NULL;
}

#endif
