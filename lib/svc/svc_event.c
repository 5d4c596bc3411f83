/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include <assay/common.pb-c.h>

#include "base/id.h"
#include "pb/pb.h"
#include "svc/svc_int.h"

static char *
opt_strz(struct arena *arena, struct str s)
{
    return s.n == 0 ? NULL : pb_strz(arena, s);
}

static enum rc
pack_event(struct ctx *ctx, const struct svc_event *event, const char *id, struct str *out)
{
    struct arena *arena = ctx->arena;
    Assay__Event *m = PB_NEW(arena, Assay__Event, assay__event);

    if (m == NULL) {
        return fail_memory(ctx, "the request is too large");
    }
    m->id = arena_strz(arena, str_n(id, ID_UUID_LEN));
    m->type = pb_strz(arena, str_z(event->type));
    m->org_id = event->org_id != 0 ? event->org_id : ctx->who.org_id;
    m->at_us = clk_wall_us();
    if (ctx->who.user_id != 0) {
        PB_SET(m, actor_user_id, ctx->who.user_id);
    }
    m->actor_email = opt_strz(arena, ctx->who.email);
    m->resource_type = opt_strz(arena, event->resource_type);
    m->resource_id = opt_strz(arena, event->resource_id);
    m->resource_name = opt_strz(arena, event->resource_name);
    m->request_id = opt_strz(arena, ctx->request_id);
    m->peer = opt_strz(arena, ctx->peer);
    m->order_key = opt_strz(arena, event->order_key);
    m->details = opt_strz(arena, event->details);
    if (event->data.n > 0) {
        PB_SET(m, data, pb_bytes(arena, event->data));
    }
    if (arena_failed(arena) || pb_pack(arena, &m->base, out) != RC_OK) {
        return fail_memory(ctx, "the request is too large");
    }
    return RC_OK;
}

struct told {
    struct svc *svc;
    unsigned targets;
};

static void
wake_relay(void *arg)
{
    const struct told *told = arg;

    (void)atomic_fetch_or(&told->svc->told, told->targets);
    svc_wake(told->svc, SVC_RELAY);
}

static enum rc
wake_after_commit(struct svc *svc, struct ctx *ctx, unsigned targets)
{
    struct told *told = ARENA_NEW(ctx->arena, struct told);

    if (told == NULL) {
        return fail_memory(ctx, "the request is too large");
    }
    *told = (struct told){svc, targets};
    return db_after_commit(ctx, wake_relay, told);
}

enum rc
svc_emit(struct db *db, struct ctx *ctx, const struct svc_event *event)
{
    static const unsigned TARGETS[] = {TELL_AUDIT, TELL_BILLING, TELL_WEBHOOKS, TELL_TESTS};
    char id[ID_UUID_LEN + 1];
    int64_t targets[ARRAY_LEN(TARGETS)];
    size_t n = 0;
    struct str wire;

    ASSERT(db_in_tx(ctx) && event->tell != 0);
    for (size_t i = 0; i < ARRAY_LEN(TARGETS); i++) {
        if ((event->tell & TARGETS[i]) != 0) {
            const struct svc *svc = db_owner(db);
            if (svc != NULL && !svc__uses(svc, svc__peer_of((enum svc_tell)TARGETS[i]))) {
                return fail(ctx, RC_INTERNAL, "EVENT_TARGET", "internal error");
            }
            targets[n++] = TARGETS[i];
        }
    }
    id_uuid(id);
    enum rc rc = pack_event(ctx, event, id, &wire);
    if (rc == RC_OK) {
        struct str order_key = event->order_key;
        rc = DB_DEFER(db, ctx, DB_COMMON(Q_OUTBOX_ADD), DB_ARG_STR(str_n(id, ID_UUID_LEN)),
                      DB_ARG_I64S(targets, n), DB_ARG_Z(event->type),
                      order_key.n == 0 ? DB_ARG_NULL : DB_ARG_STR(order_key), DB_ARG_BYTES(wire));
    }
    if (rc == RC_OK && db_owner(db) != NULL) {
        rc = wake_after_commit(db_owner(db), ctx, event->tell);
    }
    return rc;
}

enum rc
svc_inbox(struct db *db, struct ctx *ctx, struct str event_id, bool *out_new)
{
    const struct db_result *res;

    ASSERT(db_in_tx(ctx));
    if (!id_is_uuid(event_id)) {
        return fail(ctx, RC_INVALID_ARGUMENT, "EVENT_ID", "an event's id must be a UUID");
    }
    enum rc rc = DB_QUERY(db, ctx, DB_COMMON(Q_INBOX_ADD), &res, DB_ARG_STR(event_id));
    if (rc == RC_OK) {
        *out_new = db_affected(res) == 1;
    }
    return rc;
}

static bool
is_among(const struct db_result *res, struct str id)
{
    for (int i = 0; i < db_rows(res); i++) {
        if (str_eq(db_str(res, i, 0), id)) {
            return true;
        }
    }
    return false;
}

enum rc
svc_inbox_all(struct db *db, struct ctx *ctx, const struct str *event_ids, size_t n, bool *out_new)
{
    const struct db_result *res;

    ASSERT(db_in_tx(ctx));
    for (size_t i = 0; i < n; i++) {
        if (!id_is_uuid(event_ids[i])) {
            return fail(ctx, RC_INVALID_ARGUMENT, "EVENT_ID", "an event's id must be a UUID");
        }
    }
    enum rc rc = DB_QUERY(db, ctx, DB_COMMON(Q_INBOX_ADD_ALL), &res, DB_ARG_STRS(event_ids, n));
    for (size_t i = 0; rc == RC_OK && i < n; i++) {
        out_new[i] = is_among(res, event_ids[i]);
    }
    return rc;
}
