/* SPDX-License-Identifier: Apache-2.0
 *
 * Stopping without a loss. The worker is of use to others until nobody has a device of it: sessions
 * counts them, so that also a run that has just been given a device, and is about to be handed to
 * us, is refused and not met by silence. */
#include "log/log.h"
#include "worker/wrk_job.h"

#define HURRY_US (10 * ASSAY_US_PER_S)  /* for giving back what is under way */
#define SILENCE_US (5 * ASSAY_US_PER_S) /* sessions does not answer: nobody is waited for */
#define ASK_US (100 * ASSAY_US_PER_MS)

void
wrk_drain_begin(void *state)
{
    struct worker *w = state;
    int64_t now_us = clk_mono_us();

    atomic_store(&w->stop.until_us, now_us + w->cfg->drain_us);
    atomic_store(&w->stop.heard_us, now_us);
    atomic_store(&w->stop.sessions, -1);
    (void)pthread_mutex_lock(&w->jobs_lock);
    atomic_store(&w->stop.asked, true);
    (void)pthread_mutex_unlock(&w->jobs_lock);
}

void
wrk_drain_hurry(void *state)
{
    struct worker *w = state;

    log_line(LOG_WARN_LEVEL, NULL, "drain_hurried", "runs under way go back to the queue");
    w->stop.hurried = true;
    atomic_store(&w->stop.until_us, clk_mono_us() + HURRY_US);
    for (size_t i = 0; i < w->device_count; i++) {
        wrk_job_stop(&w->devices[i], (struct wrk_which){.job = NULL}, WRK_RETURN);
    }
}

static bool
has_jobs(struct worker *w)
{
    (void)pthread_mutex_lock(&w->jobs_lock);
    bool has = w->jobs_live > 0;
    (void)pthread_mutex_unlock(&w->jobs_lock);
    return has;
}

/* Sessions of people, and devices that runs have got and not yet given back. */
static bool
has_sessions(struct worker *w, int64_t now_us)
{
    return atomic_load(&w->registered) && atomic_load(&w->stop.sessions) != 0 &&
           now_us - atomic_load(&w->stop.heard_us) < SILENCE_US;
}

bool
wrk_drain_is_over(void *state)
{
    struct worker *w = state;
    int64_t now_us = clk_mono_us();
    bool late = now_us >= atomic_load(&w->stop.until_us);

    if (late && !w->stop.hurried) {
        wrk_drain_hurry(w);
        late = false;
    }
    bool over = late || (!has_jobs(w) && (w->stop.hurried || !has_sessions(w, now_us)));
    if (over) {
        wrk_leave(w);
    } else if (now_us >= w->stop.wake_us) {
        w->stop.wake_us = now_us + ASK_US;
        svc_wake(w->svc, WRK_BEAT);
    }
    return over;
}
