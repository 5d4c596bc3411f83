/* SPDX-License-Identifier: Apache-2.0
 *
 * Deliveries: made, listed, claimed, recorded. */
#include "webhooks/whk_store.h"
#include "webhooks_sql.h"

#define LIST_ROWS 500
#define LIST_BYTES ((int64_t)8 << 20)
#define SWEEP_ROWS 1000
#define WAITS(retry) DB_ARG_I64S((retry)->waits_us, (retry)->count)

/* --- made ---------------------------------------------------------------------------------- */

static enum rc
not_found(struct ctx *ctx)
{
    return fail(ctx, RC_NOT_FOUND, "DELIVERY_NOT_FOUND", "no such delivery");
}

/* The columns of deliveries_fan_out. */
struct event_columns {
    struct str *ids, *types, *bodies, *keys;
    int64_t *orgs, *commits;
};

static bool
make_event_columns(struct arena *arena, const struct whk_event *events, size_t n,
                   struct event_columns *out)
{
    struct str *texts = ARENA_ARRAY(arena, 4 * n + 1, struct str);
    int64_t *ints = ARENA_ARRAY(arena, 2 * n + 1, int64_t);

    if (texts == NULL || ints == NULL) {
        return false;
    }
    *out = (struct event_columns){texts, texts + n, texts + 2 * n, texts + 3 * n, ints, ints + n};
    for (size_t i = 0; i < n; i++) {
        const struct whk_event *e = &events[i];
        out->ids[i] = e->id;
        out->types[i] = e->type;
        out->bodies[i] = e->body;
        out->keys[i] = e->order_key.n == 0 ? STR("") : e->order_key;
        out->orgs[i] = e->org_id;
        out->commits[i] = str_find(e->body, STR("\"commit_sha\":\"")) >= 0 ? 1 : 0;
    }
    return true;
}

enum rc
whk_fan_out(struct db *db, struct ctx *ctx, const struct whk_event *events, size_t n,
            int64_t *out_made)
{
    const struct db_result *res = NULL;
    struct event_columns c;

    *out_made = 0;
    if (n == 0) {
        return RC_OK;
    }
    if (!make_event_columns(ctx->arena, events, n, &c)) {
        return fail_memory(ctx, "too many events");
    }
    enum rc rc = DB_QUERY(db, ctx, Q_DELIVERIES_FAN_OUT, &res, DB_ARG_STRS(c.ids, n),
                          DB_ARG_I64S(c.orgs, n), DB_ARG_STRS(c.types, n), DB_ARG_STRS(c.bodies, n),
                          DB_ARG_STRS(c.keys, n), DB_ARG_I64S(c.commits, n));
    if (rc == RC_OK) {
        *out_made = db_affected(res);
    }
    return rc;
}

static enum rc
new_id(struct ctx *ctx, enum rc rc, const struct db_result *res, int64_t *out_id)
{
    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return not_found(ctx);
    }
    *out_id = db_i64(res, 0, 0);
    return RC_OK;
}

enum rc
whk_force(struct db *db, struct ctx *ctx, int64_t endpoint_id, struct str event_id,
          const char *type, struct str body, int64_t *out_id)
{
    const struct db_result *res = NULL;

    enum rc rc =
        DB_QUERY(db, ctx, Q_DELIVERY_FORCE, &res, DB_ARG_I64(ctx->who.org_id),
                 DB_ARG_I64(endpoint_id), DB_ARG_STR(event_id), DB_ARG_Z(type), DB_ARG_STR(body));
    return new_id(ctx, rc, res, out_id);
}

enum rc
whk_again(struct db *db, struct ctx *ctx, int64_t endpoint_id, int64_t delivery_id, int64_t *out_id)
{
    const struct db_result *res = NULL;

    ASSERT(db_in_tx(ctx));
    enum rc rc = DB_QUERY(db, ctx, Q_ENDPOINT_LOCK, NULL, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_I64(endpoint_id));
    if (rc == RC_OK) {
        rc = DB_QUERY(db, ctx, Q_DELIVERY_AGAIN, &res, DB_ARG_I64(ctx->who.org_id),
                      DB_ARG_I64(endpoint_id), DB_ARG_I64(delivery_id));
    }
    return new_id(ctx, rc, res, out_id);
}

