/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/aut_throttle.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "auth/aut_store.h"

enum { KEY_PAIR, KEY_ACCOUNT, KEY_PEER, KEY_COUNT };

/* Failures without delay, and the longest delay. */
static const struct {
    int64_t allowed;
    int64_t cap_s;
} LIMITS[KEY_COUNT] = {[KEY_PAIR] = {10, 300}, [KEY_ACCOUNT] = {100, 30}, [KEY_PEER] = {100, 300}};

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

enum rc
aut_throttle_admit(struct auth *auth, struct ctx *ctx, struct str email)
{
    struct str keys[KEY_COUNT];
    int64_t left_us = 0;

    make_keys(ctx, email, keys);
    enum rc rc = aut_throttle_blocked(auth->db, ctx, keys, KEY_COUNT, &left_us);
    if (rc != RC_OK || left_us == 0) {
        return rc;
    }
    int64_t seconds = (left_us + ASSAY_US_PER_S - 1) / ASSAY_US_PER_S;
    rc = fail(ctx, RC_RESOURCE_EXHAUSTED, "RATE_LIMITED",
              "too many failed attempts; try again in %lld s", (long long)seconds);
    ctx->err.retry_after_us = left_us;
    return rc;
}

enum rc
aut_throttle_failed(struct auth *auth, struct ctx *ctx, struct str email)
{
    struct str keys[KEY_COUNT];
    enum rc rc = RC_OK;

    make_keys(ctx, email, keys);
    for (size_t i = 0; i < KEY_COUNT && rc == RC_OK; i++) {
        if (i != KEY_PEER || ctx->peer.n > 0) {
            rc = aut_throttle_add(auth->db, ctx, keys[i], LIMITS[i].allowed, LIMITS[i].cap_s);
        }
    }
    return rc;
}

enum rc
aut_throttle_passed(struct auth *auth, struct ctx *ctx, struct str email)
{
    struct str keys[KEY_COUNT];

    make_keys(ctx, email, keys);
    return aut_throttle_remove(auth->db, ctx, keys, KEY_PEER); /* not the address's own count */
}
