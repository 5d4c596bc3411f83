/* SPDX-License-Identifier: Apache-2.0
 *
 * The proto layer at run time: messages in an arena, and the tables that tools/protoc-gen-assay
 * generates from the options in proto/. Requests are read from JSON (or path, query, headers) into
 * a message field by field, responses are written from the message into a buffer: no tree between.
 * Shape errors (missing, wrong type, bounds, patterns, enumerations) are found here and nowhere
 * else, and name the member: "cases[2].name is required".
 *
 * Messages are protobuf-c structs. Optional scalars have has_x; unset strings are NULL; strings are
 * well-formed UTF-8 without NUL.
 *
 * Threads: everything here may run in any thread; tables are constant. Nothing blocks. */
#ifndef ASSAY_PB_PB_H
#define ASSAY_PB_PB_H

#include <protobuf-c/protobuf-c.h>

#include "base/ctx.h"
#include "json/json.h"

/* --- wire ---------------------------------------------------------------------------------- */

/* Unpacks `wire` into the arena; nothing to free. Checks depth (32 at most), UTF-8 and NUL of every
 * string. Errors: INVALID_ARGUMENT, RESOURCE_EXHAUSTED (arena). */
NODISCARD enum rc pb_unpack(struct arena *arena, const ProtobufCMessageDescriptor *desc,
                            struct str wire, ProtobufCMessage **out);
/* Packs into the arena. Errors: RESOURCE_EXHAUSTED. */
NODISCARD enum rc pb_pack(struct arena *arena, const ProtobufCMessage *msg, struct str *out_wire);
/* Returns a zeroed, initialised message in the arena, NULL when it is full. */
void *pb_new(struct arena *arena, const ProtobufCMessageDescriptor *desc);
#define PB_NEW(arena, Type, lower) ((Type *)pb_new((arena), &lower##__descriptor))

/* Setters for handlers: copy into the arena as protobuf-c wants it. */
char *pb_strz(struct arena *arena, struct str s); /* NUL-terminated copy */
ProtobufCBinaryData pb_bytes(struct arena *arena, struct str s);
/* Sets an optional scalar and its has_ flag: PB_SET(resp, duration_ms, 12). */
#define PB_SET(msg, f, v) ((msg)->has_##f = 1, (msg)->f = (v))

/* True when request field number `number` was given as an explicit null (option `nullable`). */
bool pb_was_null(size_t n_nulls, const uint32_t *nulls, uint32_t number);
#define PB_WAS_NULL(req, number) pb_was_null((req)->n_nulls, (req)->nulls, (number))

/* --- generated tables ---------------------------------------------------------------------- */

enum pb_flag {
    PB_REQUIRED = 1 << 0,
    PB_REPEATED = 1 << 1,
    PB_OMIT = 1 << 2,
    PB_NULLABLE = 1 << 3,
    PB_CLAMP = 1 << 4,
    PB_LOWER = 1 << 5,
    PB_CSV = 1 << 6,
    PB_SECRET = 1 << 7,
    PB_FILE = 1 << 8,
    PB_HAS_MIN = 1 << 9,
    PB_HAS_MAX = 1 << 10
};

enum pb_source { PB_FROM_BODY, PB_FROM_PATH, PB_FROM_QUERY, PB_FROM_HEADER };

enum pb_kind {
    PB_BOOL,
    PB_INT32,
    PB_INT64,
    PB_UINT32,
    PB_DOUBLE,
    PB_STRING,
    PB_RAW_JSON,
    PB_TIME,
    PB_MESSAGE,
    PB_MAP, /* repeated Entry messages with key = 1, value = 2, written as an object */
    PB_BASE64
};

#define PB_NUMBER_MAX 255 /* largest field number in a table */
#define PB_FIELDS_MAX 64  /* fields of a table */

struct pb_table;

struct pb_field {
    const char *json;           /* member name; printable ASCII without quotes and backslashes */
    struct str key;             /* the same with its length */
    uint32_t number;            /* at most PB_NUMBER_MAX */
    uint16_t flags;             /* enum pb_flag */
    uint8_t kind;               /* enum pb_kind */
    uint8_t source;             /* enum pb_source */
    uint8_t time;               /* enum clk_format, of PB_TIME */
    uint8_t raw;                /* JsonKind, of PB_RAW_JSON */
    uint8_t format;             /* TextFormat */
    uint16_t status;            /* VARIANT responses */
    uint32_t offset;            /* of the member in the C struct */
    uint32_t quantifier;        /* offset of has_x or n_x, 0: none */
    const struct pb_table *sub; /* PB_MESSAGE, PB_MAP */
    const char *const *in;      /* NULL-terminated, or NULL */
    const char *pattern;
    int64_t min_len;
    int64_t max_len; /* -1: the default bound of the kind */
    int64_t item_max_len;
    double min;
    double max;
    const char *header;
    const char *owned; /* of PB_FILE: see options.proto */
    bool once;         /* likewise */
};

