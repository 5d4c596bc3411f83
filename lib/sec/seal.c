/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/seal.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/id.h"
#include "sec/hash.h"

#define VERSION 1
#define ID_LEN 4
#define NONCE_LEN 12
#define TAG_LEN 16
#define HEAD_LEN (1 + ID_LEN)

struct seal_key {
    unsigned char id[ID_LEN];
    unsigned char bytes[SEAL_KEY_LEN];
};

struct seal_ring {
    struct seal_key keys[SEAL_KEYS_MAX];
    size_t count;
};

static enum rc
key_parse(struct str text, struct arena *arena, struct seal_key *key)
{
    unsigned char sum[HASH_SHA256_LEN];
    struct str raw = STR_EMPTY;

    if (hash_hex_decode(text, key->bytes, SEAL_KEY_LEN) != RC_OK) {
        enum rc rc = hash_b64_decode(arena, text, &raw);
        if (rc != RC_OK) {
            return rc;
        }
        if (raw.n != SEAL_KEY_LEN) {
            return RC_INVALID_ARGUMENT;
        }
        memcpy(key->bytes, raw.p, SEAL_KEY_LEN);
    }
    hash_sha256(str_n((const char *)key->bytes, SEAL_KEY_LEN), sum);
    memcpy(key->id, sum, ID_LEN);
    return RC_OK;
}

static enum rc
ring_parse(struct seal_ring *ring, struct arena *arena, struct str keys, const char **out_why)
{
    struct str rest = keys;

    do {
        struct str one = str_trim(str_split(&rest, ','));
        if (ring->count == SEAL_KEYS_MAX) {
            *out_why = "more than eight keys";
            return RC_INVALID_ARGUMENT;
        }
        enum rc rc = key_parse(one, arena, &ring->keys[ring->count]);
        if (rc != RC_OK) {
            *out_why = "a key is 64 hexadecimal digits, or 32 bytes in base64";
            return rc;
        }
        ring->count++;
    } while (rest.p != NULL);
    return RC_OK;
}

enum rc
seal_open_ring(struct str keys, struct seal_ring **out, const char **out_why)
{
    struct seal_ring *ring = calloc(1, sizeof(*ring));
    struct arena *arena = arena_new(4096);
    enum rc rc = RC_RESOURCE_EXHAUSTED;

    *out_why = "out of memory";
    if (ring != NULL && arena != NULL) {
        rc = ring_parse(ring, arena, keys, out_why);
    }
    arena_free(arena);
    if (rc != RC_OK) {
        seal_close_ring(ring);
        return rc;
    }
    *out_why = NULL;
    *out = ring;
    return RC_OK;
}

void
seal_close_ring(struct seal_ring *ring)
{
    if (ring != NULL) {
        hash_wipe(ring, sizeof(*ring));
        free(ring);
    }
}

void
seal_new_key(char out[SEAL_KEY_TEXT_MAX])
{
    unsigned char raw[SEAL_KEY_LEN];

    id_random(raw, sizeof(raw));
    id_hex(raw, sizeof(raw), out);
    hash_wipe(raw, sizeof(raw));
}

/* The head (version, key id) is authenticated with the caller's aad. */
static bool
gcm_start(EVP_CIPHER_CTX *c, bool sealing, const struct seal_key *key, const unsigned char *nonce,
          const unsigned char *head, struct str aad)
{
    int n = 0;

    return EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key->bytes, nonce, sealing ? 1 : 0) == 1 &&
           EVP_CipherUpdate(c, NULL, &n, head, HEAD_LEN) == 1 &&
           (aad.n == 0 ||
            EVP_CipherUpdate(c, NULL, &n, (const unsigned char *)aad.p, (int)aad.n) == 1);
}

static bool
gcm_seal(const struct seal_key *key, struct str aad, struct str plain, unsigned char *to)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    unsigned char *nonce = to + HEAD_LEN;
    unsigned char *text = nonce + NONCE_LEN;
    int n = 0;

    to[0] = VERSION;
    memcpy(to + 1, key->id, ID_LEN);
    id_random(nonce, NONCE_LEN);
    bool ok = c != NULL && gcm_start(c, true, key, nonce, to, aad) &&
              (plain.n == 0 ||
               EVP_CipherUpdate(c, text, &n, (const unsigned char *)plain.p, (int)plain.n) == 1) &&
              EVP_CipherFinal_ex(c, text + plain.n, &n) == 1 &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG_LEN, text + plain.n) == 1;
    EVP_CIPHER_CTX_free(c);
    return ok;
}

enum rc
seal_seal(const struct seal_ring *ring, struct ctx *ctx, struct str aad, struct str plain,
          struct str *out)
{
    size_t n = plain.n + SEAL_OVERHEAD;

    ASSERT(plain.n < (size_t)1 << 30 && aad.n < (size_t)1 << 20);
    unsigned char *to = arena_alloc(ctx->arena, n);
    if (to == NULL) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    if (!gcm_seal(&ring->keys[0], aad, plain, to)) {
        return fail(ctx, RC_INTERNAL, "SEAL", "a secret cannot be stored");
    }
    *out = str_n((const char *)to, n);
    return RC_OK;
}

static const struct seal_key *
ring_find(const struct seal_ring *ring, struct str sealed)
{
    if (sealed.n < SEAL_OVERHEAD || sealed.p[0] != VERSION) {
        return NULL;
    }
    for (size_t i = 0; i < ring->count; i++) {
        if (memcmp(ring->keys[i].id, sealed.p + 1, ID_LEN) == 0) {
            return &ring->keys[i];
        }
    }
    return NULL;
}

static bool
gcm_open(const struct seal_key *key, struct str aad, struct str sealed, unsigned char *plain)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    const unsigned char *from = (const unsigned char *)sealed.p;
    const unsigned char *text = from + HEAD_LEN + NONCE_LEN;
    size_t text_n = sealed.n - SEAL_OVERHEAD;
    unsigned char tag[TAG_LEN];
    int n = 0;

    memcpy(tag, text + text_n, TAG_LEN);
    bool ok = c != NULL && gcm_start(c, false, key, from + HEAD_LEN, from, aad) &&
              (text_n == 0 || EVP_CipherUpdate(c, plain, &n, text, (int)text_n) == 1) &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag) == 1 &&
              EVP_CipherFinal_ex(c, plain + text_n, &n) == 1;
    EVP_CIPHER_CTX_free(c);
    return ok;
}

enum rc
seal_unseal(const struct seal_ring *ring, struct ctx *ctx, struct str aad, struct str sealed,
            struct str *out)
{
    const struct seal_key *key = ring_find(ring, sealed);
    const char *why = key == NULL ? "no key of the ring made it" : "changed, or of another place";

    if (key != NULL) {
        size_t n = sealed.n - SEAL_OVERHEAD;
        unsigned char *plain = arena_alloc(ctx->arena, n + 1);
        if (plain == NULL) {
            return fail_memory(ctx, "the request needs too much memory");
        }
        if (gcm_open(key, aad, sealed, plain)) {
            plain[n] = '\0';
            *out = str_n((const char *)plain, n);
            return RC_OK;
        }
        hash_wipe(plain, n);
    }
    enum rc rc = fail(ctx, RC_DATA_LOSS, "SEAL", "a stored secret cannot be opened");
    note(ctx, "%s", why);
    return rc;
}
