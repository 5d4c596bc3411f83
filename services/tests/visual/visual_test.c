/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/id.h"
#include "tests/visual/png_fixture.h"
#include "tests/visual/vis_int.h"
#include "tests/visual/visual.h"

#define W 64
#define H 48

static void
paint(uint8_t *rgb, int x, int y, int w, int h, uint32_t colour)
{
    for (int j = y; j < y + h; j++) {
        for (int i = x; i < x + w; i++) {
            uint8_t *p = rgb + ((size_t)j * W + (size_t)i) * 3;
            p[0] = (uint8_t)(colour >> 16);
            p[1] = (uint8_t)(colour >> 8);
            p[2] = (uint8_t)colour;
        }
    }
}

struct pair {
    uint8_t base[W * H * 3], current[W * H * 3];
    struct visual *v;
    struct visual_options options;
    struct visual_result result;
    struct visual_error error;
    struct str files[2];
};

static int
set_up(void **state)
{
    struct pair *p = calloc(1, sizeof(*p));

    p->v = visual_new();
    p->options = VISUAL_OPTIONS_DEFAULT;
    paint(p->base, 0, 0, W, H, 0xffffff);
    paint(p->base, 8, 8, 20, 10, 0x2563eb);
    memcpy(p->current, p->base, sizeof(p->base));
    *state = p;
    return 0;
}

static void
drop_files(struct pair *p)
{
    for (int i = 0; i < 2; i++) {
        free((void *)(uintptr_t)p->files[i].p);
        p->files[i] = STR_EMPTY;
    }
}

static int
tear_down(void **state)
{
    struct pair *p = *state;

    drop_files(p);
    visual_free(p->v);
    free(p);
    return 0;
}

static const struct png_form rgb_form = {W, H, PNG_COLOR_TYPE_RGB, 8, false, 0, false};

static enum rc
compare(struct pair *p)
{
    drop_files(p);
    p->files[0] = png_make(&rgb_form, p->base);
    p->files[1] = png_make(&rgb_form, p->current);
    return visual_compare(p->v, p->files[0], p->files[1], &p->options, &p->result, &p->error);
}

static void
the_same_file_is_the_same(void **state)
{
    struct pair *p = *state;

    assert_int_equal(compare(p), RC_OK);
    assert_int_equal(p->result.verdict, VISUAL_SAME);
    assert_true(p->result.identical_bytes);
    assert_int_equal(p->result.canvas_pixels, W * H);
    assert_int_equal(p->result.picture.n, 0);
}

static void
a_new_colour_is_one_region_of_exactly_its_pixels(void **state)
{
    struct pair *p = *state;

    paint(p->current, 8, 8, 20, 10, 0x16a34a);
    assert_int_equal(compare(p), RC_OK);
    assert_int_equal(p->result.verdict, VISUAL_DIFFERENT);
    assert_int_equal(p->result.diff_pixels, 200);
    assert_float_equal(p->result.diff_percentage, 100.0 * 200 / (W * H), 1e-9);
    assert_int_equal(p->result.region_count, 1);
    const struct visual_region *r = &p->result.regions[0];
    assert_int_equal(r->box.x, 8);
    assert_int_equal(r->box.y, 8);
    assert_int_equal(r->box.w, 20);
    assert_int_equal(r->box.h, 10);
    assert_int_equal(r->pixels, 200);
    assert_true(r->delta_max > 40);
}

/* Six strokes of two pixels that stand 0.3 px further in the current picture. */
static void
move_strokes(struct pair *p)
{
    for (int x = 10; x < 40; x += 5) {
        paint(p->base, x, 24, 2, 10, 0x202020);
        paint(p->current, x, 24, 1, 10, 0x636363);
        paint(p->current, x + 1, 24, 1, 10, 0x202020);
        paint(p->current, x + 2, 24, 1, 10, 0xbcbcbc);
    }
}

static void
strokes_that_moved_by_a_fraction_of_a_pixel_are_no_change(void **state)
{
    struct pair *p = *state;

    move_strokes(p);
    assert_int_equal(compare(p), RC_OK);
    assert_int_equal(p->result.verdict, VISUAL_ANTIALIAS_ONLY);
    assert_true(p->result.aa_pixels > 0);
}

