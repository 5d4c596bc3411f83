/* SPDX-License-Identifier: Apache-2.0
 *
 * Many events while webhooks and Postgres are killed: none is lost, and a delivery's number stands
 * for one event. WEBHOOKS_KILL_EVENTS (5000) says how many; 100000 takes minutes:
 *
 *     WEBHOOKS_KILL_EVENTS=100000 build/test/tests/integration/webhooks_kill */
#include <pthread.h>

#include "tests/support/processes.h"
#include "tests/support/sink.h"

#define BATCH 100
#define ENDPOINTS 4
#define KILLS 4  /* of each of the two */
#define FLAKY 50 /* the first request of one event of so many is answered 503 */

static const char *const TYPES[ENDPOINTS] = {"run.passed", "run.failed", "run.started",
                                             "case.failed"};

/* What came, by number of the event. Written by the sink's thread, read under the lock. */
static struct {
    pthread_mutex_t lock;
    int64_t events;
    int64_t *delivery; /* that brought the event; 0: none yet */
    bool *was_refused;
    int64_t arrived, hits, clashes, refused;
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int64_t
number_in(const char *body)
{
    const char *p = strstr(body, "\"n\":");

    return p == NULL ? -1 : strtoll(p + 4, NULL, 10);
}

static int
on_request(void *arg, const struct sink_request *req)
{
    char text[32];
    int status = 200;

    (void)arg;
    sink_header(req, "X-Assay-Delivery", text, sizeof text);
    int64_t id = strtoll(text, NULL, 10);
    int64_t n = number_in(req->body);
    (void)pthread_mutex_lock(&seen.lock);
    seen.hits++;
    if (n < 0 || n >= seen.events || id <= 0 || (seen.delivery[n] != 0 && seen.delivery[n] != id)) {
        seen.clashes++;
    } else if (n % FLAKY == 7 && !seen.was_refused[n]) {
        seen.was_refused[n] = true;
        seen.refused++;
        status = 503;
    } else {
        seen.arrived += seen.delivery[n] == 0 ? 1 : 0;
        seen.delivery[n] = id;
    }
    (void)pthread_mutex_unlock(&seen.lock);
    return status;
}

static int64_t
arrived(void)
{
    (void)pthread_mutex_lock(&seen.lock);
    int64_t n = seen.arrived;
    (void)pthread_mutex_unlock(&seen.lock);
    return n;
}

static void
create_all(struct caller *c, int port)
{
    for (size_t i = 0; i < ENDPOINTS; i++) {
        Assay__CreateWebhookRequest req = ASSAY__CREATE_WEBHOOK_REQUEST__INIT;
        Assay__CreateWebhookResponse *resp = NULL;
        char url[64], type[64];
        char *types[] = {type};
        (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/%zu", port, i);
        (void)snprintf(type, sizeof type, "%s", TYPES[i]);
        req.url = url;
        req.event_types = types;
        req.n_event_types = 1;
        fresh(c, ORG);
        assert_int_equal(webhooks_call_create_webhook(c->client, &c->ctx, &req, &resp), RC_OK);
    }
}

/* A relay gives up no batch: the same events again until they are accepted. */
static void
deliver_until_accepted(struct caller *c, struct event *events)
{
    const struct timespec pause = {.tv_nsec = 20000000};

    for (int64_t end = clk_mono_us() + 60 * ASSAY_US_PER_S; try_deliver(c, events, BATCH) != RC_OK;
         (void)nanosleep(&pause, NULL)) {
        assert_true(clk_mono_us() < end);
    }
}

static void
kill_something(int round, pid_t *webhooks, const struct setting *settings)
{
    if (round % 2 == 0) {
        assert_int_equal(end_with(*webhooks, SIGKILL), SIGKILL);
        *webhooks = spawn("webhooks", settings);
    } else {
        pg_support_stop();
        pg_support_start();
    }
}

static void
report(int64_t us)
{
    (void)printf("%lld events, %d kills of each: %lld arrived, %lld requests (%lld refused by the "
                 "receiver), %.1f s\n",
                 (long long)seen.events, KILLS, (long long)seen.arrived, (long long)seen.hits,
                 (long long)seen.refused, (double)us / 1e6);
}

static void
nothing_is_lost_and_no_number_stands_for_two_events(void **state)
{
    const struct setting settings[] = {
        {"ASSAY_WEBHOOK_TIMEOUT", "500ms"},
        {"ASSAY_WEBHOOK_RETRY", "200ms,500ms,1s,1s,1s,1s,1s,1s,1s,1s"},
        {NULL, NULL}};
    struct sink *sink = sink_start(on_request, NULL);
    assert_non_null(sink);
    pg_support_exec("DROP SCHEMA IF EXISTS webhooks CASCADE");
    pid_t webhooks = spawn("webhooks", settings);
    struct caller c = caller_new("webhooks");
    struct event events[BATCH];
    int64_t batches = seen.events / BATCH;
    int killed = 0;
    int64_t start = clk_mono_us();

    (void)state;
    create_all(&c, sink_port(sink));
    for (int64_t b = 0; b < batches; b++) {
        for (int i = 0; i < BATCH; i++) {
            int64_t n = b * BATCH + i;
            make_event(&events[i], TYPES[n % ENDPOINTS], (int)n);
        }
        deliver_until_accepted(&c, events);
        if (killed < 2 * KILLS && b >= (killed + 1) * batches / (2 * KILLS + 1)) {
            kill_something(killed++, &webhooks, settings);
        }
    }
    int64_t within_us = 120 * ASSAY_US_PER_S + seen.events * 6 * ASSAY_US_PER_MS;
    assert_true(comes_to("webhooks.deliveries WHERE state <> 'delivered'", 0, within_us));
    report(clk_mono_us() - start);
    assert_int_equal(killed, 2 * KILLS);
    assert_int_equal(arrived(), seen.events);
    assert_int_equal(seen.refused, seen.events / FLAKY);
    assert_int_equal(seen.clashes, 0);
    assert_int_equal(count("webhooks.deliveries"), seen.events);
    assert_int_equal(count("(SELECT DISTINCT event_id FROM webhooks.deliveries) d"), seen.events);
    caller_free(&c);
    assert_int_equal(end_with(webhooks, SIGTERM), 0);
    sink_stop(sink);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(nothing_is_lost_and_no_number_stands_for_two_events, end_all),
    };
    const char *asked = getenv("WEBHOOKS_KILL_EVENTS");

    seen.events = asked == NULL ? 5000 : strtoll(asked, NULL, 10) / BATCH * BATCH;
    seen.delivery = calloc((size_t)seen.events + 1, sizeof *seen.delivery);
    seen.was_refused = calloc((size_t)seen.events + 1, sizeof *seen.was_refused);
    if (seen.delivery == NULL || seen.was_refused == NULL) {
        return 1;
    }
    processes_begin();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    processes_end(failed);
    free(seen.delivery);
    free(seen.was_refused);
    return failed;
}
