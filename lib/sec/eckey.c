/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/eckey.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include "sec/hash.h"

#define COORD_LEN 32
#define COORD_TEXT_LEN 43
#define KID_MAX 128
#define PEM_MAX 4096

struct eckey {
    EVP_PKEY *pkey;
    bool is_private;
    char x[COORD_TEXT_LEN + 1]; /* base64url, as in the JWK */
    char y[COORD_TEXT_LEN + 1];
    char kid[KID_MAX + 1];
};

static void
b64url_into(const unsigned char *p, size_t n, char *out, size_t out_n)
{
    struct buf b;

    buf_init(&b, out_n);
    hash_put_b64url(&b, str_n((const char *)p, n));
    ASSERT(b.n == out_n);
    memcpy(out, b.p, out_n);
    out[out_n] = '\0';
    buf_fini(&b);
}

static bool
coord_text(const EVP_PKEY *pkey, const char *name, char out[COORD_TEXT_LEN + 1])
{
    BIGNUM *bn = NULL;
    unsigned char raw[COORD_LEN];
    bool ok = EVP_PKEY_get_bn_param(pkey, name, &bn) == 1 &&
              BN_bn2binpad(bn, raw, COORD_LEN) == COORD_LEN;

    BN_free(bn);
    if (ok) {
        b64url_into(raw, COORD_LEN, out, COORD_TEXT_LEN);
    }
    return ok;
}

static bool
is_p256(const EVP_PKEY *pkey)
{
    char name[32];
    size_t n = 0;

    return EVP_PKEY_get_base_id(pkey) == EVP_PKEY_EC &&
           EVP_PKEY_get_group_name(pkey, name, sizeof(name), &n) == 1 &&
           strcmp(name, SN_X9_62_prime256v1) == 0;
}