enum pb_group_kind { PB_EXACTLY_ONE, PB_AT_LEAST_ONE, PB_AT_MOST_ONE };

struct pb_group {
    enum pb_group_kind kind;
    const uint32_t *fields; /* indexes into the table, count entries */
    size_t count;
    const char *text; /* "suite_id, suite_public_id" */
};

struct pb_table {
    const char *name; /* "assay.CreateSuiteRequest" */
    const ProtobufCMessageDescriptor *desc;
    const struct pb_field *fields; /* in declaration order */
    size_t count;
    const uint16_t *by_key; /* indexes of fields sorted by key, for look-up */
    const struct pb_group *groups;
    size_t group_count;
    int nulls;   /* index of the `nulls` field's descriptor, -1: none */
    bool closed; /* unknown members are refused */
};

/* --- transcoding --------------------------------------------------------------------------- */

#define PB_BODY_DEPTH_MAX 32
#define PB_WIRE_DEPTH_MAX 32

/* Reads a JSON object into `msg` (fresh from pb_new) by the table: fields whose source is the body.
 * Unknown members are skipped (refused where the table is closed). Checks everything but the groups
 * and required fields of other sources; call pb_check after all sources were read. Until then the
 * message's unknown_fields (with n_unknown_fields 0, so that nothing packs them) point to the
 * record of which fields were given. A `file` of a JSON body is base64 text, left undecoded in the
 * blob's `key`: the caller stores it. Whole numbers may be written as 1.0 or 1e2. Strings have at
 * most 65,536 code points and arrays 10,000 items where the options give no bound. Errors (recorded
 * in ctx with the member's path): INVALID_ARGUMENT with reason "MALFORMED_JSON": not JSON at all
 * (HTTP 400 on every surface), "INVALID_BODY":   wrong shape (HTTP 422 or 400 by surface).
 *         RESOURCE_EXHAUSTED: the arena is full. */
NODISCARD enum rc pb_from_json(struct ctx *ctx, const struct pb_table *table, struct str body,
                               ProtobufCMessage *msg);
/* Sets one field from text of the path, query, a header or a part of a form; repeated fields grow
 * by one, others must not be given twice. Booleans are true, false, 1, 0; messages and raw fields
 * are JSON. Errors: INVALID_ARGUMENT, reason "INVALID_QUERY" (path values that cannot name anything
 * are the caller's NOT_FOUND: it may map them), or "INVALID_BODY" for a field of the body. */
NODISCARD enum rc pb_from_text(struct ctx *ctx, const struct pb_field *field, struct str text,
                               ProtobufCMessage *msg);
/* Presence of required fields and the groups, of a message that pb_from_json and pb_from_text
 * filled.
 * Errors: INVALID_ARGUMENT, reason "INVALID_BODY" (or "INVALID_QUERY" for a query field). */
NODISCARD enum rc pb_check(struct ctx *ctx, const struct pb_table *table,
                           const ProtobufCMessage *msg);
/* Finds a field by its JSON name; NULL when there is none. */
const struct pb_field *pb_field_find(const struct pb_table *table, struct str key);

/* Writes the message as a JSON object. A failed buffer is the caller's to check. */
void pb_to_json(const struct pb_table *table, const ProtobufCMessage *msg, struct buf *out);
/* Writes the one repeated field of the message as a bare array (LIST responses). */
void pb_list_to_json(const struct pb_table *table, const ProtobufCMessage *msg, struct buf *out);
/* The same two from a packed message, without unpacking it: what pb_unpack and pb_to_json would
 * write, but for malformed UTF-8, which becomes U+FFFD. A field that is not repeated must not stand
 * twice. `out` holds a part after a failure.
 * Errors: INVALID_ARGUMENT: not such a message. */
NODISCARD enum rc pb_wire_to_json(const struct pb_table *table, struct str wire, struct buf *out);
NODISCARD enum rc pb_wire_list_to_json(const struct pb_table *table, struct str wire,
                                       struct buf *out);

#endif
