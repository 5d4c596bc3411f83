/* SPDX-License-Identifier: Apache-2.0
 *
 * Transactions. BEGIN and the organization travel with the statement that follows them; what was
 * deferred travels with COMMIT. */
#include "db/db_int.h"

#include <stdio.h>

#define ROLLBACK_US (2 * ASSAY_US_PER_S)

/* --- what comes before a statement ------------------------------------------------------------ */

static int64_t
wanted_org(const struct ctx *ctx)
{
    bool is_user = ctx->who.kind != TOKEN_NONE && ctx->who.kind != TOKEN_SERVICE;

    return is_user && ctx->who.org_id == 0 ? -1 : ctx->who.org_id;
}

static void
step_own(struct db_conn *conn, enum db__step kind, enum db__own own)
{
    db__step_run(conn, kind, conn->db->own_first + (int)own, NULL);
}

static void
step_org(struct db_conn *conn, int64_t org_id)
{
    char text[24];
    struct db__params params = {.values = {text}, .count = 1};

    (void)snprintf(text, sizeof text, "%lld", (long long)org_id);
    conn->org_wanted = org_id;
    db__step_run(conn, STEP_ORG, conn->db->own_first + OWN_ORG, &params);
}

void
db__lead_in(struct db_conn *conn, const struct ctx *ctx)
{
    struct db__tx *tx = &conn->tx;
    int64_t org_id = wanted_org(ctx);

    if (!conn->org_known || conn->org_id != org_id) {
        step_org(conn, org_id);
        if (tx->state == TX_OPEN) {
            tx->org_changed = true;
        } else if (tx->state == TX_PENDING) {
            db__step_sync(conn); /* outside: a rollback must not take it back */
        }
    }
    if (tx->state == TX_PENDING) {
        step_own(conn, STEP_BEGIN, OWN_BEGIN);
    }
}

void
db__note_reply(struct db_conn *conn, const struct db__reply *reply)
{
    struct db__tx *tx = &conn->tx;

    if (tx->state == TX_NONE) {
        return;
    }
    if (reply->lost) {
        /* With BEGIN unanswered nothing is known to the caller: the same may be sent again. */
        tx->state = tx->state == TX_PENDING ? TX_PENDING : TX_LOST;
        return;
    }
    if (reply->began) {
        tx->state = TX_OPEN;
    }
    if (reply->error != NULL && tx->state == TX_OPEN) {
        tx->state = TX_FAILED;
    }
}

/* --- begin, commit, rollback ------------------------------------------------------------------ */

bool
db_in_tx(const struct ctx *ctx)
{
    return ctx->conn != NULL;
}

static void
tx_reset(struct db_conn *conn, struct ctx *ctx)
{
    struct db__tx *tx = &conn->tx;

    if (tx->org_changed) {
        conn->org_known = false;
    }
    *tx = (struct db__tx){.state = TX_NONE};
    ctx->conn = NULL;
}

enum rc
db_begin(struct db *db, struct ctx *ctx)
{
    if (ctx->conn != NULL) {
        ctx->conn->tx.depth++;
        return RC_OK;
    }
    struct db_conn *conn = db__thread_conn(db);
    if (conn->tx.state != TX_NONE) {
        return fail(ctx, RC_INTERNAL, "DB_CONTEXT", "internal error");
    }
    enum rc rc = db__ensure(conn, ctx);
    if (rc != RC_OK) {
        return rc;
    }
    conn->tx = (struct db__tx){.state = TX_PENDING, .depth = 1};
    conn->tx.deferred_end = &conn->tx.deferred;
    conn->tx.after_end = &conn->tx.after;
    ctx->conn = conn;
    return RC_OK;
}

static void
send_rollback(struct db_conn *conn)
{
    struct db__reply reply;

    if (conn->tainted) {
        db__drop(conn); /* closing rolls back */
        return;
    }
    step_own(conn, STEP_RUN, OWN_ROLLBACK);
    db__exchange(conn, clk_mono_us() + ROLLBACK_US, &reply);
    if (!reply.lost && reply.error != NULL) {
        db__drop(conn);
    }
    db__reply_fini(&reply);
}

