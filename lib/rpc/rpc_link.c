/* SPDX-License-Identifier: Apache-2.0
 *
 * Wake-ups are the cost of a call (four fifths of the processor time of a small one), so they are
 * shared: a link has LANES contexts, each of which carries one frame at a time. A call leaves at
 * once when a lane is free; while all are at the server calls queue up and leave together when one
 * returns. Answers travel in whichever frame returns first, not in the one that brought their call;
 * while calls are outstanding at least one lane is kept at the server, with an empty frame if need
 * be. A caller sleeps on a futex of its own and is woken exactly once.
 *
 * Sending first tries NNG's "poll" (a time-out of zero): it completes at once when the connection is
 * not just writing, which spares a round through NNG's task threads. Only then the lane's own aio
 * waits in line (LANE_QUEUED). A receive is never submitted before the send is done: NNG 1.5 does not
 * survive that.
 *
 * An epoch is the life of one connection. Its end fails exactly the calls that were at that server;
 * calls of a frame that never left are UNSENT. */
#include "rpc/rpc_link.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/id.h"

#define LANES 3
/* A further lane leaves only when those away have been gone this long: under load a frame comes back
 * sooner, and takes more along; past it the calls out there are slow and must hold nobody back. */
#define PATIENCE_US 1000
#define CALLS_MAX 1024 /* outstanding on one link; a power of two */
#define CALLS_BITS 10
#define WITHDRAWN_MAX 64
#define TIMEOUTS_MAX 2 /* in a row, then the replica is skipped */
/* A server sends every frame back after five seconds at the latest. */
#define SILENCE_MAX_US (15 * ASSAY_US_PER_S)
#define CONNECT_MAX_US (2 * ASSAY_US_PER_S) /* of an ipc connection, with its handshake */

enum call_state { CALL_QUEUED, CALL_SENT, CALL_DONE };

/* On the stack of the caller. */
struct call {
    struct call *next; /* in the queue, or in a list of finished calls */
    struct str wire;
    uint32_t id;
    uint32_t epoch;
    int lane;
    enum call_state state;
    int64_t sent_us;
    enum rpc_fate fate;
    struct rpc_answer answer;
    _Atomic uint32_t done; /* the futex */
};

struct call_list {
    struct call *head;
    struct call **tail;
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

static void pump(struct rpc_link *link, struct outbox *box);
static void outbox_send(struct outbox *box);

/* --- lists, futex -------------------------------------------------------------------------- */

static void
list_init(struct call_list *list)
{
    list->head = NULL;
    list->tail = &list->head;
}

static void
list_push(struct call_list *list, struct call *call)
{
    call->next = NULL;
    *list->tail = call;
    list->tail = &call->next;
}

static struct call *
list_pop(struct call_list *list)
{
    struct call *call = list->head;

    if (call != NULL) {
        list->head = call->next;
        if (list->head == NULL) {
            list->tail = &list->head;
        }
    }
    return call;
}

static void
list_remove(struct call_list *list, struct call *call)
{
    for (struct call **at = &list->head; *at != NULL; at = &(*at)->next) {
        if (*at == call) {
            *at = call->next;
            list->tail = call->next == NULL ? at : list->tail;
            return;
        }
    }
}

/* Sleeps until *word is not 0 or the monotonic instant (0: no limit) has passed. */
static void
futex_wait(_Atomic uint32_t *word, int64_t until_mono_us)
{
    struct timespec at = {.tv_sec = until_mono_us / ASSAY_US_PER_S,
                          .tv_nsec = until_mono_us % ASSAY_US_PER_S * 1000};

    (void)syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, 0,
                  until_mono_us == 0 ? NULL : &at, NULL, FUTEX_BITSET_MATCH_ANY);
}

/* The call's memory is its caller's again once `done` is set: the wake-up may then hit a stranger's
 * word, who looks again and sleeps on. */
