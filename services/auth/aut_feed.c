/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/aut_feed.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/cond.h"

/* A lost NOTIFY costs this at most. */
#define ACK_POLL_US (20 * ASSAY_US_PER_MS)
#define LOOK_US (200 * ASSAY_US_PER_MS)
#define KEPT 1024

/* A lease somebody waits to have renewed; lives on that caller's stack. */
struct renewal {
    struct str gateway;
    int64_t acked;
    int64_t lease_us;
    enum rc rc;
    bool done;
    struct renewal *next;
};

struct aut_feed {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct renewal *asked;
    int64_t epoch;                    /* of the last revocation known here */
    int64_t base;                     /* those after it, up to epoch, are in `kept` */
    uint64_t round;                   /* counts refreshes */
    struct aut_revocation kept[KEPT]; /* number n at n % KEPT */
};

enum rc
aut_feed_open(struct auth *auth, struct ctx *ctx, struct aut_feed **out)
{
    struct aut_feed *feed = calloc(1, sizeof(*feed));

    if (feed == NULL) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    (void)pthread_mutex_init(&feed->lock, NULL);
    cond_init(&feed->changed);
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

/* --- the loop's part ----------------------------------------------------------------------- */

static struct renewal *
take_asked(struct aut_feed *feed)
{
    (void)pthread_mutex_lock(&feed->lock);
    struct renewal *list = feed->asked;
    feed->asked = NULL;
    (void)pthread_mutex_unlock(&feed->lock);
    return list;
}

/* Renews each; those who wait for an acknowledgement hear of it in every replica. */
static enum rc
renew_all(struct auth *auth, struct ctx *ctx, struct renewal *list)
{
    bool any = false;

    for (struct renewal *r = list; r != NULL; r = r->next) {
        bool news = false;
        r->rc = aut_watch_renew(auth->db, ctx, r->gateway, r->acked, r->lease_us, &news);
        if (r->rc != RC_OK) {
            return r->rc; /* the others keep the failure they were made with */
        }
        any = any || news;
    }
    return any ? db_notify(auth->db, ctx, AUT_LOOP_REVOCATIONS, STR_EMPTY) : RC_OK;
}

static void
keep(struct aut_feed *feed, int64_t epoch, const struct aut_revocation *list, size_t n, bool all)
{
    for (size_t i = 0; i < n && !all; i++) {
        feed->kept[(feed->epoch + 1 + (int64_t)i) % KEPT] = list[i];
    }
    feed->epoch = epoch;
    if (all) {
        feed->base = epoch;
    } else if (feed->epoch - feed->base > KEPT) {
        feed->base = feed->epoch - KEPT;
    }
}

enum rc
aut_feed_refresh(struct auth *auth, struct ctx *ctx, struct aut_feed *feed)
{
    struct renewal *list = take_asked(feed);
    struct aut_revocation *revoked = NULL;
    int64_t epoch = 0;
    size_t n = 0;
    bool all = false;
    enum rc rc = renew_all(auth, ctx, list);

    /* After the leases are committed, not before: see the header. */
    if (rc == RC_OK) {
        rc = aut_revocations_since(auth->db, ctx, feed->epoch, KEPT, &epoch, &revoked, &n, &all);
    }
    (void)pthread_mutex_lock(&feed->lock);
    if (rc == RC_OK) {
        keep(feed, epoch, revoked, n, all);
    }
    for (struct renewal *r = list; r != NULL; r = r->next) {
        r->rc = rc == RC_OK ? r->rc : rc;
        r->done = true;
    }
    feed->round++;
    (void)pthread_cond_broadcast(&feed->changed);
    (void)pthread_mutex_unlock(&feed->lock);
    return rc;
}

/* --- waiting ------------------------------------------------------------------------------- */

/* With the lock held. False when the time is over. */
static bool
wait_change(struct aut_feed *feed, int64_t until_us)
{

    return cond_wait_until(&feed->changed, &feed->lock, until_us);
}

void
aut_feed_wait(struct aut_feed *feed, int64_t epoch, int64_t until_us)
{
    (void)pthread_mutex_lock(&feed->lock);
    while (feed->epoch <= epoch && wait_change(feed, until_us)) {
    }
    (void)pthread_mutex_unlock(&feed->lock);
}

/* With the lock held: removes what the loop has not taken yet (it may have ended). */
static bool
take_back(struct aut_feed *feed, const struct renewal *mine)
{
    for (struct renewal **at = &feed->asked; *at != NULL; at = &(*at)->next) {
        if (*at == mine) {
            *at = mine->next;
            return true;
        }
    }
    return false;
}

enum rc
aut_feed_renew(struct auth *auth, struct ctx *ctx, struct str gateway, int64_t acked,
               int64_t lease_us)
{
    struct aut_feed *feed = auth->feed;
    struct renewal mine = {
        .gateway = gateway, .acked = acked, .lease_us = lease_us, .rc = RC_UNAVAILABLE};

    (void)pthread_mutex_lock(&feed->lock);
    mine.next = feed->asked;
    feed->asked = &mine;
    (void)pthread_mutex_unlock(&feed->lock);
    auth->wake(auth->wake_arg, AUT_LOOP_REVOCATIONS);
    (void)pthread_mutex_lock(&feed->lock);
    while (!mine.done && !(ctx_left_us(ctx) == 0 && take_back(feed, &mine))) {
        (void)wait_change(feed, clk_mono_us() + LOOK_US);
    }
    (void)pthread_mutex_unlock(&feed->lock);
    return mine.rc == RC_OK ? RC_OK
                            : fail(ctx, mine.rc, "WATCH", "the watch cannot be renewed right now");
}

enum rc
aut_feed_since(struct aut_feed *feed, struct ctx *ctx, int64_t epoch, int64_t *out_epoch,
               struct aut_revocation **out, size_t *out_count, bool *out_all)
{
    struct aut_revocation *list = ARENA_ARRAY(ctx->arena, KEPT, struct aut_revocation);
    size_t n = 0;

    if (list == NULL) {
        return fail_memory(ctx, "the answer is too large");
    }
    (void)pthread_mutex_lock(&feed->lock);
    *out_all = epoch < feed->base;
    for (int64_t i = epoch + 1; i <= feed->epoch && !*out_all; i++) {
        list[n++] = feed->kept[i % KEPT];
    }
    *out_epoch = feed->epoch;
    (void)pthread_mutex_unlock(&feed->lock);
    *out = list;
    *out_count = n;
    return RC_OK;
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
