/* SPDX-License-Identifier: Apache-2.0
 *
 * Name look-ups with a time limit, which getaddrinfo lacks. Private to lib/http. */
#ifndef ASSAY_HTTP_RESOLVE_H
#define ASSAY_HTTP_RESOLVE_H

#include <sys/socket.h>

#include "base/clk.h"

#define RESOLVE_HOST_MAX 253
#define RESOLVE_ADDRS_MAX 16

struct resolve_result {
    struct sockaddr_storage addrs[RESOLVE_ADDRS_MAX];
    size_t count;
};

/* Errors: NOT_FOUND: no such name. DEADLINE_EXCEEDED. RESOURCE_EXHAUSTED. INVALID_ARGUMENT: too
 * long. Blocks: `timeout_us` at most; a look-up that takes longer ends by itself later. */
NODISCARD enum rc resolve_host(const char *host, int64_t timeout_us, struct resolve_result *out);

#endif
