/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeps the ipc listener of a server reachable. A listener of NNG 1.5 takes a peer that connects
 * and leaves before its greeting for its own end: those who come later may still be greeted, but
 * never become connections, while the connections it has live on. So a thread knocks at our own
 * socket as a client would; when no connection comes of it twice, a new listener takes over the
 * path. Clients that came in between notice by the silence (rpc_link.c). The old one stays for its
 * connections until the socket is closed. A socket file that was removed is made again the same
 * way; one that another process has put there is left alone. Private to lib/rpc. */
#ifndef ASSAY_RPC_RPC_GUARD_H
#define ASSAY_RPC_RPC_GUARD_H

#include "rpc/rpc_nng.h"

struct rpc_guard;

/* `url` (ipc) is what `sock` listens at; `added` counts the connections it got, and outlives the
 * guard. Errors: UNAVAILABLE. */
NODISCARD enum rc rpc_guard_start(nng_socket sock, const char *url, const atomic_uint *added,
                                  struct rpc_guard **out);
/* Ends the thread; call it before the socket is closed. Blocks: for two seconds at most. Takes
 * NULL.
 */
void rpc_guard_stop(struct rpc_guard *guard);
/* The same for a drain: lets go of the path, so that nobody finds the server who is not connected.
 */
void rpc_guard_leave(struct rpc_guard *guard);

#endif
