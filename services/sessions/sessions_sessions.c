/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions of people: create, start or wait, use, stop. */
#include <string.h>

#include "sec/hash.h"
#include "sessions/sessions.h"
#include "sessions_sql.h"
#include "worker_client.h"

/* Columns of session_get, session_lock and session_list; the last line of session_get only. */
enum {
    C_ID,
    C_SESSION_ID,
    C_TYPE,
    C_CATEGORY,
    C_STATUS,
    C_DEVICE_ID,
    C_DEVICE_NAME,
    C_OS,
    C_EMAIL,
    C_START,
    C_END,
    C_SPECIFIC,
    C_WORKER_ADDR,
    C_USER_ID,
    C_PERMISSIONS,
    C_ENDING_AT,
    C_ENDING_REASON
};

static void
fill_session(struct ctx *ctx, const struct db_result *res, int row, Assay__Session *m)
{
    assay__session__init(m);
    m->id = db_i64(res, row, C_ID);
    m->session_id = db_strz(res, row, C_SESSION_ID);
    m->device_type = db_strz(res, row, C_TYPE);
    m->device_category = db_strz(res, row, C_CATEGORY);
    m->status = db_strz(res, row, C_STATUS);
    m->device_id = db_strz(res, row, C_DEVICE_ID);
    m->device_name = db_strz(res, row, C_DEVICE_NAME);
    m->os_version = db_strz(res, row, C_OS);
    m->user_email = db_strz(res, row, C_EMAIL);
    bool live = strcmp(m->status, "starting") == 0 || strcmp(m->status, "active") == 0;
    if (live) {
        m->stream_url =
            pb_strz(ctx->arena, arena_printf(ctx->arena, "/api/v1/sessions/%s/ws", m->session_id));
    }
    if (!db_is_null(res, row, C_START)) {
        PB_SET(m, start_time, db_time_us(res, row, C_START));
    }
    if (!db_is_null(res, row, C_END)) {
        PB_SET(m, end_time, db_time_us(res, row, C_END));
    }
    if (m->has_start_time) {
        int64_t until_us = m->has_end_time ? m->end_time : clk_wall_us();
        PB_SET(m, duration_minutes, (double)((until_us - m->start_time) / 600000) / 100.0);
    }
}

static enum rc
not_found(struct ctx *ctx)
{
    return fail(ctx, RC_NOT_FOUND, "SESSION_NOT_FOUND", "no such session");
}

static enum rc
read_session(struct sessions *s, struct ctx *ctx, int query, const char *session_id,
             const struct db_result **out)
{
    enum rc rc =
        DB_QUERY(s->db, ctx, query, out, DB_ARG_I64(ctx->who.org_id), DB_ARG_Z(session_id));
    if (rc == RC_OK && db_rows(*out) == 0) {
        return not_found(ctx);
    }
    return rc;
}

static enum rc
check_specific(struct sessions *s, struct ctx *ctx, const char *platform, const char *device_id)
{
    const struct db_result *res = NULL;

    if (device_id == NULL) {
        return RC_OK;
    }
    enum rc rc = DB_QUERY(s->db, ctx, Q_DEVICE_EXISTS, &res, DB_ARG_Z(platform), DB_ARG_NULL,
                          DB_ARG_Z(device_id));
    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return fail(ctx, RC_NOT_FOUND, "DEVICE_NOT_FOUND", "no such device");
    }
    if (db_bool(res, 0, 0)) {
        return fail(ctx, RC_ALREADY_EXISTS, "CONFLICT", "the device is busy");
    }
    return RC_OK;
}

enum rc
sessions_create_session(struct sessions *s, struct ctx *ctx, const Assay__CreateSessionRequest *req,
                        Assay__Session *resp)
{
    const struct db_result *res = NULL;

    enum rc rc = check_specific(s, ctx, req->device_type, req->specific_device_id);
    if (rc == RC_OK) {
        rc = DB_QUERY(s->db, ctx, Q_SESSION_INSERT, &res, DB_ARG_I64(ctx->who.org_id),
                      DB_ARG_I64(ctx->who.user_id), DB_ARG_STR(ctx->who.email),
                      DB_ARG_Z(req->device_type), DB_ARG_Z(req->device_category),
                      DB_ARG_Z(req->specific_device_id));
    }
    if (rc != RC_OK) {
        return rc;
    }
    char *session_id = db_strz(res, 0, 0);
    rc = read_session(s, ctx, Q_SESSION_GET, session_id, &res);
    if (rc != RC_OK) {
        return rc;
    }
    fill_session(ctx, res, 0, resp);
    struct svc_event event = {
        .type = "session.created",
        .tell = TELL_AUDIT,
        .resource_type = STR("session"),
        .resource_id = str_z(session_id),
    };
    return svc_emit(s->db, ctx, &event);
}

