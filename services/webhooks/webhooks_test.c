/* SPDX-License-Identifier: Apache-2.0
 *
 * The handlers and the delivery loop on a real Postgres; writes in a transaction, as the dispatcher
 * runs them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "common_sql.h"
#include "sec/token.h"
#include "tests/support/pg.h"
#include "webhooks/catalogue.h"
#include "webhooks/webhooks.h"
#include "webhooks/whk_seal.h"
#include "webhooks/whk_store.h"
#include "webhooks_sql.h"

/* Last: cmocka defines a macro fail(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define LEASE_US (20 * ASSAY_US_PER_S)

static const struct webhooks_cfg PUBLIC = {.secret_key = KEY,
                                           .retry = WHK_RETRY_DEFAULT,
                                           .timeout_us = 2 * ASSAY_US_PER_S,
                                           .disable_after_us = 3 * 86400 * ASSAY_US_PER_S,
                                           .threads = 1};
static struct webhooks_cfg private_cfg;

static struct db *db;
static struct webhooks webhooks;

struct call {
    struct arena *arena;
    struct ctx ctx;
};

static struct call
call_begin(int64_t org)
{
    struct call c = {.arena = arena_new((size_t)32 << 20)};

    ctx_init(&c.ctx, c.arena);
    c.ctx.deadline_us = clk_wall_us() + 20 * ASSAY_US_PER_S;
    c.ctx.who = (struct principal){.org_id = org, .kind = TOKEN_SERVICE};
    if (org != 0) {
        c.ctx.who.user_id = 5;
        c.ctx.who.role = ROLE_ADMIN;
        c.ctx.who.kind = TOKEN_JWT;
    }
    return c;
}

static void
call_end(struct call *c)
{
    arena_free(c->arena);
}

static void
open_with(const struct webhooks_cfg *cfg)
{
    struct call c = call_begin(0);

    whk_close(&webhooks);
    assert_int_equal(whk_open(&webhooks, &c.ctx, NULL, db, cfg), RC_OK);
    call_end(&c);
}

static int
set_up(void **state)
{
    const struct db_cfg cfg = {.uri = pg_support_uri(),
                               .schema = "webhooks",
                               .app = "webhooks_test",
                               .queries = webhooks_queries,
                               .query_count = webhooks_query_count,
                               .migrations = webhooks_migrations,
                               .migration_count = webhooks_migration_count,
                               .common_queries = common_queries,
                               .common_query_count = common_query_count,
                               .common_migrations = common_migrations,
                               .common_migration_count = common_migration_count};
    struct call c = call_begin(0);

    (void)state;
    private_cfg = PUBLIC;
    private_cfg.allow_private = true;
    pg_support_exec("DROP SCHEMA IF EXISTS webhooks CASCADE");
    assert_int_equal(db_open(&cfg, &db), RC_OK);
    assert_int_equal(db_migrate(db, &c.ctx), RC_OK);
    assert_int_equal(db_check(db, &c.ctx), RC_OK);
    open_with(&PUBLIC);
    call_end(&c);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    whk_close(&webhooks);
    db_close(db);
    return 0;
}

/* --- calls --------------------------------------------------------------------------------- */

/* Commits what went well and returns the code. */
static enum rc
end_tx(struct call *c, enum rc rc)
{
    if (rc == RC_OK) {
        assert_int_equal(db_commit(db, &c->ctx), RC_OK);
    } else {
        while (db_in_tx(&c->ctx)) {
            db_rollback(db, &c->ctx);
        }
    }
    return rc;
}

static enum rc
create_in(struct call *c, const char *name, const char *url, const char *const *types, size_t n,
          Assay__CreateWebhookResponse *resp)
{
    Assay__CreateWebhookRequest req = ASSAY__CREATE_WEBHOOK_REQUEST__INIT;

    req.name = (char *)(uintptr_t)name;
    req.url = (char *)(uintptr_t)url;
    req.event_types = (char **)(uintptr_t)types;
    req.n_event_types = n;
    assay__create_webhook_response__init(resp);
    assert_int_equal(db_begin(db, &c->ctx), RC_OK);
    return end_tx(c, webhooks_create_webhook(&webhooks, &c->ctx, &req, resp));
}

