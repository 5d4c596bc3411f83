/* SPDX-License-Identifier: Apache-2.0
 *
 * P-256 keys for ES256: made, stored as PEM, published as JWK. The id of a key (`kid`) is the
 * thumbprint of its public half, so the same key has the same id everywhere.
 *
 * Threads: a key is constant once made; any number may sign and verify with it.
 * Source: RFC 7517, RFC 7518 3.4, RFC 7638. */
#ifndef ASSAY_SEC_ECKEY_H
#define ASSAY_SEC_ECKEY_H

#include "base/buf.h"
#include "json/json.h"

#define ECKEY_KID_LEN 43
#define ECKEY_SIG_LEN 64

struct eckey;

NODISCARD enum rc eckey_generate(struct eckey **out);
/* Reads a private key (PKCS#8 or SEC1) in PEM.
 * Errors: INVALID_ARGUMENT: not PEM, or not of the curve P-256. */
NODISCARD enum rc eckey_from_pem(struct str pem, struct eckey **out);
/* Reads the public half from a JWK. `kid` must be there and is taken as it is.
 * Errors: INVALID_ARGUMENT: another kind, curve, use or algorithm, or a point off the curve. */
NODISCARD enum rc eckey_from_jwk(const struct json_value *jwk, struct eckey **out);
/* Wipes and frees. Takes NULL. */
void eckey_free(struct eckey *key);

const char *eckey_kid(const struct eckey *key);
bool eckey_is_private(const struct eckey *key);
/* Appends the private key as PKCS#8 PEM. The buffer holds a secret: wipe it. */
NODISCARD enum rc eckey_put_pem(const struct eckey *key, struct buf *b);
/* Appends the public half as a JSON object with kid, use and alg. */
void eckey_put_jwk(const struct eckey *key, struct buf *b);

/* Checks a raw signature (r and s, 32 bytes each) over `data`. */
bool eckey_verify(const struct eckey *key, struct str data, const unsigned char sig[ECKEY_SIG_LEN]);

#endif