/* --- start --------------------------------------------------------------------------------- */

static enum rc
answer_queued(struct sessions *s, struct ctx *ctx, const char *session_id,
              Assay__StartSessionResponse *resp)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(s->db, ctx, Q_QUEUE_OF_SESSION, &res, DB_ARG_Z(session_id));
    if (rc != RC_OK) {
        return rc;
    }
    Assay__QueuedSession *q = PB_NEW(ctx->arena, Assay__QueuedSession, assay__queued_session);
    if (q == NULL || db_rows(res) == 0) {
        return fail(ctx, RC_ABORTED, "CONFLICT", "the session is being started, try again");
    }
    q->status = pb_strz(ctx->arena, STR("queued"));
    q->queue_entry_id = db_i64(res, 0, 0);
    q->position = db_i64(res, 0, 1);
    q->session_id = pb_strz(ctx->arena, str_z(session_id));
    resp->queued = q;
    return RC_OK;
}

static enum rc
enqueue(struct sessions *s, struct ctx *ctx, const char *session_id, const struct ses_want *want,
        Assay__StartSessionResponse *resp)
{
    const struct db_result *res = NULL;

    enum rc rc =
        DB_QUERY(s->db, ctx, Q_QUEUE_INSERT_SESSION, &res, DB_ARG_I64(ctx->who.org_id),
                 DB_ARG_Z(session_id), DB_ARG_I64(ctx->who.user_id), DB_ARG_Z(want->platform),
                 DB_ARG_Z(want->category), DB_ARG_Z(want->device_id));
    rc = rc == RC_OK ? DB_QUERY(s->db, ctx, Q_SESSION_SET_QUEUED, NULL, DB_ARG_Z(session_id)) : rc;
    return rc == RC_OK ? answer_queued(s, ctx, session_id, resp) : rc;
}

static enum rc
start_now(struct sessions *s, struct ctx *ctx, const char *session_id,
          const struct ses_device *device, Assay__StartSessionResponse *resp)
{
    const struct db_result *res = NULL;

    enum rc rc = ses_place(s, ctx, session_id, "starting", device);
    rc = rc == RC_OK ? ses_tell_started(s, ctx, ctx->who.org_id, session_id, device->name) : rc;
    rc = rc == RC_OK ? read_session(s, ctx, Q_SESSION_GET, session_id, &res) : rc;
    if (rc != RC_OK) {
        return rc;
    }
    resp->session = ARENA_NEW(ctx->arena, Assay__Session);
    if (resp->session == NULL) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    fill_session(ctx, res, 0, resp->session);
    return RC_OK;
}

/* Nobody waits for a device that there is not: the entry would stand in the queue for good. */
static enum rc
check_exists(struct sessions *s, struct ctx *ctx, const struct ses_want *want)
{
    const struct db_result *res = NULL;

    if (want->device_id == NULL) {
        return RC_OK;
    }
    enum rc rc = DB_QUERY(s->db, ctx, Q_DEVICE_EXISTS, &res, DB_ARG_Z(want->platform), DB_ARG_NULL,
                          DB_ARG_Z(want->device_id));
    if (rc == RC_OK && db_rows(res) == 0) {
        return fail(ctx, RC_NOT_FOUND, "DEVICE_NOT_FOUND", "no such device");
    }
    return rc;
}

enum rc
sessions_start_session(struct sessions *s, struct ctx *ctx, const Assay__StartSessionRequest *req,
                       Assay__StartSessionResponse *resp)
{
    const struct db_result *res = NULL;
    struct ses_device device;

    enum rc rc = read_session(s, ctx, Q_SESSION_LOCK, req->session_id, &res);
    if (rc != RC_OK) {
        return rc;
    }
    char *session_id = db_strz(res, 0, C_SESSION_ID);
    struct str status = db_str(res, 0, C_STATUS);
    struct ses_want want = {
        .platform = db_strz(res, 0, C_TYPE),
        .category = db_strz(res, 0, C_CATEGORY),
        .device_id = req->device_id != NULL ? req->device_id : db_strz(res, 0, C_SPECIFIC),
    };
    if (str_eqz(status, "queued")) {
        return answer_queued(s, ctx, session_id, resp);
    }
    if (!str_eqz(status, "pending")) {
        return fail(ctx, RC_FAILED_PRECONDITION, "ALREADY_STARTED", "the session is already %.*s",
                    STR_ARG(status));
    }
    rc = check_exists(s, ctx, &want);
    rc = rc == RC_OK ? ses_take_defaults(s, ctx, session_id) : rc;
    rc = rc == RC_OK ? ses_check_limits(s, ctx, ctx->who.org_id, true) : rc;
    rc = rc == RC_OK ? ses_claim(s, ctx, session_id, &want, 0, &device) : rc;
    if (rc != RC_OK) {
        return rc;
    }
    return device.device_id == NULL ? enqueue(s, ctx, session_id, &want, resp)
                                    : start_now(s, ctx, session_id, &device, resp);
}

