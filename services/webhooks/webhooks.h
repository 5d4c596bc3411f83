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
    int64_t in_flight;        /* requests at once */
    int64_t per_endpoint;     /* ... to one endpoint */
    int64_t overlap_us;       /* a secret signs for so long after it was replaced */
    const char *github_url;   /* base of its API */
};

extern const struct cfg_row WEBHOOKS_CFG_ROWS[];
extern const size_t WEBHOOKS_CFG_COUNT;

struct webhooks {
    struct svc *svc; /* NULL in tests that call handlers directly */
    struct db *db;
    const struct webhooks_cfg *cfg;
    struct whk_retry retry;
    struct seal_ring *ring;
    struct http_client *http;   /* to addresses that users give */
    struct http_client *github; /* to the one the operator gives */
    struct whk_engine *engine;
    struct met_metric *attempts; /* by result; may be NULL, as the next two */
    struct met_metric *overdue, *failing;
};

#define WHK_ENDPOINTS_MAX 100 /* per organization */
#define WHK_LOOP_DELIVER "webhook_deliver"
#define WHK_LOOP_FAILING "webhook_failing"
#define WHK_LOOP_GITHUB "webhook_github"
#define WHK_LOOP_SWEEP "webhook_sweep"

/* Makes the parts below `svc` and `db`. `webhooks` is the caller's.
 * Errors: INVALID_ARGUMENT: a setting, recorded in ctx. RESOURCE_EXHAUSTED. */
NODISCARD enum rc whk_open(struct webhooks *w, struct ctx *ctx, struct svc *svc, struct db *db,
                           const struct webhooks_cfg *cfg);
void whk_close(struct webhooks *w);

/* How long an attempt belongs to the process that claimed it: the request, and the statements
 * around it. */
int64_t whk_lease_us(const struct webhooks *w);

/* Loops, true: again at once. Stores what was sent and begins what is due (whk_engine.h): for
 * endpoints that are well, and for those that fail. */
bool whk_deliver(void *state, struct ctx *ctx);
bool whk_deliver_failing(void *state, struct ctx *ctx);
/* One event for GitHub; true when there was one (whk_github.c). */
bool whk_github(void *state, struct ctx *ctx);
bool whk_sweep(void *state, struct ctx *ctx);

/* Commands of the program (webhooks_command.c); of `w` db and cfg are set. Returns the exit status.
 */
int webhooks_command(struct webhooks *w, struct ctx *ctx, int argc, char **argv);
extern const char WEBHOOKS_USAGE[];

#endif
