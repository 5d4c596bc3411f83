/* SPDX-License-Identifier: Apache-2.0
 *
 * Which mailbox a message of the browser belongs to. Everything here runs under the browser's lock.
 */
#ifndef ASSAY_WORKER_CDP_ROUTE_H
#define ASSAY_WORKER_CDP_ROUTE_H

#include "worker/devices/cdp_browser.h"

#define CDP_SESSIONS_MAX 2048

struct cdp_session_route {
    char id[CDP_ID_MAX];
    int slot;
};

struct cdp_routes {
    struct cdp_box *boxes[CDP_SLOTS];
    struct cdp_session_route sessions[CDP_SESSIONS_MAX];
    size_t session_count;
};

/* Gives the box a slot. False when all are taken. */
NODISCARD bool cdp_routes_add(struct cdp_routes *r, struct cdp_box *box);
void cdp_routes_remove(struct cdp_routes *r, struct cdp_box *box);
/* The browser is dead: every box hears it and is forgotten. */
void cdp_routes_clear(struct cdp_routes *r);
/* Puts the message into its box, or drops it. What new targets must hear is appended to `greeting`.
 */
void cdp_routes_deliver(struct cdp_routes *r, struct str message, struct buf *greeting);

#endif