enum rc
sessions_leave_queue(struct sessions *s, struct ctx *ctx, const Assay__LeaveQueueRequest *req,
                     Assay__StatusText *resp)
{
    const struct db_result *res = NULL;
    bool ended = false;
    char *addr = NULL;

    enum rc rc = DB_QUERY(s->db, ctx, Q_QUEUE_LEAVE, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_I64(req->queue_entry_id), DB_ARG_I64(ctx->who.user_id));
    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return fail(ctx, RC_NOT_FOUND, "QUEUE_ENTRY_NOT_FOUND", "no such queue entry");
    }
    resp->status = pb_strz(ctx->arena, STR("ok"));
    return ses_end(s, ctx, db_strz(res, 0, 0), "stopped", "left the queue", &ended, &addr);
}

/* --- read ---------------------------------------------------------------------------------- */

enum rc
sessions_get_session(struct sessions *s, struct ctx *ctx, const Assay__GetSessionRequest *req,
                     Assay__Session *resp)
{
    const struct db_result *res = NULL;

    enum rc rc = read_session(s, ctx, Q_SESSION_GET, req->session_id, &res);
    if (rc != RC_OK) {
        return rc;
    }
    fill_session(ctx, res, 0, resp);
    if (!db_is_null(res, 0, C_ENDING_AT) && !resp->has_end_time) {
        PB_SET(resp, ending_at, db_time_us(res, 0, C_ENDING_AT));
        resp->ending_reason = db_strz(res, 0, C_ENDING_REASON);
    }
    return RC_OK;
}

static struct db_arg
range_arg(const char *text)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } RANGES[] = {
        {"last-hour", 3600},
        {"last-day", 86400},
        {"last-week", 604800},
        {"last-month", 2592000},
    };
    for (size_t i = 0; text != NULL && i < ARRAY_LEN(RANGES); i++) {
        if (strcmp(text, RANGES[i].text) == 0) {
            return DB_ARG_I64(RANGES[i].seconds);
        }
    }
    return DB_ARG_NULL;
}

enum rc
sessions_list_sessions(struct sessions *s, struct ctx *ctx, const Assay__ListSessionsRequest *req,
                       Assay__ListSessionsResponse *resp)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(s->db, ctx, Q_SESSION_LIST, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(req->status), DB_ARG_Z(req->device_type),
                          req->has_user_id ? DB_ARG_I64(req->user_id) : DB_ARG_NULL,
                          range_arg(req->time_range), DB_ARG_Z(req->search), DB_ARG_I64(req->limit),
                          DB_ARG_I64(req->offset));
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    Assay__Session *list = ARENA_ARRAY(ctx->arena, n + 1, Assay__Session);
    resp->items = ARENA_ARRAY(ctx->arena, n + 1, Assay__Session *);
    if (list == NULL || resp->items == NULL) {
        return fail_memory(ctx, "too many sessions");
    }
    for (size_t i = 0; i < n; i++) {
        fill_session(ctx, res, (int)i, &list[i]);
        resp->items[i] = &list[i];
    }
    resp->n_items = n;
    return RC_OK;
}

/* --- stop and use -------------------------------------------------------------------------- */

static enum rc
check_may(struct ctx *ctx, const struct db_result *res, bool stops)
{
    return ses_check_may(ctx, db_i64(res, 0, C_USER_ID), db_str(res, 0, C_PERMISSIONS), stops);
}

static enum rc
stop_in_tx(struct sessions *s, struct ctx *ctx, const char *session_id, char **out_addr)
{
    bool ended = false;

    enum rc rc = db_begin(s->db, ctx);
    if (rc != RC_OK) {
        return rc;
    }
    rc = ses_end(s, ctx, session_id, "stopped", "stopped", &ended, out_addr);
    if (rc != RC_OK) {
        db_rollback(s->db, ctx);
        return rc;
    }
    return db_commit(s->db, ctx);
}

