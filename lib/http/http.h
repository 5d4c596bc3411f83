/* SPDX-License-Identifier: Apache-2.0
 *
 * Outgoing HTTP: one blocking request per call, over kept connections. Only http and https, no
 * environment proxies, no redirects unless asked for, every size and time bounded. With a reach
 * other than ANY the host is resolved first, every address is checked, the connection is pinned to
 * the checked ones and checked once more when it is made, so that a name that changes between look
 * and leap gains nothing.
 *
 * Only lib/http includes libcurl. */
#ifndef ASSAY_HTTP_HTTP_H
#define ASSAY_HTTP_HTTP_H

#include "base/ctx.h"
#include "http/addr.h"

struct http_client;

struct http_client_cfg {
    enum addr_reach reach;
    int64_t connect_timeout_us;    /* 0: 3 s */
    int64_t timeout_us;            /* whole request; 0: 30 s. The ctx's deadline shortens it */
    size_t response_max;           /* bytes of body; 0: 1 MiB */
    const char *user_agent;        /* NULL: "assay" */
    const char *ca_file;           /* PEM of trusted roots; NULL: the system's */
    const uint16_t *refused_ports; /* ports of our own services; with a reach other than ANY */
    size_t refused_port_count;
};

/* Errors: RESOURCE_EXHAUSTED. Ownership: strings of `cfg` are copied. */
NODISCARD enum rc http_client_new(const struct http_client_cfg *cfg, struct http_client **out);
/* Closes the kept connections. No request may be running. Takes NULL. */
void http_client_free(struct http_client *client);

struct http_header {
    struct str name;
    struct str value;
};

struct http_request {
    const char *method; /* NULL: "GET", or "POST" when there is a body */
    struct str url;
    const struct http_header *headers; /* no CR, LF or NUL in them, or the request is refused */
    size_t header_count;
    struct str body;
    bool has_body; /* a body of no bytes is sent too (Content-Length: 0) */
    int body_fd;   /* with body_fd_size > 0: the body is that many bytes from this descriptor */
    int64_t body_fd_size;
    int64_t connect_timeout_us; /* 0: the client's */
    int64_t timeout_us;         /* 0: the client's */
    size_t response_max;        /* 0: the client's */
    bool cut_response;          /* the answer counts from its head on: a body that is longer, breaks
                                 * off or does not end in time is cut instead of failing */
    int redirects;              /* to follow; each is checked like the first */
    /* Given the body of a 2xx piece by piece instead of memory; not bounded by response_max. Any
     * other code than OK ends the request with it (the sink has recorded why). */
    enum rc (*sink)(void *arg, struct str bytes);
    void *sink_arg;
};

struct http_response {
    int status;
    struct str body;
    bool was_cut;
    const struct http_header *headers; /* of the last answer, names as they came */
    size_t header_count;
    int64_t took_us;
    char peer[ADDR_TEXT_MAX]; /* address that answered */
};

/* Sends and waits for the whole answer; any status is OK.
 *
 * Ownership: the response lives in ctx->arena.
 * Errors: INVALID_ARGUMENT "BAD_URL": not an http(s) URL that we send to (user info, zone id, ...).
 *         PERMISSION_DENIED "ADDRESS_REFUSED": an address of the host is outside the reach.
 *         UNAVAILABLE "CONNECT": no such host, nobody answered, TLS refused: nothing was sent.
 *         UNKNOWN "LOST": the connection broke after sending began.
 *         DEADLINE_EXCEEDED "TIMEOUT".
 *         RESOURCE_EXHAUSTED "RESPONSE_TOO_LARGE", or the arena is full.
 *         What the sink returned.
 *         err.detail has libcurl's text (never the URL's query).
 * Threads: any number at once. Blocks: until the answer or the time-out. */
NODISCARD enum rc http_send(struct http_client *client, struct ctx *ctx,
                            const struct http_request *req, struct http_response *out);

/* What http_send would refuse about `url` without asking for names: its form, and an address in
 * place of the host. For URLs that are stored now and called later. Nothing blocks. Errors:
 * INVALID_ARGUMENT "BAD_URL", PERMISSION_DENIED "ADDRESS_REFUSED". */
NODISCARD enum rc http_check_url(const struct http_client *client, struct ctx *ctx, struct str url);

/* Value of the first header of this name (case ignored), or the empty string. */
struct str http_header_get(const struct http_response *resp, const char *name);
/* Percent-encodes all but unreserved characters (and '/' when `keep_slash`). Source: RFC 3986. */
void http_put_encoded(struct buf *b, struct str s, bool keep_slash);

#endif
