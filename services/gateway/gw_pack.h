/* SPDX-License-Identifier: Apache-2.0
 *
 * gzip of answers. Only what holds no secret: an answer with both a secret and bytes of the
 * caller's choosing tells the secret by its packed length (BREACH), so nothing of auth's is packed,
 * and no answer with a field marked `secret`.
 *
 * Threads: any; each keeps its stream. Nothing blocks. Source: RFC 9110 8.4 and 12.5.3, RFC 1952.
 */
#ifndef ASSAY_GATEWAY_PACK_H
#define ASSAY_GATEWAY_PACK_H

#include "base/str.h"

#define GW_PACK_MIN ((size_t)1024)

struct gw_req;

/* True when answers of this route may be packed at all. */
bool gw_may_pack(const struct gw_req *r);
/* Packs `body` when it is larger than GW_PACK_MIN and becomes smaller. The bytes stay valid until
 * the thread's next call. */
bool gw_pack(struct str body, struct str *out);
/* True when a list of Accept-Encoding has gzip, or everything, with a weight above 0. */
bool gw_accepts_gzip(struct str accept_encoding);

#endif
