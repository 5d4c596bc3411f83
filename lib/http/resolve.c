/* SPDX-License-Identifier: Apache-2.0 */
#include "http/resolve.h"

#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cond.h"

/* Shared by the caller and the thread that looks up; the last one frees it. */
struct lookup {
    pthread_mutex_t lock;
    pthread_cond_t done_cond;
    bool done;
    int refs;
    int error;
    char host[RESOLVE_HOST_MAX + 1];
    struct resolve_result result;
};

static void
lookup_drop(struct lookup *l)
{
    pthread_mutex_lock(&l->lock);
    bool last = --l->refs == 0;
    pthread_mutex_unlock(&l->lock);
    if (last) {
        pthread_cond_destroy(&l->done_cond);
        pthread_mutex_destroy(&l->lock);
        free(l);
    }
}

static void
take_addresses(struct resolve_result *result, const struct addrinfo *list)
{
    for (const struct addrinfo *a = list; a != NULL && result->count < RESOLVE_ADDRS_MAX;
         a = a->ai_next) {
        memcpy(&result->addrs[result->count++], a->ai_addr, a->ai_addrlen);
    }
}

static void *
lookup_run(void *arg)
{
    struct lookup *l = arg;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    struct resolve_result result = {.count = 0};

    int e = getaddrinfo(l->host, NULL, &hints, &list);
    if (e == 0) {
        take_addresses(&result, list);
        freeaddrinfo(list);
    }
    pthread_mutex_lock(&l->lock);
    l->error = e;
    l->result = result;
    l->done = true;
    pthread_cond_signal(&l->done_cond);
    pthread_mutex_unlock(&l->lock);
    lookup_drop(l);
    return NULL;
}

static enum rc
lookup_wait(struct lookup *l, int64_t timeout_us, struct resolve_result *out)
{
    int64_t until_us = clk_mono_us() + timeout_us;
    enum rc rc = RC_DEADLINE_EXCEEDED;

    pthread_mutex_lock(&l->lock);
    while (!l->done && cond_wait_until(&l->done_cond, &l->lock, until_us)) {
    }
    if (l->done) {
        rc = l->error == 0 && l->result.count > 0 ? RC_OK : RC_NOT_FOUND;
        *out = l->result;
    }
    pthread_mutex_unlock(&l->lock);
    return rc;
}

static struct lookup *
lookup_new(const char *host)
{
    struct lookup *l = calloc(1, sizeof(*l));

    if (l != NULL) {
        pthread_mutex_init(&l->lock, NULL);
        cond_init(&l->done_cond);
        l->refs = 2;
        memcpy(l->host, host, strlen(host) + 1);
    }
    return l;
}

enum rc
resolve_host(const char *host, int64_t timeout_us, struct resolve_result *out)
{
    pthread_t thread;
    pthread_attr_t attr;

    if (strlen(host) > RESOLVE_HOST_MAX) {
        return RC_INVALID_ARGUMENT;
    }
    struct lookup *l = lookup_new(host);
    if (l == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    int e = pthread_create(&thread, &attr, lookup_run, l);
    pthread_attr_destroy(&attr);
    if (e != 0) {
        l->refs = 1;
        lookup_drop(l);
        return RC_RESOURCE_EXHAUSTED;
    }
    enum rc rc = lookup_wait(l, timeout_us, out);
    lookup_drop(l);
    return rc;
}
