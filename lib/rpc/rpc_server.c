/* SPDX-License-Identifier: Apache-2.0
 *
 * Frames come in on REP contexts ("lanes"), whose callbacks only queue the calls; `workers` threads
 * run the handlers. An answer is appended to its client's reply frame, and that leaves
 *   - at once when nothing else is queued: an idle call costs no more than plain REQ/REP;
 *   - else after FLUSH_ANSWERS answers or FLUSH_US, so that one message and one wake-up serve many;
 *   - before a worker starts a method that is known to be slow;
 *   - when the ticker finds it (every millisecond while something is put off).
 * A frame is held until there is an answer to carry. The ticker sends spare ones back, so that a
 * client whose calls are all slow never runs out of frames.
 *
 * One lock guards queue, sessions and lanes; nothing blocks or sends under it. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rpc/rpc_exec.h"
#include "rpc/rpc_guard.h"
#include "rpc/rpc_session.h"

#define FLUSH_ANSWERS 16
#define FLUSH_US 500
#define SLOW_US 2000 /* a method that usually takes longer does not start over waiting answers */
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

static void on_received(void *arg);
static void on_replied(void *arg);

struct rpc_lane_link *
rpc_lane_link(struct rpc_lane *lane)
{
    return &lane->link;
}

static void
sends_go(struct rpc_sends *sends)
{
    for (int i = 0; i < sends->n; i++) {
        struct rpc_lane *lane = sends->v[i].lane;
        nng_aio_set_msg(lane->send, sends->v[i].msg);
        nng_ctx_send(lane->ctx, lane->send);
    }
    sends->n = 0;
}

/* Sends with the lock released; it is held again afterwards. */
static void
sends_go_unlocked(struct rpc_server *server, struct rpc_sends *sends)
{
    if (sends->n > 0) {
        pthread_mutex_unlock(&server->lock);
        sends_go(sends);
        pthread_mutex_lock(&server->lock);
    }
}

static void
want_tick(struct rpc_server *server)
{
    if (!server->is_ticking) {
        server->is_ticking = true;
        pthread_cond_signal(&server->tick);
    }
}

/* --- lanes --------------------------------------------------------------------------------- */

static void
lane_free(struct rpc_lane *lane)
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
        lane_free(lane);
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

