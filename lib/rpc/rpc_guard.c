/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/rpc_guard.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/cond.h"

#define PERIOD_US (1 * ASSAY_US_PER_S)
#define KNOCK_US (1 * ASSAY_US_PER_S)
#define STRIKES 2 /* knocks in vain, in a row: one may be a busy machine */

struct rpc_guard {
    nng_socket sock;
    const atomic_uint *added;
    char url[sizeof("ipc://") + sizeof(((struct sockaddr_un *)0)->sun_path)];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool is_stopping; /* under the lock */
    dev_t dev;        /* of our socket file */
    ino_t ino;
};

static const char *
path_of(const struct rpc_guard *guard)
{
    return guard->url + 6; /* "ipc://" */
}

static void
remember(struct rpc_guard *guard)
{
    struct stat st;

    if (lstat(path_of(guard), &st) == 0) {
        guard->dev = st.st_dev;
        guard->ino = st.st_ino;
    }
}

/* Nothing is at the path, or our own socket. */
static bool
is_ours(const struct rpc_guard *guard)
{
    struct stat st;

    return lstat(path_of(guard), &st) != 0 ||
           (S_ISSOCK(st.st_mode) && st.st_dev == guard->dev && st.st_ino == guard->ino);
}

static void
replace_listener(struct rpc_guard *guard)
{
    static const struct rpc_tls none;
    const char *why = "";

    if (!is_ours(guard)) {
        return;
    }
    (void)unlink(path_of(guard));
    if (rpc_listen(guard->sock, guard->url, RPC_IPC, &none, &why) == RC_OK) {
        remember(guard);
    } /* else: the next round tries again */
}

/* False when it is time to end. */
static bool
rest(struct rpc_guard *guard)
{
    int64_t at_us = clk_mono_us() + PERIOD_US;

    pthread_mutex_lock(&guard->lock);
    while (!guard->is_stopping && clk_mono_us() < at_us) {
        (void)cond_wait_until(&guard->wake, &guard->lock, at_us);
    }
    bool goes_on = !guard->is_stopping;
    pthread_mutex_unlock(&guard->lock);
    return goes_on;
}

/* Any new connection is proof, ours or a client's. */
static bool
is_accepting(const struct rpc_guard *guard)
{
    const struct timespec pause = {.tv_nsec = 2 * 1000 * 1000};
    int64_t end_us = clk_mono_us() + KNOCK_US;
    unsigned before = atomic_load(guard->added);

    if (!rpc_greets(path_of(guard), KNOCK_US)) {
        return false;
    }
    while (atomic_load(guard->added) == before && clk_mono_us() < end_us) {
        (void)nanosleep(&pause, NULL);
    }
    return atomic_load(guard->added) != before;
}

static void *
guard_main(void *arg)
{
    struct rpc_guard *guard = arg;
    int strikes = 0;

    while (rest(guard)) {
        strikes = is_accepting(guard) ? 0 : strikes + 1;
        if (strikes == STRIKES) {
            replace_listener(guard);
            strikes = 0;
        }
    }
    return NULL;
}

enum rc
rpc_guard_start(nng_socket sock, const char *url, const atomic_uint *added, struct rpc_guard **out)
{
    struct rpc_guard *guard = calloc(1, sizeof(*guard));

    if (guard == NULL) {
        return RC_UNAVAILABLE;
    }
    guard->sock = sock;
    guard->added = added;
    (void)snprintf(guard->url, sizeof(guard->url), "%s", url);
    remember(guard);
    pthread_mutex_init(&guard->lock, NULL);
    cond_init(&guard->wake);
    if (pthread_create(&guard->thread, NULL, guard_main, guard) != 0) {
        pthread_cond_destroy(&guard->wake);
        pthread_mutex_destroy(&guard->lock);
        free(guard);
        return RC_UNAVAILABLE;
    }
    *out = guard;
    return RC_OK;
}

static void
end_thread(struct rpc_guard *guard)
{
    pthread_mutex_lock(&guard->lock);
    guard->is_stopping = true;
    pthread_cond_signal(&guard->wake);
    pthread_mutex_unlock(&guard->lock);
    (void)pthread_join(guard->thread, NULL);
}

static void
guard_free(struct rpc_guard *guard)
{
    pthread_cond_destroy(&guard->wake);
    pthread_mutex_destroy(&guard->lock);
    free(guard);
}

void
rpc_guard_stop(struct rpc_guard *guard)
{
    if (guard != NULL) {
        end_thread(guard);
        guard_free(guard);
    }
}

void
rpc_guard_leave(struct rpc_guard *guard)
{
    if (guard == NULL) {
        return;
    }
    end_thread(guard);
    if (is_ours(guard)) {
        (void)unlink(path_of(guard));
    }
    guard_free(guard);
}
