/* SPDX-License-Identifier: Apache-2.0
 *
 * The gateway's parts around a fake auth and a fake `tests` that answers suites, all in the test's
 * process. One program includes it at a time. */
#ifndef ASSAY_TESTS_GW_FIXTURE_H
#define ASSAY_TESTS_GW_FIXTURE_H

#include "gateway/gw.h"
#include "tests/support/fake_auth.h"
#include "tests/support/raw.h"
#include "tests_client.h"

/* A program may stand before the pipeline, to watch it. */
#ifndef GW_FIXTURE_HANDLER
#define GW_FIXTURE_HANDLER gw_handle
#endif

/* Stands in for the process: what the gateway asks of lib/svc. */
struct svc {
    struct rpc_client *clients[SVC_PEER_COUNT];
};

struct rpc_client *
svc_client(struct svc *svc, enum svc_peer peer)
{
    return svc->clients[peer];
}

bool
svc_is_stopping(const struct svc *svc)
{
    (void)svc;
    return false;
}

struct seen {
    char request_id[160];
    char traceparent[64];
    char key[64];
    char body_name[64];
    char text[64];
    int64_t org_id;
};

struct fixture {
    struct fake_auth auth;
    struct svc svc;
    struct rpc_server *tests;
    struct gw_cfg cfg;
    struct gateway gw;
    struct met *met;
    int port;
    struct seen seen;
    atomic_int calls;
};

/* --- the fake service ---------------------------------------------------------------------- */

static void
keep(char *to, size_t n, struct str s)
{
    (void)snprintf(to, n, "%.*s", STR_ARG(s));
}

static Assay__Suite *
make_suite(struct ctx *ctx, int64_t id)
{
    Assay__Suite *s = PB_NEW(ctx->arena, Assay__Suite, assay__suite);

    s->id = id;
    s->public_id = pb_strz(ctx->arena, STR("suite_abc123"));
    s->name = pb_strz(ctx->arena, STR("Sign-in"));
    s->reset_strategy = pb_strz(ctx->arena, STR("relaunch"));
    s->variables = pb_bytes(ctx->arena, STR("{}"));
    return s;
}

static enum rc
list_suites(void *svc, struct ctx *ctx, const ProtobufCMessage *m, ProtobufCMessage *out)
{
    struct fixture *f = svc;
    const Assay__ListSuitesRequest *req = (const Assay__ListSuitesRequest *)m;
    Assay__ListSuitesResponse *resp = (Assay__ListSuitesResponse *)out;
    size_t n = req->app_id != NULL && strcmp(req->app_id, "many") == 0 ? 40 : 1;

    atomic_fetch_add(&f->calls, 1);
    keep(f->seen.request_id, sizeof(f->seen.request_id), ctx->request_id);
    keep(f->seen.traceparent, sizeof(f->seen.traceparent), ctx->traceparent);
    keep(f->seen.text, sizeof(f->seen.text), str_z(req->n_tags > 0 ? req->tags[0] : req->app_id));
    f->seen.org_id = ctx->who.org_id;
    if (req->app_id != NULL && strcmp(req->app_id, "broken") == 0) {
        return fail(ctx, RC_INTERNAL, "BUG", "relation \"suites\" does not exist");
    }
    int64_t bytes = 0; /* what the call is to need, named "bytes-N" */
    if (req->app_id != NULL && str_starts(str_z(req->app_id), STR("bytes-")) &&
        str_to_i64(str_z(req->app_id + 6), 1, INT32_MAX, &bytes) == RC_OK &&
        arena_alloc(ctx->arena, (size_t)bytes) == NULL) {
        return fail_memory(ctx, "too many suites");
    }
    resp->items = ARENA_ARRAY(ctx->arena, n, Assay__Suite *);
    for (size_t i = 0; i < n; i++) {
        resp->items[resp->n_items++] = make_suite(ctx, (int64_t)i + 1);
    }
    return RC_OK;
}

static enum rc
create_suite(void *svc, struct ctx *ctx, const ProtobufCMessage *m, ProtobufCMessage *out)
{
    struct fixture *f = svc;
    const Assay__CreateSuiteRequest *req = (const Assay__CreateSuiteRequest *)m;
    Assay__Suite *made = make_suite(ctx, 1);

    atomic_fetch_add(&f->calls, 1);
    keep(f->seen.body_name, sizeof(f->seen.body_name), str_z(req->name));
    keep(f->seen.key, sizeof(f->seen.key), ctx->idempotency_key);
    memcpy(out, made, sizeof(*made));
    return RC_OK;
}

static enum rc
check_path(void *svc, struct ctx *ctx, const ProtobufCMessage *m, ProtobufCMessage *out)
{
    const Assay__CheckPathRequest *req = (const Assay__CheckPathRequest *)m;

    (void)svc;
    (void)out;
    if (strcmp(req->params[0]->value, "suite_abc123") == 0) {
        return RC_OK;
    }
    return fail(ctx, RC_NOT_FOUND, "SUITE_NOT_FOUND", "no suite with this id");
}

