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
#include "rpc/rpc_server_int.h"

#include <stdlib.h>
#include <time.h>

#include "base/cond.h"

/* --- the ticker ---------------------------------------------------------------------------- */

static void
tick_wait(struct rpc_server *server, int64_t wait_us)
{

    (void)cond_wait_until(&server->tick, &server->lock, clk_mono_us() + wait_us);
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
        bool is_busy =
            rpc_sessions_tick(server->sessions, clk_mono_us(), FLUSH_US, SPARE_US, keep_us, &sends);
        idle = is_busy || server->is_draining ? 0 : idle + 1;
        server->is_ticking = idle < IDLE_TICKS;
        rpc__sends_go_unlocked(server, &sends);
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

    if (server == NULL) {
        return NULL;
    }
    server->cfg = *cfg;
    server->queue.next = server->queue.prev = &server->queue;
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->work, NULL);
    cond_init(&server->tick);
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
        if (pthread_create(&server->threads[server->thread_count], NULL, rpc__worker_main,
                           server)) {
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
    enum rc rc = rpc_bind(RPC_FRAME_MAX(server->cfg.message_max), rpc__server_on_pipe, server,
                          &server->sock, out_why);
    if (rc != RC_OK) {
        return rc;
    }
    server->has_sock = true;
    for (int i = 0; i < LISTENING_MIN; i++) {
        rpc__lanes_top_up(server);
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

    *quiet_since_us = !is_quiet                      ? INT64_MAX
                      : *quiet_since_us == INT64_MAX ? now_us
                                                     : *quiet_since_us;
    return is_quiet && (server->pipes == 0 || now_us - *quiet_since_us > DRAIN_GRACE_US);
}

void
rpc_server_drain(struct rpc_server *server, int64_t deadline_us)
{
    int64_t quiet_since_us = INT64_MAX;
    struct timespec pause = {.tv_nsec = 2 * 1000 * 1000};

    rpc_guard_leave(server->guard);
    server->guard = NULL;
    pthread_mutex_lock(&server->lock);
    server->is_draining = true;
    rpc_sessions_drain(server->sessions);
    rpc__want_tick(server);
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

/* Waits until no frame comes, see RPC_SETTLE_US. */
static void
let_settle(struct rpc_server *server)
{
    const struct timespec pause = {.tv_nsec = 2 * 1000 * 1000};
    struct rpc_server_stats now, before = {.frames_in = 0};
    int64_t began_us = clk_mono_us(), quiet_us = began_us, now_us = began_us;
    int pipes = 1;

    while (pipes > 0 && now_us - quiet_us < RPC_SETTLE_US &&
           now_us - began_us < RPC_SETTLE_MAX_US) {
        (void)nanosleep(&pause, NULL);
        now_us = clk_mono_us();
        pthread_mutex_lock(&server->lock);
        now = server->stats;
        pipes = server->pipes;
        pthread_mutex_unlock(&server->lock);
        quiet_us = now.frames_in == before.frames_in ? quiet_us : now_us;
        before = now;
    }
}

static void
close_socket(struct rpc_server *server)
{
    if (!server->has_sock) {
        return;
    }
    let_settle(server);
    (void)nng_close(server->sock);
    for (struct rpc_lane *lane = server->lanes; lane != NULL; lane = lane->all_next) {
        nng_aio_stop(lane->send);
        nng_aio_stop(lane->recv);
    }
    while (server->lanes != NULL) {
        struct rpc_lane *lane = server->lanes;
        server->lanes = lane->all_next;
        rpc__lane_free(lane);
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
        rpc__job_unlink(server, job);
        rpc__job_free(server, job);
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
