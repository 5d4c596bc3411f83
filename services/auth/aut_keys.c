/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/aut_keys.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "auth/aut_store.h"

#define PEM_MAX 4096
#define SLACK_US (300 * ASSAY_US_PER_S)

/* One reading of the table, constant once made. */
struct key_set {
    struct eckey *keys[JWS_KEYS_MAX];
    size_t count;
    const struct eckey *signer; /* one of them, NULL: none signs yet */
};

struct aut_keys {
    pthread_rwlock_t lock;
    struct key_set *set;
};

static void
set_free(struct key_set *set)
{
    if (set == NULL) {
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        eckey_free(set->keys[i]);
    }
    free(set);
}

/* --- sealing ------------------------------------------------------------------------------- */

static struct str
aad_of(struct ctx *ctx, struct str kid)
{
    return arena_printf(ctx->arena, "signing_key:%.*s", STR_ARG(kid));
}

static enum rc
seal_key(const struct seal_ring *ring, struct ctx *ctx, const struct eckey *key, struct str *out)
{
    struct buf pem;

    buf_init(&pem, PEM_MAX);
    enum rc rc = eckey_put_pem(key, &pem);
    if (rc != RC_OK) {
        rc = fail(ctx, RC_INTERNAL, "SIGNING_KEY", "a signing key cannot be written");
    } else {
        rc = seal_seal(ring, ctx, aad_of(ctx, str_z(eckey_kid(key))), buf_str(&pem), out);
    }
    if (pem.p != NULL) {
        hash_wipe(pem.p, pem.cap);
    }
    buf_fini(&pem);
    return rc;
}

static enum rc
unseal_key(const struct seal_ring *ring, struct ctx *ctx, const struct aut_key_row *row,
           struct eckey **out)
{
    struct str pem;
    enum rc rc = seal_unseal(ring, ctx, aad_of(ctx, row->kid), row->sealed, &pem);

    if (rc != RC_OK) {
        return rc;
    }
    rc = eckey_from_pem(pem, out);
    return rc == RC_OK ? RC_OK
                       : fail(ctx, RC_INTERNAL, "SIGNING_KEY", "a signing key cannot be read");
}

static enum rc
make_key(struct db *db, struct ctx *ctx, const struct seal_ring *ring, int64_t sign_after_us,
         char out_kid[ECKEY_KID_LEN + 1])
{
    struct eckey *key = NULL;
    struct str sealed;

    if (eckey_generate(&key) != RC_OK) {
        return fail(ctx, RC_INTERNAL, "SIGNING_KEY", "a signing key cannot be made");
    }
    struct str kid = str_z(eckey_kid(key));
    enum rc rc = seal_key(ring, ctx, key, &sealed);
    if (rc == RC_OK) {
        rc = aut_key_insert(db, ctx, kid, sealed, sign_after_us);
    }
    memcpy(out_kid, kid.p, ECKEY_KID_LEN + 1);
    eckey_free(key);
    return rc;
}

/* --- loading ------------------------------------------------------------------------------- */

static enum rc
fill_set(const struct seal_ring *ring, struct ctx *ctx, const struct aut_key_row *rows, size_t n,
         struct key_set *set)
{
    for (size_t i = 0; i < n && set->count < JWS_KEYS_MAX; i++) {
        enum rc rc = unseal_key(ring, ctx, &rows[i], &set->keys[set->count]);
        if (rc != RC_OK) {
            return rc;
        }
        if (rows[i].signs && set->signer == NULL) {
            set->signer = set->keys[set->count];
        }
        set->count++;
    }
    return RC_OK;
}

enum rc
aut_keys_refresh(struct auth *auth, struct ctx *ctx, struct aut_keys *keys)
{
    struct aut_key_row *rows = NULL;
    size_t n = 0;

    enum rc rc = aut_keys_live(auth->db, ctx, &rows, &n);
    if (rc != RC_OK) {
        return rc;
    }
    struct key_set *set = calloc(1, sizeof(*set));
    if (set == NULL) {
        return fail_memory(ctx, "no memory for the signing keys");
    }
    rc = fill_set(auth->ring, ctx, rows, n, set);
    if (rc != RC_OK) {
        set_free(set);
        return rc;
    }
    (void)pthread_rwlock_wrlock(&keys->lock);
    struct key_set *old = keys->set;
    keys->set = set;
    (void)pthread_rwlock_unlock(&keys->lock);
    set_free(old);
    return RC_OK;
}

static enum rc
make_first(struct auth *auth, struct ctx *ctx, void *arg)
{
    struct aut_key_row *rows = NULL;
    size_t n = 0;
    char kid[ECKEY_KID_LEN + 1];

    (void)arg;
    enum rc rc = aut_keys_lock(auth->db, ctx);
    if (rc == RC_OK) {
        rc = aut_keys_live(auth->db, ctx, &rows, &n);
    }
    if (rc == RC_OK && n == 0) {
        rc = make_key(auth->db, ctx, auth->ring, 0, kid);
    }
    return rc;
}

