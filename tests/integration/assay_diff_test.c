/* SPDX-License-Identifier: Apache-2.0
 *
 * The command assay-diff as a shell sees it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "json/json.h"
#include "tests/support/place.h"

#define CASES "tests/visual/cases/"
#define ANSWER_MAX 65536

struct run {
    char text[ANSWER_MAX];
    size_t n;
    int status; /* of the exit */
};

struct lab {
    char dir[PLACE_MAX];
    struct arena *arena;
    struct run run;
    const struct json_value *list; /* cases/tuned.json */
};

static struct lab lab;

static void
sh(struct run *out, struct str command)
{
    FILE *f = popen(arena_strz(lab.arena, command), "r");

    assert_non_null(f);
    out->n = fread(out->text, 1, sizeof(out->text) - 1, f);
    out->text[out->n] = 0;
    int status = pclose(f);
    assert_true(WIFEXITED(status));
    out->status = WEXITSTATUS(status);
}

/* Runs it with `args`, of which %s may be one or two files and the last one is the picture. */
#define DIFF(out, ...) sh(out, arena_printf(lab.arena, "assay-diff " __VA_ARGS__))

static struct str
file_of(const char *name, const char *which)
{
    for (size_t i = 0; json_at(lab.list, i) != NULL; i++) {
        const struct json_value *c = json_at(lab.list, i);
        if (str_eqz(json_str(json_get(c, "name")), name)) {
            return arena_printf(lab.arena, CASES "%.*s", STR_ARG(json_str(json_get(c, which))));
        }
    }
    fail_msg("no case %s", name);
    return STR_EMPTY;
}

static const struct json_value *
answer(const struct run *r)
{
    const struct json_value *v = NULL;

    assert_int_equal(json_parse(str_n(r->text, r->n), lab.arena, &v, NULL), RC_OK);
    return v;
}

static int
set_up(void **state)
{
    struct run *r = &lab.run;

    (void)state;
    lab.arena = arena_new((size_t)16 << 20);
    assert_non_null(lab.arena);
    place_make(lab.dir, "diff");
    struct str path = arena_printf(lab.arena, "%s:%s", place_bin(), getenv("PATH"));
    assert_int_equal(setenv("PATH", arena_strz(lab.arena, path), 1), 0);
    sh(r, STR("cat " CASES "tuned.json"));
    char *text = arena_alloc(lab.arena, r->n);
    memcpy(text, r->text, r->n);
    assert_int_equal(json_parse(str_n(text, r->n), lab.arena, &lab.list, NULL), RC_OK);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    arena_free(lab.arena);
    return place_remove(lab.dir) ? 0 : 1;
}

static void
a_change_is_told_as_one_object_with_a_picture_and_exit_1(void **state)
{
    struct str base = file_of("shop-mobile-button", "base");
    struct str current = file_of("shop-mobile-button", "current");

    (void)state;
    DIFF(&lab.run, "%.*s %.*s %s/d.png", STR_ARG(base), STR_ARG(current), lab.dir);
    assert_int_equal(lab.run.status, 1);
    const struct json_value *v = answer(&lab.run);
    assert_true(str_eqz(json_str(json_get(v, "verdict")), "different"));
    assert_true(json_get(v, "diff_percentage") != NULL);
    assert_true(json_i64(json_get(v, "diff_pixels"), 0) > 1000);
    DIFF(&lab.run, "--picture %s/d.png %s/d.png -", lab.dir, lab.dir);
    assert_int_equal(lab.run.status, 0); /* the picture is a PNG of its own */
}

static void
a_change_in_an_ignored_rectangle_is_exit_0(void **state)
{
    struct str base = file_of("shop-desktop-clock", "base");
    struct str current = file_of("shop-desktop-clock", "current");

    (void)state;
    DIFF(&lab.run, "%.*s %.*s -", STR_ARG(base), STR_ARG(current));
    assert_int_equal(lab.run.status, 1);
    DIFF(&lab.run, "--ignore 0,0,10,10 --ignore 924,0,100,68 %.*s %.*s -", STR_ARG(base),
         STR_ARG(current));
    assert_int_equal(lab.run.status, 0);
}

static void
files_of_the_same_bytes_are_the_same_and_nothing_is_drawn(void **state)
{
    struct str png = file_of("shop-mobile-button", "base");

    (void)state;
    sh(&lab.run, arena_printf(lab.arena, "cp %.*s %s/copy.png", STR_ARG(png), lab.dir));
    DIFF(&lab.run, "%.*s %s/copy.png %s/none.png && test ! -e %s/none.png", STR_ARG(png), lab.dir,
         lab.dir, lab.dir);
    assert_int_equal(lab.run.status, 0);
    const struct json_value *v = answer(&lab.run);
    assert_true(str_eqz(json_str(json_get(v, "verdict")), "same"));
    assert_int_equal(json_i64(json_get(v, "canvas_pixels"), 0), 234000);
}

/* Also beside itself. */
static void
a_damaged_file_is_no_picture(void **state)
{
    struct str png = file_of("shop-mobile-button", "base");

    (void)state;
    sh(&lab.run, arena_printf(lab.arena,
                              "cp %.*s %s/size.png; head -c 30 %s/size.png >%s/cut.png; printf x | "
                              "dd of=%s/size.png bs=1 seek=18 conv=notrunc status=none",
                              STR_ARG(png), lab.dir, lab.dir, lab.dir, lab.dir));
    DIFF(&lab.run, "%s/size.png %s/size.png - 2>&1", lab.dir, lab.dir);
    assert_int_equal(lab.run.status, 2);
    DIFF(&lab.run, "%s/cut.png %s/cut.png - 2>&1", lab.dir, lab.dir);
    assert_int_equal(lab.run.status, 2);
    DIFF(&lab.run, "/dev/null /dev/null - 2>&1");
    assert_int_equal(lab.run.status, 2);
}

static void
what_cannot_be_compared_is_exit_2_with_a_reason(void **state)
{
    struct str png = file_of("shop-mobile-button", "base");

    (void)state;
    DIFF(&lab.run, "%.*s /no/such.png - 2>&1", STR_ARG(png));
    assert_int_equal(lab.run.status, 2);
    assert_non_null(strstr(lab.run.text, "/no/such.png"));
    DIFF(&lab.run, "%.*s Makefile - 2>&1", STR_ARG(png));
    assert_int_equal(lab.run.status, 2);
    assert_non_null(strstr(lab.run.text, "NOT_AN_IMAGE"));
    DIFF(&lab.run, "--ignore 1,2,3 a b c 2>&1");
    assert_int_equal(lab.run.status, 2);
    DIFF(&lab.run, "--max-pixels 1000 %.*s %.*s - 2>&1", STR_ARG(png),
         STR_ARG(file_of("shop-mobile-button", "current")));
    assert_int_equal(lab.run.status, 2);
    assert_non_null(strstr(lab.run.text, "TOO_LARGE"));
    DIFF(&lab.run, "%.*s %.*s - >/dev/full 2>&1", STR_ARG(png), STR_ARG(png));
    assert_int_equal(lab.run.status, 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_is_told_as_one_object_with_a_picture_and_exit_1),
        cmocka_unit_test(a_change_in_an_ignored_rectangle_is_exit_0),
        cmocka_unit_test(files_of_the_same_bytes_are_the_same_and_nothing_is_drawn),
        cmocka_unit_test(a_damaged_file_is_no_picture),
        cmocka_unit_test(what_cannot_be_compared_is_exit_2_with_a_reason),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
