/* SPDX-License-Identifier: Apache-2.0
 *
 * What plans allow. Billing says it; what is counted against it is counted here, where sessions
 * start. Sessions that end though they are in use, also those on a worker that is being stopped. */
#include "log/log.h"
#include "sessions/sessions.h"
#include "sessions_sql.h"

#define WARNING_US (60 * ASSAY_US_PER_S)

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

/* All live sessions use the time together. True when it is over in a minute. */
static bool
is_short(const struct svc_allowed *allowed, int64_t live)
{
    int64_t since_us = clk_mono_us() - allowed->at_us;

    return allowed->streaming_left_us != SVC_NO_LIMIT &&
           allowed->streaming_left_us <= (since_us + WARNING_US) * live;
}

static enum rc
end_due(struct sessions *s, struct ctx *ctx, int64_t org_id)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(s->db, ctx, Q_SESSIONS_ENDING, &res, DB_ARG_I64(org_id));
    for (int i = 0; rc == RC_OK && i < db_rows(res); i++) {
        rc = ses_end_alone(s, ctx, db_strz(res, i, 0), "stopped", db_strz(res, i, 1));
    }
    return rc;
}

static enum rc
limit_org(struct sessions *s, struct ctx *ctx, int64_t org_id, int64_t live, bool was_told)
{
    struct svc_allowed allowed;

    svc_limits_get(s->limits, ctx, org_id, &allowed);
    bool has_longest = allowed.max_session_us != SVC_NO_LIMIT;
    bool short_of_time = is_short(&allowed, live);
    if (!short_of_time && !has_longest && !was_told) {
        return RC_OK;
    }
    enum rc rc =
        DB_QUERY(s->db, ctx, Q_ENDINGS_SET, NULL, DB_ARG_I64(org_id), DB_ARG_BOOL(short_of_time),
                 DB_ARG_Z("the plan's streaming minutes are used up"),
                 has_longest ? DB_ARG_I64(allowed.max_session_us) : DB_ARG_NULL,
                 DB_ARG_Z("the plan's longest session is over"), DB_ARG_Z(SES_WORKER_STOPS));
    return rc == RC_OK ? end_due(s, ctx, org_id) : rc;
}

enum rc
ses_end_limited(struct sessions *s, struct ctx *ctx)
{
    const struct db_result *res = NULL;
    enum rc rc = DB_QUERY0(s->db, ctx, Q_LIVE_ORGS, &res);

    for (int i = 0; rc == RC_OK && i < db_rows(res); i++) {
        rc = limit_org(s, ctx, db_i64(res, i, 0), db_i64(res, i, 1), db_bool(res, i, 2));
    }
    return rc;
}
