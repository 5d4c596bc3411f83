/* SPDX-License-Identifier: Apache-2.0
 *
 * Lanes, the queue, and what happens when a frame arrives or a connection goes. */
#include "rpc/rpc_server_int.h"

#include <stdlib.h>

static void on_received(void *arg);
static void on_replied(void *arg);

struct rpc_lane_link *
rpc_lane_link(struct rpc_lane *lane)
{
    return &lane->link;
}

void
rpc__sends_go(struct rpc_sends *sends)
{
    for (int i = 0; i < sends->n; i++) {
        struct rpc_lane *lane = sends->v[i].lane;
        nng_aio_set_msg(lane->send, sends->v[i].msg);
        nng_ctx_send(lane->ctx, lane->send);
    }
    sends->n = 0;
}

void
rpc__sends_go_unlocked(struct rpc_server *server, struct rpc_sends *sends)
{
    if (sends->n > 0) {
        pthread_mutex_unlock(&server->lock);
        rpc__sends_go(sends);
        pthread_mutex_lock(&server->lock);
    }
}

void
rpc__want_tick(struct rpc_server *server)
{
    if (!server->is_ticking) {
        server->is_ticking = true;
        pthread_cond_signal(&server->tick);
    }
}

/* --- lanes --------------------------------------------------------------------------------- */

void
rpc__lane_free(struct rpc_lane *lane)
{
    nng_aio_free(lane->recv);
    nng_aio_free(lane->send);
    free(lane);
}

static struct rpc_lane *
lane_new(struct rpc_server *server)
{
    struct rpc_lane *lane = calloc(1, sizeof(*lane));

    if (lane == NULL) {
        return NULL;
    }
    lane->server = server;
    if (nng_aio_alloc(&lane->recv, on_received, lane) != 0 ||
        nng_aio_alloc(&lane->send, on_replied, lane) != 0 ||
        nng_ctx_open(&lane->ctx, server->sock) != 0) {
        rpc__lane_free(lane);
        return NULL;
    }
    return lane;
}

static void
lane_listen(struct rpc_lane *lane)
{
    struct rpc_server *server = lane->server;

    pthread_mutex_lock(&server->lock);
    bool is_stopping = server->is_stopping;
    server->stats.frames_out++;
    server->listening++;
    pthread_mutex_unlock(&server->lock);
    if (!is_stopping) {
        nng_ctx_recv(lane->ctx, lane->recv);
    }
}

void
rpc__lanes_top_up(struct rpc_server *server)
{
    pthread_mutex_lock(&server->lock);
    bool is_short =
        server->listening < LISTENING_MIN && server->lane_count < LANES_MAX && !server->is_stopping;
    server->lane_count += is_short;
    pthread_mutex_unlock(&server->lock);
    struct rpc_lane *lane = is_short ? lane_new(server) : NULL;
    if (!is_short) {
        return;
    }
    pthread_mutex_lock(&server->lock);
    if (lane == NULL) {
        server->lane_count--;
    } else {
        lane->all_next = server->lanes;
        server->lanes = lane;
    }
    pthread_mutex_unlock(&server->lock);
    if (lane != NULL) {
        lane_listen(lane);
    }
}

static void
on_replied(void *arg)
{
    struct rpc_lane *lane = arg;

    if (nng_aio_result(lane->send) != 0) {
        nng_msg_free(nng_aio_get_msg(lane->send));
        nng_aio_set_msg(lane->send, NULL);
    }
    lane_listen(lane);
}

/* --- the queue (under the lock) ------------------------------------------------------------ */

void
rpc__job_unlink(struct rpc_server *server, struct job *job)
{
    job->prev->next = job->next;
    job->next->prev = job->prev;
    server->stats.queued--;
}

void
rpc__job_free(struct rpc_server *server, struct job *job)
{
    rpc_session_end(server->sessions, job->session);
    rpc_slab_unref(job->slab);
    free(job);
}

static void
job_push(struct rpc_server *server, struct job *job)
{
    job->next = &server->queue;
    job->prev = server->queue.prev;
    job->prev->next = job;
    server->queue.prev = job;
    server->stats.queued++;
    rpc_session_begin(job->session);
}

static void
withdraw(struct rpc_server *server, const struct rpc_session *session, uint32_t id)
{
    for (struct job *job = server->queue.next; job != &server->queue; job = job->next) {
        if (job->session == session && job->id == id) {
            rpc__job_unlink(server, job);
            server->stats.expired++;
            rpc__job_free(server, job);
            return;
        }
    }
}

static void
refuse(struct rpc_server *server, struct rpc_session *session, uint32_t id, enum rpc_fixed why,
       int64_t now_us)
{
    char text[RPC_FIXED_MAX];

    server->stats.refused++;
    (void)rpc_session_answer(server->sessions, session, id, rpc_fixed_answer(why, text), now_us);
}

