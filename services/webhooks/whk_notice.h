/* SPDX-License-Identifier: Apache-2.0
 *
 * The end of an endpoint that failed for too long or said 410, and who is told of it. */
#ifndef ASSAY_WEBHOOKS_WHK_NOTICE_H
#define ASSAY_WEBHOOKS_WHK_NOTICE_H

#include "webhooks/webhooks.h"
#include "webhooks/whk_store.h"

/* Switches the endpoint off and tells the organization's other endpoints, its chats, and auth,
 * which keeps the audit log and mails the admins (webhook.disabled). Nothing when it is off
 * already. In a transaction. */
NODISCARD enum rc whk_disable_and_tell(struct webhooks *w, struct ctx *ctx,
                                       const struct whk_hopeless *h);

#endif
