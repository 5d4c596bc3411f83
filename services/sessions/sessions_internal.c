/* SPDX-License-Identifier: Apache-2.0
 *
 * What workers report and what tests asks: registration, leases, devices for runs. */
#include "base/id.h"
#include "sessions/sessions.h"
#include "sessions_sql.h"

#define STOP_WARNING_US (60 * ASSAY_US_PER_S) /* people are told so long before */

/* --- workers ------------------------------------------------------------------------------- */

static enum rc
end_all(struct sessions *s, struct ctx *ctx, const struct db_result *res, const char *reason)
{
    enum rc rc = RC_OK;

    for (int i = 0; rc == RC_OK && i < db_rows(res); i++) {
        bool ended = false;
        char *addr = NULL;
        rc = ses_end(s, ctx, db_strz(res, i, 0), "failed", reason, &ended, &addr);
    }
    return rc;
}

/* The earlier life of the worker is over: its runs need not wait until their leases say so. */
static enum rc
tell_lost(struct sessions *s, struct ctx *ctx, const struct db_result *res)
{
    enum rc rc = RC_OK;

    for (int i = 0; rc == RC_OK && i < db_rows(res); i++) {
        if (!db_is_null(res, i, 1)) {
            struct svc_event event = {
                .type = "session.lost",
                .tell = TELL_TESTS,
                .org_id = db_i64(res, i, 2),
                .resource_type = STR("session"),
                .resource_id = db_str(res, i, 0),
                .data =
                    arena_printf(ctx->arena, "{\"job_key\":\"%s\"}", db_strz(res, i, 1)), /* N.N */
            };
            rc = svc_emit(s->db, ctx, &event);
        }
    }
    return rc;
}

static enum rc
store_devices(struct sessions *s, struct ctx *ctx, const Assay__RegisterWorkerRequest *req)
{
    struct str *ids = ARENA_ARRAY(ctx->arena, req->n_devices + 1, struct str);
    enum rc rc = RC_OK;

    for (size_t i = 0; ids != NULL && rc == RC_OK && i < req->n_devices; i++) {
        const Assay__WorkerDevice *d = req->devices[i];
        ids[i] = str_z(d->device_id);
        rc = DB_QUERY(s->db, ctx, Q_DEVICE_UPSERT, NULL, DB_ARG_Z(d->device_id),
                      DB_ARG_Z(req->worker_id), DB_ARG_Z(d->name), DB_ARG_Z(d->platform),
                      DB_ARG_Z(d->category), DB_ARG_Z(d->os_version), DB_ARG_Z(d->model),
                      d->has_width ? DB_ARG_I64(d->width) : DB_ARG_NULL,
                      d->has_height ? DB_ARG_I64(d->height) : DB_ARG_NULL);
    }
    if (rc == RC_OK) {
        rc = DB_QUERY(s->db, ctx, Q_DEVICES_DROP_OTHERS, NULL, DB_ARG_Z(req->worker_id),
                      DB_ARG_STRS(ids, req->n_devices));
    }
    return rc;
}

enum rc
sessions_register_worker(struct sessions *s, struct ctx *ctx,
                         const Assay__RegisterWorkerRequest *req,
                         Assay__RegisterWorkerResponse *resp)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(s->db, ctx, Q_WORKER_UPSERT, NULL, DB_ARG_Z(req->worker_id),
                          DB_ARG_Z(req->incarnation), DB_ARG_Z(req->rpc_addr),
                          DB_ARG_I64(s->cfg->worker_lease_us));
    if (rc == RC_OK) {
        rc = DB_QUERY(s->db, ctx, Q_SESSIONS_OF_OLD_WORKER, &res, DB_ARG_Z(req->worker_id),
                      DB_ARG_Z(req->incarnation));
    }
    rc = rc == RC_OK ? tell_lost(s, ctx, res) : rc;
    rc = rc == RC_OK ? end_all(s, ctx, res, "the worker restarted") : rc;
    rc = rc == RC_OK ? store_devices(s, ctx, req) : rc;
    rc = rc == RC_OK ? db_notify(s->db, ctx, LOOP_QUEUE, STR("")) : rc;
    resp->lease_us = s->cfg->worker_lease_us;
    return rc;
}

static struct str *
as_strs(struct ctx *ctx, char *const *list, size_t n)
{
    struct str *strs = ARENA_ARRAY(ctx->arena, n + 1, struct str);

    for (size_t i = 0; strs != NULL && i < n; i++) {
        strs[i] = str_z(list[i]);
    }
    return strs;
}

