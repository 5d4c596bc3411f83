/* SPDX-License-Identifier: Apache-2.0
 *
 * Verified tokens: a bounded table from the SHA-256 of a token to who it stands for.
 *
 * Threads: any number. Nothing blocks for long. */
#ifndef ASSAY_GATEWAY_CACHE_H
#define ASSAY_GATEWAY_CACHE_H

#include "base/ctx.h"
#include "sec/hash.h"

struct gw_cache;

NODISCARD enum rc gw_cache_new(size_t entries_max, struct gw_cache **out);
void gw_cache_free(struct gw_cache *cache);

/* True when the token is known and not expired: *who is filled, its strings copied into `arena`. */
bool gw_cache_get(struct gw_cache *cache, const unsigned char key[HASH_SHA256_LEN], int64_t now_us,
                  struct arena *arena, struct principal *who);
/* Keeps an answer that auth gave at `epoch`; dropped when a later epoch has been applied since, for
 * then it may name something revoked. */
void gw_cache_put(struct gw_cache *cache, const unsigned char key[HASH_SHA256_LEN],
                  const struct principal *who, int64_t expires_us, int64_t epoch);
/* Forgets what matches all the numbers that are not 0; everything when all are. Afterwards `epoch`
 * counts as applied. */
void gw_cache_revoke(struct gw_cache *cache, int64_t user_id, int64_t org_id, int64_t token_id,
                     int64_t epoch);
/* Everything up to `epoch` has been applied. */
void gw_cache_advance(struct gw_cache *cache, int64_t epoch);
size_t gw_cache_count(struct gw_cache *cache);

#endif
