/* SPDX-License-Identifier: Apache-2.0
 *
 * The few operations on lanes that vis_vector.c is written in, for AVX2 and for NEON: eight drawn
 * pixels of four bytes (struct-like type eight_px), and one pixel in lanes of 16 bits (one_px).
 * Defines VIS_LANES where the processor has one of the two; vis_has_lanes() says so when the
 * program runs. */
#ifndef ASSAY_TESTS_VIS_LANES_H
#define ASSAY_TESTS_VIS_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)

#include <immintrin.h>
#if defined(__GLIBC__) && __has_include(<sys/platform/x86.h>)
#include <sys/platform/x86.h>
#endif

#define VIS_LANES __attribute__((target("avx2")))
#define LANES VIS_LANES static inline __attribute__((always_inline))

static inline bool
vis_has_lanes(void)
{
#if defined(__GLIBC__) && __has_include(<sys/platform/x86.h>)
    return CPU_FEATURE_ACTIVE(AVX2); /* asked once at the start; asking again costs 40 us in a VM */
#else
    return __builtin_cpu_supports("avx2") != 0;
#endif
}

typedef __m256i eight_px;

LANES eight_px
load8(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}
LANES void
store8(void *p, eight_px v)
{
    _mm256_storeu_si256((__m256i *)p, v);
}
LANES eight_px
all_u8(uint8_t x)
{
    return _mm256_set1_epi8((char)x);
}
LANES eight_px
all_u32(uint32_t x)
{
    return _mm256_set1_epi32((int)x);
}
LANES eight_px
and8(eight_px a, eight_px b)
{
    return _mm256_and_si256(a, b);
}
LANES eight_px
or8(eight_px a, eight_px b)
{
    return _mm256_or_si256(a, b);
}
/* b without the bits of a. */
LANES eight_px
without8(eight_px a, eight_px b)
{
    return _mm256_andnot_si256(a, b);
}
LANES bool
is_zero8(eight_px v)
{
    return _mm256_testz_si256(v, v) != 0;
}
LANES eight_px
add_u8(eight_px a, eight_px b)
{
    return _mm256_add_epi8(a, b);
}
LANES eight_px
sub_u8(eight_px a, eight_px b)
{
    return _mm256_sub_epi8(a, b);
}
/* That stop at 255 and at 0. */
LANES eight_px
add_to_limit_u8(eight_px a, eight_px b)
{
    return _mm256_adds_epu8(a, b);
}
LANES eight_px
sub_to_limit_u8(eight_px a, eight_px b)
{
    return _mm256_subs_epu8(a, b);
}
LANES eight_px
min_u8(eight_px a, eight_px b)
{
    return _mm256_min_epu8(a, b);
}
LANES eight_px
max_u8(eight_px a, eight_px b)
{
    return _mm256_max_epu8(a, b);
}
LANES eight_px
quarter_u8(eight_px a)
{
    return _mm256_and_si256(_mm256_srli_epi16(a, 2), _mm256_set1_epi8(0x3f));
}
LANES eight_px
eq_u8(eight_px a, eight_px b)
{
    return _mm256_cmpeq_epi8(a, b);
}
LANES eight_px
eq_u32(eight_px a, eight_px b)
{
    return _mm256_cmpeq_epi32(a, b);
}
LANES eight_px
add_u32(eight_px a, eight_px b)
{
    return _mm256_add_epi32(a, b);
}
LANES eight_px
sub_u32(eight_px a, eight_px b)
{
    return _mm256_sub_epi32(a, b);
}
LANES eight_px
abs_i32(eight_px a)
{
    return _mm256_abs_epi32(a);
}
LANES eight_px
is_greater_i32(eight_px a, eight_px b)
{
    return _mm256_cmpgt_epi32(a, b);
}
/* Of lanes from 0 to 32767. */
LANES eight_px
mul_u15(eight_px a, eight_px b)
{
    return _mm256_madd_epi16(a, b);
}
#define SHIFT_RIGHT_U32(a, bits) _mm256_srli_epi32(a, bits)
/* Lanes from 0 to 255 -> eight bytes. */
LANES void
store_lanes_as_bytes(uint8_t *p, eight_px v)
{
    __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    _mm_storel_epi64((__m128i *)(void *)p, _mm_packus_epi16(words, words));
}
LANES uint32_t
sum_lanes(eight_px v)
{
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    return (uint32_t)_mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}
/* Eight RGB pixels, opaque; reads 28 bytes. */
LANES eight_px
load8_rgb(const uint8_t *p)
{
    const __m256i order = _mm256_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1, 0,
                                           1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1);
    __m256i v = _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)p)),
        _mm_loadu_si128((const __m128i *)(const void *)(p + 12)), 1);
    return _mm256_or_si256(_mm256_shuffle_epi8(v, order), all_u32(UINT32_C(0xff000000)));
}

