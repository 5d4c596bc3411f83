/* SPDX-License-Identifier: Apache-2.0
 *
 * Outgoing HTTP, many requests at once on one thread of its own (libcurl's multi interface): for
 * senders to many receivers of which some are slow or dead. No redirects. Kept connections are
 * shared by all requests.
 *
 * The rules of http.h hold, but for how a name is looked up: libcurl asks beside the others, so a
 * name server that is silent holds up one request, and every address is checked at the moment it
 * would be connected to; the first that is out of reach ends the request. There is no time between
 * look and leap in which a name could change. */
#ifndef ASSAY_HTTP_ASYNC_H
#define ASSAY_HTTP_ASYNC_H

#include "http/http.h"

struct http_async;

/* One request. All of it belongs to the caller and stays until `done` was called; ctx serves this
 * call alone, and its deadline shortens the time-out. */
struct http_call {
    struct ctx *ctx;
    struct http_request req;
    void (*done)(struct http_call *call);
    enum rc rc; /* of the request, as http_send returns it; the failure stands in ctx */
    struct http_response resp;
    struct http_call *next; /* private */
    void *hop;
    int64_t started_us;
};

/* Ownership: `client` is borrowed; its settings count. Errors: RESOURCE_EXHAUSTED. */
NODISCARD enum rc http_async_new(struct http_client *client, struct http_async **out);
/* Ends what is under way with CANCELLED, then the thread. Takes NULL. */
void http_async_free(struct http_async *async);
/* Begins. `done` is called once, in the thread of `async`: it must be quick. Threads: any. */
void http_async_send(struct http_async *async, struct http_call *call);

#endif
