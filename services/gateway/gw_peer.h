/* SPDX-License-Identifier: Apache-2.0
 *
 * The client's address behind proxies. Each proxy appends the address it was called from to
 * X-Forwarded-For, so the list is believed from its end, as far as the proxies are ours; whatever a
 * client wrote there itself stands before that.
 *
 * Threads: any. Nothing blocks. Source: RFC 7239 (of the field that is in use instead). */
#ifndef ASSAY_GATEWAY_PEER_H
#define ASSAY_GATEWAY_PEER_H

#include "web/web.h"

/* `trusted`: addresses and networks of our proxies, "10.0.0.0/8, 192.0.2.7, fd00::/8"; empty: none.
 * Returns the address that counts; it points into the request. */
struct str gw_client_address(struct str trusted, const struct web_request *http);
/* True when every entry of the list is an address or a network. */
bool gw_proxies_are_valid(struct str trusted);

#endif
