/* SPDX-License-Identifier: Apache-2.0
 *
 * The operations on rows for AVX2. Every function gives what its plain form gives, to the bit; the
 * ends of rows that do not fill a vector go to the plain form. */
#include "tests/visual/vis_ops.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2")))

/* --- filters */

static inline __m128i
load4(const uint8_t *p)
{
    int32_t x;

    memcpy(&x, p, 4);
    return _mm_cvtsi32_si128(x);
}

/* Four bytes, of which the pixel's are written. */
static inline void
store_pixel(uint8_t *p, __m128i v, uint32_t bpp)
{
    uint32_t x = (uint32_t)_mm_cvtsi128_si32(v);

    if (bpp == 4) {
        memcpy(p, &x, 4);
    } else {
        memcpy(p, &x, 2);
        p[2] = (uint8_t)(x >> 16);
    }
}

AVX2 static void
unfilter_up(uint8_t *row, const uint8_t *prev, size_t n)
{
    size_t i = 0;

    for (; i + 32 <= n; i += 32) {
        __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)(row + i));
        __m256i up = _mm256_loadu_si256((const __m256i *)(const void *)(prev + i));
        _mm256_storeu_si256((__m256i *)(void *)(row + i), _mm256_add_epi8(x, up));
    }
    for (; i < n; i++) {
        row[i] = (uint8_t)(row[i] + prev[i]);
    }
}

AVX2 static inline void
unfilter_sub(uint8_t *row, size_t n, uint32_t bpp)
{
    __m128i left = _mm_setzero_si128();
    size_t i = 0;

    for (; i + 4 <= n; i += bpp) {
        left = _mm_add_epi8(left, load4(row + i));
        store_pixel(row + i, left, bpp);
    }
    for (; i < n; i++) {
        row[i] = (uint8_t)(row[i] + row[i - bpp]);
    }
}

AVX2 static inline void
unfilter_average(uint8_t *row, const uint8_t *prev, size_t n, uint32_t bpp)
{
    const __m128i one = _mm_set1_epi8(1);
    __m128i left = _mm_setzero_si128();
    size_t i = 0;

    for (; i + 4 <= n; i += bpp) {
        __m128i up = load4(prev + i);
        /* avg_epu8 rounds up, PNG down. */
        __m128i mean =
            _mm_sub_epi8(_mm_avg_epu8(left, up), _mm_and_si128(_mm_xor_si128(left, up), one));
        left = _mm_add_epi8(mean, load4(row + i));
        store_pixel(row + i, left, bpp);
    }
    for (; i < n; i++) {
        row[i] = (uint8_t)(row[i] + (row[i - bpp] + prev[i]) / 2);
    }
}

/* Pixels as 16-bit lanes. */
AVX2 static inline __m128i
paeth_guess(__m128i left, __m128i up, __m128i corner)
{
    __m128i by_left = _mm_sub_epi16(up, corner);
    __m128i by_up = _mm_sub_epi16(left, corner);
    __m128i by_corner = _mm_abs_epi16(_mm_add_epi16(by_left, by_up));
    by_left = _mm_abs_epi16(by_left);
    by_up = _mm_abs_epi16(by_up);
    __m128i least = _mm_min_epi16(by_corner, _mm_min_epi16(by_left, by_up));
    __m128i guess = _mm_blendv_epi8(corner, up, _mm_cmpeq_epi16(least, by_up));
    return _mm_blendv_epi8(guess, left, _mm_cmpeq_epi16(least, by_left));
}

/* Where the residue is zero and left is corner the guess is `up`, pixel after pixel: 32 bytes a
 * step. */
AVX2 static inline size_t
copy_run(uint8_t *row, const uint8_t *prev, size_t i, size_t n, uint32_t bpp)
{
    while (i + 32 <= n && i >= bpp && memcmp(row + i - bpp, prev + i - bpp, bpp) == 0) {
        __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)(row + i));
        if (!_mm256_testz_si256(x, x)) {
            break;
        }
        _mm256_storeu_si256((__m256i *)(void *)(row + i),
                            _mm256_loadu_si256((const __m256i *)(const void *)(prev + i)));
        i += 32 / bpp * bpp;
        /* What was copied beyond the last whole pixel is taken back: it is residue still. */
        if (bpp == 3) {
            row[i] = 0;
            row[i + 1] = 0;
        }
    }
    return i;
}

