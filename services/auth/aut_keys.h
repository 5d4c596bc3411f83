/* SPDX-License-Identifier: Apache-2.0
 *
 * The keys that sign JWTs: kept sealed in the database, shared by all replicas. A key passes four
 * stages, told by two instants of its row: published -> signing (sign_from) -> superseded -> gone
 * (retire_at). A new key is published longer than gateways keep the key set before it signs, and an
 * old one stays published until all it signed has expired, so a rotation refuses nobody.
 *
 * Threads: any. */
#ifndef ASSAY_AUTH_KEYS_H
#define ASSAY_AUTH_KEYS_H

#include "auth/auth.h"
#include "sec/jws.h"

/* Loads the keys, making the first one when there is none: replicas that start together make one.
 */
NODISCARD enum rc aut_keys_open(struct auth *auth, struct ctx *ctx, struct aut_keys **out);
/* Takes NULL. */
void aut_keys_close(struct aut_keys *keys);
/* Reads them again. A failure leaves what was. */
NODISCARD enum rc aut_keys_refresh(struct auth *auth, struct ctx *ctx, struct aut_keys *keys);
/* Appends the token. Errors: UNAVAILABLE, INTERNAL (recorded). */
NODISCARD enum rc aut_keys_sign(struct aut_keys *keys, struct ctx *ctx,
                                const struct jws_claims *claims, struct buf *out);
/* Appends the JSON array of the public halves. */
void aut_keys_put(struct aut_keys *keys, struct buf *out);

/* Publishes a new key that signs in `publish_us`, and lets the others go once the last token they
 * signed (life `ttl_us`) has expired. Writes its id. Errors: FAILED_PRECONDITION: as many as a set
 * may have are published already. */
NODISCARD enum rc aut_keys_rotate(struct db *db, struct ctx *ctx, const struct seal_ring *ring,
                                  int64_t publish_us, int64_t ttl_us,
                                  char out_kid[ECKEY_KID_LEN + 1]);

#endif
