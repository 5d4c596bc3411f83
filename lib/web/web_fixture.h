/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of lib/web share. Everything is static. */
#ifndef ASSAY_WEB_FIXTURE_H
#define ASSAY_WEB_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#undef fail

#include "tests/support/raw.h"
#include "web/web.h"

UNUSED static void
nap(void)
{
    const struct timespec tick = {.tv_nsec = 1000000};
    (void)nanosleep(&tick, NULL);
}

/* Starts a server on a port of its own: *out_port. */
UNUSED static struct web_server *
start_web(const struct web_cfg *cfg, int *out_port)
{
    struct web_server *server = NULL;
    const char *why = NULL;

    if (web_server_start(cfg, &server, &why) != RC_OK) {
        print_error("%s\n", why);
        return NULL;
    }
    *out_port = web_server_port(server);
    return server;
}

/* True when the value is reached within a minute. */
UNUSED static bool
reaches(const atomic_int *v, int wanted)
{
    int64_t until = clk_mono_us() + 60 * ASSAY_US_PER_S;

    while (atomic_load(v) != wanted && clk_mono_us() < until) {
        nap();
    }
    return atomic_load(v) == wanted;
}

#endif
