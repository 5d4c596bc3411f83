/* SPDX-License-Identifier: Apache-2.0
 *
 * For the tests of billing: the service's state on a real Postgres, calls as the dispatcher makes
 * them, events as the relays of other services bring them. Included by one program each. */
#ifndef ASSAY_BILLING_BILLING_LAB_H
#define ASSAY_BILLING_BILLING_LAB_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "billing/bil_store.h"
#include "billing/bil_writer.h"
#include "billing/billing.h"
#include "billing_sql.h"
#include "tests/support/db_lab.h"
#include "tests/support/pg.h"

/* Last: cmocka defines a macro fail(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define AT_US INT64_C(1736937000000000) /* 2025-01-15T10:30:00 */
#define DAY_US (INT64_C(86400) * 1000000)
#define ORG 7
#define USD INT64_C(1000000)

static struct db *db;
static struct billing billing;
static struct billing_cfg lab_cfg = {.plan = "free",
                                     .bundles = "10,25",
                                     .topup_min_usd = 5,
                                     .topup_max_usd = 500,
                                     .stripe_url = "http://127.0.0.1:9",
                                     .stripe_key = "",
                                     .stripe_webhook_secret = "",
                                     .writers = 2};

struct call {
    struct arena *arena;
    struct ctx ctx;
};

static inline struct call
call_begin(int64_t org)
{
    struct call c = {.arena = arena_new((size_t)8 << 20)};

    ctx_init(&c.ctx, c.arena);
    c.ctx.deadline_us = clk_wall_us() + 60 * ASSAY_US_PER_S;
    c.ctx.who = (struct principal){.org_id = org, .kind = org == 0 ? TOKEN_SERVICE : TOKEN_JWT};
    return c;
}

static inline int
set_up(void **state)
{
    const struct db_cfg cfg = DB_LAB_CFG(billing, pg_support_uri());
    struct call c = call_begin(0);

    (void)state;
    pg_support_exec("DROP SCHEMA IF EXISTS billing CASCADE");
    assert_int_equal(db_open(&cfg, &db), RC_OK);
    assert_int_equal(db_migrate(db, &c.ctx), RC_OK);
    assert_int_equal(db_check(db, &c.ctx), RC_OK);
    const char *why = "";
    billing = (struct billing){.db = NULL};
    assert_int_equal(billing_open(&billing, db, &lab_cfg, &why), RC_OK);
    assert_int_equal(bil_writer_new(db, lab_cfg.plan, 2, &billing.writer), RC_OK);
    arena_free(c.arena);
    return 0;
}

static inline int
tear_down(void **state)
{
    (void)state;
    billing_close(&billing);
    db_close(db);
    return 0;
}

struct event {
    char id[ID_UUID_LEN + 1];
    char data[300];
    Assay__Event msg;
};

static inline struct event *
event(const char *type, int64_t org, const char *data)
{
    struct event *e = calloc(1, sizeof(*e));

    assert_non_null(e);
    id_uuid(e->id);
    (void)snprintf(e->data, sizeof(e->data), "%s", data);
    assay__event__init(&e->msg);
    e->msg.id = e->id;
    e->msg.type = (char *)(uintptr_t)type;
    e->msg.org_id = org;
    e->msg.at_us = AT_US;
    e->msg.has_data = 1;
    e->msg.data.data = (uint8_t *)e->data;
    e->msg.data.len = strlen(e->data);
    return e;
}

/* Returns how many were accepted, -1 when the call failed. */
static inline int
deliver(struct event **events, size_t n)
{
    struct call c = call_begin(0);
    Assay__DeliverEventsRequest req = ASSAY__DELIVER_EVENTS_REQUEST__INIT;
    Assay__DeliverEventsResponse resp = ASSAY__DELIVER_EVENTS_RESPONSE__INIT;
    Assay__Event *list[64];
    int accepted = -1;

    assert_true(n <= ARRAY_LEN(list));
    for (size_t i = 0; i < n; i++) {
        list[i] = &events[i]->msg;
    }
    req.events = list;
    req.n_events = n;
    assert_int_equal(db_begin(db, &c.ctx), RC_OK);
    if (billing_deliver_events(&billing, &c.ctx, &req, &resp) == RC_OK) {
        assert_int_equal(db_commit(db, &c.ctx), RC_OK);
        accepted = (int)resp.n_accepted;
    } else {
        db_rollback(db, &c.ctx);
    }
    arena_free(c.arena);
    return accepted;
}

static inline int
deliver_one(const char *type, const char *data)
{
    struct event *e = event(type, 7, data);
    int accepted = deliver(&e, 1);

    free(e);
    return accepted;
}

/* A statement that must break a rule of the schema. */
static inline void
must_be_refused(const char *sql)
{
    char guarded[512];

    (void)snprintf(guarded, sizeof(guarded),
                   "DO $$ BEGIN %s; RAISE EXCEPTION 'it was taken';"
                   " EXCEPTION WHEN check_violation OR foreign_key_violation THEN NULL; END $$",
                   sql);
    pg_support_exec(guarded);
}

/* --- credit -------------------------------------------------------------------------------- */

static inline Assay__GetBalanceResponse
balance(struct call *c)
{
    Assay__GetBalanceRequest req = ASSAY__GET_BALANCE_REQUEST__INIT;
    Assay__GetBalanceResponse resp = ASSAY__GET_BALANCE_RESPONSE__INIT;

    assert_int_equal(billing_get_balance(&billing, &c->ctx, &req, &resp), RC_OK);
    return resp;
}

static inline int64_t
balance_micro(void)
{
    struct call c = call_begin(ORG);
    Assay__GetBalanceResponse b = balance(&c);

    arena_free(c.arena);
    return b.allowance_micro + b.prepaid_micro;
}

static inline struct bil_op
post(enum bil_kind kind, const char *event, int64_t amount)
{
    struct call c = call_begin(0);
    struct bil_op op = {.kind = kind, .event_id = str_z(event), .amount_micro = amount};

    assert_int_equal(bil_writer_post(billing.writer, &c.ctx, ORG, &op, 1), RC_OK);
    arena_free(c.arena);
    return op;
}

static inline enum rc
deduct(const char *event, int64_t amount, const char **out_reason)
{
    struct call c = call_begin(0);
    Assay__DeductRequest req = ASSAY__DEDUCT_REQUEST__INIT;
    Assay__DeductResponse resp = ASSAY__DEDUCT_RESPONSE__INIT;

    req.org_id = ORG;
    req.event_id = (char *)(uintptr_t)event;
    req.amount_micro = amount;
    enum rc rc = billing_deduct(&billing, &c.ctx, &req, &resp);
    *out_reason = c.ctx.err.reason;
    arena_free(c.arena);
    return rc;
}

static inline void
add_up(void)
{
    struct call c = call_begin(0);
    int64_t *orgs = NULL;
    size_t n = 99;

    assert_int_equal(bil_ledger_faults(db, &c.ctx, &orgs, &n), RC_OK);
    assert_int_equal(n, 0);
    arena_free(c.arena);
}

#endif
