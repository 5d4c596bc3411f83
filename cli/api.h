/* SPDX-License-Identifier: Apache-2.0
 *
 * The server's HTTP API as the commands use it: JSON in, a JSON tree out. A command has one `struct
 * api`; it waits out rate limits (Retry-After) and short absences of the server by itself.
 *
 * Threads: one. Blocks: every call. */
#ifndef ASSAY_CLI_API_H
#define ASSAY_CLI_API_H

#include "http/http.h"
#include "json/json.h"

struct api {
    struct http_client *client;
    struct arena *arena; /* of the answers; reset by api_begin */
    const char *url;
    const char *token;       /* empty: none */
    int64_t patience_us;     /* how long a server that does not answer is asked again */
    volatile int *interrupt; /* not NULL: a wait ends when it becomes set */
    int status;              /* of the last answer; 0: none */
    int64_t pace_us;         /* between calls that come again and again, within the rate limit */
    char why[512];           /* for people, of the last failure */
};

/* False: out of memory. `url` and `token` are borrowed. */
NODISCARD bool api_open(struct api *api, const char *url, const char *token);
void api_close(struct api *api);
/* Forgets what earlier calls answered. */
void api_begin(struct api *api);

/* Sends and returns the tree of a 2xx answer, NULL otherwise: `status` and `why` tell. `body` is
 * JSON; empty: none. */
const struct json_value *api_call(struct api *api, const char *method, const char *path,
                                  struct str body);
/* The same with a path made on the spot. */
const struct json_value *api_get(struct api *api, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* STATE/assay.env or any file of NAME=VALUE lines, in the arena; the empty string when absent. */
const char *env_file_get(struct arena *arena, const char *path, const char *name);

#endif