typedef __m128i one_px;

LANES one_px
load1(const uint8_t *p)
{
    int32_t x;

    memcpy(&x, p, 4);
    return _mm_cvtepu8_epi16(_mm_cvtsi32_si128(x));
}
/* The four low bytes of lanes from 0 to 255. */
LANES uint32_t
bytes_of1(one_px v)
{
    return (uint32_t)_mm_cvtsi128_si32(_mm_packus_epi16(v, v));
}
LANES one_px
zero1(void)
{
    return _mm_setzero_si128();
}
LANES one_px
add1(one_px a, one_px b)
{
    return _mm_add_epi16(a, b);
}
LANES one_px
sub1(one_px a, one_px b)
{
    return _mm_sub_epi16(a, b);
}
LANES one_px
half1(one_px a)
{
    return _mm_srli_epi16(a, 1);
}
/* Of lanes from 0 to 255, without what is carried beyond. */
LANES one_px
add_bytes1(one_px a, one_px b)
{
    return _mm_add_epi8(a, b);
}
LANES one_px
abs1(one_px a)
{
    return _mm_abs_epi16(a);
}
LANES one_px
min1(one_px a, one_px b)
{
    return _mm_min_epi16(a, b);
}
/* Lanes of `yes` where a and b are equal, else of `no`. */
LANES one_px
if_equal1(one_px a, one_px b, one_px yes, one_px no)
{
    return _mm_blendv_epi8(no, yes, _mm_cmpeq_epi16(a, b));
}

#elif defined(__aarch64__)

#include <arm_neon.h>

#define VIS_LANES
#define LANES static inline __attribute__((always_inline))

/* Part of every 64-bit ARM. */
static inline bool
vis_has_lanes(void)
{
    return true;
}

typedef struct {
    uint8x16_t lo, hi;
} eight_px;

#define WIDE(v) vreinterpretq_u32_u8(v)
#define NARROW(v) vreinterpretq_u8_u32(v)
#define SIGNED(v) vreinterpretq_s32_u8(v)
/* The same on both halves: as bytes, and as lanes of 32 bits. */
#define BOTH(f, a, b)                                                                              \
    (eight_px)                                                                                     \
    {                                                                                              \
        f((a).lo, (b).lo), f((a).hi, (b).hi)                                                       \
    }
#define BOTH_32(f, a, b)                                                                           \
    (eight_px)                                                                                     \
    {                                                                                              \
        NARROW(f(WIDE((a).lo), WIDE((b).lo))), NARROW(f(WIDE((a).hi), WIDE((b).hi)))               \
    }

