/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/rpc_session.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 256
#define FIRST_RESERVE ((size_t)1024)

/* A reply frame being filled. */
struct reply {
    struct reply *next;
    nng_msg *msg;
    unsigned count;
};

struct rpc_session {
    struct rpc_session *chain;       /* of the bucket */
    struct rpc_session *prev, *next; /* by last use, oldest first */
    uint64_t id;
    uint32_t pipe;
    bool is_gone;
    int calls; /* waiting or running */
    int ready; /* answers not sent */
    int64_t ready_since_us;
    int held;
    struct rpc_lane *held_first, *held_last;
    struct reply *reply_first, *reply_last;
};

struct rpc_sessions {
    size_t frame_max;
    size_t count, waiting;
    unsigned flags;
    struct rpc_session *buckets[BUCKETS];
    struct rpc_session lru; /* ring head */
};

struct rpc_sessions *
rpc_sessions_new(size_t frame_max)
{
    struct rpc_sessions *all = calloc(1, sizeof(*all));

    if (all != NULL) {
        all->frame_max = frame_max;
        all->lru.next = all->lru.prev = &all->lru;
    }
    return all;
}

static size_t
bucket_of(uint64_t id)
{
    return (size_t)(id ^ id >> 32) % BUCKETS;
}

static void
ring_remove(struct rpc_session *s)
{
    s->prev->next = s->next;
    s->next->prev = s->prev;
}

static void
ring_append(struct rpc_sessions *all, struct rpc_session *s)
{
    s->next = &all->lru;
    s->prev = all->lru.prev;
    s->prev->next = s;
    all->lru.prev = s;
}

static void
drop_replies(struct rpc_sessions *all, struct rpc_session *s)
{
    while (s->reply_first != NULL) {
        struct reply *reply = s->reply_first;
        s->reply_first = reply->next;
        nng_msg_free(reply->msg);
        free(reply);
    }
    s->reply_last = NULL;
    all->waiting -= (size_t)s->ready;
    s->ready = 0;
}

static void
session_free(struct rpc_sessions *all, struct rpc_session *s)
{
    struct rpc_session **at = &all->buckets[bucket_of(s->id)];

    while (*at != s) {
        at = &(*at)->chain;
    }
    *at = s->chain;
    ring_remove(s);
    drop_replies(all, s);
    all->count--;
    free(s);
}

void
rpc_sessions_free(struct rpc_sessions *all)
{
    while (all != NULL && all->lru.next != &all->lru) {
        session_free(all, all->lru.next);
    }
    free(all);
}

/* Makes room by forgetting the session that was idle for longest. */
static bool
make_room(struct rpc_sessions *all)
{
    if (all->count < RPC_SESSIONS_MAX) {
        return true;
    }
    for (struct rpc_session *s = all->lru.next; s != &all->lru; s = s->next) {
        if (s->calls == 0 && s->ready == 0 && s->held == 0) {
            session_free(all, s);
            return true;
        }
    }
    return false;
}

struct rpc_session *
rpc_session_get(struct rpc_sessions *all, uint64_t id, uint32_t pipe)
{
    struct rpc_session **bucket = &all->buckets[bucket_of(id)];

    for (struct rpc_session *s = *bucket; s != NULL; s = s->chain) {
        if (s->id == id && s->pipe == pipe && !s->is_gone) {
            ring_remove(s);
            ring_append(all, s);
            return s;
        }
    }
    struct rpc_session *s = make_room(all) ? calloc(1, sizeof(*s)) : NULL;
    if (s != NULL) {
        s->id = id;
        s->pipe = pipe;
        s->chain = *bucket;
        *bucket = s;
        ring_append(all, s);
        all->count++;
    }
    return s;
}

void
rpc_session_begin(struct rpc_session *s)
{
    s->calls++;
}

void
rpc_session_end(struct rpc_sessions *all, struct rpc_session *s)
{
    if (--s->calls == 0 && s->is_gone) {
        session_free(all, s);
    }
}

bool
rpc_session_is_gone(const struct rpc_session *s)
{
    return s->is_gone;
}

uint32_t
rpc_session_pipe(const struct rpc_session *s)
{
    return s->pipe;
}

/* --- frames -------------------------------------------------------------------------------- */

int
rpc_session_hold(struct rpc_session *s, struct rpc_lane *lane, int64_t now_us)
{
    struct rpc_lane_link *link = rpc_lane_link(lane);

    *link = (struct rpc_lane_link){.since_us = now_us};
    if (s->held_first == NULL) {
        s->held_first = lane;
    } else {
        rpc_lane_link(s->held_last)->next = lane;
    }
    s->held_last = lane;
    return ++s->held;
}

static struct rpc_lane *
take_lane(struct rpc_session *s)
{
    struct rpc_lane *lane = s->held_first;

    s->held_first = rpc_lane_link(lane)->next;
    s->held--;
    return lane;
}

static struct reply *
reply_new(struct rpc_session *s)
{
    struct reply *reply = calloc(1, sizeof(*reply));

    if (reply == NULL || nng_msg_alloc(&reply->msg, RPC_FRAME_HEAD) != 0) {
        free(reply);
        return NULL;
    }
    (void)nng_msg_reserve(reply->msg, FIRST_RESERVE);
    if (s->reply_first == NULL) {
        s->reply_first = reply;
    } else {
        s->reply_last->next = reply;
    }
    s->reply_last = reply;
    return reply;
}

