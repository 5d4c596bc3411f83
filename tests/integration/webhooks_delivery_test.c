/* SPDX-License-Identifier: Apache-2.0
 *
 * The billing and webhooks services as they run: real processes, killed at any moment, and a
 * receiver that checks every signature by itself. */
#include "billing_client.h"
#include "tests/support/processes.h"
#include "tests/support/receiver.h"

#define LONG_US (40 * ASSAY_US_PER_S)

static struct receiver *receiver;

/* --- calls --------------------------------------------------------------------------------- */

/* Creates an endpoint for a path of the receiver and returns its id. */
static int64_t
create(struct caller *c, const char *path, const char *type)
{
    Assay__CreateWebhookRequest req = ASSAY__CREATE_WEBHOOK_REQUEST__INIT;
    Assay__CreateWebhookResponse *resp = NULL;
    char url[128], name[64];
    char *types[] = {name};

    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d%s", receiver_port(receiver), path);
    (void)snprintf(name, sizeof name, "%s", type);
    req.url = url;
    req.event_types = types;
    req.n_event_types = 1;
    fresh(c, ORG);
    enum rc rc = webhooks_call_create_webhook(c->client, &c->ctx, &req, &resp);
    if (rc != RC_OK) {
        fail_msg("%s: %.*s", c->ctx.err.reason, STR_ARG(c->ctx.err.msg));
    }
    receiver_set_secret(receiver, path, resp->secret);
    return resp->id;
}

/* Every request was signed for its endpoint at its time, and kept its delivery's event. */
static void
check_hits(void)
{
    int n = receiver_total(receiver);

    for (int i = 0; i < n; i++) {
        struct receiver_hit hit = receiver_hit(receiver, i);
        char sql[256];
        assert_true(hit.is_signed);
        assert_true(hit.is_same_time);
        (void)snprintf(
            sql, sizeof sql,
            "webhooks.deliveries WHERE id = %s AND event_id = '%s' AND event_type = '%s'",
            hit.delivery, hit.event_id, hit.type);
        assert_int_equal(count(sql), 1);
    }
}

/* No attempt left twice: a delivery came as often at most as attempts were counted. */
static void
check_attempts(void)
{
    int n = receiver_total(receiver);

    for (int i = 0; i < n; i++) {
        struct receiver_hit hit = receiver_hit(receiver, i);
        int came = 0;
        char sql[128];
        for (int k = 0; k < n; k++) {
            came += strcmp(receiver_hit(receiver, k).delivery, hit.delivery) == 0 ? 1 : 0;
        }
        (void)snprintf(sql, sizeof sql, "SELECT attempt FROM webhooks.deliveries WHERE id = %s",
                       hit.delivery);
        assert_true(came <= pg_support_i64(sql));
    }
}

static int
set_up(void **state)
{
    (void)state;
    pg_support_exec("DROP SCHEMA IF EXISTS webhooks CASCADE; DROP SCHEMA IF EXISTS billing CASCADE;"
                    "DROP SCHEMA IF EXISTS tests CASCADE");
    receiver_clear(receiver);
    return 0;
}

/* --- tests --------------------------------------------------------------------------------- */

/* For tests that count attempts: none fails because the machine is slow. */
static const struct setting PATIENT[] = {{"ASSAY_WEBHOOK_TIMEOUT", "60s"}, {NULL, NULL}};

