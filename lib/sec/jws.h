/* SPDX-License-Identifier: Apache-2.0
 *
 * Access tokens: signed compact JWS with ES256. Signing goes through libjwt; checking never does,
 * because it would accept an HS256 token keyed with our public key and looks at no expiry. Here the
 * algorithm, type, key id, issuer, audience and times are checked by hand against a key that is
 * kept, and the compact form is read strictly.
 *
 * Threads: a key set is constant; any number may verify with it. Nothing blocks.
 * Source: RFC 7515, RFC 7519, RFC 8725 3. */
#ifndef ASSAY_SEC_JWS_H
#define ASSAY_SEC_JWS_H

#include "base/ctx.h"
#include "sec/eckey.h"

#define JWS_TOKEN_MAX 4096
#define JWS_KEYS_MAX 16
#define JWS_LEEWAY_US (30 * ASSAY_US_PER_S)

/* Claims of our access tokens. */
struct jws_claims {
    struct str iss;
    struct str aud;
    struct str jti; /* uuid of the login */
    struct str email;
    int64_t user_id;       /* sub */
    int64_t org_id;        /* org */
    enum role role;        /* role: "viewer", "developer", "admin" */
    int64_t issued_us;     /* iat */
    int64_t not_before_us; /* nbf; 0: none */
    int64_t expires_us;    /* exp */
};

/* The settings of who signs and who checks tokens; both members are const char * (cfg/cfg.h). */
/* clang-format off */
#define JWS_CFG_ROWS(of, issuer_member, audience_member)                                           \
    {.name = "ASSAY_JWT_ISSUER", .type = CFG_STR, .def = "assay", .min = 1, .max = 200,            \
     .text = "issuer of access tokens", .offset = offsetof(of, issuer_member)},                    \
    {.name = "ASSAY_JWT_AUDIENCE", .type = CFG_STR, .def = "assay", .min = 1, .max = 200,          \
     .text = "audience of access tokens", .offset = offsetof(of, audience_member)}
/* clang-format on */

/* Appends the signed token. Errors: INTERNAL, RESOURCE_EXHAUSTED (the buffer). */
NODISCARD enum rc jws_sign(const struct eckey *key, const struct jws_claims *claims,
                           struct buf *out);

/* --- key sets ------------------------------------------------------------------------------ */

struct jws_keys;

/* Reads a JWKS document; keys of other kinds are skipped, as RFC 7517 5 asks.
 * Errors: INVALID_ARGUMENT: not a JWKS. RESOURCE_EXHAUSTED: more than JWS_KEYS_MAX keys. */
NODISCARD enum rc jws_keys_parse(struct str json, struct jws_keys **out);
/* Takes NULL. */
void jws_keys_free(struct jws_keys *keys);
size_t jws_keys_count(const struct jws_keys *keys);
/* NULL when no key has this id. */
const struct eckey *jws_keys_find(const struct jws_keys *keys, struct str kid);
/* Appends {"keys":[...]} of the public halves. */
void jws_keys_put(const struct eckey *const *keys, size_t count, struct buf *b);

/* --- checking ------------------------------------------------------------------------------ */

struct jws_policy {
    struct str iss;
    struct str aud;
    int64_t now_us; /* wall clock */
};

enum jws_verdict {
    JWS_VALID = 0,
    JWS_MALFORMED,   /* not our compact form */
    JWS_UNKNOWN_KEY, /* of the right form, but no key has its id: fetch the keys and try once more
                      */
    JWS_BAD_SIGNATURE,
    JWS_REFUSED, /* issuer, audience, type or a claim is not ours */
    JWS_EXPIRED  /* or not valid yet */
};

/* Checks everything about `token`. *out is written only for JWS_VALID; its strings live in `arena`
 * or point into `token`. */
NODISCARD enum jws_verdict jws_verify(struct arena *arena, const struct jws_keys *keys,
                                      const struct jws_policy *policy, struct str token,
                                      struct jws_claims *out);

/* "viewer" and so on; ROLE_NONE for anything else. */
enum role jws_role_parse(struct str text);
const char *jws_role_name(enum role role);

#endif
