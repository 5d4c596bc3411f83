/* SPDX-License-Identifier: Apache-2.0
 *
 * Wake-ups are the cost of a call (four fifths of the processor time of a small one), so they are
 * shared: a link has LANES contexts, each of which carries one frame at a time. A call leaves at
 * once when a lane is free; while all are at the server calls queue up and leave together when one
 * returns. Answers travel in whichever frame returns first, not in the one that brought their call;
 * while calls are outstanding at least one lane is kept at the server, with an empty frame if need
 * be. A caller is woken exactly once; riders sleep on one futex.
 *
 * Sending first tries NNG's "poll" (a time-out of zero): it completes at once when the connection
 * is not just writing, which spares a round through NNG's task threads. Only then the lane's own
 * aio waits in line (LANE_QUEUED). A receive is never submitted before the send is done: NNG 1.5
 * does not survive that.
 *
 * A read rides on an equal one that is still queued (docs/decisions/0006-shared-reads.md): it has
 * no place of its own, and ends with its carrier.
 *
 * An epoch is the life of one connection. Its end fails exactly the calls that were at that server;
 * calls of a frame that never left are UNSENT. */
#include "rpc/rpc_link_int.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/id.h"

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
        rv = rv != 0 ? rv : nng_aio_alloc(&lane->aio, rpc__on_lane, lane);
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
    pthread_rwlock_init(&link->gate, NULL);
    rpc__calls_init(&link->queue);
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
        pthread_rwlock_destroy(&link->gate);
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
    enum rc rc = rpc_dial(link->url, &cfg->tls, RPC_FRAME_MAX(cfg->message_max), rpc__link_on_pipe,
                          link, &link->sock, out_why);
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

static bool
has_frames_away(struct rpc_link *link)
{
    bool is_away = false;

    pthread_mutex_lock(&link->lock);
    for (int i = 0; i < LANES; i++) {
        is_away = is_away || link->lanes[i].state != LANE_FREE;
    }
    pthread_mutex_unlock(&link->lock);
    return is_away && atomic_load(&link->connected);
}

/* Waits until all frames are back, so that nothing more can arrive: see RPC_SETTLE_MAX_US. */
static void
let_settle(struct rpc_link *link)
{
    const struct timespec pause = {.tv_nsec = 1000 * 1000};
    int64_t end_us = clk_mono_us() + RPC_SETTLE_MAX_US;

    for (bool was_asked = false; has_frames_away(link) && clk_mono_us() < end_us;) {
        struct outbox box = {0};
        pthread_mutex_lock(&link->lock);
        was_asked = was_asked || rpc__ask_back(link, &box);
        pthread_mutex_unlock(&link->lock);
        rpc__outbox_send(&box);
        (void)nanosleep(&pause, NULL);
    }
}

