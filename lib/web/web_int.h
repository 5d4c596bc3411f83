/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared inside lib/web only. */
#ifndef ASSAY_WEB_WEB_INT_H
#define ASSAY_WEB_WEB_INT_H

#include <civetweb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "web/web.h"

struct web_server {
    struct mg_context *mg;
    struct web_cfg cfg;
    char listen[64];
    int port;
    int busy_limit;         /* connections from which on answers close */
    atomic_int connections; /* open, each holds a thread */
    atomic_int in_flight;   /* requests in a handler */
    atomic_int sockets;     /* open WebSockets */
    atomic_bool draining;
};

struct web_conn {
    struct web_server *server;
    struct mg_connection *mg;
    const struct web_request *req;
    int64_t body_left; /* -1: chunked, unknown */
    int64_t body_read; /* given to the handler */
    int64_t arrived;   /* come over the network, counted while a read is under way */
    int64_t sent;
    int status;
    bool is_head;
    bool close;     /* after the answer */
    bool continued; /* 100 Continue was sent or not asked for */
    bool answered;
    struct web_socket *accepted;
};

struct web_socket {
    struct web_server *server;
    struct mg_connection *mg;
    const struct web_socket_ops *ops;
    void *arg;
    pthread_mutex_t lock; /* of writes and `open` */
    bool open;
    bool has_thread;
    pthread_t thread;
    bool fragmented;    /* more of a message follows */
    struct buf partial; /* what came of it */
};

/* Callbacks of civetweb for sockets. */
int web__socket_connect(const struct mg_connection *mg, void *arg);
void web__socket_ready(struct mg_connection *mg, void *arg);
int web__socket_data(struct mg_connection *mg, int bits, char *data, size_t n, void *arg);
void web__socket_close(const struct mg_connection *mg, void *arg);
void web__socket_free(struct web_socket *ws);

/* A name of the field or method kind. Source: RFC 9110 section 5.6.2. */
bool web__is_token(const char *name);
/* Text of what is wrong with the framing, NULL when it may be handled. `info` is as civetweb made
 * it: its strings still stand in the buffer of the request's head, in their order. */
const char *web__framing_fault(const struct mg_request_info *info, int *out_status);

/* The connection whose body this thread is reading; NULL: none. */
void web__reading(struct web_conn *conn);
/* Ends the head this thread was reading. Returns the status of one that civetweb could not read:
 * 414 or 431 when its buffer is full, without or with the end of the request line, else 400. */
int web__head_end(void);
bool web__is_too_slow(const struct web_conn *conn);
/* Frees what a thread kept between answers. */
void web__answer_thread_exit(void);

#endif
