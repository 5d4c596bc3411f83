/* SPDX-License-Identifier: Apache-2.0
 *
 * The devices of this worker and the sessions on them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cond.h"
#include "worker/wrk_job.h"

static const struct device_profile PROFILES[] = {
    {.name = "Phone (Chromium)",
     .platform = "web",
     .category = "phone",
     .os_version = "Chromium",
     .width = 390,
     .height = 844,
     .scale = 1,
     .touch = true,
     .user_agent =
         "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
         "Chrome/156.0.0.0 Mobile Safari/537.36"},
    {.name = "Tablet (Chromium)",
     .platform = "web",
     .category = "tablet",
     .os_version = "Chromium",
     .width = 820,
     .height = 1180,
     .scale = 1,
     .touch = true,
     .user_agent = "Mozilla/5.0 (Linux; Android 14; Pixel Tablet) AppleWebKit/537.36 (KHTML, like "
                   "Gecko) Chrome/156.0.0.0 Safari/537.36"},
    {.name = "Desktop (Chromium)",
     .platform = "web",
     .category = "desktop",
     .os_version = "Chromium",
     .width = 1280,
     .height = 720,
     .scale = 1,
     .touch = false},
    {.name = "TV (Chromium)",
     .platform = "web",
     .category = "tv",
     .os_version = "Chromium",
     .width = 1920,
     .height = 1080,
     .scale = 1,
     .touch = false},
};

static const struct device_profile *
profile_of(struct str category)
{
    for (size_t i = 0; i < ARRAY_LEN(PROFILES); i++) {
        if (str_eqz(category, PROFILES[i].category)) {
            return &PROFILES[i];
        }
    }
    return NULL;
}

void
wrk_init(struct worker *w)
{
    (void)pthread_mutex_init(&w->jobs_lock, NULL);
    (void)pthread_cond_init(&w->jobs_gone, NULL);
    (void)pthread_mutex_init(&w->browses.lock, NULL);
}

void
wrk_device_init(struct wrk_device *d)
{
    (void)pthread_mutex_init(&d->use, NULL);
    (void)pthread_mutex_init(&d->lock, NULL);
    (void)pthread_mutex_init(&d->frame.lock, NULL);
    cond_init(&d->frame.fresh);
}

enum rc
wrk_devices_make(struct worker *w, const char *list)
{
    struct str rest = str_z(list);

    while (rest.p != NULL) {
        struct str category = str_trim(str_split(&rest, ','));
        const struct device_profile *profile = profile_of(category);
        if (profile == NULL || w->device_count == WRK_DEVICES_MAX) {
            return RC_INVALID_ARGUMENT;
        }
        struct wrk_device *d = &w->devices[w->device_count];
        wrk_device_init(d);
        (void)snprintf(d->id, sizeof(d->id), "%.40s-%s-%zu", w->worker_id, profile->category,
                       w->device_count + 1);
        d->profile = *profile;
        d->profile.id = d->id;
        d->device = cdp_device_new(w->browser, &d->profile);
        w->device_count++;
        if (d->device == NULL) {
            return RC_RESOURCE_EXHAUSTED;
        }
    }
    return RC_OK;
}

void
wrk_devices_free(struct worker *w)
{
    for (size_t i = 0; i < w->device_count; i++) {
        struct wrk_device *d = &w->devices[i];
        if (d->device != NULL) {
            cdp_device_free(d->device);
        }
        free(d->frame.jpeg);
        (void)pthread_mutex_destroy(&d->use);
        (void)pthread_mutex_destroy(&d->lock);
        (void)pthread_mutex_destroy(&d->frame.lock);
        (void)pthread_cond_destroy(&d->frame.fresh);
    }
    w->device_count = 0;
}

struct wrk_device *
wrk_device_find(struct worker *w, const char *device_id)
{
    for (size_t i = 0; i < w->device_count; i++) {
        if (strcmp(w->devices[i].id, device_id) == 0) {
            return &w->devices[i];
        }
    }
    return NULL;
}

struct wrk_device *
wrk_device_of_session(struct worker *w, const char *session_id)
{
    for (size_t i = 0; i < w->device_count; i++) {
        struct wrk_device *d = &w->devices[i];
        (void)pthread_mutex_lock(&d->lock);
        bool is_it = session_id[0] != '\0' && strcmp(d->session_id, session_id) == 0;
        (void)pthread_mutex_unlock(&d->lock);
        if (is_it) {
            return d;
        }
    }
    return NULL;
}

/* Forgets the pictures of the session that leaves: the next one may belong to somebody else. */
static void
frame_clear(struct wrk_device *d)
{
    (void)pthread_mutex_lock(&d->frame.lock);
    free(d->frame.jpeg);
    d->frame.jpeg = NULL;
    d->frame.n = 0;
    (void)pthread_mutex_unlock(&d->frame.lock);
}

