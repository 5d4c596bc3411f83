/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of texts stand on: an arena for each test, and a context of it. One program
 * includes it at a time. */
#ifndef ASSAY_WHK_TEXT_LAB_H
#define ASSAY_WHK_TEXT_LAB_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/ctx.h"

static struct arena *arena;
static struct ctx ctx;

static int
set_up(void **state)
{
    (void)state;
    arena = arena_new((size_t)64 << 20);
    ctx_init(&ctx, arena);
    return arena == NULL;
}

static int
tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

#endif
