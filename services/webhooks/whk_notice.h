/* SPDX-License-Identifier: Apache-2.0
 *
 * The end of an endpoint that failed for too long or said 410, and who is told of it. */
#ifndef ASSAY_WEBHOOKS_WHK_NOTICE_H
#define ASSAY_WEBHOOKS_WHK_NOTICE_H

#include "webhooks/webhooks.h"

/* Switches the endpoint off and tells the audit log, the organization's other endpoints and its
 * chats (webhook.disabled). In a transaction. */
NODISCARD enum rc whk_disable_and_tell(struct webhooks *w, struct ctx *ctx, int64_t endpoint_id,
                                       bool gone);

#endif
