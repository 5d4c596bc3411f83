/* SPDX-License-Identifier: Apache-2.0
 *
 * What plans allow. Billing says it; what is counted against it is counted here, where sessions
 * start. */
#include "log/log.h"
#include "sessions/sessions.h"
#include "sessions_sql.h"

static enum rc
check_count(struct sessions *s, struct ctx *ctx, int64_t org_id, const struct svc_allowed *allowed)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(s->db, ctx, Q_ORG_LOCK, NULL, DB_ARG_I64(org_id));
    rc = rc == RC_OK ? DB_QUERY(s->db, ctx, Q_ORG_LIVE, &res, DB_ARG_I64(org_id)) : rc;
    if (rc != RC_OK || db_i64(res, 0, 0) < allowed->sessions) {
        return rc;
    }
    if (allowed->at_us == 0) {
        return fail(ctx, RC_FAILED_PRECONDITION, "SESSION_LIMIT",
                    "billing does not answer: %lld sessions at the same time until it does",
                    (long long)allowed->sessions);
    }
    return fail(ctx, RC_FAILED_PRECONDITION, "SESSION_LIMIT",
                "the plan %s allows %lld sessions at the same time; stop one first", allowed->plan,
                (long long)allowed->sessions);
}

enum rc
ses_check_limits(struct sessions *s, struct ctx *ctx, int64_t org_id, bool streams)
{
    struct svc_allowed allowed;

    svc_limits_get(s->limits, ctx, org_id, &allowed);
    if (streams && allowed.streaming_left_us == 0) {
        return fail(ctx, RC_FAILED_PRECONDITION, "STREAMING_LIMIT", "%s", allowed.streaming_text);
    }
    return allowed.sessions == SVC_NO_LIMIT ? RC_OK : check_count(s, ctx, org_id, &allowed);
}

/* All live sessions use the time together. */
static bool
is_used_up(const struct svc_allowed *allowed, int64_t live)
{
    int64_t since_us = clk_mono_us() - allowed->at_us;

    return allowed->streaming_left_us != SVC_NO_LIMIT &&
           allowed->streaming_left_us <= since_us * live;
}

static enum rc
end_older(struct sessions *s, struct ctx *ctx, int64_t org_id, int64_t older_us, const char *reason)
{
    const struct db_result *res = NULL;

    enum rc rc =
        DB_QUERY(s->db, ctx, Q_LIVE_OF_ORG, &res, DB_ARG_I64(org_id), DB_ARG_I64(older_us));
    for (int i = 0; rc == RC_OK && i < db_rows(res); i++) {
        rc = ses_end_alone(s, ctx, db_strz(res, i, 0), "stopped", reason);
    }
    return rc;
}

enum rc
ses_end_limited(struct sessions *s, struct ctx *ctx)
{
    const struct db_result *res = NULL;
    enum rc rc = s->limits == NULL ? RC_OK : DB_QUERY0(s->db, ctx, Q_LIVE_ORGS, &res);

    for (int i = 0; rc == RC_OK && res != NULL && i < db_rows(res); i++) {
        struct svc_allowed allowed;
        int64_t org_id = db_i64(res, i, 0);
        svc_limits_get(s->limits, ctx, org_id, &allowed);
        if (is_used_up(&allowed, db_i64(res, i, 1))) {
            rc = end_older(s, ctx, org_id, 0, "the plan's streaming minutes are used up");
        } else if (allowed.max_session_us != SVC_NO_LIMIT) {
            rc = end_older(s, ctx, org_id, allowed.max_session_us,
                           "the plan's longest session is over");
        }
    }
    return rc;
}
