/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gw_reply.h"

#include <string.h>

#include "gateway/gw_pack.h"

/* Stands before the bytes. */
struct head {
    uint64_t tag;
    uint64_t is_packed;
};

/* A tag of the bytes, for it is made of every list: four lanes of eight bytes, so that one product
 * need not wait for the one before. Not for secrets. */
static uint64_t
tag_of(struct str body)
{
    static const uint64_t FACTOR = UINT64_C(0xFF51AFD7ED558CCD);
    uint64_t lanes[4] = {UINT64_C(0x9E3779B97F4A7C15) ^ body.n, 1, 2, 3};
    size_t i = 0;

    for (; i + sizeof(lanes) <= body.n; i += sizeof(lanes)) {
        uint64_t v[4];
        memcpy(v, body.p + i, sizeof(v));
        for (size_t k = 0; k < ARRAY_LEN(lanes); k++) {
            lanes[k] = (lanes[k] ^ v[k]) * FACTOR;
            lanes[k] ^= lanes[k] >> 32;
        }
    }
    uint64_t h = lanes[0];
    for (size_t k = 1; k < ARRAY_LEN(lanes); k++) {
        h = (h ^ lanes[k]) * FACTOR;
        h ^= h >> 32;
    }
    for (; i < body.n; i++) {
        h = (h ^ (unsigned char)body.p[i]) * FACTOR;
        h ^= h >> 32;
    }
    return h;
}

static void
begin(struct buf *out)
{
    buf_clear(out);
    buf_put(out, str_n((const char *)&(struct head){0}, sizeof(struct head)));
}

static void
end(struct buf *out, unsigned how)
{
    struct head head = {0};
    struct str packed;

    if (buf_failed(out)) {
        return;
    }
    struct str body = str_sub(buf_str(out), sizeof(head), out->n);
    if (how & GW_REPLY_TAG) {
        head.tag = tag_of(body);
    }
    if ((how & GW_REPLY_GZIP) && gw_pack(body, &packed)) {
        head.is_packed = 1;
        begin(out);
        buf_put(out, packed);
    }
    memcpy(out->p, &head, sizeof(head));
}

static bool
make(const void *arg, unsigned how, struct str payload, struct buf *out)
{
    const struct gw_route *route = arg;
    bool is_list = route->response == GW_RESP_LIST;

    begin(out);
    enum rc rc = (is_list ? pb_wire_list_to_json : pb_wire_to_json)(route->resp, payload, out);
    end(out, how);
    return rc == RC_OK;
}

struct rpc_form
gw_reply_form(const struct gw_route *route, unsigned how)
{
    return (struct rpc_form){.make = make, .arg = route, .variant = how};
}

void
gw_reply_of(const struct gw_route *route, const struct pb_table *table, unsigned how,
            const ProtobufCMessage *msg, struct buf *out)
{
    begin(out);
    (route->response == GW_RESP_LIST ? pb_list_to_json : pb_to_json)(table, msg, out);
    end(out, how);
}

struct gw_reply
gw_reply_read(struct str made)
{
    struct head head;

    ASSERT(made.n >= sizeof(head));
    memcpy(&head, made.p, sizeof(head));
    return (struct gw_reply){.bytes = str_sub(made, sizeof(head), made.n),
                             .tag = head.tag,
                             .is_packed = head.is_packed != 0};
}
