/* SPDX-License-Identifier: Apache-2.0
 *
 * Idempotency keys. The advisory lock of the transaction tells a running call from a finished one;
 * the stored answer commits with the changes. If two calls still meet (the look-up's snapshot was
 * older than the other's commit) the primary key refuses the second, whose transaction is run again
 * and then finds the answer.
 *
 * Of a method whose messages hold secrets nothing of either is stored: no answer, for it is a token
 * in clear, and no digest, for a fast digest of a password can be guessed offline. */
#include <string.h>

#include "pb/pb.h"
#include "sec/hash.h"
#include "svc/svc_int.h"

#define KEY_MAX 255
/* A call that opens its own transactions counts as running so much longer than its deadline. */
#define MANUAL_MARGIN_US (5 * ASSAY_US_PER_S)
#define MANUAL_MAX_US (600 * ASSAY_US_PER_S)

static struct str
principal_of(struct ctx *ctx)
{
    const struct principal *who = &ctx->who;

    if (who->kind == TOKEN_NONE) {
        return arena_printf(ctx->arena, "open/%.*s", STR_ARG(ctx->peer));
    }
    return arena_printf(ctx->arena, "%lld/%lld/%d/%lld/%.*s", (long long)who->org_id,
                        (long long)who->user_id, (int)who->kind, (long long)who->token_id,
                        who->kind == TOKEN_SERVICE ? (int)who->subject.n : 0,
                        who->kind == TOKEN_SERVICE && who->subject.n > 0 ? who->subject.p : "");
}

enum rc
svc__key_init(struct svc_key *key, struct svc *svc, struct ctx *ctx,
              const struct rpc_method *method, struct str payload)
{
    unsigned char digest[HASH_SHA256_LEN];

    if (ctx->idempotency_key.n > KEY_MAX || !str_is_utf8(ctx->idempotency_key)) {
        return fail(ctx, RC_INVALID_ARGUMENT, "IDEMPOTENCY_KEY_MALFORMED",
                    "the idempotency key must be text of at most %d bytes", KEY_MAX);
    }
    hash_sha256(payload, digest);
    *key = (struct svc_key){.db = svc->db,
                            .principal = principal_of(ctx),
                            .method = method->name,
                            .key = ctx->idempotency_key,
                            .sha256 = STR(""),
                            .is_secret = method->secret_request || method->secret_answer};
    if (!key->is_secret) {
        key->sha256 = arena_str(ctx->arena, str_n((const char *)digest, sizeof digest));
    }
    struct str all = arena_printf(ctx->arena, "%.*s\n%s\n%.*s", STR_ARG(key->principal),
                                  key->method, STR_ARG(key->key));
    hash_sha256(all, digest);
    memcpy(&key->lock, digest, sizeof key->lock);
    if (arena_failed(ctx->arena)) {
        return fail_memory(ctx, "the request is too large");
    }
    return RC_OK;
}

/* Fills resp with the message it was when it was stored. */
static enum rc
replay(struct ctx *ctx, struct str wire, ProtobufCMessage *resp)
{
    ProtobufCMessage *stored;
    enum rc rc = pb_unpack(ctx->arena, resp->descriptor, wire, &stored);

    if (rc != RC_OK) {
        return fail(ctx, RC_INTERNAL, "IDEMPOTENCY_RECORD", "internal error");
    }
    memcpy(resp, stored, resp->descriptor->sizeof_message);
    return RC_OK;
}

static enum rc
in_progress(struct ctx *ctx)
{
    return fail(ctx, RC_ABORTED, "IDEMPOTENCY_IN_PROGRESS",
                "a request with this idempotency key is still running");
}

enum rc
svc__key_find(const struct svc_key *key, struct ctx *ctx, ProtobufCMessage *resp, bool *out_done)
{
    const struct db_result *res;

    *out_done = false;
    enum rc rc = DB_QUERY(key->db, ctx, DB_COMMON(Q_IDEMPOTENCY_FIND), &res, DB_ARG_I64(key->lock),
                          DB_ARG_STR(key->principal), DB_ARG_Z(key->method), DB_ARG_STR(key->key));
    if (rc != RC_OK) {
        return rc;
    }
    if (!db_bool(res, 0, 0)) {
        return in_progress(ctx);
    }
    if (!db_bool(res, 0, 4)) {
        return RC_OK;
    }
    if (key->is_secret && !db_is_null(res, 0, 2)) {
        return fail(ctx, RC_ALREADY_EXISTS, "IDEMPOTENCY_SECRET",
                    "this key was used; what that call answered was shown once and is not kept");
    }
    if (!str_eq(db_bytes(res, 0, 1), key->sha256)) {
        return fail(ctx, RC_INVALID_ARGUMENT, "IDEMPOTENCY_KEY_REUSED",
                    "this idempotency key was used with another request");
    }
    if (!db_is_null(res, 0, 2)) {
        *out_done = true;
        return replay(ctx, db_bytes(res, 0, 2), resp);
    }
    return db_bool(res, 0, 3) ? in_progress(ctx) : RC_OK;
}