/* RFC 7638: members in this order, no white space. */
static void
set_thumbprint(struct eckey *key)
{
    struct buf b;
    unsigned char sum[HASH_SHA256_LEN];

    buf_init(&b, 256);
    buf_printf(&b, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", key->x, key->y);
    ASSERT(!buf_failed(&b));
    hash_sha256(buf_str(&b), sum);
    buf_fini(&b);
    b64url_into(sum, sizeof(sum), key->kid, ECKEY_KID_LEN);
}

/* Takes over `pkey`, also when it fails. */
static enum rc
key_wrap(EVP_PKEY *pkey, bool is_private, struct eckey **out)
{
    struct eckey *key = pkey == NULL ? NULL : calloc(1, sizeof(*key));

    if (key == NULL) {
        EVP_PKEY_free(pkey);
        return pkey == NULL ? RC_INVALID_ARGUMENT : RC_RESOURCE_EXHAUSTED;
    }
    key->pkey = pkey;
    key->is_private = is_private;
    if (!is_p256(pkey) || !coord_text(pkey, OSSL_PKEY_PARAM_EC_PUB_X, key->x) ||
        !coord_text(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, key->y)) {
        eckey_free(key);
        return RC_INVALID_ARGUMENT;
    }
    set_thumbprint(key);
    *out = key;
    return RC_OK;
}

enum rc
eckey_generate(struct eckey **out)
{
    EVP_PKEY *pkey = EVP_EC_gen("P-256");

    return pkey == NULL ? RC_RESOURCE_EXHAUSTED : key_wrap(pkey, true, out);
}

enum rc
eckey_from_pem(struct str pem, struct eckey **out)
{
    if (pem.n == 0 || pem.n > PEM_MAX) {
        return RC_INVALID_ARGUMENT;
    }
    BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
    if (bio == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    /* The empty pass phrase: OpenSSL would ask on the terminal for one otherwise. */
    char none[1] = "";
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, none);
    BIO_free(bio);
    return key_wrap(pkey, true, out);
}

/* Makes the public key of the uncompressed point; NULL when it is off the curve. */
static EVP_PKEY *
pkey_from_point(unsigned char point[1 + 2 * COORD_LEN])
{
    char group[] = "P-256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * COORD_LEN),
        OSSL_PARAM_construct_end()};
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *pkey = NULL;

    if (c == NULL || EVP_PKEY_fromdata_init(c) != 1 ||
        EVP_PKEY_fromdata(c, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        pkey = NULL;
    }
    EVP_PKEY_CTX_free(c);
    return pkey;
}

static bool
member_is(const struct json_value *jwk, const char *name, const char *wanted, bool may_lack)
{
    const struct json_value *v = json_get(jwk, name);

    return v == NULL ? may_lack : str_eqz(json_str(v), wanted);
}

static bool
coord_decode(struct arena *arena, const struct json_value *v, unsigned char *out)
{
    struct str raw = STR_EMPTY;

    if (hash_b64url_decode(arena, json_str(v), &raw) != RC_OK || raw.n != COORD_LEN) {
        return false;
    }
    memcpy(out, raw.p, COORD_LEN);
    return true;
}

enum rc
eckey_from_jwk(const struct json_value *jwk, struct eckey **out)
{
    unsigned char point[1 + 2 * COORD_LEN] = {4};
    struct str kid = json_str(json_get(jwk, "kid"));
    struct arena *arena = arena_new(4096);
    bool ok = arena != NULL && member_is(jwk, "kty", "EC", false) &&
              member_is(jwk, "crv", "P-256", false) && member_is(jwk, "alg", "ES256", true) &&
              member_is(jwk, "use", "sig", true) && kid.n > 0 && kid.n <= KID_MAX &&
              coord_decode(arena, json_get(jwk, "x"), point + 1) &&
              coord_decode(arena, json_get(jwk, "y"), point + 1 + COORD_LEN);
    struct eckey *key = NULL;

    arena_free(arena);
    if (!ok) {
        return RC_INVALID_ARGUMENT;
    }
    enum rc rc = key_wrap(pkey_from_point(point), false, &key);
    if (rc != RC_OK) {
        return rc;
    }
    memcpy(key->kid, kid.p, kid.n);
    key->kid[kid.n] = '\0';
    *out = key;
    return RC_OK;
}

void
eckey_free(struct eckey *key)
{
    if (key != NULL) {
        EVP_PKEY_free(key->pkey);
        free(key);
    }
}

const char *
eckey_kid(const struct eckey *key)
{
    return key->kid;
}

bool
eckey_is_private(const struct eckey *key)
{
    return key->is_private;
}

enum rc
eckey_put_pem(const struct eckey *key, struct buf *b)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    char *p = NULL;
    bool ok = key->is_private && bio != NULL &&
              PEM_write_bio_PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL) == 1;

    if (ok) {
        long n = BIO_get_mem_data(bio, &p);
        buf_put(b, str_n(p, (size_t)n));
    }
    BIO_free(bio);
    return ok && !buf_failed(b) ? RC_OK : RC_INTERNAL;
}

void
eckey_put_jwk(const struct eckey *key, struct buf *b)
{
    buf_putz(b, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"use\":\"sig\",\"alg\":\"ES256\",");
    buf_printf(b, "\"kid\":");
    json_put_str(b, str_z(key->kid));
    buf_printf(b, ",\"x\":\"%s\",\"y\":\"%s\"}", key->x, key->y);
}

/* OpenSSL wants the signature as a DER sequence. */
static int
sig_to_der(const unsigned char sig[ECKEY_SIG_LEN], unsigned char **out)
{
    ECDSA_SIG *es = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(sig, COORD_LEN, NULL);
    BIGNUM *s = BN_bin2bn(sig + COORD_LEN, COORD_LEN, NULL);
    int n = -1;

    if (es != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(es, r, s) == 1) {
        r = s = NULL;
        n = i2d_ECDSA_SIG(es, out);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(es);
    return n;
}

bool
eckey_verify(const struct eckey *key, struct str data, const unsigned char sig[ECKEY_SIG_LEN])
{
    unsigned char *der = NULL;
    int der_n = sig_to_der(sig, &der);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = der_n > 0 && md != NULL &&
              EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, key->pkey) == 1 &&
              EVP_DigestVerify(md, der, (size_t)der_n, (const unsigned char *)data.p, data.n) == 1;

    EVP_MD_CTX_free(md);
    OPENSSL_free(der);
    return ok;
}
