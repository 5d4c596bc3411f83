/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/rpc_exec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pb/pb.h"

/* --- the book of methods ------------------------------------------------------------------- */

static int
by_id(const void *a, const void *b)
{
    const struct rpc_known *x = a;
    const struct rpc_known *y = b;

    return x->method->id < y->method->id ? -1 : x->method->id > y->method->id;
}

enum rc
rpc_book_init(struct rpc_book *book, const struct rpc_server_cfg *cfg)
{
    size_t total = 0;

    for (size_t i = 0; i < cfg->table_count; i++) {
        total += cfg->table_lens[i];
    }
    struct rpc_known *known = calloc(total == 0 ? 1 : total, sizeof(*known));
    if (known == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    size_t n = 0;
    for (size_t i = 0; i < cfg->table_count; i++) {
        for (size_t k = 0; k < cfg->table_lens[i]; k++) {
            known[n++].method = &cfg->tables[i][k];
        }
    }
    qsort(known, n, sizeof(*known), by_id);
    for (size_t i = 1; i < n; i++) {
        if (known[i].method->id == known[i - 1].method->id) {
            free(known);
            return RC_INVALID_ARGUMENT;
        }
    }
    *book = (struct rpc_book){.known = known, .count = n};
    return RC_OK;
}

void
rpc_book_fini(struct rpc_book *book)
{
    free(book->known);
    *book = (struct rpc_book){0};
}

static struct rpc_known *
book_find(const struct rpc_book *book, uint32_t id)
{
    size_t low = 0;
    size_t high = book->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (book->known[mid].method->id < id) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    bool is_there = low < book->count && book->known[low].method->id == id &&
                    book->known[low].method->handler != NULL;
    return is_there ? &book->known[low] : NULL;
}

/* --- the envelope -------------------------------------------------------------------------- */

static struct principal
principal_of(const Assay__Principal *who)
{
    if (who == NULL) {
        return (struct principal){0};
    }
    return (struct principal){.user_id = who->user_id,
                              .org_id = who->org_id,
                              .role = (enum role)who->role,
                              .kind = (enum token_kind)who->kind,
                              .token_id = who->token_id,
                              .project_id = who->project_id,
                              .email = str_z(who->email),
                              .subject = str_z(who->subject)};
}

static void
ctx_fill(struct ctx *ctx, const Assay__Call *call)
{
    ctx->deadline_us = call->deadline_us;
    ctx->request_id = str_z(call->request_id);
    ctx->traceparent = str_z(call->traceparent);
    ctx->idempotency_key = str_z(call->idempotency_key);
    ctx->peer = str_z(call->peer);
    ctx->host = str_z(call->host);
    ctx->who = principal_of(call->who);
}

void
rpc_exec_prepare(struct rpc_exec *exec, const struct rpc_book *book, struct str wire)
{
    ProtobufCMessage *msg = NULL;

    ctx_init(&exec->ctx, exec->arena);
    exec->call = NULL;
    exec->known = NULL;
    if (pb_unpack(exec->arena, &assay__call__descriptor, wire, &msg) == RC_OK) {
        exec->call = (Assay__Call *)msg;
        ctx_fill(&exec->ctx, exec->call);
        exec->known = book_find(book, exec->call->method);
    }
}

/* --- running ------------------------------------------------------------------------------- */

struct run {
    const struct rpc_server_cfg *cfg;
    struct ctx *ctx;
    const struct rpc_method *method;
    const ProtobufCMessage *req;
    ProtobufCMessage *resp;
};

static void *
hooks_of(const struct rpc_server_cfg *cfg)
{
    return cfg->hooks != NULL ? cfg->hooks : cfg->svc;
}

static enum rc
run_handler(void *arg)
{
    struct run *run = arg;

    return run->method->handler(run->cfg->svc, run->ctx, run->req, run->resp);
}

static enum rc
run_method(struct run *run, struct str payload)
{
    const struct rpc_server_cfg *cfg = run->cfg;
    ProtobufCMessage *req = NULL;

    if (pb_unpack(run->ctx->arena, run->method->req, payload, &req) != RC_OK) {
        return arena_failed(run->ctx->arena)
                   ? fail_memory(run->ctx, "the request is too large")
                   : fail(run->ctx, RC_INVALID_ARGUMENT, "MALFORMED_REQUEST", "malformed request");
    }
    run->req = req;
    run->resp = pb_new(run->ctx->arena, run->method->resp);
    if (run->resp == NULL) {
        return fail_memory(run->ctx, "the request is too large");
    }
    return cfg->around == NULL ? run_handler(run)
                               : cfg->around(hooks_of(cfg), run->ctx, run->method, payload,
                                             run->resp, run_handler, run);
}

/* A handler that returned a code without fail() still gets a reason. */
static void
answer_failure(const struct ctx *ctx, enum rc rc, Assay__Answer *answer)
{
    const struct err *err = &ctx->err;
    bool is_told = err->code == rc && err->reason != NULL;

    answer->reason = arena_strz(ctx->arena, str_z(is_told ? err->reason : rc_name(rc)));
    answer->message = arena_strz(ctx->arena, is_told ? err->msg : STR_EMPTY);
    answer->has_retry_after_us = is_told && err->retry_after_us > 0;
    answer->retry_after_us = err->retry_after_us;
    if (is_told && err->data.n > 0) {
        answer->has_payload = 1;
        answer->payload = pb_bytes(ctx->arena, err->data);
    }
}

/* An answer without payload, packed without memory: a long text is cut. */
static struct str
short_answer(enum rc code, const char *reason, struct str message, char to[RPC_FIXED_MAX])
{
    Assay__Answer answer = ASSAY__ANSWER__INIT;
    char reason_z[64];
    char message_z[128];

    (void)snprintf(reason_z, sizeof(reason_z), "%s", reason);
    message = str_cut(message, sizeof(message_z) - 1);
    (void)snprintf(message_z, sizeof(message_z), "%.*s", STR_ARG(message));
    answer.code = (int32_t)code;
    answer.reason = reason_z;
    answer.message = message_z;
    ASSERT(assay__answer__get_packed_size(&answer) <= RPC_FIXED_MAX);
    return str_n(to, assay__answer__pack(&answer, (uint8_t *)to));
}

/* When the arena has no room for an answer: the handler's failure, or else that it has none. */
static struct str
answer_without_arena(struct ctx *ctx)
{
    static _Thread_local char text[RPC_FIXED_MAX];
    enum rc rc = fail_memory(ctx, "the answer is too large");

    return short_answer(rc, ctx->err.reason, ctx->err.msg, text);
}

static struct str
pack_answer(struct rpc_exec *exec, enum rc rc, const ProtobufCMessage *resp, size_t message_max)
{
    Assay__Answer answer = ASSAY__ANSWER__INIT;
    struct str wire;
    struct str payload = STR_EMPTY;

    answer.code = (int32_t)rc;
    if (rc != RC_OK) {
        answer_failure(&exec->ctx, rc, &answer);
    } else if (pb_pack(exec->arena, resp, &payload) != RC_OK) {
        return answer_without_arena(&exec->ctx);
    }
    if (payload.n > message_max) {
        static _Thread_local char text[RPC_FIXED_MAX];
        return rpc_fixed_answer(RPC_FIXED_TOO_LARGE, text);
    }
    if (rc == RC_OK) {
        answer.has_payload = 1;
        answer.payload.len = payload.n;
        memcpy(&answer.payload.data, &payload.p, sizeof(payload.p)); /* drops const */
    }
    if (arena_failed(exec->arena) || pb_pack(exec->arena, &answer.base, &wire) != RC_OK) {
        return answer_without_arena(&exec->ctx);
    }
    return wire;
}

static void
note_time(struct rpc_known *known, int64_t took_us)
{
    int64_t usual = atomic_load_explicit(&known->usual_us, memory_order_relaxed);

    atomic_store_explicit(&known->usual_us, usual + (took_us - usual) / 8, memory_order_relaxed);
}

struct str
rpc_exec_run(struct rpc_exec *exec, const struct rpc_server_cfg *cfg, bool *out_expired)
{
    struct ctx *ctx = &exec->ctx;
    struct run run = {.cfg = cfg, .ctx = ctx};
    int64_t start_us = clk_mono_us();
    enum rc rc;

    *out_expired = false;
    if (exec->call == NULL) {
        rc = arena_failed(exec->arena)
                 ? fail_memory(ctx, "the request is too large")
                 : fail(ctx, RC_INVALID_ARGUMENT, "MALFORMED_CALL", "malformed call");
    } else if (exec->known == NULL) {
        rc = fail(ctx, RC_UNIMPLEMENTED, "NO_SUCH_METHOD", "this server has no such method");
    } else if ((rc = ctx_check_deadline(ctx)) != RC_OK) {
        *out_expired = true;
    } else {
        const ProtobufCBinaryData *payload = &exec->call->payload;
        run.method = exec->known->method;
        rc = run_method(&run, str_n((const char *)payload->data, payload->len));
    }
    struct str answer = pack_answer(exec, rc, run.resp, cfg->message_max);
    int64_t took_us = clk_mono_us() - start_us;
    if (run.method != NULL) {
        note_time(exec->known, took_us);
    }
    if (run.method != NULL && cfg->finished != NULL) {
        cfg->finished(hooks_of(cfg), ctx, run.method, rc, took_us);
    }
    return answer;
}

struct str
rpc_fixed_answer(enum rpc_fixed which, char to[RPC_FIXED_MAX])
{
    static const struct {
        enum rc code;
        const char *reason;
        const char *message;
    } texts[] = {
        [RPC_FIXED_DRAINING] = {RC_UNAVAILABLE, "DRAINING", "the server is stopping"},
        [RPC_FIXED_QUEUE_FULL] = {RC_RESOURCE_EXHAUSTED, "QUEUE_FULL", "the server is busy"},
        [RPC_FIXED_TOO_LARGE] = {RC_INTERNAL, "ANSWER_TOO_LARGE", "the answer is too large"},
    };

    return short_answer(texts[which].code, texts[which].reason, str_z(texts[which].message), to);
}
