/* SPDX-License-Identifier: Apache-2.0
 *
 * The settings of an organization: names, which of them are secret, and their values opened.
 * Source: tests/contract, PUT /api/v1/settings. */
#ifndef ASSAY_WEBHOOKS_WHK_SETTINGS_H
#define ASSAY_WEBHOOKS_WHK_SETTINGS_H

#include "webhooks/webhooks.h"

enum whk_setting_name {
    SET_SLACK_URL,
    SET_TEAMS_URL,
    SET_GITHUB_TOKEN,
    SET_GITHUB_REPO,
    SET_GITLAB_URL,
    SET_GITLAB_TOKEN,
    SET_GITLAB_PROJECT,
    SET_JIRA_BASE,
    SET_JIRA_EMAIL,
    SET_JIRA_TOKEN,
    SET_JIRA_PROJECT,
    SET_FILE_ISSUES,
    WHK_SETTING_COUNT
};

struct whk_settings {
    struct str values[WHK_SETTING_COUNT]; /* empty: not set */
};

struct str whk_setting_text(enum whk_setting_name name); /* "slack_webhook_url" */
bool whk_setting_is_secret(enum whk_setting_name name);
/* Opens those of ctx's organization. Errors: of the database; DATA_LOSS: one cannot be opened. */
NODISCARD enum rc whk_settings_read(struct webhooks *w, struct ctx *ctx, struct whk_settings *out);
/* What is shown of a secret: "****" and its last four characters. */
struct str whk_setting_mask(struct ctx *ctx, struct str value);

#endif
