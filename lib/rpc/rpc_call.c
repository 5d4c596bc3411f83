/* SPDX-License-Identifier: Apache-2.0
 *
 * A call from the caller's side: envelope, choice of a replica, and what to do when it does not
 * answer. Repeated is what certainly was not executed (nothing left, or the server drains), and
 * what may be executed twice (READ, or with a key).
 *
 * Reads of one caller that ask for the same and wait to be sent become one (rpc_link.h). An answer
 * that was another call's counts unless it is a failure of that call alone. */
#include <string.h>

#include "assay/envelope.pb-c.h"
#include "rpc/rpc_pool.h"

#define DEADLINE_US (10 * ASSAY_US_PER_S)
/* Waiting longer for a first replica only piles callers up. */
#define CONNECT_US (3 * ASSAY_US_PER_S)
#define LOST_MAX 5 /* connections a repeatable call may lose */

/* --- the envelope -------------------------------------------------------------------------- */

static char *
text_of(struct arena *arena, struct str s)
{
    return s.n == 0 ? NULL : arena_strz(arena, s);
}

/* What is left out cannot make a difference to the answer, however the handler is written. */
static Assay__Principal *
principal_of(struct arena *arena, const struct principal *who, bool for_org)
{
    Assay__Principal *p = PB_NEW(arena, Assay__Principal, assay__principal);

    if (p == NULL) {
        return NULL;
    }
    PB_SET(p, org_id, who->org_id);
    PB_SET(p, role, (int32_t)who->role);
    PB_SET(p, kind, (int32_t)who->kind);
    PB_SET(p, project_id, who->project_id);
    if (for_org) {
        return p;
    }
    PB_SET(p, user_id, who->user_id);
    PB_SET(p, token_id, who->token_id);
    p->email = text_of(arena, who->email);
    p->subject = text_of(arena, who->subject);
    return p;
}

/* The envelope is two messages one behind the other, which is one message to its reader: first what
 * the answer depends on (all that calls which may share one have in common), then what is this
 * call's own. What stands in both counts as the second says. */
static enum rc
pack_envelope(struct arena *arena, Assay__Call *same, const Assay__Call *own, struct str *out_wire,
              struct str *out_same)
{
    size_t same_n = assay__call__get_packed_size(same);
    size_t own_n = assay__call__get_packed_size(own);
    char *p = arena_alloc(arena, same_n + own_n);

    if (p == NULL || arena_failed(arena)) {
        return RC_RESOURCE_EXHAUSTED;
    }
    (void)assay__call__pack(same, (uint8_t *)p);
    (void)assay__call__pack(own, (uint8_t *)p + same_n);
    *out_wire = str_n(p, same_n + own_n);
    *out_same = str_n(p, same_n);
    return RC_OK;
}

