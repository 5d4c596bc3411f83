/* SPDX-License-Identifier: Apache-2.0
 *
 * Claiming, placing, ending: the moves every endpoint and loop is made of. */
#include <string.h>

#include "json/json.h"
#include "sessions/sessions.h"
#include "sessions_sql.h"
#include "worker_client.h"

enum rc
ses_claim(struct sessions *s, struct ctx *ctx, const char *session_id, const struct ses_want *want,
          int64_t queue_id, struct ses_device *out)
{
    const struct db_result *res = NULL;

    enum rc rc =
        DB_QUERY(s->db, ctx, Q_DEVICE_CLAIM, &res, DB_ARG_Z(session_id), DB_ARG_Z(want->platform),
                 DB_ARG_Z(want->category), DB_ARG_Z(want->device_id),
                 queue_id > 0 ? DB_ARG_I64(queue_id) : DB_ARG_NULL);
    if (rc != RC_OK) {
        return rc;
    }
    *out = (struct ses_device){.device_id = NULL};
    if (db_rows(res) > 0) {
        *out = (struct ses_device){
            .device_id = db_strz(res, 0, 0),
            .name = db_strz(res, 0, 1),
            .os_version = db_strz(res, 0, 2),
            .worker_id = db_strz(res, 0, 3),
            .worker_addr = db_strz(res, 0, 4),
            .incarnation = db_strz(res, 0, 5),
            .category = db_strz(res, 0, 6),
        };
    }
    return RC_OK;
}

enum rc
ses_place(struct sessions *s, struct ctx *ctx, const char *session_id, const char *status,
          const struct ses_device *device)
{
    enum rc rc =
        DB_QUERY(s->db, ctx, Q_SESSION_ON_DEVICE, NULL, DB_ARG_Z(session_id), DB_ARG_Z(status),
                 DB_ARG_Z(device->device_id), DB_ARG_Z(device->name), DB_ARG_Z(device->os_version),
                 DB_ARG_Z(device->worker_id), DB_ARG_Z(device->worker_addr),
                 DB_ARG_Z(device->incarnation), DB_ARG_Z(device->category));
    if (rc == RC_OK && strcmp(status, "starting") == 0) {
        rc = db_notify(s->db, ctx, LOOP_OPEN, STR(""));
    }
    return rc;
}

enum rc
ses_tell_started(struct sessions *s, struct ctx *ctx, int64_t org_id, const char *session_id,
                 const char *device)
{
    struct svc_event event = {
        .type = "session.started",
        .tell = TELL_AUDIT | TELL_WEBHOOKS | TELL_BILLING,
        .org_id = org_id,
        .resource_type = STR("session"),
        .resource_id = str_z(session_id),
        .resource_name = str_z(device),
        .data =
            arena_printf(ctx->arena, "{\"session_id\":\"%s\",\"status\":\"starting\"}", session_id),
        .order_key = str_z(session_id),
    };
    return svc_emit(s->db, ctx, &event);
}

/* {"session_id":...,"seconds":...}: the minutes that billing counts. */
static enum rc
tell_ended(struct sessions *s, struct ctx *ctx, const struct db_result *res, const char *session_id,
           const char *status)
{
    struct buf b;
    bool of_run = !db_is_null(res, 0, 5);

    buf_init(&b, 4096);
    buf_putc(&b, '{');
    json_put_member_str(&b, "session_id", str_z(session_id));
    json_put_member_str(&b, "status", str_z(status));
    json_put_member_i64(&b, "seconds", db_i64(res, 0, 4));
    json_put_member_bool(&b, "of_run", of_run);
    buf_putc(&b, '}');
    struct svc_event event = {
        .type = "session.stopped",
        .tell = of_run ? TELL_BILLING : TELL_AUDIT | TELL_BILLING | TELL_WEBHOOKS,
        .org_id = db_i64(res, 0, 0),
        .resource_type = STR("session"),
        .resource_id = str_z(session_id),
        .resource_name = db_str(res, 0, 6),
        .data = arena_str(ctx->arena, buf_str(&b)),
        .order_key = str_z(session_id), /* after the start */
    };
    buf_fini(&b);
    return svc_emit(s->db, ctx, &event);
}

enum rc
ses_end(struct sessions *s, struct ctx *ctx, const char *session_id, const char *status,
        const char *reason, bool *out_ended, char **out_worker_addr)
{
    const struct db_result *res = NULL;

    *out_worker_addr = NULL;
    *out_ended = false;
    enum rc rc = DB_QUERY(s->db, ctx, Q_SESSION_END, &res, DB_ARG_Z(session_id), DB_ARG_Z(status),
                          DB_ARG_Z(reason));
    if (rc != RC_OK || db_rows(res) == 0) {
        return rc;
    }
    *out_ended = true;
    *out_worker_addr = db_strz(res, 0, 1);
    rc = DB_QUERY(s->db, ctx, Q_QUEUE_DROP_SESSION, NULL, DB_ARG_Z(session_id));
    rc = rc == RC_OK ? DB_QUERY(s->db, ctx, Q_DEVICE_FREE, NULL, DB_ARG_Z(session_id)) : rc;
    rc = rc == RC_OK ? tell_ended(s, ctx, res, session_id, status) : rc;
    return rc == RC_OK ? db_notify(s->db, ctx, LOOP_QUEUE, STR("")) : rc;
}

void
ses_close_at_worker(struct sessions *s, struct ctx *ctx, const char *session_id,
                    const char *worker_addr)
{
    Assay__CloseSessionRequest req = ASSAY__CLOSE_SESSION_REQUEST__INIT;
    Assay__Empty *resp = NULL;

    if (worker_addr == NULL) {
        return;
    }
    req.session_id = pb_strz(ctx->arena, str_z(session_id));
    if (worker_call_close_session(svc_peers(s->svc), worker_addr, ctx, &req, &resp) != RC_OK) {
        ctx_recover(ctx);
    }
}