enum rc
whk_delivery_exists(struct db *db, struct ctx *ctx, int64_t endpoint_id, int64_t delivery_id)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(db, ctx, Q_DELIVERY_EXISTS, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_I64(endpoint_id), DB_ARG_I64(delivery_id));
    return rc == RC_OK && db_rows(res) == 0 ? not_found(ctx) : rc;
}

/* --- listed -------------------------------------------------------------------------------- */

static void
read_delivery(const struct db_result *res, int row, struct whk_delivery *out)
{
    *out = (struct whk_delivery){
        .id = db_i64(res, row, 0),
        .event_id = db_strz(res, row, 1),
        .event_type = db_strz(res, row, 2),
        .state = db_strz(res, row, 3),
        .attempt = db_i64(res, row, 4),
        .response_status = db_i64(res, row, 5),
        .payload = db_str(res, row, 6),
        .response_excerpt = db_strz(res, row, 7),
        .created_us = db_time_us(res, row, 8),
        .delivered_us = db_time_us(res, row, 9),
        .error = db_strz(res, row, 10),
        .took_ms = db_is_null(res, row, 11) ? -1 : db_i64(res, row, 11),
        .next_us = db_time_us(res, row, 12),
        .is_replay = db_bool(res, row, 13),
    };
}

enum rc
whk_delivery_list(struct db *db, struct ctx *ctx, int64_t endpoint_id, int64_t before,
                  struct whk_delivery **out, size_t *out_count)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(db, ctx, Q_DELIVERY_LIST, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_I64(endpoint_id), DB_ARG_I64(before), DB_ARG_I64(LIST_ROWS),
                          DB_ARG_I64(LIST_BYTES));
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    struct whk_delivery *list = ARENA_ARRAY(ctx->arena, n + 1, struct whk_delivery);
    if (list == NULL) {
        return fail_memory(ctx, "the answer is too large");
    }
    for (size_t i = 0; i < n; i++) {
        read_delivery(res, (int)i, &list[i]);
    }
    *out = list;
    *out_count = n;
    return RC_OK;
}

/* --- claimed ------------------------------------------------------------------------------- */

static void
read_job(const struct db_result *res, int row, struct whk_job *out)
{
    *out = (struct whk_job){
        .delivery_id = db_i64(res, row, 0),
        .endpoint_id = db_i64(res, row, 1),
        .org_id = db_i64(res, row, 2),
        .kind = db_str(res, row, 3),
        .url = db_str(res, row, 4),
        .secret = db_bytes(res, row, 5),
        .old_secret = db_is_null(res, row, 6) ? STR_EMPTY : db_bytes(res, row, 6),
        .event_id = db_str(res, row, 7),
        .event_type = db_str(res, row, 8),
        .body = db_str(res, row, 9),
        .attempt = db_i64(res, row, 10),
    };
}

enum rc
whk_claim(struct db *db, struct ctx *ctx, const struct whk_claim *claim, struct whk_job **out,
          size_t *out_count)
{
    const struct db_result *res = NULL;
    const struct whk_room *room = &claim->room;

    ASSERT(db_in_tx(ctx));
    enum rc rc = claim->is_planned ? RC_OK : DB_QUERY(db, ctx, Q_PLAN_FOR, NULL, DB_ARG_Z("on"));
    if (rc != RC_OK) {
        return rc;
    }
    rc = DB_QUERY(db, ctx, Q_DELIVERIES_CLAIM, &res, DB_ARG_I64(claim->after),
                  DB_ARG_I64S(room->endpoints, room->count), DB_ARG_I64S(room->rooms, room->count),
                  DB_ARG_I64(claim->limit), DB_ARG_BOOL(claim->failing),
                  DB_ARG_STRS(claim->kinds, claim->kind_count), WAITS(claim->retry),
                  DB_ARG_I64(claim->lease_us));
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    struct whk_job *jobs = ARENA_ARRAY(ctx->arena, n + 1, struct whk_job);
    if (jobs == NULL) {
        return fail_memory(ctx, "the claim is too large");
    }
    for (size_t i = 0; i < n; i++) {
        read_job(res, (int)i, &jobs[i]);
        jobs[i].failing = claim->failing;
    }
    *out = jobs;
    *out_count = n;
    return RC_OK;
}

/* --- recorded ------------------------------------------------------------------------------ */