enum rc
aut_keys_open(struct auth *auth, struct ctx *ctx, struct aut_keys **out)
{
    enum rc rc = aut_in_tx(auth, ctx, make_first, NULL);

    if (rc != RC_OK) {
        return rc;
    }
    struct aut_keys *keys = calloc(1, sizeof(*keys));
    if (keys == NULL) {
        return fail_memory(ctx, "no memory for the signing keys");
    }
    (void)pthread_rwlock_init(&keys->lock, NULL);
    rc = aut_keys_refresh(auth, ctx, keys);
    if (rc != RC_OK) {
        aut_keys_close(keys);
        return rc;
    }
    *out = keys;
    return RC_OK;
}

void
aut_keys_close(struct aut_keys *keys)
{
    if (keys != NULL) {
        set_free(keys->set);
        (void)pthread_rwlock_destroy(&keys->lock);
        free(keys);
    }
}

/* --- use ----------------------------------------------------------------------------------- */

enum rc
aut_keys_sign(struct aut_keys *keys, struct ctx *ctx, const struct jws_claims *claims,
              struct buf *out)
{
    (void)pthread_rwlock_rdlock(&keys->lock);
    const struct eckey *signer = keys->set->signer;
    enum rc rc = signer == NULL ? RC_UNAVAILABLE : jws_sign(signer, claims, out);
    (void)pthread_rwlock_unlock(&keys->lock);
    return rc == RC_OK ? RC_OK : fail(ctx, rc, "SIGNING_KEY", "no token can be signed right now");
}

void
aut_keys_put(struct aut_keys *keys, struct buf *out)
{
    (void)pthread_rwlock_rdlock(&keys->lock);
    buf_putc(out, '[');
    for (size_t i = 0; i < keys->set->count; i++) {
        if (i > 0) {
            buf_putc(out, ',');
        }
        eckey_put_jwk(keys->set->keys[i], out);
    }
    buf_putc(out, ']');
    (void)pthread_rwlock_unlock(&keys->lock);
}

/* --- rotation ------------------------------------------------------------------------------ */

/* A set has so many keys at most: with one more, one that still verifies would be left out. */
static enum rc
check_room(struct db *db, struct ctx *ctx)
{
    struct aut_key_row *rows = NULL;
    size_t n = 0;
    enum rc rc = aut_keys_live(db, ctx, &rows, &n);

    return rc == RC_OK && n >= JWS_KEYS_MAX
               ? fail(ctx, RC_FAILED_PRECONDITION, "KEYS_LIVE",
                      "%zu signing keys are published: wait until what the oldest signed has "
                      "expired",
                      n)
               : rc;
}

static enum rc
tell_rotated(struct db *db, struct ctx *ctx, struct str kid)
{
    struct svc_event event = {.type = "signing_key.rotated",
                              .tell = TELL_AUDIT,
                              .resource_type = STR("signing_key"),
                              .resource_id = kid,
                              .details = STR(AUT_BY_OPERATOR)};

    return svc_emit(db, ctx, &event);
}

static enum rc
rotate(struct db *db, struct ctx *ctx, const struct seal_ring *ring, int64_t publish_us,
       int64_t ttl_us, char out_kid[ECKEY_KID_LEN + 1])
{
    enum rc rc = aut_keys_lock(db, ctx);

    if (rc == RC_OK) {
        rc = check_room(db, ctx);
    }
    if (rc == RC_OK) {
        rc = make_key(db, ctx, ring, publish_us, out_kid);
    }
    if (rc == RC_OK) {
        rc = aut_keys_retire_others(db, ctx, str_z(out_kid), publish_us + ttl_us + SLACK_US);
    }
    if (rc == RC_OK) {
        rc = tell_rotated(db, ctx, str_z(out_kid));
    }
    if (rc == RC_OK) {
        rc = db_notify(db, ctx, AUT_LOOP_KEYS, STR_EMPTY);
    }
    return rc;
}

enum rc
aut_keys_rotate(struct db *db, struct ctx *ctx, const struct seal_ring *ring, int64_t publish_us,
                int64_t ttl_us, char out_kid[ECKEY_KID_LEN + 1])
{
    enum rc rc = db_begin(db, ctx);

    if (rc != RC_OK) {
        return rc;
    }
    rc = rotate(db, ctx, ring, publish_us, ttl_us, out_kid);
    if (rc == RC_OK) {
        return db_commit(db, ctx);
    }
    db_rollback(db, ctx);
    return rc;
}
