/* SPDX-License-Identifier: Apache-2.0
 *
 * Carries the outbox to the services that are to be told, and sweeps the common tables. Rows are
 * claimed for a while, delivered without a transaction open, and deleted when the receiver has
 * them; a relay that dies in between leaves rows that come back by themselves, so an event may
 * arrive twice and the receiver's inbox tells.
 *
 * A receiver that cannot be reached costs nothing but waiting. An event that a receiver refuses is
 * tried alone, ever more rarely, and is put aside as dead after REFUSALS_MAX; until then those with
 * its order_key wait behind it. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <assay/common.pb-c.h>

#include "auth_client.h"
#include "base/id.h"
#include "billing_client.h"
#include "pb/pb.h"
#include "svc/svc_int.h"
#include "tests_client.h"
#include "webhooks_client.h"

#define BATCH 100
#define CALL_US (3 * ASSAY_US_PER_S)
#define CLAIM_US (8 * ASSAY_US_PER_S)
#define PERIOD_US (1 * ASSAY_US_PER_S)
#define BUDGET_US (20 * ASSAY_US_PER_S)
#define PAUSE_FIRST_US (200 * ASSAY_US_PER_MS)
#define PAUSE_MAX_US (30 * ASSAY_US_PER_S)
#define REFUSALS_MAX 30
#define SWEEP_US (60 * ASSAY_US_PER_S)
#define DEPTH_US (15 * ASSAY_US_PER_S)
#define LOCK_TRIES 5
#define TARGETS_MAX 4

struct target {
    enum svc_tell tell;
    const struct rpc_method *method;
    int fails;             /* deliveries in a row that did not get through */
    int64_t not_before_us; /* mono */
};

struct relay {
    struct svc *svc;
    struct target targets[TARGETS_MAX];
    int64_t looked_us; /* mono: when all targets were looked at */
    int64_t swept_us, depth_us;
};

struct claimed {
    int64_t id;
    struct str key;
    Assay__Event *event;
    bool settled;
};

/* What became of a delivery. */
enum fate { TOLD, UNREACHED, REFUSED };

/* --- claiming ------------------------------------------------------------------------------ */

static enum rc
claim_in_tx(struct relay *relay, struct ctx *ctx, const struct target *target,
            const struct db_result **out, bool *out_locked)
{
    struct db *db = relay->svc->db;
    const struct db_result *res;

    enum rc rc = DB_QUERY(db, ctx, DB_COMMON(Q_OUTBOX_LOCK), &res, DB_ARG_I64(target->tell));
    if (rc != RC_OK) {
        return rc;
    }
    *out_locked = db_bool(res, 0, 0);
    return !*out_locked
               ? RC_OK
               : DB_QUERY(db, ctx, DB_COMMON(Q_OUTBOX_CLAIM), out, DB_ARG_I64(target->tell),
                          DB_ARG_I64(BATCH), DB_ARG_I64(CLAIM_US));
}

/* Another relay holds the lock for the time of its claim only: worth a short wait. */
static enum rc
claim(struct relay *relay, struct ctx *ctx, const struct target *target,
      const struct db_result **out)
{
    struct db *db = relay->svc->db;
    const struct timespec pause = {.tv_nsec = 2000000};
    bool locked = false;

    *out = NULL;
    for (int i = 0; i < LOCK_TRIES && !locked; i++) {
        if (i > 0) {
            (void)nanosleep(&pause, NULL);
        }
        enum rc rc = db_begin(db, ctx);
        if (rc != RC_OK) {
            return rc;
        }
        rc = claim_in_tx(relay, ctx, target, out, &locked);
        if (rc != RC_OK) {
            db_rollback(db, ctx);
            return rc;
        }
        rc = db_commit(db, ctx);
        if (rc != RC_OK) {
            return rc;
        }
    }
    if (!locked) {
        (void)atomic_fetch_or(&relay->svc->told, target->tell); /* whoever wakes us next */
    }
    return RC_OK;
}