/* Empties the device of the session on it. Under `use`. */
static void
device_vacate(struct wrk_device *d)
{
    (void)pthread_mutex_lock(&d->lock);
    bool was_open = d->is_open;
    d->session_id[0] = '\0';
    d->is_open = false;
    frame_clear(d);
    (void)pthread_mutex_unlock(&d->lock);
    if (was_open) {
        d->device->driver->close(d->device);
    }
}

/* A stop that came when its job had just ended waits for the device's next call, which is ours. */
static enum rc
open_device(struct wrk_device *d, struct ctx *ctx, const char *url)
{
    enum rc rc = d->device->driver->open(d->device, ctx, str_z(url));

    if (rc != RC_CANCELLED) {
        return rc;
    }
    ctx_recover(ctx);
    return d->device->driver->open(d->device, ctx, str_z(url));
}

enum rc
wrk_session_open(struct worker *w, struct ctx *ctx, struct wrk_device *d, const char *session_id,
                 const char *url, bool lazy)
{
    enum rc rc = RC_OK;

    (void)w;
    if (strlen(session_id) >= WRK_ID_MAX) {
        return fail(ctx, RC_INVALID_ARGUMENT, "BAD_SESSION_ID", "session_id is too long");
    }
    (void)pthread_mutex_lock(&d->lock);
    bool same = strcmp(d->session_id, session_id) == 0;
    (void)pthread_mutex_unlock(&d->lock);
    if (same) {
        return RC_OK;
    }
    /* Another session has the device now: the job of the one before is over. */
    wrk_job_stop(d, (struct wrk_which){.job = NULL}, WRK_ABANDON);
    (void)pthread_mutex_lock(&d->use);
    device_vacate(d);
    if (!lazy) {
        rc = open_device(d, ctx, url);
    }
    if (rc == RC_OK) {
        (void)pthread_mutex_lock(&d->lock);
        (void)snprintf(d->session_id, sizeof(d->session_id), "%s", session_id);
        d->is_open = !lazy;
        (void)pthread_mutex_unlock(&d->lock);
    }
    (void)pthread_mutex_unlock(&d->use);
    return rc;
}

void
wrk_session_close(struct worker *w, const char *session_id)
{
    struct wrk_device *d = wrk_device_of_session(w, session_id);

    if (d == NULL) {
        return;
    }
    wrk_job_stop(d, (struct wrk_which){.session_id = session_id}, WRK_ABANDON);
    (void)pthread_mutex_lock(&d->use);
    (void)pthread_mutex_lock(&d->lock);
    bool still = strcmp(d->session_id, session_id) == 0;
    (void)pthread_mutex_unlock(&d->lock);
    if (still) {
        device_vacate(d);
    }
    (void)pthread_mutex_unlock(&d->use);
}

void
wrk_frame_put(struct wrk_device *d, struct str jpeg)
{
    char *copy = malloc(jpeg.n == 0 ? 1 : jpeg.n);

    if (copy == NULL) {
        return; /* a live view misses a frame */
    }
    if (jpeg.n > 0) {
        memcpy(copy, jpeg.p, jpeg.n);
    }
    (void)pthread_mutex_lock(&d->frame.lock);
    free(d->frame.jpeg);
    d->frame.jpeg = copy;
    d->frame.n = jpeg.n;
    d->frame.seq++;
    (void)pthread_cond_broadcast(&d->frame.fresh);
    (void)pthread_mutex_unlock(&d->frame.lock);
}
