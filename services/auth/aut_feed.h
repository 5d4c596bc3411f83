/* SPDX-License-Identifier: Apache-2.0
 *
 * Revocations on their way to the gateways. A revoking call writes a numbered row in its
 * transaction; gateways hear of it by their long poll and acknowledge with the next one; the call
 * is answered when every gateway with a live lease has acknowledged, or its lease is over. So a
 * revocation acts on the next request at every gateway, though they cache what they verified.
 *
 * Why no gateway slips through: its lease is committed before the number it starts from is read. A
 * revocation committed before that reading is seen by it; one committed later sees the lease.
 *
 * Threads: any. */
#ifndef ASSAY_AUTH_FEED_H
#define ASSAY_AUTH_FEED_H

#include "auth/aut_store.h"

NODISCARD enum rc aut_feed_open(struct auth *auth, struct ctx *ctx, struct aut_feed **out);
/* Takes NULL. Nobody may be waiting. */
void aut_feed_close(struct aut_feed *feed);
/* Reads the number of the last revocation and wakes everybody who waits: on each NOTIFY. */
NODISCARD enum rc aut_feed_refresh(struct auth *auth, struct ctx *ctx, struct aut_feed *feed);
/* Waits until a revocation after `epoch` is known here, at most until `until_us` (monotonic). */
void aut_feed_wait(struct aut_feed *feed, int64_t epoch, int64_t until_us);

/* Within a transaction: revokes. *epoch is raised to the number to settle. */
NODISCARD enum rc aut_revoke(struct auth *auth, struct ctx *ctx, const struct aut_revocation *what,
                             int64_t *epoch);
/* After the commit: waits for the gateways. `epoch` 0 returns at once.
 * Errors: DEADLINE_EXCEEDED: revoked, but a gateway may not know it yet. */
NODISCARD enum rc aut_settle(struct auth *auth, struct ctx *ctx, int64_t epoch);

#endif
