/* SPDX-License-Identifier: Apache-2.0
 *
 * What happens around every handler: transaction, idempotency key, retry after a lost race, log
 * line and metrics. */
#include <string.h>

#include "pb/pb.h"
#include "svc/svc_int.h"

#define TRIES 4

struct call {
    struct svc *svc;
    struct ctx *ctx;
    const struct rpc_method *method;
    ProtobufCMessage *resp;
    enum rc (*run)(void *run_arg);
    void *run_arg;
    bool has_key;
    struct svc_key key;
};

static bool
is_health(const struct rpc_method *method)
{
    return strcmp(method->name, "assay.Health/Check") == 0;
}

/* A handler's code and the failure in its context must agree; where they do not is our defect. */
static enum rc
run_handler(struct call *c)
{
    enum rc rc = c->run(c->run_arg);

    if (rc == RC_OK && c->ctx->err.code != RC_OK) {
        note(c->ctx, "the handler answered OK with this failure standing");
        c->ctx->err.code = RC_INTERNAL;
        return RC_INTERNAL;
    }
    if (rc != RC_OK && c->ctx->err.code == RC_OK) {
        return fail(c->ctx, rc, rc_name(rc), "the call failed");
    }
    return rc;
}

/* --- one transaction ----------------------------------------------------------------------- */

static enum rc
run_in_tx(struct call *c)
{
    bool done = false;
    enum rc rc = c->has_key ? svc__key_find(&c->key, c->ctx, c->resp, &done) : RC_OK;

    if (rc != RC_OK) {
        return rc;
    }
    if (done) {
        met_add(c->svc->metrics.replayed, 0, 0, 1);
        return RC_OK;
    }
    rc = run_handler(c);
    return rc == RC_OK && c->has_key ? svc__key_store(&c->key, c->ctx, c->resp) : rc;
}

static enum rc
try_write(struct call *c)
{
    enum rc rc = db_begin(c->svc->db, c->ctx);

    if (rc != RC_OK) {
        return rc;
    }
    rc = run_in_tx(c);
    if (rc != RC_OK) {
        /* However deep the handler left it. */
        while (db_in_tx(c->ctx)) {
            db_rollback(c->svc->db, c->ctx);
        }
        return rc;
    }
    return db_commit(c->svc->db, c->ctx);
}

/* Nothing of the transaction happened, and the same again may succeed. */
static bool
lost_a_race(const struct call *c)
{
    static const char *const REASONS[] = {"DB_SERIALIZATION", "DB_DEADLOCK", "DB_PLAN"};
    const char *reason = c->ctx->err.reason;

    for (size_t i = 0; i < ARRAY_LEN(REASONS); i++) {
        if (reason != NULL && strcmp(reason, REASONS[i]) == 0) {
            return true;
        }
    }
    /* Somebody stored an answer under our key between look-up and commit. */
    return c->has_key && c->ctx->err.code == RC_ALREADY_EXISTS && reason != NULL &&
           strcmp(reason, "DB_UNIQUE") == 0 &&
           str_eqz(db_constraint(c->svc->db), "idempotency_pkey");
}

static enum rc
run_write(struct call *c)
{
    struct principal who = c->ctx->who;
    enum rc rc = RC_OK;

    for (int i = 0; i < TRIES; i++) {
        if (i > 0) {
            ctx_recover(c->ctx);
            c->ctx->who = who;
            protobuf_c_message_init(c->resp->descriptor, c->resp);
            met_add(c->svc->metrics.retried, 0, 0, 1);
        }
        rc = try_write(c);
        if (rc == RC_OK || !lost_a_race(c)) {
            return rc;
        }
    }
    return rc;
}

/* A handler that reads or opens its own transactions must leave none open. */
static enum rc
run_plain(struct call *c)
{
    enum rc rc = run_handler(c);

    while (db_in_tx(c->ctx)) {
        db_rollback(c->svc->db, c->ctx);
    }
    return rc;
}

enum rc
svc__around(void *hooks, struct ctx *ctx, const struct rpc_method *method, struct str payload,
            ProtobufCMessage *resp, enum rc (*run)(void *run_arg), void *run_arg)
{
    struct call c = {
        .svc = hooks, .ctx = ctx, .method = method, .resp = resp, .run = run, .run_arg = run_arg};

    if (is_health(method)) {
        return svc__health_answer(c.svc, ctx, resp);
    }
    if (method->effect == RPC_READ || !svc__has_schema(c.svc)) {
        return run_plain(&c);
    }
    c.has_key = ctx->idempotency_key.n > 0;
    if (c.has_key) {
        enum rc rc = svc__key_init(&c.key, c.svc, ctx, method, payload);
        if (rc != RC_OK) {
            return rc;
        }
    }
    if (method->effect == RPC_WRITE) {
        return run_write(&c);
    }
    return c.has_key ? svc__key_manual(&c.key, ctx, resp, run, run_arg) : run_plain(&c);
}

/* --- afterwards ---------------------------------------------------------------------------- */

static enum log_level
level_of(enum rc rc)
{
    switch (rc) {
    case RC_INTERNAL:
    case RC_DATA_LOSS:
        return LOG_ERROR_LEVEL;
    case RC_UNKNOWN:
    case RC_UNAVAILABLE:
    case RC_DEADLINE_EXCEEDED:
    case RC_RESOURCE_EXHAUSTED:
        return LOG_WARN_LEVEL;
    default:
        return LOG_INFO_LEVEL;
    }
}

void
svc__finished(void *hooks, const struct ctx *ctx, const struct rpc_method *method, enum rc rc,
              int64_t took_us)
{
    struct svc *svc = hooks;
    size_t index = svc__method_index(svc, method);

    met_add(svc->metrics.calls, index, (size_t)rc, 1);
    met_observe_us(svc->metrics.seconds, index, 0, took_us);
    if (is_health(method)) {
        return;
    }
    log_line(level_of(rc), ctx, "rpc", NULL, LOG_Z("rpc", method->name),
             LOG_Z("code", rc == RC_OK ? "OK" : NULL), LOG_I64("us", took_us),
             LOG_I64("org", ctx->who.org_id), LOG_I64("user", ctx->who.user_id));
}