void
rpc_link_shutdown(struct rpc_link *link)
{
    struct call_list finished;

    rpc__calls_init(&finished);
    pthread_mutex_lock(&link->lock);
    bool was_closed = link->closed;
    link->closed = true;
    atomic_store(&link->retired, true);
    rpc__end_queue(link, &finished);
    rpc__end_sent(link, link->epoch, -1, RPC_LOST, &finished);
    pthread_mutex_unlock(&link->lock);
    rpc__calls_finish(&finished);
    if (!was_closed) {
        let_settle(link);
        pthread_rwlock_wrlock(&link->gate);
        link->is_shut = true;
        pthread_rwlock_unlock(&link->gate);
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
    if (rpc__ride(link, call)) {
        atomic_fetch_add(&link->load, 1);
        return RPC_ANSWERED;
    }
    if (link->free_count == 0) {
        return RPC_FULL;
    }
    rpc__slot_take(link, call);
    rpc__calls_push(&link->queue, call);
    atomic_fetch_add(&link->load, 1);
    rpc__pump(link, box);
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

/* Takes an unfinished call back (under the lock). */
static enum rpc_fate
take_back(struct rpc_link *link, struct call *call)
{
    bool is_riding = call->state == CALL_RIDING;
    const struct call *sent = is_riding ? call->carrier : call;
    bool is_sent = sent->state == CALL_SENT;

    if (is_sent) {
        count_timeout(link, sent);
    }
    if (is_riding) {
        rpc__dismount(link, call);
    } else if (!rpc__hand_over(link, call)) {
        if (!is_sent) {
            rpc__calls_remove(&link->queue, call);
        } else if (link->withdrawn_count < WITHDRAWN_MAX) {
            link->withdrawn[link->withdrawn_count++] = call->id;
        }
        rpc__slot_drop(link, call);
    }
    return is_sent ? RPC_TIMED_OUT : RPC_TOO_LATE;
}

/* The deadline has passed: takes the call back unless it is just being finished. */
static bool
give_up(struct rpc_link *link, struct call *call)
{
    struct call_list finished;

    rpc__calls_init(&finished);
    pthread_mutex_lock(&link->lock);
    bool was_suspect = atomic_load(&link->suspect);
    bool is_ours = call->state != CALL_DONE;
    if (is_ours) {
        call->fate = take_back(link, call);
    }
    if (atomic_load(&link->suspect)) {
        rpc__end_queue(link, &finished); /* they may go to another replica */
    }
    bool has_changed = was_suspect != atomic_load(&link->suspect);
    pthread_mutex_unlock(&link->lock);
    rpc__calls_finish(&finished);
    if (has_changed) {
        rpc__tell_changed(link);
    }
    return is_ours;
}

/* The first of the queue watches over it: frames leave when lanes return, and should none return
 * for a while, it sends another. True while it must go on watching. */
static bool
nudge(struct rpc_link *link, const struct call *call)
{
    struct outbox box = {0};

    pthread_mutex_lock(&link->lock);
    rpc__pump(link, &box);
    bool is_queued = call->state == CALL_QUEUED;
    pthread_mutex_unlock(&link->lock);
    rpc__outbox_send(&box);
    return is_queued;
}

static bool
is_done(const struct call *call)
{
    return atomic_load_explicit(call->word, memory_order_acquire) != 0;
}

/* Waits for the end of a submitted call. */
static enum rpc_fate
await(struct rpc_link *link, struct call *call, bool is_watching, int64_t until_us)
{
    int64_t now_us = clk_mono_us();

    while (!is_done(call) && now_us < until_us) {
        int64_t nudge_us = now_us + PATIENCE_US;
        rpc__futex_wait(call->word, is_watching && nudge_us < until_us ? nudge_us : until_us);
        now_us = clk_mono_us();
        if (is_watching && !is_done(call) && now_us >= nudge_us) {
            is_watching = nudge(link, call);
        }
    }
    if (!is_done(call) && give_up(link, call)) {
        return call->fate;
    }
    while (!is_done(call)) {
        rpc__futex_wait(call->word, 0); /* finished in this moment: the word follows */
    }
    return call->fate;
}

enum rpc_fate
rpc_link_call(struct rpc_link *link, struct str wire, struct str same, int64_t deadline_us,
              struct rpc_answer *out)
{
    struct call call = {.wire = wire, .same = same};
    struct outbox box = {0};
    int64_t until_us = clk_mono_us() + (deadline_us - clk_wall_us());

    call.word = &call.done;
    rpc__calls_init(&call.riders);
    pthread_mutex_lock(&link->lock);
    enum rpc_fate fate = submit(link, &call, &box);
    bool is_watching = link->queue.head == &call;
    pthread_mutex_unlock(&link->lock);
    if (fate != RPC_ANSWERED) {
        return fate;
    }
    rpc__outbox_send(&box);
    fate = await(link, &call, is_watching, until_us);
    *out = call.answer;
    if (fate != RPC_ANSWERED) {
        rpc__party_unref(call.party);
    }
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