static void
an_event_arrives_signed_in_the_published_form(void **state)
{
    pid_t webhooks = spawn("webhooks", PATIENT);
    struct caller c = caller_new("webhooks");
    struct event e;
    char want[1024];

    (void)state;
    (void)create(&c, "/ok", "run.passed");
    make_event(&e, "run.passed", 1);
    deliver(&c, &e, 1);
    assert_true(receiver_wait(receiver, "/ok", true, 1, LONG_US));
    struct receiver_hit hit = receiver_hit(receiver, 0);
    (void)snprintf(want, sizeof want,
                   "{\"id\":\"%s\",\"type\":\"run.passed\",\"created_at\":\"2025-01-15T10:30:00\","
                   "\"organization_id\":7,\"data\":%s}",
                   e.id, e.data);
    assert_string_equal(hit.body, want);
    assert_string_equal(hit.type, "run.passed");
    assert_string_equal(hit.event_id, e.id);
    check_hits();
    assert_true(comes_to("webhooks.deliveries WHERE state = 'delivered' AND attempt = 1"
                         " AND response_status = 200 AND response_excerpt = 'xx'",
                         1, LONG_US));
    /* The same again makes nothing. */
    deliver(&c, &e, 1);
    assert_int_equal(count("webhooks.deliveries"), 1);
    caller_free(&c);
    assert_int_equal(end_with(webhooks, SIGTERM), 0);
    assert_int_equal(receiver_total(receiver), 1);
}

#define FLAKY_EVENTS 12
static void
attempts_that_fail_are_made_again_under_the_same_ids(void **state)
{
    pid_t webhooks = spawn("webhooks", NULL);
    struct caller c = caller_new("webhooks");
    struct event events[FLAKY_EVENTS];

    (void)state;
    (void)create(&c, "/flaky", "run.failed");
    for (int i = 0; i < FLAKY_EVENTS; i++) {
        make_event(&events[i], "run.failed", i);
    }
    deliver(&c, events, FLAKY_EVENTS);
    assert_true(receiver_wait(receiver, "/flaky", true, FLAKY_EVENTS, LONG_US));
    /* At the least; on a slow machine an answer may come too late, and count as none. */
    assert_true(comes_to("webhooks.deliveries WHERE state = 'delivered' AND attempt >= 4",
                         FLAKY_EVENTS, LONG_US));
    assert_true(receiver_total(receiver) >= 4 * FLAKY_EVENTS);
    check_hits();
    check_attempts();
    caller_free(&c);
    assert_int_equal(end_with(webhooks, SIGTERM), 0);
}

static void
a_receiver_that_is_down_gets_its_events_when_it_is_back(void **state)
{
    pid_t webhooks = spawn("webhooks", NULL);
    struct caller c = caller_new("webhooks");
    struct event e;
    int port = receiver_port(receiver);

    (void)state;
    (void)create(&c, "/ok", "run.passed");
    receiver_stop(receiver);
    make_event(&e, "run.passed", 1);
    deliver(&c, &e, 1);
    assert_true(comes_to("webhooks.deliveries WHERE state = 'pending' AND attempt >= 2"
                         " AND error LIKE 'CONNECT: %' AND response_status IS NULL",
                         1, LONG_US));
    assert_int_equal(count("webhooks.endpoints WHERE failing_since IS NOT NULL"), 1);
    receiver = receiver_start(port);
    assert_non_null(receiver);
    assert_true(receiver_wait(receiver, "/ok", true, 1, LONG_US));
    assert_true(comes_to("webhooks.endpoints WHERE failing_since IS NULL", 1, LONG_US));
    caller_free(&c);
    assert_int_equal(end_with(webhooks, SIGTERM), 0);
}

static void
hanging_endpoints_delay_only_themselves(void **state)
{
    pid_t webhooks = spawn("webhooks", PATIENT);
    struct caller c = caller_new("webhooks");
    struct event events[20];

    (void)state;
    for (int i = 0; i < 5; i++) {
        char path[24];
        (void)snprintf(path, sizeof path, "/hang%d", i);
        (void)create(&c, path, "run.passed");
    }
    (void)create(&c, "/ok", "run.passed");
    for (int i = 0; i < 20; i++) {
        make_event(&events[i], "run.passed", i);
    }
    deliver(&c, events, 20);
    assert_true(receiver_wait(receiver, "/ok", true, 20, LONG_US)); /* while the others hang */
    /* One request at a time to each of the others. */
    for (int i = 0; i < 5; i++) {
        char path[24];
        (void)snprintf(path, sizeof path, "/hang%d", i);
        assert_true(receiver_count(receiver, path, false) <= 1);
    }
    /* Now that they are known to fail, even they all together hold up nobody. */
    receiver_let_go(receiver);
    assert_true(comes_to("webhooks.endpoints WHERE failing_since IS NOT NULL", 5, LONG_US));
    make_event(&events[0], "run.passed", 20);
    deliver(&c, events, 1);
    assert_true(receiver_wait(receiver, "/ok", true, 21, LONG_US));
    caller_free(&c);
    assert_int_equal(end_with(webhooks, SIGKILL), SIGKILL); /* asked to, it would wait for them */
}

