/* SPDX-License-Identifier: Apache-2.0
 *
 * Mails about what other services tell: to the people who can do something about it. */
#include "auth/aut_mail.h"
#include "auth/aut_store_mail.h"
#include "json/json.h"

#define WEBHOOK_DISABLED "webhook.disabled"

enum rc
aut_notice_queue(struct auth *auth, struct ctx *ctx, int64_t org_id, struct str type,
                 struct str data)
{
    const struct json_value *v = NULL;

    if (!str_eqz(type, WEBHOOK_DISABLED) || json_parse(data, ctx->arena, &v, NULL) != RC_OK ||
        !json_is(v, JSON_OBJECT)) {
        return RC_OK;
    }
    enum rc rc = aut_mail_insert_notice(auth->db, ctx, AUT_MAIL_WEBHOOK_DISABLED, org_id,
                                        json_i64(json_get(v, "created_by"), 0), data);
    return rc == RC_OK ? db_notify(auth->db, ctx, AUT_LOOP_MAIL, STR_EMPTY) : rc;
}

static struct str
last_attempt(struct ctx *ctx, const struct json_value *v)
{
    int64_t status = json_i64(json_get(v, "last_status"), 0);
    struct str error = json_str(json_get(v, "last_error"));

    return status > 0 ? arena_printf(ctx->arena, "was answered with status %lld", (long long)status)
           : error.n > 0 ? arena_printf(ctx->arena, "failed (%.*s)", STR_ARG(error))
                         : STR("failed");
}

/* What comes from the settings is no webhook of the API, and switched on in other ways. */
static struct str
remedy(struct ctx *ctx, struct str kind, struct str id)
{
    if (str_eqz(kind, "slack") || str_eqz(kind, "teams")) {
        return STR("When the chat works again, send the test message (POST "
                   "/api/v1/settings/test-notification): once that arrives, the chat is switched "
                   "on again. A new address (PUT /api/v1/settings) does that, too.");
    }
    if (str_eqz(kind, "github")) {
        return STR("Put a token that may write commit statuses and pull requests into the settings "
                   "(PUT /api/v1/settings, github_token): that switches it on again.");
    }
    return arena_printf(
        ctx->arena,
        "When the receiver works again, switch the webhook on (PATCH "
        "/api/v1/integrations/webhooks/%.*s with \"enabled\": true) and send again "
        "what it missed (GET .../deliveries, POST .../deliveries/NUMBER/redeliver).",
        STR_ARG(id));
}

enum rc
aut_notice_read(struct ctx *ctx, struct str about, struct aut_mail_facts *out)
{
    const struct json_value *v = NULL;

    if (json_parse(about, ctx->arena, &v, NULL) != RC_OK || !json_is(v, JSON_OBJECT)) {
        return fail(ctx, RC_DATA_LOSS, "NOTICE", "the event of a notice cannot be read");
    }
    out->webhook = json_str(json_get(v, "name"));
    out->webhook_id =
        arena_printf(ctx->arena, "%lld", (long long)json_i64(json_get(v, "webhook_id"), 0));
    out->why = str_eqz(json_str(json_get(v, "reason")), "gone")
                   ? STR("its receiver answered 410 Gone, which says \"never again\"")
                   : STR("no attempt to reach it succeeded for too long");
    out->last = last_attempt(ctx, v);
    out->remedy = remedy(ctx, json_str(json_get(v, "kind")), out->webhook_id);
    return aut_check_arena(ctx);
}
