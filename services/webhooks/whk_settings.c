/* SPDX-License-Identifier: Apache-2.0 */
#include "webhooks/whk_settings.h"

#include "webhooks/whk_seal.h"
#include "webhooks/whk_store.h"

#define MASK "****"
#define SHOWN 4

static const struct {
    struct str text;
    bool is_secret;
} NAMES[] = {
    [SET_SLACK_URL] = {STR_INIT("slack_webhook_url"), true},
    [SET_TEAMS_URL] = {STR_INIT("teams_webhook_url"), true},
    [SET_GITHUB_TOKEN] = {STR_INIT("github_token"), true},
    [SET_GITHUB_REPO] = {STR_INIT("github_repo"), false},
    [SET_GITLAB_URL] = {STR_INIT("gitlab_url"), false},
    [SET_GITLAB_TOKEN] = {STR_INIT("gitlab_token"), true},
    [SET_GITLAB_PROJECT] = {STR_INIT("gitlab_project"), false},
    [SET_JIRA_BASE] = {STR_INIT("jira_base"), false},
    [SET_JIRA_EMAIL] = {STR_INIT("jira_email"), false},
    [SET_JIRA_TOKEN] = {STR_INIT("jira_token"), true},
    [SET_JIRA_PROJECT] = {STR_INIT("jira_project"), false},
    [SET_FILE_ISSUES] = {STR_INIT("file_issues"), false},
};

struct str
whk_setting_text(enum whk_setting_name name)
{
    return NAMES[name].text;
}

bool
whk_setting_is_secret(enum whk_setting_name name)
{
    return NAMES[name].is_secret;
}

static enum rc
open_one(struct webhooks *w, struct ctx *ctx, const struct whk_setting *stored,
         struct whk_settings *out)
{
    for (size_t i = 0; i < WHK_SETTING_COUNT; i++) {
        if (!str_eq(stored->name, NAMES[i].text)) {
            continue;
        }
        if (stored->sealed.n == 0) {
            out->values[i] = stored->value;
            return RC_OK;
        }
        return whk_unseal_setting(w->ring, ctx, ctx->who.org_id, stored->name, stored->sealed,
                                  &out->values[i]);
    }
    return RC_OK; /* of a newer version */
}

enum rc
whk_settings_read(struct webhooks *w, struct ctx *ctx, struct whk_settings *out)
{
    struct whk_setting *list = NULL;
    size_t n = 0;
    struct whk_settings settings = {.values = {STR_EMPTY}};

    enum rc rc = whk_settings_list(w->db, ctx, &list, &n);
    for (size_t i = 0; rc == RC_OK && i < n; i++) {
        rc = open_one(w, ctx, &list[i], &settings);
    }
    if (rc == RC_OK) {
        *out = settings;
    }
    return rc;
}

/* Cut where a character begins, so that the mask is text too. */
static size_t
tail_at(struct str value)
{
    size_t at = value.n;

    for (int cps = 0; at > 0 && cps < SHOWN;) {
        at--;
        cps += ((unsigned char)value.p[at] & 0xC0) != 0x80 ? 1 : 0;
    }
    return at;
}

struct str
whk_setting_mask(struct ctx *ctx, struct str value)
{
    size_t at = tail_at(value);

    /* Of four characters nothing would be hidden. */
    return at == 0 ? STR(MASK)
                   : arena_printf(ctx->arena, MASK "%.*s", STR_ARG(str_sub(value, at, value.n)));
}