static void
finish(struct call_list *finished)
{
    struct call *next = finished->head;

    while (next != NULL) {
        struct call *call = next;
        next = call->next;
        atomic_store_explicit(&call->done, 1, memory_order_release);
        (void)syscall(SYS_futex, &call->done, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

/* --- calls (under the lock) ---------------------------------------------------------------- */

static void
slot_take(struct rpc_link *link, struct call *call)
{
    uint16_t slot = link->free_slots[--link->free_count];

    call->id = link->serial[slot];
    link->slots[slot] = call;
}

static void
slot_drop(struct rpc_link *link, struct call *call)
{
    uint16_t slot = call->id & (CALLS_MAX - 1);

    link->serial[slot] += CALLS_MAX; /* late answers find another id */
    link->slots[slot] = NULL;
    link->free_slots[link->free_count++] = slot;
    atomic_fetch_sub(&link->load, 1);
}

static int
outstanding(const struct rpc_link *link)
{
    return CALLS_MAX - link->free_count;
}

static void
end_call(struct rpc_link *link, struct call *call, enum rpc_fate fate, struct call_list *finished)
{
    slot_drop(link, call);
    call->state = CALL_DONE;
    call->fate = fate;
    list_push(finished, call);
}

/* Ends the sent calls of `epoch`; only those of `lane` unless it is -1. */
static void
end_sent(struct rpc_link *link, uint32_t epoch, int lane, enum rpc_fate fate,
         struct call_list *finished)
{
    for (int i = 0; i < CALLS_MAX && outstanding(link) > 0; i++) {
        struct call *call = link->slots[i];
        bool is_hit = call != NULL && call->state == CALL_SENT && call->epoch == epoch &&
                      (lane < 0 || call->lane == lane);
        /* A frame that still waits in line has not left. */
        if (is_hit && (lane >= 0 || link->lanes[call->lane].state != LANE_QUEUED)) {
            end_call(link, call, fate, finished);
        }
    }
}

static void
end_queue(struct rpc_link *link, struct call_list *finished)
{
    for (struct call *call = list_pop(&link->queue); call != NULL; call = list_pop(&link->queue)) {
        end_call(link, call, RPC_UNSENT, finished);
    }
}

/* The connection of `epoch` is gone; tells which lanes wait in line with a frame of it. */
static unsigned
lose_epoch(struct rpc_link *link, uint32_t epoch, struct call_list *finished)
{
    unsigned queued = 0;

    if (epoch != link->epoch) {
        return 0;
    }
    end_sent(link, epoch, -1, RPC_LOST, finished);
    link->epoch++;
    link->session = id_random_u64();
    link->withdrawn_count = 0;
    for (int i = 0; i < LANES; i++) {
        queued |= link->lanes[i].state == LANE_QUEUED ? 1u << i : 0;
    }
    return queued;
}

static void
abort_lanes(struct rpc_link *link, unsigned mask)
{
    for (int i = 0; i < LANES; i++) {
        if (mask & 1u << i) {
            nng_aio_abort(link->lanes[i].aio, NNG_ECANCELED);
        }
    }
}

static void
tell_changed(struct rpc_link *link)
{
    link->changed(link->arg);
}

/* --- frames -------------------------------------------------------------------------------- */

static bool
frame_takes(size_t bytes, int count, const struct call *call)
{
    return count < RPC_FRAME_CALLS_MAX &&
           (count == 0 || bytes + RPC_FRAME_ENTRY + call->wire.n <= RPC_FRAME_FULL);
}

/* Chooses the calls of the next frame: how many of the queue's head, and how many bytes. */
static int
frame_measure(const struct rpc_link *link, size_t *out_bytes)
{
    size_t bytes = RPC_FRAME_HEAD + RPC_FRAME_ENTRY * (size_t)link->withdrawn_count;
    int count = link->withdrawn_count;

    for (const struct call *c = link->queue.head; c != NULL && frame_takes(bytes, count, c);
         c = c->next) {
        bytes += RPC_FRAME_ENTRY + c->wire.n;
        count++;
    }
    *out_bytes = bytes;
    return count;
}

static void
frame_fill(struct rpc_link *link, struct lane *lane, char *at, int count)
{
    rpc_frame_put_head(at, link->session, 0, (unsigned)count);
    at += RPC_FRAME_HEAD;
    for (int i = 0; i < link->withdrawn_count; i++, at += RPC_FRAME_ENTRY) {
        rpc_frame_put_entry(at, link->withdrawn[i], 0);
    }
    for (int i = link->withdrawn_count; i < count; i++) {
        struct call *call = list_pop(&link->queue);
        rpc_frame_put_entry(at, call->id, call->wire.n);
        memcpy(at + RPC_FRAME_ENTRY, call->wire.p, call->wire.n);
        at += RPC_FRAME_ENTRY + call->wire.n;
        call->state = CALL_SENT;
        call->epoch = link->epoch;
        call->lane = (int)(lane - link->lanes);
        call->sent_us = lane->since_us;
    }
    link->withdrawn_count = 0;
}

/* Makes the lane's next frame out of the queue; false without memory. */
static bool
frame_make(struct rpc_link *link, struct lane *lane, struct outbox *box)
{
    size_t bytes = 0;
    int count = frame_measure(link, &bytes);
    nng_msg *msg = NULL;

    if (nng_msg_alloc(&msg, bytes) != 0) {
        return false;
    }
    lane->state = LANE_AWAY;
    lane->epoch = link->epoch;
    lane->since_us = clk_mono_us();
    frame_fill(link, lane, nng_msg_body(msg), count);
    box->lane[box->n] = lane;
    box->msg[box->n++] = msg;
    return true;
}

/* When the lane that left last did so; 0: none is away. */
static int64_t
last_left_us(const struct rpc_link *link)
{
    int64_t last = 0;

    for (int i = 0; i < LANES; i++) {
        if (link->lanes[i].state != LANE_FREE && link->lanes[i].since_us > last) {
            last = link->lanes[i].since_us;
        }
    }
    return last;
}

static struct lane *
free_lane(struct rpc_link *link)
{
    for (int i = 0; i < LANES; i++) {
        if (link->lanes[i].state == LANE_FREE) {
            return &link->lanes[i];
        }
    }
    return NULL;
}

/* Sends a frame when it is time for one. */
static void
pump(struct rpc_link *link, struct outbox *box)
{
    struct lane *lane = free_lane(link);
    int64_t last_us = last_left_us(link);
    bool is_wanted = link->queue.head != NULL || (last_us == 0 && outstanding(link) > 0);

    if (link->closed || lane == NULL || !is_wanted || !atomic_load(&link->connected)) {
        return;
    }
    if (last_us != 0 && clk_mono_us() - last_us < PATIENCE_US) {
        return;
    }
    /* What does not fit into one frame goes with the next. */
    do {
        lane = frame_make(link, lane, box) ? free_lane(link) : NULL;
    } while (lane != NULL && link->queue.head != NULL);
}

static void
lane_send(struct lane *lane, nng_msg *msg)
{
    struct rpc_link *link = lane->link;

    nng_aio_set_msg(lane->poll, msg);
    nng_ctx_send(lane->ctx, lane->poll);
    nng_aio_wait(lane->poll); /* done already */
    if (nng_aio_result(lane->poll) == 0) {
        nng_ctx_recv(lane->ctx, lane->aio);
        return;
    }
    nng_aio_set_msg(lane->poll, NULL);
    nng_msg_header_clear(msg);
    pthread_mutex_lock(&link->lock);
    lane->state = LANE_QUEUED;
    pthread_mutex_unlock(&link->lock);
    nng_aio_set_msg(lane->aio, msg);
    nng_ctx_send(lane->ctx, lane->aio);
}

static void
outbox_send(struct outbox *box)
{
    for (int i = 0; i < box->n; i++) {
        lane_send(box->lane[i], box->msg[i]);
    }
}

/* --- NNG's callbacks ----------------------------------------------------------------------- */

/* The queued send is done or failed. */
static void
on_sent(struct rpc_link *link, struct lane *lane, int rv)
{
    struct call_list finished;
    struct outbox box = {0};

    list_init(&finished);
    pthread_mutex_lock(&link->lock);
    if (rv == 0) {
        lane->state = LANE_AWAY;
    } else {
        end_sent(link, lane->epoch, (int)(lane - link->lanes), RPC_UNSENT, &finished);
        lane->state = LANE_FREE;
        pump(link, &box);
    }
    pthread_mutex_unlock(&link->lock);
    if (rv == 0) {
        nng_ctx_recv(lane->ctx, lane->aio);
        return;
    }
    nng_msg_free(nng_aio_get_msg(lane->aio));
    nng_aio_set_msg(lane->aio, NULL);
    finish(&finished);
    outbox_send(&box);
}

static void
take_answer(struct rpc_link *link, uint32_t id, struct str body, struct rpc_slab *slab,
            struct call_list *finished)
{
    struct call *call = link->slots[id & (CALLS_MAX - 1)];

    if (call != NULL && call->id == id && call->state == CALL_SENT) {
        rpc_slab_ref(slab);
        call->answer = (struct rpc_answer){.slab = slab, .body = body};
        end_call(link, call, RPC_ANSWERED, finished);
    }
}

/* Hands out the answers of a frame; true when the link's usability changed. */
static bool
take_frame(struct rpc_link *link, struct rpc_slab *slab, struct rpc_frame frame,
           struct call_list *finished)
{
    uint32_t id;
    struct str body;

    link->heard_us = clk_mono_us();
    link->timeouts = 0;
    bool was_suspect = atomic_exchange(&link->suspect, false);
    while (rpc_frame_next(&frame, &id, &body)) {
        take_answer(link, id, body, slab, finished);
    }
    bool is_draining = (frame.flags & RPC_FRAME_DRAINING) != 0;
    bool was_draining = atomic_exchange(&link->draining, is_draining);
    if (is_draining) {
        end_queue(link, finished);
    }
    return was_suspect || is_draining != was_draining;
}

/* A frame came back, or the connection died under it. */
static void
on_returned(struct rpc_link *link, struct lane *lane, int rv)
{
    struct call_list finished;
    struct outbox box = {0};
    nng_msg *msg = rv == 0 ? nng_aio_get_msg(lane->aio) : NULL;
    struct rpc_slab *slab = msg == NULL ? NULL : rpc_slab_new(msg);
    struct rpc_frame frame;
    bool has_changed = false;
    unsigned stuck = 0;

    nng_aio_set_msg(lane->aio, NULL);
    list_init(&finished);
    pthread_mutex_lock(&link->lock);
    lane->state = LANE_FREE;
    if (slab == NULL || rpc_frame_parse(rpc_msg_str(slab->msg), &frame) != RC_OK) {
        stuck = lose_epoch(link, lane->epoch, &finished); /* malformed: as good as gone */
    } else {
        has_changed = take_frame(link, slab, frame, &finished);
    }
    if (lane->epoch != link->epoch) {
        end_sent(link, lane->epoch, -1, RPC_LOST, &finished);
    }
    pump(link, &box);
    pthread_mutex_unlock(&link->lock);
    outbox_send(&box);
    abort_lanes(link, stuck);
    finish(&finished);
    rpc_slab_unref(slab);
    if (has_changed) {
        tell_changed(link);
    }
}

static void
on_lane(void *arg)
{
    struct lane *lane = arg;
    struct rpc_link *link = lane->link;
    int rv = nng_aio_result(lane->aio);

    pthread_mutex_lock(&link->lock);
    enum lane_state state = lane->state;
    pthread_mutex_unlock(&link->lock);
    if (state == LANE_QUEUED) {
        on_sent(link, lane, rv);
    } else {
        on_returned(link, lane, rv);
    }
}

static void
on_pipe(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    struct rpc_link *link = arg;
    struct outbox box = {0};
    struct call_list finished;

    (void)pipe;
    list_init(&finished);
    pthread_mutex_lock(&link->lock);
    atomic_store(&link->connected, event == NNG_PIPE_EV_ADD_POST);
    if (event == NNG_PIPE_EV_ADD_POST) {
        atomic_store(&link->draining, false);
        atomic_store(&link->suspect, false);
        link->timeouts = 0;
        pump(link, &box);
    } else {
        atomic_store(&link->ended, true);
        end_queue(link, &finished);
        if (last_left_us(link) == 0) {
            (void)lose_epoch(link, link->epoch, &finished);
        }
    }
    pthread_mutex_unlock(&link->lock);
    outbox_send(&box);
    finish(&finished);
    tell_changed(link);
}

/* --- life ---------------------------------------------------------------------------------- */

static void
lanes_free(struct rpc_link *link)
{
    for (int i = 0; i < LANES; i++) {
        nng_aio_free(link->lanes[i].poll);
        nng_aio_free(link->lanes[i].aio);
    }
}

static int
lanes_open(struct rpc_link *link)
{
    for (int i = 0; i < LANES; i++) {
        struct lane *lane = &link->lanes[i];
        int rv = nng_ctx_open(&lane->ctx, link->sock);
        rv = rv != 0 ? rv : nng_aio_alloc(&lane->poll, NULL, NULL);
        rv = rv != 0 ? rv : nng_aio_alloc(&lane->aio, on_lane, lane);
        if (rv != 0) {
            return rv;
        }
        lane->link = link;
        nng_aio_set_timeout(lane->poll, NNG_DURATION_ZERO);
        nng_aio_set_timeout(lane->aio, NNG_DURATION_INFINITE);
    }
    return 0;
}

static struct rpc_link *
link_alloc(const struct rpc_link_cfg *cfg)
{
    struct rpc_link *link = calloc(1, sizeof(*link));

    if (link == NULL || (link->url = strdup(cfg->url)) == NULL) {
        free(link);
        return NULL;
    }
    link->message_max = cfg->message_max;
    link->changed = cfg->changed;
    link->arg = cfg->arg;
    atomic_init(&link->refs, 1);
    pthread_mutex_init(&link->lock, NULL);
    list_init(&link->queue);
    link->session = id_random_u64();
    link->heard_us = clk_mono_us();
    link->opened_us = link->heard_us;
    link->is_ipc = str_starts(str_z(cfg->url), STR("ipc://"));
    for (int i = 0; i < CALLS_MAX; i++) {
        link->serial[i] = (uint32_t)i;
        link->free_slots[i] = (uint16_t)(CALLS_MAX - 1 - i);
    }
    link->free_count = CALLS_MAX;
    return link;
}

void
rpc_link_ref(struct rpc_link *link)
{
    atomic_fetch_add(&link->refs, 1);
}

void
rpc_link_unref(struct rpc_link *link)
{
    if (atomic_fetch_sub(&link->refs, 1) == 1) {
        lanes_free(link);
        pthread_mutex_destroy(&link->lock);
        free(link->url);
        free(link);
    }
}

enum rc
rpc_link_open(const struct rpc_link_cfg *cfg, struct rpc_link **out, const char **out_why)
{
    struct rpc_link *link = link_alloc(cfg);

    if (link == NULL) {
        *out_why = "out of memory";
        return RC_UNAVAILABLE;
    }
    /* The lock keeps on_pipe from sending before the lanes are there. */
    pthread_mutex_lock(&link->lock);
    enum rc rc = rpc_dial(link->url, &cfg->tls, RPC_FRAME_MAX(cfg->message_max), on_pipe, link,
                          &link->sock, out_why);
    int rv = rc == RC_OK ? lanes_open(link) : 0;
    pthread_mutex_unlock(&link->lock);
    if (rv != 0) {
        *out_why = nng_strerror(rv);
        rc = RC_UNAVAILABLE;
        (void)nng_close(link->sock);
    }
    if (rc != RC_OK) {
        rpc_link_unref(link);
        return rc;
    }
    *out = link;
    return RC_OK;
}

void
rpc_link_shutdown(struct rpc_link *link)
{
    struct call_list finished;

    list_init(&finished);
    pthread_mutex_lock(&link->lock);
    bool was_closed = link->closed;
    link->closed = true;
    atomic_store(&link->retired, true);
    end_queue(link, &finished);
    end_sent(link, link->epoch, -1, RPC_LOST, &finished);
    pthread_mutex_unlock(&link->lock);
    finish(&finished);
    if (!was_closed) {
        (void)nng_close(link->sock);
        for (int i = 0; i < LANES; i++) {
            nng_aio_stop(link->lanes[i].aio);
        }
    }
}

/* --- a call -------------------------------------------------------------------------------- */

/* Takes a place and, when it is time for a frame, sends at once. */
static enum rpc_fate
submit(struct rpc_link *link, struct call *call, struct outbox *box)
{
    if (link->closed || atomic_load(&link->draining) || !atomic_load(&link->connected)) {
        return RPC_UNSENT;
    }
    if (link->free_count == 0) {
        return RPC_FULL;
    }
    slot_take(link, call);
    list_push(&link->queue, call);
    atomic_fetch_add(&link->load, 1);
    pump(link, box);
    return RPC_ANSWERED;
}

/* Nothing came back since the call left: a sign of a frozen peer. */
static void
count_timeout(struct rpc_link *link, const struct call *call)
{
    if (link->heard_us < call->sent_us && ++link->timeouts >= TIMEOUTS_MAX) {
        atomic_store(&link->suspect, true);
    }
}

/* The deadline has passed: takes the call back unless it is just being finished. */
static bool
give_up(struct rpc_link *link, struct call *call)
{
    struct call_list finished;

    list_init(&finished);
    pthread_mutex_lock(&link->lock);
    bool was_suspect = atomic_load(&link->suspect);
    bool is_ours = call->state != CALL_DONE;
    if (is_ours && call->state == CALL_QUEUED) {
        list_remove(&link->queue, call);
        call->fate = RPC_TOO_LATE;
        slot_drop(link, call);
    } else if (is_ours) {
        count_timeout(link, call);
        if (link->withdrawn_count < WITHDRAWN_MAX) {
            link->withdrawn[link->withdrawn_count++] = call->id;
        }
        call->fate = RPC_TIMED_OUT;
        slot_drop(link, call);
    }
    if (atomic_load(&link->suspect)) {
        end_queue(link, &finished); /* they may go to another replica */
    }
    bool has_changed = was_suspect != atomic_load(&link->suspect);
    pthread_mutex_unlock(&link->lock);
    finish(&finished);
    if (has_changed) {
        tell_changed(link);
    }
    return is_ours;
}

/* The first of the queue watches over it: frames leave when lanes return, and should none return for
 * a while, it sends another. True while it must go on watching. */
static bool
nudge(struct rpc_link *link, const struct call *call)
{
    struct outbox box = {0};

    pthread_mutex_lock(&link->lock);
    pump(link, &box);
    bool is_queued = call->state == CALL_QUEUED;
    pthread_mutex_unlock(&link->lock);
    outbox_send(&box);
    return is_queued;
}

static bool
is_done(const struct call *call)
{
    return atomic_load_explicit(&call->done, memory_order_acquire) != 0;
}

/* Waits for the end of a submitted call. */
static enum rpc_fate
await(struct rpc_link *link, struct call *call, bool is_watching, int64_t until_us)
{
    int64_t now_us = clk_mono_us();

    while (!is_done(call) && now_us < until_us) {
        int64_t nudge_us = now_us + PATIENCE_US;
        futex_wait(&call->done, is_watching && nudge_us < until_us ? nudge_us : until_us);
        now_us = clk_mono_us();
        if (is_watching && !is_done(call) && now_us >= nudge_us) {
            is_watching = nudge(link, call);
        }
    }
    if (!is_done(call) && give_up(link, call)) {
        return call->fate;
    }
    while (!is_done(call)) {
        futex_wait(&call->done, 0); /* finished in this moment: `done` follows */
    }
    return call->fate;
}

enum rpc_fate
rpc_link_call(struct rpc_link *link, struct str wire, int64_t deadline_us, struct rpc_answer *out)
{
    struct call call = {.wire = wire};
    struct outbox box = {0};
    int64_t until_us = clk_mono_us() + (deadline_us - clk_wall_us());

    pthread_mutex_lock(&link->lock);
    enum rpc_fate fate = submit(link, &call, &box);
    bool is_watching = link->queue.head == &call;
    pthread_mutex_unlock(&link->lock);
    if (fate != RPC_ANSWERED) {
        return fate;
    }
    outbox_send(&box);
    fate = await(link, &call, is_watching, until_us);
    *out = call.answer;
    return fate;
}

/* --- what the pool asks -------------------------------------------------------------------- */

const char *
rpc_link_url(const struct rpc_link *link)
{
    return link->url;
}

bool
rpc_link_is_connected(const struct rpc_link *link)
{
    return atomic_load(&link->connected);
}

bool
rpc_link_is_suspect(const struct rpc_link *link)
{
    return atomic_load(&link->connected) && !atomic_load(&link->draining) &&
           atomic_load(&link->suspect) && !atomic_load(&link->retired);
}

bool
rpc_link_is_usable(const struct rpc_link *link)
{
    return atomic_load(&link->connected) && !atomic_load(&link->draining) &&
           !atomic_load(&link->suspect) && !atomic_load(&link->retired);
}

bool
rpc_link_is_spent(struct rpc_link *link)
{
    bool is_cut = link->is_ipc && !atomic_load(&link->connected) &&
                  (atomic_load(&link->ended) || clk_mono_us() - link->opened_us > CONNECT_MAX_US);
    bool is_leaving = atomic_load(&link->draining) || atomic_load(&link->retired);

    return is_cut || (is_leaving && atomic_load(&link->load) == 0);
}

bool
rpc_link_is_dead(struct rpc_link *link)
{
    int64_t oldest = INT64_MAX;

    pthread_mutex_lock(&link->lock);
    for (int i = 0; i < LANES; i++) {
        if (link->lanes[i].state != LANE_FREE && link->lanes[i].since_us < oldest) {
            oldest = link->lanes[i].since_us;
        }
    }
    pthread_mutex_unlock(&link->lock);
    return oldest != INT64_MAX && clk_mono_us() - oldest > SILENCE_MAX_US;
}

int
rpc_link_load(const struct rpc_link *link)
{
    return atomic_load(&link->load);
}

void
rpc_link_retire(struct rpc_link *link)
{
    atomic_store(&link->retired, true);
}
