/* SPDX-License-Identifier: Apache-2.0
 *
 * What an organization set for its sessions. Auth keeps it; a session takes it when it is started
 * and goes by it from then on, so that neither its use nor the sweep asks anybody. */
#include <string.h>

#include "auth_client.h"
#include "cfg/cfg.h"
#include "sessions/sessions.h"
#include "sessions_sql.h"

#define ASK_US ASSAY_US_PER_S

enum rc
ses_ask_auth(struct sessions *s, struct ctx *ctx, struct ses_defaults *out)
{
    Assay__GetSessionDefaultsRequest req = ASSAY__GET_SESSION_DEFAULTS_REQUEST__INIT;
    Assay__SessionDefaults *resp = NULL;

    req.org_id = ctx->who.org_id;
    enum rc rc = auth_call_get_session_defaults(svc_client(s->svc, SVC_AUTH), ctx, &req, &resp);
    if (rc == RC_OK) {
        out->permissions = resp->session_permissions;
        rc = cfg_parse_duration(str_z(resp->session_timeout), &out->idle_us);
    }
    return rc;
}

/* Auth that does not answer stops nobody from working. */
static void
read_defaults(struct sessions *s, struct ctx *ctx, struct ses_defaults *out)
{
    struct ctx own = ctx_apart(ctx, ASK_US);
    struct ses_defaults said = {.idle_us = 0};

    *out = (struct ses_defaults){.idle_us = s->cfg->idle_us, .permissions = SES_VIEW};
    if (s->ask_defaults(s, &own, &said) == RC_OK) {
        *out = said;
    }
}

enum rc
ses_take_defaults(struct sessions *s, struct ctx *ctx, const char *session_id)
{
    struct ses_defaults defaults;

    read_defaults(s, ctx, &defaults);
    return DB_QUERY(s->db, ctx, Q_SESSION_SET_DEFAULTS, NULL, DB_ARG_Z(session_id),
                    DB_ARG_I64(defaults.idle_us), DB_ARG_Z(defaults.permissions));
}

enum rc
ses_check_may(struct ctx *ctx, int64_t owner_id, struct str permissions, bool stops)
{
    bool is_own = ctx->who.role >= ROLE_ADMIN || ctx->who.user_id == owner_id;

    if (is_own || permissions.n == 0 || str_eqz(permissions, SES_FULL) ||
        (!stops && str_eqz(permissions, SES_CONTROL))) {
        return RC_OK;
    }
    return fail(ctx, RC_FAILED_PRECONDITION, "SESSION_PERMISSIONS",
                "the session of another member may not be %s: the organization's "
                "session_permissions were \"%.*s\" when it started",
                stops ? "stopped" : "controlled", STR_ARG(permissions));
}