static bool
serve_tests(struct fixture *f, char *listen, size_t n)
{
    static struct rpc_method methods[3];
    static const struct rpc_method *const tables[] = {methods};
    static const size_t lens[] = {ARRAY_LEN(methods)};
    const char *why = NULL;

    methods[0] = tests_method_list_suites;
    methods[0].handler = list_suites;
    methods[1] = tests_method_create_suite;
    methods[1].handler = create_suite;
    methods[2] = tests_method_check_path;
    methods[2].handler = check_path;
    (void)snprintf(listen, n, "ipc://%s/tests.1", f->auth.dir);
    struct rpc_server_cfg cfg = {.listen = listen,
                                 .tables = tables,
                                 .table_lens = lens,
                                 .table_count = 1,
                                 .svc = f,
                                 .workers = 4,
                                 .queue_max = 64,
                                 .arena_max = (size_t)1024 * 1024,
                                 .message_max = (size_t)1024 * 1024};
    return rpc_server_start(&cfg, &f->tests, &why) == RC_OK;
}

static bool
start_gateway(struct fixture *f)
{
    static const char *const CLASSES[] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
    const char *why = NULL;
    struct gw_identify_cfg identify = {
        .auth = f->auth.client, .issuer = "assay", .audience = "assay", .cache_max = 100};
    struct web_cfg web = {.listen = "127.0.0.1:0",
                          .threads = 10,
                          .head_timeout_us = 5 * ASSAY_US_PER_S,
                          .body_timeout_us = 5 * ASSAY_US_PER_S,
                          .websockets_max = 2,
                          .handler = GW_FIXTURE_HANDLER,
                          .arg = &f->gw};

    f->cfg = (struct gw_cfg){.call_timeout_us = 5 * ASSAY_US_PER_S,
                             .body_max_bytes = 2000,
                             .cors_origins = "https://app.example",
                             .trusted_proxies = "127.0.0.1",
                             .public_url = "",
                             .web_dir = "build/web"};
    f->met = met_new();
    f->gw.cfg = &f->cfg;
    f->gw.svc = &f->svc;
    f->gw.met.requests =
        met_counter(f->met, "r", "r", MET_NO_LABEL, MET_LABEL("status", CLASSES, 5));
    f->gw.met.took = met_histogram(f->met, "t", "t", MET_NO_LABEL, MET_NO_LABEL);
    return gw_limit_new("default=1000,upload_ai=10,auth=3", 1024, &f->gw.limit) == RC_OK &&
           gw_identify_new(&identify, &f->gw.identify) == RC_OK &&
           web_server_start(&web, &f->gw.web, &why) == RC_OK;
}

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char listen[128];
    char service[128];
    const char *why = NULL;

    log_init("gateway", LOG_ERROR_LEVEL, 1);
    if (f == NULL || !fake_auth_start(&f->auth) || !serve_tests(f, listen, sizeof(listen))) {
        return -1;
    }
    *state = f;
    (void)snprintf(service, sizeof(service), "ipc://%s/tests", f->auth.dir);
    struct rpc_client_cfg cfg = {
        .service = service, .message_max = (size_t)1024 * 1024, .name = "tests"};
    f->svc.clients[SVC_AUTH] = f->auth.client;
    if (rpc_client_new(&cfg, &f->svc.clients[SVC_TESTS], &why) != RC_OK || !start_gateway(f)) {
        return -1;
    }
    for (int p = 0; p < SVC_PEER_COUNT; p++) { /* for readiness, which asks for replicas of all */
        if (f->svc.clients[p] == NULL) {
            f->svc.clients[p] = f->svc.clients[SVC_TESTS];
        }
    }
    f->port = web_server_port(f->gw.web);
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    web_server_free(f->gw.web);
    gw_identify_free(f->gw.identify);
    gw_limit_free(f->gw.limit);
    rpc_client_free(f->svc.clients[SVC_TESTS]);
    rpc_server_free(f->tests);
    fake_auth_stop(&f->auth);
    met_free(f->met);
    free(f);
    return 0;
}

/* --- asking -------------------------------------------------------------------------------- */

static struct raw_answer a;
static char value[512];

static inline const char *
header(const char *name)
{
    const char *v = raw_header(&a, name, value, sizeof(value));
    return v == NULL ? "" : v;
}

/* "VERB PATH", header lines, body. */
static inline void
ask(struct fixture *f, const char *line, const char *headers, const char *body)
{
    static char request[8192];
    char length[64] = "";

    if (body != NULL) {
        (void)snprintf(length, sizeof(length), "Content-Length: %zu\r\n", strlen(body));
    }
    int n = snprintf(request, sizeof(request), "%s HTTP/1.1\r\nHost: h:1\r\n%s%s\r\n%s", line,
                     headers, length, body == NULL ? "" : body);
    raw_exchange(f->port, request, (size_t)n, &a);
}

#define ADMIN "Authorization: Bearer tok_admin\r\n"
#define VIEWER "X-API-Key: tok_viewer\r\n"
#define SUITES "/api/v1/tests/suites"

#endif
