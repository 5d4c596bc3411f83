/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/aut_feed.h"

#include <pthread.h>
#include <stdlib.h>

/* A lost NOTIFY costs this at most. */
#define ACK_POLL_US (20 * ASSAY_US_PER_MS)

struct aut_feed {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* monotonic clock */
    int64_t epoch;          /* last known here */
    uint64_t round;         /* counts refreshes */
};

enum rc
aut_feed_open(struct auth *auth, struct ctx *ctx, struct aut_feed **out)
{
    struct aut_feed *feed = calloc(1, sizeof(*feed));
    pthread_condattr_t attr;

    if (feed == NULL) {
        return fail(ctx, RC_RESOURCE_EXHAUSTED, "MEMORY", "no memory");
    }
    (void)pthread_mutex_init(&feed->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&feed->changed, &attr);
    (void)pthread_condattr_destroy(&attr);
    enum rc rc = aut_feed_refresh(auth, ctx, feed);
    if (rc != RC_OK) {
        aut_feed_close(feed);
        return rc;
    }
    *out = feed;
    return RC_OK;
}

void
aut_feed_close(struct aut_feed *feed)
{
    if (feed != NULL) {
        (void)pthread_cond_destroy(&feed->changed);
        (void)pthread_mutex_destroy(&feed->lock);
        free(feed);
    }
}

enum rc
aut_feed_refresh(struct auth *auth, struct ctx *ctx, struct aut_feed *feed)
{
    int64_t epoch = 0;
    enum rc rc = aut_revocation_epoch(auth->db, ctx, &epoch);

    (void)pthread_mutex_lock(&feed->lock);
    if (rc == RC_OK && epoch > feed->epoch) {
        feed->epoch = epoch;
    }
    feed->round++;
    (void)pthread_cond_broadcast(&feed->changed);
    (void)pthread_mutex_unlock(&feed->lock);
    return rc;
}

/* With the lock held. False when the time is over. */
static bool
wait_change(struct aut_feed *feed, int64_t until_us)
{
    struct timespec until = {.tv_sec = until_us / ASSAY_US_PER_S,
                             .tv_nsec = until_us % ASSAY_US_PER_S * 1000};

    return pthread_cond_timedwait(&feed->changed, &feed->lock, &until) == 0;
}

void
aut_feed_wait(struct aut_feed *feed, int64_t epoch, int64_t until_us)
{
    (void)pthread_mutex_lock(&feed->lock);
    while (feed->epoch <= epoch && wait_change(feed, until_us)) {
    }
    (void)pthread_mutex_unlock(&feed->lock);
}

static uint64_t
round_now(struct aut_feed *feed)
{
    (void)pthread_mutex_lock(&feed->lock);
    uint64_t round = feed->round;
    (void)pthread_mutex_unlock(&feed->lock);
    return round;
}

/* Waits for news since `round`, for a moment at most. */
static void
wait_round(struct aut_feed *feed, uint64_t round)
{
    int64_t until_us = clk_mono_us() + ACK_POLL_US;

    (void)pthread_mutex_lock(&feed->lock);
    while (feed->round == round && wait_change(feed, until_us)) {
    }
    (void)pthread_mutex_unlock(&feed->lock);
}

/* --- revoking ------------------------------------------------------------------------------ */

enum rc
aut_revoke(struct auth *auth, struct ctx *ctx, const struct aut_revocation *what, int64_t *epoch)
{
    int64_t number = 0;
    enum rc rc = aut_revocation_insert(auth->db, ctx, what, &number);

    if (rc == RC_OK) {
        rc = db_notify(auth->db, ctx, AUT_LOOP_REVOCATIONS, STR_EMPTY);
    }
    if (rc == RC_OK && number > *epoch) {
        *epoch = number;
    }
    return rc;
}

/* Ends: a lease lasts a few seconds, and who renews it acknowledges with the same call. */
enum rc
aut_settle(struct auth *auth, struct ctx *ctx, int64_t epoch)
{
    while (epoch > 0) {
        uint64_t round = round_now(auth->feed);
        int64_t behind = 0;
        enum rc rc = aut_watch_behind(auth->db, ctx, epoch, &behind);
        if (rc != RC_OK) {
            return rc;
        }
        if (behind == 0) {
            break;
        }
        if (ctx_check_deadline(ctx) != RC_OK) {
            return ctx->err.code;
        }
        wait_round(auth->feed, round);
    }
    return RC_OK;
}