static enum rc
refuse(struct relay *relay, struct ctx *ctx, struct claimed *row, const char *cause)
{
    row->settled = true;
    return DB_QUERY(relay->svc->db, ctx, DB_COMMON(Q_OUTBOX_REFUSED), NULL, DB_ARG_I64(row->id),
                    DB_ARG_Z(cause), DB_ARG_I64(REFUSALS_MAX));
}

static enum rc
read_rows(struct relay *relay, struct ctx *ctx, const struct db_result *res, struct claimed *rows)
{
    for (int i = 0; i < db_rows(res); i++) {
        ProtobufCMessage *event;
        rows[i] = (struct claimed){.id = db_i64(res, i, 0), .key = db_str(res, i, 3)};
        if (pb_unpack(ctx->arena, &assay__event__descriptor, db_bytes(res, i, 1), &event) ==
            RC_OK) {
            rows[i].event = (Assay__Event *)event;
            continue;
        }
        enum rc rc = refuse(relay, ctx, &rows[i], "UNREADABLE");
        if (rc != RC_OK) {
            return rc;
        }
    }
    return RC_OK;
}

/* --- delivering ---------------------------------------------------------------------------- */

static enum fate
fate_of(enum rc rc)
{
    switch (rc) {
    case RC_OK:
        return TOLD;
    case RC_UNAVAILABLE:
    case RC_DEADLINE_EXCEEDED:
    case RC_UNKNOWN:
    case RC_RESOURCE_EXHAUSTED:
    case RC_ABORTED:
    case RC_CANCELLED:
    case RC_UNAUTHENTICATED: /* certificates, not events */
        return UNREACHED;
    default:
        return REFUSED;
    }
}

/* Tells `n` rows in one call; those that the receiver has become settled, their ids go to done. */
static enum fate
tell(struct relay *relay, struct ctx *ctx, const struct target *target, struct claimed **rows,
     size_t n, int64_t *done, size_t *done_count, const char **out_cause)
{
    Assay__DeliverEventsRequest req = ASSAY__DELIVER_EVENTS_REQUEST__INIT;
    Assay__Event *events[BATCH];
    ProtobufCMessage *answer = NULL;
    struct ctx own;

    for (size_t i = 0; i < n; i++) {
        events[i] = rows[i]->event;
    }
    req.n_events = n;
    req.events = events;
    svc__service_ctx(relay->svc, &own, ctx->arena, CALL_US);
    enum rc rc = rpc_call(svc_client(relay->svc, svc__peer_of(target->tell)), &own, target->method,
                          &req.base, &answer);
    *out_cause = own.err.reason;
    if (rc != RC_OK) {
        return fate_of(rc);
    }
    const Assay__DeliverEventsResponse *resp = (const Assay__DeliverEventsResponse *)answer;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < resp->n_accepted && !rows[i]->settled; k++) {
            if (strcmp(resp->accepted[k], rows[i]->event->id) == 0) {
                rows[i]->settled = true;
                done[(*done_count)++] = rows[i]->id;
            }
        }
    }
    *out_cause = "NOT_ACCEPTED";
    return TOLD;
}

static bool
is_behind(const struct claimed *row, const struct claimed *rows, size_t before)
{
    for (size_t i = 0; i < before && row->key.n > 0; i++) {
        if (!rows[i].settled && str_eq(rows[i].key, row->key)) {
            return true;
        }
    }
    return false;
}

/* One by one after a batch was refused as a whole, so that the culprit alone is held back. A row
 * whose predecessor of the same key was refused is left for later. */
static enum rc
tell_each(struct relay *relay, struct ctx *ctx, const struct target *target, struct claimed *rows,
          size_t n, int64_t *done, size_t *done_count)
{
    bool held[BATCH] = {false};

    for (size_t i = 0; i < n; i++) {
        struct claimed *row = &rows[i];
        const char *cause;
        bool waits = row->settled;
        for (size_t k = 0; k < i && !waits; k++) {
            waits = held[k] && row->key.n > 0 && str_eq(rows[k].key, row->key);
        }
        if (waits || is_behind(row, rows, i)) {
            continue;
        }
        enum fate fate = tell(relay, ctx, target, &row, 1, done, done_count, &cause);
        if (fate == UNREACHED) {
            return RC_OK;
        }
        if (!row->settled) {
            held[i] = true;
            enum rc rc = refuse(relay, ctx, row, cause);
            if (rc != RC_OK) {
                return rc;
            }
        }
    }
    return RC_OK;
}