static enum rc
extend(struct sessions *s, struct ctx *ctx, const Assay__WorkerHeartbeatRequest *req,
       bool *out_known)
{
    const struct db_result *res = NULL;
    int64_t ends_us = req->ending_us < STOP_WARNING_US ? req->ending_us : STOP_WARNING_US;

    enum rc rc = DB_QUERY(s->db, ctx, Q_WORKER_BEAT, &res, DB_ARG_Z(req->worker_id),
                          DB_ARG_Z(req->incarnation), DB_ARG_I64(s->cfg->worker_lease_us),
                          req->has_ending_us ? DB_ARG_I64(ends_us) : DB_ARG_NULL);
    *out_known = rc == RC_OK && db_rows(res) > 0;
    return rc;
}

/* What is open in one place only ends in the other too. */
static enum rc
compare_open(struct sessions *s, struct ctx *ctx, const Assay__WorkerHeartbeatRequest *req,
             Assay__WorkerHeartbeatResponse *resp)
{
    const struct db_result *res = NULL;
    struct str *open = as_strs(ctx, req->session_ids, req->n_session_ids);

    enum rc rc = DB_QUERY(s->db, ctx, Q_SESSIONS_LOST_BY_WORKER, &res, DB_ARG_Z(req->worker_id),
                          DB_ARG_STRS(open, req->n_session_ids));
    rc = rc == RC_OK ? end_all(s, ctx, res, "the worker lost the session") : rc;
    if (rc == RC_OK) {
        rc = DB_QUERY(s->db, ctx, Q_SESSIONS_TO_CLOSE, &res, DB_ARG_STRS(open, req->n_session_ids));
    }
    if (rc != RC_OK) {
        return rc;
    }
    resp->n_close_session_ids = (size_t)db_rows(res);
    resp->close_session_ids = ARENA_ARRAY(ctx->arena, resp->n_close_session_ids + 1, char *);
    for (int i = 0; resp->close_session_ids != NULL && i < db_rows(res); i++) {
        resp->close_session_ids[i] = db_strz(res, i, 0);
    }
    return RC_OK;
}

/* A worker that is being stopped waits until nobody has a device of it. */
static enum rc
count_left(struct sessions *s, struct ctx *ctx, const Assay__WorkerHeartbeatRequest *req,
           Assay__WorkerHeartbeatResponse *resp)
{
    const struct db_result *res = NULL;

    if (!req->has_ending_us) {
        return RC_OK;
    }
    enum rc rc = DB_QUERY(s->db, ctx, Q_SESSIONS_ON_WORKER, &res, DB_ARG_Z(req->worker_id));
    if (rc == RC_OK) {
        PB_SET(resp, sessions, db_rows(res));
    }
    return rc;
}

enum rc
sessions_worker_heartbeat(struct sessions *s, struct ctx *ctx,
                          const Assay__WorkerHeartbeatRequest *req,
                          Assay__WorkerHeartbeatResponse *resp)
{
    bool known = false;
    bool paused = (req->has_paused && req->paused) || req->has_ending_us;

    enum rc rc = extend(s, ctx, req, &known);
    resp->known = known;
    if (rc != RC_OK || !known) {
        return rc;
    }
    rc = compare_open(s, ctx, req, resp);
    rc = rc == RC_OK ? DB_QUERY(s->db, ctx, Q_DEVICES_OFFER, NULL, DB_ARG_Z(req->worker_id),
                                DB_ARG_BOOL(!paused))
                     : rc;
    return rc == RC_OK ? count_left(s, ctx, req, resp) : rc;
}

enum rc
sessions_leave_worker(struct sessions *s, struct ctx *ctx, const Assay__LeaveWorkerRequest *req,
                      Assay__Empty *resp)
{
    const struct db_result *res = NULL;

    (void)resp;
    enum rc rc = DB_QUERY(s->db, ctx, Q_WORKER_LOCK, &res, DB_ARG_Z(req->worker_id),
                          DB_ARG_Z(req->incarnation));
    if (rc != RC_OK || db_rows(res) == 0) {
        return rc;
    }
    rc = DB_QUERY(s->db, ctx, Q_SESSIONS_ON_WORKER, &res, DB_ARG_Z(req->worker_id));
    rc = rc == RC_OK ? end_all(s, ctx, res, SES_WORKER_STOPS) : rc;
    return rc == RC_OK ? DB_QUERY(s->db, ctx, Q_WORKER_LEAVE, NULL, DB_ARG_Z(req->worker_id)) : rc;
}

