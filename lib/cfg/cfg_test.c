/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "cfg/cfg.h"
#include "tests/support/place.h"

/* Texts of settings live as long as the process by design; this one loads them many times. */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
    return "leak:find_text\nleak:cfg_load\n";
}

struct sample {
    const char *name;
    const char *url;
    const char *key;
    int64_t count;
    int64_t period_us;
    int64_t bytes;
    bool on;
    int colour;
};

static const char *const COLOURS[] = {"red", "green", NULL};
#define AT(m) .offset = offsetof(struct sample, m)
static const struct cfg_row ROWS[] = {
    {.name = "T_NAME", .type = CFG_STR, .def = "bob", .min = 2, .max = 8, .text = "Who.", AT(name)},
    {.name = "T_URL", .type = CFG_URL, .def = "", .text = "Where.", AT(url)},
    {.name = "T_KEY", .type = CFG_STR, .def = NULL, .secret = true, .text = "Key.", AT(key)},
    {.name = "T_COUNT", .type = CFG_INT, .def = "3", .min = 1, .max = 9, .text = "N.", AT(count)},
    {.name = "T_PERIOD",
     .type = CFG_DURATION,
     .def = "5m",
     .min = 1000,
     .max = 3600000000,
     .text = "How often.",
     AT(period_us)},
    {.name = "T_BYTES", .type = CFG_SIZE, .def = "64k", .text = "Size.", AT(bytes)},
    {.name = "T_ON", .type = CFG_BOOL, .def = "off", .text = "Flag.", AT(on)},
    {.name = "T_COLOUR",
     .type = CFG_ENUM,
     .def = "green",
     .text = "C.",
     AT(colour),
     .choices = COLOURS},
};

static enum rc
load(struct sample *out, struct buf *faults)
{
    struct cfg_table table = {ROWS, ARRAY_LEN(ROWS), out};

    buf_init(faults, 64 * 1024);
    return cfg_load(&table, 1, faults);
}

static int
clear_env(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        char file[64];
        (void)snprintf(file, sizeof file, "%s_FILE", ROWS[i].name);
        (void)unsetenv(ROWS[i].name);
        (void)unsetenv(file);
    }
    return 0;
}

static void
defaults_and_values_reach_the_struct(void **state)
{
    struct sample s;
    struct buf faults;

    (void)state;
    (void)setenv("T_KEY", "k", 1);
    (void)setenv("T_URL", "http://x/", 1);
    (void)setenv("T_COLOUR", "RED", 1);
    (void)setenv("T_ON", "yes", 1);
    assert_int_equal(load(&s, &faults), RC_OK);
    assert_string_equal(s.name, "bob");
    assert_string_equal(s.url, "http://x/");
    assert_string_equal(s.key, "k");
    assert_int_equal(s.count, 3);
    assert_int_equal(s.period_us, 300 * ASSAY_US_PER_S);
    assert_int_equal(s.bytes, 65536);
    assert_true(s.on);
    assert_int_equal(s.colour, 0);
    buf_fini(&faults);
}

static void
all_faults_are_reported_together(void **state)
{
    struct sample s;
    struct buf faults;

    (void)state;
    (void)setenv("T_NAME", "x", 1);
    (void)setenv("T_URL", "no url", 1);
    (void)setenv("T_COUNT", "10", 1);
    (void)setenv("T_PERIOD", "5 m", 1);
    (void)setenv("T_BYTES", "99999999999999999999", 1);
    (void)setenv("T_ON", "maybe", 1);
    (void)setenv("T_COLOUR", "blue", 1);
    assert_int_equal(load(&s, &faults), RC_INVALID_ARGUMENT);
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        assert_non_null(strstr(faults.p, ROWS[i].name));
    }
    assert_non_null(strstr(faults.p, "between 1 and 9"));
    assert_non_null(strstr(faults.p, "red green"));
    buf_fini(&faults);
}

