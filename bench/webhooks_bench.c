/* SPDX-License-Identifier: Apache-2.0
 *
 * Deliveries of the webhooks service as it runs, to a receiver in this process:
 *
 *     webhooks_bench URI RPC PID
 *
 * URI: the service's database as its owner. RPC: its address, with a time-out of attempts of a
 * second (ATTEMPT_US). PID: its process. Prints
 *
 *   webhooks_healthy_p50 _p99   ms from an event's hand-over to its arrival, all endpoints healthy
 *   webhooks_mixed_p50 _p99     the same of healthy endpoints beside a tenth that refuses or never
 *                               answers
 *   webhooks_dead_ratio         the second p99 by the first
 *   webhooks_same_ratio         what noise alone makes of such a ratio: one half of the healthy
 * rounds by the other webhooks_cpu                us of the service's CPU (user and system) per
 * delivery, stored webhooks_rps                deliveries per second in that burst
 *
 * Rounds with and without dead endpoints alternate (ABBA), and a percentile is of all rounds of its
 * kind together: of one round it would be a handful of events, and the machine's mood. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "base/id.h"
#include "svc/svc.h"
#include "tests/support/sink.h"
#include "webhooks_client.h"

#define ENDPOINTS 40
#define DEAD (ENDPOINTS / 10)
#define ROUNDS 10 /* of each kind; even, so that halves can be compared */
#define ROUND_EVENTS 250
#define KIND_EVENTS (ROUNDS * ROUND_EVENTS)
#define ATTEMPT_US (1 * ASSAY_US_PER_S)
#define PACE_US 10000 /* between events: 100 a second */
#define BURST 20000
#define BATCH 100
#define WAIT_US (60 * ASSAY_US_PER_S)

static atomic_int hits, round_now;
static double latencies_ms[ROUND_EVENTS]; /* of this round */
static struct rpc_client *client;
static PGconn *db;

static void
stop_with(const char *what)
{
    (void)fprintf(stderr, "webhooks_bench: %s\n", what);
    exit(1);
}

static int
on_request(void *arg, const struct sink_request *req)
{
    const char *at = strstr(req->body, "\"at\":");
    int round = 0;
    char word[8] = "";

    (void)arg;
    if (sscanf(req->path, "/%d/%7[a-z]", &round, word) != 2 || strcmp(word, "hang") == 0) {
        return 0;
    }
    if (round != atomic_load(&round_now)) {
        return 200;
    }
    int n = atomic_fetch_add(&hits, 1);
    if (at != NULL && n < ROUND_EVENTS) {
        latencies_ms[n] = (double)(clk_wall_us() - strtoll(at + 5, NULL, 10)) / 1000;
    }
    return 200;
}

/* --- the service --------------------------------------------------------------------------- */

static int64_t
sql(const char *text)
{
    PGresult *res = PQexec(db, text);
    ExecStatusType status = PQresultStatus(res);

    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        stop_with(PQerrorMessage(db));
    }
    int64_t value = PQntuples(res) > 0 ? strtoll(PQgetvalue(res, 0, 0), NULL, 10) : 0;
    PQclear(res);
    return value;
}

/* The service may hold what we want in another order: then one of the two begins again. */
static void
empty_tables(void)
{
    for (int tries = 0;; tries++) {
        PGresult *res =
            PQexec(db, "TRUNCATE webhooks.endpoints, webhooks.deliveries, webhooks.inbox CASCADE");
        bool done = PQresultStatus(res) == PGRES_COMMAND_OK;
        PQclear(res);
        if (done) {
            return;
        }
        if (tries == 20) {
            stop_with(PQerrorMessage(db));
        }
    }
}

static void
context(struct ctx *ctx, struct arena *arena, int64_t org_id)
{
    arena_reset(arena);
    ctx_init(ctx, arena);
    ctx->deadline_us = clk_wall_us() + 20 * ASSAY_US_PER_S;
    ctx->who = (struct principal){.org_id = org_id, .kind = TOKEN_SERVICE};
    if (org_id > 0) {
        ctx->who.role = ROLE_ADMIN;
        ctx->who.user_id = 1;
        ctx->who.kind = TOKEN_JWT;
    }
}

