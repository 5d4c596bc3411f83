/* SPDX-License-Identifier: Apache-2.0
 *
 * The live view of a session. */
#include "json/json.h"
#include "sessions/sessions.h"
#include "sessions_sql.h"
#include "worker_client.h"

/* A session that is not on a device says so with one status message. */
static enum rc
status_only(struct ctx *ctx, const Assay__StreamRequest *req, struct str status,
            Assay__StreamResponse *resp)
{
    bool over = str_eqz(status, "stopped") || str_eqz(status, "failed");
    Assay__StreamMessage *m = PB_NEW(ctx->arena, Assay__StreamMessage, assay__stream_message);

    PB_SET(resp, ended, over);
    if (req->after_seq > 0 && !over) {
        return RC_OK;
    }
    resp->messages = ARENA_ARRAY(ctx->arena, 1, Assay__StreamMessage *);
    if (m == NULL || resp->messages == NULL) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    m->seq = 1;
    m->type = pb_strz(ctx->arena, STR("status"));
    struct str json = arena_printf(ctx->arena, "{\"status\":\"%.*s\"}", STR_ARG(status));
    PB_SET(m, json, pb_bytes(ctx->arena, json));
    resp->messages[0] = m;
    resp->n_messages = 1;
    return RC_OK;
}

/* {"status":"active","ending_at":"...","reason":"..."}; both null when it goes on after all. */
static ProtobufCBinaryData
ending_json(struct ctx *ctx, int64_t at_us, struct str reason)
{
    char at[CLK_TEXT_MAX];
    struct buf b;

    buf_init(&b, 1024);
    buf_putc(&b, '{');
    json_put_member_str(&b, "status", STR("active"));
    if (at_us == 0) {
        buf_put(&b, STR(",\"ending_at\":null,\"reason\":null"));
    } else {
        json_put_member_str(&b, "ending_at", str_n(at, clk_format(at_us, CLK_NAIVE, at)));
        json_put_member_str(&b, "reason", reason);
    }
    buf_putc(&b, '}');
    ProtobufCBinaryData json = pb_bytes(ctx->arena, buf_str(&b));
    buf_fini(&b);
    return json;
}

/* Before what the device sends; it has no number of its own, so that nothing of that is missed. */
static enum rc
tell_ending(struct ctx *ctx, const Assay__StreamRequest *req, int64_t at_us, struct str reason,
            Assay__StreamResponse *resp)
{
    Assay__StreamMessage **list =
        ARENA_ARRAY(ctx->arena, resp->n_messages + 1, Assay__StreamMessage *);
    Assay__StreamMessage *m = PB_NEW(ctx->arena, Assay__StreamMessage, assay__stream_message);

    if (list == NULL || m == NULL) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    m->seq = req->after_seq;
    m->type = pb_strz(ctx->arena, STR("status"));
    PB_SET(m, json, ending_json(ctx, at_us, reason));
    list[0] = m;
    for (size_t i = 0; i < resp->n_messages; i++) {
        list[i + 1] = resp->messages[i];
    }
    resp->messages = list;
    resp->n_messages++;
    PB_SET(resp, told_us, at_us);
    return RC_OK;
}

enum rc
sessions_session_stream(struct sessions *s, struct ctx *ctx, const Assay__StreamRequest *req,
                        Assay__StreamResponse *resp)
{
    const struct db_result *res = NULL;
    Assay__StreamResponse *got = NULL;

    enum rc rc = DB_QUERY(s->db, ctx, Q_SESSION_VIEW, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(req->session_id));
    if (rc == RC_OK && db_rows(res) == 0) {
        return fail(ctx, RC_NOT_FOUND, "SESSION_NOT_FOUND", "no such session");
    }
    if (rc != RC_OK) {
        return rc;
    }
    struct str status = db_str(res, 0, 0);
    char *addr = db_strz(res, 0, 1);
    if (!str_eqz(status, "active") || addr == NULL) {
        return status_only(ctx, req, status, resp);
    }
    int64_t ending_us = db_time_us(res, 0, 2); /* 0: it is not known to end */
    bool is_news = ending_us != req->told_us;
    Assay__StreamRequest poll = *req;
    if (is_news) {
        PB_SET(&poll, wait_us, 0);
    }
    rc = worker_call_poll_stream(svc_peers(s->svc), addr, ctx, &poll, &got);
    if (rc != RC_OK) {
        return rc;
    }
    *resp = *got;
    return is_news ? tell_ending(ctx, req, ending_us, db_str(res, 0, 3), resp) : RC_OK;
}
