/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages in an arena. protobuf-c checks neither depth nor strings, and once it has unpacked, the
 * bytes behind a NUL are gone: so the wire is walked first, by the descriptor. */
#include "pb/pb_internal.h"

#include <string.h>

#define FIRST_ITEMS 4 /* a power of two */

/* --- the walk over the wire ---------------------------------------------------------------- */

static bool check_message(const ProtobufCMessageDescriptor *desc, struct pb_wire w, int depth);

/* Checks the payload of a length-prefixed field; NULL is one we do not know. */
static bool
check_payload(const ProtobufCFieldDescriptor *f, struct pb_wire body, int depth)
{
    if (f == NULL) {
        return true;
    }
    if (f->type == PROTOBUF_C_TYPE_STRING) {
        return str_is_utf8(str_n((const char *)body.p, (size_t)(body.end - body.p)));
    }
    if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
        return check_message(f->descriptor, body, depth + 1);
    }
    return true;
}

static bool
check_field(const ProtobufCMessageDescriptor *desc, struct pb_wire *w, int depth)
{
    uint64_t tag = 0;
    uint64_t n = 0;
    struct pb_wire body;

    if (!pb_take_varint(w, 5, &tag) || tag >> 3 == 0 || tag >> 3 >= 1U << 29) {
        return false;
    }
    switch (tag & 7) {
    case PROTOBUF_C_WIRE_TYPE_VARINT:
        return pb_take_varint(w, 10, &n);
    case PROTOBUF_C_WIRE_TYPE_64BIT:
        return pb_take_bytes(w, 8, &body);
    case PROTOBUF_C_WIRE_TYPE_32BIT:
        return pb_take_bytes(w, 4, &body);
    case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
        return pb_take_varint(w, 5, &n) && pb_take_bytes(w, n, &body) &&
               check_payload(protobuf_c_message_descriptor_get_field(desc, (unsigned)(tag >> 3)),
                             body, depth);
    default:
        return false;
    }
}

static bool
check_message(const ProtobufCMessageDescriptor *desc, struct pb_wire w, int depth)
{
    if (depth > PB_WIRE_DEPTH_MAX) {
        return false;
    }
    while (w.p < w.end) {
        if (!check_field(desc, &w, depth)) {
            return false;
        }
    }
    return true;
}

/* --- pack and unpack ----------------------------------------------------------------------- */

static void *
arena_take(void *arena, size_t n)
{
    return arena_alloc(arena, n);
}

static void
arena_keep(void *arena, void *p)
{
    (void)arena;
    (void)p;
}

enum rc
pb_unpack(struct arena *arena, const ProtobufCMessageDescriptor *desc, struct str wire,
          ProtobufCMessage **out)
{
    ProtobufCAllocator allocator = {arena_take, arena_keep, arena};
    static const uint8_t NOTHING[1];
    const uint8_t *p = wire.n == 0 ? NOTHING : (const uint8_t *)wire.p;

    if (!check_message(desc, (struct pb_wire){p, p + wire.n}, 1)) {
        return RC_INVALID_ARGUMENT;
    }
    ProtobufCMessage *msg = protobuf_c_message_unpack(desc, &allocator, wire.n, p);
    if (arena_failed(arena)) {
        return RC_RESOURCE_EXHAUSTED;
    }
    if (msg == NULL) {
        return RC_INVALID_ARGUMENT;
    }
    *out = msg;
    return RC_OK;
}

