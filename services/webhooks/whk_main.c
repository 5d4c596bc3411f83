/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of the service put together. */
#include "webhooks/webhooks.h"
#include "webhooks/whk_engine.h"
#include "webhooks/whk_store.h"
#include "webhooks/whk_store_operate.h"

#define AT(m) .offset = offsetof(struct webhooks_cfg, m)

const struct cfg_row WEBHOOKS_CFG_ROWS[] = {
    SEAL_CFG_ROW(struct webhooks_cfg, secret_key),
    {.name = "ASSAY_ALLOW_PRIVATE_TARGETS",
     .type = CFG_BOOL,
     .def = "off",
     .text = "let webhooks reach private and loopback addresses; link-local ones are never reached",
     AT(allow_private)},
    {.name = "ASSAY_WEBHOOK_RETRY",
     .type = CFG_STR,
     .def = WHK_RETRY_DEFAULT,
     .min = 1,
     .max = 400,
     .text = "waits before the second and further attempts of a delivery, to which up to a tenth "
             "is added",
     AT(retry)},
    {.name = "ASSAY_WEBHOOK_TIMEOUT",
     .type = CFG_DURATION,
     .def = "10s",
     .min = 100000,
     .max = 60000000,
     .text = "how long one attempt may take",
     AT(timeout_us)},
    {.name = "ASSAY_WEBHOOK_DISABLE_AFTER",
     .type = CFG_DURATION,
     .def = "72h",
     .min = 1000000,
     .max = INT64_C(2592000000000),
     .text = "an endpoint that fails for so long is disabled",
     AT(disable_after_us)},
    {.name = "ASSAY_WEBHOOK_IN_FLIGHT",
     .type = CFG_INT,
     .def = "256",
     .min = 4,
     .max = 1000,
     .text = "attempts at once, a quarter of them at most to endpoints that fail",
     AT(in_flight)},
    {.name = "ASSAY_WEBHOOK_PER_ENDPOINT",
     .type = CFG_INT,
     .def = "8",
     .min = 1,
     .max = 64,
     .text = "attempts at once to one endpoint that is well",
     AT(per_endpoint)},
    {.name = "ASSAY_WEBHOOK_SECRET_OVERLAP",
     .type = CFG_DURATION,
     .def = "24h",
     .min = 0,
     .max = INT64_C(604800000000),
     .text = "webhook-signature carries the signature of a replaced secret too for so long; 0: "
             "never",
     AT(overlap_us)},
    {.name = "ASSAY_GITHUB_BASE_URL",
     .type = CFG_STR,
     .def = "https://api.github.com",
     .min = 8,
     .max = 500,
     .text = "API that commit statuses and comments of pull requests go to",
     AT(github_url)},
};
const size_t WEBHOOKS_CFG_COUNT = ARRAY_LEN(WEBHOOKS_CFG_ROWS);

#define CONNECT_US (3 * ASSAY_US_PER_S)
#define RESPONSE_MAX ((size_t)64 * 1024)
#define GITHUB_RESPONSE_MAX ((size_t)8 << 20) /* a page of comments */
/* Of the lease beyond the attempt itself: for the statements around it. */
#define LEASE_MORE_US (5 * ASSAY_US_PER_S)

/* Our own services share one port in a cluster; 0: they are reached through files. */
static uint16_t
own_port(struct svc *svc)
{
    struct str url = svc == NULL ? STR_EMPTY : str_z(svc_listen_url(svc));
    ptrdiff_t colon = str_rfind_byte(url, ':');
    int64_t port = 0;

    if (colon < 0 ||
        str_to_i64(str_sub(url, (size_t)colon + 1, url.n), 1, UINT16_MAX, &port) != RC_OK) {
        return 0;
    }
    return (uint16_t)port;
}

static enum rc
open_http(struct webhooks *w)
{
    uint16_t port = own_port(w->svc);
    struct http_client_cfg cfg = {
        .reach = w->cfg->allow_private ? ADDR_REACH_PRIVATE : ADDR_REACH_PUBLIC,
        .connect_timeout_us = CONNECT_US,
        .timeout_us = w->cfg->timeout_us,
        .response_max = RESPONSE_MAX,
        .user_agent = "assay-webhooks",
        .refused_ports = &port,
        .refused_port_count = port > 0 ? 1 : 0,
    };

    const struct http_client_cfg github = {.reach = ADDR_REACH_ANY,
                                           .connect_timeout_us = CONNECT_US,
                                           .timeout_us = w->cfg->timeout_us,
                                           .response_max = GITHUB_RESPONSE_MAX,
                                           .user_agent = "assay"};
    enum rc rc = http_client_new(&cfg, &w->http);
    return rc == RC_OK ? http_client_new(&github, &w->github) : rc;
}

static void
make_metrics(struct webhooks *w)
{
    static const char *const RESULTS[] = {"delivered", "failed"};

    if (w->svc != NULL) {
        w->attempts = met_counter(svc_met(w->svc), "assay_webhook_attempts_total",
                                  "Requests to webhook endpoints by result.",
                                  MET_LABEL("result", RESULTS, ARRAY_LEN(RESULTS)), MET_NO_LABEL);
        w->overdue = met_gauge(svc_met(w->svc), "assay_webhook_overdue_seconds",
                               "How late the oldest delivery to an endpoint that is well is.",
                               MET_NO_LABEL, MET_NO_LABEL);
        w->failing = met_gauge(svc_met(w->svc), "assay_webhook_failing_endpoints",
                               "Endpoints whose last attempt failed.", MET_NO_LABEL, MET_NO_LABEL);
    }
}

enum rc
whk_open(struct webhooks *w, struct ctx *ctx, struct svc *svc, struct db *db,
         const struct webhooks_cfg *cfg)
{
    const char *why = NULL;

    *w = (struct webhooks){.svc = svc, .db = db, .cfg = cfg};
    if (whk_retry_parse(str_z(cfg->retry), &w->retry) != RC_OK) {
        return fail(ctx, RC_INVALID_ARGUMENT, "RETRY",
                    "ASSAY_WEBHOOK_RETRY must be up to %d durations with commas between",
                    WHK_RETRY_MAX);
    }
    enum rc rc = seal_open_ring(str_z(cfg->secret_key), &w->ring, &why);
    if (rc != RC_OK) {
        return fail(ctx, rc, "SECRET_KEY", "ASSAY_SECRET_KEY: %s", why == NULL ? "" : why);
    }
    rc = open_http(w);
    rc = rc == RC_OK ? whk_engine_new(w, &w->engine) : rc;
    if (rc != RC_OK) {
        whk_close(w);
        return fail_memory(ctx, "no memory for the client");
    }
    make_metrics(w);
    return RC_OK;
}

void
whk_close(struct webhooks *w)
{
    whk_engine_free(w->engine);
    http_client_free(w->github);
    http_client_free(w->http);
    seal_close_ring(w->ring);
    *w = (struct webhooks){.svc = NULL};
}

int64_t
whk_lease_us(const struct webhooks *w)
{
    return w->cfg->timeout_us + LEASE_MORE_US;
}

bool
whk_sweep(void *state, struct ctx *ctx)
{
    struct webhooks *w = state;
    struct whk_health health;
    bool more = false;

    if (whk_tidy(w->db, ctx, &w->retry, &more) != RC_OK ||
        whk_health_get(w->db, ctx, &health) != RC_OK) {
        return false; /* the failure stands in ctx and is logged by the loop */
    }
    met_set(w->overdue, 0, 0, health.overdue_s);
    met_set(w->failing, 0, 0, health.failing);
    return more;
}
