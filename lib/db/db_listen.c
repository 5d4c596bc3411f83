/* SPDX-License-Identifier: Apache-2.0
 *
 * One thread and one plain connection per handle listen on behalf of all listeners. An eventfd
 * wakes the thread for a new listener and for the end. */
#include "db/db_int.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct db_listener {
    struct db *db;
    struct db_listener *next;
    char channel[64]; /* a Postgres identifier: 63 bytes */
    void (*fn)(void *arg, struct str payload);
    void *arg;
    bool fresh; /* LISTEN not sent on this connection */
};

struct db__listen {
    struct db *db;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows; never held while fn runs */
    pthread_cond_t idle;
    struct db_listener *list;
    struct db_listener *calling;
    bool stopping;
    int event_fd;
};

/* --- calling back -------------------------------------------------------------------------- */

/* Calls one listener without the lock, which the caller holds. */
static void
call(struct db__listen *l, struct db_listener *who, struct str payload)
{
    l->calling = who;
    (void)pthread_mutex_unlock(&l->lock);
    who->fn(who->arg, payload);
    (void)pthread_mutex_lock(&l->lock);
    l->calling = NULL;
    (void)pthread_cond_broadcast(&l->idle);
}

/* The list may change during a call, so each round looks from the start for one not yet called. */
static void
dispatch(struct db__listen *l, const PGnotify *n)
{
    struct db_listener *called[64];
    size_t count = 0;

    (void)pthread_mutex_lock(&l->lock);
    for (struct db_listener *at = l->list; at != NULL && count < ARRAY_LEN(called);) {
        bool seen = false;
        for (size_t i = 0; i < count; i++) {
            seen = seen || called[i] == at;
        }
        if (seen || strcmp(at->channel, n->relname) != 0) {
            at = at->next;
            continue;
        }
        called[count++] = at;
        call(l, at, str_z(n->extra));
        at = l->list;
    }
    (void)pthread_mutex_unlock(&l->lock);
}

/* --- the connection ------------------------------------------------------------------------ */

static bool
send_listen(PGconn *pg, const char *channel)
{
    char sql[96];

    /* Channels are made of [a-z0-9_.], so quoting is enough. */
    (void)snprintf(sql, sizeof sql, "LISTEN \"%s\"", channel);
    PGresult *res = PQexec(pg, sql);
    bool ok = PQresultStatus(res) == PGRES_COMMAND_OK;
    PQclear(res);
    return ok;
}

/* Takes one listener that is not listening yet; false when there is none. */
static bool
take_fresh(struct db__listen *l, struct db_listener **out, char channel[64])
{
    bool found = false;

    (void)pthread_mutex_lock(&l->lock);
    for (struct db_listener *at = l->list; at != NULL && !found; at = at->next) {
        if (at->fresh) {
            at->fresh = false;
            memcpy(channel, at->channel, 64);
            *out = at;
            found = true;
        }
    }
    (void)pthread_mutex_unlock(&l->lock);
    return found;
}

static void
call_if_there(struct db__listen *l, const struct db_listener *who)
{
    (void)pthread_mutex_lock(&l->lock);
    for (struct db_listener *at = l->list; at != NULL; at = at->next) {
        if (at == who) {
            call(l, at, STR_EMPTY);
            break;
        }
    }
    (void)pthread_mutex_unlock(&l->lock);
}

static bool
listen_fresh(struct db__listen *l, PGconn *pg)
{
    struct db_listener *who;
    char channel[64];

    while (take_fresh(l, &who, channel)) {
        if (!send_listen(pg, channel)) {
            return false;
        }
        call_if_there(l, who);
    }
    return true;
}

static bool
is_stopping(struct db__listen *l)
{
    (void)pthread_mutex_lock(&l->lock);
    bool stopping = l->stopping;
    (void)pthread_mutex_unlock(&l->lock);
    return stopping;
}

static void
drain_event(struct db__listen *l)
{
    uint64_t n;

    (void)!read(l->event_fd, &n, sizeof n);
}