AVX2 static inline void
unfilter_paeth(uint8_t *row, const uint8_t *prev, size_t n, uint32_t bpp)
{
    const __m128i zero = _mm_setzero_si128();
    __m128i left = zero;
    __m128i corner = zero;
    size_t i = 0;

    while (i + 4 <= n) {
        if (load4(row + i)[0] == 0) {
            size_t to = copy_run(row, prev, i, n, bpp);
            if (to > i) {
                i = to;
                left = _mm_unpacklo_epi8(load4(row + i - bpp), zero);
                corner = _mm_unpacklo_epi8(load4(prev + i - bpp), zero);
                continue;
            }
        }
        __m128i up = _mm_unpacklo_epi8(load4(prev + i), zero);
        __m128i guess = _mm_packus_epi16(paeth_guess(left, up, corner), zero);
        __m128i pixel = _mm_add_epi8(guess, load4(row + i));
        store_pixel(row + i, pixel, bpp);
        left = _mm_unpacklo_epi8(pixel, zero);
        corner = up;
        i += bpp;
    }
    if (i < n) {
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
}

AVX2 static void
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

AVX2 static void
expand_rgb(uint32_t *out, const uint8_t *row, size_t pixels)
{
    const __m256i order = _mm256_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1, 0,
                                           1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1);
    const __m256i opaque = _mm256_set1_epi32((int)UINT32_C(0xff000000));
    size_t x = 0;

    for (; x + 10 <= pixels; x += 8) {
        __m256i v = _mm256_inserti128_si256(
            _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)(row + x * 3))),
            _mm_loadu_si128((const __m128i *)(const void *)(row + x * 3 + 12)), 1);
        v = _mm256_or_si256(_mm256_shuffle_epi8(v, order), opaque);
        _mm256_storeu_si256((__m256i *)(void *)(out + x), v);
    }
    vis_plain_expand_rgb(out + x, row + x * 3, pixels - x);
}

AVX2 static void
expand_rgba(uint32_t *out, const uint8_t *row, size_t pixels)
{
    const __m256i opaque = _mm256_set1_epi32((int)UINT32_C(0xff000000));
    size_t x = 0;

    for (; x + 8 <= pixels; x += 8) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(row + x * 4));
        if (_mm256_testc_si256(v, opaque)) {
            _mm256_storeu_si256((__m256i *)(void *)(out + x), v);
        } else {
            vis_plain_expand_rgba(out + x, row + x * 4, 8);
        }
    }
    vis_plain_expand_rgba(out + x, row + x * 4, pixels - x);
}

