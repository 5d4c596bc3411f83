/* SPDX-License-Identifier: Apache-2.0
 *
 * What server and client share of NNG: sockets with our options, TLS, messages that several calls
 * point into, frames that grow. Private to lib/rpc.
 *
 * This file also replaces sysconf(3) for the process, see rpc_nng.c. */
#ifndef ASSAY_RPC_RPC_NNG_H
#define ASSAY_RPC_RPC_NNG_H

#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>
#include <stdatomic.h>

#include "rpc/rpc.h"
#include "rpc/rpc_frame.h"

enum rpc_scheme { RPC_IPC, RPC_TCP, RPC_TLS };

/* Reads the scheme of an URL and checks what can be checked without the network: a host and a port,
 * a path that fits a socket address, certificates for TLS, leave for plain TCP.
 * Errors: INVALID_ARGUMENT. */
NODISCARD enum rc rpc_url_check(const char *url, const struct rpc_tls *tls, bool allow_plain_tcp,
                                enum rpc_scheme *out, const char **out_why);

/* Makes NNG ready for any thread; false: no memory. NNG 1.5 does so by itself at the first use, but
 * looks without a lock whether somebody has: so before there is a second thread. */
bool rpc_nng_prepare(void);

/* True unless `url` is an ipc address where nobody listens. Ask before dialling: NNG 1.5 looks into
 * freed memory when a socket is closed whose ipc dial has just failed (its poller then hangs). */
bool rpc_is_live(const char *url);
/* Connects to the ipc socket and exchanges greetings with its listener. Blocks: so long at most. */
bool rpc_greets(const char *path, int64_t wait_us);

/* Opens a REQ socket that never sends a request twice, with a dialer to `url`; `on_pipe` hears of
 * connections. A TCP dialer keeps trying in the background, an ipc one tries once, see above.
 * Errors: UNAVAILABLE. */
NODISCARD enum rc rpc_dial(const char *url, const struct rpc_tls *tls, size_t frame_max,
                           nng_pipe_cb on_pipe, void *arg, nng_socket *out, const char **out_why);
/* Opens a REP socket that is not listening yet, and starts to listen. Errors: UNAVAILABLE. */
NODISCARD enum rc rpc_bind(size_t frame_max, nng_pipe_cb on_pipe, void *arg, nng_socket *out,
                           const char **out_why);
NODISCARD enum rc rpc_listen(nng_socket sock, const char *url, enum rpc_scheme scheme,
                             const struct rpc_tls *tls, const char **out_why);

/* A connection of NNG 1.5.2 must not be closed between the head and the body of a message that
 * arrives: NNG then asks a stopped aio to read on, which does nothing, not even fail, and waits for
 * its end in the one thread that closes connections and tells of closed ones. So a client
 * asks for its frames back before it closes, and a server is closed when its clients have left, or
 * were silent for the shorter time. The longer one ends the patience with a peer that is frozen. */
#define RPC_SETTLE_US (50 * ASSAY_US_PER_MS)
#define RPC_SETTLE_MAX_US (1 * ASSAY_US_PER_S)

/* A received message and the number of those who still look into it. */
struct rpc_slab {
    atomic_int refs;
    nng_msg *msg;
};
/* Takes over `msg`; one reference. NULL without memory (the message is freed). */
struct rpc_slab *rpc_slab_new(nng_msg *msg);
void rpc_slab_ref(struct rpc_slab *slab);
/* Takes NULL. */
void rpc_slab_unref(struct rpc_slab *slab);
struct str rpc_msg_str(nng_msg *msg);

#endif
