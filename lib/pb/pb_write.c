/* SPDX-License-Identifier: Apache-2.0
 *
 * A message as JSON. Keys are plain by contract, so they are copied, not escaped. */
#include "pb/pb_internal.h"

#include <string.h>

#include "sec/hash.h"

void
pb__put_key(struct buf *b, struct str key, bool comma)
{
    char *to = buf_room(b, key.n + 4);

    if (to == NULL) {
        return;
    }
    size_t n = 0;
    if (comma) {
        to[n++] = ',';
    }
    to[n++] = '"';
    memcpy(to + n, key.p, key.n);
    n += key.n;
    to[n++] = '"';
    to[n++] = ':';
    buf_added(b, n);
}

void
pb__put_time(struct buf *b, int64_t wall_us, enum clk_format format)
{
    char *to = buf_room(b, CLK_TEXT_MAX + 2);

    if (to != NULL) {
        size_t n = clk_format(wall_us, format, to + 1);
        to[0] = '"';
        to[n + 1] = '"';
        buf_added(b, n + 2);
    }
}

static void
put_raw(struct buf *b, const ProtobufCBinaryData *raw)
{
    buf_put(b, raw->len == 0 ? STR("null") : str_n((const char *)raw->data, raw->len));
}

static void
put_base64(struct buf *b, const ProtobufCBinaryData *bytes)
{
    buf_putc(b, '"');
    hash_put_b64(b, str_n((const char *)bytes->data, bytes->len));
    buf_putc(b, '"');
}

static void
put_message(struct buf *b, const struct pb_field *f, const ProtobufCMessage *msg)
{
    if (msg == NULL) {
        buf_put(b, STR("null"));
    } else {
        pb_to_json(f->sub, msg, b);
    }
}

static void
put_value(struct buf *b, const struct pb_field *f, const void *at)
{
    switch ((enum pb_kind)f->kind) {
    case PB_BOOL:
        json_put_bool(b, *(const protobuf_c_boolean *)at != 0);
        return;
    case PB_INT32:
        json_put_i64(b, *(const int32_t *)at);
        return;
    case PB_UINT32:
        json_put_i64(b, *(const uint32_t *)at);
        return;
    case PB_INT64:
        json_put_i64(b, *(const int64_t *)at);
        return;
    case PB_DOUBLE:
        json_put_f64(b, *(const double *)at);
        return;
    case PB_TIME:
        pb__put_time(b, *(const int64_t *)at, f->time);
        return;
    case PB_STRING:
        json_put_str(b, str_z(*(const char *const *)at));
        return;
    case PB_RAW_JSON:
        put_raw(b, at);
        return;
    case PB_BASE64:
        put_base64(b, at);
        return;
    case PB_MESSAGE:
    case PB_MAP:
        put_message(b, f, *(const ProtobufCMessage *const *)at);
        return;
    }
}

static void
put_list(struct buf *b, const struct pb_field *f, const ProtobufCMessage *msg)
{
    size_t count = *(const size_t *)pb_at_const(msg, f->quantifier);
    const char *items = *(const char *const *)pb_at_const(msg, f->offset);
    size_t size = pb_size(f);

    buf_putc(b, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            buf_putc(b, ',');
        }
        put_value(b, f, items + i * size);
    }
    buf_putc(b, ']');
}

static void
put_entry(struct buf *b, const struct pb_table *entry, const ProtobufCMessage *msg)
{
    for (size_t i = 0; i < entry->count; i++) {
        const struct pb_field *f = &entry->fields[i];
        if (f->number == 1) {
            json_put_str(b, str_z(*(const char *const *)pb_at_const(msg, f->offset)));
            buf_putc(b, ':');
        }
    }
    for (size_t i = 0; i < entry->count; i++) {
        const struct pb_field *f = &entry->fields[i];
        if (f->number == 2 && pb_is_set(msg, f)) {
            put_value(b, f, pb_at_const(msg, f->offset));
        } else if (f->number == 2) {
            buf_put(b, STR("null"));
        }
    }
}

static void
put_map(struct buf *b, const struct pb_field *f, const ProtobufCMessage *msg)
{
    size_t count = *(const size_t *)pb_at_const(msg, f->quantifier);
    ProtobufCMessage *const *entries =
        *(ProtobufCMessage *const *const *)pb_at_const(msg, f->offset);

    buf_putc(b, '{');
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            buf_putc(b, ',');
        }
        put_entry(b, f->sub, entries[i]);
    }
    buf_putc(b, '}');
}

void
pb_to_json(const struct pb_table *table, const ProtobufCMessage *msg, struct buf *out)
{
    bool comma = false;

    buf_putc(out, '{');
    for (size_t i = 0; i < table->count; i++) {
        const struct pb_field *f = &table->fields[i];
        bool set = pb_is_set(msg, f);
        if (!set && (f->flags & PB_OMIT) != 0) {
            continue;
        }
        pb__put_key(out, f->key, comma);
        comma = true;
        if (f->kind == PB_MAP) {
            put_map(out, f, msg);
        } else if ((f->flags & PB_REPEATED) != 0) {
            put_list(out, f, msg);
        } else if (set || (f->kind == PB_STRING && (f->flags & PB_REQUIRED) != 0)) {
            put_value(out, f, pb_at_const(msg, f->offset));
        } else {
            buf_put(out, STR("null"));
        }
    }
    buf_putc(out, '}');
}

void
pb_list_to_json(const struct pb_table *table, const ProtobufCMessage *msg, struct buf *out)
{
    for (size_t i = 0; i < table->count; i++) {
        if (pb_is_list(&table->fields[i])) {
            put_list(out, &table->fields[i], msg);
            return;
        }
    }
    ASSERT(!"a LIST response has one repeated field");
}
