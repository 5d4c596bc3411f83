/* SPDX-License-Identifier: Apache-2.0
 *
 * Events of other services. Deleted apps are unlinked from suites and cases; runs whose worker
 * has restarted go back to the queue. */
#include <string.h>

#include "tests/runs/tst_dispatch.h"
#include "tests_sql.h"

static enum rc
app_deleted(struct tests *t, struct ctx *ctx, const Assay__Event *event)
{
    const struct json_value *v = NULL;
    struct str data = str_n((const char *)event->data.data, event->has_data ? event->data.len : 0);

    if (json_parse(data, ctx->arena, &v, NULL) != RC_OK) {
        return RC_OK; /* names no app: nothing to unlink */
    }
    int64_t id = json_i64(json_get(v, "app_id"), 0);
    return id > 0 ? DB_QUERY(t->db, ctx, Q_APP_FORGET, NULL, DB_ARG_I64(id)) : RC_OK;
}

/* {"job_key":"JOB.FENCE"}: what the device was asked for with. */
static enum rc
session_lost(struct tests *t, struct ctx *ctx, const Assay__Event *event)
{
    const struct json_value *v = NULL;
    struct str data = str_n((const char *)event->data.data, event->has_data ? event->data.len : 0);
    int64_t id = 0;
    int64_t fence = 0;

    if (json_parse(data, ctx->arena, &v, NULL) != RC_OK) {
        return RC_OK;
    }
    struct str rest = json_str(json_get(v, "job_key"));
    if (str_to_i64(str_split(&rest, '.'), 1, INT64_MAX, &id) != RC_OK ||
        str_to_i64(rest, 1, INT64_MAX, &fence) != RC_OK) {
        return RC_OK; /* no job of ours */
    }
    return tst_job_lost(t, ctx, id, fence);
}

enum rc
tests_deliver_events(struct tests *t, struct ctx *ctx, const Assay__DeliverEventsRequest *req,
                     Assay__DeliverEventsResponse *resp)
{
    resp->accepted = ARENA_ARRAY(ctx->arena, req->n_events + 1, char *);
    if (resp->accepted == NULL) {
        return fail_memory(ctx, "too many events");
    }
    for (size_t i = 0; i < req->n_events; i++) {
        const Assay__Event *event = req->events[i];
        bool is_new = false;
        enum rc rc = svc_inbox(t->db, ctx, str_z(event->id), &is_new);
        if (rc == RC_OK && is_new && strcmp(event->type, "app.deleted") == 0) {
            rc = app_deleted(t, ctx, event);
        } else if (rc == RC_OK && is_new && strcmp(event->type, "session.lost") == 0) {
            rc = session_lost(t, ctx, event);
        }
        if (rc != RC_OK) {
            return rc;
        }
        resp->accepted[resp->n_accepted++] = event->id;
    }
    return RC_OK;
}
