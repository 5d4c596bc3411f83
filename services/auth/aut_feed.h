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
 * Long polls run on threads that come and go; all they need of the database is done for them by the
 * one loop that calls aut_feed_refresh.
 *
 * Threads: any. */
#ifndef ASSAY_AUTH_FEED_H
#define ASSAY_AUTH_FEED_H

#include "auth/aut_store.h"

NODISCARD enum rc aut_feed_open(struct auth *auth, struct ctx *ctx, struct aut_feed **out);
/* Takes NULL. Nobody may be waiting. */
void aut_feed_close(struct aut_feed *feed);
/* Renews the leases that were asked for, reads what was revoked and wakes everybody who waits.
 * Called on each NOTIFY and each aut_feed_renew, never twice at once. */
NODISCARD enum rc aut_feed_refresh(struct auth *auth, struct ctx *ctx, struct aut_feed *feed);

/* Renews a gateway's lease, which also acknowledges `acked`; on return what is known here is at
 * least as new as the lease. Blocks: on the loop. */
NODISCARD enum rc aut_feed_renew(struct auth *auth, struct ctx *ctx, struct str gateway,
                                 int64_t acked, int64_t lease_us);
/* Waits until a revocation after `epoch` is known here, at most until `until_us` (monotonic). */
void aut_feed_wait(struct aut_feed *feed, int64_t epoch, int64_t until_us);
/* What was revoked after `epoch`, in ctx's arena, and the number of the last one. *out_all: more
 * than is kept; the list is empty then. */
NODISCARD enum rc aut_feed_since(struct aut_feed *feed, struct ctx *ctx, int64_t epoch,
                                 int64_t *out_epoch, struct aut_revocation **out, size_t *out_count,
                                 bool *out_all);

/* Within a transaction: revokes. *epoch is raised to the number to settle. */
NODISCARD enum rc aut_revoke(struct auth *auth, struct ctx *ctx, const struct aut_revocation *what,
                             int64_t *epoch);
/* After the commit: waits for the gateways. `epoch` 0 returns at once.
 * Errors: DEADLINE_EXCEEDED: revoked, but a gateway may not know it yet. */
NODISCARD enum rc aut_settle(struct auth *auth, struct ctx *ctx, int64_t epoch);

#endif
