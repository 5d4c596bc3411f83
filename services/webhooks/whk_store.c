/* SPDX-License-Identifier: Apache-2.0 */
#include "webhooks/whk_store.h"

#include "webhooks_sql.h"

#define LAST_HOLD_US (3600 * ASSAY_US_PER_S)
#define SWEEP_ROWS 1000

/* --- endpoints ----------------------------------------------------------------------------- */

static void
read_endpoint(const struct db_result *res, int row, struct whk_endpoint *out)
{
    *out = (struct whk_endpoint){
        .id = db_i64(res, row, 0),
        .name = db_strz(res, row, 1),
        .url = db_strz(res, row, 2),
        .enabled = db_bool(res, row, 4),
        .created_us = db_time_us(res, row, 5),
    };
    out->event_types = db_strs(res, row, 3, &out->event_type_count);
}

static enum rc
not_found(struct ctx *ctx)
{
    return fail(ctx, RC_NOT_FOUND, "WEBHOOK_NOT_FOUND", "no such webhook");
}

enum rc
whk_endpoint_insert(struct db *db, struct ctx *ctx, const char *name, const char *url,
                    const struct str *types, size_t type_count, struct whk_endpoint *out)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(db, ctx, Q_ENDPOINT_INSERT, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(name), DB_ARG_Z(url), DB_ARG_STRS(types, type_count),
                          ctx->who.user_id > 0 ? DB_ARG_I64(ctx->who.user_id) : DB_ARG_NULL);
    if (rc == RC_OK) {
        read_endpoint(res, 0, out);
    }
    return rc;
}

enum rc
whk_endpoint_set_secret(struct db *db, struct ctx *ctx, int64_t id, struct str sealed)
{
    return DB_QUERY(db, ctx, Q_ENDPOINT_SET_SECRET, NULL, DB_ARG_I64(ctx->who.org_id),
                    DB_ARG_I64(id), DB_ARG_BYTES(sealed));
}

enum rc
whk_endpoint_list(struct db *db, struct ctx *ctx, struct whk_endpoint **out, size_t *out_count)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(db, ctx, Q_ENDPOINT_LIST, &res, DB_ARG_I64(ctx->who.org_id));
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    struct whk_endpoint *list = ARENA_ARRAY(ctx->arena, n + 1, struct whk_endpoint);
    if (list == NULL) {
        return fail(ctx, RC_RESOURCE_EXHAUSTED, "ARENA_FULL", "too many webhooks");
    }
    for (size_t i = 0; i < n; i++) {
        read_endpoint(res, (int)i, &list[i]);
    }
    *out = list;
    *out_count = n;
    return RC_OK;
}

enum rc
whk_endpoint_get(struct db *db, struct ctx *ctx, int64_t id, struct whk_endpoint *out)
{
    const struct db_result *res = NULL;

    enum rc rc =
        DB_QUERY(db, ctx, Q_ENDPOINT_GET, &res, DB_ARG_I64(ctx->who.org_id), DB_ARG_I64(id));
    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return not_found(ctx);
    }
    read_endpoint(res, 0, out);
    return RC_OK;
}

enum rc
whk_endpoint_count(struct db *db, struct ctx *ctx, int64_t *out)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(db, ctx, Q_ENDPOINT_COUNT, &res, DB_ARG_I64(ctx->who.org_id));
    if (rc == RC_OK) {
        *out = db_i64(res, 0, 0);
    }
    return rc;
}

static struct str
name_or_url(const struct db_result *res)
{
    return db_str(res, 0, db_is_null(res, 0, 1) ? 2 : 1);
}

enum rc
whk_endpoint_delete(struct db *db, struct ctx *ctx, int64_t id, struct str *out_name)
{
    const struct db_result *res = NULL;

    enum rc rc =
        DB_QUERY(db, ctx, Q_ENDPOINT_DELETE, &res, DB_ARG_I64(ctx->who.org_id), DB_ARG_I64(id));
    if (rc != RC_OK) {
        return rc;
    }
    if (db_rows(res) == 0) {
        return not_found(ctx);
    }
    *out_name = name_or_url(res);
    return RC_OK;
}

/* --- deliveries ---------------------------------------------------------------------------- */

enum rc
whk_fan_out(struct db *db, struct ctx *ctx, const Assay__Event *event, struct str body,
            int64_t *out_made)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(db, ctx, Q_DELIVERY_FAN_OUT, &res, DB_ARG_I64(event->org_id),
                          DB_ARG_Z(event->id), DB_ARG_Z(event->type), DB_ARG_STR(body));
    if (rc == RC_OK) {
        *out_made = db_affected(res);
    }
    return rc;
}

#define WAITS(retry) DB_ARG_I64S((retry)->waits_us, (retry)->count)

