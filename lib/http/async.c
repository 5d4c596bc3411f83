/* SPDX-License-Identifier: Apache-2.0 */
#include "http/async.h"

#include <pthread.h>
#include <stdlib.h>

#include "http/hop.h"

#define POLL_MS 1000
#define KEPT_CONNECTIONS 256L

struct http_async {
    struct http_client *client;
    CURLM *multi;
    pthread_t thread;
    pthread_mutex_t lock;
    struct http_call *first, *last; /* under lock: not begun yet */
    bool stopping;                  /* under lock */
    struct http_call *running;      /* the thread's */
};

/* --- calls --------------------------------------------------------------------------------- */

static void
end_call(struct http_call *call, enum rc rc)
{
    call->rc = rc;
    call->resp.took_us = clk_mono_us() - call->started_us;
    call->done(call);
}

static void
unlink_call(struct http_async *a, const struct http_call *call)
{
    struct http_call **at = &a->running;

    while (*at != call) {
        at = &(*at)->next;
    }
    *at = call->next;
}

static int64_t
time_left_us(const struct http_async *a, const struct http_call *call)
{
    int64_t own = call->req.timeout_us > 0 ? call->req.timeout_us : a->client->cfg.timeout_us;
    int64_t left = ctx_left_us(call->ctx);

    return left < own ? left : own;
}

static enum rc
prepare(struct http_async *a, struct http_call *call)
{
    struct http_target target = {0};
    struct hop *hop = NULL;

    enum rc rc = http_target_look(call->ctx, &a->client->cfg, call->req.url, &target);
    if (rc == RC_OK) {
        rc = http_hop_begin(a->client, call->ctx, &call->req, &target, true, time_left_us(a, call),
                            &hop);
    }
    if (rc != RC_OK) {
        return rc;
    }
    call->hop = hop;
    curl_easy_setopt(http_hop_easy(hop), CURLOPT_PRIVATE, call);
    /* A look-up that hangs is left to itself when its request ends. */
    curl_easy_setopt(http_hop_easy(hop), CURLOPT_QUICK_EXIT, 1L);
    if (curl_multi_add_handle(a->multi, http_hop_easy(hop)) != CURLM_OK) {
        (void)!http_hop_end(hop, CURLE_OUT_OF_MEMORY, &call->resp);
        return call->ctx->err.code;
    }
    return RC_OK;
}

static void
begin_call(struct http_async *a, struct http_call *call)
{
    call->started_us = clk_mono_us();
    enum rc rc = prepare(a, call);
    if (rc != RC_OK) {
        end_call(call, rc);
        return;
    }
    call->next = a->running;
    a->running = call;
}

static void
finish_call(struct http_async *a, struct http_call *call, CURLcode e)
{
    unlink_call(a, call);
    curl_multi_remove_handle(a->multi, http_hop_easy(call->hop));
    end_call(call, http_hop_end(call->hop, e, &call->resp));
}

static void
finish_calls(struct http_async *a)
{
    int more = 0;

    for (CURLMsg *m = curl_multi_info_read(a->multi, &more); m != NULL;
         m = curl_multi_info_read(a->multi, &more)) {
        char *call = NULL;
        CURLcode e = m->data.result; /* gone once the handle is removed */
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &call);
        finish_call(a, (struct http_call *)(void *)call, e);
    }
}

/* --- the thread ---------------------------------------------------------------------------- */

static struct http_call *
take_new(struct http_async *a, bool *out_stopping)
{
    pthread_mutex_lock(&a->lock);
    struct http_call *list = a->first;
    a->first = NULL;
    a->last = NULL;
    *out_stopping = a->stopping;
    pthread_mutex_unlock(&a->lock);
    return list;
}

static void
cancel_all(struct http_async *a, struct http_call *fresh)
{
    while (fresh != NULL) {
        struct http_call *next = fresh->next;
        fresh->started_us = clk_mono_us();
        end_call(fresh, fail(fresh->ctx, RC_CANCELLED, "STOPPING", "the sender stops"));
        fresh = next;
    }
    while (a->running != NULL) {
        struct http_call *call = a->running;
        a->running = call->next;
        curl_multi_remove_handle(a->multi, http_hop_easy(call->hop));
        (void)!http_hop_end(call->hop, CURLE_ABORTED_BY_CALLBACK, &call->resp);
        ctx_recover(call->ctx);
        end_call(call, fail(call->ctx, RC_CANCELLED, "STOPPING", "the sender stops"));
    }
}

static void *
async_main(void *arg)
{
    struct http_async *a = arg;

    for (;;) {
        bool stopping = false;
        int running = 0;
        struct http_call *fresh = take_new(a, &stopping);
        if (stopping) {
            cancel_all(a, fresh);
            return NULL;
        }
        while (fresh != NULL) {
            struct http_call *next = fresh->next;
            begin_call(a, fresh);
            fresh = next;
        }
        (void)curl_multi_perform(a->multi, &running);
        finish_calls(a);
        (void)curl_multi_poll(a->multi, NULL, 0, POLL_MS, NULL);
    }
}

/* --- from outside -------------------------------------------------------------------------- */

enum rc
http_async_new(struct http_client *client, struct http_async **out)
{
    struct http_async *a = calloc(1, sizeof(*a));

    if (a == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    a->client = client;
    a->multi = curl_multi_init();
    pthread_mutex_init(&a->lock, NULL);
    if (a->multi != NULL) {
        curl_multi_setopt(a->multi, CURLMOPT_MAXCONNECTS, KEPT_CONNECTIONS);
    }
    if (a->multi == NULL || pthread_create(&a->thread, NULL, async_main, a) != 0) {
        curl_multi_cleanup(a->multi);
        pthread_mutex_destroy(&a->lock);
        free(a);
        return RC_RESOURCE_EXHAUSTED;
    }
    *out = a;
    return RC_OK;
}

void
http_async_free(struct http_async *a)
{
    if (a == NULL) {
        return;
    }
    pthread_mutex_lock(&a->lock);
    a->stopping = true;
    pthread_mutex_unlock(&a->lock);
    (void)curl_multi_wakeup(a->multi);
    (void)pthread_join(a->thread, NULL);
    curl_multi_cleanup(a->multi);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

void
http_async_send(struct http_async *a, struct http_call *call)
{
    call->next = NULL;
    pthread_mutex_lock(&a->lock);
    bool was_empty = a->first == NULL;
    if (was_empty) {
        a->first = call;
    } else {
        a->last->next = call;
    }
    a->last = call;
    pthread_mutex_unlock(&a->lock);
    if (was_empty) {
        (void)curl_multi_wakeup(a->multi);
    }
}