LANES eight_px
load8(const void *p)
{
    return (eight_px){vld1q_u8(p), vld1q_u8((const uint8_t *)p + 16)};
}
LANES void
store8(void *p, eight_px v)
{
    vst1q_u8(p, v.lo);
    vst1q_u8((uint8_t *)p + 16, v.hi);
}
LANES eight_px
all_u8(uint8_t x)
{
    return (eight_px){vdupq_n_u8(x), vdupq_n_u8(x)};
}
LANES eight_px
all_u32(uint32_t x)
{
    return (eight_px){NARROW(vdupq_n_u32(x)), NARROW(vdupq_n_u32(x))};
}
LANES eight_px
and8(eight_px a, eight_px b)
{
    return BOTH(vandq_u8, a, b);
}
LANES eight_px
or8(eight_px a, eight_px b)
{
    return BOTH(vorrq_u8, a, b);
}
LANES eight_px
without8(eight_px a, eight_px b)
{
    return BOTH(vbicq_u8, b, a);
}
LANES bool
is_zero8(eight_px v)
{
    return vmaxvq_u8(vorrq_u8(v.lo, v.hi)) == 0;
}
LANES eight_px
add_u8(eight_px a, eight_px b)
{
    return BOTH(vaddq_u8, a, b);
}
LANES eight_px
sub_u8(eight_px a, eight_px b)
{
    return BOTH(vsubq_u8, a, b);
}
LANES eight_px
add_to_limit_u8(eight_px a, eight_px b)
{
    return BOTH(vqaddq_u8, a, b);
}
LANES eight_px
sub_to_limit_u8(eight_px a, eight_px b)
{
    return BOTH(vqsubq_u8, a, b);
}
LANES eight_px
min_u8(eight_px a, eight_px b)
{
    return BOTH(vminq_u8, a, b);
}
LANES eight_px
max_u8(eight_px a, eight_px b)
{
    return BOTH(vmaxq_u8, a, b);
}
LANES eight_px
quarter_u8(eight_px a)
{
    return (eight_px){vshrq_n_u8(a.lo, 2), vshrq_n_u8(a.hi, 2)};
}
LANES eight_px
eq_u8(eight_px a, eight_px b)
{
    return BOTH(vceqq_u8, a, b);
}
LANES eight_px
eq_u32(eight_px a, eight_px b)
{
    return BOTH_32(vceqq_u32, a, b);
}
LANES eight_px
add_u32(eight_px a, eight_px b)
{
    return BOTH_32(vaddq_u32, a, b);
}
LANES eight_px
sub_u32(eight_px a, eight_px b)
{
    return BOTH_32(vsubq_u32, a, b);
}
LANES eight_px
abs_i32(eight_px a)
{
    return (eight_px){vreinterpretq_u8_s32(vabsq_s32(SIGNED(a.lo))),
                      vreinterpretq_u8_s32(vabsq_s32(SIGNED(a.hi)))};
}
LANES eight_px
is_greater_i32(eight_px a, eight_px b)
{
    return (eight_px){NARROW(vcgtq_s32(SIGNED(a.lo), SIGNED(b.lo))),
                      NARROW(vcgtq_s32(SIGNED(a.hi), SIGNED(b.hi)))};
}
LANES eight_px
mul_u15(eight_px a, eight_px b)
{
    return BOTH_32(vmulq_u32, a, b);
}
#define SHIFT_RIGHT_U32(a, bits)                                                                   \
    ((eight_px){NARROW(vshrq_n_u32(WIDE((a).lo), bits)), NARROW(vshrq_n_u32(WIDE((a).hi), bits))})
LANES void
store_lanes_as_bytes(uint8_t *p, eight_px v)
{
    vst1_u8(p, vmovn_u16(vcombine_u16(vmovn_u32(WIDE(v.lo)), vmovn_u32(WIDE(v.hi)))));
}
LANES uint32_t
sum_lanes(eight_px v)
{
    return vaddvq_u32(vaddq_u32(WIDE(v.lo), WIDE(v.hi)));
}
LANES eight_px
load8_rgb(const uint8_t *p)
{
    static const uint8_t order[16] = {0, 1, 2, 255, 3, 4, 5, 255, 6, 7, 8, 255, 9, 10, 11, 255};
    uint8x16_t by = vld1q_u8(order);
    eight_px v = {vqtbl1q_u8(vld1q_u8(p), by), vqtbl1q_u8(vld1q_u8(p + 12), by)};
    return or8(v, all_u32(UINT32_C(0xff000000)));
}

typedef int16x4_t one_px;

LANES one_px
load1(const uint8_t *p)
{
    uint32_t x;

    memcpy(&x, p, 4);
    return vreinterpret_s16_u16(vget_low_u16(vmovl_u8(vcreate_u8(x))));
}
LANES uint32_t
bytes_of1(one_px v)
{
    uint16x4_t u = vreinterpret_u16_s16(v);
    return vget_lane_u32(vreinterpret_u32_u8(vmovn_u16(vcombine_u16(u, u))), 0);
}
LANES one_px
zero1(void)
{
    return vdup_n_s16(0);
}
LANES one_px
add1(one_px a, one_px b)
{
    return vadd_s16(a, b);
}
LANES one_px
sub1(one_px a, one_px b)
{
    return vsub_s16(a, b);
}
LANES one_px
half1(one_px a)
{
    return vshr_n_s16(a, 1);
}
LANES one_px
add_bytes1(one_px a, one_px b)
{
    return vreinterpret_s16_s8(vadd_s8(vreinterpret_s8_s16(a), vreinterpret_s8_s16(b)));
}
LANES one_px
abs1(one_px a)
{
    return vabs_s16(a);
}
LANES one_px
min1(one_px a, one_px b)
{
    return vmin_s16(a, b);
}
LANES one_px
if_equal1(one_px a, one_px b, one_px yes, one_px no)
{
    return vbsl_s16(vceq_s16(a, b), yes, no);
}

#endif

#endif