static enum rc
pack_call(struct ctx *ctx, const struct rpc_method *method, const ProtobufCMessage *req,
          size_t message_max, int64_t deadline_us, struct str *out_wire, struct str *out_same)
{
    Assay__Call same = ASSAY__CALL__INIT;
    Assay__Call own = ASSAY__CALL__INIT;
    struct str payload;

    if (pb_pack(ctx->arena, req, &payload) != RC_OK) {
        return fail_memory(ctx, "the request is too large");
    }
    if (payload.n > message_max) {
        return fail(ctx, RC_RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE", "the request is too large");
    }
    same.method = own.method = method->id;
    same.peer = method->for_org ? NULL : text_of(ctx->arena, ctx->peer);
    same.host = text_of(ctx->arena, ctx->host);
    same.who = principal_of(ctx->arena, &ctx->who, method->for_org);
    same.has_payload = 1;
    same.payload.len = payload.n;
    memcpy(&same.payload.data, &payload.p, sizeof(payload.p)); /* drops const */
    own.deadline_us = deadline_us;
    own.request_id = text_of(ctx->arena, ctx->request_id);
    own.traceparent = text_of(ctx->arena, ctx->traceparent);
    own.idempotency_key = text_of(ctx->arena, ctx->idempotency_key);
    if (pack_envelope(ctx->arena, &same, &own, out_wire, out_same) != RC_OK) {
        return fail_memory(ctx, "the request is too large");
    }
    if (out_wire->n > message_max + RPC_FRAME_OVERHEAD) {
        return fail(ctx, RC_RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE", "the request is too large");
    }
    return RC_OK;
}

/* --- the answer ---------------------------------------------------------------------------- */

/* The same for everybody who asks; other failures may be those of one execution. */
static bool
is_verdict(int32_t code)
{
    return code == RC_OK || code == RC_NOT_FOUND || code == RC_PERMISSION_DENIED ||
           code == RC_INVALID_ARGUMENT;
}

static enum rc
unintelligible(struct ctx *ctx)
{
    return arena_failed(ctx->arena)
               ? fail_memory(ctx, "the answer is too large")
               : fail(ctx, RC_UNKNOWN, "MALFORMED_ANSWER", "a service answered unintelligibly");
}

static enum rc
read_failure(struct ctx *ctx, const Assay__Answer *answer, bool is_shared, bool *out_retry)
{
    const char *reason = answer->reason == NULL ? "UNKNOWN" : answer->reason;
    bool is_known = answer->code > RC_OK && answer->code <= RC_UNAUTHENTICATED;
    enum rc rc = is_known ? (enum rc)answer->code : RC_UNKNOWN;

    *out_retry =
        (is_shared && !is_verdict(rc)) || (rc == RC_UNAVAILABLE && strcmp(reason, "DRAINING") == 0);
    if (*out_retry) {
        return RC_UNAVAILABLE;
    }
    rc = fail(ctx, rc, reason, "%s", answer->message ? answer->message : "");
    ctx->err.retry_after_us = answer->retry_after_us;
    ctx->err.data = str_n((const char *)answer->payload.data, answer->payload.len);
    return rc;
}

/* Success is {code: 0, payload}, in this order and nothing else: its payload is used where it
 * stands. False: another answer. */
static bool
find_payload(struct str body, struct str *out_payload)
{
    static const char SUCCESS[] = {0x08, 0x00, 0x22};
    uint64_t n = 0;
    size_t at = sizeof(SUCCESS);

    if (!str_starts(body, str_n(SUCCESS, sizeof(SUCCESS)))) {
        return false;
    }
    for (int shift = 0; shift < 35 && at < body.n; shift += 7) {
        unsigned char c = (unsigned char)body.p[at++];
        n |= (uint64_t)(c & 0x7F) << shift;
        if (c < 0x80) {
            break;
        }
    }
    *out_payload = str_sub(body, at, body.n);
    return n == body.n - at;
}

/* *out_payload points into the answer, or into the arena. */
static enum rc
read_answer(struct ctx *ctx, const struct rpc_answer *from, struct str *out_payload,
            bool *out_retry)
{
    ProtobufCMessage *msg = NULL;

    if (find_payload(from->body, out_payload)) {
        return RC_OK;
    }
    if (pb_unpack(ctx->arena, &assay__answer__descriptor, from->body, &msg) != RC_OK) {
        return unintelligible(ctx);
    }
    const Assay__Answer *answer = (const Assay__Answer *)msg;
    if (answer->code != RC_OK) {
        return read_failure(ctx, answer, from->is_shared, out_retry);
    }
    *out_payload = str_n((const char *)answer->payload.data, answer->payload.len);
    return RC_OK;
}

/* --- the attempts -------------------------------------------------------------------------- */

/* The bytes of an answer, in the form that was asked for, and what they stand in. */
struct reply {
    struct rpc_answer answer;
    struct str bytes;
};

struct attempt {
    struct ctx *ctx;
    const struct rpc_method *method;
    struct rpc_pool *pool;
    struct str wire;
    struct str same; /* empty: no other call's answer will do */
    int64_t deadline_us;
    int lost;
    const struct rpc_form *form; /* NULL: the packed answer */
    struct buf *own;
};

static bool
may_repeat(const struct attempt *a)
{
    return a->method->effect == RPC_READ || a->ctx->idempotency_key.n > 0;
}

/* What a call without answer means; *out_retry when it may be tried again. */
static enum rc
no_answer(struct attempt *a, enum rpc_fate fate, const char *url, bool *out_retry)
{
    struct ctx *ctx = a->ctx;
    enum rc rc = RC_OK;

    *out_retry = fate == RPC_UNSENT || (fate == RPC_LOST && may_repeat(a) && ++a->lost < LOST_MAX);
    if (*out_retry) {
        return RC_UNAVAILABLE;
    }
    if (fate == RPC_LOST) {
        rc = fail(ctx, RC_UNKNOWN, "CONNECTION_LOST",
                  "a service died during the call; it may have been executed");
    } else if (fate == RPC_TIMED_OUT) {
        rc = fail(ctx, RC_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", "the call took too long");
    } else if (fate == RPC_TOO_LATE) {
        rc = fail(ctx, RC_UNAVAILABLE, "NO_REPLICA", "the service is not available");
    } else {
        rc = fail(ctx, RC_RESOURCE_EXHAUSTED, "TOO_MANY_CALLS", "too many calls at once");
    }
    note(ctx, "%s to %s", a->method->name, url);
    return rc;
}

/* Makes the form of the payload, in the room for all when this call leads some. */
static enum rc
make(const struct attempt *a, struct rpc_answer *answer, struct str payload, struct str *out)
{
    struct buf *room = rpc_party_room(answer);
    struct buf *to = room == NULL ? a->own : room;

    if (room != NULL) {
        buf_init(room, a->own->max);
    }
    if (!a->form->make(a->form->arg, a->form->variant, payload, to)) {
        return unintelligible(a->ctx);
    }
    if (buf_failed(to)) {
        return fail(a->ctx, RC_INTERNAL, "ANSWER_TOO_LARGE", "the answer is too large");
    }
    *out = buf_str(to);
    rpc_party_serve(answer, a->form);
    return RC_OK;
}

/* Reads an answer that came; on failure nothing of it is left. */
static enum rc
take_answer(struct attempt *a, struct rpc_answer *answer, struct reply *out, bool *out_retry)
{
    struct str payload = STR_EMPTY;
    enum rc rc = read_answer(a->ctx, answer, &payload, out_retry);

    if (rc == RC_OK && a->form == NULL) {
        rpc_party_serve(answer, NULL);
        out->bytes = payload;
    } else if (rc == RC_OK && !rpc_party_made(answer, a->form, &out->bytes)) {
        rc = make(a, answer, payload, &out->bytes);
    }
    if (rc == RC_OK) {
        out->answer = *answer;
    } else {
        rpc_answer_drop(answer);
    }
    return rc;
}

static enum rc
attempt(struct attempt *a, struct reply *out, bool *out_retry)
{
    int64_t now_us = clk_wall_us();
    int64_t wait_us = now_us + CONNECT_US < a->deadline_us ? now_us + CONNECT_US : a->deadline_us;
    struct rpc_link *link = rpc_pool_choose(a->pool, wait_us);
    struct rpc_answer answer = {0};
    enum rc rc;

    *out_retry = false;
    if (link == NULL) {
        rc = fail(a->ctx, RC_UNAVAILABLE, "NO_REPLICA", "the service is not available");
        note(a->ctx, "%s: no replica of %s", a->method->name, rpc_pool_service(a->pool));
        return rc;
    }
    enum rpc_fate fate = rpc_link_call(link, a->wire, a->same, a->deadline_us, &answer);
    if (fate == RPC_ANSWERED) {
        a->same = answer.is_shared ? STR_EMPTY : a->same;
        rc = take_answer(a, &answer, out, out_retry);
        if (rc != RC_OK && !*out_retry) {
            note(a->ctx, "%s at %s", a->method->name, rpc_link_url(link));
        }
    } else {
        rc = no_answer(a, fate, rpc_link_url(link), out_retry);
    }
    rpc_link_unref(link);
    return rc;
}

static enum rc
call_any(struct rpc_pool *pool, size_t message_max, struct ctx *ctx,
         const struct rpc_method *method, const ProtobufCMessage *req, const struct rpc_form *form,
         struct buf *own, struct reply *out)
{
    struct attempt a = {.ctx = ctx, .method = method, .pool = pool, .form = form, .own = own};
    bool is_retry = true;

    a.deadline_us = ctx->deadline_us == 0 ? clk_wall_us() + DEADLINE_US : ctx->deadline_us;
    enum rc rc = ctx_check_deadline(ctx);
    if (rc == RC_OK) {
        rc = pack_call(ctx, method, req, message_max, a.deadline_us, &a.wire, &a.same);
    }
    if (rc != RC_OK) {
        return rc;
    }
    if (method->effect != RPC_READ || method->waits || ctx->idempotency_key.n > 0) {
        a.same = STR_EMPTY;
    }
    while (is_retry && clk_wall_us() < a.deadline_us) {
        rc = attempt(&a, out, &is_retry);
    }
    if (is_retry) {
        rc = fail(ctx, a.lost > 0 ? RC_UNKNOWN : RC_UNAVAILABLE, "NO_REPLICA",
                  "the service is not available");
    }
    return rc;
}

static void
drop_party(void *party)
{
    rpc_answer_drop(&(struct rpc_answer){.party = party, .is_shared = true});
}

enum rc
rpc_pool_call_formed(struct rpc_pool *pool, size_t message_max, struct ctx *ctx,
                     const struct rpc_method *method, const ProtobufCMessage *req,
                     const struct rpc_form *form, struct buf *own, struct str *out)
{
    struct reply reply;
    enum rc rc = call_any(pool, message_max, ctx, method, req, form, own, &reply);

    if (rc != RC_OK) {
        return rc;
    }
    if (reply.answer.party == NULL) {
        rpc_answer_drop(&reply.answer); /* what was made of it stands in `own` */
    } else if (!arena_on_free(ctx->arena, drop_party, reply.answer.party)) {
        return fail_memory(ctx, "the answer is too large");
    }
    *out = reply.bytes;
    return RC_OK;
}

enum rc
rpc_pool_call(struct rpc_pool *pool, size_t message_max, struct ctx *ctx,
              const struct rpc_method *method, const ProtobufCMessage *req,
              ProtobufCMessage **out_resp)
{
    struct reply reply;
    enum rc rc = call_any(pool, message_max, ctx, method, req, NULL, NULL, &reply);

    if (rc != RC_OK) {
        return rc;
    }
    if (pb_unpack(ctx->arena, method->resp, reply.bytes, out_resp) != RC_OK) {
        rc = unintelligible(ctx);
        note(ctx, "%s of %s", method->name, rpc_pool_service(pool));
    }
    rpc_answer_drop(&reply.answer); /* the message holds copies: an arena may live long */
    return rc;
}
