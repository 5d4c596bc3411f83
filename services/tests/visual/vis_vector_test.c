/* SPDX-License-Identifier: Apache-2.0
 *
 * Each operation of the processor's vector unit (AVX2 or NEON, whichever this machine has) against
 * its plain form, on rows of every length and kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/visual/vis_ops.h"

#define W_MAX 200
#define PAD 16
#define ROUNDS 4000

/* What the pixels of a round are like. */
enum kind { NOISE, PLAIN_GROUND, FOUR_GREYS, KINDS };

struct rows {
    uint32_t a[3][W_MAX + 2 * PAD], b[3][W_MAX + 2 * PAD];
    const uint32_t *at[2][3];
    uint8_t filtered[2][W_MAX * 8], above[W_MAX * 8];
};

static uint32_t
next(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static uint32_t
pixel(enum kind kind, uint32_t *seed)
{
    switch (kind) {
    case PLAIN_GROUND:
        return next(seed) % 8 != 0 ? UINT32_MAX : 0xff102030 + next(seed) % 64;
    case FOUR_GREYS:
        return 0xff000000 | next(seed) % 4 * 0x404040;
    default:
        return next(seed) * UINT32_C(2654435761);
    }
}

static void
fill(struct rows *r, enum kind kind, uint32_t *seed)
{
    for (int y = 0; y < 3; y++) {
        for (int x = 0; x < W_MAX + 2 * PAD; x++) {
            r->a[y][x] = pixel(kind, seed);
            r->b[y][x] = next(seed) % 3 != 0 ? r->a[y][x] : pixel(kind, seed);
        }
        r->at[0][y] = r->a[y] + PAD;
        r->at[1][y] = r->b[y] + PAD;
    }
    for (size_t i = 0; i < sizeof(r->above); i++) {
        bool rare = next(seed) % 9 == 0;
        r->above[i] = kind == PLAIN_GROUND && !rare ? 7 : (uint8_t)next(seed);
        r->filtered[0][i] = kind != NOISE && !rare ? 0 : (uint8_t)next(seed);
    }
    memcpy(r->filtered[1], r->filtered[0], sizeof(r->filtered[0]));
}

struct forms {
    const struct vis_ops *of[2];
};

static void
compare_pixels(const struct forms *f, struct rows *r, size_t from, size_t w)
{
    uint8_t bytes[2][W_MAX] = {{0}};
    struct vis_window windows[2] = {{1, 2, 3, 4, 5, 6}, {1, 2, 3, 4, 5, 6}};

    for (int i = 0; i < 2; i++) {
        f->of[i]->find_changed(bytes[i], r->at[0], r->at[1], from, w);
        f->of[i]->add_window(&windows[i], r->at[0][0], r->at[1][0], 1 + w % 8);
    }
    assert_memory_equal(bytes[0], bytes[1], w);
    assert_memory_equal(&windows[0], &windows[1], sizeof(windows[0]));
    for (int i = 0; i < 2; i++) {
        f->of[i]->shade(bytes[i], r->at[0][0], w);
    }
    assert_memory_equal(bytes[0], bytes[1], w);
}

static void
compare_rows(const struct forms *f, struct rows *r, size_t w, uint32_t bpp, uint8_t filter)
{
    uint32_t drawn[2][W_MAX];

    for (int i = 0; i < 2; i++) {
        f->of[i]->unfilter(r->filtered[i], r->above, w * bpp, bpp, filter);
    }
    assert_memory_equal(r->filtered[0], r->filtered[1], sizeof(r->filtered[0]));
    for (int i = 0; i < 2; i++) {
        f->of[i]->expand_rgb(drawn[i], r->above, w);
    }
    assert_memory_equal(drawn[0], drawn[1], w * 4);
    for (size_t x = 0; x < w / 2; x++) {
        r->above[4 * x + 3] = 255; /* the first half is opaque */
    }
    for (int i = 0; i < 2; i++) {
        f->of[i]->expand_rgba(drawn[i], r->above, w);
    }
    assert_memory_equal(drawn[0], drawn[1], w * 4);
}

static void
vector_and_plain_forms_give_the_same_bytes(void **state)
{
    static const uint32_t bpps[] = {1, 2, 3, 4, 6, 8};
    static struct rows rows;
    const struct forms forms = {{vis_ops_get(false), vis_ops_get(true)}};
    uint32_t seed = 1;

    (void)state;
#if defined(__aarch64__)
    assert_ptr_not_equal(forms.of[0], forms.of[1]);
#endif
    for (int round = 0; round < ROUNDS; round++) {
        size_t w = 1 + next(&seed) % W_MAX;
        fill(&rows, (enum kind)(round % KINDS), &seed);
        compare_pixels(&forms, &rows, next(&seed) % w, w);
        compare_rows(&forms, &rows, w, bpps[next(&seed) % 6], (uint8_t)(1 + next(&seed) % 4));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vector_and_plain_forms_give_the_same_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
