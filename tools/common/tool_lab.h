/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the generators share: a folder of their own, commands in it, what they said.
 * Everything is static. */
#ifndef ASSAY_TOOLS_TOOL_LAB_H
#define ASSAY_TOOLS_TOOL_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "base/buf.h"
#include "tests/support/place.h"

struct bench {
    char dir[PLACE_MAX];
    struct buf output; /* of the last command, both streams */
};

/* Writes a file of the folder. */
UNUSED static void
put(const struct bench *t, const char *name, const char *text)
{
    char path[2 * PLACE_MAX];

    (void)snprintf(path, sizeof(path), "%s/%s", t->dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* Returns the exit status. */
static int
run(struct bench *t, const char *command)
{
    char line[4096];

    (void)snprintf(line, sizeof(line), "( %s ) 2>&1", command);
    buf_clear(&t->output);
    FILE *pipe = popen(line, "r");
    assert_non_null(pipe);
    size_t n;
    while ((n = fread(line, 1, sizeof(line), pipe)) > 0) {
        buf_put(&t->output, str_n(line, n));
    }
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool
said(const struct bench *t, const char *text)
{
    return str_find(buf_str(&t->output), str_z(text)) >= 0;
}

static int
setup(void **state)
{
    static struct bench t;

    place_make(t.dir, "tool");
    buf_init(&t.output, 1 << 20);
    *state = &t;
    return 0;
}

static int
teardown(void **state)
{
    struct bench *t = *state;

    buf_fini(&t->output);
    return place_remove(t->dir) ? 0 : 1;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
