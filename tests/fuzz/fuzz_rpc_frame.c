/* SPDX-License-Identifier: Apache-2.0
 *
 * Frames of the RPC as any peer may send them: refused, or every entry lies inside the message and
 * the entries are all of it. Envelopes inside are read the way server and client read them. */
#include "tests/fuzz/fuzz.h"

#include "assay/envelope.pb-c.h"
#include "pb/pb.h"
#include "rpc/rpc_frame.h"

#define ARENA_MAX ((size_t)1024 * 1024)

static void
read_envelopes(struct arena *arena, struct str body)
{
    ProtobufCMessage *msg = NULL;

    if (pb_unpack(arena, &assay__call__descriptor, body, &msg) == RC_OK) {
        ASSERT(((const Assay__Call *)msg)->payload.len <= body.n);
    }
    if (pb_unpack(arena, &assay__answer__descriptor, body, &msg) == RC_OK) {
        ASSERT(((const Assay__Answer *)msg)->payload.len <= body.n);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena *arena;
    struct str bytes = str_n((const char *)data, size);
    struct rpc_frame frame;
    struct str body;
    uint32_t id;

    if (arena == NULL) {
        arena = arena_new(ARENA_MAX);
    }
    if (rpc_frame_parse(bytes, &frame) != RC_OK) {
        return 0;
    }
    size_t seen = RPC_FRAME_HEAD;
    while (rpc_frame_next(&frame, &id, &body)) {
        ASSERT(body.p >= bytes.p && body.p + body.n <= bytes.p + bytes.n);
        seen += RPC_FRAME_ENTRY + body.n;
        read_envelopes(arena, body);
    }
    ASSERT(seen == size);
    arena_reset(arena);
    return 0;
}