AVX2 static inline __m256i
load8(const uint32_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

/* vis_luma of eight pixels. */
AVX2 static inline __m256i
luma8(__m256i v)
{
    __m256i red_blue = _mm256_and_si256(v, _mm256_set1_epi32(0x00ff00ff));
    __m256i green = _mm256_and_si256(_mm256_srli_epi32(v, 8), _mm256_set1_epi32(255));
    __m256i sum = _mm256_add_epi32(_mm256_madd_epi16(red_blue, _mm256_set1_epi32(29 << 16 | 77)),
                                   _mm256_madd_epi16(green, _mm256_set1_epi32(150)));
    return _mm256_srli_epi32(sum, 8);
}

AVX2 static void
shade(uint8_t *out, const uint32_t *row, size_t pixels)
{
    size_t x = 0;

    for (; x + 8 <= pixels; x += 8) {
        __m256i grey = _mm256_mullo_epi16(luma8(load8(row + x)), _mm256_set1_epi32(VIS_SHADES));
        grey = _mm256_add_epi32(_mm256_srli_epi32(grey, 8), _mm256_set1_epi32(4));
        __m128i words =
            _mm_packus_epi32(_mm256_castsi256_si128(grey), _mm256_extracti128_si256(grey, 1));
        _mm_storel_epi64((__m128i *)(void *)(out + x), _mm_packus_epi16(words, words));
    }
    vis_plain_shade(out + x, row + x, pixels - x);
}

/* --- what changed */

struct bounds {
    __m256i lo, hi;
};

/* The least and largest values of the 3 x 3 pixels around each of eight, widened by the slack. */
AVX2 static inline struct bounds
bounds_of(const uint32_t *const rows[3], size_t x)
{
    struct bounds b = {_mm256_set1_epi8(-1), _mm256_setzero_si256()};

    for (int dy = 0; dy < 3; dy++) {
        for (int dx = -1; dx <= 1; dx++) {
            __m256i v = load8(rows[dy] + x + dx);
            b.lo = _mm256_min_epu8(b.lo, v);
            b.hi = _mm256_max_epu8(b.hi, v);
        }
    }
    __m256i range = _mm256_sub_epi8(b.hi, b.lo);
    __m256i quarter = _mm256_and_si256(_mm256_srli_epi16(range, 2), _mm256_set1_epi8(0x3f));
    __m256i slack = _mm256_add_epi8(quarter, _mm256_set1_epi8(VIS_ENVELOPE_SLACK));
    b.lo = _mm256_subs_epu8(b.lo, slack);
    b.hi = _mm256_adds_epu8(b.hi, slack);
    return b;
}

/* All ones in the pixels of `v` that lie within. */
AVX2 static inline __m256i
within(struct bounds b, __m256i v)
{
    __m256i low_ok = _mm256_cmpeq_epi8(_mm256_max_epu8(v, b.lo), v);
    __m256i high_ok = _mm256_cmpeq_epi8(_mm256_min_epu8(v, b.hi), v);
    return _mm256_cmpeq_epi32(_mm256_and_si256(low_ok, high_ok), _mm256_set1_epi8(-1));
}

AVX2 static void
find_changed(uint8_t *out_class, const uint32_t *const a[3], const uint32_t *const b[3],
             size_t from, size_t to)
{
    size_t x = from;

    for (; x + 8 <= to; x += 8) {
        __m256i old = load8(a[1] + x);
        __m256i new = load8(b[1] + x);
        __m256i same = _mm256_cmpeq_epi32(old, new);
        if (_mm256_movemask_epi8(same) == -1) {
            memset(out_class + x, 0, 8);
            continue;
        }
        __m256i in_base = within(bounds_of(a, x), new);
        __m256i in_current = within(bounds_of(b, x), old);
        __m256i class = _mm256_or_si256(
            _mm256_set1_epi32(VIS_CHANGED),
            _mm256_or_si256(_mm256_and_si256(in_base, _mm256_set1_epi32(VIS_IN_BASE)),
                            _mm256_and_si256(in_current, _mm256_set1_epi32(VIS_IN_CURRENT))));
        class = _mm256_andnot_si256(same, class);
        __m128i words =
            _mm_packs_epi32(_mm256_castsi256_si128(class), _mm256_extracti128_si256(class, 1));
        _mm_storel_epi64((__m128i *)(void *)(out_class + x), _mm_packus_epi16(words, words));
    }
    vis_plain_find_changed(out_class, a, b, x, to);
}

/* --- similarity */

AVX2 static void
add_window(struct vis_window *win, const uint32_t *a, const uint32_t *b, uint32_t n)
{
    if (n != 8) {
        vis_plain_add_window(win, a, b, n);
        return;
    }
    __m256i la = luma8(load8(a));
    __m256i lb = luma8(load8(b));
    __m256i ab = _mm256_madd_epi16(la, lb);
    __m256i sums =
        _mm256_hadd_epi32(_mm256_hadd_epi32(la, lb),
                          _mm256_hadd_epi32(_mm256_madd_epi16(la, la), _mm256_madd_epi16(lb, lb)));
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    __m128i *to = (__m128i *)(void *)win;
    _mm_storeu_si128(to, _mm_add_epi32(_mm_loadu_si128(to), four));
    __m128i one = _mm_add_epi32(_mm256_castsi256_si128(ab), _mm256_extracti128_si256(ab, 1));
    one = _mm_add_epi32(one, _mm_shuffle_epi32(one, 0x4e));
    one = _mm_add_epi32(one, _mm_shuffle_epi32(one, 0xb1));
    win->ab += (uint32_t)_mm_cvtsi128_si32(one);
    win->n += 8;
}

static const struct vis_ops avx2_ops = {unfilter, expand_rgb,   expand_rgba,
                                        shade,    find_changed, add_window};

const struct vis_ops *
vis_ops_vector(void)
{
    return __builtin_cpu_supports("avx2") ? &avx2_ops : NULL;
}

#else

const struct vis_ops *
vis_ops_vector(void)
{
    return NULL;
}

#endif