static void
a_mounted_file_gives_the_secret_without_its_newline(void **state)
{
    struct sample s;
    struct buf faults;
    char path[PLACE_MAX];

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/cfg_test.XXXXXX", place_base());
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "s3cret\n", 7), 7);
    (void)close(fd);
    (void)setenv("T_KEY_FILE", path, 1);
    assert_int_equal(load(&s, &faults), RC_OK);
    assert_string_equal(s.key, "s3cret");
    buf_fini(&faults);
    (void)setenv("T_KEY", "other", 1);
    assert_int_equal(load(&s, &faults), RC_INVALID_ARGUMENT);
    assert_null(strstr(faults.p, "s3cret"));
    assert_null(strstr(faults.p, "other"));
    buf_fini(&faults);
    (void)unsetenv("T_KEY");
    (void)unlink(path);
    assert_int_equal(load(&s, &faults), RC_INVALID_ARGUMENT);
    assert_non_null(strstr(faults.p, "T_KEY_FILE"));
    buf_fini(&faults);
}

static void
malformed_secrets_are_not_shown(void **state)
{
    static const struct cfg_row ROW = {
        .name = "T_KEY", .type = CFG_URL, .def = "", .secret = true, .text = "x"};
    const char *out = NULL;
    struct cfg_table table = {&ROW, 1, &out};
    struct buf faults;

    (void)state;
    (void)setenv("T_KEY", "hunter2 with blanks", 1);
    buf_init(&faults, 4096);
    assert_int_equal(cfg_load(&table, 1, &faults), RC_INVALID_ARGUMENT);
    assert_null(strstr(faults.p, "hunter2"));
    buf_fini(&faults);
}

static void
help_names_every_setting_with_bounds_and_default(void **state)
{
    struct sample s;
    struct cfg_table table = {ROWS, ARRAY_LEN(ROWS), &s};
    struct buf out;

    (void)state;
    buf_init(&out, 64 * 1024);
    cfg_help(&table, 1, &out);
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        assert_non_null(strstr(out.p, ROWS[i].name));
    }
    assert_non_null(strstr(out.p, "T_PERIOD (duration, 1ms to 1h; default: 5m)"));
    assert_non_null(strstr(out.p, "T_KEY (text; default: required; secret)"));
    buf_clear(&out);
    cfg_help_md(&table, 1, &out);
    assert_non_null(strstr(out.p, "| `T_COUNT` | number, 1 to 9 | `3` | N. |"));
    buf_fini(&out);
}

static void
durations_and_sizes_keep_their_units(void **state)
{
    int64_t v = -1;

    (void)state;
    assert_int_equal(cfg_parse_duration(STR("250ms"), &v), RC_OK);
    assert_int_equal(v, 250000);
    assert_int_equal(cfg_parse_duration(STR("7d"), &v), RC_OK);
    assert_int_equal(v, 604800 * ASSAY_US_PER_S);
    assert_int_equal(cfg_parse_duration(STR("30"), &v), RC_INVALID_ARGUMENT);
    assert_int_equal(cfg_parse_duration(STR("-1s"), &v), RC_INVALID_ARGUMENT);
    assert_int_equal(cfg_parse_duration(STR("9223372036854775807d"), &v), RC_OUT_OF_RANGE);
    assert_int_equal(cfg_parse_size(STR("2G"), &v), RC_OK);
    assert_int_equal(v, INT64_C(2) << 30);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(defaults_and_values_reach_the_struct, clear_env),
        cmocka_unit_test_setup(all_faults_are_reported_together, clear_env),
        cmocka_unit_test_setup(a_mounted_file_gives_the_secret_without_its_newline, clear_env),
        cmocka_unit_test_setup(malformed_secrets_are_not_shown, clear_env),
        cmocka_unit_test_setup(help_names_every_setting_with_bounds_and_default, clear_env),
        cmocka_unit_test_setup(durations_and_sizes_keep_their_units, clear_env),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
