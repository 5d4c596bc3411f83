/* SPDX-License-Identifier: Apache-2.0
 *
 * A packed message as JSON. One walk over the bytes notes where each field of the table stands,
 * then the fields are written in the table's order. Nothing is allocated or copied but into the
 * buffer. */
#include "pb/pb_internal.h"

#include <string.h>

#include "sec/hash.h"

/* Where a field stands: its value, or the first of its items with its tag. */
struct slot {
    size_t count;
    uint64_t number;
    struct pb_wire bytes;
};

static bool put_object(struct buf *b, const struct pb_table *table, struct pb_wire w, int depth);

/* --- reading ------------------------------------------------------------------------------- */

static unsigned
wire_type(const struct pb_field *f)
{
    switch ((enum pb_kind)f->kind) {
    case PB_BOOL:
    case PB_INT32:
    case PB_UINT32:
    case PB_INT64:
    case PB_TIME:
        return PROTOBUF_C_WIRE_TYPE_VARINT;
    case PB_DOUBLE:
        return PROTOBUF_C_WIRE_TYPE_64BIT;
    case PB_STRING:
    case PB_RAW_JSON:
    case PB_BASE64:
    case PB_MESSAGE:
    case PB_MAP:
        break;
    }
    return PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
}

/* Takes a value of that wire type: its bytes, or its number. */
static bool
take_value(struct pb_wire *w, unsigned type, uint64_t *number, struct pb_wire *bytes)
{
    uint64_t n = 0;

    switch (type) {
    case PROTOBUF_C_WIRE_TYPE_VARINT:
        return pb_take_varint(w, 10, number);
    case PROTOBUF_C_WIRE_TYPE_64BIT:
        if (!pb_take_bytes(w, sizeof(*number), bytes)) {
            return false;
        }
        memcpy(number, bytes->p, sizeof(*number)); /* doubles only: in the order of the machine */
        return true;
    case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
        return pb_take_varint(w, 5, &n) && pb_take_bytes(w, n, bytes);
    case PROTOBUF_C_WIRE_TYPE_32BIT:
        return pb_take_bytes(w, 4, bytes);
    default:
        return false;
    }
}

/* Fields mostly come in the table's order: the search begins at `hint`. SIZE_MAX: not in the table.
 */
static size_t
find_field(const struct pb_table *table, uint64_t number, size_t hint)
{
    for (size_t i = hint; i < table->count; i++) {
        if (table->fields[i].number == number) {
            return i;
        }
    }
    for (size_t i = 0; i < hint && i < table->count; i++) {
        if (table->fields[i].number == number) {
            return i;
        }
    }
    return SIZE_MAX;
}

static bool
scan(const struct pb_table *table, struct pb_wire w, struct slot *slots)
{
    size_t at = 0;

    while (w.p < w.end) {
        const unsigned char *start = w.p;
        struct slot seen = {.count = 1};
        uint64_t tag = 0;
        if (!pb_take_varint(&w, 5, &tag) || tag >> 3 == 0 ||
            !take_value(&w, tag & 7, &seen.number, &seen.bytes)) {
            return false;
        }
        size_t i = find_field(table, tag >> 3, at);
        if (i == SIZE_MAX) {
            continue;
        }
        at = i;
        if ((tag & 7) != wire_type(&table->fields[i])) {
            return false;
        }
        if (!pb_is_list(&table->fields[i])) {
            if (slots[i].count > 0) {
                return false;
            }
            slots[i] = seen;
        } else if (slots[i].count++ == 0) {
            slots[i].bytes = (struct pb_wire){start, w.end};
        }
    }
    return true;
}

/* --- writing ------------------------------------------------------------------------------- */

static struct str
text_of(struct pb_wire bytes)
{
    return str_n((const char *)bytes.p, (size_t)(bytes.end - bytes.p));
}

static void
put_f64(struct buf *b, uint64_t bits)
{
    double d;

    memcpy(&d, &bits, sizeof(d));
    json_put_f64(b, d);
}

static bool
put_value(struct buf *b, const struct pb_field *f, uint64_t number, struct pb_wire bytes, int depth)
{
    switch ((enum pb_kind)f->kind) {
    case PB_BOOL:
        json_put_bool(b, number != 0);
        return true;
    case PB_INT32:
        json_put_i64(b, (int32_t)(uint32_t)number);
        return true;
    case PB_UINT32:
        json_put_i64(b, (uint32_t)number);
        return true;
    case PB_INT64:
        json_put_i64(b, (int64_t)number);
        return true;
    case PB_DOUBLE:
        put_f64(b, number);
        return true;
    case PB_TIME:
        pb__put_time(b, (int64_t)number, f->time);
        return true;
    case PB_STRING:
        json_put_str(b, text_of(bytes));
        return true;
    case PB_RAW_JSON:
        buf_put(b, bytes.p == bytes.end ? STR("null") : text_of(bytes));
        return true;
    case PB_BASE64:
        buf_putc(b, '"');
        hash_put_b64(b, text_of(bytes));
        buf_putc(b, '"');
        return true;
    case PB_MESSAGE:
    case PB_MAP:
        break;
    }
    return put_object(b, f->sub, bytes, depth + 1);
}

