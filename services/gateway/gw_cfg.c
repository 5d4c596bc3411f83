/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gw.h"

#define ROW(member) .offset = offsetof(struct gw_cfg, member)

const struct cfg_row GW_CFG_ROWS[] = {
    {.name = "ASSAY_HTTP_ADDRESS", .type = CFG_STR, .def = "0.0.0.0",
     .text = "address the HTTP port is bound to", ROW(http_listen)},
    {.name = "ASSAY_HTTP_PORT", .type = CFG_INT, .def = "8400", .min = 0, .max = 65535,
     .text = "port of the HTTP server", ROW(http_port)},
    {.name = "ASSAY_HTTP_THREADS", .type = CFG_INT, .def = "64", .min = 4, .max = 1024,
     .text = "connections served at once; each holds a thread", ROW(http_threads)},
    {.name = "ASSAY_HTTP_HEAD_TIMEOUT", .type = CFG_DURATION, .def = "10s", .min = 100000,
     .max = 600000000, .text = "time a request's head may take", ROW(head_timeout_us)},
    {.name = "ASSAY_HTTP_BODY_TIMEOUT", .type = CFG_DURATION, .def = "10m", .min = 1000000,
     .max = 7200000000, .text = "time a request's body may take", ROW(body_timeout_us)},
    {.name = "ASSAY_CALL_TIMEOUT", .type = CFG_DURATION, .def = "30s", .min = 100000,
     .max = 600000000, .text = "time a service has to answer", ROW(call_timeout_us)},
    {.name = "ASSAY_HTTP_BODY_MAX", .type = CFG_SIZE, .def = "16m", .min = 1024,
     .max = 67108864, .text = "largest JSON body", ROW(body_max_bytes)},
    {.name = "ASSAY_RATE_LIMITS", .type = CFG_STR, .def = "default=100,upload_ai=10,auth=5",
     .text = "requests per minute by rate class; `off` for benchmarks", ROW(rate_limits)},
    {.name = "ASSAY_RPC_GATEWAY", .type = CFG_URL, .def = "",
     .text = "name of the gateways, ipc:///run/assay/gateway or tls+tcp://gateway:7400: they share "
             "the rate limits; empty: each has its own",
     ROW(gateways)},
    {.name = "ASSAY_CORS_ORIGINS", .type = CFG_STR, .def = "",
     .text = "origins of browsers that may call, comma separated; empty: none", ROW(cors_origins)},
    {.name = "ASSAY_TRUSTED_PROXIES", .type = CFG_STR, .def = "",
     .text = "addresses or networks whose X-Forwarded-For is believed, comma separated; empty: none",
     ROW(trusted_proxies)},
    {.name = "ASSAY_PUBLIC_URL", .type = CFG_URL, .def = "",
     .text = "scheme and authority of links; empty: the Host of each request", ROW(public_url)},
    {.name = "ASSAY_WEB_DIR", .type = CFG_STR, .def = "build/web",
     .text = "folder with the API viewer", ROW(web_dir)},
    BLOB_CFG_ROWS(struct gw_cfg, blob),
    {.name = "ASSAY_JWT_ISSUER", .type = CFG_STR, .def = "assay",
     .text = "issuer of access tokens", ROW(issuer)},
    {.name = "ASSAY_JWT_AUDIENCE", .type = CFG_STR, .def = "assay",
     .text = "audience of access tokens", ROW(audience)},
};
const size_t GW_CFG_COUNT = ARRAY_LEN(GW_CFG_ROWS);
