/* SPDX-License-Identifier: Apache-2.0
 *
 * The webhooks service without its process, for tests: handlers on a real Postgres, writes in a
 * transaction as the dispatcher runs them. One program includes it once, after nothing. */
#ifndef ASSAY_WEBHOOKS_LAB_H
#define ASSAY_WEBHOOKS_LAB_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "sec/token.h"
#include "tests/support/db_lab.h"
#include "tests/support/pg.h"
#include "webhooks/catalogue.h"
#include "webhooks/webhooks.h"
#include "webhooks/whk_engine.h"
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
                                           .in_flight = 16,
                                           .per_endpoint = 4,
                                           .overlap_us = 86400 * ASSAY_US_PER_S,
                                           .github_url = "http://127.0.0.1:9"};
static struct webhooks_cfg private_cfg;

static struct db *db;
static struct webhooks webhooks;

struct call {
    struct arena *arena;
    struct ctx ctx;
};

static inline struct call
call_begin(int64_t org)
{
    struct call c = {.arena = arena_new((size_t)32 << 20)};

    ctx_init(&c.ctx, c.arena);
    c.ctx.deadline_us = clk_wall_us() + 60 * ASSAY_US_PER_S;
    c.ctx.who = (struct principal){.org_id = org, .kind = TOKEN_SERVICE};
    if (org != 0) {
        c.ctx.who.user_id = 5;
        c.ctx.who.role = ROLE_ADMIN;
        c.ctx.who.kind = TOKEN_JWT;
    }
    return c;
}

static inline void
call_end(struct call *c)
{
    arena_free(c->arena);
}

static inline void
open_with(const struct webhooks_cfg *cfg)
{
    struct call c = call_begin(0);

    whk_close(&webhooks);
    assert_int_equal(whk_open(&webhooks, &c.ctx, NULL, db, cfg), RC_OK);
    call_end(&c);
}

static inline int
set_up(void **state)
{
    const struct db_cfg cfg = DB_LAB_CFG(webhooks, pg_support_uri());
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

static inline int
tear_down(void **state)
{
    (void)state;
    whk_close(&webhooks);
    db_close(db);
    return 0;
}

/* --- calls --------------------------------------------------------------------------------- */

/* Commits what went well and returns the code. */
static inline enum rc
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

static inline enum rc
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
static inline int64_t
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

static inline enum rc
create_fails(const char *url, const char *type, char reason[64])
{
    struct call c = call_begin(7);
    Assay__CreateWebhookResponse resp;

    enum rc rc = create_in(&c, NULL, url, &type, type == NULL ? 0 : 1, &resp);
    (void)snprintf(reason, 64, "%s", rc == RC_OK ? "" : c.ctx.err.reason);
    call_end(&c);
    return rc;
}

static inline enum rc
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

static inline enum rc
erase(int64_t org, int64_t id)
{
    struct call c = call_begin(org);
    Assay__DeleteWebhookRequest req = ASSAY__DELETE_WEBHOOK_REQUEST__INIT;
    Assay__StatusText resp = ASSAY__STATUS_TEXT__INIT;

    req.webhook_id = id;
    assert_int_equal(db_begin(db, &c.ctx), RC_OK);
    enum rc rc = end_tx(&c, webhooks_delete_webhook(&webhooks, &c.ctx, &req, &resp));
    if (rc == RC_OK) {
        assert_string_equal(resp.status, "deleted");
    }
    call_end(&c);
    return rc;
}

static inline enum rc
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
static inline int
tell_full(const char *id, const char *type, int64_t org, const char *data, const char *order_key)
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
    event.order_key = (char *)(uintptr_t)order_key;
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

static inline int
tell(const char *id, const char *type, int64_t org, const char *data)
{
    return tell_full(id, type, org, data, NULL);
}

/* An event of organization 7 about the thing that `order_key` names. */
static inline int
tell_of(const char *id, const char *order_key)
{
    return tell_full(id, "run.passed", 7, "{\"n\":1}", order_key);
}

static inline void
tell_new(int64_t org)
{
    char id[ID_UUID_LEN + 1];

    id_uuid(id);
    assert_int_equal(tell(id, "run.passed", org, "{\"n\":1}"), 1);
}

static inline int64_t
count(const char *from)
{
    char sql[700];

    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM webhooks.%s", from);
    return pg_support_i64(sql);
}

/* --- sending ------------------------------------------------------------------------------- */

/* Claims up to `max` attempts into `jobs`, whose texts live in the call's arena. */
static inline size_t
claim(struct call *c, bool failing, size_t max, struct whk_job *jobs)
{
    static const struct str KINDS[] = {STR_INIT(WHK_KIND_WEBHOOK), STR_INIT(WHK_KIND_SLACK),
                                       STR_INIT(WHK_KIND_TEAMS), STR_INIT(WHK_KIND_GITHUB)};
    const struct whk_claim what = {.limit = (int64_t)max,
                                   .failing = failing,
                                   .kinds = KINDS,
                                   .kind_count = ARRAY_LEN(KINDS),
                                   .lease_us = LEASE_US,
                                   .retry = &webhooks.retry};
    struct whk_job *found = NULL;
    size_t n = 0;

    assert_int_equal(db_begin(db, &c->ctx), RC_OK);
    assert_int_equal(whk_claim(db, &c->ctx, &what, &found, &n), RC_OK);
    assert_int_equal(db_commit(db, &c->ctx), RC_OK);
    for (size_t i = 0; i < n; i++) {
        jobs[i] = found[i];
    }
    return n;
}

/* Stores what became of an attempt; true when its endpoint has had its time. */
static inline bool
record(struct call *c, const struct whk_job *job, struct whk_outcome outcome)
{
    struct whk_hopeless *hopeless = NULL;
    size_t n = 0;

    outcome.delivery_id = job->delivery_id;
    outcome.endpoint_id = job->endpoint_id;
    outcome.attempt = job->attempt;
    outcome.was_failing = job->failing;
    assert_int_equal(db_begin(db, &c->ctx), RC_OK);
    assert_int_equal(whk_record(db, &c->ctx, &outcome, 1, &webhooks.retry,
                                webhooks.cfg->disable_after_us, &hopeless, &n),
                     RC_OK);
    assert_int_equal(db_commit(db, &c->ctx), RC_OK);
    return n > 0;
}

/* One round of the loop, and what it began awaited and stored. */
static inline void
deliver_round(void)
{
    struct call c = call_begin(0);

    (void)whk_deliver(&webhooks, &c.ctx);
    (void)whk_deliver_failing(&webhooks, &c.ctx);
    assert_int_equal(c.ctx.err.code, RC_OK);
    assert_true(whk_engine_drain(webhooks.engine, &c.ctx, 10 * ASSAY_US_PER_S));
    assert_int_equal(c.ctx.err.code, RC_OK);
    call_end(&c);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
