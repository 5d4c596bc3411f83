/* SPDX-License-Identifier: Apache-2.0
 *
 * Events as messages for people: what the incoming webhooks of Slack and of Microsoft Teams take.
 * Pure. Texts of users are escaped for their place: nobody's suite name mentions a channel or
 * becomes a link. Source: api.slack.com "Sending messages using incoming webhooks", "Formatting
 * text for app surfaces"; learn.microsoft.com "Adaptive Cards" 1.4. */
#ifndef ASSAY_WEBHOOKS_WHK_CHAT_H
#define ASSAY_WEBHOOKS_WHK_CHAT_H

#include "base/ctx.h"

enum whk_chat { WHK_SLACK, WHK_TEAMS };

/* `event` is the body of an event as webhooks get it; the message lives in ctx->arena.
 * Errors: INVALID_ARGUMENT: it is none. RESOURCE_EXHAUSTED. */
NODISCARD enum rc whk_chat_body(struct ctx *ctx, enum whk_chat chat, struct str event,
                                struct str *out);

#endif