/* The id of a new endpoint that gets run.passed. */
static int64_t
create(int64_t org, const char *url)
{
    static const char *const TYPES[] = {"run.passed"};
    struct call c = call_begin(org);
    Assay__CreateWebhookResponse resp;

    assert_int_equal(create_in(&c, "x", url, TYPES, 1, &resp), RC_OK);
    int64_t id = resp.id;
    call_end(&c);
    return id;
}

static enum rc
create_fails(const char *url, const char *type, char reason[64])
{
    struct call c = call_begin(7);
    Assay__CreateWebhookResponse resp;

    enum rc rc = create_in(&c, NULL, url, &type, type == NULL ? 0 : 1, &resp);
    (void)snprintf(reason, 64, "%s", rc == RC_OK ? "" : c.ctx.err.reason);
    call_end(&c);
    return rc;
}

static enum rc
get(int64_t org, int64_t id)
{
    struct call c = call_begin(org);
    Assay__GetWebhookRequest req = ASSAY__GET_WEBHOOK_REQUEST__INIT;
    Assay__Webhook resp = ASSAY__WEBHOOK__INIT;

    req.webhook_id = id;
    enum rc rc = webhooks_get_webhook(&webhooks, &c.ctx, &req, &resp);
    call_end(&c);
    return rc;
}

static enum rc delete (int64_t org, int64_t id) {
    struct call c = call_begin(org);
    Assay__DeleteWebhookRequest req = ASSAY__DELETE_WEBHOOK_REQUEST__INIT;
    Assay__StatusText resp = ASSAY__STATUS_TEXT__INIT;

    req.webhook_id = id; assert_int_equal(db_begin(db, &c.ctx), RC_OK);
    enum rc rc = end_tx(&c, webhooks_delete_webhook(&webhooks, &c.ctx, &req, &resp));
    if (rc == RC_OK){assert_string_equal(resp.status, "deleted");}
call_end(&c);
return rc;
}

static enum rc
check_path(int64_t org, const char *name, const char *value)
{
    struct call c = call_begin(org);
    Assay__PathParam param = ASSAY__PATH_PARAM__INIT;
    Assay__PathParam *params[] = {&param};
    Assay__CheckPathRequest req = ASSAY__CHECK_PATH_REQUEST__INIT;
    Assay__Empty resp = ASSAY__EMPTY__INIT;
    char route[] = "/x";

    param.name = (char *)(uintptr_t)name;
    param.value = (char *)(uintptr_t)value;
    req.route = route;
    req.params = params;
    req.n_params = 1;
    enum rc rc = webhooks_check_path(&webhooks, &c.ctx, &req, &resp);
    call_end(&c);
    return rc;
}

/* Delivers one event; returns how many ids were accepted. */
static int
tell(const char *id, const char *type, int64_t org, const char *data)
{
    struct call c = call_begin(0);
    Assay__Event event = ASSAY__EVENT__INIT;
    Assay__Event *events[] = {&event};
    Assay__DeliverEventsRequest req = ASSAY__DELIVER_EVENTS_REQUEST__INIT;
    Assay__DeliverEventsResponse resp = ASSAY__DELIVER_EVENTS_RESPONSE__INIT;

    event.id = (char *)(uintptr_t)id;
    event.type = (char *)(uintptr_t)type;
    event.org_id = org;
    event.at_us = INT64_C(1736937000000000);
    event.has_data = 1;
    event.data.data = (uint8_t *)(uintptr_t)data;
    event.data.len = strlen(data);
    req.events = events;
    req.n_events = 1;
    assert_int_equal(db_begin(db, &c.ctx), RC_OK);
    assert_int_equal(end_tx(&c, webhooks_deliver_events(&webhooks, &c.ctx, &req, &resp)), RC_OK);
    int accepted = (int)resp.n_accepted;
    call_end(&c);
    return accepted;
}

static void
tell_new(int64_t org)
{
    char id[ID_UUID_LEN + 1];

    id_uuid(id);
    assert_int_equal(tell(id, "run.passed", org, "{\"n\":1}"), 1);
}

static int64_t
count(const char *from)
{
    char sql[700];

    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM webhooks.%s", from);
    return pg_support_i64(sql);
}

/* --- endpoints ----------------------------------------------------------------------------- */

