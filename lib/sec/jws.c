/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/jws.h"

#include <stdlib.h>
#include <string.h>

#include <jwt.h>

#include "sec/hash.h"

/* The one type libjwt writes. Our issuer signs nothing else, so it tells access tokens well enough.
 */
#define TYPE "JWT"
#define PEM_BUF_MAX 4096
#define SECONDS_MAX INT64_C(253402300799) /* 9999-12-31 */

static const char *const ROLE_NAMES[] = {"none", "viewer", "developer", "admin"};

const char *
jws_role_name(enum role role)
{
    ASSERT(role >= ROLE_NONE && role <= ROLE_ADMIN);
    return ROLE_NAMES[role];
}

enum role
jws_role_parse(struct str text)
{
    for (int i = ROLE_VIEWER; i <= ROLE_ADMIN; i++) {
        if (str_eqz(text, ROLE_NAMES[i])) {
            return (enum role)i;
        }
    }
    return ROLE_NONE;
}

/* --- signing ------------------------------------------------------------------------------- */

/* Adds a text claim. libjwt wants C strings; claims are short. */
static bool
add_text(jwt_t *jwt, const char *name, struct str value)
{
    char z[512];

    if (value.n >= sizeof(z)) {
        return false;
    }
    memcpy(z, value.n == 0 ? "" : value.p, value.n);
    z[value.n] = '\0';
    return jwt_add_grant(jwt, name, z) == 0;
}

static bool
add_seconds(jwt_t *jwt, const char *name, int64_t us)
{
    return us == 0 || jwt_add_grant_int(jwt, name, (long)(us / ASSAY_US_PER_S)) == 0;
}

static bool
add_claims(jwt_t *jwt, const struct jws_claims *c)
{
    char sub[24];
    struct buf b;

    buf_init(&b, sizeof(sub) - 1);
    buf_put_i64(&b, c->user_id);
    memcpy(sub, b.p, b.n + 1);
    buf_fini(&b);
    return add_text(jwt, "iss", c->iss) && add_text(jwt, "aud", c->aud) &&
           add_text(jwt, "sub", str_z(sub)) && add_text(jwt, "jti", c->jti) &&
           add_text(jwt, "email", c->email) &&
           jwt_add_grant_int(jwt, "org", (long)c->org_id) == 0 &&
           add_text(jwt, "role", str_z(jws_role_name(c->role))) &&
           add_seconds(jwt, "iat", c->issued_us) && add_seconds(jwt, "nbf", c->not_before_us) &&
           add_seconds(jwt, "exp", c->expires_us);
}

/* libjwt takes the key as PEM text. */
static bool
set_key(jwt_t *jwt, const struct eckey *key)
{
    struct buf pem;

    buf_init(&pem, PEM_BUF_MAX);
    bool ok = eckey_put_pem(key, &pem) == RC_OK &&
              jwt_set_alg(jwt, JWT_ALG_ES256, (const unsigned char *)pem.p, (int)pem.n) == 0;
    if (pem.p != NULL) {
        hash_wipe(pem.p, pem.cap);
    }
    buf_fini(&pem);
    return ok;
}

enum rc
jws_sign(const struct eckey *key, const struct jws_claims *claims, struct buf *out)
{
    jwt_t *jwt = NULL;
    char *text = NULL;

    if (jwt_new(&jwt) != 0) {
        return RC_RESOURCE_EXHAUSTED;
    }
    if (add_claims(jwt, claims) && jwt_add_header(jwt, "kid", eckey_kid(key)) == 0 &&
        set_key(jwt, key)) {
        text = jwt_encode_str(jwt);
    }
    jwt_free(jwt);
    if (text == NULL) {
        return RC_INTERNAL;
    }
    buf_putz(out, text);
    free(text);
    return buf_failed(out) ? RC_RESOURCE_EXHAUSTED : RC_OK;
}

/* --- key sets ------------------------------------------------------------------------------ */

struct jws_keys {
    struct eckey *keys[JWS_KEYS_MAX];
    size_t count;
};

static enum rc
keys_fill(struct jws_keys *set, const struct json_value *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (set->count == JWS_KEYS_MAX) {
            return RC_RESOURCE_EXHAUSTED;
        }
        enum rc rc = eckey_from_jwk(json_at(list, i), &set->keys[set->count]);
        if (rc == RC_OK) {
            set->count++;
        } else if (rc != RC_INVALID_ARGUMENT) {
            return rc;
        }
    }
    return RC_OK;
}

static enum rc
keys_parse(struct jws_keys *set, struct arena *arena, struct str json)
{
    const struct json_value *doc = NULL;
    enum rc rc = json_parse(json, arena, &doc, NULL);

    if (rc != RC_OK) {
        return rc;
    }
    const struct json_value *list = json_get(doc, "keys");
    return json_is(list, JSON_ARRAY) ? keys_fill(set, list) : RC_INVALID_ARGUMENT;
}

enum rc
jws_keys_parse(struct str json, struct jws_keys **out)
{
    struct jws_keys *set = calloc(1, sizeof(*set));
    struct arena *arena = arena_new(64 * 1024);
    enum rc rc = RC_RESOURCE_EXHAUSTED;

    if (set != NULL && arena != NULL) {
        rc = keys_parse(set, arena, json);
    }
    arena_free(arena);
    if (rc != RC_OK) {
        jws_keys_free(set);
        return rc;
    }
    *out = set;
    return RC_OK;
}

void
jws_keys_free(struct jws_keys *keys)
{
    if (keys == NULL) {
        return;
    }
    for (size_t i = 0; i < keys->count; i++) {
        eckey_free(keys->keys[i]);
    }
    free(keys);
}