/* The columns of deliveries_record. */
struct columns {
    int64_t *ids, *attempts, *ends, *statuses, *took_ms, *waits_us;
    struct str *excerpts, *errors;
};

static bool
make_columns(struct arena *arena, const struct whk_outcome *outcomes, size_t n, struct columns *out)
{
    int64_t *ints = ARENA_ARRAY(arena, 6 * n + 1, int64_t);
    struct str *texts = ARENA_ARRAY(arena, 2 * n + 1, struct str);

    if (ints == NULL || texts == NULL) {
        return false;
    }
    *out = (struct columns){ints,         ints + n,     ints + 2 * n, ints + 3 * n,
                            ints + 4 * n, ints + 5 * n, texts,        texts + n};
    for (size_t i = 0; i < n; i++) {
        const struct whk_outcome *o = &outcomes[i];
        out->ids[i] = o->delivery_id;
        out->attempts[i] = o->attempt;
        out->ends[i] = o->end;
        out->statuses[i] = o->status;
        out->took_ms[i] = o->took_us / ASSAY_US_PER_MS;
        out->waits_us[i] = o->retry_after_us;
        out->excerpts[i] = o->excerpt;
        out->errors[i] = o->error;
    }
    return true;
}

static enum rc
record_deliveries(struct db *db, struct ctx *ctx, const struct whk_outcome *outcomes, size_t n,
                  const struct whk_retry *retry)
{
    struct columns c;

    if (!make_columns(ctx->arena, outcomes, n, &c)) {
        return fail_memory(ctx, "too many outcomes");
    }
    enum rc rc = DB_QUERY(db, ctx, Q_PLAN_FOR, NULL, DB_ARG_Z("off"));
    if (rc != RC_OK) {
        return rc;
    }
    return DB_QUERY(db, ctx, Q_DELIVERIES_RECORD, NULL, DB_ARG_I64S(c.ids, n),
                    DB_ARG_I64S(c.attempts, n), DB_ARG_I64S(c.ends, n), DB_ARG_I64S(c.statuses, n),
                    DB_ARG_STRS(c.excerpts, n), DB_ARG_STRS(c.errors, n), DB_ARG_I64S(c.took_ms, n),
                    DB_ARG_I64S(c.waits_us, n), WAITS(retry));
}

/* Endpoints by what the last of their outcomes says of them: `well` and `failing` where that is
 * new, `still` those that fail on. An outcome that several requests at once leave out of date is
 * put right by the next. */
struct health {
    int64_t *well, *failing, *still, *gone;
    size_t well_count, failing_count, still_count, gone_count;
};

static bool
is_later(const struct whk_outcome *outcomes, size_t n, size_t i)
{
    for (size_t k = i + 1; k < n; k++) {
        if (outcomes[k].endpoint_id == outcomes[i].endpoint_id) {
            return true;
        }
    }
    return false;
}

static bool
read_health(struct arena *arena, const struct whk_outcome *outcomes, size_t n, struct health *out)
{
    *out = (struct health){.well = ARENA_ARRAY(arena, n + 1, int64_t),
                           .failing = ARENA_ARRAY(arena, n + 1, int64_t),
                           .still = ARENA_ARRAY(arena, n + 1, int64_t),
                           .gone = ARENA_ARRAY(arena, n + 1, int64_t)};
    if (out->well == NULL || out->failing == NULL || out->still == NULL || out->gone == NULL) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const struct whk_outcome *o = &outcomes[i];
        if (o->gone) {
            out->gone[out->gone_count++] = o->endpoint_id;
        }
        if (o->end == WHK_REFUSED || is_later(outcomes, n, i)) {
            continue; /* refused: that was the event's fault */
        }
        if (o->end == WHK_DELIVERED) {
            if (o->was_failing) {
                out->well[out->well_count++] = o->endpoint_id;
            }
        } else if (o->was_failing) {
            out->still[out->still_count++] = o->endpoint_id;
        } else {
            out->failing[out->failing_count++] = o->endpoint_id;
        }
    }
    return true;
}

static const struct whk_outcome *
last_of(const struct whk_outcome *outcomes, size_t n, int64_t endpoint_id)
{
    const struct whk_outcome *last = NULL;

    for (size_t i = 0; i < n; i++) {
        last = outcomes[i].endpoint_id == endpoint_id ? &outcomes[i] : last;
    }
    return last;
}

