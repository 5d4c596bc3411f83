/* SPDX-License-Identifier: Apache-2.0
 *
 * One request to one target, without redirects. Private to lib/http. */
#ifndef ASSAY_HTTP_HOP_H
#define ASSAY_HTTP_HOP_H

#include <pthread.h>

#include <curl/curl.h>

#include "http/target.h"

#define HTTP_IDLE_MAX 64

struct hop; /* one request under way */

struct http_client {
    struct http_client_cfg cfg;
    pthread_mutex_t lock;
    CURL *idle[HTTP_IDLE_MAX]; /* handles with their kept connections */
    size_t idle_count;
};

/* Prepares libcurl, once in a process. */
void http_init(void);

/* Takes a handle with its kept connections, or a new one; NULL without memory. */
CURL *http_easy_take(struct http_client *client);
void http_easy_give(struct http_client *client, CURL *easy);

const char *http_method_of(const struct http_request *req);
/* `same_origin` false: credentials are left out. Errors: as http_send. */
NODISCARD enum rc http_hop(struct http_client *client, struct ctx *ctx,
                           const struct http_request *req, const struct http_target *target,
                           bool same_origin, int64_t left_us, struct http_response *out);

/* The same in two halves, for those who let a multi handle drive it: begin sets up a handle, end
 * takes what came of it (`e`) and gives the handle back. All of it lives in ctx->arena; ctx and req
 * are borrowed until the end. */
NODISCARD enum rc http_hop_begin(struct http_client *client, struct ctx *ctx,
                                 const struct http_request *req, const struct http_target *target,
                                 bool same_origin, int64_t left_us, struct hop **out);
CURL *http_hop_easy(struct hop *hop);
NODISCARD enum rc http_hop_end(struct hop *hop, CURLcode e, struct http_response *out);

#endif