enum rc
pb_pack(struct arena *arena, const ProtobufCMessage *msg, struct str *out_wire)
{
    size_t n = protobuf_c_message_get_packed_size(msg);
    uint8_t *p = arena_alloc(arena, n);

    if (p == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    *out_wire = str_n((const char *)p, protobuf_c_message_pack(msg, p));
    return RC_OK;
}

void *
pb_new(struct arena *arena, const ProtobufCMessageDescriptor *desc)
{
    ProtobufCMessage *msg = arena_alloc(arena, desc->sizeof_message);

    if (msg != NULL) {
        protobuf_c_message_init(desc, msg);
    }
    return msg;
}

char *
pb_strz(struct arena *arena, struct str s)
{
    return arena_strz(arena, s);
}

ProtobufCBinaryData
pb_bytes(struct arena *arena, struct str s)
{
    char *p = arena_strz(arena, s);
    return (ProtobufCBinaryData){p == NULL ? 0 : s.n, (uint8_t *)p};
}

bool
pb_was_null(size_t n_nulls, const uint32_t *nulls, uint32_t number)
{
    for (size_t i = 0; i < n_nulls; i++) {
        if (nulls[i] == number) {
            return true;
        }
    }
    return false;
}

/* --- fields of a struct -------------------------------------------------------------------- */

size_t
pb_size(const struct pb_field *f)
{
    switch ((enum pb_kind)f->kind) {
    case PB_BOOL:
        return sizeof(protobuf_c_boolean);
    case PB_INT32:
    case PB_UINT32:
        return sizeof(uint32_t);
    case PB_INT64:
    case PB_TIME:
        return sizeof(int64_t);
    case PB_DOUBLE:
        return sizeof(double);
    case PB_STRING:
    case PB_MESSAGE:
    case PB_MAP:
        return sizeof(void *);
    case PB_RAW_JSON:
    case PB_BASE64:
        return sizeof(ProtobufCBinaryData);
    }
    ASSERT(!"kind");
    return 0;
}

bool
pb_is_set(const ProtobufCMessage *msg, const struct pb_field *f)
{
    if (pb_is_list(f)) {
        return *(const size_t *)pb_at_const(msg, f->quantifier) > 0;
    }
    if (f->kind == PB_STRING || f->kind == PB_MESSAGE) {
        return *(const void *const *)pb_at_const(msg, f->offset) != NULL;
    }
    return f->quantifier == 0 || *(const protobuf_c_boolean *)pb_at_const(msg, f->quantifier) != 0;
}

void
pb_mark_set(ProtobufCMessage *msg, const struct pb_field *f)
{
    if (!pb_is_list(f) && f->kind != PB_STRING && f->kind != PB_MESSAGE && f->quantifier != 0) {
        *(protobuf_c_boolean *)pb_at(msg, f->quantifier) = 1;
    }
}

struct pb_seen *
pb_seen_of(struct arena *arena, ProtobufCMessage *msg)
{
    ASSERT(msg->n_unknown_fields == 0);
    if (msg->unknown_fields == NULL) {
        msg->unknown_fields = (void *)ARENA_NEW(arena, struct pb_seen);
    }
    return (void *)msg->unknown_fields;
}

void *
pb_grow(struct arena *arena, ProtobufCMessage *msg, const struct pb_field *f)
{
    size_t *count = pb_at(msg, f->quantifier);
    void **items = pb_at(msg, f->offset);
    size_t size = pb_size(f);

    bool full = *count == 0 || (*count >= FIRST_ITEMS && (*count & (*count - 1)) == 0);
    if (full) {
        size_t wider = *count == 0 ? FIRST_ITEMS : *count * 2;
        void *p = arena_grow(arena, *items, *count * size, wider * size);
        if (p == NULL) {
            return NULL;
        }
        *items = p;
    }
    void *at = (char *)*items + *count * size;
    *count += 1;
    return memset(at, 0, size);
}

/* --- look-up in tables ------------------------------------------------------------------------ */

const struct pb_field *
pb_field_find(const struct pb_table *table, struct str key)
{
    size_t low = 0;
    size_t high = table->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct pb_field *f = &table->fields[table->by_key[mid]];
        int order = str_cmp(key, f->key);
        if (order == 0) {
            return f;
        }
        if (order < 0) {
            high = mid;
        } else {
            low = mid + 1;
        }
    }
    return NULL;
}

const struct pb_field *
pb__field_next(const struct pb_table *table, struct str key, size_t *next)
{
    const struct pb_field *f = NULL;

    if (*next < table->count && str_eq(table->fields[*next].key, key)) {
        f = &table->fields[*next];
    } else {
        f = pb_field_find(table, key);
    }
    if (f != NULL) {
        *next = (size_t)(f - table->fields) + 1;
    }
    return f;
}

const struct pb_field *
pb_entry_field(const struct pb_table *entry, uint32_t number)
{
    for (size_t i = 0; i < entry->count; i++) {
        if (entry->fields[i].number == number) {
            return &entry->fields[i];
        }
    }
    ASSERT(!"a map entry has key = 1, value = 2");
    return NULL;
}