/* Ends the transaction without committing, whatever its depth. */
static void
abandon(struct db_conn *conn, struct ctx *ctx)
{
    if (conn->tx.state == TX_OPEN || conn->tx.state == TX_FAILED) {
        send_rollback(conn);
    }
    tx_reset(conn, ctx);
}

void
db_rollback(struct db *db, struct ctx *ctx)
{
    struct db_conn *conn = ctx->conn;

    (void)db;
    if (conn == NULL) {
        return;
    }
    if (conn->tx.depth > 1) {
        conn->tx.depth--;
        conn->tx.doomed = true;
        return;
    }
    abandon(conn, ctx);
}

static enum rc
refuse_commit(struct db_conn *conn, struct ctx *ctx)
{
    if (conn->tx.state == TX_LOST) {
        return db__fail_lost(ctx, false);
    }
    if (conn->tx.state == TX_FAILED) {
        return fail(ctx, RC_INTERNAL, "DB_TX_FAILED", "internal error");
    }
    if (conn->tx.doomed) {
        return fail(ctx, RC_ABORTED, "DB_TX_DOOMED", "a part of the change was given up");
    }
    return ctx_check_deadline(ctx);
}

static enum rc
commit_outcome(struct db_conn *conn, struct ctx *ctx, const struct db__reply *reply)
{
    if (reply->lost) {
        return db__fail_lost(ctx, true);
    }
    if (reply->error != NULL) {
        return db__fail_pg(conn, ctx, reply->error, reply->error_stmt);
    }
    if (!reply->committed) {
        return fail(ctx, RC_INTERNAL, "DB_TX_FAILED", "internal error");
    }
    return RC_OK;
}

static enum rc
send_commit(struct db_conn *conn, struct ctx *ctx)
{
    struct db__reply reply;

    db__lead_in(conn, ctx);
    for (struct db__deferred *d = conn->tx.deferred; d != NULL; d = d->next) {
        db__step_run(conn, STEP_RUN, d->stmt, &d->params);
    }
    step_own(conn, STEP_COMMIT, OWN_COMMIT);
    db__exchange(conn, db__until(conn->db, ctx), &reply);
    enum rc rc = commit_outcome(conn, ctx, &reply);
    if (!reply.lost && reply.error != NULL && reply.error_step != STEP_COMMIT) {
        send_rollback(conn); /* the COMMIT was skipped */
    }
    db__reply_fini(&reply);
    return rc;
}

enum rc
db_commit(struct db *db, struct ctx *ctx)
{
    struct db_conn *conn = ctx->conn;

    (void)db;
    ASSERT(conn != NULL);
    if (conn->tx.depth > 1) {
        conn->tx.depth--;
        return RC_OK;
    }
    enum rc rc = refuse_commit(conn, ctx);
    if (rc != RC_OK) {
        abandon(conn, ctx);
        return rc;
    }
    bool is_empty = conn->tx.state == TX_PENDING && conn->tx.deferred == NULL;
    rc = is_empty ? RC_OK : send_commit(conn, ctx);
    struct db__after *after = conn->tx.after;
    /* A committed set_config stays. */
    conn->tx.org_changed = conn->tx.org_changed && rc != RC_OK;
    tx_reset(conn, ctx);
    for (; rc == RC_OK && after != NULL; after = after->next) {
        after->fn(after->arg);
    }
    return rc;
}

/* --- inside -------------------------------------------------------------------------------- */

enum rc
db_after_commit(struct ctx *ctx, void (*fn)(void *arg), void *arg)
{
    if (ctx->conn == NULL) {
        fn(arg);
        return RC_OK;
    }
    struct db__after *after = ARENA_NEW(ctx->arena, struct db__after);
    if (after == NULL) {
        return fail_memory(ctx, "the request is too large");
    }
    *after = (struct db__after){NULL, fn, arg};
    *ctx->conn->tx.after_end = after;
    ctx->conn->tx.after_end = &after->next;
    return RC_OK;
}
