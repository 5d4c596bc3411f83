/* SPDX-License-Identifier: Apache-2.0
 *
 * The connection of a client to one replica: calls leave in frames, answers come back in others.
 * Private to lib/rpc. See docs/decisions/0001-rpc-frames.md. */
#ifndef ASSAY_RPC_RPC_LINK_H
#define ASSAY_RPC_RPC_LINK_H

#include "rpc/rpc_nng.h"

/* How a call ended. */
enum rpc_fate {
    RPC_ANSWERED,
    RPC_UNSENT,    /* certainly not executed: nothing of it left */
    RPC_FULL,      /* too many calls outstanding here; not sent */
    RPC_LOST,      /* sent, and the connection died: perhaps executed */
    RPC_TIMED_OUT, /* sent, perhaps executed */
    RPC_TOO_LATE   /* not sent, and the deadline has passed */
};

/* One answer for several calls, and what the first of them made of it for the others. */
struct rpc_party;

struct rpc_answer {
    struct rpc_slab *slab;   /* what holds body; NULL: the party does */
    struct rpc_party *party; /* NULL: it was for this call alone */
    struct str body;         /* packed assay.Answer */
    bool is_shared; /* it was another call's: executed after this one began, for its deadline */
};

/* Where the call that leads a party leaves what it makes of the answer; NULL: the call leads none.
 * The others sleep until it calls rpc_party_serve. */
struct buf *rpc_party_room(struct rpc_answer *answer);
/* Hands out what stands in the room, under `form`; NULL: nothing was made. Wakes the others. */
void rpc_party_serve(struct rpc_answer *answer, const struct rpc_form *form);
/* Finds what the leading call made in the same form; false: it made nothing, or another form. */
bool rpc_party_made(const struct rpc_answer *answer, const struct rpc_form *form, struct str *out);
/* Lets go of the answer and what was made of it. A call that still leads wakes the others. */
void rpc_answer_drop(struct rpc_answer *answer);

struct rpc_link_cfg {
    const char *url; /* copied */
    struct rpc_tls tls;
    size_t message_max;
    /* Called without locks, in any thread, when the link becomes usable or stops to be. */
    void (*changed)(void *arg);
    void *arg;
};

struct rpc_link;

/* Starts to connect. Errors: UNAVAILABLE. */
NODISCARD enum rc rpc_link_open(const struct rpc_link_cfg *cfg, struct rpc_link **out,
                                const char **out_why);
void rpc_link_ref(struct rpc_link *link);
/* Frees the link with the last reference; shut it down before. */
void rpc_link_unref(struct rpc_link *link);
/* Ends every call (LOST, UNSENT) and closes the connection. Not in an NNG callback. */
void rpc_link_shutdown(struct rpc_link *link);

/* Sends `wire` (a packed assay.Call) and waits. While a call with the same non-empty `same` waits
 * to be sent, the two become one: what is executed is executed after both began. Blocks: until the
 * answer or the deadline. Threads: any number. */
enum rpc_fate rpc_link_call(struct rpc_link *link, struct str wire, struct str same,
                            int64_t deadline_us, struct rpc_answer *out);

const char *rpc_link_url(const struct rpc_link *link);
/* Connected, not draining, not skipped after time-outs. */
bool rpc_link_is_usable(const struct rpc_link *link);
/* Connected and not draining, but it let calls time out: the last resort. */
bool rpc_link_is_suspect(const struct rpc_link *link);
bool rpc_link_is_connected(const struct rpc_link *link);
/* To be closed: draining or retired with nothing outstanding; or an ipc connection that ended or
 * never came about, since it is not dialled again. */
bool rpc_link_is_spent(struct rpc_link *link);
/* No frame came back for so long that the peer must be gone. */
bool rpc_link_is_dead(struct rpc_link *link);
/* Calls outstanding or waiting. */
int rpc_link_load(const struct rpc_link *link);

#endif
