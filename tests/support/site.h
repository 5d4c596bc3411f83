/* SPDX-License-Identifier: Apache-2.0
 *
 * A tiny web site for tests that need real pages: serves the texts it was given, on 127.0.0.1 and
 * (for a second site) under the name localhost. Besides, for every path:
 *
 *   /hold/...   answers only after site_release: what a page waits for
 *   /never      never answers
 *   /trickle    begins to answer and never ends
 *   /auth       asks for a name and password, any will do
 *   /file       a download
 *   /echo       the method, the query and the body of the request, as text
 *
 * Threads: any. */
#ifndef ASSAY_TESTS_SITE_H
#define ASSAY_TESTS_SITE_H

#include <stdbool.h>
#include <stddef.h>

struct site;

struct site_page {
    const char *path;    /* without the query */
    const char *body;    /* HTML */
    const char *headers; /* more header lines, each ending in \r\n; NULL: none */
};

/* Serves `pages` (ends with path == NULL; borrowed) on a free port. NULL: no socket. */
struct site *site_start(const struct site_page *pages);
void site_stop(struct site *s);
int site_port(const struct site *s);
/* Writes "http://127.0.0.1:PORT/path" (or localhost when `other`). */
const char *site_url(const struct site *s, const char *path, bool other, char *out, size_t n);
/* Lets everything under /hold be answered, until site_hold. */
void site_release(struct site *s);
void site_hold(struct site *s);
/* Requests seen for this path. */
int site_hits(struct site *s, const char *path);
/* Waits until there were `n` of them, ten seconds at most. False: there were not. */
bool site_wait_hits(struct site *s, const char *path, int n);

#endif
