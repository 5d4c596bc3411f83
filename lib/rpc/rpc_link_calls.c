/* SPDX-License-Identifier: Apache-2.0
 *
 * The calls of a link: lists, places, endings. A caller sleeps on its futex. */
#include "rpc/rpc_link_int.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/id.h"

/* --- lists, futex -------------------------------------------------------------------------- */

void
rpc__calls_init(struct call_list *list)
{
    list->head = NULL;
    list->tail = &list->head;
}

void
rpc__calls_push(struct call_list *list, struct call *call)
{
    call->next = NULL;
    *list->tail = call;
    list->tail = &call->next;
}

struct call *
rpc__calls_pop(struct call_list *list)
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

void
rpc__calls_remove(struct call_list *list, struct call *call)
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
void
rpc__futex_wait(_Atomic uint32_t *word, int64_t until_mono_us)
{
    struct timespec at = {.tv_sec = until_mono_us / ASSAY_US_PER_S,
                          .tv_nsec = until_mono_us % ASSAY_US_PER_S * 1000};

    (void)syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, 0, until_mono_us == 0 ? NULL : &at,
                  NULL, FUTEX_BITSET_MATCH_ANY);
}

void
rpc__futex_wake(_Atomic uint32_t *word, int count)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

/* The call's memory is its caller's again once `done` is set: the wake-up may then hit a stranger's
 * word, who looks again and sleeps on. The others of a party wait for its leader when there is an
 * answer to make something of. */
static void
finish(struct call *call)
{
    struct rpc_party *party = call->party;
    bool is_alone = party == NULL || party->has_leader; /* on its word */

    if (party != NULL && (!is_alone || call->fate != RPC_ANSWERED)) {
        rpc__party_wake(party);
    }
    if (is_alone) {
        atomic_store_explicit(&call->done, 1, memory_order_release);
        rpc__futex_wake(&call->done, 1);
    }
}

void
rpc__calls_finish(struct call_list *finished)
{
    struct call *next = finished->head;

    while (next != NULL) {
        struct call *call = next;
        next = call->next;
        finish(call);
    }
}

/* --- riders (under the lock) --------------------------------------------------------------- */

/* So many of the queue are looked at. */
#define LOOK_MAX 64

bool
rpc__ride(struct rpc_link *link, struct call *call)
{
    struct call *c = link->queue.head;

    for (int i = 0; call->same.n > 0 && c != NULL && i < LOOK_MAX; i++, c = c->next) {
        if (str_eq(c->same, call->same)) {
            if (!rpc__party_join(c, call)) {
                return false;
            }
            call->state = CALL_RIDING;
            call->carrier = c;
            rpc__calls_push(&c->riders, call);
            return true;
        }
    }
    return false;
}

void
rpc__dismount(struct rpc_link *link, struct call *call)
{
    rpc__calls_remove(&call->carrier->riders, call);
    atomic_fetch_sub(&link->load, 1);
}

static void
replace_queued(struct rpc_link *link, struct call *call, struct call *heir)
{
    struct call **at = &link->queue.head;

    while (*at != call) {
        at = &(*at)->next;
    }
    *at = heir;
    heir->next = call->next;
    link->queue.tail = heir->next == NULL ? &heir->next : link->queue.tail;
}

bool
rpc__hand_over(struct rpc_link *link, struct call *call)
{
    struct call *heir = rpc__calls_pop(&call->riders);

    if (heir == NULL) {
        return false;
    }
    for (struct call *c = rpc__calls_pop(&call->riders); c != NULL;
         c = rpc__calls_pop(&call->riders)) {
        c->carrier = heir;
        rpc__calls_push(&heir->riders, c);
    }
    if (call->state == CALL_QUEUED) {
        replace_queued(link, call, heir);
    }
    heir->carrier = NULL;
    heir->party->has_leader = false;
    heir->id = call->id;
    heir->state = call->state;
    heir->epoch = call->epoch;
    heir->lane = call->lane;
    heir->sent_us = call->sent_us;
    link->slots[call->id & (CALLS_MAX - 1)] = heir;
    atomic_fetch_sub(&link->load, 1);
    return true;
}

/* --- calls (under the lock) ---------------------------------------------------------------- */

void
rpc__slot_take(struct rpc_link *link, struct call *call)
{
    uint16_t slot = link->free_slots[--link->free_count];

    call->id = link->serial[slot];
    link->slots[slot] = call;
}

void
rpc__slot_drop(struct rpc_link *link, struct call *call)
{
    uint16_t slot = call->id & (CALLS_MAX - 1);

    link->serial[slot] += CALLS_MAX; /* late answers find another id */
    link->slots[slot] = NULL;
    link->free_slots[link->free_count++] = slot;
    atomic_fetch_sub(&link->load, 1);
}

int
rpc__outstanding(const struct rpc_link *link)
{
    return CALLS_MAX - link->free_count;
}

void
rpc__end_call(struct rpc_link *link, struct call *call, enum rpc_fate fate,
              struct call_list *finished)
{
    rpc__slot_drop(link, call);
    if (call->party != NULL && fate == RPC_ANSWERED) {
        rpc__party_keep(call->party, &call->answer);
    }
    for (struct call *c = rpc__calls_pop(&call->riders); c != NULL;
         c = rpc__calls_pop(&call->riders)) {
        atomic_fetch_sub(&link->load, 1);
        c->state = CALL_DONE;
        c->fate = fate;
        c->answer = call->answer;
        c->answer.is_shared = true;
    }
    call->state = CALL_DONE;
    call->fate = fate;
    rpc__calls_push(finished, call);
}

/* Ends the sent calls of `epoch`; only those of `lane` unless it is -1. */
void
rpc__end_sent(struct rpc_link *link, uint32_t epoch, int lane, enum rpc_fate fate,
              struct call_list *finished)
{
    for (int i = 0; i < CALLS_MAX && rpc__outstanding(link) > 0; i++) {
        struct call *call = link->slots[i];
        bool is_hit = call != NULL && call->state == CALL_SENT && call->epoch == epoch &&
                      (lane < 0 || call->lane == lane);
        /* A frame that still waits in line has not left. */
        if (is_hit && (lane >= 0 || link->lanes[call->lane].state != LANE_QUEUED)) {
            rpc__end_call(link, call, fate, finished);
        }
    }
}

void
rpc__end_queue(struct rpc_link *link, struct call_list *finished)
{
    for (struct call *call = rpc__calls_pop(&link->queue); call != NULL;
         call = rpc__calls_pop(&link->queue)) {
        rpc__end_call(link, call, RPC_UNSENT, finished);
    }
}

/* The connection of `epoch` is gone; tells which lanes wait in line with a frame of it. */
unsigned
rpc__lose_epoch(struct rpc_link *link, uint32_t epoch, struct call_list *finished)
{
    unsigned queued = 0;

    if (epoch != link->epoch) {
        return 0;
    }
    rpc__end_sent(link, epoch, -1, RPC_LOST, finished);
    link->epoch++;
    link->session = id_random_u64();
    link->withdrawn_count = 0;
    for (int i = 0; i < LANES; i++) {
        queued |= link->lanes[i].state == LANE_QUEUED ? 1u << i : 0;
    }
    return queued;
}

void
rpc__abort_lanes(struct rpc_link *link, unsigned mask)
{
    for (int i = 0; i < LANES; i++) {
        if (mask & 1u << i) {
            nng_aio_abort(link->lanes[i].aio, NNG_ECANCELED);
        }
    }
}

void
rpc__tell_changed(struct rpc_link *link)
{
    link->changed(link->arg);
}
