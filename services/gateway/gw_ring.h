/* SPDX-License-Identifier: Apache-2.0
 *
 * The gateways of an installation, and which of them counts a rate key.
 *
 * Each key belongs to one of the gateways that are up (rendezvous hashing over the ids they tell
 * when greeted): a change of their number moves only the keys of the one that came or went. A
 * gateway decides its own keys itself and asks the owner for the others, so that together they
 * admit exactly the limit; one alone asks nobody. They are found by name once a second; one that
 * does not answer is left out at once and its keys are counted by those that remain, locally until
 * then. While the gateways disagree about who is up (a second), and after a key moved (its minute),
 * a key may be counted in two places: more may be admitted then, but never without a limit.
 *
 * Threads: any number. */
#ifndef ASSAY_GATEWAY_RING_H
#define ASSAY_GATEWAY_RING_H

#include "gateway/gw_limit.h"
#include "met/met.h"
#include "rpc/rpc.h"

#define GW_RING_LOOP "gateway_ring"
#define GW_RING_LOOK_US ASSAY_US_PER_S

struct gw_ring;

/* `service`: name of the gateways, "tls+tcp://gateway:7400"; kept. `tls`: this process's files. */
NODISCARD enum rc gw_ring_new(const char *service, struct rpc_tls tls, struct met *met,
                              struct gw_ring **out);
/* No call may be under way. Takes NULL. */
void gw_ring_free(struct gw_ring *ring);
/* What this gateway answers to a greeting. */
const char *gw_ring_id(const struct gw_ring *ring);
/* Looks who is up; for svc_loop. */
bool gw_ring_look(void *ring, struct ctx *ctx);

enum gw_owner {
    GW_OWNER_SELF,  /* count it here */
    GW_OWNER_ASKED, /* *out and *out_admitted are the owner's answer */
    GW_OWNER_LOST   /* the owner did not answer: count it here */
};
/* Blocks: for the owner, GW_RING_ASK_US at most. ctx is not changed. */
#define GW_RING_ASK_US (250 * ASSAY_US_PER_MS)
enum gw_owner gw_ring_take(struct gw_ring *ring, const struct ctx *ctx, struct str key,
                           int64_t quota, struct gw_rate_state *out, bool *out_admitted);

/* Index of the owner among `n` members, by the hashes of their ids. Pure. */
size_t gw_ring_owner(const uint64_t *members, size_t n, uint64_t key);

#endif
