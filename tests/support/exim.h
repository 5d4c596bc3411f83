/* SPDX-License-Identifier: Apache-2.0
 *
 * A real mail server for tests: Debian's exim4 in a folder of its own, on a free port of 127.0.0.1.
 * It takes mail for every recipient and puts it into files, but refuses "unknown@..." for good and
 * "later@..." for now. */
#ifndef ASSAY_TESTS_SUPPORT_EXIM_H
#define ASSAY_TESTS_SUPPORT_EXIM_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/macros.h"
#include "tests/support/place.h"

struct exim {
    char dir[PLACE_MAX];
    char ca[96]; /* PEM of the certificate it shows */
    int port;
    pid_t pid;
};

/* `secured`: with STARTTLS, and only for the user "assay" with the password "let me in".
 * Ends the test program with a message when it cannot be started. */
void exim_support_start(struct exim *e, bool secured);
void exim_support_stop(struct exim *e);
/* Number of mails delivered so far. */
int exim_support_count(const struct exim *e);
/* Waits (20 s at most) until `n` mails are there, and reads the newest into `out`; false: never. */
NODISCARD bool exim_support_wait(const struct exim *e, int n, char *out, size_t size);

#endif