static void
a_dot_gone_beside_strokes_that_moved_is_told_where_it_was(void **state)
{
    struct pair *p = *state;

    move_strokes(p);
    paint(p->base, 23, 36, 2, 2, 0x202020);
    assert_int_equal(compare(p), RC_OK);
    assert_int_equal(p->result.verdict, VISUAL_DIFFERENT);
    assert_int_equal(p->result.region_count, 1);
    const struct visual_rect *box = &p->result.regions[0].box;
    assert_int_equal(box->x, 23);
    assert_int_equal(box->y, 36);
    assert_int_equal(box->w, 2);
    assert_int_equal(box->h, 2);
}

/* Letters of one stroke each: the first stays, three behind it move by `hundredths` of a pixel. */
static void
set_word(struct pair *p, int first_gap, uint32_t hundredths)
{
    uint32_t left = 255 - 223 * (100 - hundredths) / 100;
    uint32_t right = 255 - 223 * hundredths / 100;

    paint(p->base, 0, 0, W, H, 0xffffff);
    paint(p->base, 10, 24, 1, 10, 0x202020);
    memcpy(p->current, p->base, sizeof(p->base));
    for (int i = 0; i < 3; i++) {
        int x = 11 + first_gap + 4 * i;
        paint(p->base, x, 24, 1, 10, 0x202020);
        paint(p->current, x, 24, 1, 10, left * 0x10101);
        paint(p->current, x + 1, 24, 1, 10, right * 0x10101);
    }
}

static void
a_word_of_which_only_the_end_moved_has_changed(void **state)
{
    struct pair *p = *state;

    set_word(p, 2, 60);
    assert_int_equal(compare(p), RC_OK);
    assert_int_equal(p->result.verdict, VISUAL_DIFFERENT);
    set_word(p, 2, 25); /* letters may be set at quarters of a pixel */
    assert_int_equal(compare(p), RC_OK);
    assert_int_equal(p->result.verdict, VISUAL_ANTIALIAS_ONLY);
    set_word(p, 9, 60); /* another word */
    assert_int_equal(compare(p), RC_OK);
    assert_int_equal(p->result.verdict, VISUAL_ANTIALIAS_ONLY);
}

static void
one_pixel_is_noise_unless_every_pixel_counts(void **state)
{
    struct pair *p = *state;

    paint(p->current, 40, 30, 1, 1, 0x000000);
    assert_int_equal(compare(p), RC_OK);
    assert_int_equal(p->result.verdict, VISUAL_ANTIALIAS_ONLY);
    assert_int_equal(p->result.diff_pixels, 0);
    assert_int_equal(p->result.noise_pixels, 1);
    p->options.cluster_min = 1;
    assert_int_equal(compare(p), RC_OK);
    assert_int_equal(p->result.verdict, VISUAL_DIFFERENT);
    assert_int_equal(p->result.diff_pixels, 1);
}

static void
a_step_that_nobody_sees_is_noise_and_differs_at_threshold_zero(void **state)
{
    struct pair *p = *state;

    paint(p->current, 8, 8, 20, 10, 0x2563ea);
    assert_int_equal(compare(p), RC_OK);
    assert_int_equal(p->result.verdict, VISUAL_ANTIALIAS_ONLY);
    assert_int_equal(p->result.noise_pixels, 200);
    p->options.threshold = 0;
    assert_int_equal(compare(p), RC_OK);
    assert_int_equal(p->result.verdict, VISUAL_DIFFERENT);
    assert_int_equal(p->result.diff_pixels, 200);
}

