/* SPDX-License-Identifier: Apache-2.0
 *
 * The cases of tests/visual/cases: the verdict of each is the one its list expects, and the vector
 * unit, the plain path, one thread and two give the same result to the byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json/json.h"
#include "tests/visual/visual.h"

#define CASES "tests/visual/cases/"
#define FILE_MAX ((size_t)4 << 20)
#define RECTS 4

static struct str
read_file(struct arena *arena, struct str name)
{
    struct str path = arena_printf(arena, CASES "%.*s", STR_ARG(name));
    char *bytes = arena_alloc(arena, FILE_MAX);
    FILE *f = fopen(arena_strz(arena, path), "rb");

    assert_non_null(f);
    assert_non_null(bytes);
    size_t n = fread(bytes, 1, FILE_MAX, f);
    assert_int_equal(ferror(f), 0);
    assert_int_equal(fclose(f), 0);
    return str_n(bytes, n);
}

static size_t
read_rects(const struct json_value *list, struct visual_rect out[RECTS])
{
    size_t n = 0;

    for (; json_at(list, n) != NULL && n < RECTS; n++) {
        const struct json_value *r = json_at(list, n);
        out[n] = (struct visual_rect){
            (int32_t)json_i64(json_at(r, 0), 0), (int32_t)json_i64(json_at(r, 1), 0),
            (int32_t)json_i64(json_at(r, 2), 0), (int32_t)json_i64(json_at(r, 3), 0)};
    }
    return n;
}

static void
assert_same_result(const struct visual_result *a, const struct visual_result *b)
{
    assert_int_equal(a->verdict, b->verdict);
    assert_int_equal(a->diff_pixels, b->diff_pixels);
    assert_int_equal(a->aa_pixels, b->aa_pixels);
    assert_int_equal(a->noise_pixels, b->noise_pixels);
    assert_int_equal(a->ignored_pixels, b->ignored_pixels);
    assert_int_equal(a->region_count, b->region_count);
    assert_true(a->ssim_picture == b->ssim_picture && a->delta_max == b->delta_max);
    for (size_t i = 0; i < a->region_count; i++) {
        assert_memory_equal(&a->regions[i].box, &b->regions[i].box, sizeof(struct visual_rect));
        assert_int_equal(a->regions[i].pixels, b->regions[i].pixels);
        assert_int_equal(a->regions[i].kind, b->regions[i].kind);
        assert_int_equal(a->regions[i].fingerprint, b->regions[i].fingerprint);
    }
    assert_true(str_eq(a->picture, b->picture));
}

struct lab {
    struct arena *arena;
    struct visual *v[2]; /* kept over all cases: what one leaves behind must not reach the next */
};

/* Returns whether the verdict is the expected one. */
static bool
check_case(struct lab *lab, const struct json_value *c)
{
    struct visual_options options = VISUAL_OPTIONS_DEFAULT;
    struct visual_rect ignore[RECTS];
    struct visual_rect dynamic[RECTS];
    struct visual_result result[2];
    struct visual_error error;
    struct str base = read_file(lab->arena, json_str(json_get(c, "base")));
    struct str current = read_file(lab->arena, json_str(json_get(c, "current")));

    options.ignore = ignore;
    options.ignore_count = read_rects(json_get(c, "ignore"), ignore);
    options.dynamic = dynamic;
    options.dynamic_count = read_rects(json_get(c, "dynamic"), dynamic);
    for (int output = VISUAL_OUTPUT_MASK; output <= VISUAL_OUTPUT_PICTURE; output++) {
        options.output = (enum visual_output)output;
        for (int i = 0; i < 2; i++) {
            options.plain = i == 1;
            options.threads = i == 1 ? 1 : 2;
            assert_int_equal(visual_compare(lab->v[i], base, current, &options, &result[i], &error),
                             RC_OK);
        }
        assert_same_result(&result[0], &result[1]);
    }
    struct str expect = json_str(json_get(c, "expect"));
    const char *got = visual_verdict_name(result[0].verdict);
    if (!str_eqz(expect, got)) {
        print_message("%.*s: %s, expected %.*s\n", STR_ARG(json_str(json_get(c, "name"))), got,
                      STR_ARG(expect));
    }
    return str_eqz(expect, got);
}

static void
check_list(struct str name, size_t at_least, size_t wrong_at_most)
{
    struct lab lab = {arena_new((size_t)64 << 20), {visual_new(), visual_new()}};
    struct arena *lists = arena_new((size_t)8 << 20);
    const struct json_value *list = NULL;
    size_t right = 0;
    size_t n = 0;

    assert_int_equal(json_parse(read_file(lists, name), lists, &list, NULL), RC_OK);
    for (; json_at(list, n) != NULL; n++) {
        right += check_case(&lab, json_at(list, n));
        arena_reset(lab.arena);
    }
    assert_true(n >= at_least);
    assert_true(n - right <= wrong_at_most);
    visual_free(lab.v[0]);
    visual_free(lab.v[1]);
    arena_free(lab.arena);
    arena_free(lists);
}

/* One is known to be wrong: letters turned by a fraction of a degree, which lose a third of their
 * ink. */
static void
tuned_cases_get_their_verdict_on_every_path(void **state)
{
    (void)state;
    check_list(STR("tuned.json"), 101, 1);
}

/* No rule was made for a case of this list. */
static void
held_out_cases_get_their_verdict_on_every_path(void **state)
{
    (void)state;
    check_list(STR("held_out.json"), 121, 0);
}

/* Drawn by somebody who had not read the rules, which were then mended with both lists in sight.
 * Known to be wrong: bubbles that move over a ground of two colours; then a word on a photo with
 * other grain (missed), and what moved within shadows and layers, was stretched, or an underline
 * smoothed in stripes. */
static void
cases_of_another_hand_get_their_verdict_on_every_path(void **state)
{
    (void)state;
    check_list(STR("other_hand_1.json"), 70, 2);
    check_list(STR("other_hand_2.json"), 105, 5);
}

/* No rule was made for a case of this list. Known to be wrong since the first sight: a letter that
 * became another beside what moved (missed), four that moved and alarm, a block that moved by whole
 * pixels over a gradient (told as a change). */
static void
held_out_cases_of_another_hand_get_their_verdict_on_every_path(void **state)
{
    (void)state;
    check_list(STR("other_hand_3.json"), 113, 6);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tuned_cases_get_their_verdict_on_every_path),
        cmocka_unit_test(held_out_cases_get_their_verdict_on_every_path),
        cmocka_unit_test(cases_of_another_hand_get_their_verdict_on_every_path),
        cmocka_unit_test(held_out_cases_of_another_hand_get_their_verdict_on_every_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