/* Organization i has endpoint i. The first `dead` refuse or hang. */
static void
create_endpoints(struct arena *arena, int port, int dead)
{
    empty_tables();
    for (int i = 0; i < ENDPOINTS; i++) {
        Assay__CreateWebhookRequest req = ASSAY__CREATE_WEBHOOK_REQUEST__INIT;
        Assay__CreateWebhookResponse *resp = NULL;
        struct ctx ctx;
        char url[64], type[] = "run.passed";
        char *types[] = {type};
        (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/%d/%s/%d",
                       i < dead && i % 2 == 0 ? 9 : port, atomic_load(&round_now),
                       i < dead ? "hang" : "ok", i);
        req.url = url;
        req.event_types = types;
        req.n_event_types = 1;
        context(&ctx, arena, i + 1);
        if (webhooks_call_create_webhook(client, &ctx, &req, &resp) != RC_OK) {
            stop_with("an endpoint could not be made");
        }
    }
}

static void
hand_over(struct arena *arena, int64_t first_org, int n)
{
    Assay__DeliverEventsRequest req = ASSAY__DELIVER_EVENTS_REQUEST__INIT;
    Assay__DeliverEventsResponse *resp = NULL;
    static char ids[BATCH][ID_UUID_LEN + 1], data[BATCH][128];
    static Assay__Event events[BATCH];
    Assay__Event *list[BATCH];
    struct ctx ctx;
    char type[] = "run.passed";

    for (int i = 0; i < n; i++) {
        id_uuid(ids[i]);
        int len = snprintf(data[i], sizeof data[i], "{\"status\":\"passed\",\"at\":%lld}",
                           (long long)clk_wall_us());
        assay__event__init(&events[i]);
        events[i].id = ids[i];
        events[i].type = type;
        events[i].org_id = (first_org + i) % ENDPOINTS + 1;
        events[i].at_us = clk_wall_us();
        events[i].has_data = 1;
        events[i].data.data = (uint8_t *)data[i];
        events[i].data.len = (size_t)len;
        list[i] = &events[i];
    }
    req.events = list;
    req.n_events = (size_t)n;
    context(&ctx, arena, 0);
    if (webhooks_call_deliver_events(client, &ctx, &req, &resp) != RC_OK) {
        stop_with("events were not taken");
    }
}

static void
wait_hits(int want)
{
    const struct timespec pause = {.tv_nsec = 1000000};

    for (int64_t end = clk_mono_us() + WAIT_US; atomic_load(&hits) < want;
         (void)nanosleep(&pause, NULL)) {
        if (clk_mono_us() > end) {
            stop_with("deliveries did not arrive");
        }
    }
}

static void
wait_ready(struct arena *arena)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    Assay__ListWebhooksRequest req = ASSAY__LIST_WEBHOOKS_REQUEST__INIT;
    Assay__ListWebhooksResponse *resp = NULL;

    for (int64_t end = clk_mono_us() + WAIT_US;; (void)nanosleep(&pause, NULL)) {
        struct ctx ctx;
        context(&ctx, arena, 1);
        if (webhooks_call_list_webhooks(client, &ctx, &req, &resp) == RC_OK) {
            return;
        }
        if (clk_mono_us() > end) {
            stop_with("the service does not answer");
        }
    }
}

/* --- measures ------------------------------------------------------------------------------ */

static int
by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void
sleep_us(int64_t us)
{
    const struct timespec t = {.tv_sec = (time_t)(us / ASSAY_US_PER_S),
                               .tv_nsec = (long)(us % ASSAY_US_PER_S) * 1000};

    if (us > 0) {
        (void)nanosleep(&t, NULL);
    }
}

/* Writes the ROUND_EVENTS latencies of healthy endpoints, in ms. */
static void
run_round(struct arena *arena, int port, int dead, double *out)
{
    int healthy = 0;

    atomic_fetch_add(&round_now, 1);
    create_endpoints(arena, port, dead);
    atomic_store(&hits, 0);
    int64_t next_us = clk_mono_us();
    for (int i = 0; healthy < ROUND_EVENTS; i++) {
        healthy += i % ENDPOINTS >= dead ? 1 : 0;
        hand_over(arena, i, 1);
        next_us += PACE_US;
        sleep_us(next_us - clk_mono_us());
    }
    wait_hits(healthy);
    memcpy(out, latencies_ms, sizeof latencies_ms);
    if (dead > 0) {
        sleep_us(ATTEMPT_US + ATTEMPT_US / 4); /* nothing of it reaches into the next round */
    }
}

