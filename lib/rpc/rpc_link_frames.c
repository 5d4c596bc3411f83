/* SPDX-License-Identifier: Apache-2.0
 *
 * Frames of a link: when one leaves, what it takes along, what comes back. */
#include "rpc/rpc_link_int.h"

#include <string.h>

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
    rpc_frame_put_head(at, link->session, link->closed ? RPC_FRAME_LEAVING : 0, (unsigned)count);
    at += RPC_FRAME_HEAD;
    for (int i = 0; i < link->withdrawn_count; i++, at += RPC_FRAME_ENTRY) {
        rpc_frame_put_entry(at, link->withdrawn[i], 0);
    }
    for (int i = link->withdrawn_count; i < count; i++) {
        struct call *call = rpc__calls_pop(&link->queue);
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
void
rpc__pump(struct rpc_link *link, struct outbox *box)
{
    struct lane *lane = free_lane(link);
    int64_t last_us = last_left_us(link);
    bool is_wanted = link->queue.head != NULL || (last_us == 0 && rpc__outstanding(link) > 0);

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

bool
rpc__ask_back(struct rpc_link *link, struct outbox *box)
{
    struct lane *lane = free_lane(link);

    if (last_left_us(link) == 0 || !atomic_load(&link->connected)) {
        return true;
    }
    return lane != NULL && frame_make(link, lane, box);
}

/* Waits for the answer, unless the link is shut: then nobody waits for one. */
static void
lane_recv(struct lane *lane)
{
    struct rpc_link *link = lane->link;

    pthread_rwlock_rdlock(&link->gate);
    if (!link->is_shut) {
        nng_ctx_recv(lane->ctx, lane->aio);
    }
    pthread_rwlock_unlock(&link->gate);
}

static void
lane_send_open(struct lane *lane, nng_msg *msg)
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
lane_send(struct lane *lane, nng_msg *msg)
{
    struct rpc_link *link = lane->link;

    pthread_rwlock_rdlock(&link->gate);
    if (link->is_shut) {
        nng_msg_free(msg);
    } else {
        lane_send_open(lane, msg);
    }
    pthread_rwlock_unlock(&link->gate);
}

void
rpc__outbox_send(struct outbox *box)
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

    rpc__calls_init(&finished);
    pthread_mutex_lock(&link->lock);
    if (rv == 0) {
        lane->state = LANE_AWAY;
    } else {
        rpc__end_sent(link, lane->epoch, (int)(lane - link->lanes), RPC_UNSENT, &finished);
        lane->state = LANE_FREE;
        rpc__pump(link, &box);
    }
    pthread_mutex_unlock(&link->lock);
    if (rv == 0) {
        lane_recv(lane);
        return;
    }
    nng_msg_free(nng_aio_get_msg(lane->aio));
    nng_aio_set_msg(lane->aio, NULL);
    rpc__calls_finish(&finished);
    rpc__outbox_send(&box);
}

static void
take_answer(struct rpc_link *link, uint32_t id, struct str body, struct rpc_slab *slab,
            struct call_list *finished)
{
    struct call *call = link->slots[id & (CALLS_MAX - 1)];

    if (call != NULL && call->id == id && call->state == CALL_SENT) {
        rpc_slab_ref(slab);
        call->answer = (struct rpc_answer){.slab = slab, .body = body};
        rpc__end_call(link, call, RPC_ANSWERED, finished);
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
        rpc__end_queue(link, finished);
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
    rpc__calls_init(&finished);
    pthread_mutex_lock(&link->lock);
    lane->state = LANE_FREE;
    if (slab == NULL || rpc_frame_parse(rpc_msg_str(slab->msg), &frame) != RC_OK) {
        stuck = rpc__lose_epoch(link, lane->epoch, &finished); /* malformed: as good as gone */
    } else {
        has_changed = take_frame(link, slab, frame, &finished);
    }
    if (lane->epoch != link->epoch) {
        rpc__end_sent(link, lane->epoch, -1, RPC_LOST, &finished);
    }
    rpc__pump(link, &box);
    pthread_mutex_unlock(&link->lock);
    rpc__outbox_send(&box);
    rpc__abort_lanes(link, stuck);
    rpc__calls_finish(&finished);
    rpc_slab_unref(slab);
    if (has_changed) {
        rpc__tell_changed(link);
    }
}

void
rpc__on_lane(void *arg)
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

void
rpc__link_on_pipe(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    struct rpc_link *link = arg;
    struct outbox box = {0};
    struct call_list finished;

    (void)pipe;
    rpc__calls_init(&finished);
    pthread_mutex_lock(&link->lock);
    atomic_store(&link->connected, event == NNG_PIPE_EV_ADD_POST);
    if (event == NNG_PIPE_EV_ADD_POST) {
        atomic_store(&link->draining, false);
        atomic_store(&link->suspect, false);
        link->timeouts = 0;
        rpc__pump(link, &box);
    } else {
        atomic_store(&link->ended, true);
        rpc__end_queue(link, &finished);
        if (last_left_us(link) == 0) {
            (void)rpc__lose_epoch(link, link->epoch, &finished);
        }
    }
    pthread_mutex_unlock(&link->lock);
    rpc__outbox_send(&box);
    rpc__calls_finish(&finished);
    rpc__tell_changed(link);
}
