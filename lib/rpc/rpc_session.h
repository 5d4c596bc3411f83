/* SPDX-License-Identifier: Apache-2.0
 *
 * The server's view of one client connection: the frames it left here (held until there is an
 * answer), and the answers waiting for a frame. Private to lib/rpc.
 *
 * Threads: everything under the server's lock. Nothing blocks or sends; what is to be sent is
 * collected in a `struct rpc_sends` and leaves when the lock is released. */
#ifndef ASSAY_RPC_RPC_SESSION_H
#define ASSAY_RPC_RPC_SESSION_H

#include "rpc/rpc_nng.h"

#define RPC_SESSIONS_MAX 1024
#define RPC_SENDS_MAX 32

struct rpc_lane; /* one REP context: rpc_server.c */
struct rpc_session;
struct rpc_sessions;

struct rpc_sends {
    int n;
    struct {
        struct rpc_lane *lane;
        nng_msg *msg;
    } v[RPC_SENDS_MAX];
};

struct rpc_sessions *rpc_sessions_new(size_t frame_max);
/* Frees all; messages not sent are dropped. Takes NULL. */
void rpc_sessions_free(struct rpc_sessions *all);

/* Finds or makes the session of a connection, marks it used. NULL: too many with work on hand, or
 * no memory. */
struct rpc_session *rpc_session_get(struct rpc_sessions *all, uint64_t id, uint32_t pipe);
/* A call of the session waits or runs: keeps it alive. */
void rpc_session_begin(struct rpc_session *s);
/* The call is over; frees a session whose connection is gone with its last call. */
void rpc_session_end(struct rpc_sessions *all, struct rpc_session *s);
bool rpc_session_is_gone(const struct rpc_session *s);
uint32_t rpc_session_pipe(const struct rpc_session *s);

/* Leaves a frame of the client here; returns how many are. */
int rpc_session_hold(struct rpc_session *s, struct rpc_lane *lane, int64_t now_us);
/* Adds an answer; false when the connection is gone or memory is out. */
bool rpc_session_answer(struct rpc_sessions *all, struct rpc_session *s, uint32_t id,
                        struct str body, int64_t now_us);
int rpc_session_ready(const struct rpc_session *s);
/* Microseconds the oldest waiting answer has waited; 0 without one. */
int64_t rpc_session_ready_us(const struct rpc_session *s, int64_t now_us);

/* Puts every waiting answer that has a frame to travel in into `sends`, as far as it holds them;
 * true when nothing is left to flush. */
bool rpc_sessions_flush(struct rpc_sessions *all, struct rpc_sends *sends);
/* Flushes answers older than `flush_us`. Sends back, without answers, frames a client should not
 * have to do without: all but one after `spare_us`, every one after `keep_us`. True when a frame or
 * an answer is left that wants another look soon. */
bool rpc_sessions_tick(struct rpc_sessions *all, int64_t now_us, int64_t flush_us, int64_t spare_us,
                       int64_t keep_us, struct rpc_sends *sends);
/* Sends back every frame that the session holds. */
void rpc_session_release(struct rpc_sessions *all, struct rpc_session *s, struct rpc_sends *sends);
/* The connection is gone: its answers are dropped; its lanes, free for others, go to `out_lanes`
 * (linked by rpc_lane_next). */
struct rpc_lane *rpc_sessions_lose(struct rpc_sessions *all, uint32_t pipe);
/* Answers that wait for a frame. */
size_t rpc_sessions_waiting(const struct rpc_sessions *all);
/* Every reply says from now on that the server drains. */
void rpc_sessions_drain(struct rpc_sessions *all);

/* Link of a held lane, in the lane itself. */
struct rpc_lane_link {
    struct rpc_lane *next;
    int64_t since_us;
};
struct rpc_lane_link *rpc_lane_link(struct rpc_lane *lane);

#endif
