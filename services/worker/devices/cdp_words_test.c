/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/devices/cdp_words.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct cdp_words words;
static char last[256];

static int
set_up(void **state)
{
    (void)state;
    cdp_words_init(&words);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    cdp_words_fini(&words);
    return 0;
}

static void
say(const char *text)
{
    cdp_words_add(&words, str_z(text));
}

static void
expect(const char *text)
{
    cdp_words_last(&words, last, sizeof last);
    assert_string_equal(last, text);
}

static void
the_last_lines_are_told_and_not_more_than_fit(void **state)
{
    (void)state;
    expect("");
    say("one\ntwo\n");
    expect("one | two");
    say("three\nfour\nfive\nsix\n");
    expect("two | three | four | five | six");
    char small[8];
    cdp_words_last(&words, small, sizeof small);
    assert_string_equal(small, "six");
    cdp_words_clear(&words);
    expect("");
}

static void
a_browser_that_says_a_lot_is_kept_within_bounds(void **state)
{
    char line[64];

    (void)state;
    for (int i = 0; i < 10000; i++) {
        (void)snprintf(line, sizeof line, "[1:1:ERROR:a.cc(%d)] no bus\n", i);
        say(line);
    }
    expect("[1:1:ERROR:a.cc(9995)] no bus | [1:1:ERROR:a.cc(9996)] no bus | "
           "[1:1:ERROR:a.cc(9997)] no bus | [1:1:ERROR:a.cc(9998)] no bus | "
           "[1:1:ERROR:a.cc(9999)] no bus");
    char *one = test_malloc(3 * CDP_WORDS_KEPT + 1);
    memset(one, 'x', 3 * CDP_WORDS_KEPT);
    one[3 * CDP_WORDS_KEPT] = '\0';
    say(one);
    cdp_words_last(&words, last, sizeof last);
    assert_int_equal(strlen(last), sizeof last - 1);
    test_free(one);
}

static void
addresses_are_told_without_what_may_be_secret_in_them(void **state)
{
    (void)state;
    say("loading https://ann:secret@shop.test:8443/pay?token=secret failed, see "
        "\"http://b.test/#secret\"\n");
    expect("loading https://shop.test:8443 failed, see \"http://b.test");
    cdp_words_clear(&words);
    say("bad \x1b[31m bytes\x01\n");
    expect("bad ?[31m bytes?");
}

static void
a_pipe_is_read_without_waiting_and_to_its_end(void **state)
{
    int pipe_ends[2];

    (void)state;
    assert_int_equal(pipe2(pipe_ends, O_NONBLOCK), 0);
    assert_true(cdp_words_read(&words, pipe_ends[0]));
    assert_int_equal(write(pipe_ends[1], "died\n", 5), 5);
    assert_true(cdp_words_read(&words, pipe_ends[0]));
    expect("died");
    (void)close(pipe_ends[1]);
    assert_false(cdp_words_read(&words, pipe_ends[0]));
    (void)close(pipe_ends[0]);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest all[] = {
        T(the_last_lines_are_told_and_not_more_than_fit),
        T(a_browser_that_says_a_lot_is_kept_within_bounds),
        T(addresses_are_told_without_what_may_be_secret_in_them),
        T(a_pipe_is_read_without_waiting_and_to_its_end),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