/* What is stored of the answer. */
static enum rc
pack(const struct svc_key *key, struct ctx *ctx, const ProtobufCMessage *resp, struct str *out)
{
    if (key->is_secret) {
        *out = STR("");
        return RC_OK;
    }
    if (pb_pack(ctx->arena, resp, out) != RC_OK) {
        return fail_memory(ctx, "the answer is too large");
    }
    return RC_OK;
}

enum rc
svc__key_store(const struct svc_key *key, struct ctx *ctx, const ProtobufCMessage *resp)
{
    struct str wire;
    enum rc rc = pack(key, ctx, resp, &wire);

    return rc != RC_OK
               ? rc
               : DB_DEFER(key->db, ctx, DB_COMMON(Q_IDEMPOTENCY_ADD), DB_ARG_STR(key->principal),
                          DB_ARG_Z(key->method), DB_ARG_STR(key->key), DB_ARG_BYTES(key->sha256),
                          DB_ARG_BYTES(wire));
}

/* --- handlers with their own transactions ------------------------------------------------------
 */

/* Marks the key as running until *out_until. Two calls may both have found nothing. */
static enum rc
start(const struct svc_key *key, struct ctx *ctx, struct str *out_until)
{
    const struct db_result *res;
    int64_t left = ctx_left_us(ctx);
    int64_t lease = (left < MANUAL_MAX_US ? left : MANUAL_MAX_US) + MANUAL_MARGIN_US;

    enum rc rc = DB_QUERY(key->db, ctx, DB_COMMON(Q_IDEMPOTENCY_START), &res,
                          DB_ARG_STR(key->principal), DB_ARG_Z(key->method), DB_ARG_STR(key->key),
                          DB_ARG_BYTES(key->sha256), DB_ARG_I64(lease));
    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return in_progress(ctx);
    }
    *out_until = db_str(res, 0, 0);
    return RC_OK;
}

/* Looks the key up and announces the call, in a transaction of its own. */
static enum rc
announce(const struct svc_key *key, struct ctx *ctx, ProtobufCMessage *resp, bool *out_done,
         struct str *out_until)
{
    enum rc rc = db_begin(key->db, ctx);

    if (rc != RC_OK) {
        return rc;
    }
    rc = svc__key_find(key, ctx, resp, out_done);
    rc = rc == RC_OK && !*out_done ? start(key, ctx, out_until) : rc;
    if (rc != RC_OK) {
        db_rollback(key->db, ctx);
        return rc;
    }
    return db_commit(key->db, ctx);
}

/* The record of a failed call goes, so that a retry runs; not that of a retry that took its place.
 * With its own context: ctx holds the failure, and its deadline may be over. */
static void
forget(const struct svc_key *key, const struct ctx *ctx, struct str until)
{
    struct ctx own;

    ctx_init(&own, ctx->arena);
    own.who = ctx->who;
    own.deadline_us = clk_wall_us() + MANUAL_MARGIN_US;
    (void)!DB_QUERY(key->db, &own, DB_COMMON(Q_IDEMPOTENCY_FORGET), NULL,
                    DB_ARG_STR(key->principal), DB_ARG_Z(key->method), DB_ARG_STR(key->key),
                    DB_ARG_STR(until));
}

enum rc
svc__key_manual(const struct svc_key *key, struct ctx *ctx, ProtobufCMessage *resp,
                enum rc (*run)(void *run_arg), void *run_arg)
{
    struct str wire;
    struct str until = STR_EMPTY;
    bool done;

    enum rc rc = announce(key, ctx, resp, &done, &until);
    if (rc != RC_OK || done) {
        return rc;
    }
    rc = run(run_arg);
    if (db_in_tx(ctx)) {
        db_rollback(key->db, ctx);
    }
    if (rc != RC_OK) {
        forget(key, ctx, until);
        return rc;
    }
    rc = pack(key, ctx, resp, &wire);
    return rc != RC_OK ? rc
                       : DB_QUERY(key->db, ctx, DB_COMMON(Q_IDEMPOTENCY_FINISH), NULL,
                                  DB_ARG_STR(key->principal), DB_ARG_Z(key->method),
                                  DB_ARG_STR(key->key), DB_ARG_BYTES(wire));
}
