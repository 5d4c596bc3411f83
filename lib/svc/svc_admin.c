/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /live /ready /metrics for probes and scrapers. Live says that the process runs and asks
 * nothing else. */
#include "svc/svc_int.h"
#include "web/web.h"

#define PAGE_MAX ((size_t)8 << 20)
#define ADMIN_ARENA_MAX ((size_t)1 << 20)
#define ADMIN_THREADS 3
#define ADMIN_DRAIN_US (20 * ASSAY_US_PER_MS)

/* civetweb takes up to two seconds to stop, which a process that is about to end does not wait for:
 * the server lives until the exit. */
static struct web_server *admin;

static const struct str TEXT = STR_INIT("Content-Type: text/plain; charset=utf-8\r\n");

static void
answer_ready(struct svc *svc, struct web_conn *conn)
{
    struct arena *arena = arena_new(ADMIN_ARENA_MAX);
    struct ctx ctx;
    char reason[SVC_WHY_MAX];
    bool ready;

    if (arena == NULL) {
        web_answer(conn, 503, TEXT, STR("no memory\n"));
        return;
    }
    svc__service_ctx(svc, &ctx, arena, 2 * ASSAY_US_PER_S);
    svc__health(svc, &ctx, &ready, reason);
    struct str body = ready ? STR("ready\n") : arena_printf(arena, "%s\n", reason);
    web_answer(conn, ready ? 200 : 503, TEXT, body);
    arena_free(arena);
}

static void
answer_metrics(struct svc *svc, struct web_conn *conn)
{
    struct buf page;

    buf_init(&page, PAGE_MAX);
    met_write(svc->met, &page);
    if (buf_failed(&page)) {
        web_answer(conn, 500, TEXT, STR("the page is too large\n"));
    } else {
        web_answer(conn, 200, STR("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"),
                   buf_str(&page));
    }
    buf_fini(&page);
}

static void
handle(void *arg, struct web_conn *conn, const struct web_request *req)
{
    struct svc *svc = arg;
    bool reads = str_eqz(req->verb, "GET") || str_eqz(req->verb, "HEAD");

    if (!reads) {
        web_answer(conn, 405, STR("Allow: GET, HEAD\r\n"), STR_EMPTY);
    } else if (str_eqz(req->path, "/live")) {
        web_answer(conn, 200, TEXT, STR("live\n"));
    } else if (svc_is_stopping(svc)) {
        web_answer(conn, 503, TEXT, STR("STOPPING\n"));
    } else if (str_eqz(req->path, "/ready")) {
        answer_ready(svc, conn);
    } else if (str_eqz(req->path, "/metrics")) {
        answer_metrics(svc, conn);
    } else {
        web_answer(conn, 404, TEXT, STR("not found\n"));
    }
}

enum rc
svc__admin_start(struct svc *svc, const char **out_why)
{
    struct web_cfg cfg = {.listen = svc->cfg.admin_listen,
                          .threads = ADMIN_THREADS,
                          .head_timeout_us = 5 * ASSAY_US_PER_S,
                          .body_timeout_us = 5 * ASSAY_US_PER_S,
                          .handler = handle,
                          .arg = svc};

    if (svc->cfg.admin_listen[0] == '\0') {
        return RC_OK;
    }
    enum rc rc = web_server_start(&cfg, &admin, out_why);
    if (rc == RC_OK) {
        log_line(LOG_INFO_LEVEL, NULL, "admin_listening", "probes and metrics are served",
                 LOG_I64("port", web_server_port(admin)));
    }
    return rc;
}

void
svc__admin_stop(struct svc *svc)
{
    (void)svc;
    if (admin != NULL) {
        web_server_drain(admin, clk_mono_us() + ADMIN_DRAIN_US);
    }
}