static void
a_new_endpoint_has_its_secret_shown_once_and_sealed(void **state)
{
    static const char *const TYPES[] = {"run.passed", "case.failed", "run.passed"};
    struct call c = call_begin(7);
    Assay__CreateWebhookResponse resp;
    Assay__ListWebhooksRequest list_req = ASSAY__LIST_WEBHOOKS_REQUEST__INIT;
    Assay__ListWebhooksResponse list = ASSAY__LIST_WEBHOOKS_RESPONSE__INIT;
    struct str secret = STR_EMPTY;
    char sql[256];

    (void)state;
    assert_int_equal(create_in(&c, "CI", "https://hooks.example.com/a?b=c", TYPES, 3, &resp),
                     RC_OK);
    assert_string_equal(resp.name, "CI");
    assert_string_equal(resp.url, "https://hooks.example.com/a?b=c");
    assert_int_equal(resp.n_event_types, 2);
    assert_string_equal(resp.event_types[0], "run.passed");
    assert_string_equal(resp.event_types[1], "case.failed");
    assert_true(resp.enabled);
    assert_true(str_starts(str_z(resp.secret), STR("whsec_")));
    assert_int_equal(strlen(resp.secret), 46);
    /* The row has no readable secret, but the sealed one opens, in its place only. */
    (void)snprintf(sql, sizeof(sql),
                   "endpoints WHERE position('%s' in encode(secret, 'escape')) > 0",
                   resp.secret + 6);
    assert_int_equal(count(sql), 0);
    struct whk_job job;
    bool found = false;
    tell_new(7);
    struct call loop = call_begin(0);
    assert_int_equal(db_begin(db, &loop.ctx), RC_OK);
    assert_int_equal(whk_claim(db, &loop.ctx, false, LEASE_US, &webhooks.retry, &job, &found),
                     RC_OK);
    assert_true(found);
    assert_int_equal(whk_unseal(webhooks.ring, &loop.ctx, job.endpoint_id, job.secret, &secret),
                     RC_OK);
    assert_true(str_eqz(secret, resp.secret));
    assert_int_equal(whk_unseal(webhooks.ring, &loop.ctx, job.endpoint_id + 1, job.secret, &secret),
                     RC_DATA_LOSS);
    db_rollback(db, &loop.ctx);
    call_end(&loop);
    assert_int_equal(webhooks_list_webhooks(&webhooks, &c.ctx, &list_req, &list), RC_OK);
    assert_int_equal(list.n_items, 1);
    assert_int_equal(list.items[0]->id, resp.id);
    assert_string_equal(list.items[0]->name, "CI");
    assert_int_equal(list.items[0]->n_event_types, 2);
    assert_true(list.items[0]->created_at == resp.created_at && resp.created_at > 0);
    assert_int_equal(count("outbox WHERE type = 'webhook.created' AND target = 1"), 1);
    call_end(&c);
}

static void
without_types_the_defaults_count(void **state)
{
    struct call c = call_begin(7);
    Assay__CreateWebhookResponse resp;

    (void)state;
    assert_int_equal(create_in(&c, NULL, "http://example.com", NULL, 0, &resp), RC_OK);
    assert_null(resp.name);
    assert_int_equal(resp.n_event_types, 5);
    for (size_t i = 0; i < resp.n_event_types; i++) {
        assert_true(catalogue_find(str_z(resp.event_types[i]))->on);
    }
    call_end(&c);
}

static void
other_organizations_endpoints_do_not_exist(void **state)
{
    int64_t id = create(7, "https://example.com/");
    char text[32];

    (void)state;
    (void)snprintf(text, sizeof(text), "%lld", (long long)id);
    assert_int_equal(get(7, id), RC_OK);
    assert_int_equal(check_path(7, "webhook_id", text), RC_OK);
    assert_int_equal(get(8, id), RC_NOT_FOUND);
    assert_int_equal(delete (8, id), RC_NOT_FOUND);
    assert_int_equal(check_path(8, "webhook_id", text), RC_NOT_FOUND);
    assert_int_equal(check_path(7, "webhook_id", "0"), RC_NOT_FOUND);
    assert_int_equal(check_path(7, "webhook_id", "x"), RC_NOT_FOUND);
    assert_int_equal(check_path(7, "webhook_id", "99999999999999999999"), RC_NOT_FOUND);
    assert_int_equal(delete (7, id), RC_OK);
    assert_int_equal(get(7, id), RC_NOT_FOUND);
    assert_int_equal(delete (7, id), RC_NOT_FOUND);
    assert_int_equal(count("outbox WHERE type = 'webhook.deleted'"), 1);
    assert_int_equal(
        pg_support_i64("SELECT count(*) FROM pg_class WHERE relrowsecurity AND"
                       " relforcerowsecurity AND relnamespace = 'webhooks'::regnamespace"),
        2);
}