/* --- devices for runs ---------------------------------------------------------------------- */

/* A run beyond the sessions of its plan waits, and nobody waits behind it. */
static enum rc
hold(struct sessions *s, struct ctx *ctx, const Assay__AcquireDeviceRequest *req, int64_t place,
     bool *out_held)
{
    enum rc rc = ses_check_limits(s, ctx, req->org_id, false);

    *out_held = rc == RC_FAILED_PRECONDITION;
    if (*out_held) {
        ctx_recover(ctx);
        rc = RC_OK;
    }
    return rc == RC_OK && place > 0 ? DB_QUERY(s->db, ctx, Q_QUEUE_HOLD_JOB, NULL,
                                               DB_ARG_Z(req->job_id), DB_ARG_BOOL(*out_held))
                                    : rc;
}

static enum rc
queue_run(struct sessions *s, struct ctx *ctx, const Assay__AcquireDeviceRequest *req, bool held,
          Assay__AcquireDeviceResponse *resp)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(s->db, ctx, Q_DEVICE_EXISTS, &res, DB_ARG_Z(req->platform),
                          DB_ARG_Z(req->category), DB_ARG_Z(req->device_id));
    if (rc != RC_OK) {
        return rc;
    }
    PB_SET(resp, none_connected, db_rows(res) == 0);
    rc = DB_QUERY(s->db, ctx, Q_QUEUE_INSERT_JOB, NULL, DB_ARG_I64(req->org_id),
                  DB_ARG_Z(req->job_id), req->has_user_id ? DB_ARG_I64(req->user_id) : DB_ARG_NULL,
                  DB_ARG_Z(req->platform), DB_ARG_Z(req->category), DB_ARG_Z(req->device_id));
    rc = rc == RC_OK && held ? DB_QUERY(s->db, ctx, Q_QUEUE_HOLD_JOB, NULL, DB_ARG_Z(req->job_id),
                                        DB_ARG_BOOL(true))
                             : rc;
    rc = rc == RC_OK ? DB_QUERY(s->db, ctx, Q_QUEUE_OF_JOB, &res, DB_ARG_Z(req->job_id)) : rc;
    if (rc == RC_OK && db_rows(res) > 0) {
        PB_SET(resp, queue_entry_id, db_i64(res, 0, 0));
        PB_SET(resp, queue_position, db_i64(res, 0, 1));
    }
    return rc;
}

/* True when the job has its device already: a repeated call, or the first answer was lost. */
static enum rc
find_acquired(struct sessions *s, struct ctx *ctx, const Assay__AcquireDeviceRequest *req,
              Assay__AcquireDeviceResponse *resp, bool *out_found)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(s->db, ctx, Q_SESSION_OF_JOB, &res, DB_ARG_Z(req->job_id));
    *out_found = rc == RC_OK && db_rows(res) > 0;
    if (!*out_found) {
        return rc;
    }
    if (!str_eqz(db_str(res, 0, 3), "active")) {
        return fail(ctx, RC_FAILED_PRECONDITION, "JOB_OVER",
                    "the device of this job was given back");
    }
    resp->session_id = db_strz(res, 0, 0);
    resp->device_id = db_strz(res, 0, 1);
    resp->worker_addr = db_strz(res, 0, 2);
    return RC_OK;
}