static void
replicas_never_send_an_attempt_twice(void **state)
{
    pid_t first = spawn("webhooks", PATIENT);
    pid_t second = spawn("webhooks", PATIENT);
    struct caller c = caller_new("webhooks");
    struct event events[100];

    (void)state;
    (void)create(&c, "/ok", "run.passed");
    (void)create(&c, "/slow", "run.passed");
    for (int i = 0; i < 100; i++) {
        make_event(&events[i], "run.passed", i);
    }
    deliver(&c, events, 100);
    assert_true(comes_to("webhooks.deliveries WHERE state = 'delivered'", 200, LONG_US));
    assert_int_equal(receiver_count(receiver, "/ok", true), 100);
    assert_int_equal(receiver_count(receiver, "/slow", true), 100);
    assert_int_equal(receiver_total(receiver), 200);
    check_hits();
    caller_free(&c);
    assert_int_equal(end_with(first, SIGTERM), 0);
    assert_int_equal(end_with(second, SIGTERM), 0);
}

static void
a_receiver_that_is_gone_is_told_nothing_more(void **state)
{
    pid_t webhooks = spawn("webhooks", PATIENT);
    struct caller c = caller_new("webhooks");
    struct event events[3];

    (void)state;
    (void)create(&c, "/gone", "run.passed");
    for (int i = 0; i < 3; i++) {
        make_event(&events[i], "run.passed", i);
    }
    deliver(&c, events, 2);
    assert_true(
        comes_to("webhooks.endpoints WHERE NOT enabled AND disabled_reason = 'gone'", 1, LONG_US));
    assert_true(comes_to("webhooks.deliveries WHERE state = 'failed'", 2, LONG_US));
    deliver(&c, events, 3);
    assert_int_equal(count("webhooks.deliveries"), 2);
    assert_int_equal(receiver_total(receiver), 1);
    assert_int_equal(count("webhooks.outbox WHERE type = 'webhook.disabled' AND target = 1"), 1);
    caller_free(&c);
    assert_int_equal(end_with(webhooks, SIGTERM), 0);
}

static void
an_endpoint_that_fails_for_too_long_is_disabled(void **state)
{
    const struct setting soon[] = {
        {"ASSAY_WEBHOOK_DISABLE_AFTER", "3s"}, {"ASSAY_WEBHOOK_TIMEOUT", "60s"}, {NULL, NULL}};
    pid_t webhooks = spawn("webhooks", soon);
    struct caller c = caller_new("webhooks");
    struct event e;

    (void)state;
    (void)create(&c, "/fail", "run.passed");
    make_event(&e, "run.passed", 1);
    deliver(&c, &e, 1);
    assert_true(comes_to("webhooks.endpoints WHERE NOT enabled AND disabled_reason = 'failing'", 1,
                         LONG_US));
    assert_int_equal(count("webhooks.deliveries WHERE state = 'failed' AND response_status = 500"),
                     1);
    assert_int_equal(count("webhooks.outbox WHERE type = 'webhook.disabled'"), 1);
    assert_true(receiver_count(receiver, "/fail", false) >= 2);
    caller_free(&c);
    assert_int_equal(end_with(webhooks, SIGTERM), 0);
}