/* Serves one connection until it is lost or the thread must stop. */
static void
serve(struct db__listen *l, PGconn *pg)
{
    while (!is_stopping(l) && listen_fresh(l, pg)) {
        PGnotify *n;
        while ((n = PQnotifies(pg)) != NULL) {
            dispatch(l, n);
            PQfreemem(n);
        }
        struct pollfd fds[] = {{.fd = PQsocket(pg), .events = POLLIN},
                               {.fd = l->event_fd, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR) {
            return;
        }
        if (fds[1].revents != 0) {
            drain_event(l);
        }
        if (fds[0].revents != 0 && (!PQconsumeInput(pg) || PQstatus(pg) != CONNECTION_OK)) {
            return;
        }
    }
}

static void
pause_before_retry(struct db__listen *l, int fails)
{
    struct pollfd fd = {.fd = l->event_fd, .events = POLLIN};

    (void)poll(&fd, 1, (int)(db__backoff_us(fails) / 1000));
    drain_event(l);
}

static void
mark_all_fresh(struct db__listen *l)
{
    (void)pthread_mutex_lock(&l->lock);
    for (struct db_listener *at = l->list; at != NULL; at = at->next) {
        at->fresh = true;
    }
    (void)pthread_mutex_unlock(&l->lock);
}

static void *
listen_main(void *arg)
{
    struct db__listen *l = arg;
    struct arena *arena = arena_new(64 * 1024);
    int fails = 0;

    ASSERT(arena != NULL);
    while (!is_stopping(l)) {
        struct str why;
        arena_reset(arena);
        PGconn *pg = db__connect(l->db, 2 * ASSAY_US_PER_S, arena, &why);
        if (pg != NULL) {
            int64_t start = clk_mono_us();
            mark_all_fresh(l);
            serve(l, pg);
            PQfinish(pg);
            fails = clk_mono_us() - start > ASSAY_US_PER_S ? 0 : fails;
        }
        if (!is_stopping(l)) {
            pause_before_retry(l, fails++);
        }
    }
    arena_free(arena);
    return NULL;
}

/* --- outside ------------------------------------------------------------------------------- */

static void
wake(struct db__listen *l)
{
    uint64_t one = 1;

    (void)!write(l->event_fd, &one, sizeof one);
}

static enum rc
start_thread(struct db *db)
{
    struct db__listen *l = calloc(1, sizeof *l);

    if (l == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    l->db = db;
    l->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    (void)pthread_mutex_init(&l->lock, NULL);
    (void)pthread_cond_init(&l->idle, NULL);
    if (l->event_fd < 0 || pthread_create(&l->thread, NULL, listen_main, l) != 0) {
        if (l->event_fd >= 0) {
            (void)close(l->event_fd);
        }
        free(l);
        return RC_RESOURCE_EXHAUSTED;
    }
    db->listen = l;
    return RC_OK;
}

static bool
channel_name(const struct db *db, const char *channel, char out[64])
{
    int n = snprintf(out, 64, "%s.%s", db->schema, channel);

    for (const char *p = channel; *p != '\0'; p++) {
        if (!(*p >= 'a' && *p <= 'z') && !(*p >= '0' && *p <= '9') && *p != '_') {
            return false;
        }
    }
    return n > 0 && n < 64;
}

enum rc
db_listen(struct db *db, const char *channel, void (*fn)(void *arg, struct str payload), void *arg,
          struct db_listener **out)
{
    struct db_listener *who = calloc(1, sizeof *who);

    if (who == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    ASSERT(channel_name(db, channel, who->channel));
    who->db = db;
    who->fn = fn;
    who->arg = arg;
    who->fresh = true;
    (void)pthread_mutex_lock(&db->lock);
    enum rc rc = db->listen == NULL ? start_thread(db) : RC_OK;
    (void)pthread_mutex_unlock(&db->lock);
    if (rc != RC_OK) {
        free(who);
        return rc;
    }
    (void)pthread_mutex_lock(&db->listen->lock);
    who->next = db->listen->list;
    db->listen->list = who;
    (void)pthread_mutex_unlock(&db->listen->lock);
    wake(db->listen);
    *out = who;
    return RC_OK;
}

void
db_listener_free(struct db_listener *listener)
{
    if (listener == NULL) {
        return;
    }
    struct db__listen *l = listener->db->listen;
    (void)pthread_mutex_lock(&l->lock);
    while (l->calling == listener) {
        (void)pthread_cond_wait(&l->idle, &l->lock);
    }
    struct db_listener **at = &l->list;
    while (*at != listener) {
        at = &(*at)->next;
    }
    *at = listener->next;
    (void)pthread_mutex_unlock(&l->lock);
    free(listener);
}

void
db__listen_stop(struct db *db)
{
    struct db__listen *l = db->listen;

    if (l == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&l->lock);
    l->stopping = true;
    (void)pthread_mutex_unlock(&l->lock);
    wake(l);
    (void)pthread_join(l->thread, NULL);
    while (l->list != NULL) {
        struct db_listener *who = l->list;
        l->list = who->next;
        free(who);
    }
    (void)close(l->event_fd);
    (void)pthread_cond_destroy(&l->idle);
    (void)pthread_mutex_destroy(&l->lock);
    free(l);
    db->listen = NULL;
}

enum rc
db_notify(struct db *db, struct ctx *ctx, const char *channel, struct str payload)
{
    char name[64];

    ASSERT(channel_name(db, channel, name));
    return db__run_own(db, ctx, OWN_NOTIFY,
                       (const struct db_arg[]){DB_ARG_STR(str_z(name)), DB_ARG_STR(payload)}, 2);
}
