/* SPDX-License-Identifier: Apache-2.0
 *
 * The frame: what one NNG message holds. A request frame carries calls, a reply frame answers;
 * either may be empty. All numbers are little-endian:
 *
 *     u32 magic  u16 flags  u16 count  u64 session      then count times
 *     u32 id     u32 length  `length` bytes             assay.Call or assay.Answer
 *
 * An entry of length 0 in a request withdraws the call of that id. Why frames: see
 * docs/decisions/0001-rpc-frames.md. Nothing here allocates, blocks or keeps state. */
#ifndef ASSAY_RPC_RPC_FRAME_H
#define ASSAY_RPC_RPC_FRAME_H

#include "base/str.h"

#define RPC_FRAME_MAGIC 0x31525341u /* "ASR1" */
#define RPC_FRAME_HEAD ((size_t)16)
#define RPC_FRAME_ENTRY ((size_t)8)
#define RPC_FRAME_CALLS_MAX 256
/* A frame closes after this many bytes, unless its first entry alone is longer. */
#define RPC_FRAME_FULL ((size_t)256 * 1024)
/* Bytes of the envelope around the payload: ids, principal, messages, the frame's own header. */
#define RPC_FRAME_OVERHEAD ((size_t)64 * 1024)
/* Longest frame that follows from `message_max` bytes of payload. */
#define RPC_FRAME_MAX(message_max) ((message_max) + RPC_FRAME_FULL + RPC_FRAME_OVERHEAD)

/* The server takes no new calls: send them elsewhere. */
#define RPC_FRAME_DRAINING 0x1u
/* Of a client that closes its connection once it has all its frames back. */
#define RPC_FRAME_LEAVING 0x2u

struct rpc_frame {
    uint64_t session;
    uint16_t flags;
    uint16_t count; /* entries left to read */
    struct str rest;
};

/* Reads the head and checks every entry, so that a malformed frame is refused as a whole.
 * Errors: INVALID_ARGUMENT. */
NODISCARD enum rc rpc_frame_parse(struct str bytes, struct rpc_frame *out);
/* Takes the next entry; false after the last. `*out_body` points into the frame. */
bool rpc_frame_next(struct rpc_frame *frame, uint32_t *out_id, struct str *out_body);
void rpc_frame_put_head(char *to, uint64_t session, unsigned flags, unsigned count);
void rpc_frame_put_entry(char *to, uint32_t id, size_t length);

#endif
