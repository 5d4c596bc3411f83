/* SPDX-License-Identifier: Apache-2.0
 *
 * Devices as clients see them. */
#include "sessions/sessions.h"
#include "sessions_sql.h"

static void
fill_device(const struct db_result *res, int row, Assay__Device *d)
{
    assay__device__init(d);
    d->id = db_i64(res, row, 0);
    d->device_id = db_strz(res, row, 1);
    d->worker_id = db_strz(res, row, 2);
    d->name = db_strz(res, row, 3);
    d->type = db_strz(res, row, 4);
    d->category = db_strz(res, row, 5);
    d->os_version = db_strz(res, row, 6);
}

static enum rc
query(struct sessions *s, struct ctx *ctx, const char *type, const char *category,
      const char *device_id, Assay__Device ***out, size_t *out_count)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(s->db, ctx, Q_DEVICE_LIST, &res, DB_ARG_Z(type), DB_ARG_Z(category),
                          DB_ARG_Z(device_id));
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    Assay__Device *devices = ARENA_ARRAY(ctx->arena, n + 1, Assay__Device);
    *out = ARENA_ARRAY(ctx->arena, n + 1, Assay__Device *);
    if (devices == NULL || *out == NULL) {
        return fail_memory(ctx, "too many devices");
    }
    for (size_t i = 0; i < n; i++) {
        fill_device(res, (int)i, &devices[i]);
        devices[i].status =
            pb_strz(ctx->arena, db_bool(res, (int)i, 7) ? STR("busy") : STR("available"));
        (*out)[i] = &devices[i];
    }
    *out_count = n;
    return RC_OK;
}

enum rc
sessions_list_devices(struct sessions *s, struct ctx *ctx, const Assay__ListDevicesRequest *req,
                      Assay__ListDevicesResponse *resp)
{
    return query(s, ctx, req->device_type, req->category, NULL, &resp->items, &resp->n_items);
}

enum rc
sessions_get_device(struct sessions *s, struct ctx *ctx, const Assay__GetDeviceRequest *req,
                    Assay__Device *resp)
{
    Assay__Device **list = NULL;
    size_t n = 0;

    enum rc rc = query(s, ctx, NULL, NULL, req->device_id, &list, &n);
    if (rc != RC_OK) {
        return rc;
    }
    if (n == 0) {
        return fail(ctx, RC_NOT_FOUND, "DEVICE_NOT_FOUND", "no such device");
    }
    *resp = *list[0];
    return RC_OK;
}

enum rc
sessions_list_pools(struct sessions *s, struct ctx *ctx, const Assay__ListPoolsRequest *req,
                    Assay__ListPoolsResponse *resp)
{
    const struct db_result *res = NULL;

    (void)req;
    enum rc rc = DB_QUERY0(s->db, ctx, Q_DEVICE_POOLS, &res);
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    Assay__DevicePool *pools = ARENA_ARRAY(ctx->arena, n + 1, Assay__DevicePool);
    resp->items = ARENA_ARRAY(ctx->arena, n + 1, Assay__DevicePool *);
    if (pools == NULL || resp->items == NULL) {
        return fail_memory(ctx, "too many pools");
    }
    for (int i = 0; i < (int)n; i++) {
        assay__device_pool__init(&pools[i]);
        pools[i].group_key = db_strz(res, i, 0);
        pools[i].model = db_strz(res, i, 1);
        pools[i].os_version = db_strz(res, i, 2);
        pools[i].device_type = db_strz(res, i, 3);
        pools[i].category = db_strz(res, i, 4);
        pools[i].total = db_i64(res, i, 5);
        pools[i].free = db_i64(res, i, 6);
        resp->items[i] = &pools[i];
    }
    resp->n_items = n;
    return RC_OK;
}
