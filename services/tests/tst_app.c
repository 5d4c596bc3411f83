/* SPDX-License-Identifier: Apache-2.0
 *
 * Apps belong to sessions. The first time a suite or case names one it is copied here, so that
 * lists need no second service.
 *
 * The call to sessions is made within the caller's transaction. That is allowed here because
 * nothing is locked by then (BEGIN travels with the first statement; callers have only read), and
 * because sessions never calls tests in return: what it tells tests goes through its outbox. */
#include "sessions_client.h"
#include "tests/tst_store.h"
#include "tests_sql.h"

enum rc
tst_app_resolve(struct tests *t, struct ctx *ctx, const char *public_id, int64_t id,
                int64_t *out_id, const char **out_platform)
{
    Assay__ResolveAppRequest req = ASSAY__RESOLVE_APP_REQUEST__INIT;
    Assay__ResolveAppResponse *app = NULL;

    req.org_id = ctx->who.org_id;
    if (public_id != NULL) {
        req.public_id = pb_strz(ctx->arena, str_z(public_id));
    } else {
        PB_SET(&req, id, id);
    }
    enum rc rc = sessions_call_resolve_app(svc_client(t->svc, SVC_SESSIONS), ctx, &req, &app);
    if (rc != RC_OK) {
        return rc;
    }
    rc = DB_QUERY(t->db, ctx, Q_APP_REMEMBER, NULL, DB_ARG_I64(app->id),
                  DB_ARG_I64(ctx->who.org_id), DB_ARG_Z(app->public_id), DB_ARG_Z(app->name),
                  DB_ARG_Z(app->platform), DB_ARG_Z(app->url), DB_ARG_Z(app->package_name));
    if (rc == RC_OK) {
        *out_id = app->id;
        *out_platform = app->platform;
    }
    return rc;
}