/* --- one round for one target -------------------------------------------------------------- */

static void
note_fate(struct target *target, bool reached)
{
    if (reached) {
        target->fails = 0;
        target->not_before_us = 0;
        return;
    }
    int64_t us = PAUSE_FIRST_US << (target->fails < 8 ? target->fails : 8);
    us = us < PAUSE_MAX_US ? us : PAUSE_MAX_US;
    target->fails++;
    target->not_before_us = clk_mono_us() + us / 2 + (int64_t)(id_random_u64() % (uint64_t)us);
}

static enum rc
deliver(struct relay *relay, struct ctx *ctx, struct target *target, struct claimed *rows, size_t n,
        int64_t *done, size_t *done_count)
{
    struct claimed *batch[BATCH];
    size_t count = 0;
    const char *cause = NULL;

    for (size_t i = 0; i < n; i++) {
        if (!rows[i].settled) {
            batch[count++] = &rows[i];
        }
    }
    if (count == 0) {
        return RC_OK;
    }
    enum fate fate = tell(relay, ctx, target, batch, count, done, done_count, &cause);
    note_fate(target, fate != UNREACHED);
    if (fate == UNREACHED) {
        log_line(LOG_DEBUG_LEVEL, ctx, "outbox_waits", "a receiver of events is not reachable",
                 LOG_I64("target", target->tell), LOG_Z("cause", cause));
        return RC_OK;
    }
    bool all = fate == TOLD && *done_count == count;
    return all ? RC_OK : tell_each(relay, ctx, target, rows, n, done, done_count);
}

/* Deletes what was told and gives the rest back. */
static enum rc
settle(struct relay *relay, struct ctx *ctx, const struct target *target,
       const struct claimed *rows, size_t n, const int64_t *done, size_t done_count)
{
    int64_t open[BATCH];
    size_t open_count = 0;
    struct db *db = relay->svc->db;
    enum rc rc = RC_OK;

    for (size_t i = 0; i < n; i++) {
        if (!rows[i].settled) {
            open[open_count++] = rows[i].id;
        }
    }
    if (done_count > 0) {
        rc = DB_QUERY(db, ctx, DB_COMMON(Q_OUTBOX_DONE), NULL, DB_ARG_I64S(done, done_count));
        met_add(relay->svc->metrics.outbox_told, (size_t)target->tell, 0, (int64_t)done_count);
    }
    if (rc == RC_OK && open_count > 0) {
        int64_t wait = target->not_before_us - clk_mono_us();
        rc = DB_QUERY(db, ctx, DB_COMMON(Q_OUTBOX_RELEASE), NULL, DB_ARG_I64S(open, open_count),
                      DB_ARG_I64(wait > 0 ? wait : 0));
    }
    return rc;
}

/* *out_more: there may be another batch. */
static enum rc
serve_target(struct relay *relay, struct ctx *ctx, struct target *target, bool *out_more)
{
    const struct db_result *res;
    int64_t done[BATCH];
    size_t done_count = 0;

    enum rc rc = claim(relay, ctx, target, &res);
    if (rc != RC_OK || res == NULL || db_rows(res) == 0) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    struct claimed *rows = ARENA_ARRAY(ctx->arena, n, struct claimed);
    if (rows == NULL) {
        return fail_memory(ctx, "the batch is too large");
    }
    rc = read_rows(relay, ctx, res, rows);
    if (rc == RC_OK) {
        rc = deliver(relay, ctx, target, rows, n, done, &done_count);
    }
    if (rc == RC_OK) {
        rc = settle(relay, ctx, target, rows, n, done, done_count);
    }
    *out_more = rc == RC_OK && done_count > 0 && n == BATCH;
    return rc;
}

/* --- the loop ------------------------------------------------------------------------------ */

