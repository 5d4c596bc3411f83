/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/svc_limits.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "billing_client.h"

#define SLOTS 4096 /* organizations remembered; two that share one ask in turns */
#define ASK_US ASSAY_US_PER_S

struct slot {
    int64_t org_id;
    int64_t asked_us; /* monotonic, answered or not */
    struct svc_allowed allowed;
};

struct svc_limits {
    svc_limits_ask ask;
    void *arg;
    int64_t kept_us;
    pthread_mutex_t lock;
    struct slot slots[SLOTS];
};

static void
fill(const Assay__Entitlement *e, struct svc_allowed *out)
{
    *out = (struct svc_allowed){
        .sessions = e->has_concurrent_sessions ? e->concurrent_sessions : SVC_NO_LIMIT,
        .max_session_us = e->has_max_session_us ? e->max_session_us : SVC_NO_LIMIT,
        .streaming_left_us = e->has_streaming_left_us ? e->streaming_left_us : SVC_NO_LIMIT,
        .credit_left = e->credit_left,
    };
    (void)snprintf(out->plan, sizeof(out->plan), "%s", e->plan_name);
    (void)snprintf(out->streaming_text, sizeof(out->streaming_text), "%s", e->streaming_text);
}

static enum rc
ask_billing(void *arg, struct ctx *ctx, int64_t org_id, struct svc_allowed *out)
{
    Assay__GetEntitlementRequest req = ASSAY__GET_ENTITLEMENT_REQUEST__INIT;
    Assay__Entitlement *resp = NULL;

    req.org_id = org_id;
    enum rc rc = billing_call_get_entitlement(arg, ctx, &req, &resp);
    if (rc == RC_OK) {
        fill(resp, out);
    }
    return rc;
}

enum rc
svc_limits_new_asking(svc_limits_ask ask, void *arg, int64_t kept_us, struct svc_limits **out)
{
    struct svc_limits *limits = calloc(1, sizeof(*limits));

    if (limits == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    limits->ask = ask;
    limits->arg = arg;
    limits->kept_us = kept_us;
    (void)pthread_mutex_init(&limits->lock, NULL);
    *out = limits;
    return RC_OK;
}

enum rc
svc_limits_new(struct rpc_client *billing, struct svc_limits **out)
{
    return svc_limits_new_asking(ask_billing, billing, SVC_LIMITS_KEPT_US, out);
}

void
svc_limits_free(struct svc_limits *limits)
{
    if (limits != NULL) {
        (void)pthread_mutex_destroy(&limits->lock);
        free(limits);
    }
}

static enum rc
ask_apart(struct svc_limits *limits, struct ctx *ctx, int64_t org_id, struct svc_allowed *out)
{
    struct ctx own = ctx_apart(ctx, ASK_US);

    return limits->ask(limits->arg, &own, org_id, out);
}

/* True when billing need not be asked now. Who is first asks, the others go on with what is known.
 */
static bool
look_up(struct svc_limits *limits, int64_t org_id, struct svc_allowed *out)
{
    static const struct svc_allowed UNKNOWN = {.sessions = SVC_UNKNOWN_SESSIONS,
                                               .max_session_us = SVC_NO_LIMIT,
                                               .streaming_left_us = SVC_NO_LIMIT,
                                               .credit_left = true,
                                               .plan = "unknown"};
    struct slot *slot = &limits->slots[(uint64_t)org_id % SLOTS];
    int64_t now_us = clk_mono_us();

    (void)pthread_mutex_lock(&limits->lock);
    bool is_known = slot->org_id == org_id;
    bool is_fresh = is_known && now_us - slot->asked_us < limits->kept_us;
    *out = is_known ? slot->allowed : UNKNOWN;
    if (!is_known) {
        *slot = (struct slot){org_id, now_us - limits->kept_us, UNKNOWN};
    } else if (!is_fresh && slot->allowed.at_us != 0) {
        slot->asked_us = now_us;
    }
    (void)pthread_mutex_unlock(&limits->lock);
    return is_fresh;
}

static void
store(struct svc_limits *limits, int64_t org_id, const struct svc_allowed *allowed)
{
    struct slot *slot = &limits->slots[(uint64_t)org_id % SLOTS];

    (void)pthread_mutex_lock(&limits->lock);
    if (slot->org_id == org_id) {
        slot->allowed = *allowed;
        slot->asked_us = clk_mono_us();
    }
    (void)pthread_mutex_unlock(&limits->lock);
}

void
svc_limits_get(struct svc_limits *limits, struct ctx *ctx, int64_t org_id, struct svc_allowed *out)
{
    static const struct svc_allowed NONE = {.sessions = SVC_NO_LIMIT,
                                            .max_session_us = SVC_NO_LIMIT,
                                            .streaming_left_us = SVC_NO_LIMIT,
                                            .credit_left = true};
    struct svc_allowed said;

    *out = NONE;
    if (limits == NULL || look_up(limits, org_id, out)) {
        return;
    }
    if (ask_apart(limits, ctx, org_id, &said) == RC_OK) {
        *out = said;
        out->at_us = clk_mono_us();
    }
    store(limits, org_id, out);
}