static void
a_delivery_ends_failed_after_its_last_attempt(void **state)
{
    const struct setting two[] = {
        {"ASSAY_WEBHOOK_RETRY", "50ms,50ms"}, {"ASSAY_WEBHOOK_TIMEOUT", "60s"}, {NULL, NULL}};
    pid_t webhooks = spawn("webhooks", two);
    struct caller c = caller_new("webhooks");
    struct event e;

    (void)state;
    (void)create(&c, "/redirect", "run.passed");
    make_event(&e, "run.passed", 1);
    deliver(&c, &e, 1);
    assert_true(comes_to("webhooks.deliveries WHERE state = 'failed' AND attempt = 3"
                         " AND response_status = 302",
                         1, LONG_US));
    /* Redirects are not followed. */
    assert_int_equal(receiver_count(receiver, "/redirect", false), 3);
    assert_int_equal(receiver_total(receiver), 3);
    assert_int_equal(count("webhooks.endpoints WHERE enabled"), 1);
    caller_free(&c);
    assert_int_equal(end_with(webhooks, SIGTERM), 0);
}

static void
a_long_answer_is_cut_and_counts(void **state)
{
    pid_t webhooks = spawn("webhooks", PATIENT);
    struct caller c = caller_new("webhooks");
    struct event e;

    (void)state;
    (void)create(&c, "/big", "run.passed");
    make_event(&e, "run.passed", 1);
    deliver(&c, &e, 1);
    assert_true(comes_to("webhooks.deliveries WHERE state = 'delivered' AND attempt = 1"
                         " AND length(response_excerpt) = 2048",
                         1, LONG_US));
    caller_free(&c);
    assert_int_equal(end_with(webhooks, SIGTERM), 0);
}

static void
private_targets_are_refused_unless_allowed(void **state)
{
    const struct setting off[] = {{"ASSAY_ALLOW_PRIVATE_TARGETS", "0"}, {NULL, NULL}};
    pid_t webhooks = spawn("webhooks", NULL);
    struct caller c = caller_new("webhooks");
    struct event e;

    (void)state;
    (void)create(&c, "/ok", "run.passed");
    assert_int_equal(end_with(webhooks, SIGTERM), 0);
    webhooks = spawn("webhooks", off);
    make_event(&e, "run.passed", 1);
    deliver(&c, &e, 1);
    assert_true(comes_to("webhooks.deliveries WHERE error LIKE 'ADDRESS_REFUSED: %'", 1, LONG_US));
    assert_int_equal(receiver_total(receiver), 0);
    caller_free(&c);
    assert_int_equal(end_with(webhooks, SIGTERM), 0);
}

/* --- nothing is lost ----------------------------------------------------------------------- */

#define EVENTS 150

static enum rc
produce(struct svc *svc, void **out_state)
{
    *out_state = svc;
    return RC_OK;
}

static int
run_producer(void)
{
    static const struct db_query_def QUERIES[] = {{"none", "SELECT 1", 0}};
    static const struct db_migration MIGRATIONS[] = {{1, "0001_none", "SELECT 1"}};
    const struct svc_def def = {.name = PRODUCER,
                                .peers = SVC_USES(SVC_BILLING) | SVC_USES(SVC_WEBHOOKS),
                                .queries = QUERIES,
                                .query_count = ARRAY_LEN(QUERIES),
                                .migrations = MIGRATIONS,
                                .migration_count = ARRAY_LEN(MIGRATIONS),
                                .start = produce};
    char *argv[] = {NULL, NULL};

    return svc_main(&def, 1, argv);
}

/* An event as it stands in an outbox, for billing and for webhooks. */
static void
put_in_outbox(const struct event *e)
{
    static char sql[8192];
    struct arena *arena = arena_new(1 << 16);
    struct str wire;
    char hex[3000];

    assert_int_equal(pb_pack(arena, &e->msg.base, &wire), RC_OK);
    assert_true(2 * wire.n < sizeof hex);
    id_hex(wire.p, wire.n, hex);
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO tests.outbox (event_id, target, type, event)"
                   " SELECT '%s', t, '%s', '\\x%s' FROM unnest('{2,4}'::smallint[]) t",
                   e->id, e->msg.type, hex);
    pg_support_exec(sql);
    arena_free(arena);
}