static void
unknown_types_are_refused_and_leave_nothing(void **state)
{
    static const char *const BAD[] = {"run.exploded", "", "run.passed ", "*", "RUN.PASSED"};
    char reason[64];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        assert_int_equal(create_fails("https://example.com/", BAD[i], reason), RC_INVALID_ARGUMENT);
        assert_string_equal(reason, "EVENT_TYPE");
    }
    assert_int_equal(count("endpoints"), 0);
    assert_int_equal(count("outbox"), 0);
}

static void
an_organization_has_a_bounded_number(void **state)
{
    char reason[64];

    (void)state;
    pg_support_exec(
        "INSERT INTO webhooks.endpoints (org_id, url, event_types)"
        " SELECT 7, 'https://example.com/', '{run.passed}' FROM generate_series(1, 100)");
    assert_int_equal(create_fails("https://example.com/", NULL, reason), RC_FAILED_PRECONDITION);
    assert_string_equal(reason, "WEBHOOK_LIMIT");
    (void)create(8, "https://example.com/");
}

/* --- where requests may go ----------------------------------------------------------------- */

/* Whatever the settings are. */
static const char *const BAD_FORMS[] = {
    "",
    "example.com",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "javascript:alert(1)",
    "http://",
    "https://user@example.com/",
    "https://user:password@example.com/",
    "https://@example.com/",
    "https://example.com@127.0.0.1/",
    "https://example.com:0/",
    "https://example.com:65536/",
    "https://example.com:port/",
    "https://exa mple.com/",
    "https://example.com/\r\nX: y",
    "https://ex\xc3\xa4mple.com/",
    "https://[fe80::1%25eth0]/",
    "https://[::1/",
};
static const char *const NEVER[] = {
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://169.254.43518/",
    "http://[::ffff:169.254.169.254]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[2002:a9fe:a9fe::]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
    "http://168.63.129.16/",
    "http://100.100.100.200/",
    "http://0.0.0.0/",
    "http://0/",
    "http://[::]/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://[ff02::1]/",
};
static const char *const PRIVATE[] = {
    "http://127.0.0.1/",       "http://127.1/",
    "http://2130706433/",      "http://0x7f000001/",
    "http://017700000001/",    "http://0x7f.0.0.1/",
    "http://[::1]/",           "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:7f00:1]/", "http://[::127.0.0.1]/",
    "http://10.0.0.1/",        "http://172.16.0.1/",
    "http://172.31.255.255/",  "http://192.168.1.1/",
    "http://100.64.0.1/",      "http://192.0.2.1/",
    "http://198.18.0.1/",      "http://198.51.100.7/",
    "http://203.0.113.9/",     "http://240.0.0.1/",
    "http://0.1.2.3/",         "http://[fc00::1]/",
    "http://[fd12:3456::1]/",  "http://[fec0::1]/",
    "http://[2001:db8::1]/",   "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/", "https://127.0.0.1:8443/x",
};

static void
creation_refuses(const char *const *urls, size_t n, const char *want)
{
    for (size_t i = 0; i < n; i++) {
        char reason[64];
        enum rc rc = create_fails(urls[i], NULL, reason);
        if (rc != RC_INVALID_ARGUMENT || strcmp(reason, want) != 0) {
            fail_msg("%s: %s %s", urls[i], rc_name(rc), reason);
        }
    }
    assert_int_equal(count("endpoints"), 0);
}

static void
urls_that_must_not_be_called_are_refused_at_once(void **state)
{
    (void)state;
    creation_refuses(BAD_FORMS, ARRAY_LEN(BAD_FORMS), "BAD_URL");
    creation_refuses(NEVER, ARRAY_LEN(NEVER), "ADDRESS_REFUSED");
    creation_refuses(PRIVATE, ARRAY_LEN(PRIVATE), "ADDRESS_REFUSED");
    open_with(&private_cfg);
    creation_refuses(BAD_FORMS, ARRAY_LEN(BAD_FORMS), "BAD_URL");
    creation_refuses(NEVER, ARRAY_LEN(NEVER), "ADDRESS_REFUSED");
    (void)create(7, "http://127.0.0.1:9/");
    (void)create(7, "http://[::1]:9/");
}

