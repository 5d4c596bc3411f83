/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to lib/pb: where a value is going, and which fields were given. */
#ifndef ASSAY_PB_PB_INTERNAL_H
#define ASSAY_PB_PB_INTERNAL_H

#include "pb/pb.h"

#define PB_STRING_CP_MAX 65536
#define PB_ITEMS_MAX 10000

/* One step from the body to a member, on the stack of the reader: a name or an index. Turned into
 * text only when something is refused. */
struct pb_path {
    const struct pb_path *up;
    struct str name; /* empty: an item */
    size_t index;
};

/* A place for one value: a field of a message, or an item of a repeated field. */
struct pb_spot {
    struct ctx *ctx;
    const char *reason; /* "INVALID_BODY" or "INVALID_QUERY" */
    const struct pb_path *path;
    const struct pb_field *field;
    void *at;
    bool is_item;
};

/* Field numbers that were given, also as null or as an empty list. protobuf-c structs do not know
 * this of required scalars. */
struct pb_seen {
    uint64_t bits[(PB_NUMBER_MAX + 1) / 64];
};

static inline bool
pb_seen_has(const struct pb_seen *seen, uint32_t number)
{
    return (seen->bits[number / 64] >> (number % 64) & 1) != 0;
}

static inline void
pb_seen_add(struct pb_seen *seen, uint32_t number)
{
    seen->bits[number / 64] |= UINT64_C(1) << (number % 64);
}

static inline void *
pb_at(ProtobufCMessage *msg, uint32_t offset)
{
    return (char *)msg + offset;
}

static inline const void *
pb_at_const(const ProtobufCMessage *msg, uint32_t offset)
{
    return (const char *)msg + offset;
}

static inline bool
pb_is_list(const struct pb_field *f)
{
    return f->kind == PB_MAP || (f->flags & PB_REPEATED) != 0;
}

/* Bytes of one value in the C struct. */
size_t pb_size(const struct pb_field *f);
/* True when the struct shows that the field is set; always for required scalars. */
bool pb_is_set(const ProtobufCMessage *msg, const struct pb_field *f);
/* Sets has_x where there is one. */
void pb_mark_set(ProtobufCMessage *msg, const struct pb_field *f);
/* The record of what a message that is being filled was given; created at first. NULL: arena full.
 */
struct pb_seen *pb_seen_of(struct arena *arena, ProtobufCMessage *msg);
/* Makes room for one more item of a list that only this call makes longer (so that its count tells
 * the room it has). Returns its place, zeroed, and counts it; NULL when the arena is full. */
void *pb_grow(struct arena *arena, ProtobufCMessage *msg, const struct pb_field *f);

/* Key (1) or value (2) of the entries of a map. */
const struct pb_field *pb_entry_field(const struct pb_table *entry, uint32_t number);

/* --- look-up (pb.c) ------------------------------------------------------------------------ */

/* pb_field_find for members that mostly come in the order of declaration: the field after the last
 * one, *next, is tried first. */
const struct pb_field *pb__field_next(const struct pb_table *table, struct str key, size_t *next);

/* --- JSON out (pb_write.c) ----------------------------------------------------------------- */

void pb__put_key(struct buf *b, struct str key, bool comma);
void pb__put_time(struct buf *b, int64_t wall_us, enum clk_format format);

/* --- the wire ------------------------------------------------------------------------------ */

struct pb_wire {
    const unsigned char *p;
    const unsigned char *end;
};

static inline bool
pb_take_varint(struct pb_wire *w, int max_bytes, uint64_t *out)
{
    uint64_t v = 0;

    if (w->p < w->end && *w->p < 0x80) { /* most tags, lengths and small numbers */
        *out = *w->p++;
        return true;
    }
    for (int i = 0; i < max_bytes && w->p < w->end; i++) {
        unsigned char c = *w->p++;
        v |= (uint64_t)(c & 0x7F) << (7 * i);
        if (c < 0x80) {
            *out = v;
            return true;
        }
    }
    return false;
}

static inline bool
pb_take_bytes(struct pb_wire *w, uint64_t n, struct pb_wire *out)
{
    if (n > (uint64_t)(w->end - w->p)) {
        return false;
    }
    *out = (struct pb_wire){w->p, w->p + n};
    w->p += n;
    return true;
}

/* --- refusals (pb_refuse.c) ---------------------------------------------------------------- */

const char *pb_reason(const struct pb_field *f);
/* Fails with INVALID_ARGUMENT and "PATH TEXT". */
enum rc pb_refuse(struct ctx *ctx, const char *reason, const struct pb_path *path, const char *fmt,
                  ...) PRINTF_LIKE(4, 5);
enum rc pb_refuse_spot(const struct pb_spot *spot, const char *fmt, ...) PRINTF_LIKE(2, 3);
enum rc pb_out_of_memory(struct ctx *ctx);
/* Required fields among those of `sources` (bits 1 << pb_source), then the groups if asked for. */
enum rc pb_check_presence(struct ctx *ctx, const struct pb_table *table,
                          const ProtobufCMessage *msg, const struct pb_seen *seen,
                          const struct pb_path *path, unsigned sources, bool groups);

/* Refuses a key that two entries share. */
enum rc pb_check_keys(const struct pb_spot *map, ProtobufCMessage *const *entries, size_t count);

/* --- checked scalars (pb_value.c) ---------------------------------------------------------- */

enum rc pb_set_i64(const struct pb_spot *spot, int64_t v);
enum rc pb_set_f64(const struct pb_spot *spot, double v);
/* Text of a string, time or base64 field. `z` says that it lives in the arena and ends in NUL. */
enum rc pb_set_text(const struct pb_spot *spot, struct str text, bool z);

/* --- JSON (pb_read.c) ---------------------------------------------------------------------- */

/* Reads one field (or its next item) from text that must be JSON. */
enum rc pb_set_json(const struct pb_spot *spot, struct str text);

#endif