static void
kill_one(pid_t *child, const char *service)
{
    assert_int_equal(end_with(*child, SIGKILL), SIGKILL);
    *child = spawn(service, NULL);
}

static void
no_event_is_lost_though_all_are_killed_again_and_again(void **state)
{
    pid_t webhooks = spawn("webhooks", NULL);
    struct caller c = caller_new("webhooks");
    struct event e;

    (void)state;
    (void)create(&c, "/slow", "run.passed");
    (void)create(&c, "/once", "run.passed");
    pid_t billing = spawn("billing", NULL);
    pid_t producer = spawn(PRODUCER, NULL);
    assert_true(comes_to("pg_tables WHERE (schemaname = 'billing' AND tablename = 'usage_events')"
                         " OR (schemaname = 'tests' AND tablename = 'outbox')",
                         2, LONG_US));
    for (int i = 0; i < EVENTS; i++) {
        make_event(&e, "run.passed", i);
        put_in_outbox(&e);
        if (i % 50 == 20) {
            kill_one(&webhooks, "webhooks");
        } else if (i % 50 == 40) {
            kill_one(&billing, "billing");
        } else if (i % 50 == 30) {
            kill_one(&producer, PRODUCER);
        }
    }
    assert_true(comes_to("billing.usage_events", EVENTS, LONG_US));
    kill_one(&webhooks, "webhooks");
    assert_true(comes_to("webhooks.deliveries WHERE state = 'delivered'", 2 * EVENTS, 3 * LONG_US));
    assert_true(comes_to("tests.outbox", 0, LONG_US));
    assert_int_equal(pg_support_i64("SELECT sum(billable_micro) FROM billing.usage_events"),
                     EVENTS * INT64_C(1500000));
    assert_int_equal(count("(SELECT DISTINCT resource_id FROM billing.usage_events) r"), EVENTS);
    assert_int_equal(count("(SELECT DISTINCT event_id FROM webhooks.deliveries) d"), EVENTS);
    check_hits();
    check_attempts();
    caller_free(&c);
    assert_int_equal(end_with(webhooks, SIGTERM), 0);
    assert_int_equal(end_with(billing, SIGTERM), 0);
    assert_int_equal(end_with(producer, SIGTERM), 0);
}

static void
a_bad_setting_stops_the_start(void **state)
{
    const struct setting bad[][2] = {
        {{"ASSAY_WEBHOOK_RETRY", "soon"}, {NULL, NULL}},
        {{"ASSAY_WEBHOOK_RETRY", "1s,,2s"}, {NULL, NULL}},
        {{"ASSAY_SECRET_KEY", "too short"}, {NULL, NULL}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        int status = 0;
        pid_t child = spawn("webhooks", bad[i]);
        assert_int_equal(waitpid(child, &status, 0), child);
        children[sockets] = 0;
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 0);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, end_all)

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(an_event_arrives_signed_in_the_published_form),
        T(attempts_that_fail_are_made_again_under_the_same_ids),
        T(a_receiver_that_is_down_gets_its_events_when_it_is_back),
        T(hanging_endpoints_delay_only_themselves),
        T(replicas_never_send_an_attempt_twice),
        T(a_receiver_that_is_gone_is_told_nothing_more),
        T(an_endpoint_that_fails_for_too_long_is_disabled),
        T(a_delivery_ends_failed_after_its_last_attempt),
        T(a_long_answer_is_cut_and_counts),
        T(private_targets_are_refused_unless_allowed),
        T(no_event_is_lost_though_all_are_killed_again_and_again),
        T(a_bad_setting_stops_the_start),
    };
    if (argc == 2 && strcmp(argv[1], PRODUCER) == 0) {
        return run_producer();
    }
    processes_begin();
    if ((receiver = receiver_start(0)) == NULL) {
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    receiver_stop(receiver);
    processes_end(failed);
    return failed;
}