static void
accept_call(struct rpc_server *server, struct rpc_session *session, struct rpc_slab *slab,
            uint32_t id, struct str wire, int64_t now_us)
{
    struct job *job = NULL;

    server->stats.calls++;
    if (server->is_draining) {
        refuse(server, session, id, RPC_FIXED_DRAINING, now_us);
        return;
    }
    if (server->stats.queued < server->cfg.queue_max) {
        job = calloc(1, sizeof(*job));
    }
    if (job == NULL) {
        refuse(server, session, id, RPC_FIXED_QUEUE_FULL, now_us);
        return;
    }
    *job = (struct job){.session = session, .slab = slab, .id = id, .wire = wire};
    rpc_slab_ref(slab);
    job_push(server, job);
}

bool
rpc__is_flush_due(const struct rpc_server *server, const struct rpc_session *session,
                  int64_t now_us)
{
    return server->queue.next == &server->queue || rpc_session_ready(session) >= FLUSH_ANSWERS ||
           rpc_session_ready_us(session, now_us) >= FLUSH_US;
}

/* --- a frame arrives ----------------------------------------------------------------------- */

static bool
take_frame(struct rpc_server *server, struct rpc_lane *lane, struct rpc_slab *slab,
           struct rpc_frame *frame, struct rpc_sends *sends)
{
    uint32_t pipe = nng_msg_get_pipe(slab->msg).id;
    int64_t now_us = clk_mono_us();
    uint32_t id;
    struct str body;

    struct rpc_session *session = rpc_session_get(server->sessions, frame->session, pipe);
    if (session == NULL) {
        return false;
    }
    server->stats.frames_in++;
    while (rpc_frame_next(frame, &id, &body)) {
        if (body.n == 0) {
            withdraw(server, session, id);
        } else {
            accept_call(server, session, slab, id, body, now_us);
        }
    }
    int held = rpc_session_hold(session, lane, now_us);
    if (held > HELD_MAX || server->lane_count >= LANES_MAX) {
        (void)rpc_sessions_tick(server->sessions, now_us, 0, 0, 0, sends);
    } else if (held > 1) {
        rpc__want_tick(server);
    }
    if ((frame->flags & RPC_FRAME_LEAVING) != 0) {
        rpc_session_release(server->sessions, session, sends);
    }
    if (rpc__is_flush_due(server, session, now_us)) {
        (void)rpc_sessions_flush(server->sessions, sends);
    } else {
        rpc__want_tick(server);
    }
    if (server->stats.queued > 0 && server->idle > 0) {
        pthread_cond_signal(&server->work);
    }
    return true;
}

static void
on_received(void *arg)
{
    struct rpc_lane *lane = arg;
    struct rpc_server *server = lane->server;
    struct rpc_sends sends = {.n = 0};
    struct rpc_frame frame;
    int rv = nng_aio_result(lane->recv);
    nng_msg *msg = rv == 0 ? nng_aio_get_msg(lane->recv) : NULL;

    nng_aio_set_msg(lane->recv, NULL);
    pthread_mutex_lock(&server->lock);
    server->listening--;
    pthread_mutex_unlock(&server->lock);
    if (rv == NNG_ECLOSED || rv == NNG_ECANCELED) {
        return;
    }
    nng_pipe pipe = msg == NULL ? (nng_pipe)NNG_PIPE_INITIALIZER : nng_msg_get_pipe(msg);
    struct rpc_slab *slab = msg == NULL ? NULL : rpc_slab_new(msg);
    bool is_good = slab != NULL && rpc_frame_parse(rpc_msg_str(slab->msg), &frame) == RC_OK;
    if (is_good) {
        pthread_mutex_lock(&server->lock);
        is_good = take_frame(server, lane, slab, &frame, &sends);
        pthread_mutex_unlock(&server->lock);
    }
    rpc__sends_go(&sends);
    rpc_slab_unref(slab);
    if (!is_good) {
        (void)nng_pipe_close(pipe);
        lane_listen(lane);
    }
    rpc__lanes_top_up(server);
}

void
rpc__server_on_pipe(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    struct rpc_server *server = arg;
    struct rpc_lane *lanes = NULL;

    pthread_mutex_lock(&server->lock);
    atomic_fetch_add(&server->added, event == NNG_PIPE_EV_ADD_POST);
    server->pipes += event == NNG_PIPE_EV_ADD_POST ? 1 : -1;
    if (event == NNG_PIPE_EV_REM_POST) {
        for (struct job *next, *job = server->queue.next; job != &server->queue; job = next) {
            next = job->next;
            if (rpc_session_pipe(job->session) == pipe.id) {
                rpc__job_unlink(server, job);
                server->stats.expired++;
                rpc__job_free(server, job);
            }
        }
        lanes = rpc_sessions_lose(server->sessions, pipe.id);
    }
    pthread_mutex_unlock(&server->lock);
    while (lanes != NULL) {
        struct rpc_lane *next = lanes->link.next;
        lane_listen(lanes);
        lanes = next;
    }
}
