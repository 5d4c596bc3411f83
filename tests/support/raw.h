/* SPDX-License-Identifier: Apache-2.0
 *
 * A bare TCP client for tests that must say exactly what goes over the wire. Nothing is parsed but
 * the length of an answer. All calls end after ten seconds at the latest.
 *
 * Threads: a connection belongs to one. */
#ifndef ASSAY_TESTS_RAW_H
#define ASSAY_TESTS_RAW_H

#include <stdbool.h>
#include <stddef.h>

#define RAW_TEXT_MAX 65536

/* An answer as text; the head ends at `body`. */
struct raw_answer {
    int status; /* 0: the connection ended without one */
    char text[RAW_TEXT_MAX];
    const char *body;
    size_t body_n;
};

/* Connects to 127.0.0.1; -1 when refused. */
int raw_open(int port);
void raw_close(int fd);
bool raw_send(int fd, const char *bytes, size_t n);
bool raw_sendz(int fd, const char *text);
/* Reads one answer and nothing behind it. `is_head`: no body follows. False: the connection ended
 * or broke before it was whole. */
bool raw_read(int fd, bool is_head, struct raw_answer *out);
/* Bytes there are right now without an answer's form; waits for the first of them. 0 at the end. */
size_t raw_read_some(int fd, char *to, size_t n);
/* True when the peer ends the connection without sending more. */
bool raw_is_closed(int fd);
/* Connects, sends, reads one answer, closes. */
void raw_exchange(int port, const char *request, size_t n, struct raw_answer *out);
/* Value of a header of the answer, copied into `to`; NULL without one. */
const char *raw_header(const struct raw_answer *a, const char *name, char *to, size_t n);

#endif
