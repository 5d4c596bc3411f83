/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/aut_throttle.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "auth/aut_store.h"

enum { KEY_PAIR, KEY_ACCOUNT, KEY_PEER, KEY_COUNT };

/* Attempts without delay, and the longest delay in seconds. */
static const int64_t ALLOWED[KEY_COUNT] = {[KEY_PAIR] = 10, [KEY_ACCOUNT] = 100, [KEY_PEER] = 100};
static const int64_t CAP_S[KEY_COUNT] = {[KEY_PAIR] = 300, [KEY_ACCOUNT] = 30, [KEY_PEER] = 300};

struct str
aut_throttle_net(struct arena *arena, struct str peer)
{
    struct in6_addr in6;
    char text[INET6_ADDRSTRLEN];
    const char *z = arena_strz(arena, peer);

    if (z == NULL || inet_pton(AF_INET6, z, &in6) != 1) {
        return peer;
    }
    memset(in6.s6_addr + 8, 0, 8);
    if (inet_ntop(AF_INET6, &in6, text, sizeof(text)) == NULL) {
        return peer;
    }
    return arena_printf(arena, "%s/64", text);
}

/* Accounts are counted by digest: the table holds no list of addresses that were tried. */
static void
make_keys(struct ctx *ctx, struct str email, struct str keys[KEY_COUNT])
{
    struct str net = aut_throttle_net(ctx->arena, ctx->peer);
    struct str lower = arena_str(ctx->arena, email);
    char *p = arena_strz(ctx->arena, email);
    char hex[HASH_SHA256_HEX_LEN + 1];

    for (size_t i = 0; p != NULL && i < email.n; i++) {
        p[i] = ch_lower(p[i]);
    }
    lower = p == NULL ? lower : str_n(p, email.n);
    hash_sha256_hex(lower, hex);
    keys[KEY_PAIR] = arena_printf(ctx->arena, "pair:%s:%.*s", hex, STR_ARG(net));
    keys[KEY_ACCOUNT] = arena_printf(ctx->arena, "account:%s", hex);
    keys[KEY_PEER] = arena_printf(ctx->arena, "peer:%.*s", STR_ARG(net));
}

/* Without an address there is nothing to count by it. */
static size_t
key_count(const struct ctx *ctx)
{
    return ctx->peer.n > 0 ? KEY_COUNT : KEY_PEER;
}

static enum rc
take(struct auth *auth, struct ctx *ctx, const struct str *keys, bool *out_ok)
{
    enum rc rc = db_begin(auth->db, ctx);

    if (rc == RC_OK) {
        rc = aut_throttle_take(auth->db, ctx, keys, ALLOWED, CAP_S, key_count(ctx), out_ok);
    }
    if (rc == RC_OK && *out_ok) {
        return db_commit(auth->db, ctx);
    }
    db_rollback(auth->db, ctx);
    return rc;
}

static enum rc
refuse(struct ctx *ctx, int64_t left_us)
{
    int64_t seconds = (left_us + ASSAY_US_PER_S - 1) / ASSAY_US_PER_S;

    (void)fail(ctx, RC_RESOURCE_EXHAUSTED, "RATE_LIMITED",
               "too many failed attempts; try again in %lld s",
               (long long)(seconds > 1 ? seconds : 1));
    ctx->err.retry_after_us = left_us > 0 ? left_us : ASSAY_US_PER_S;
    return RC_RESOURCE_EXHAUSTED;
}

enum rc
aut_throttle_admit(struct auth *auth, struct ctx *ctx, struct str email)
{
    struct str keys[KEY_COUNT];
    int64_t left_us = 0;
    bool ok = false;

    make_keys(ctx, email, keys);
    /* Looked at first, so that a flood of refused attempts locks and writes nothing. */
    enum rc rc = aut_throttle_blocked(auth->db, ctx, keys, KEY_COUNT, &left_us);
    if (rc == RC_OK && left_us == 0) {
        rc = take(auth, ctx, keys, &ok);
        if (rc != RC_OK || ok) {
            return rc;
        }
        rc = aut_throttle_blocked(auth->db, ctx, keys, KEY_COUNT, &left_us);
    }
    return rc == RC_OK ? refuse(ctx, left_us) : rc;
}

void
aut_throttle_undo(struct auth *auth, struct ctx *ctx, struct str email)
{
    struct str keys[KEY_COUNT];
    struct ctx own = *ctx; /* the call's failure stays what it is */

    own.err = (struct err){.code = RC_OK};
    make_keys(&own, email, keys);
    if (aut_throttle_give_back(auth->db, &own, keys, key_count(ctx)) != RC_OK) {
        ctx_recover(&own); /* it counts as a failure: nobody is let in by that */
    }
}

enum rc
aut_throttle_passed(struct auth *auth, struct ctx *ctx, struct str email)
{
    struct str keys[KEY_COUNT];

    make_keys(ctx, email, keys);
    enum rc rc = aut_throttle_remove(auth->db, ctx, keys, KEY_PEER);
    /* Of the address only this attempt: its failures at other accounts stay. */
    return rc == RC_OK ? aut_throttle_give_back(auth->db, ctx, &keys[KEY_PEER], 1) : rc;
}

enum rc
aut_throttle_forgive(struct auth *auth, struct ctx *ctx, struct str email)
{
    struct str keys[KEY_COUNT];

    make_keys(ctx, email, keys);
    return aut_throttle_remove(auth->db, ctx, keys, KEY_PEER);
}