enum rc
sessions_stop_session(struct sessions *s, struct ctx *ctx, const Assay__StopSessionRequest *req,
                      Assay__StatusText *resp)
{
    const struct db_result *res = NULL;
    char *addr = NULL;

    enum rc rc = read_session(s, ctx, Q_SESSION_GET, req->session_id, &res);
    rc = rc == RC_OK ? check_may(ctx, res, true) : rc;
    rc = rc == RC_OK ? stop_in_tx(s, ctx, db_strz(res, 0, C_SESSION_ID), &addr) : rc;
    if (rc != RC_OK) {
        return rc;
    }
    ses_close_at_worker(s, ctx, req->session_id, addr);
    resp->status = pb_strz(ctx->arena, STR("ok"));
    return RC_OK;
}

/* Members that an action cannot do without. */
static enum rc
check_control(struct ctx *ctx, const Assay__ControlSessionRequest *req)
{
    const char *a = req->action;
    bool point = strcmp(a, "tap") == 0 || strcmp(a, "swipe") == 0 || strncmp(a, "touch_", 6) == 0;
    bool needs_point = point && strcmp(a, "touch_end") != 0;

    if (needs_point && (!req->has_x || !req->has_y)) {
        return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY", "x and y are required for %s", a);
    }
    if (strcmp(a, "swipe") == 0 && (!req->has_x2 || !req->has_y2)) {
        return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY", "x2 and y2 are required for swipe");
    }
    if ((strcmp(a, "rotate") == 0 && !req->has_rotation) ||
        (req->has_rotation &&
         (req->rotation % 90 != 0 || req->rotation < 0 || req->rotation > 270))) {
        return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY", "rotation must be 0, 90, 180 or 270");
    }
    if (strcmp(a, "button") == 0 && req->button == NULL) {
        return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY", "button is required");
    }
    if (strcmp(a, "key") == 0 && req->keycode == NULL) {
        return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY", "keycode is required");
    }
    return RC_OK;
}

static enum rc
control_at_worker(struct sessions *s, struct ctx *ctx, const Assay__ControlSessionRequest *req,
                  const char *addr, Assay__ControlSessionResponse *resp)
{
    Assay__ControlRequest to = ASSAY__CONTROL_REQUEST__INIT;
    Assay__ControlResponse *got = NULL;

    to.session_id = req->session_id;
    to.action = req->action;
    to.has_x = req->has_x, to.x = req->x;
    to.has_y = req->has_y, to.y = req->y;
    to.has_x2 = req->has_x2, to.x2 = req->x2;
    to.has_y2 = req->has_y2, to.y2 = req->y2;
    to.has_duration_ms = req->has_duration, to.duration_ms = req->duration;
    to.has_rotation = req->has_rotation, to.rotation = req->rotation;
    to.button = req->button;
    to.keycode = req->keycode;
    enum rc rc = worker_call_control(svc_peers(s->svc), addr, ctx, &to, &got);
    if (rc != RC_OK) {
        return rc;
    }
    resp->status = pb_strz(ctx->arena, STR("ok"));
    if (got->has_screenshot_jpeg) {
        struct buf b;
        buf_init(&b, (size_t)32 * 1024 * 1024);
        buf_put(&b, STR("data:image/jpeg;base64,"));
        hash_put_b64(&b, str_n((const char *)got->screenshot_jpeg.data, got->screenshot_jpeg.len));
        resp->screenshot = buf_failed(&b) ? NULL : pb_strz(ctx->arena, buf_str(&b));
        buf_fini(&b);
    }
    return RC_OK;
}

enum rc
sessions_control_session(struct sessions *s, struct ctx *ctx,
                         const Assay__ControlSessionRequest *req,
                         Assay__ControlSessionResponse *resp)
{
    const struct db_result *res = NULL;

    enum rc rc = read_session(s, ctx, Q_SESSION_GET, req->session_id, &res);
    rc = rc == RC_OK ? check_control(ctx, req) : rc;
    if (rc != RC_OK) {
        return rc;
    }
    char *addr = db_strz(res, 0, C_WORKER_ADDR);
    if (!str_eqz(db_str(res, 0, C_STATUS), "active") || addr == NULL) {
        return fail(ctx, RC_FAILED_PRECONDITION, "SESSION_NOT_ACTIVE", "the session is not active");
    }
    bool looks = strcmp(req->action, "screenshot") == 0;
    rc = looks ? RC_OK : check_may(ctx, res, false);
    rc = rc == RC_OK ? control_at_worker(s, ctx, req, addr, resp) : rc;
    /* Looking is no use: only input keeps a session from idling out. */
    if (rc == RC_OK && !looks) {
        rc = DB_QUERY(s->db, ctx, Q_SESSION_TOUCH, NULL, DB_ARG_Z(req->session_id));
    }
    return rc;
}