/* The reply frame with room for `n` more bytes. */
static struct reply *
reply_for(struct rpc_session *s, size_t n)
{
    struct reply *reply = s->reply_last;

    if (s->reply_first == NULL || reply->count == RPC_FRAME_CALLS_MAX ||
        nng_msg_len(reply->msg) + n > RPC_FRAME_FULL) {
        reply = reply_new(s);
    }
    if (reply != NULL && nng_msg_len(reply->msg) + n > nng_msg_capacity(reply->msg) &&
        nng_msg_reserve(reply->msg, 2 * (nng_msg_len(reply->msg) + n)) != 0) {
        return NULL;
    }
    return reply;
}

bool
rpc_session_answer(struct rpc_sessions *all, struct rpc_session *s, uint32_t id, struct str body,
                   int64_t now_us)
{
    char head[RPC_FRAME_ENTRY];
    struct reply *reply = s->is_gone ? NULL : reply_for(s, RPC_FRAME_ENTRY + body.n);

    if (reply == NULL) {
        return false;
    }
    rpc_frame_put_entry(head, id, body.n);
    if (nng_msg_append(reply->msg, head, sizeof(head)) != 0) {
        return false;
    }
    if (nng_msg_append(reply->msg, body.p, body.n) != 0) {
        (void)nng_msg_chop(reply->msg, sizeof(head));
        return false;
    }
    reply->count++;
    all->waiting++;
    s->ready_since_us = s->ready++ == 0 ? now_us : s->ready_since_us;
    return true;
}

int
rpc_session_ready(const struct rpc_session *s)
{
    return s->ready;
}

int64_t
rpc_session_ready_us(const struct rpc_session *s, int64_t now_us)
{
    return s->ready == 0 ? 0 : now_us - s->ready_since_us;
}

/* --- sending ------------------------------------------------------------------------------- */

static void
sends_add(struct rpc_sends *sends, struct rpc_lane *lane, nng_msg *msg)
{
    sends->v[sends->n].lane = lane;
    sends->v[sends->n++].msg = msg;
}

/* One frame goes back, with the oldest answers if there are any. */
static bool
give_back(struct rpc_sessions *all, struct rpc_session *s, struct rpc_sends *sends)
{
    struct reply *reply = s->reply_first == NULL ? reply_new(s) : s->reply_first;

    if (reply == NULL || sends->n == RPC_SENDS_MAX) {
        return false;
    }
    rpc_frame_put_head(nng_msg_body(reply->msg), s->id, all->flags, reply->count);
    sends_add(sends, take_lane(s), reply->msg);
    s->reply_first = reply->next;
    s->ready -= (int)reply->count;
    all->waiting -= reply->count;
    free(reply);
    return true;
}

static bool
flush_one(struct rpc_sessions *all, struct rpc_session *s, struct rpc_sends *sends)
{
    while (s->ready > 0 && s->held > 0) {
        if (!give_back(all, s, sends)) {
            return false;
        }
    }
    return true;
}

bool
rpc_sessions_flush(struct rpc_sessions *all, struct rpc_sends *sends)
{
    if (all->waiting == 0) {
        return true;
    }
    for (struct rpc_session *s = all->lru.next; s != &all->lru; s = s->next) {
        if (!flush_one(all, s, sends)) {
            return false;
        }
    }
    return true;
}

static bool
is_overdue(const struct rpc_session *s, int64_t now_us, int64_t spare_us, int64_t keep_us)
{
    int64_t age = now_us - rpc_lane_link(s->held_first)->since_us;

    return age >= keep_us || (s->held > 1 && age >= spare_us);
}

bool
rpc_sessions_tick(struct rpc_sessions *all, int64_t now_us, int64_t flush_us, int64_t spare_us,
                  int64_t keep_us, struct rpc_sends *sends)
{
    bool is_busy = false;

    for (struct rpc_session *s = all->lru.next; s != &all->lru; s = s->next) {
        if (rpc_session_ready_us(s, now_us) >= flush_us) {
            (void)flush_one(all, s, sends);
        }
        while (s->held > 0 && is_overdue(s, now_us, spare_us, keep_us) &&
               give_back(all, s, sends)) {
        }
        is_busy = is_busy || s->held > 1 || (s->held > 0 && s->ready > 0);
    }
    return is_busy;
}

void
rpc_session_release(struct rpc_sessions *all, struct rpc_session *s, struct rpc_sends *sends)
{
    while (s->held > 0 && give_back(all, s, sends)) {
    }
}

struct rpc_lane *
rpc_sessions_lose(struct rpc_sessions *all, uint32_t pipe)
{
    struct rpc_lane *lanes = NULL;

    for (struct rpc_session *next, *s = all->lru.next; s != &all->lru; s = next) {
        next = s->next;
        if (s->pipe != pipe || s->is_gone) {
            continue;
        }
        while (s->held > 0) {
            struct rpc_lane *lane = take_lane(s);
            rpc_lane_link(lane)->next = lanes;
            lanes = lane;
        }
        s->is_gone = true;
        drop_replies(all, s);
        if (s->calls == 0) {
            session_free(all, s);
        }
    }
    return lanes;
}

size_t
rpc_sessions_waiting(const struct rpc_sessions *all)
{
    return all->waiting;
}

void
rpc_sessions_drain(struct rpc_sessions *all)
{
    all->flags |= RPC_FRAME_DRAINING;
}