static void
what_differs_in_an_ignored_rectangle_does_not_count(void **state)
{
    struct pair *p = *state;
    struct visual_rect all = {0, 0, W, 20};
    struct visual_rect half = {-5, -5, 23, 100}; /* up to x = 18 */

    paint(p->current, 8, 8, 20, 10, 0x16a34a);
    p->options.ignore = &all;
    p->options.ignore_count = 1;
    assert_int_equal(compare(p), RC_OK);
    assert_int_equal(p->result.verdict, VISUAL_SAME);
    assert_int_equal(p->result.ignored_pixels, 200);
    p->options.ignore = &half;
    assert_int_equal(compare(p), RC_OK);
    assert_int_equal(p->result.verdict, VISUAL_DIFFERENT);
    assert_int_equal(p->result.ignored_pixels, 100);
    assert_int_equal(p->result.diff_pixels, 100);
}

static void
a_dynamic_region_hides_its_own_change_and_no_other_on_the_same_rows(void **state)
{
    struct pair *p = *state;
    struct visual_rect clock = {8, 8, 21, 11};

    paint(p->current, 8, 8, 20, 10, 0x16a34a);
    p->options.dynamic = &clock;
    p->options.dynamic_count = 1;
    assert_int_equal(compare(p), RC_OK);
    assert_int_equal(p->result.verdict, VISUAL_SAME);
    assert_int_equal(p->result.ignored_pixels, 200);
    assert_true(p->result.regions[0].ignored);
    paint(p->current, 58, 8, 6, 10, 0xff0000);
    assert_int_equal(compare(p), RC_OK);
    assert_int_equal(p->result.verdict, VISUAL_DIFFERENT);
    assert_int_equal(p->result.diff_pixels, 60);
}

static void
the_diff_picture_is_a_png_that_shows_what_differs(void **state)
{
    struct pair *p = *state;
    uint32_t w = 0;
    uint32_t h = 0;

    paint(p->current, 8, 8, 20, 10, 0x16a34a);
    for (int picture = 0; picture < 2; picture++) {
        p->options.output = picture ? VISUAL_OUTPUT_PICTURE : VISUAL_OUTPUT_MASK;
        assert_int_equal(compare(p), RC_OK);
        uint8_t *rgba = png_read_rgba(p->result.picture, &w, &h);
        assert_non_null(rgba);
        assert_int_equal(w, W);
        assert_int_equal(h, H);
        for (uint32_t i = 0; i < W * H; i++) {
            bool in = i % W >= 8 && i % W < 28 && i / W >= 8 && i / W < 18;
            const uint8_t *px = rgba + (size_t)i * 4;
            assert_int_equal(in, px[0] > 200 && px[1] < 60 && px[3] == 255);
            assert_int_equal(px[3], in || picture ? 255 : 0);
        }
        free(rgba);
    }
}

/* --- decoding */

static bool
is_drawn_like(const uint8_t *ours, const uint8_t *rgba)
{
    for (int c = 0; c < 3; c++) {
        int over_white = (rgba[c] * rgba[3] + 127) / 255 + 255 - rgba[3];
        if (abs(ours[c] - over_white) > 1) {
            return false;
        }
    }
    return ours[3] == rgba[3];
}

static void
check_decoding(const struct png_form *form)
{
    size_t n = png_row_bytes(form) * form->h;
    uint8_t *rows = malloc(n);
    struct vis_image im = {0};
    struct visual_options options = VISUAL_OPTIONS_DEFAULT;
    struct visual_error error;
    uint32_t line[256];
    uint32_t w = 0;
    uint32_t h = 0;
    uint32_t seed = 7;

    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525 + 1013904223;
        rows[i] = (uint8_t)(i % 7 == 0 ? seed >> 24 : i / 5);
    }
    struct str file = png_make(form, rows);
    uint8_t *rgba = png_read_rgba(file, &w, &h);
    assert_non_null(rgba);
    assert_int_equal(vis_decode(&im, file, &options, 0, &error), RC_OK);
    assert_int_equal(im.w, w);
    assert_int_equal(im.h, h);
    for (uint32_t y = h; y-- > 0;) {
        vis_ready(&im, vis_ops_get(y % 2 == 0), y);
        vis_expand(line, &im, vis_row(&im, y), vis_ops_get(y % 3 == 0));
        for (uint32_t x = 0; x < w; x++) {
            assert_true(is_drawn_like((uint8_t *)&line[x], rgba + ((size_t)y * w + x) * 4));
        }
    }
    vis_image_free(&im);
    free(rgba);
    free(rows);
    free((void *)(uintptr_t)file.p);
}

