/* SPDX-License-Identifier: Apache-2.0
 *
 * State of the webhooks service and what its files share. Handlers (webhooks_*) are declared by the
 * generator in webhooks_rpc.h; SQL lives in whk_store.c only. */
#ifndef ASSAY_WEBHOOKS_WEBHOOKS_H
#define ASSAY_WEBHOOKS_WEBHOOKS_H

#include "http/http.h"
#include "sec/seal.h"
#include "svc/svc.h"
#include "webhooks/whk_retry.h"
#include "webhooks_rpc.h"

struct webhooks_cfg {
    const char *secret_key; /* sealing keys, see sec/seal.h */
    const char *retry;      /* waits between attempts, see whk_retry.h */
    bool allow_private;
    int64_t timeout_us;       /* of one attempt */
    int64_t disable_after_us; /* of failing */
    int64_t threads;
};

extern const struct cfg_row WEBHOOKS_CFG_ROWS[];
extern const size_t WEBHOOKS_CFG_COUNT;

struct webhooks {
    struct svc *svc; /* NULL in tests that call handlers directly */
    struct db *db;
    const struct webhooks_cfg *cfg;
    struct whk_retry retry;
    struct seal_ring *ring;
    struct http_client *http;
    struct met_metric *attempts; /* by result; may be NULL */
};

#define WHK_ENDPOINTS_MAX 100 /* per organization */
#define WHK_LOOP_DELIVER "webhook_deliver"
#define WHK_LOOP_FAILING "webhook_failing" /* to endpoints whose last attempt failed */
#define WHK_LOOP_SWEEP "webhook_sweep"

/* Makes the parts below `svc` and `db`. `webhooks` is the caller's.
 * Errors: INVALID_ARGUMENT: a setting, recorded in ctx. RESOURCE_EXHAUSTED. */
NODISCARD enum rc whk_open(struct webhooks *w, struct ctx *ctx, struct svc *svc, struct db *db,
                           const struct webhooks_cfg *cfg);
void whk_close(struct webhooks *w);

/* Loops: one attempt each, to an endpoint that is well / that fails; true when there was one. */
bool whk_deliver_well(void *state, struct ctx *ctx);
bool whk_deliver_failing(void *state, struct ctx *ctx);
bool whk_sweep(void *state, struct ctx *ctx);

#endif
