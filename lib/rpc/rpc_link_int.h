/* SPDX-License-Identifier: Apache-2.0
 *
 * A link inside: how its calls travel stands in rpc_link.c. rpc_link_calls.c keeps the calls,
 * rpc_party.c those that share an answer, rpc_link_frames.c sends and takes frames, rpc_link.c
 * opens, closes and waits. */
#ifndef ASSAY_RPC_RPC_LINK_INT_H
#define ASSAY_RPC_RPC_LINK_INT_H

#include <pthread.h>

#include "rpc/rpc_link.h"

#define LANES 3
/* A further lane leaves only when those away have been gone this long: under load a frame comes
 * back sooner, and takes more along; past it the calls out there are slow and must hold nobody
 * back. */
#define PATIENCE_US 1000
#define CALLS_MAX 1024 /* outstanding on one link; a power of two */
#define WITHDRAWN_MAX 64
#define TIMEOUTS_MAX 2 /* in a row, then the replica is skipped */
/* A server sends every frame back after five seconds at the latest. */
#define SILENCE_MAX_US (15 * ASSAY_US_PER_S)
#define CONNECT_MAX_US (2 * ASSAY_US_PER_S) /* of an ipc connection, with its handshake */

enum call_state { CALL_QUEUED, CALL_SENT, CALL_RIDING, CALL_DONE };

struct call_list {
    struct call *head;
    struct call **tail;
};

/* Calls that get one answer. The one that holds the place leads it: it is woken alone, makes what
 * it can for all, then wakes the others with one call to the kernel. Only an answer is handed out
 * this way; every other end wakes all at once. */
struct rpc_party {
    atomic_int refs;       /* its calls */
    _Atomic uint32_t done; /* the futex of all but the leader */
    bool has_leader;       /* false once a rider has taken the place over (under the lock) */
    struct rpc_slab *slab;
    struct rpc_form form; /* make NULL: nothing was made */
    struct buf made;
};

/* On the stack of the caller. */
struct call {
    struct call *next; /* in the queue, among riders, or in a list of finished calls */
    struct str wire;
    struct str same;         /* calls whose bytes here are equal may share an answer; empty: none */
    struct call *carrier;    /* of a rider: the call whose answer it takes */
    struct call_list riders; /* of a call with a place */
    struct rpc_party *party; /* NULL: nobody has joined */
    uint32_t id;
    uint32_t epoch;
    int lane;
    enum call_state state;
    int64_t sent_us;
    enum rpc_fate fate;
    struct rpc_answer answer;
    _Atomic uint32_t *word; /* the futex it sleeps on: its own, or the party's */
    _Atomic uint32_t done;
};

enum lane_state { LANE_FREE, LANE_QUEUED, LANE_AWAY };

struct lane {
    struct rpc_link *link;
    nng_ctx ctx;
    nng_aio *poll; /* the immediate send; no callback */
    nng_aio *aio;  /* the queued send, and the receive */
    enum lane_state state;
    uint32_t epoch;
    int64_t since_us;
};

struct rpc_link {
    nng_socket sock;
    char *url;
    size_t message_max;
    void (*changed)(void *arg);
    void *arg;
    atomic_int refs;
    atomic_bool connected, draining, suspect, retired;
    atomic_bool ended; /* was connected */
    bool is_ipc;
    int64_t opened_us;
    atomic_int load;
    /* NNG 1.5.2 frees a socket while another thread still leaves nng_ctx_send or nng_ctx_recv, and
     * panics there. Both are called under the read lock; who closes takes the write lock first. */
    pthread_rwlock_t gate;
    bool is_shut;

    pthread_mutex_t lock; /* all below */
    bool closed;
    uint64_t session;
    uint32_t epoch;
    struct lane lanes[LANES];
    struct call_list queue;
    struct call *slots[CALLS_MAX];
    uint32_t serial[CALLS_MAX]; /* id of the slot's next call */
    uint16_t free_slots[CALLS_MAX];
    int free_count;
    uint32_t withdrawn[WITHDRAWN_MAX];
    int withdrawn_count;
    int timeouts;
    int64_t heard_us;
};

/* Frames to send once the lock is released. */
struct outbox {
    int n;
    struct lane *lane[LANES];
    nng_msg *msg[LANES];
};

/* --- rpc_link_calls.c ---------------------------------------------------------------------- */

/* What takes a link is called under its lock, but for the last two, lists and futexes. */

void rpc__calls_init(struct call_list *list);
void rpc__calls_push(struct call_list *list, struct call *call);
struct call *rpc__calls_pop(struct call_list *list);
void rpc__calls_remove(struct call_list *list, struct call *call);
void rpc__futex_wait(_Atomic uint32_t *word, int64_t until_mono_us);
/* Wakes so many of those who sleep on the word. */
void rpc__futex_wake(_Atomic uint32_t *word, int count);
void rpc__calls_finish(struct call_list *finished);
/* Lets the call ride on a queued one that asks for the same; false when there is none. */
bool rpc__ride(struct rpc_link *link, struct call *call);
/* The rider's caller goes away. */
void rpc__dismount(struct rpc_link *link, struct call *call);
/* The caller of a queued or sent call goes away: its first rider takes its place. False: no rider.
 */
bool rpc__hand_over(struct rpc_link *link, struct call *call);
void rpc__slot_take(struct rpc_link *link, struct call *call);
void rpc__slot_drop(struct rpc_link *link, struct call *call);
int rpc__outstanding(const struct rpc_link *link);
void rpc__end_call(struct rpc_link *link, struct call *call, enum rpc_fate fate,
                   struct call_list *finished);
void rpc__end_sent(struct rpc_link *link, uint32_t epoch, int lane, enum rpc_fate fate,
                   struct call_list *finished);
void rpc__end_queue(struct rpc_link *link, struct call_list *finished);
unsigned rpc__lose_epoch(struct rpc_link *link, uint32_t epoch, struct call_list *finished);
void rpc__abort_lanes(struct rpc_link *link, unsigned mask);
void rpc__tell_changed(struct rpc_link *link);

/* --- rpc_party.c --------------------------------------------------------------------------- */

/* Makes `rider` one of the calls that get what `carrier` gets; false: no memory. */
bool rpc__party_join(struct call *carrier, struct call *rider);
void rpc__party_unref(struct rpc_party *party);
/* Its calls have an answer: the party holds it now. */
void rpc__party_keep(struct rpc_party *party, struct rpc_answer *answer);
/* Wakes all but the leader, with one call to the kernel. */
void rpc__party_wake(struct rpc_party *party);

/* --- rpc_link_frames.c --------------------------------------------------------------------- */

/* Sends a frame when it is time for one (under the lock; the outbox leaves when it is released). */
void rpc__pump(struct rpc_link *link, struct outbox *box);
/* Asks the server of a closed link for all frames that are there. True when it has been asked, or
 * when none is. */
bool rpc__ask_back(struct rpc_link *link, struct outbox *box);
void rpc__outbox_send(struct outbox *box);
void rpc__on_lane(void *arg);
void rpc__link_on_pipe(nng_pipe pipe, nng_pipe_ev event, void *arg);

#endif