/* The entry of a map: key 1, value 2. */
static bool
put_entry(struct buf *b, const struct pb_table *entry, struct pb_wire w, int depth)
{
    struct slot slots[PB_FIELDS_MAX] = {0};
    size_t key = find_field(entry, 1, 0);
    size_t value = find_field(entry, 2, 0);

    if (entry->count > PB_FIELDS_MAX || key == SIZE_MAX || value == SIZE_MAX ||
        depth > PB_WIRE_DEPTH_MAX || !scan(entry, w, slots)) {
        return false;
    }
    json_put_str(b, slots[key].count > 0 ? text_of(slots[key].bytes) : STR(""));
    buf_putc(b, ':');
    if (slots[value].count == 0) {
        buf_put(b, STR("null"));
        return true;
    }
    return put_value(b, &entry->fields[value], slots[value].number, slots[value].bytes, depth);
}

/* The items, or entries, of a field that scan has found: other fields may stand between. */
static bool
put_items(struct buf *b, const struct pb_field *f, const struct slot *slot, int depth)
{
    struct pb_wire w = slot->bytes;

    for (size_t done = 0; done < slot->count;) {
        uint64_t tag = 0;
        uint64_t number = 0;
        struct pb_wire bytes = {0};
        if (!pb_take_varint(&w, 5, &tag) || !take_value(&w, tag & 7, &number, &bytes)) {
            return false;
        }
        if (tag >> 3 != f->number) {
            continue;
        }
        if (done++ > 0) {
            buf_putc(b, ',');
        }
        if (!(f->kind == PB_MAP ? put_entry(b, f->sub, bytes, depth + 1)
                                : put_value(b, f, number, bytes, depth))) {
            return false;
        }
    }
    return true;
}

static bool
put_list(struct buf *b, const struct pb_field *f, const struct slot *slot, int depth)
{
    bool is_map = f->kind == PB_MAP;

    buf_putc(b, is_map ? '{' : '[');
    if (!put_items(b, f, slot, depth)) {
        return false;
    }
    buf_putc(b, is_map ? '}' : ']');
    return true;
}

/* A field that is not there: false when it must be. *out_text is what stands for it. */
static bool
absent(const struct pb_table *table, size_t i, struct str *out_text)
{
    const struct pb_field *f = &table->fields[i];
    const ProtobufCFieldDescriptor *d =
        i < table->desc->n_fields && table->desc->fields[i].id == f->number
            ? &table->desc->fields[i]
            : protobuf_c_message_descriptor_get_field(table->desc, f->number);

    *out_text = f->kind == PB_STRING ? str_z(d->default_value) : STR_EMPTY;
    return d->label != PROTOBUF_C_LABEL_REQUIRED;
}

/* Writes `"key":value` of a field that is not there, or nothing. */
static bool
put_absent(struct buf *b, const struct pb_table *table, size_t i, bool *comma)
{
    const struct pb_field *f = &table->fields[i];
    struct str text;

    if (!absent(table, i, &text)) {
        return false;
    }
    if (text.p == NULL && (f->flags & PB_OMIT) != 0) {
        return true;
    }
    pb__put_key(b, f->key, *comma);
    *comma = true;
    if (text.p != NULL) {
        json_put_str(b, text);
    } else {
        buf_put(b, STR("null"));
    }
    return true;
}

static bool
put_object(struct buf *b, const struct pb_table *table, struct pb_wire w, int depth)
{
    struct slot slots[PB_FIELDS_MAX];
    bool comma = false;

    if (table->count > PB_FIELDS_MAX || depth > PB_WIRE_DEPTH_MAX) {
        return false;
    }
    memset(slots, 0, table->count * sizeof(slots[0]));
    if (!scan(table, w, slots)) {
        return false;
    }
    buf_putc(b, '{');
    for (size_t i = 0; i < table->count; i++) {
        const struct pb_field *f = &table->fields[i];
        bool is_list = pb_is_list(f);
        if (slots[i].count == 0 && !is_list) {
            if (!put_absent(b, table, i, &comma)) {
                return false;
            }
            continue;
        }
        if (slots[i].count == 0 && (f->flags & PB_OMIT) != 0) {
            continue;
        }
        pb__put_key(b, f->key, comma);
        comma = true;
        if (!(is_list ? put_list(b, f, &slots[i], depth)
                      : put_value(b, f, slots[i].number, slots[i].bytes, depth))) {
            return false;
        }
    }
    buf_putc(b, '}');
    return true;
}

/* --- both ---------------------------------------------------------------------------------- */

static struct pb_wire
wire_of(struct str s)
{
    static const unsigned char NOTHING[1];
    const unsigned char *p = s.n == 0 ? NOTHING : (const unsigned char *)s.p;

    return (struct pb_wire){p, p + s.n};
}

enum rc
pb_wire_to_json(const struct pb_table *table, struct str wire, struct buf *out)
{
    return put_object(out, table, wire_of(wire), 1) ? RC_OK : RC_INVALID_ARGUMENT;
}

enum rc
pb_wire_list_to_json(const struct pb_table *table, struct str wire, struct buf *out)
{
    struct slot slots[PB_FIELDS_MAX] = {0};

    if (table->count > PB_FIELDS_MAX || !scan(table, wire_of(wire), slots)) {
        return RC_INVALID_ARGUMENT;
    }
    for (size_t i = 0; i < table->count; i++) {
        if (pb_is_list(&table->fields[i])) {
            return put_list(out, &table->fields[i], &slots[i], 1) ? RC_OK : RC_INVALID_ARGUMENT;
        }
    }
    ASSERT(!"a LIST response has one repeated field");
    return RC_INVALID_ARGUMENT;
}
