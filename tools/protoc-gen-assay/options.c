/* SPDX-License-Identifier: Apache-2.0
 *
 * Our options arrive as unknown fields of descriptor.proto's option messages: protobuf-c has no
 * extensions. */
#include <string.h>

#include "model.h"

#define WIRE_VARINT 0
#define WIRE_LENGTH 2

static uint64_t
read_varint(const uint8_t *p, size_t n, size_t *out_used)
{
    uint64_t value = 0;
    size_t i = 0;
    for (; i < n && i < 10; i++) {
        value |= (uint64_t)(p[i] & 0x7f) << (7 * i);
        if ((p[i] & 0x80) == 0) {
            i++;
            break;
        }
    }
    *out_used = i;
    return value;
}

ProtobufCMessage *
option_message(struct model *m, struct where at, const ProtobufCMessage *options, uint32_t tag,
               const ProtobufCMessageDescriptor *desc)
{
    if (options == NULL) {
        return NULL;
    }
    /* Concatenated encodings merge. */
    struct buf all;
    buf_init(&all, 1 << 20);
    bool found = false;
    for (unsigned i = 0; i < options->n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *u = &options->unknown_fields[i];
        if (u->tag != tag || u->wire_type != WIRE_LENGTH) {
            continue;
        }
        size_t used;
        read_varint(u->data, u->len, &used); /* data starts with its own length */
        struct str part = {(const char *)u->data + used, u->len - used};
        buf_put(&all, part);
        found = true;
    }
    ProtobufCMessage *msg = NULL;
    if (found) {
        msg = protobuf_c_message_unpack(desc, NULL, all.n, (const uint8_t *)all.p);
        if (msg == NULL) {
            fault(m, at, "option %s does not parse (a required member is missing?)", desc->name);
        }
    }
    buf_fini(&all);
    return msg;
}

uint64_t
option_varint(const ProtobufCMessage *options, uint32_t tag, uint64_t absent)
{
    uint64_t value = absent;
    for (unsigned i = 0; options != NULL && i < options->n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *u = &options->unknown_fields[i];
        if (u->tag == tag && u->wire_type == WIRE_VARINT) {
            size_t used;
            value = read_varint(u->data, u->len, &used);
        }
    }
    return value;
}