static double
percentile(const double *values, size_t n, size_t percent)
{
    static double sorted[KIND_EVENTS];

    memcpy(sorted, values, n * sizeof *values);
    qsort(sorted, n, sizeof sorted[0], by_size);
    return sorted[n * percent / 100];
}

static void
compare(struct arena *arena, int port)
{
    static double warm[ROUND_EVENTS], healthy[KIND_EVENTS], mixed[KIND_EVENTS];
    size_t half = KIND_EVENTS / 2;

    run_round(arena, port, 0, warm);
    for (int i = 0; i < ROUNDS; i++) {
        /* ABBA; halves of the healthy ones: first the even rounds, then the odd. */
        size_t at = (size_t)(i / 2 + i % 2 * ROUNDS / 2) * ROUND_EVENTS;
        for (int k = 0; k < 2; k++) {
            bool is_mixed = (i + k) % 2 == 1;
            run_round(arena, port, is_mixed ? DEAD : 0, (is_mixed ? mixed : healthy) + at);
        }
    }
    double p99 = percentile(healthy, KIND_EVENTS, 99);
    double mixed_p99 = percentile(mixed, KIND_EVENTS, 99);
    (void)printf("BENCH webhooks_healthy_p50 %.2f ms\nBENCH webhooks_mixed_p50 %.2f ms\n",
                 percentile(healthy, KIND_EVENTS, 50), percentile(mixed, KIND_EVENTS, 50));
    (void)printf("BENCH webhooks_healthy_p99 %.2f ms\nBENCH webhooks_mixed_p99 %.2f ms\n", p99,
                 mixed_p99);
    (void)printf("BENCH webhooks_dead_ratio %.3f x\nBENCH webhooks_same_ratio %.3f x\n",
                 mixed_p99 / p99,
                 percentile(healthy + half, half, 99) / percentile(healthy, half, 99));
}

/* User and system time of a process. Source: proc(5), /proc/PID/stat. */
static double
cpu_us(const char *pid)
{
    char path[64], text[1024];
    unsigned long user = 0, system = 0;

    (void)snprintf(path, sizeof path, "/proc/%s/stat", pid);
    FILE *f = fopen(path, "r");
    if (f == NULL || fgets(text, sizeof text, f) == NULL) {
        stop_with("no such process");
    }
    (void)fclose(f);
    const char *p = strrchr(text, ')');
    if (p == NULL ||
        sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2) {
        stop_with("no times of the process");
    }
    return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

static void
burst(struct arena *arena, int port, const char *pid)
{
    atomic_fetch_add(&round_now, 1);
    create_endpoints(arena, port, 0);
    atomic_store(&hits, 0);
    double cpu = cpu_us(pid);
    int64_t start = clk_mono_us();
    for (int i = 0; i < BURST; i += BATCH) {
        hand_over(arena, i, BATCH);
    }
    wait_hits(BURST);
    while (sql("SELECT count(*) FROM webhooks.deliveries WHERE state = 'delivered'") < BURST) {
        if (clk_mono_us() - start > WAIT_US) {
            stop_with("deliveries were not stored");
        }
    }
    double seconds = (double)(clk_mono_us() - start) / 1e6;
    (void)printf("BENCH webhooks_cpu %.1f us\n", (cpu_us(pid) - cpu) / BURST);
    (void)printf("BENCH webhooks_rps %.0f /s\n", BURST / seconds);
}

int
main(int argc, char **argv)
{
    const char *why = "";
    struct arena *arena = arena_new((size_t)16 << 20);
    struct sink *sink = sink_start(on_request, NULL);

    if (argc != 4 || arena == NULL || sink == NULL) {
        stop_with("usage: webhooks_bench URI RPC PID");
    }
    struct rpc_client_cfg cfg = {
        .service = argv[2], .message_max = (size_t)16 << 20, .name = "bench"};
    db = PQconnectdb(argv[1]);
    if (PQstatus(db) != CONNECTION_OK || rpc_client_new(&cfg, &client, &why) != RC_OK) {
        stop_with("no database or no service");
    }
    wait_ready(arena);
    compare(arena, sink_port(sink));
    burst(arena, sink_port(sink), argv[3]);
    rpc_client_free(client);
    PQfinish(db);
    sink_stop(sink);
    arena_free(arena);
    return 0;
}
