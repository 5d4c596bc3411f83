/* SPDX-License-Identifier: Apache-2.0
 *
 * What travels down the path of one call: its memory, its deadline, who calls, and the first
 * failure. Every function that may fail on behalf of a request takes a `struct ctx *` and returns
 * `enum rc`; a failure is one statement:
 *
 *     return fail(ctx, RC_NOT_FOUND, "SUITE_NOT_FOUND", "no suite with this id");
 *
 * The first failure stands: later fail() calls of the same request keep it and return its code.
 * Code that recovers from a failure says so with ctx_recover().
 *
 * Ownership: everything in it is borrowed for the call. Threads: one at a time. */
#ifndef ASSAY_BASE_CTX_H
#define ASSAY_BASE_CTX_H

#include "base/arena.h"
#include "base/clk.h"
#include "base/rc.h"

enum role {
    ROLE_NONE = 0, /* not signed in */
    ROLE_VIEWER = 1,
    ROLE_DEVELOPER = 2,
    ROLE_ADMIN = 3
};

enum token_kind {
    TOKEN_NONE = 0,
    TOKEN_JWT = 1,
    TOKEN_ORG = 2,      /* tok_ */
    TOKEN_PERSONAL = 3, /* tw_ */
    TOKEN_SDK = 4,      /* vzy_, bound to a project */
    TOKEN_SERVICE = 5   /* one of our own processes */
};

/* Who calls. `org_id` 0 means nobody (open endpoints) or a service. */
struct principal {
    int64_t user_id;
    int64_t org_id;
    enum role role;
    enum token_kind kind;
    int64_t token_id;   /* 0 for a JWT */
    int64_t project_id; /* of an SDK token, else the organization's default one */
    struct str email;
    struct str subject; /* jti of a JWT, prefix of a token, service name */
};

struct err {
    enum rc code;
    const char *reason;     /* UPPER_SNAKE, static storage, stable: programs branch on it */
    struct str msg;         /* for the client: no names of tables, hosts, paths */
    struct str detail;      /* for the log only */
    int64_t retry_after_us; /* the same call may succeed after this long; 0: not known */
    struct str data;        /* figures for the client, a JSON object; empty: none */
};

struct db_conn;

struct ctx {
    struct arena *arena;
    int64_t deadline_us; /* wall clock; 0: none */
    struct str request_id;
    struct str traceparent;
    struct str idempotency_key; /* empty: none */
    struct str peer;            /* address of the HTTP client, "" inside */
    struct str host;            /* scheme and authority the client used, "http://host:port" */
    struct principal who;
    struct err err;
    struct db_conn *conn; /* lib/db's: the open transaction's connection, NULL outside */
};

/* Prepares a context without caller, deadline or ids. `arena` is borrowed. */
void ctx_init(struct ctx *ctx, struct arena *arena);

/* Records the failure unless there is one, and returns the code that stands. `reason` must have
 * static storage. `code` must not be RC_OK. */
enum rc fail(struct ctx *ctx, enum rc code, const char *reason, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* Records that memory was missing, and which want it was: REQUEST_TOO_LARGE with `what` (static
 * storage: it is told although the arena is full) when the context's arena is past its cap, else
 * NO_MEMORY, which is nobody's fault and may pass. Returns RC_RESOURCE_EXHAUSTED, or the code that
 * stands. */
enum rc fail_memory(struct ctx *ctx, const char *what);
/* Adds detail for the log to the failure that stands; nothing without one. */
void note(struct ctx *ctx, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Forgets the failure: the caller has dealt with it. */
void ctx_recover(struct ctx *ctx);

/* A copy of `ctx` for a call to somebody else that may fail or take too long without the caller's
 * doing so: without failure, transaction and idempotency key, with `timeout_us` at the most. Its
 * arena is the caller's. */
struct ctx ctx_apart(const struct ctx *ctx, int64_t timeout_us);

/* Microseconds left, never negative; INT64_MAX without a deadline. */
int64_t ctx_left_us(const struct ctx *ctx);
/* DEADLINE_EXCEEDED (recorded) when the deadline has passed, else OK. */
NODISCARD enum rc ctx_check_deadline(struct ctx *ctx);

#endif
