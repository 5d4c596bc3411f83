/* SPDX-License-Identifier: Apache-2.0
 *
 * A quick HTTP server on 127.0.0.1 for tests and benches that send much: one thread, connections
 * kept, nothing stored. What a request means is the caller's. */
#ifndef ASSAY_TESTS_SINK_H
#define ASSAY_TESTS_SINK_H

#include <stddef.h>

struct sink;

struct sink_request {
    const char *path;
    const char *head; /* with the request line, NUL-terminated */
    const char *body;
    size_t body_len;
};

/* Called in the sink's thread; returns the status to answer with, 0: no answer ever. */
typedef int (*sink_fn)(void *arg, const struct sink_request *req);

/* NULL: no socket. */
struct sink *sink_start(sink_fn fn, void *arg);
void sink_stop(struct sink *sink);
int sink_port(const struct sink *sink);
/* Copies the value of a header, case ignored; the empty string when it is absent. */
void sink_header(const struct sink_request *req, const char *name, char *out, size_t n);

#endif
