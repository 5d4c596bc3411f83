/* SPDX-License-Identifier: Apache-2.0
 *
 * The body of a JSON answer with its tag, perhaps packed: one run of bytes, so that requests which
 * share an answer share all the work on it (docs/decisions/0006-shared-reads.md). Nothing of a
 * request is in it but what its form says.
 *
 * Threads: any. Nothing blocks. */
#ifndef ASSAY_GATEWAY_REPLY_H
#define ASSAY_GATEWAY_REPLY_H

#include "pb/route.h"
#include "rpc/rpc.h"

#define GW_REPLY_TAG 1u  /* make the tag */
#define GW_REPLY_GZIP 2u /* pack what becomes smaller by it */

struct gw_reply {
    struct str bytes;
    uint64_t tag;
    bool is_packed;
};

/* The form of a route's answers: an object, or a bare list. `how`: the bits above. */
struct rpc_form gw_reply_form(const struct gw_route *route, unsigned how);
/* Appends the same of a message that is at hand. A failed buffer is the caller's to check. */
void gw_reply_of(const struct gw_route *route, const struct pb_table *table, unsigned how,
                 const ProtobufCMessage *msg, struct buf *out);
/* Takes apart what either has made; the bytes point into it. */
struct gw_reply gw_reply_read(struct str made);

#endif
