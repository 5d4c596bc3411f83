/* SPDX-License-Identifier: Apache-2.0
 *
 * Verification and its watch.
 *
 * `trusted_until` is the monotonic instant up to which the last answered watch lets us trust the
 * cache: auth promised to wait for our acknowledgement that long. The watch is renewed well before;
 * when auth is away it runs out and every token goes to auth again. */
#include "gateway/gw_identify.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "auth_client.h"
#include "base/cond.h"
#include "base/id.h"
#include "gateway/gw_cache.h"
#include "sec/jws.h"

#define WATCH_WAIT_US (1 * ASSAY_US_PER_S)
#define WATCH_DEADLINE_US (3 * ASSAY_US_PER_S)
/* Between two fetches because of unknown key ids: auth publishes a key long before it signs with
 * it, so a token that waits for this is rare, and a flood of invented ids costs one call a second.
 */
#define KEYS_MIN_AGE_US (1 * ASSAY_US_PER_S)
#define ASK_DEADLINE_US (5 * ASSAY_US_PER_S)
#define KEYS_MAX_AGE_US (300 * ASSAY_US_PER_S)
#define OPAQUE_TTL_US (60 * ASSAY_US_PER_S)
#define RETRY_US (100 * ASSAY_US_PER_MS)
#define TOKEN_MAX 4096

struct gw_identify {
    struct gw_identify_cfg cfg;
    struct gw_cache *cache;
    char id[ID_UUID_LEN + 1];
    pthread_rwlock_t keys_lock;
    struct jws_keys *keys;      /* NULL until fetched */
    atomic_llong keys_at_us;    /* of the last fetch that brought keys; 0: none */
    pthread_mutex_t fetch_lock; /* one fetch at a time */
    int64_t tried_at_us;        /* of the last attempt; guarded by fetch_lock */
    bool tried_in_vain;
    atomic_llong trusted_until_us;
    pthread_t watch;
    bool has_watch;
    pthread_mutex_t stop_lock;
    pthread_cond_t stop_cond;
    bool stopping;
};

/* --- keys ---------------------------------------------------------------------------------- */

static enum rc
fetch_keys(struct gw_identify *id, struct ctx *ctx)
{
    Assay__GetJwksRequest req = ASSAY__GET_JWKS_REQUEST__INIT;
    Assay__GetJwksResponse *resp = NULL;
    struct jws_keys *keys = NULL;

    enum rc rc = auth_call_get_jwks(id->cfg.auth, ctx, &req, &resp);
    if (rc != RC_OK) {
        return rc;
    }
    struct str json = arena_printf(ctx->arena, "{\"keys\":%.*s}", (int)resp->keys.len,
                                   (const char *)resp->keys.data);
    rc = jws_keys_parse(json, &keys);
    if (rc != RC_OK) {
        return fail(ctx, RC_INTERNAL, "BAD_JWKS", "the signing keys cannot be read");
    }
    (void)pthread_rwlock_wrlock(&id->keys_lock);
    struct jws_keys *old = id->keys;
    id->keys = keys;
    (void)pthread_rwlock_unlock(&id->keys_lock);
    jws_keys_free(old);
    atomic_store(&id->keys_at_us, clk_mono_us());
    return RC_OK;
}

/* Fetches the keys unless they are younger than `age_us`; a failure keeps the old ones. */
static enum rc
keys_no_older(struct gw_identify *id, struct ctx *ctx, int64_t age_us)
{
    enum rc rc = RC_OK;

    (void)pthread_mutex_lock(&id->fetch_lock);
    int64_t at_us = atomic_load(&id->keys_at_us);
    int64_t now_us = clk_mono_us();
    bool stale = at_us == 0 || now_us - at_us > age_us;
    if (stale && id->tried_in_vain && now_us - id->tried_at_us < KEYS_MIN_AGE_US) {
        /* Auth is away: callers must not queue up here to find that out one after the other. */
        rc = fail(ctx, RC_UNAVAILABLE, "AUTH_UNAVAILABLE", "the signing keys cannot be fetched");
    } else if (stale) {
        rc = fetch_keys(id, ctx);
        id->tried_at_us = clk_mono_us();
        id->tried_in_vain = rc != RC_OK;
    }
    (void)pthread_mutex_unlock(&id->fetch_lock);
    if (rc != RC_OK && at_us != 0) {
        ctx_recover(ctx);
        rc = RC_OK;
    }
    return rc;
}