static void
every_form_of_png_decodes_as_libpng_decodes_it(void **state)
{
    static const int forms[][2] = {{0, 1}, {0, 2}, {0, 4}, {0, 8}, {0, 16}, {2, 8}, {2, 16}, {3, 1},
                                   {3, 2}, {3, 4}, {3, 8}, {4, 8}, {4, 16}, {6, 8}, {6, 16}};
    static const uint32_t sizes[][2] = {{1, 1}, {3, 2}, {17, 9}, {70, 33}, {133, 21}};
    static const int filters[] = {PNG_FILTER_NONE, PNG_FILTER_SUB,   PNG_FILTER_UP,
                                  PNG_FILTER_AVG,  PNG_FILTER_PAETH, PNG_ALL_FILTERS};

    (void)state;
    for (size_t f = 0; f < ARRAY_LEN(forms); f++) {
        for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
            for (size_t i = 0; i < 2 * ARRAY_LEN(filters); i++) {
                struct png_form form = {sizes[s][0], sizes[s][1],    forms[f][0], forms[f][1],
                                        i % 2 == 1,  filters[i / 2], false};
                check_decoding(&form);
                form.key = forms[f][0] < 4 && forms[f][1] < 16;
                check_decoding(&form);
            }
        }
    }
}

static void
a_file_cut_anywhere_is_an_error(void **state)
{
    struct pair *p = *state;

    assert_int_equal(compare(p), RC_OK);
    for (size_t n = 0; n < p->files[0].n; n++) {
        struct str cut = str_sub(p->files[0], 0, n);
        assert_int_equal(visual_compare(p->v, p->files[0], cut, &p->options, &p->result, &p->error),
                         RC_INVALID_ARGUMENT);
        assert_int_equal(p->error.image, 1);
        assert_string_equal(p->error.reason, n < 8 ? "NOT_AN_IMAGE" : "TRUNCATED");
    }
}

static void
a_flipped_bit_anywhere_is_an_error(void **state)
{
    struct pair *p = *state;

    assert_int_equal(compare(p), RC_OK);
    uint8_t *bytes = (uint8_t *)(uintptr_t)p->files[1].p;
    for (size_t i = 0; i < p->files[1].n; i++) {
        bytes[i] ^= 1;
        assert_int_equal(
            visual_compare(p->v, p->files[0], p->files[1], &p->options, &p->result, &p->error),
            RC_INVALID_ARGUMENT);
        bytes[i] ^= 1;
    }
}

static void
a_picture_over_the_limits_is_refused_by_its_head_alone(void **state)
{
    struct pair *p = *state;
    struct visual_info info;

    assert_int_equal(compare(p), RC_OK);
    struct str head = str_sub(p->files[0], 0, 33);
    assert_int_equal(visual_probe(head, &p->options, &info, &p->error), RC_OK);
    assert_int_equal(info.width, W);
    assert_int_equal(info.height, H);
    p->options.pixels_max = W * H - 1;
    assert_int_equal(visual_probe(head, &p->options, &info, &p->error), RC_RESOURCE_EXHAUSTED);
    assert_string_equal(p->error.reason, "TOO_LARGE");
    p->options = VISUAL_OPTIONS_DEFAULT;
    p->options.bytes_max = 32;
    assert_int_equal(visual_probe(head, &p->options, &info, &p->error), RC_RESOURCE_EXHAUSTED);
}

static void
the_same_pixels_have_the_same_hash_however_they_are_stored(void **state)
{
    struct pair *p = *state;
    struct png_form wide = rgb_form;
    unsigned char hash[3][VISUAL_HASH_LEN];
    struct visual_info info;

    wide.interlaced = true;
    struct str other = png_make(&wide, p->base);
    paint(p->current, 0, 0, 1, 1, 0xfffffe);
    assert_int_equal(compare(p), RC_OK);
    struct str files[3] = {p->files[0], other, p->files[1]};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(visual_pixel_hash(p->v, files[i], &p->options, hash[i], &info, &p->error),
                         RC_OK);
    }
    assert_memory_equal(hash[0], hash[1], VISUAL_HASH_LEN);
    assert_memory_not_equal(hash[0], hash[2], VISUAL_HASH_LEN);
    free((void *)(uintptr_t)other.p);
}