static bool
attempt_once(bool failing)
{
    struct call c = call_begin(0);
    bool made =
        failing ? whk_deliver_failing(&webhooks, &c.ctx) : whk_deliver_well(&webhooks, &c.ctx);

    assert_int_equal(c.ctx.err.code, RC_OK);
    call_end(&c);
    return made;
}

/* A URL that came into the table some other way, or was public when it was stored. */
static void
delivery_refuses(const char *url, const char *want)
{
    char sql[512];

    (void)snprintf(sql, sizeof(sql),
                   "UPDATE webhooks.endpoints SET url = '%s', failing_since = NULL;"
                   "DELETE FROM webhooks.deliveries",
                   url);
    pg_support_exec(sql);
    tell_new(7);
    assert_true(attempt_once(false));
    (void)snprintf(sql, sizeof(sql),
                   "deliveries WHERE state = 'pending' AND attempt = 1 AND error LIKE '%s: %%'"
                   " AND response_status IS NULL",
                   want);
    if (count(sql) != 1) {
        fail_msg("%s was not refused", url);
    }
}

static void
delivery_asks_the_policy_again(void **state)
{
    static const char *const LOCAL[] = {"http://localhost:9/", "http://LOCALHOST:9/"};

    (void)state;
    (void)create(7, "https://example.com/");
    for (size_t i = 0; i < ARRAY_LEN(NEVER); i++) {
        delivery_refuses(NEVER[i], "ADDRESS_REFUSED");
    }
    for (size_t i = 0; i < ARRAY_LEN(PRIVATE); i++) {
        delivery_refuses(PRIVATE[i], "ADDRESS_REFUSED");
    }
    for (size_t i = 0; i < ARRAY_LEN(LOCAL); i++) {
        delivery_refuses(LOCAL[i], "ADDRESS_REFUSED");
    }
    delivery_refuses("ftp://example.com/", "BAD_URL");
    delivery_refuses("https://user@example.com/", "BAD_URL");
    open_with(&private_cfg);
    for (size_t i = 0; i < ARRAY_LEN(NEVER); i++) {
        delivery_refuses(NEVER[i], "ADDRESS_REFUSED");
    }
}

/* --- events -------------------------------------------------------------------------------- */

static void
an_event_makes_one_delivery_per_endpoint_that_wants_it(void **state)
{
    char id[ID_UUID_LEN + 1];

    (void)state;
    int64_t first = create(7, "https://example.com/1");
    (void)create(7, "https://example.com/2");
    int64_t off = create(7, "https://example.com/off");
    (void)create(8, "https://example.com/other");
    char sql[128];
    (void)snprintf(sql, sizeof(sql),
                   "UPDATE webhooks.endpoints SET enabled = false WHERE id = %lld", (long long)off);
    pg_support_exec(sql);
    id_uuid(id);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(tell(id, "run.passed", 7, "{\"n\":1}"), 1);
    }
    assert_int_equal(count("deliveries"), 2);
    /* Long after, when the inbox has forgotten. */
    pg_support_exec("DELETE FROM webhooks.inbox");
    assert_int_equal(tell(id, "run.passed", 7, "{\"n\":1}"), 1);
    assert_int_equal(count("deliveries"), 2);
    assert_int_equal(count("deliveries WHERE org_id = 7 AND state = 'pending' AND attempt = 0"), 2);
    /* Types nobody wants, types nobody knows, data that is none. */
    id_uuid(id);
    assert_int_equal(tell(id, "run.started", 7, "{}"), 1);
    assert_int_equal(tell("no-uuid", "made.up", 7, "]"), 1);
    assert_int_equal(tell("no-uuid", "run.passed", 7, "{}"), 0);
    id_uuid(id);
    assert_int_equal(tell(id, "run.passed", 7, "[]"), 0);
    assert_int_equal(tell(id, "run.passed", 0, "{}"), 0);
    assert_int_equal(count("deliveries"), 2);
    /* With the endpoint goes what was on its way. */
    assert_int_equal(delete (7, first), RC_OK);
    assert_int_equal(count("deliveries"), 1);
}