/* --- watch --------------------------------------------------------------------------------- */

static void
apply(struct gw_identify *id, const Assay__WatchRevocationsResponse *resp)
{
    if (resp->has_all && resp->all) {
        gw_cache_revoke(id->cache, 0, 0, 0, resp->epoch);
    }
    for (size_t i = 0; i < resp->n_revocations; i++) {
        const Assay__Revocation *r = resp->revocations[i];
        gw_cache_revoke(id->cache, r->has_user_id ? r->user_id : 0, r->has_org_id ? r->org_id : 0,
                        r->has_token_id ? r->token_id : 0, resp->epoch);
    }
    gw_cache_advance(id->cache, resp->epoch);
}

/* One round of the watch. False: auth did not answer. */
static bool
watch_once(struct gw_identify *id, struct arena *arena, int64_t *epoch)
{
    struct ctx ctx;
    Assay__WatchRevocationsRequest req = ASSAY__WATCH_REVOCATIONS_REQUEST__INIT;
    Assay__WatchRevocationsResponse *resp = NULL;

    arena_reset(arena);
    ctx_init(&ctx, arena);
    ctx.who.kind = TOKEN_SERVICE;
    ctx.who.subject = STR("gateway");
    ctx.deadline_us = clk_wall_us() + WATCH_DEADLINE_US;
    req.gateway_id = id->id;
    req.acked_epoch = *epoch;
    req.wait_us = *epoch < 0 ? 0 : WATCH_WAIT_US;
    int64_t asked_us = clk_mono_us();
    if (auth_call_watch_revocations(id->cfg.auth, &ctx, &req, &resp) != RC_OK) {
        return false;
    }
    if (*epoch < 0) { /* what was cached before the watch began may miss revocations */
        gw_cache_revoke(id->cache, 0, 0, 0, resp->epoch);
    }
    apply(id, resp);
    *epoch = resp->epoch;
    /* The lease runs from when auth granted it, which was after we asked. */
    atomic_store(&id->trusted_until_us, asked_us + req.wait_us + resp->lease_us);
    if (clk_mono_us() - asked_us < req.wait_us + resp->lease_us) {
        ctx.deadline_us = clk_wall_us() + WATCH_DEADLINE_US;
        if (keys_no_older(id, &ctx, KEYS_MAX_AGE_US) != RC_OK) {
            ctx_recover(&ctx);
        }
    }
    return true;
}

/* Waits until stop or the time is over; true to go on. */
static bool
pause_watch(struct gw_identify *id, int64_t us)
{
    (void)pthread_mutex_lock(&id->stop_lock);
    if (us > 0 && !id->stopping) {
        (void)cond_wait_until(&id->stop_cond, &id->stop_lock, clk_mono_us() + us);
    }
    bool go_on = !id->stopping;
    (void)pthread_mutex_unlock(&id->stop_lock);
    return go_on;
}

static void *
watch_thread(void *arg)
{
    struct gw_identify *id = arg;
    struct arena *arena = arena_new((size_t)4 * 1024 * 1024);
    int64_t epoch = -1;

    while (arena != NULL && pause_watch(id, 0)) {
        if (!watch_once(id, arena, &epoch)) {
            if (clk_mono_us() > atomic_load(&id->trusted_until_us)) {
                epoch = -1; /* auth no longer waits for us: begin anew with an empty cache */
            }
            (void)pause_watch(id, RETRY_US);
        }
    }
    arena_free(arena);
    return NULL;
}

/* --- life ---------------------------------------------------------------------------------- */

