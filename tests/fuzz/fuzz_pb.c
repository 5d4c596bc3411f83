/* SPDX-License-Identifier: Apache-2.0
 *
 * The transcoder. The first byte chooses: a JSON body, the wire (transcoded both with and without
 * unpacking, to the same text), or the text of a query. What is
 * read as a message is well-formed (its strings are UTF-8, it packs and unpacks), and its JSON
 * reads back as the same JSON. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "tests/support/pb_omit.h"
#include "tests/support/pb_sample.h"

#define ARENA_MAX (64 * 1024 * 1024)

/* Writes `msg` and reads that again: once written, the text is stable. */
static void
check_stable(struct arena *arena, const struct pb_table *table, const ProtobufCMessage *msg)
{
    struct buf first;
    struct buf second;
    struct ctx ctx;
    ProtobufCMessage *back = pb_new(arena, table->desc);

    buf_init(&first, ARENA_MAX);
    buf_init(&second, ARENA_MAX);
    ctx_init(&ctx, arena);
    pb_to_json(table, msg, &first);
    ASSERT(!buf_failed(&first) && back != NULL);
    ASSERT(pb_from_json(&ctx, table, buf_str(&first), back) == RC_OK);
    pb_to_json(table, back, &second);
    ASSERT(str_eq(buf_str(&first), buf_str(&second)));
    buf_fini(&first);
    buf_fini(&second);
}

static void
check_wire(struct arena *arena, const struct pb_table *table, const ProtobufCMessage *msg)
{
    struct str wire = STR_EMPTY;
    ProtobufCMessage *back = NULL;

    ASSERT(pb_pack(arena, msg, &wire) == RC_OK);
    ASSERT(pb_unpack(arena, table->desc, wire, &back) == RC_OK);
}

static void
try_body(struct arena *arena, const struct pb_table *table, struct str body)
{
    struct ctx ctx;
    ProtobufCMessage *msg = pb_new(arena, table->desc);

    ctx_init(&ctx, arena);
    enum rc rc = pb_from_json(&ctx, table, body, msg);
    if (rc == RC_OK) {
        check_wire(arena, table, msg);
        check_stable(arena, table, msg);
        return;
    }
    ASSERT(rc == RC_INVALID_ARGUMENT && rc == ctx.err.code);
    ASSERT(ctx.err.msg.n > 0 && str_is_utf8(ctx.err.msg));
}

static void
try_wire(struct arena *arena, const struct pb_table *table, struct str wire)
{
    ProtobufCMessage *msg = NULL;
    struct buf out;
    struct buf direct;

    buf_init(&out, ARENA_MAX);
    buf_init(&direct, ARENA_MAX);
    enum rc rc = pb_wire_to_json(table, wire, &direct);
    if (pb_unpack(arena, table->desc, wire, &msg) == RC_OK) {
        pb_to_json(table, msg, &out);
        ASSERT(!buf_failed(&out) && str_is_utf8(str_n(out.p, 1)));
        ASSERT(rc != RC_OK || str_eq(buf_str(&out), buf_str(&direct)));
        check_wire(arena, table, msg);
    }
    buf_fini(&out);
    buf_fini(&direct);
}

/* name=text pairs at line ends, as a query would give them. */
static void
try_text(struct arena *arena, const struct pb_table *table, struct str rest)
{
    struct ctx ctx;
    ProtobufCMessage *msg = pb_new(arena, table->desc);
    enum rc rc = RC_OK;

    ctx_init(&ctx, arena);
    while (rest.n > 0 && rc == RC_OK) {
        struct str text = str_split(&rest, '\n');
        struct str name = str_split(&text, '=');
        const struct pb_field *f = pb_field_find(table, name);
        rc = f == NULL ? RC_OK : pb_from_text(&ctx, f, text, msg);
    }
    if (rc == RC_OK) {
        check_wire(arena, table, msg);
        rc = pb_check(&ctx, table, msg);
    }
    ASSERT(rc == RC_OK || (rc == RC_INVALID_ARGUMENT && str_is_utf8(ctx.err.msg)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(ARENA_MAX);
    struct pb_omit omit = {.arena = arena};
    const struct pb_table *table = pb_omitting(&omit, &sample_all_table);
    struct str rest = str_n((const char *)data, size);
    char mode = size > 0 ? rest.p[0] : '\0';

    rest = str_sub(rest, 1, size);
    if (mode == 'w') {
        try_wire(arena, table, rest);
    } else if (mode == 'q') {
        try_text(arena, &sample_query_table, rest);
    } else {
        try_body(arena, table, str_n((const char *)data, size));
    }
    arena_free(arena);
    return 0;
}
