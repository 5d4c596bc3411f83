/* SPDX-License-Identifier: Apache-2.0
 *
 * What an organization may use, asked of billing and kept for a few seconds, for services that
 * start things which a plan limits.
 *
 * While billing does not answer, what it said last counts for as long as that lasts: nobody's work
 * stops because billing is down, and nobody's becomes unlimited. An organization it never spoke of
 * in this process gets SVC_UNKNOWN_SESSIONS sessions and no other limit.
 *
 * Threads: any number. */
#ifndef ASSAY_SVC_SVC_LIMITS_H
#define ASSAY_SVC_SVC_LIMITS_H

#include "rpc/rpc.h"

#define SVC_NO_LIMIT INT64_C(-1)
#define SVC_UNKNOWN_SESSIONS 2
#define SVC_LIMITS_KEPT_US (5 * ASSAY_US_PER_S)

struct svc_allowed {
    int64_t sessions;       /* at the same time, or SVC_NO_LIMIT */
    int64_t max_session_us; /* or SVC_NO_LIMIT */
    /* Live time left for all sessions together when it was asked for, or SVC_NO_LIMIT. */
    int64_t streaming_left_us;
    bool credit_left; /* model runs on our keys may start */
    int64_t at_us;    /* monotonic; when billing said so, 0: it never did */
    char plan[88];
    char streaming_text[256]; /* for people, when no live time is left */
};

struct svc_limits;

/* `billing`: kept. Errors: RESOURCE_EXHAUSTED. */
NODISCARD enum rc svc_limits_new(struct rpc_client *billing, struct svc_limits **out);
/* Takes NULL. */
void svc_limits_free(struct svc_limits *limits);
/* Never fails, see above. NULL limits: none at all. Blocks: for billing, SVC_LIMITS_KEPT_US apart,
 * a second at most. */
void svc_limits_get(struct svc_limits *limits, struct ctx *ctx, int64_t org_id,
                    struct svc_allowed *out);

/* For tests: who is asked instead of billing; writes what billing says. */
typedef enum rc (*svc_limits_ask)(void *arg, struct ctx *ctx, int64_t org_id,
                                  struct svc_allowed *out);
NODISCARD enum rc svc_limits_new_asking(svc_limits_ask ask, void *arg, int64_t kept_us,
                                        struct svc_limits **out);

#endif
