/* SPDX-License-Identifier: Apache-2.0
 *
 * Sending: claims attempts, has them made beside each other, stores what became of them. One
 * transaction stores what ended since the last one and claims what may begin now, so under load
 * many deliveries share it. The attempt is counted and the next one planned before anything is
 * sent: a process that dies loses nothing, its deliveries come back by themselves under their own
 * numbers.
 *
 * Who may have how much under way: WHK_IN_FLIGHT requests in all, a quarter of them to endpoints
 * that fail. An endpoint begins with one; each success doubles what it may have, up to its bound,
 * and a failure brings it back to one. So receivers that hang or are dead hold a few places each
 * and nobody up. */
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
