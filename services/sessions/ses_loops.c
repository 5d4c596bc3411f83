/* SPDX-License-Identifier: Apache-2.0
 *
 * What happens by itself: sessions open, people who wait get devices, what is dead is ended. */
#include "log/log.h"
#include "sessions/sessions.h"
#include "sessions_sql.h"
#include "worker_client.h"

#define OPEN_US (20 * ASSAY_US_PER_S)

static enum rc
in_tx(struct sessions *s, struct ctx *ctx, enum rc rc)
{
    if (rc != RC_OK) {
        db_rollback(s->db, ctx);
        return rc;
    }
    return db_commit(s->db, ctx);
}

enum rc
ses_end_alone(struct sessions *s, struct ctx *ctx, const char *session_id, const char *status,
              const char *reason)
{
    bool ended = false;
    char *addr = NULL;

    enum rc rc = db_begin(s->db, ctx);
    if (rc != RC_OK) {
        return rc;
    }
    rc = in_tx(s, ctx, ses_end(s, ctx, session_id, status, reason, &ended, &addr));
    if (rc == RC_OK && ended) {
        ses_close_at_worker(s, ctx, session_id, addr);
    }
    return rc;
}

/* --- opening ------------------------------------------------------------------------------- */

static void
open_one(struct sessions *s, struct ctx *ctx, const struct db_result *res, int row)
{
    Assay__OpenSessionRequest req = ASSAY__OPEN_SESSION_REQUEST__INIT;
    Assay__Empty *resp = NULL;

    req.session_id = db_strz(res, row, 0);
    req.device_id = db_strz(res, row, 1);
    ctx->deadline_us = clk_wall_us() + OPEN_US;
    enum rc rc =
        worker_call_open_session(svc_peers(s->svc), db_strz(res, row, 2), ctx, &req, &resp);
    if (rc == RC_OK) {
        rc = DB_QUERY(s->db, ctx, Q_SESSION_ACTIVATE, NULL, DB_ARG_Z(req.session_id));
    }
    if (rc != RC_OK) {
        log_line(LOG_WARN_LEVEL, ctx, "open_failed", "a session could not be opened",
                 LOG_Z("session", req.session_id));
        ctx_recover(ctx);
        ctx->deadline_us = clk_wall_us() + OPEN_US;
        if (ses_end_alone(s, ctx, req.session_id, "failed", "the device did not open") != RC_OK) {
            ctx_recover(ctx); /* opening_until runs out, and it is tried again */
        }
    }
}

bool
ses_open_loop(void *state, struct ctx *ctx)
{
    struct sessions *s = state;
    const struct db_result *res = NULL;

    if (DB_QUERY0(s->db, ctx, Q_SESSION_TAKE_STARTING, &res) != RC_OK) {
        return false; /* what stands in ctx is logged by the loop */
    }
    for (int i = 0; i < db_rows(res); i++) {
        open_one(s, ctx, res, i);
    }
    return db_rows(res) > 0;
}

/* --- the queue of people ------------------------------------------------------------------- */

static enum rc
serve_queue(struct sessions *s, struct ctx *ctx)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY0(s->db, ctx, Q_QUEUE_PEOPLE, &res);
    for (int i = 0; rc == RC_OK && i < db_rows(res); i++) {
        struct ses_device device;
        struct ses_want want = {db_strz(res, i, 2), db_strz(res, i, 3), db_strz(res, i, 4)};
        char *session_id = db_strz(res, i, 1);
        rc = ses_claim(s, ctx, session_id, &want, db_i64(res, i, 0), &device);
        if (rc == RC_OK && device.device_id != NULL) {
            rc = ses_place(s, ctx, session_id, "starting", &device);
            rc = rc == RC_OK
                     ? DB_QUERY(s->db, ctx, Q_QUEUE_DROP_SESSION, NULL, DB_ARG_Z(session_id))
                     : rc;
            rc = rc == RC_OK ? ses_tell_started(s, ctx, db_i64(res, i, 5), session_id, device.name)
                             : rc;
        }
    }
    return rc;
}

bool
ses_queue_loop(void *state, struct ctx *ctx)
{
    struct sessions *s = state;

    enum rc rc = db_begin(s->db, ctx);
    rc = rc == RC_OK ? in_tx(s, ctx, serve_queue(s, ctx)) : rc;
    (void)rc; /* a failure stands in ctx: the loop logs it */
    return false;
}

/* --- sweeping ------------------------------------------------------------------------------ */

static enum rc
end_listed(struct sessions *s, struct ctx *ctx, const struct db_result *res, const char *status,
           const char *reason)
{
    enum rc rc = RC_OK;

    for (int i = 0; rc == RC_OK && i < db_rows(res); i++) {
        rc = ses_end_alone(s, ctx, db_strz(res, i, 0), status, reason);
    }
    return rc;
}

/* Workers that fell silent and runs that stopped asking; not when nobody could speak or ask. */
static enum rc
sweep_silent(struct sessions *s, struct ctx *ctx)
{
    const struct db_result *res = NULL;
    bool ripe = false;

    enum rc rc = svc_leases_ripe(s->db, ctx, s->cfg->worker_lease_us, &ripe);
    if (rc != RC_OK || !ripe) {
        return rc;
    }
    rc = DB_QUERY0(s->db, ctx, Q_SESSIONS_OF_DEAD_WORKERS, &res);
    rc = rc == RC_OK ? end_listed(s, ctx, res, "failed", "the device's worker is gone") : rc;
    rc = rc == RC_OK ? DB_QUERY0(s->db, ctx, Q_QUEUE_EXPIRE_JOBS, NULL) : rc;
    return rc == RC_OK ? DB_QUERY0(s->db, ctx, Q_WORKERS_FORGET, NULL) : rc;
}

bool
ses_sweep_loop(void *state, struct ctx *ctx)
{
    struct sessions *s = state;
    const struct db_result *res = NULL;

    enum rc rc = sweep_silent(s, ctx);
    if (rc == RC_OK) {
        rc = DB_QUERY(s->db, ctx, Q_SESSIONS_IDLE, &res, DB_ARG_I64(s->cfg->idle_us));
    }
    rc = rc == RC_OK ? end_listed(s, ctx, res, "stopped", "nobody used it") : rc;
    rc = rc == RC_OK ? ses_end_limited(s, ctx) : rc;
    rc = rc == RC_OK ? ses_end_gone(s, ctx) : rc;
    (void)rc;
    return false;
}
