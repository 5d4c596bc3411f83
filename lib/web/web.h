/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP server: civetweb with the defaults that bite changed, and what it lets through refused.
 * One thread serves one connection; when nine tenths of them are taken, answers close their
 * connection so that idle keep-alive clients starve nobody. Framing that proxies read differently
 * (two lengths, length and chunks, no Host) is answered 400 and closed before any handler runs.
 *
 * Only lib/web includes civetweb. TLS ends in front of the server.
 *
 * Threads: the handler runs in many threads at once; a web_conn belongs to its handler call. */
#ifndef ASSAY_WEB_WEB_H
#define ASSAY_WEB_WEB_H

#include "base/ctx.h"

#define WEB_HEADERS_MAX 63

struct web_server;
struct web_conn;

struct web_header {
    struct str name;
    struct str value;
};

struct web_request {
    struct str verb;
    struct str path;        /* as sent, not decoded */
    struct str query;       /* without '?' */
    struct str peer;        /* address without port */
    int64_t content_length; /* 0: no body, -1: chunked */
    const struct web_header *headers;
    size_t header_count;
    int64_t began_us; /* monotonic */
};

struct web_cfg {
    const char *listen; /* "0.0.0.0:8400" or "8400" */
    int threads;
    int64_t head_timeout_us;
    int64_t body_timeout_us; /* a body may take that long, and at least 1 KiB/s after ten seconds */
    int websockets_max;
    /* Of a request whose method nobody knows (TRACE too) it gets the request line alone, and the
     * connection closes behind its answer. */
    void (*handler)(void *arg, struct web_conn *conn, const struct web_request *req);
    void *arg;
};

/* Binds and serves. Errors: UNAVAILABLE (*out_why: "cannot listen on ..."). */
NODISCARD enum rc web_server_start(const struct web_cfg *cfg, struct web_server **out,
                                   const char **out_why);
/* From now on every answer closes its connection; returns when no request is in flight, or at the
 * (monotonic) deadline. */
void web_server_drain(struct web_server *server, int64_t deadline_mono_us);
/* Stops and frees. Takes NULL. Blocks for up to two seconds (civetweb's master thread polls). */
void web_server_free(struct web_server *server);
/* The port that was bound (for listen "0"). */
int web_server_port(const struct web_server *server);
/* Requests under way now. */
int web_server_in_flight(const struct web_server *server);

/* First header of that name (case does not matter), the empty string with p == NULL without one. */
struct str web_header(const struct web_request *req, const char *name);

/* Reads the whole body into the arena.
 * Errors: RESOURCE_EXHAUSTED "BODY_TOO_LARGE" (decided from Content-Length when there is one),
 *         DEADLINE_EXCEEDED "BODY_TOO_SLOW", CANCELLED "BODY_TRUNCATED": the client went away. */
NODISCARD enum rc web_read_body(struct web_conn *conn, struct ctx *ctx, size_t max_bytes,
                                struct str *out);
/* Reads up to `n` bytes; *out_n is 0 at the end of the body. Errors: as above. */
NODISCARD enum rc web_read(struct web_conn *conn, struct ctx *ctx, char *to, size_t n,
                           size_t *out_n);

/* Answers with everything in one write. `headers` are complete lines ending in CRLF, or empty;
 * Content-Length, Date, Connection and the fixed security headers are added. A HEAD gets no body.
 */
void web_answer(struct web_conn *conn, int status, struct str headers, struct str body);
/* Answers a body of known length that follows in pieces: begin, then web_write until it is all
 * there. False when the client is gone. */
NODISCARD bool web_answer_begin(struct web_conn *conn, int status, struct str headers,
                                int64_t body_bytes);
NODISCARD bool web_write(struct web_conn *conn, struct str bytes);
/* Closes the connection after the answer: the body was not read, or the client misbehaves. */
void web_close_after(struct web_conn *conn);
int64_t web_bytes_sent(const struct web_conn *conn);
int web_status(const struct web_conn *conn);

/* --- WebSocket ----------------------------------------------------------------------------- */

struct web_socket;
struct web_socket_ops {
    /* A text message came (at most 64 KiB). False closes. */
    bool (*message)(void *arg, struct web_socket *ws, struct str text);
    /* Runs in a thread of its own until it returns; then the socket is closed. */
    void (*run)(void *arg, struct web_socket *ws);
    /* The last call: frees arg. */
    void (*closed)(void *arg);
};

bool web_is_upgrade(const struct web_request *req);
/* Accepts the upgrade after the handler returns, which must then write nothing. False: too many
 * sockets are open, answer 503. */
NODISCARD bool web_accept_socket(struct web_conn *conn, const struct web_socket_ops *ops,
                                 void *arg);
/* Sends one text message. False when the peer is gone. Any thread. */
NODISCARD bool web_socket_send(struct web_socket *ws, struct str text);
bool web_socket_is_open(struct web_socket *ws);

const char *web_status_text(int status);

#endif