/* --- claims -------------------------------------------------------------------------------- */

static bool
claim(struct call *c, bool failing, struct whk_job *job)
{
    bool found = false;

    assert_int_equal(db_begin(db, &c->ctx), RC_OK);
    assert_int_equal(whk_claim(db, &c->ctx, failing, LEASE_US, &webhooks.retry, job, &found),
                     RC_OK);
    if (found) {
        assert_int_equal(db_commit(db, &c->ctx), RC_OK);
    } else {
        db_rollback(db, &c->ctx);
    }
    return found;
}

static bool
record(struct call *c, const struct whk_job *job, const struct whk_outcome *outcome)
{
    bool disabled = false;

    assert_int_equal(db_begin(db, &c->ctx), RC_OK);
    assert_int_equal(whk_record(db, &c->ctx, job, outcome, &webhooks.retry,
                                webhooks.cfg->disable_after_us, &disabled),
                     RC_OK);
    assert_int_equal(db_commit(db, &c->ctx), RC_OK);
    return disabled;
}

static void
an_endpoint_is_claimed_by_one_at_a_time_and_planned_before_it_is_sent(void **state)
{
    const struct whk_outcome good = {.delivered = true, .status = 204};
    struct call c = call_begin(0);
    struct whk_job job, other;

    (void)state;
    (void)create(7, "https://example.com/");
    tell_new(7);
    tell_new(7);
    assert_true(claim(&c, false, &job));
    assert_int_equal(job.attempt, 1);
    assert_false(claim(&c, false, &other));
    /* A process that died now would leave a second attempt planned ten seconds from the first. */
    assert_int_equal(count("deliveries WHERE attempt = 1 AND state = 'pending'"
                           " AND next_at - now() BETWEEN interval '9 s' AND interval '11 s'"),
                     1);
    assert_false(record(&c, &job, &good));
    assert_true(claim(&c, false, &other));
    assert_int_not_equal(other.delivery_id, job.delivery_id);
    assert_int_equal(count("deliveries WHERE state = 'delivered' AND response_status = 204"), 1);
    call_end(&c);
}

static void
one_who_lost_the_lease_changes_nothing_of_his_successor(void **state)
{
    const struct whk_outcome bad = {.status = 500, .error = STR("answered with status 500")};
    struct call c = call_begin(0);
    struct whk_job slow, next;

    (void)state;
    (void)create(7, "https://example.com/");
    tell_new(7);
    assert_true(claim(&c, false, &slow));
    pg_support_exec("UPDATE webhooks.endpoints SET busy_until = now();"
                    "UPDATE webhooks.deliveries SET next_at = now()");
    assert_true(claim(&c, false, &next));
    assert_int_equal(next.delivery_id, slow.delivery_id);
    assert_int_equal(next.attempt, 2);
    assert_false(record(&c, &slow, &bad));
    assert_int_equal(count("deliveries WHERE attempt = 2 AND error IS NULL"), 1);
    assert_int_equal(count("endpoints WHERE busy_until > now() AND failing_since IS NULL"), 1);
    call_end(&c);
}

static void
attempts_follow_the_schedule_and_end(void **state)
{
    const struct whk_outcome bad = {.status = 500, .error = STR("answered with status 500")};
    static const int WAITS_S[] = {10, 60, 600, 3600, 21600, 86400, 172800};
    struct call c = call_begin(0);
    struct whk_job job;

    (void)state;
    (void)create(7, "https://example.com/");
    tell_new(7);
    for (size_t i = 0; i < ARRAY_LEN(WAITS_S); i++) {
        char sql[256];
        assert_true(claim(&c, i > 0, &job));
        assert_false(record(&c, &job, &bad));
        assert_false(claim(&c, true, &job));
        (void)snprintf(sql, sizeof(sql),
                       "deliveries WHERE attempt = %zu AND state = 'pending' AND"
                       " extract(epoch FROM next_at - now()) BETWEEN %d * 0.99 - 1 AND %d * 1.11",
                       i + 1, WAITS_S[i], WAITS_S[i]);
        assert_int_equal(count(sql), 1);
        pg_support_exec("UPDATE webhooks.deliveries SET next_at = now()");
    }
    assert_true(claim(&c, true, &job));
    assert_int_equal(job.attempt, 8);
    assert_false(record(&c, &job, &bad));
    assert_int_equal(count("deliveries WHERE state = 'failed' AND attempt = 8"), 1);
    call_end(&c);
}

