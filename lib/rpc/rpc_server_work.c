/* SPDX-License-Identifier: Apache-2.0
 *
 * The threads that run calls. */
#include "rpc/rpc_server_int.h"

#include <stdlib.h>

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
    rpc__sends_go(&sends);
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
    if (!rpc_session_is_gone(job->session) && !rpc__is_flush_due(server, job->session, now_us)) {
        rpc__want_tick(server);
    } else {
        (void)rpc_sessions_flush(server->sessions, &sends);
    }
    rpc__job_free(server, job);
    pthread_mutex_unlock(&server->lock);
    rpc__sends_go(&sends);
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
    rpc__job_unlink(server, job);
    server->running++;
    if (server->stats.queued > 0 && server->idle > 0) {
        pthread_cond_signal(&server->work);
    }
    return job;
}

void *
rpc__worker_main(void *arg)
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
