/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions of people who are no users any more: removed from their organization, or gone with their
 * account. Nobody could stop them, and their devices would be held until they idle out. */
#include "auth_client.h"
#include "sessions/sessions.h"
#include "sessions_sql.h"

#define ASK_US ASSAY_US_PER_S

enum rc
ses_find_gone(struct sessions *s, struct ctx *ctx, const int64_t *ids, size_t count, int64_t **out,
              size_t *out_count)
{
    Assay__FindGoneRequest req = ASSAY__FIND_GONE_REQUEST__INIT;
    Assay__FindGoneResponse *resp = NULL;

    req.user_ids = (int64_t *)(uintptr_t)ids;
    req.n_user_ids = count;
    enum rc rc = auth_call_find_gone(svc_client(s->svc, SVC_AUTH), ctx, &req, &resp);
    if (rc == RC_OK) {
        *out = resp->user_ids;
        *out_count = resp->n_user_ids;
    }
    return rc;
}

/* Auth that does not answer ends nobody's session. */
static size_t
ask(struct sessions *s, struct ctx *ctx, const int64_t *ids, size_t count, int64_t **out)
{
    struct ctx own = *ctx; /* the call's failure and deadline are none of the loop's */
    size_t n = 0;

    own.err = (struct err){.code = RC_OK};
    own.deadline_us = clk_wall_us() + ASK_US;
    return count > 0 && s->find_gone(s, &own, ids, count, out, &n) == RC_OK ? n : 0;
}

enum rc
ses_end_gone(struct sessions *s, struct ctx *ctx)
{
    const struct db_result *res = NULL;
    int64_t *gone = NULL;
    enum rc rc = DB_QUERY0(s->db, ctx, Q_LIVE_USERS, &res);

    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    int64_t *ids = ARENA_ARRAY(ctx->arena, n + 1, int64_t);
    if (ids == NULL) {
        return fail_memory(ctx, "too many users");
    }
    for (size_t i = 0; i < n; i++) {
        ids[i] = db_i64(res, (int)i, 0);
    }
    n = ask(s, ctx, ids, n, &gone);
    if (n > 0) {
        rc = DB_QUERY(s->db, ctx, Q_SESSIONS_OF_USERS, &res, DB_ARG_I64S(gone, n));
        for (int i = 0; rc == RC_OK && i < db_rows(res); i++) {
            rc = ses_end_alone(s, ctx, db_strz(res, i, 0), "stopped", "its user is gone");
        }
    }
    return rc;
}
