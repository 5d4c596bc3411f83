/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#undef fail

#include "log/log.h"
#include "tests/support/place.h"

static int file_fd;

static int
open_log(void **state)
{
    char path[PLACE_MAX];

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/log_test.XXXXXX", place_base());
    file_fd = mkstemp(path);
    (void)unlink(path);
    (void)fcntl(file_fd, F_SETFL, O_APPEND);
    log_init("toy", LOG_INFO_LEVEL, file_fd);
    return file_fd < 0;
}

static int
close_log(void **state)
{
    (void)state;
    return close(file_fd);
}

/* What was written so far. */
static char *
written(void)
{
    static char text[2 * 1024 * 1024];
    ssize_t n = pread(file_fd, text, sizeof text - 1, 0);

    assert_true(n >= 0);
    text[n] = '\0';
    return text;
}

static void
a_line_is_one_object_with_the_ids_of_the_call(void **state)
{
    struct arena *arena = arena_new(65536);
    struct ctx ctx;

    (void)state;
    ctx_init(&ctx, arena);
    ctx.request_id = STR("r-1");
    (void)fail(&ctx, RC_NOT_FOUND, "SUITE_NOT_FOUND", "no suite");
    note(&ctx, "looked for %d", 7);
    log_line(LOG_INFO_LEVEL, &ctx, "rpc", "done", LOG_I64("us", 12), LOG_Z("empty", NULL));
    char *text = written();
    assert_int_equal(strncmp(text, "{\"ts\":\"2", 8), 0);
    assert_non_null(strstr(text,
                           "\"lvl\":\"info\",\"svc\":\"toy\",\"ev\":\"rpc\",\"msg\":\"done\","
                           "\"req\":\"r-1\",\"code\":\"NOT_FOUND\",\"reason\":\"SUITE_NOT_FOUND\","
                           "\"error\":\"no suite\",\"detail\":\"looked for 7\",\"us\":12}\n"));
    assert_null(strstr(text, "empty"));
    arena_free(arena);
}

static void
levels_below_the_set_one_are_silent(void **state)
{
    (void)state;
    log_line(LOG_DEBUG_LEVEL, NULL, "quiet", "x");
    assert_string_equal(written(), "");
    log_init("toy", LOG_DEBUG_LEVEL, file_fd);
    log_line(LOG_DEBUG_LEVEL, NULL, "quiet", "x");
    assert_non_null(strstr(written(), "\"lvl\":\"debug\""));
}

static void
hostile_text_cannot_forge_a_line(void **state)
{
    (void)state;
    log_line(LOG_WARN_LEVEL, NULL, "ev", "m",
             LOG_STR("v", STR("a\"\n{\"lvl\":\"x\"}\x1b[31m\\\xff\xc2\x85\xe2\x80\xa8")));
    assert_non_null(strstr(written(), "\"v\":\"a\\\"\\u000a{\\\"lvl\\\":\\\"x\\\"}\\u001b[31m\\\\"
                                      "\xef\xbf\xbd\\u0085\\u2028\"}\n"));
}

static void
long_lines_are_cut_and_say_so(void **state)
{
    static char big[40000];
    struct str s = {big, sizeof big};

    (void)state;
    memset(big, '\n', sizeof big);
    log_line(LOG_INFO_LEVEL, NULL, "ev", "m", LOG_STR("a", s), LOG_STR("b", s), LOG_STR("c", s),
             LOG_STR("d", s), LOG_I64("e", 1));
    char *text = written();
    size_t n = strlen(text);
    assert_true(n <= LOG_LINE_MAX);
    assert_string_equal(text + n - 13, ",\"cut\":true}\n");
    assert_ptr_equal(strchr(text, '\n'), text + n - 1);
}

static void *
write_many(void *arg)
{
    for (int i = 0; i < 500; i++) {
        log_line(LOG_INFO_LEVEL, NULL, "many", "the quick brown fox", LOG_I64("i", i));
    }
    return arg;
}

static void
lines_of_threads_do_not_mix(void **state)
{
    pthread_t threads[4];
    int lines = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, NULL), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    for (char *line = written(); *line != '\0'; lines++) {
        char *end = strchr(line, '\n');
        assert_non_null(end);
        assert_int_equal(strncmp(line, "{\"ts\":", 6), 0);
        assert_int_equal(end[-1], '}');
        line = end + 1;
    }
    assert_int_equal(lines, 2000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_is_one_object_with_the_ids_of_the_call, open_log,
                                        close_log),
        cmocka_unit_test_setup_teardown(levels_below_the_set_one_are_silent, open_log, close_log),
        cmocka_unit_test_setup_teardown(hostile_text_cannot_forge_a_line, open_log, close_log),
        cmocka_unit_test_setup_teardown(long_lines_are_cut_and_say_so, open_log, close_log),
        cmocka_unit_test_setup_teardown(lines_of_threads_do_not_mix, open_log, close_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