enum rc
gw_identify_new(const struct gw_identify_cfg *cfg, struct gw_identify **out)
{
    struct gw_identify *id = calloc(1, sizeof(*id));

    if (id == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    id->cfg = *cfg;
    id_uuid(id->id);
    (void)pthread_rwlock_init(&id->keys_lock, NULL);
    (void)pthread_mutex_init(&id->fetch_lock, NULL);
    (void)pthread_mutex_init(&id->stop_lock, NULL);
    cond_init(&id->stop_cond);
    if (gw_cache_new(cfg->cache_max, &id->cache) != RC_OK) {
        gw_identify_free(id);
        return RC_RESOURCE_EXHAUSTED;
    }
    id->has_watch = pthread_create(&id->watch, NULL, watch_thread, id) == 0;
    if (!id->has_watch) {
        gw_identify_free(id);
        return RC_RESOURCE_EXHAUSTED;
    }
    *out = id;
    return RC_OK;
}

void
gw_identify_free(struct gw_identify *id)
{
    if (id == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&id->stop_lock);
    id->stopping = true;
    (void)pthread_cond_broadcast(&id->stop_cond);
    (void)pthread_mutex_unlock(&id->stop_lock);
    if (id->has_watch) {
        (void)pthread_join(id->watch, NULL);
    }
    jws_keys_free(id->keys);
    gw_cache_free(id->cache);
    (void)pthread_rwlock_destroy(&id->keys_lock);
    (void)pthread_mutex_destroy(&id->fetch_lock);
    (void)pthread_mutex_destroy(&id->stop_lock);
    (void)pthread_cond_destroy(&id->stop_cond);
    free(id);
}

bool
gw_identify_is_ready(struct gw_identify *id)
{
    return atomic_load(&id->keys_at_us) != 0 && clk_mono_us() < atomic_load(&id->trusted_until_us);
}

/* --- one token ----------------------------------------------------------------------------- */

static enum rc
unauthenticated(struct ctx *ctx, const char *text)
{
    return fail(ctx, RC_UNAUTHENTICATED, "UNAUTHENTICATED", "%s", text);
}

static void
take_principal(struct ctx *ctx, const Assay__Principal *p, struct principal *who)
{
    *who = (struct principal){
        .user_id = p->user_id,
        .org_id = p->org_id,
        .role = (enum role)p->role,
        .kind = (enum token_kind)p->kind,
        .token_id = p->token_id,
        .project_id = p->project_id,
        .email = arena_str(ctx->arena, str_z(p->email)),
        .subject = arena_str(ctx->arena, str_z(p->subject)),
    };
}

static enum jws_verdict
verify(struct gw_identify *id, struct ctx *ctx, struct str token, struct jws_claims *claims)
{
    struct jws_policy policy = {str_z(id->cfg.issuer), str_z(id->cfg.audience), clk_wall_us()};
    enum jws_verdict verdict = JWS_UNKNOWN_KEY;

    (void)pthread_rwlock_rdlock(&id->keys_lock);
    if (id->keys != NULL) {
        verdict = jws_verify(ctx->arena, id->keys, &policy, token, claims);
    }
    (void)pthread_rwlock_unlock(&id->keys_lock);
    return verdict;
}

/* Checks a JWT with the published keys, then the user's current state with auth. */
static enum rc
identify_jwt(struct gw_identify *id, struct ctx *ctx, struct str token,
             Assay__IntrospectResponse **out, int64_t *out_expires_us)
{
    struct jws_claims claims;
    Assay__CheckUserRequest req = ASSAY__CHECK_USER_REQUEST__INIT;

    enum jws_verdict verdict = verify(id, ctx, token, &claims);
    if (verdict == JWS_UNKNOWN_KEY) {
        int64_t age_us = atomic_load(&id->keys_at_us) == 0 ? 0 : KEYS_MIN_AGE_US;
        enum rc rc = keys_no_older(id, ctx, age_us);
        if (rc != RC_OK) {
            return rc;
        }
        verdict = verify(id, ctx, token, &claims);
    }
    if (verdict != JWS_VALID) {
        return unauthenticated(ctx, verdict == JWS_EXPIRED ? "the token has expired"
                                                           : "the token is not valid");
    }
    req.user_id = claims.user_id;
    req.org_id = claims.org_id;
    req.jti = arena_strz(ctx->arena, claims.jti);
    req.has_issued_us = 1;
    req.issued_us = claims.issued_us;
    *out_expires_us = claims.expires_us;
    return auth_call_check_user(id->cfg.auth, ctx, &req, out);
}

static enum rc
identify_opaque(struct gw_identify *id, struct ctx *ctx, struct str token,
                Assay__IntrospectResponse **out)
{
    Assay__IntrospectRequest req = ASSAY__INTROSPECT_REQUEST__INIT;

    if (!str_is_utf8(token)) {
        return unauthenticated(ctx, "the token is not valid");
    }
    req.token = arena_strz(ctx->arena, token);
    return auth_call_introspect(id->cfg.auth, ctx, &req, out);
}

/* What other failures of auth mean to a client: try again, never "let in". */
static enum rc
as_unavailable(struct ctx *ctx)
{
    struct err cause = ctx->err;

    ctx_recover(ctx);
    (void)fail(ctx, RC_UNAVAILABLE, "AUTH_UNAVAILABLE", "identity cannot be checked right now");
    note(ctx, "%s %.*s %.*s", rc_name(cause.code), STR_ARG(cause.msg), STR_ARG(cause.detail));
    return RC_UNAVAILABLE;
}

static enum rc
ask(struct gw_identify *id, struct ctx *ctx, struct str token,
    const unsigned char key[HASH_SHA256_LEN])
{
    Assay__IntrospectResponse *resp = NULL;
    int64_t now_us = clk_wall_us();
    int64_t expires_us = now_us + OPAQUE_TTL_US;
    bool is_jwt = str_starts(token, STR("eyJ"));

    enum rc rc = is_jwt ? identify_jwt(id, ctx, token, &resp, &expires_us)
                        : identify_opaque(id, ctx, token, &resp);
    if (rc == RC_UNAUTHENTICATED) {
        return rc;
    }
    if (rc != RC_OK) {
        return as_unavailable(ctx);
    }
    take_principal(ctx, resp->who, &ctx->who);
    if (resp->has_expires_us && resp->expires_us < expires_us) {
        expires_us = resp->expires_us;
    }
    gw_cache_put(id->cache, key, &ctx->who, expires_us, resp->epoch);
    return RC_OK;
}

/* The key of a token in the cache. A connection mostly sends the token of its last request again,
 * and a thread serves one connection: comparing takes a twentieth of hashing. */
static const unsigned char *
key_of(struct str token)
{
    static _Thread_local char last[TOKEN_MAX];
    static _Thread_local size_t last_n;
    static _Thread_local unsigned char key[HASH_SHA256_LEN];

    if (!str_eq_secret(str_n(last, last_n), token)) {
        hash_sha256(token, key);
        memcpy(last, token.p, token.n);
        last_n = token.n;
    }
    return key;
}

enum rc
gw_identify_token(struct gw_identify *id, struct ctx *ctx, struct str token)
{
    if (token.n == 0 || token.n > TOKEN_MAX) {
        return unauthenticated(ctx, "the token is not valid");
    }
    const unsigned char *key = key_of(token);
    if (clk_mono_us() < atomic_load(&id->trusted_until_us) &&
        gw_cache_get(id->cache, key, clk_wall_us(), ctx->arena, &ctx->who)) {
        return RC_OK;
    }
    ctx->deadline_us = clk_wall_us() + ASK_DEADLINE_US;
    return ask(id, ctx, token, key);
}

enum rc
gw_identify(struct gw_identify *id, struct ctx *ctx, const struct web_request *http, bool external,
            bool query_token)
{
    struct str token = gw_find_token(ctx, http, external, query_token);

    return token.p == NULL ? unauthenticated(ctx, "authentication is required")
                           : gw_identify_token(id, ctx, token);
}
