/* SPDX-License-Identifier: Apache-2.0
 *
 * The Chromium process: its command line, its two channels and its directory.
 *
 * Threads: the child dies with the thread that started it (PR_SET_PDEATHSIG counts threads), so
 * start it from one that lives as long as the browser should. */
#ifndef ASSAY_WORKER_CDP_PROCESS_H
#define ASSAY_WORKER_CDP_PROCESS_H

#include <limits.h>

#include "worker/devices/cdp.h"

struct cdp_process {
    pid_t pid;
    int to;    /* we write commands here, non-blocking */
    int from;  /* and read answers and events here */
    int words; /* and here, without waiting, what it says on standard error */
    int lock;  /* on the directory, as long as it is used */
    char dir[PATH_MAX / 4];
};

/* Starts Chromium. Removes what browsers of workers that were killed have left beside its
 * directory. Errors: UNAVAILABLE: no directory, channel or process; errno says why. That the
 * program could be executed shows only when it answers. */
NODISCARD enum rc cdp_process_start(const struct cdp_options *o, struct cdp_process *out);
/* Closes the channels, waits up to `grace_us` for the browser to end by itself, kills it otherwise,
 * and removes its directory. Returns how it ended as waitpid says it, -1: that is not known. */
int cdp_process_stop(struct cdp_process *p, int64_t grace_us);
#define CDP_NO_PROCESS ((struct cdp_process){.to = -1, .from = -1, .words = -1, .lock = -1})

/* Removes everything below `dir`, and `dir` itself. Missing entries are fine. */
void cdp_remove_tree(const char *dir);

#endif
