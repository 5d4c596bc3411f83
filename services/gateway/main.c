/* SPDX-License-Identifier: Apache-2.0
 *
 * Wiring of the gateway. */
#include <stdio.h>
#include <stdlib.h>

#include "gateway/gw.h"
#include "gateway/gw_peer.h"
#include "gateway/gw_ring.h"
#include "gateway_rpc.h"
#include "log/log.h"

#define ROUTE_NAMES_MAX ((size_t)1 << 20)
#define TOKENS_MAX 65536
#define RATE_KEYS_MAX 65536
#define DRAIN_US (20 * ASSAY_US_PER_S)

static struct gw_cfg cfg;

/* "GET /api/v1/tests/suites/{suite_id}": patterns, so that there are as many values as routes. What
 * no route answers, pages too, is "other". */
static struct met_label
route_label(struct arena *arena)
{
    size_t n = gw_trie.route_count;
    const char **names = arena == NULL ? NULL : ARENA_ARRAY(arena, n, const char *);

    for (size_t i = 0; names != NULL && i < n; i++) {
        const struct gw_route *route = &gw_trie.routes[i];
        names[i] = arena_printf(arena, "%s %s", gw_verb_name(route->verb), route->pattern).p;
    }
    bool ok = names != NULL && !arena_failed(arena);
    return MET_LABEL("route", names, ok ? n : 0);
}

static void
make_metrics(struct gateway *gw)
{
    static const char *const CLASSES[] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
    struct met *met = svc_met(gw->svc);
    struct arena *arena = arena_new(ROUTE_NAMES_MAX);
    struct met_label routes = route_label(arena);

    gw->met.requests =
        met_counter(met, "assay_http_requests_total", "Requests answered, by route and status.",
                    routes, MET_LABEL("status", CLASSES, ARRAY_LEN(CLASSES)));
    gw->met.took = met_histogram(met, "assay_http_request_seconds",
                                 "Time from head to answer, by route.", routes, MET_NO_LABEL);
    arena_free(arena);
}

static void
gateway_stop(void *state)
{
    struct gateway *gw = state;

    if (gw == NULL) {
        return;
    }
    if (gw->web != NULL) {
        web_server_drain(gw->web, clk_mono_us() + DRAIN_US);
        web_server_free(gw->web);
    }
    gw_identify_free(gw->identify);
    gw_limit_free(gw->limit);
    gw_ring_free(gw->ring);
    blob_close(gw->blob);
    free(gw);
}

/* Who is not called by the others cannot share with them. */
static enum rc
share_limits(struct gateway *gw)
{
    if (cfg.gateways[0] == '\0' || svc_listen_url(gw->svc)[0] == '\0') {
        return RC_OK;
    }
    enum rc rc = gw_ring_new(cfg.gateways, svc_tls(gw->svc), svc_met(gw->svc), &gw->ring);
    if (rc != RC_OK) {
        return rc;
    }
    gw_limit_share(gw->limit, gw->ring);
    return RC_OK;
}

/* The last part to start: a loop runs until the service stops, and with it nothing may be freed. */
static enum rc
watch_ring(struct gateway *gw)
{
    return gw->ring == NULL ? RC_OK
                            : svc_loop(gw->svc, GW_RING_LOOP, GW_RING_LOOK_US, 60 * ASSAY_US_PER_S,
                                       gw_ring_look, gw->ring);
}

static enum rc
start_parts(struct gateway *gw, const char **out_why)
{
    struct gw_identify_cfg identify = {
        .auth = svc_client(gw->svc, SVC_AUTH),
        .issuer = cfg.issuer,
        .audience = cfg.audience,
        .cache_max = TOKENS_MAX,
    };
    char listen[128];

    if (!gw_proxies_are_valid(str_z(cfg.trusted_proxies))) {
        *out_why = "ASSAY_TRUSTED_PROXIES is malformed";
        return RC_INVALID_ARGUMENT;
    }
    *out_why = "ASSAY_RATE_LIMITS is malformed";
    enum rc rc = gw_limit_new(cfg.rate_limits, RATE_KEYS_MAX, &gw->limit);
    if (rc == RC_OK) {
        rc = blob_open_settings(&cfg.blob, &gw->blob, out_why);
    }
    if (rc == RC_OK) {
        *out_why = "out of memory";
        rc = gw_identify_new(&identify, &gw->identify);
    }
    if (rc == RC_OK) {
        rc = share_limits(gw);
    }
    if (rc != RC_OK) {
        return rc;
    }
    (void)snprintf(listen, sizeof(listen), "%s:%lld", cfg.http_listen, (long long)cfg.http_port);
    struct web_cfg web = {
        .listen = listen,
        .threads = (int)cfg.http_threads,
        .head_timeout_us = cfg.head_timeout_us,
        .body_timeout_us = cfg.body_timeout_us,
        .websockets_max = (int)cfg.http_threads / 2,
        .handler = gw_handle,
        .arg = gw,
    };
    rc = web_server_start(&web, &gw->web, out_why);
    return rc == RC_OK ? watch_ring(gw) : rc;
}

static enum rc
gateway_start(struct svc *svc, void **out_state)
{
    const char *why = "out of memory";
    struct gateway *gw = calloc(1, sizeof(*gw));
    enum rc rc = gw == NULL ? RC_RESOURCE_EXHAUSTED : RC_OK;

    if (rc == RC_OK) {
        gw->cfg = &cfg;
        gw->svc = svc;
        make_metrics(gw);
        rc = start_parts(gw, &why);
    }
    if (rc != RC_OK) {
        log_line(LOG_ERROR_LEVEL, NULL, "start_failed", why);
        gateway_stop(gw);
        return rc;
    }
    log_line(LOG_INFO_LEVEL, NULL, "listening", "the gateway serves",
             LOG_I64("port", web_server_port(gw->web)));
    *out_state = gw;
    return RC_OK;
}

int
main(int argc, char **argv)
{
    struct svc_def def = {
        .name = "gateway",
        .peers = SVC_USES_ALL,
        .cfg_rows = GW_CFG_ROWS,
        .cfg_count = GW_CFG_COUNT,
        .cfg = &cfg,
        .tables = gateway_tables,
        .table_lens = gateway_table_lens,
        .table_count = GATEWAY_TABLE_COUNT,
        .start = gateway_start,
        .stop = gateway_stop,
    };
    return svc_main(&def, argc, argv);
}
