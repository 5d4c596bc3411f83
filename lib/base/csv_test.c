/* SPDX-License-Identifier: Apache-2.0 */
#include "base/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void
row_is(const struct str *cells, size_t count, const char *expected)
{
    struct buf b;

    buf_init(&b, 1024);
    csv_put_row(&b, cells, count);
    assert_string_equal(b.p, expected);
    buf_fini(&b);
}

static void
plain_cells_stand_as_they_are(void **state)
{
    const struct str cells[] = {STR("a"), STR_EMPTY, STR("b c"), STR("\xc3\xa9")};

    (void)state;
    row_is(cells, ARRAY_LEN(cells), "a,,b c,\xc3\xa9\r\n");
}

static void
commas_quotes_and_line_breaks_are_quoted(void **state)
{
    const struct str cells[] = {STR("a,b"), STR("say \"hi\""), STR("two\nlines"), STR("x\ry")};

    (void)state;
    row_is(cells, ARRAY_LEN(cells), "\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",\"x\ry\"\r\n");
}

static void
no_cell_begins_a_formula(void **state)
{
    const struct str cells[] = {STR("=1+1"), STR("+1"),          STR("-1"), STR("@x"),
                                STR("\tx"),  STR("=cmd|\"/c\""), STR("1=1")};

    (void)state;
    row_is(cells, ARRAY_LEN(cells), "'=1+1,'+1,'-1,'@x,'\tx,\"'=cmd|\"\"/c\"\"\",1=1\r\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_cells_stand_as_they_are),
        cmocka_unit_test(commas_quotes_and_line_breaks_are_quoted),
        cmocka_unit_test(no_cell_begins_a_formula),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
