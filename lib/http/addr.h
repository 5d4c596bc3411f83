/* SPDX-License-Identifier: Apache-2.0
 *
 * Which addresses an outgoing request may reach. Targets that users name (webhooks, sites to read)
 * must not reach what only our own network can; targets that the operator names may.
 *
 * Nothing blocks. Threads: any. Source: RFC 6890, RFC 6052, IANA special-purpose registries. */
#ifndef ASSAY_HTTP_ADDR_H
#define ASSAY_HTTP_ADDR_H

#include <sys/socket.h>

#include "base/str.h"

enum addr_class {
    ADDR_PUBLIC = 0,
    ADDR_PRIVATE = 1,  /* loopback, private, shared, documentation, reserved: by permission */
    ADDR_FORBIDDEN = 2 /* link-local, cloud metadata, multicast, unspecified, broadcast: never */
};

enum addr_reach {
    ADDR_REACH_PUBLIC = 0,  /* public addresses only */
    ADDR_REACH_PRIVATE = 1, /* private ones too */
    ADDR_REACH_ANY = 2      /* the operator chose the target: no check */
};

#define ADDR_TEXT_MAX 48

/* IPv4 inside IPv6 (mapped, NAT64, 6to4) counts as the IPv4 address it reaches; families other than
 * the two are FORBIDDEN. */
enum addr_class addr_classify(const struct sockaddr *sa);
bool addr_may_reach(const struct sockaddr *sa, enum addr_reach reach);
/* Writes the address without port: "10.0.0.1", "[::1]". False for other families. */
NODISCARD bool addr_text(const struct sockaddr *sa, char out[ADDR_TEXT_MAX]);

#endif