static void
the_same_pixels_in_another_place_have_another_hash(void **state)
{
    static const int at[][2] = {{0, 0}, {0, 1}, {1, 0}, {0, 4}, {40, 0}, {41, 0}, {0, 2}};
    struct pair *p = *state;
    unsigned char hash[ARRAY_LEN(at)][VISUAL_HASH_LEN];
    struct visual_info info;

    for (size_t i = 0; i < ARRAY_LEN(at); i++) {
        paint(p->current, at[i][0], at[i][1], 1, 1, 0x123456);
        struct str file = png_make(&rgb_form, p->current);
        assert_int_equal(visual_pixel_hash(p->v, file, &p->options, hash[i], &info, &p->error),
                         RC_OK);
        free((void *)(uintptr_t)file.p);
        paint(p->current, at[i][0], at[i][1], 1, 1, 0xffffff);
        for (size_t k = 0; k < i; k++) {
            assert_memory_not_equal(hash[i], hash[k], VISUAL_HASH_LEN);
        }
    }
}

/* Digests are stored with pictures: another version of us must find them again. */
static void
the_hash_of_a_picture_never_changes(void **state)
{
    static const struct {
        uint32_t width;
        const char *hash;
    } known[] = {
        {5, "92da36441ecdc589cbca7a893c29ac20997634bcdfe25f8b441025451bf6af31"},
        {32, "d018e2c1f8486879a42de44dd8b8a2b1a801d7f3f794aa1c854071780e7548b2"},
        {150, "d64d1064ca797700d0a72305ab7ae47e775a7b30d6f999e49d9ff8d2a25d5e61"},
    };
    struct pair *p = *state;
    struct visual_info info;
    unsigned char hash[VISUAL_HASH_LEN];
    char hex[2 * VISUAL_HASH_LEN + 1];
    uint8_t rows[150 * 9 * 3];

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        struct png_form form = rgb_form;
        form.w = known[i].width;
        form.h = 9;
        for (size_t k = 0; k < (size_t)form.w * 9 * 3; k++) {
            rows[k] = (uint8_t)(k / (form.w * 6) * 40 + (k % 64 == 0 ? k / 64 : 0));
        }
        struct str file = png_make(&form, rows);
        assert_int_equal(visual_pixel_hash(p->v, file, &p->options, hash, &info, &p->error), RC_OK);
        id_hex(hash, sizeof(hash), hex);
        assert_string_equal(hex, known[i].hash);
        free((void *)(uintptr_t)file.p);
    }
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(the_same_file_is_the_same),
        T(a_new_colour_is_one_region_of_exactly_its_pixels),
        T(strokes_that_moved_by_a_fraction_of_a_pixel_are_no_change),
        T(a_dot_gone_beside_strokes_that_moved_is_told_where_it_was),
        T(a_word_of_which_only_the_end_moved_has_changed),
        T(one_pixel_is_noise_unless_every_pixel_counts),
        T(a_step_that_nobody_sees_is_noise_and_differs_at_threshold_zero),
        T(what_differs_in_an_ignored_rectangle_does_not_count),
        T(a_dynamic_region_hides_its_own_change_and_no_other_on_the_same_rows),
        T(the_diff_picture_is_a_png_that_shows_what_differs),
        T(every_form_of_png_decodes_as_libpng_decodes_it),
        T(a_file_cut_anywhere_is_an_error),
        T(a_flipped_bit_anywhere_is_an_error),
        T(a_picture_over_the_limits_is_refused_by_its_head_alone),
        T(the_same_pixels_have_the_same_hash_however_they_are_stored),
        T(the_same_pixels_in_another_place_have_another_hash),
        T(the_hash_of_a_picture_never_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