static enum rc
find_hopeless(struct db *db, struct ctx *ctx, const struct health *h,
              const struct whk_outcome *outcomes, size_t n, int64_t disable_after_us,
              struct whk_hopeless **out, size_t *out_count)
{
    const struct db_result *res = NULL;

    enum rc rc =
        DB_QUERY(db, ctx, Q_ENDPOINTS_HOPELESS, &res, DB_ARG_I64S(h->still, h->still_count),
                 DB_ARG_I64(disable_after_us), DB_ARG_I64S(h->gone, h->gone_count));
    if (rc != RC_OK) {
        return rc;
    }
    size_t count = (size_t)db_rows(res);
    struct whk_hopeless *list = ARENA_ARRAY(ctx->arena, count + 1, struct whk_hopeless);
    if (list == NULL) {
        return fail_memory(ctx, "too many endpoints");
    }
    for (size_t i = 0; i < count; i++) {
        int64_t id = db_i64(res, (int)i, 0);
        list[i] = (struct whk_hopeless){id, db_bool(res, (int)i, 1), last_of(outcomes, n, id)};
    }
    *out = list;
    *out_count = count;
    return RC_OK;
}

enum rc
whk_record(struct db *db, struct ctx *ctx, const struct whk_outcome *outcomes, size_t n,
           const struct whk_retry *retry, int64_t disable_after_us, struct whk_hopeless **out,
           size_t *out_count)
{
    struct health h;
    enum rc rc = RC_OK;

    ASSERT(db_in_tx(ctx));
    *out_count = 0;
    if (!read_health(ctx->arena, outcomes, n, &h)) {
        return fail_memory(ctx, "too many outcomes");
    }
    /* Endpoints first: a deletion takes its locks in this order too. */
    if (h.well_count > 0) {
        rc = DB_QUERY(db, ctx, Q_ENDPOINTS_WELL, NULL, DB_ARG_I64S(h.well, h.well_count));
    }
    if (rc == RC_OK && h.failing_count > 0) {
        rc = DB_QUERY(db, ctx, Q_ENDPOINTS_FAILING, NULL, DB_ARG_I64S(h.failing, h.failing_count));
    }
    if (rc == RC_OK) {
        rc = record_deliveries(db, ctx, outcomes, n, retry);
    }
    return rc == RC_OK && h.still_count + h.gone_count > 0
               ? find_hopeless(db, ctx, &h, outcomes, n, disable_after_us, out, out_count)
               : rc;
}

enum rc
whk_disable(struct db *db, struct ctx *ctx, int64_t id, const char *reason,
            struct whk_disabled *out, bool *out_done)
{
    const struct db_result *res = NULL;

    *out_done = false;
    enum rc rc = DB_QUERY(db, ctx, Q_ENDPOINT_DISABLE, &res, DB_ARG_I64(id), DB_ARG_Z(reason));
    if (rc != RC_OK || db_rows(res) == 0) {
        return rc;
    }
    /* A chat and a repository have neither name nor address that may be shown. */
    struct str kind = db_str(res, 0, 3);
    *out = (struct whk_disabled){
        .org_id = db_i64(res, 0, 0),
        .name =
            !str_eqz(kind, WHK_KIND_WEBHOOK) ? kind : db_str(res, 0, db_is_null(res, 0, 1) ? 2 : 1),
        .kind = kind,
        .created_by = db_i64(res, 0, 4),
    };
    *out_done = true;
    return DB_QUERY(db, ctx, Q_DELIVERIES_GIVE_UP, NULL, DB_ARG_I64(id));
}

enum rc
whk_tidy(struct db *db, struct ctx *ctx, const struct whk_retry *retry, bool *out_more)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(db, ctx, Q_DELIVERIES_SPENT, NULL, DB_ARG_I64((int64_t)retry->count + 1));
    if (rc == RC_OK) {
        rc = DB_QUERY0(db, ctx, Q_DELIVERIES_SWEEP, &res);
    }
    if (rc == RC_OK) {
        *out_more = db_affected(res) >= SWEEP_ROWS;
        rc = DB_QUERY0(db, ctx, Q_GITHUB_RESULTS_SWEEP, NULL);
    }
    return rc;
}