static enum rc
sweep(struct relay *relay, struct ctx *ctx)
{
    static const int QUERIES[] = {DB_COMMON(Q_IDEMPOTENCY_SWEEP), DB_COMMON(Q_INBOX_SWEEP)};
    int64_t now = clk_mono_us();
    bool more = false;

    if (now - relay->swept_us < SWEEP_US) {
        return RC_OK;
    }
    for (size_t i = 0; i < ARRAY_LEN(QUERIES); i++) {
        const struct db_result *res;
        enum rc rc = DB_QUERY0(relay->svc->db, ctx, QUERIES[i], &res);
        if (rc != RC_OK) {
            return rc;
        }
        more = more || db_affected(res) >= 1000;
    }
    relay->swept_us = more ? 0 : now;
    return RC_OK;
}

static enum rc
measure(struct relay *relay, struct ctx *ctx)
{
    const struct svc_metrics *m = &relay->svc->metrics;
    const struct db_result *res;
    int64_t now = clk_mono_us();

    if (now - relay->depth_us < DEPTH_US) {
        return RC_OK;
    }
    enum rc rc = DB_QUERY0(relay->svc->db, ctx, DB_COMMON(Q_OUTBOX_DEPTH), &res);
    if (rc == RC_OK) {
        met_set(m->outbox_rows, 0, 0, db_i64(res, 0, 0));
        met_set(m->outbox_dead, 0, 0, db_i64(res, 0, 1));
        met_set(m->outbox_age, 0, 0, db_i64(res, 0, 2));
        relay->depth_us = now;
    }
    return rc;
}

/* Targets that something was committed for here, since they were looked at last; from time to time
 * all: what another process left behind, or what is to be tried again. */
static unsigned
take_told(struct relay *relay)
{
    unsigned told = atomic_exchange(&relay->svc->told, 0);
    int64_t now = clk_mono_us();

    if (now - relay->looked_us >= PERIOD_US * 9 / 10) {
        relay->looked_us = now;
        return ~0U;
    }
    return told;
}

static bool
relay_run(void *state, struct ctx *ctx)
{
    struct relay *relay = state;
    unsigned told = take_told(relay);
    bool more = false;
    enum rc rc = RC_OK;

    for (size_t i = 0; i < ARRAY_LEN(relay->targets) && rc == RC_OK; i++) {
        struct target *target = &relay->targets[i];
        bool has_more = false;
        if ((told & target->tell) != 0 && svc__uses(relay->svc, svc__peer_of(target->tell)) &&
            clk_mono_us() >= target->not_before_us && !svc_is_stopping(relay->svc)) {
            rc = serve_target(relay, ctx, target, &has_more);
        }
        if (has_more) {
            (void)atomic_fetch_or(&relay->svc->told, target->tell);
            more = true;
        }
    }
    if (rc == RC_OK && !more) {
        rc = sweep(relay, ctx);
    }
    if (rc == RC_OK && !more) {
        rc = measure(relay, ctx);
    }
    return rc == RC_OK && more;
}

enum svc_peer
svc__peer_of(enum svc_tell tell)
{
    switch (tell) {
    case TELL_AUDIT:
        return SVC_AUTH;
    case TELL_BILLING:
        return SVC_BILLING;
    case TELL_WEBHOOKS:
        return SVC_WEBHOOKS;
    case TELL_TESTS:
        break;
    }
    return SVC_TESTS;
}

enum rc
svc__relay_start(struct svc *svc)
{
    static struct relay relay; /* lives as long as the process */

    relay = (struct relay){
        .svc = svc,
        .targets = {{.tell = TELL_AUDIT, .method = &auth_method_deliver_events},
                    {.tell = TELL_BILLING, .method = &billing_method_deliver_events},
                    {.tell = TELL_WEBHOOKS, .method = &webhooks_method_deliver_events},
                    {.tell = TELL_TESTS, .method = &tests_method_deliver_events}},
    };
    return svc__loop_start(svc, SVC_RELAY, false, PERIOD_US, BUDGET_US, relay_run, &relay);
}