size_t
jws_keys_count(const struct jws_keys *keys)
{
    return keys->count;
}

const struct eckey *
jws_keys_find(const struct jws_keys *keys, struct str kid)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (str_eqz(kid, eckey_kid(keys->keys[i]))) {
            return keys->keys[i];
        }
    }
    return NULL;
}

void
jws_keys_put(const struct eckey *const *keys, size_t count, struct buf *b)
{
    buf_putz(b, "{\"keys\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            buf_putc(b, ',');
        }
        eckey_put_jwk(keys[i], b);
    }
    buf_putz(b, "]}");
}

/* --- checking ------------------------------------------------------------------------------ */

struct parts {
    struct str signed_text; /* header.payload as they came */
    const struct json_value *header;
    const struct json_value *payload;
    unsigned char sig[ECKEY_SIG_LEN];
};

static bool
decode_object(struct arena *arena, struct str text, const struct json_value **out)
{
    struct str raw = STR_EMPTY;

    return text.n > 0 && hash_b64url_decode(arena, text, &raw) == RC_OK &&
           json_parse(raw, arena, out, NULL) == RC_OK && json_is(*out, JSON_OBJECT);
}

static bool
split_token(struct arena *arena, struct str token, struct parts *parts)
{
    struct str rest = token;
    struct str sig = STR_EMPTY;

    if (token.n > JWS_TOKEN_MAX) {
        return false;
    }
    struct str header = str_split(&rest, '.');
    struct str payload = rest.p == NULL ? STR_EMPTY : str_split(&rest, '.');
    if (rest.p == NULL || hash_b64url_decode(arena, rest, &sig) != RC_OK ||
        sig.n != ECKEY_SIG_LEN) {
        return false;
    }
    memcpy(parts->sig, sig.p, ECKEY_SIG_LEN);
    parts->signed_text = str_n(token.p, header.n + 1 + payload.n);
    return decode_object(arena, header, &parts->header) &&
           decode_object(arena, payload, &parts->payload);
}

/* The algorithm is ours or nothing; jku, jwk, x5u, x5c are never looked at; `crit` would ask for
 * something we do not know. */
static bool
header_is_ours(const struct json_value *header)
{
    return str_eqz(json_str(json_get(header, "alg")), "ES256") &&
           str_ieq(json_str(json_get(header, "typ")), STR(TYPE)) &&
           json_get(header, "crit") == NULL;
}

static bool
read_whole(const struct json_value *payload, const char *name, int64_t max, int64_t *out)
{
    const struct json_value *v = json_get(payload, name);

    return json_is(v, JSON_NUMBER) && str_to_i64(v->text, 0, max, out) == RC_OK;
}

static bool
read_claims(const struct json_value *payload, struct jws_claims *c)
{
    int64_t iat = 0;
    int64_t nbf = 0;
    int64_t exp = 0;

    if (!read_whole(payload, "org", INT64_MAX, &c->org_id) ||
        !read_whole(payload, "iat", SECONDS_MAX, &iat) ||
        !read_whole(payload, "exp", SECONDS_MAX, &exp) ||
        (json_get(payload, "nbf") != NULL && !read_whole(payload, "nbf", SECONDS_MAX, &nbf)) ||
        str_to_i64(json_str(json_get(payload, "sub")), 1, INT64_MAX, &c->user_id) != RC_OK) {
        return false;
    }
    c->iss = json_str(json_get(payload, "iss"));
    c->aud = json_str(json_get(payload, "aud"));
    c->jti = json_str(json_get(payload, "jti"));
    c->email = json_str(json_get(payload, "email"));
    c->role = jws_role_parse(json_str(json_get(payload, "role")));
    c->issued_us = iat * ASSAY_US_PER_S;
    c->not_before_us = nbf * ASSAY_US_PER_S;
    c->expires_us = exp * ASSAY_US_PER_S;
    return c->org_id > 0 && c->role != ROLE_NONE && c->jti.n > 0;
}

static enum jws_verdict
check_claims(const struct jws_claims *c, const struct jws_policy *policy)
{
    if (!str_eq(c->iss, policy->iss) || !str_eq(c->aud, policy->aud)) {
        return JWS_REFUSED;
    }
    if (policy->now_us >= c->expires_us + JWS_LEEWAY_US ||
        policy->now_us + JWS_LEEWAY_US < c->not_before_us ||
        policy->now_us + JWS_LEEWAY_US < c->issued_us) {
        return JWS_EXPIRED;
    }
    return JWS_VALID;
}

enum jws_verdict
jws_verify(struct arena *arena, const struct jws_keys *keys, const struct jws_policy *policy,
           struct str token, struct jws_claims *out)
{
    struct parts parts = {0};
    struct jws_claims claims = {0};

    if (!split_token(arena, token, &parts)) {
        return JWS_MALFORMED;
    }
    if (!header_is_ours(parts.header)) {
        return JWS_REFUSED;
    }
    const struct eckey *key = jws_keys_find(keys, json_str(json_get(parts.header, "kid")));
    if (key == NULL) {
        return JWS_UNKNOWN_KEY;
    }
    if (!eckey_verify(key, parts.signed_text, parts.sig)) {
        return JWS_BAD_SIGNATURE;
    }
    if (!read_claims(parts.payload, &claims)) {
        return JWS_REFUSED;
    }
    enum jws_verdict verdict = check_claims(&claims, policy);
    if (verdict == JWS_VALID) {
        *out = claims;
    }
    return verdict;
}