enum rc
sessions_acquire_device(struct sessions *s, struct ctx *ctx, const Assay__AcquireDeviceRequest *req,
                        Assay__AcquireDeviceResponse *resp)
{
    const struct db_result *res = NULL;
    struct ses_want want = {req->platform, req->category, req->device_id};
    struct ses_device device = {.device_id = NULL};
    char id[ID_UUID_LEN + 1];
    bool found = false;

    enum rc rc = DB_QUERY(s->db, ctx, Q_JOB_KEY_LOCK, NULL, DB_ARG_Z(req->job_id));
    rc = rc == RC_OK ? find_acquired(s, ctx, req, resp, &found) : rc;
    if (rc != RC_OK || found) {
        return rc;
    }
    rc = DB_QUERY(s->db, ctx, Q_QUEUE_OF_JOB, &res, DB_ARG_Z(req->job_id));
    int64_t place = rc == RC_OK && db_rows(res) > 0 ? db_i64(res, 0, 0) : 0;
    bool held = false;
    rc = rc == RC_OK ? hold(s, ctx, req, place, &held) : rc;
    if (rc == RC_OK && held) {
        return queue_run(s, ctx, req, true, resp);
    }
    id_uuid(id);
    char *session_id = pb_strz(ctx->arena, str_n(id, ID_UUID_LEN));
    rc = rc == RC_OK ? ses_claim(s, ctx, session_id, &want, place, &device) : rc;
    if (rc == RC_OK && device.device_id == NULL) {
        return queue_run(s, ctx, req, false, resp);
    }
    if (rc == RC_OK) { /* only now: a run that waits asks often */
        rc = DB_QUERY(s->db, ctx, Q_SESSION_INSERT_JOB, NULL, DB_ARG_I64(req->org_id),
                      req->has_user_id ? DB_ARG_I64(req->user_id) : DB_ARG_NULL,
                      DB_ARG_Z(req->job_id), DB_ARG_Z(req->platform), DB_ARG_Z(req->category),
                      DB_ARG_Z(req->device_id), DB_ARG_Z(session_id));
    }
    rc = rc == RC_OK ? ses_place(s, ctx, session_id, "active", &device) : rc;
    rc = rc == RC_OK ? DB_QUERY(s->db, ctx, Q_QUEUE_DROP_JOB, NULL, DB_ARG_Z(req->job_id)) : rc;
    resp->session_id = session_id;
    resp->device_id = device.device_id;
    resp->worker_addr = device.worker_addr;
    return rc;
}

enum rc
sessions_release_device(struct sessions *s, struct ctx *ctx, const Assay__ReleaseDeviceRequest *req,
                        Assay__Empty *resp)
{
    const struct db_result *res = NULL;
    bool ended = false;
    char *addr = NULL;

    (void)resp;
    enum rc rc = DB_QUERY(s->db, ctx, Q_QUEUE_DROP_JOB, NULL, DB_ARG_Z(req->job_id));
    rc = rc == RC_OK ? DB_QUERY(s->db, ctx, Q_SESSION_OF_JOB, &res, DB_ARG_Z(req->job_id)) : rc;
    if (rc != RC_OK || db_rows(res) == 0) {
        return rc;
    }
    return ses_end(s, ctx, db_strz(res, 0, 0), "stopped", "the run ended", &ended, &addr);
}

enum rc
sessions_locate_session(struct sessions *s, struct ctx *ctx, const Assay__LocateSessionRequest *req,
                        Assay__LocateSessionResponse *resp)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(s->db, ctx, Q_SESSION_GET, &res, DB_ARG_I64(req->org_id),
                          DB_ARG_Z(req->session_id));
    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return fail(ctx, RC_NOT_FOUND, "SESSION_NOT_FOUND", "no such session");
    }
    resp->platform = db_strz(res, 0, 2);
    resp->status = db_strz(res, 0, 4);
    resp->device_id = db_strz(res, 0, 5);
    resp->worker_addr = db_strz(res, 0, 12);
    return RC_OK;
}

enum rc
sessions_check_path(struct sessions *s, struct ctx *ctx, const Assay__CheckPathRequest *req,
                    Assay__Empty *resp)
{
    (void)resp;
    for (size_t i = 0; i < req->n_params; i++) {
        const struct db_result *res = NULL;
        const char *value = req->params[i]->value;
        struct str name = str_z(req->params[i]->name);
        enum rc rc = RC_OK;
        if (str_eqz(name, "session_id")) {
            rc = DB_QUERY(s->db, ctx, Q_SESSION_GET, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(value));
        } else if (str_eqz(name, "device_id")) {
            rc = DB_QUERY(s->db, ctx, Q_DEVICE_LIST, &res, DB_ARG_NULL, DB_ARG_NULL,
                          DB_ARG_Z(value));
        } else if (str_eqz(name, "app_id")) {
            int64_t id = 0;
            bool number = str_to_i64(str_z(value), 1, INT64_MAX, &id) == RC_OK;
            rc = DB_QUERY(s->db, ctx, Q_APP_GET, &res, DB_ARG_I64(ctx->who.org_id), DB_ARG_Z(value),
                          number ? DB_ARG_I64(id) : DB_ARG_NULL);
        }
        if (rc != RC_OK) {
            return rc;
        }
        if (res != NULL && db_rows(res) == 0) {
            return fail(ctx, RC_NOT_FOUND, "NOT_FOUND", "not found");
        }
    }
    return RC_OK;
}
