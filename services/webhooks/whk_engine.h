/* SPDX-License-Identifier: Apache-2.0
 *
 * Sending: claims attempts, has them made beside each other, stores what became of them. One
 * transaction stores what ended since the last one and claims what may begin now, so under load
 * many deliveries share it. The attempt is counted and the next one planned before anything is
 * sent: a process that dies loses nothing, its deliveries come back by themselves under their own
 * numbers.
 *
 * Two of it, each a loop: one for endpoints that are well, with three quarters of the requests that
 * may be under way, one for those that fail, with the rest. What fails is stored by the second, so
 * nobody who is well waits for the transactions of those that are not. Within each, lanes bound
 * what an endpoint may have (whk_lanes.h). So receivers that hang or are dead hold a few places
 * each and nobody up. */
#ifndef ASSAY_WEBHOOKS_WHK_ENGINE_H
#define ASSAY_WEBHOOKS_WHK_ENGINE_H

#include "webhooks/webhooks.h"

struct whk_engine;

/* Errors: RESOURCE_EXHAUSTED. Ownership: `w` is borrowed. */
NODISCARD enum rc whk_engine_new(struct webhooks *w, struct whk_engine **out);
/* Ends what is under way; its deliveries come back when their lease ends. Takes NULL. */
void whk_engine_free(struct whk_engine *engine);
/* Waits for what is under way and stores it; claims nothing. `within_us` at most. False: something
 * was left. */
bool whk_engine_drain(struct whk_engine *engine, struct ctx *ctx, int64_t within_us);

#endif