static enum rc
claim_of_endpoint(struct db *db, struct ctx *ctx, const struct whk_retry *retry,
                  struct whk_job *job, bool *out_found)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(db, ctx, Q_DELIVERY_CLAIM, &res, DB_ARG_I64(job->endpoint_id),
                          WAITS(retry), DB_ARG_I64(LAST_HOLD_US));
    if (rc != RC_OK || db_rows(res) == 0) {
        return rc;
    }
    job->delivery_id = db_i64(res, 0, 0);
    job->event_id = db_str(res, 0, 1);
    job->event_type = db_str(res, 0, 2);
    job->body = db_str(res, 0, 3);
    job->attempt = db_i64(res, 0, 4);
    *out_found = true;
    return RC_OK;
}

enum rc
whk_claim(struct db *db, struct ctx *ctx, bool failing, int64_t lease_us,
          const struct whk_retry *retry, struct whk_job *out, bool *out_found)
{
    const struct db_result *res = NULL;

    ASSERT(db_in_tx(ctx));
    *out_found = false;
    enum rc rc =
        DB_QUERY(db, ctx, Q_ENDPOINT_TAKE_TURN, &res, DB_ARG_BOOL(failing), DB_ARG_I64(lease_us));
    if (rc != RC_OK || db_rows(res) == 0) {
        return rc;
    }
    *out = (struct whk_job){
        .endpoint_id = db_i64(res, 0, 0),
        .org_id = db_i64(res, 0, 1),
        .url = db_str(res, 0, 2),
        .secret = db_bytes(res, 0, 3),
        .turn = db_i64(res, 0, 4),
    };
    return claim_of_endpoint(db, ctx, retry, out, out_found);
}

static enum rc
record_delivery(struct db *db, struct ctx *ctx, const struct whk_job *job,
                const struct whk_outcome *outcome, const struct whk_retry *retry)
{
    struct db_arg status = outcome->status > 0 ? DB_ARG_I64(outcome->status) : DB_ARG_NULL;
    struct db_arg excerpt = outcome->status > 0 ? DB_ARG_STR(outcome->excerpt) : DB_ARG_NULL;
    int64_t took_ms = outcome->took_us / ASSAY_US_PER_MS;

    if (outcome->delivered) {
        return DB_QUERY(db, ctx, Q_DELIVERY_DELIVERED, NULL, DB_ARG_I64(job->delivery_id),
                        DB_ARG_I64(job->attempt), status, excerpt, DB_ARG_I64(took_ms));
    }
    return DB_QUERY(db, ctx, Q_DELIVERY_FAILED, NULL, DB_ARG_I64(job->delivery_id),
                    DB_ARG_I64(job->attempt), status, excerpt, DB_ARG_STR(outcome->error),
                    DB_ARG_I64(took_ms), WAITS(retry), DB_ARG_I64(outcome->retry_after_us));
}

enum rc
whk_record(struct db *db, struct ctx *ctx, const struct whk_job *job,
           const struct whk_outcome *outcome, const struct whk_retry *retry,
           int64_t disable_after_us, bool *out_disable)
{
    const struct db_result *res = NULL;

    ASSERT(db_in_tx(ctx));
    *out_disable = false;
    /* The endpoint first: locks are taken in the order in which a claim takes them. */
    enum rc rc = DB_QUERY(db, ctx, Q_ENDPOINT_END_TURN, &res, DB_ARG_I64(job->endpoint_id),
                          DB_ARG_I64(job->turn), DB_ARG_BOOL(outcome->delivered),
                          DB_ARG_BOOL(outcome->gone), DB_ARG_I64(disable_after_us));
    if (rc != RC_OK) {
        return rc;
    }
    *out_disable = db_rows(res) > 0 && !db_bool(res, 0, 0);
    return record_delivery(db, ctx, job, outcome, retry);
}

enum rc
whk_disable(struct db *db, struct ctx *ctx, int64_t id, const char *reason, struct str *out_name)
{
    const struct db_result *res = NULL;

    *out_name = STR_EMPTY;
    enum rc rc = DB_QUERY(db, ctx, Q_ENDPOINT_DISABLE, &res, DB_ARG_I64(id), DB_ARG_Z(reason));
    if (rc != RC_OK || db_rows(res) == 0) {
        return rc;
    }
    *out_name = name_or_url(res);
    return DB_QUERY(db, ctx, Q_DELIVERIES_GIVE_UP, NULL, DB_ARG_I64(id));
}

enum rc
whk_tidy(struct db *db, struct ctx *ctx, const struct whk_retry *retry, int64_t lease_us,
         bool *out_more)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(db, ctx, Q_DELIVERIES_SPENT, NULL, DB_ARG_I64((int64_t)retry->count + 1),
                          DB_ARG_I64(LAST_HOLD_US - lease_us));
    if (rc == RC_OK) {
        rc = DB_QUERY0(db, ctx, Q_DELIVERIES_SWEEP, &res);
    }
    if (rc == RC_OK) {
        *out_more = db_affected(res) >= SWEEP_ROWS;
    }
    return rc;
}
