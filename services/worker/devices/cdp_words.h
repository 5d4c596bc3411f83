/* SPDX-License-Identifier: Apache-2.0
 *
 * What the browser says on its standard error: the last of it, for whoever asks why it died. Nobody
 * else reads it, and a browser says a lot, so it is bounded and overwritten.
 *
 * Addresses are cut behind the host: their paths and queries may hold what is secret.
 *
 * Threads: any. */
#ifndef ASSAY_WORKER_CDP_WORDS_H
#define ASSAY_WORKER_CDP_WORDS_H

#include <pthread.h>

#include "worker/devices/cdp.h"

#define CDP_WORDS_KEPT 4096

struct cdp_words {
    pthread_mutex_t lock;
    char text[CDP_WORDS_KEPT];
    size_t n;
};

void cdp_words_init(struct cdp_words *w);
void cdp_words_fini(struct cdp_words *w);
void cdp_words_clear(struct cdp_words *w);
/* Adds; what is old goes. */
void cdp_words_add(struct cdp_words *w, struct str bytes);
/* Reads what is there without waiting. False: nobody will say more. */
NODISCARD bool cdp_words_read(struct cdp_words *w, int fd);
/* The last lines that are whole, " | " between them, printable; "" when nothing was said. */
void cdp_words_last(struct cdp_words *w, char *out, size_t n);

#endif
