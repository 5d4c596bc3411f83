/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a test program puts its files, and the ports of servers that it starts later. */
#ifndef ASSAY_TESTS_SUPPORT_PLACE_H
#define ASSAY_TESTS_SUPPORT_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#define PLACE_MAX 64 /* room for the path of any folder made here */

/* TMPDIR, which tests/run_all.sh sets and empties; /tmp where there is none, or one too long for
 * the paths of sockets. */
const char *place_base(void);
/* Makes a folder of its own, "BASE/NAME.XXXXXX". Ends the program with a message when it cannot. */
void place_make(char out[PLACE_MAX], const char *name);
/* Removes a folder and all in it. */
bool place_remove(const char *path);
/* The folder of the programs that were built as this one was: build/bin, build/tsan/bin. */
const char *place_bin(void);
/* A port of 127.0.0.1 on which nobody listens, with the next one free as well. It is below the
 * range from which the kernel gives connections theirs: one of that range would be taken by any
 * connection. */
int place_port(void);

#endif
