/* SPDX-License-Identifier: Apache-2.0
 *
 * Events of other services. Deleted apps are unlinked from suites and cases. */
#include <string.h>

#include "tests/tst_store.h"
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
        }
        if (rc != RC_OK) {
            return rc;
        }
        resp->accepted[resp->n_accepted++] = event->id;
    }
    return RC_OK;
}