static void
a_last_attempt_that_was_interrupted_ends_the_delivery(void **state)
{
    struct call c = call_begin(0);
    struct whk_job job;

    (void)state;
    (void)create(7, "https://example.com/");
    tell_new(7);
    pg_support_exec("UPDATE webhooks.deliveries SET attempt = 7");
    assert_true(claim(&c, false, &job));
    assert_int_equal(job.attempt, 8);
    /* Under way: the sweep leaves it alone. */
    (void)whk_sweep(&webhooks, &c.ctx);
    assert_int_equal(count("deliveries WHERE state = 'pending'"), 1);
    /* Its process died: no ninth attempt, whoever looks. */
    pg_support_exec("UPDATE webhooks.endpoints SET busy_until = now();"
                    "UPDATE webhooks.deliveries SET next_at = next_at - interval '10 minutes'");
    assert_false(claim(&c, false, &job));
    (void)whk_sweep(&webhooks, &c.ctx);
    assert_int_equal(
        count("deliveries WHERE state = 'failed' AND attempt = 8 AND error IS NOT NULL"), 1);
    call_end(&c);
}

static void
three_days_of_failing_disable(void **state)
{
    const struct whk_outcome bad = {.status = 500, .error = STR("answered with status 500")};
    const struct whk_outcome good = {.delivered = true, .status = 200};
    struct call c = call_begin(0);
    struct whk_job job;

    (void)state;
    (void)create(7, "https://example.com/");
    tell_new(7);
    assert_true(claim(&c, false, &job));
    assert_false(record(&c, &job, &bad));
    pg_support_exec("UPDATE webhooks.endpoints SET failing_since = now() - interval '71 hours';"
                    "UPDATE webhooks.deliveries SET next_at = now()");
    assert_true(claim(&c, true, &job));
    assert_false(record(&c, &job, &bad));
    /* One success is a new beginning. */
    pg_support_exec("UPDATE webhooks.deliveries SET next_at = now()");
    assert_true(claim(&c, true, &job));
    assert_false(record(&c, &job, &good));
    assert_int_equal(count("endpoints WHERE failing_since IS NULL AND enabled"), 1);
    tell_new(7);
    assert_true(claim(&c, false, &job));
    assert_false(record(&c, &job, &bad));
    pg_support_exec("UPDATE webhooks.endpoints SET failing_since = now() - interval '73 hours';"
                    "UPDATE webhooks.deliveries SET next_at = now()");
    assert_true(claim(&c, true, &job));
    assert_true(record(&c, &job, &bad));
    assert_int_equal(count("endpoints WHERE NOT enabled"), 1);
    call_end(&c);
}

static void
old_deliveries_are_swept(void **state)
{
    struct call c = call_begin(0);

    (void)state;
    (void)create(7, "https://example.com/");
    tell_new(7);
    tell_new(7);
    pg_support_exec("UPDATE webhooks.deliveries SET created_at = now() - interval '31 days'"
                    " WHERE id = (SELECT min(id) FROM webhooks.deliveries)");
    assert_false(whk_sweep(&webhooks, &c.ctx));
    assert_int_equal(count("deliveries"), 1);
    call_end(&c);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_new_endpoint_has_its_secret_shown_once_and_sealed),
        T(without_types_the_defaults_count),
        T(other_organizations_endpoints_do_not_exist),
        T(unknown_types_are_refused_and_leave_nothing),
        T(an_organization_has_a_bounded_number),
        T(urls_that_must_not_be_called_are_refused_at_once),
        T(delivery_asks_the_policy_again),
        T(an_event_makes_one_delivery_per_endpoint_that_wants_it),
        T(an_endpoint_is_claimed_by_one_at_a_time_and_planned_before_it_is_sent),
        T(one_who_lost_the_lease_changes_nothing_of_his_successor),
        T(attempts_follow_the_schedule_and_end),
        T(a_last_attempt_that_was_interrupted_ends_the_delivery),
        T(three_days_of_failing_disable),
        T(old_deliveries_are_swept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
