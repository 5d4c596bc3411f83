/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/rpc_frame.h"

static uint64_t
get(const char *p, size_t n)
{
    uint64_t v = 0;

    for (size_t i = n; i > 0; i--) {
        v = v << 8 | (unsigned char)p[i - 1];
    }
    return v;
}

static void
put(char *p, size_t n, uint64_t v)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = (char)(v >> (8 * i) & 0xff);
    }
}

static struct str
skip(struct str s, size_t n)
{
    return str_n(s.p + n, s.n - n);
}

enum rc
rpc_frame_parse(struct str bytes, struct rpc_frame *out)
{
    if (bytes.n < RPC_FRAME_HEAD || get(bytes.p, 4) != RPC_FRAME_MAGIC) {
        return RC_INVALID_ARGUMENT;
    }
    struct rpc_frame frame = {.flags = (uint16_t)get(bytes.p + 4, 2),
                              .count = (uint16_t)get(bytes.p + 6, 2),
                              .session = get(bytes.p + 8, 8),
                              .rest = skip(bytes, RPC_FRAME_HEAD)};
    struct str rest = frame.rest;
    if (frame.count > RPC_FRAME_CALLS_MAX) {
        return RC_INVALID_ARGUMENT;
    }
    for (unsigned i = 0; i < frame.count; i++) {
        if (rest.n < RPC_FRAME_ENTRY || get(rest.p + 4, 4) > rest.n - RPC_FRAME_ENTRY) {
            return RC_INVALID_ARGUMENT;
        }
        rest = skip(rest, RPC_FRAME_ENTRY + get(rest.p + 4, 4));
    }
    if (rest.n != 0) {
        return RC_INVALID_ARGUMENT;
    }
    *out = frame;
    return RC_OK;
}

bool
rpc_frame_next(struct rpc_frame *frame, uint32_t *out_id, struct str *out_body)
{
    if (frame->count == 0) {
        return false;
    }
    size_t n = get(frame->rest.p + 4, 4);
    *out_id = (uint32_t)get(frame->rest.p, 4);
    *out_body = str_n(frame->rest.p + RPC_FRAME_ENTRY, n);
    frame->rest = skip(frame->rest, RPC_FRAME_ENTRY + n);
    frame->count--;
    return true;
}

void
rpc_frame_put_head(char *to, uint64_t session, unsigned flags, unsigned count)
{
    put(to, 4, RPC_FRAME_MAGIC);
    put(to + 4, 2, flags);
    put(to + 6, 2, count);
    put(to + 8, 8, session);
}

void
rpc_frame_put_entry(char *to, uint32_t id, size_t length)
{
    put(to, 4, id);
    put(to + 4, 4, length);
}
