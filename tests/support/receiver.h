/* SPDX-License-Identifier: Apache-2.0
 *
 * A receiver of webhooks on 127.0.0.1. It checks both signatures of every request by itself (with
 * libcrypto, not with lib/sec), keeps what came, and behaves as the first part of the path says:
 *
 *   /ok        200          /fail      500           /gone   410        /big    200, 1 MiB of body
 *   /redirect  302 to /ok   /hang      never answers                    /slow   200 after 30 ms
 *   /once      per delivery: 500, then 200
 *   /flaky     per delivery: 500, then closed unanswered, then no answer, then 200
 *
 * Threads: any. */
#ifndef ASSAY_TESTS_RECEIVER_H
#define ASSAY_TESTS_RECEIVER_H

#include <stdbool.h>
#include <stdint.h>

struct receiver;

struct receiver_hit {
    char path[64];
    char type[64];      /* X-Assay-Event */
    char delivery[32];  /* X-Assay-Delivery */
    char event_id[64];  /* webhook-id */
    char timestamp[32]; /* X-Assay-Timestamp */
    char body[4096];
    bool is_signed;    /* both signatures fit the secret of the path */
    bool is_same_time; /* both times are the same and within the last minute */
    int answered;      /* status, 0: none */
};

/* Listens on `port` (0: a free one). NULL: no socket. */
struct receiver *receiver_start(int port);
void receiver_stop(struct receiver *r);
int receiver_port(const struct receiver *r);
/* What requests for `path` are signed with. */
void receiver_set_secret(struct receiver *r, const char *path, const char *secret);
void receiver_clear(struct receiver *r);
/* Closes what hangs now, unanswered. */
void receiver_let_go(struct receiver *r);
/* Requests for `path` so far; answered with 2xx only when `good`. */
int receiver_count(struct receiver *r, const char *path, bool good);
int receiver_total(struct receiver *r);
/* Number `i` of all requests. */
struct receiver_hit receiver_hit(struct receiver *r, int i);
/* Waits until there are `n`, `within_us` at most. False: there were not. */
bool receiver_wait(struct receiver *r, const char *path, bool good, int n, int64_t within_us);

#endif
