/* SPDX-License-Identifier: Apache-2.0
 *
 * A server inside: how it works stands in rpc_server.c. rpc_server_intake.c takes frames and queues
 * their calls, rpc_server_work.c runs them, rpc_server.c ticks, starts, drains and stops. */
#ifndef ASSAY_RPC_RPC_SERVER_INT_H
#define ASSAY_RPC_RPC_SERVER_INT_H

#include <pthread.h>

#include "rpc/rpc_exec.h"
#include "rpc/rpc_guard.h"
#include "rpc/rpc_session.h"

#define FLUSH_ANSWERS 16
#define FLUSH_US 1000
#define SLOW_US 4000 /* a method that usually takes longer does not start over waiting answers */
#define SPARE_US 1000
#define KEEP_US (5 * ASSAY_US_PER_S)
#define TICK_US 1000
#define IDLE_TICKS 20
#define LISTENING_MIN 4 /* lanes that wait for a frame, at least */
#define LANES_MAX 4096
#define HELD_MAX 8 /* frames of one client */
#define WAITS_MAX 256
#define DRAIN_GRACE_US (500 * ASSAY_US_PER_MS)

struct rpc_lane {
    struct rpc_lane_link link;
    struct rpc_lane *all_next;
    struct rpc_server *server;
    nng_ctx ctx;
    nng_aio *recv;
    nng_aio *send;
};

struct job {
    struct job *prev, *next;
    struct rpc_session *session;
    struct rpc_slab *slab;
    struct str wire; /* inside slab */
    uint32_t id;
};

struct rpc_server {
    struct rpc_server_cfg cfg;
    struct rpc_book book;
    nng_socket sock;
    pthread_t *threads;
    int thread_count;
    pthread_t ticker;
    struct rpc_guard *guard; /* of an ipc listener */
    atomic_uint added;       /* connections that came about */
    bool has_ticker, has_sock;

    pthread_mutex_t lock; /* all below */
    pthread_cond_t work;
    pthread_cond_t tick;
    struct job queue; /* ring head */
    struct rpc_sessions *sessions;
    struct rpc_lane *lanes;
    int lane_count, listening, pipes;
    int idle, running;
    int waits; /* threads of long polls */
    bool is_draining, is_stopping, is_ticking;
    struct rpc_server_stats stats;
};

/* --- rpc_server_intake.c ------------------------------------------------------------------- */

/* Sends what was collected under the lock; without the lock, as NNG may call back at once. */
void rpc__sends_go(struct rpc_sends *sends);
/* The same for who holds the lock and goes on holding it: it is released in between. */
void rpc__sends_go_unlocked(struct rpc_server *server, struct rpc_sends *sends);
/* Wakes the ticker; with the lock. */
void rpc__want_tick(struct rpc_server *server);
/* Waits for its callbacks to end: without the lock. */
void rpc__lane_free(struct rpc_lane *lane);
/* Adds a lane when few are left to listen; without the lock. */
void rpc__lanes_top_up(struct rpc_server *server);
/* Takes a call out of the queue; ends it. Both with the lock. */
void rpc__job_unlink(struct rpc_server *server, struct job *job);
void rpc__job_free(struct rpc_server *server, struct job *job);
/* Whether the session's answers wait no longer for others to share a frame with; with the lock. */
bool rpc__is_flush_due(const struct rpc_server *server, const struct rpc_session *session,
                       int64_t now_us);
/* NNG's callback: a connection came, or went and takes its queued calls along. */
void rpc__server_on_pipe(nng_pipe pipe, nng_pipe_ev event, void *arg);

/* --- rpc_server_work.c --------------------------------------------------------------------- */

/* A thread that runs queued calls until the server stops; `arg` is the server. */
void *rpc__worker_main(void *arg);

#endif