/* Adds a lane when few are left to listen. */
static void
lanes_top_up(struct rpc_server *server)
{
    pthread_mutex_lock(&server->lock);
    bool is_short = server->listening < LISTENING_MIN && server->lane_count < LANES_MAX &&
                    !server->is_stopping;
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

static void
job_unlink(struct rpc_server *server, struct job *job)
{
    job->prev->next = job->next;
    job->next->prev = job->prev;
    server->stats.queued--;
}

static void
job_free(struct rpc_server *server, struct job *job)
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
            job_unlink(server, job);
            server->stats.expired++;
            job_free(server, job);
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

static bool
is_flush_due(const struct rpc_server *server, const struct rpc_session *session, int64_t now_us)
{
    return server->queue.next == &server->queue ||
           rpc_session_ready(session) >= FLUSH_ANSWERS ||
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
    int held = rpc_session_hold(server->sessions, session, lane, now_us);
    if (held > HELD_MAX || server->lane_count >= LANES_MAX) {
        (void)rpc_sessions_tick(server->sessions, now_us, 0, 0, sends);
    } else if (held > 1) {
        want_tick(server);
    }
    if (is_flush_due(server, session, now_us)) {
        (void)rpc_sessions_flush(server->sessions, sends);
    } else {
        want_tick(server);
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
    sends_go(&sends);
    rpc_slab_unref(slab);
    if (!is_good) {
        (void)nng_pipe_close(pipe);
        lane_listen(lane);
    }
    lanes_top_up(server);
}

static void
on_pipe(nng_pipe pipe, nng_pipe_ev event, void *arg)
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
                job_unlink(server, job);
                server->stats.expired++;
                job_free(server, job);
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

/* --- workers ------------------------------------------------------------------------------- */

/* Sends what answers wait before a slow handler starts. */
static void
flush_before(struct rpc_server *server, const struct rpc_exec *exec)
{
    struct rpc_sends sends = {.n = 0};

    if (exec->known == NULL || atomic_load(&exec->known->usual_us) < SLOW_US) {
        return;
    }
    pthread_mutex_lock(&server->lock);
    (void)rpc_sessions_flush(server->sessions, &sends);
    pthread_mutex_unlock(&server->lock);
    sends_go(&sends);
}

/* The call is over: its answer waits for a frame, or leaves. */
static void
complete(struct rpc_server *server, struct job *job, struct str answer, bool is_expired)
{
    struct rpc_sends sends = {.n = 0};
    int64_t now_us = clk_mono_us();

    pthread_mutex_lock(&server->lock);
    server->running--;
    server->stats.expired += is_expired;
    (void)rpc_session_answer(server->sessions, job->session, job->id, answer, now_us);
    if (!rpc_session_is_gone(job->session) && !is_flush_due(server, job->session, now_us)) {
        want_tick(server);
    } else {
        (void)rpc_sessions_flush(server->sessions, &sends);
    }
    job_free(server, job);
    pthread_mutex_unlock(&server->lock);
    sends_go(&sends);
}

static void
run_job(struct rpc_server *server, struct rpc_exec *exec, struct job *job)
{
    bool is_expired = false;
    struct str answer = rpc_exec_run(exec, &server->cfg, &is_expired);

    complete(server, job, answer, is_expired);
}

/* A long poll and its own thread. */
struct wait {
    struct rpc_server *server;
    struct job *job;
    struct rpc_exec exec;
};

static void *
wait_main(void *arg)
{
    struct wait *wait = arg;
    struct rpc_server *server = wait->server;

    run_job(server, &wait->exec, wait->job);
    arena_free(wait->exec.arena);
    free(wait);
    pthread_mutex_lock(&server->lock);
    server->waits--;
    pthread_cond_broadcast(&server->work);
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

static bool
wait_spawn(struct rpc_server *server, struct job *job)
{
    struct wait *wait = calloc(1, sizeof(*wait));
    pthread_attr_t attr;
    pthread_t thread;

    if (wait == NULL || (wait->exec.arena = arena_new(server->cfg.arena_max)) == NULL) {
        free(wait);
        return false;
    }
    wait->server = server;
    wait->job = job;
    rpc_exec_prepare(&wait->exec, &server->book, job->wire);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    bool is_started = pthread_create(&thread, &attr, wait_main, wait) == 0;
    pthread_attr_destroy(&attr);
    if (!is_started) {
        arena_free(wait->exec.arena);
        free(wait);
    }
    return is_started;
}

/* Gives a call that waits to a thread of its own, or refuses it. */
static void
start_wait(struct rpc_server *server, struct job *job)
{
    char text[RPC_FIXED_MAX];

    pthread_mutex_lock(&server->lock);
    bool is_room = server->waits < WAITS_MAX && !server->is_stopping;
    server->waits += is_room;
    pthread_mutex_unlock(&server->lock);
    if (is_room && wait_spawn(server, job)) {
        return;
    }
    pthread_mutex_lock(&server->lock);
    server->waits -= is_room;
    server->stats.refused++;
    pthread_mutex_unlock(&server->lock);
    complete(server, job, rpc_fixed_answer(RPC_FIXED_QUEUE_FULL, text), false);
}

/* Runs one call; the lock is held before and after. */
static void
work_on(struct rpc_server *server, struct rpc_exec *exec, struct job *job)
{
    pthread_mutex_unlock(&server->lock);
    rpc_exec_prepare(exec, &server->book, job->wire);
    if (exec->known != NULL && exec->known->method->waits) {
        start_wait(server, job);
    } else {
        flush_before(server, exec);
        run_job(server, exec, job);
    }
    arena_reset(exec->arena);
    pthread_mutex_lock(&server->lock);
}

static struct job *
next_job(struct rpc_server *server)
{
    while (server->queue.next == &server->queue && !server->is_stopping) {
        server->idle++;
        pthread_cond_wait(&server->work, &server->lock);
        server->idle--;
    }
    if (server->is_stopping) {
        return NULL;
    }
    struct job *job = server->queue.next;
    job_unlink(server, job);
    server->running++;
    if (server->stats.queued > 0 && server->idle > 0) {
        pthread_cond_signal(&server->work);
    }
    return job;
}

static void *
worker_main(void *arg)
{
    struct rpc_server *server = arg;
    struct rpc_exec exec = {.arena = arena_new(server->cfg.arena_max)};

    ASSERT(exec.arena != NULL);
    pthread_mutex_lock(&server->lock);
    for (struct job *job = next_job(server); job != NULL; job = next_job(server)) {
        work_on(server, &exec, job);
    }
    pthread_mutex_unlock(&server->lock);
    arena_free(exec.arena);
    return NULL;
}

/* --- the ticker ---------------------------------------------------------------------------- */

static void
tick_wait(struct rpc_server *server, int64_t wait_us)
{
    int64_t at_us = clk_mono_us() + wait_us;
    struct timespec at = {.tv_sec = at_us / ASSAY_US_PER_S,
                          .tv_nsec = at_us % ASSAY_US_PER_S * 1000};

    (void)pthread_cond_timedwait(&server->tick, &server->lock, &at);
}

static void *
ticker_main(void *arg)
{
    struct rpc_server *server = arg;
    int idle = 0;

    pthread_mutex_lock(&server->lock);
    while (!server->is_stopping) {
        struct rpc_sends sends = {.n = 0};
        int64_t keep_us = server->is_draining ? 0 : KEEP_US;
        bool is_busy = rpc_sessions_tick(server->sessions, clk_mono_us(), SPARE_US, keep_us, &sends);
        idle = is_busy || server->is_draining ? 0 : idle + 1;
        server->is_ticking = idle < IDLE_TICKS;
        sends_go_unlocked(server, &sends);
        if (!server->is_stopping) {
            tick_wait(server, server->is_ticking ? TICK_US : ASSAY_US_PER_S);
        }
    }
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

/* --- life ---------------------------------------------------------------------------------- */

static struct rpc_server *
server_alloc(const struct rpc_server_cfg *cfg)
{
    struct rpc_server *server = calloc(1, sizeof(*server));
    pthread_condattr_t attr;

    if (server == NULL) {
        return NULL;
    }
    server->cfg = *cfg;
    server->queue.next = server->queue.prev = &server->queue;
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->work, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&server->tick, &attr);
    pthread_condattr_destroy(&attr);
    server->sessions = rpc_sessions_new(RPC_FRAME_MAX(cfg->message_max));
    server->threads = calloc((size_t)cfg->workers, sizeof(*server->threads));
    return server;
}

static enum rc
start_threads(struct rpc_server *server)
{
    if (pthread_create(&server->ticker, NULL, ticker_main, server) != 0) {
        return RC_UNAVAILABLE;
    }
    server->has_ticker = true;
    while (server->thread_count < server->cfg.workers) {
        if (pthread_create(&server->threads[server->thread_count], NULL, worker_main, server)) {
            return RC_UNAVAILABLE;
        }
        server->thread_count++;
    }
    return RC_OK;
}

static enum rc
server_open(struct rpc_server *server, enum rpc_scheme scheme, const char **out_why)
{
    *out_why = "out of memory, threads, or two methods with the same id";
    if (server->sessions == NULL || server->threads == NULL ||
        rpc_book_init(&server->book, &server->cfg) != RC_OK || start_threads(server) != RC_OK) {
        return RC_UNAVAILABLE;
    }
    enum rc rc = rpc_bind(RPC_FRAME_MAX(server->cfg.message_max), on_pipe, server, &server->sock,
                          out_why);
    if (rc != RC_OK) {
        return rc;
    }
    server->has_sock = true;
    for (int i = 0; i < LISTENING_MIN; i++) {
        lanes_top_up(server);
    }
    rc = rpc_listen(server->sock, server->cfg.listen, scheme, &server->cfg.tls, out_why);
    if (rc != RC_OK || scheme != RPC_IPC) {
        return rc;
    }
    *out_why = "no thread to guard the listener";
    return rpc_guard_start(server->sock, server->cfg.listen, &server->added, &server->guard);
}

enum rc
rpc_server_start(const struct rpc_server_cfg *cfg, struct rpc_server **out, const char **out_why)
{
    enum rpc_scheme scheme;

    ASSERT(cfg->workers > 0 && cfg->queue_max > 0 && cfg->message_max > 0 && cfg->arena_max > 0);
    if (rpc_url_check(cfg->listen, &cfg->tls, cfg->allow_plain_tcp, &scheme, out_why) != RC_OK) {
        return RC_UNAVAILABLE;
    }
    struct rpc_server *server = server_alloc(cfg);
    if (server == NULL) {
        *out_why = "out of memory";
        return RC_UNAVAILABLE;
    }
    enum rc rc = server_open(server, scheme, out_why);
    if (rc != RC_OK) {
        rpc_server_free(server);
        return rc;
    }
    *out = server;
    return RC_OK;
}

/* Clients close their connection once they know that we drain and have all their answers. */
static bool
is_drained(const struct rpc_server *server, int64_t *quiet_since_us)
{
    int64_t now_us = clk_mono_us();
    bool is_quiet = server->stats.queued == 0 && server->running == 0 &&
                    rpc_sessions_waiting(server->sessions) == 0;

    *quiet_since_us = !is_quiet ? INT64_MAX : *quiet_since_us == INT64_MAX ? now_us
                                                                          : *quiet_since_us;
    return is_quiet && (server->pipes == 0 || now_us - *quiet_since_us > DRAIN_GRACE_US);
}

void
rpc_server_drain(struct rpc_server *server, int64_t deadline_us)
{
    int64_t quiet_since_us = INT64_MAX;
    struct timespec pause = {.tv_nsec = 2 * 1000 * 1000};

    rpc_guard_stop(server->guard);
    server->guard = NULL;
    pthread_mutex_lock(&server->lock);
    server->is_draining = true;
    rpc_sessions_drain(server->sessions);
    want_tick(server);
    while (!is_drained(server, &quiet_since_us) && clk_wall_us() < deadline_us) {
        pthread_mutex_unlock(&server->lock);
        (void)nanosleep(&pause, NULL);
        pthread_mutex_lock(&server->lock);
    }
    pthread_mutex_unlock(&server->lock);
}

static void
stop_threads(struct rpc_server *server)
{
    pthread_mutex_lock(&server->lock);
    server->is_stopping = true;
    pthread_cond_broadcast(&server->work);
    pthread_cond_broadcast(&server->tick);
    pthread_mutex_unlock(&server->lock);
    for (int i = 0; i < server->thread_count; i++) {
        (void)pthread_join(server->threads[i], NULL);
    }
    if (server->has_ticker) {
        (void)pthread_join(server->ticker, NULL);
    }
    pthread_mutex_lock(&server->lock);
    while (server->waits > 0) {
        pthread_cond_wait(&server->work, &server->lock);
    }
    pthread_mutex_unlock(&server->lock);
}

static void
close_socket(struct rpc_server *server)
{
    if (!server->has_sock) {
        return;
    }
    (void)nng_close(server->sock);
    for (struct rpc_lane *lane = server->lanes; lane != NULL; lane = lane->all_next) {
        nng_aio_stop(lane->send);
        nng_aio_stop(lane->recv);
    }
    while (server->lanes != NULL) {
        struct rpc_lane *lane = server->lanes;
        server->lanes = lane->all_next;
        lane_free(lane);
    }
}

void
rpc_server_free(struct rpc_server *server)
{
    if (server == NULL) {
        return;
    }
    rpc_guard_stop(server->guard);
    stop_threads(server);
    close_socket(server);
    while (server->queue.next != &server->queue) {
        struct job *job = server->queue.next;
        job_unlink(server, job);
        job_free(server, job);
    }
    rpc_sessions_free(server->sessions);
    rpc_book_fini(&server->book);
    pthread_cond_destroy(&server->work);
    pthread_cond_destroy(&server->tick);
    pthread_mutex_destroy(&server->lock);
    free(server->threads);
    free(server);
}

void
rpc_server_stats(const struct rpc_server *server, struct rpc_server_stats *out)
{
    union {
        const struct rpc_server *shared;
        struct rpc_server *own; /* the lock is the only thing that changes */
    } s = {.shared = server};

    pthread_mutex_lock(&s.own->lock);
    *out = server->stats;
    out->in_flight = server->running;
    pthread_mutex_unlock(&s.own->lock);
}
