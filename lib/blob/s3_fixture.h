/* SPDX-License-Identifier: Apache-2.0
 *
 * The S3-speaking server of tests/s3 as a child process on a free port. For one test program:
 * everything is static. */
#ifndef ASSAY_BLOB_S3_FIXTURE_H
#define ASSAY_BLOB_S3_FIXTURE_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clk.h"
#include "tests/support/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static pid_t server_pid;
static int server_port;
static char server_dir[PLACE_MAX];

/* Reads "ready PORT" from the server with a deadline. */
static int
read_port(int fd)
{
    char text[256];
    size_t n = 0;
    int64_t until_us = clk_mono_us() + 120 * ASSAY_US_PER_S;

    while (clk_mono_us() < until_us && n < sizeof(text) - 1) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 100) <= 0) {
            continue;
        }
        ssize_t got = read(fd, text + n, sizeof(text) - 1 - n);
        if (got <= 0) {
            break;
        }
        n += (size_t)got;
        text[n] = '\0';
        int port = 0;
        if (strchr(text, '\n') != NULL && sscanf(text, "ready %d", &port) == 1) {
            return port;
        }
    }
    return 0;
}

static int
start_s3(void **state)
{
    int out[2];
    int in[2]; /* closed with us, so that the server never outlives a killed test */

    (void)state;
    place_make(server_dir, "s3");
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    server_pid = fork();
    if (server_pid == 0) {
        (void)dup2(out[1], STDOUT_FILENO);
        (void)dup2(in[0], STDIN_FILENO);
        (void)setenv("NODE_PATH", "build/npm/s3/node_modules", 1);
        (void)execlp("node", "node", "tests/s3/server.js", server_dir, (char *)NULL);
        _exit(127);
    }
    (void)close(out[1]);
    (void)close(in[0]);
    server_port = read_port(out[0]);
    return server_port > 0 ? 0 : -1;
}

static int
stop_s3(void **state)
{
    (void)state;
    (void)kill(server_pid, SIGTERM);
    (void)waitpid(server_pid, NULL, 0);
    (void)place_remove(server_dir);
    return 0;
}

#endif
