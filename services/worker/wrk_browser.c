/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether the browser of this host starts. A device that cannot open is worse than none: runs would
 * come to it and end. So the browser is started before the devices are offered, and started again
 * when it has died; while it does not start nobody gets a device, and the log, readiness and `assay
 * stack status` say why. */
#include <stdio.h>

#include "log/log.h"
#include "worker/wrk_job.h"

#define PAUSE_FIRST_US ASSAY_US_PER_S
#define PAUSE_LAST_US (60 * ASSAY_US_PER_S)

static void
set_why(struct worker *w, const struct ctx *ctx)
{
    (void)pthread_mutex_lock(&w->browses.lock);
    (void)snprintf(w->browses.why, sizeof(w->browses.why), "%.*s%s%.*s", STR_ARG(ctx->err.msg),
                   ctx->err.detail.n > 0 ? "; " : "", STR_ARG(ctx->err.detail));
    (void)pthread_mutex_unlock(&w->browses.lock);
}

/* Once for each death, also of one that somebody has started again meanwhile. */
static void
log_death(struct worker *w)
{
    char words[CDP_WORDS_MAX];
    int64_t deaths = cdp_browser_deaths(w->browser, words);

    if (deaths > w->browses.deaths) {
        log_line(LOG_ERROR_LEVEL, NULL, "browser_died", words);
    }
    w->browses.deaths = deaths;
}

static void
could_not_start(struct worker *w, struct ctx *ctx, int64_t now_us)
{
    struct wrk_browser *b = &w->browses;

    set_why(w, ctx);
    atomic_store(&b->starts, false);
    b->pause_us = b->pause_us == 0                  ? PAUSE_FIRST_US
                  : b->pause_us * 2 > PAUSE_LAST_US ? PAUSE_LAST_US
                                                    : b->pause_us * 2;
    b->next_us = now_us + b->pause_us;
    b->deaths = cdp_browser_deaths(w->browser, NULL); /* the failure tells of it */
    log_line(LOG_ERROR_LEVEL, ctx, "browser_start", "the devices are not offered",
             LOG_I64("next_try_us", b->pause_us));
    ctx_recover(ctx);
}

bool
wrk_browser_keep(void *state, struct ctx *ctx)
{
    struct worker *w = state;
    struct wrk_browser *b = &w->browses;
    int64_t now_us = clk_mono_us();

    log_death(w);
    if (atomic_load(&w->stop.asked) || now_us < b->next_us ||
        (atomic_load(&b->starts) && cdp_browser_pid(w->browser) > 0)) {
        return false;
    }
    if (cdp_browser_start(w->browser, ctx) != RC_OK) {
        could_not_start(w, ctx, clk_mono_us());
        return false;
    }
    b->pause_us = 0;
    if (!atomic_exchange(&b->starts, true)) {
        svc_wake(w->svc, WRK_BEAT);
    }
    return false;
}

bool
wrk_browser_is_ready(void *state, char why[SVC_WHY_MAX])
{
    struct worker *w = state;

    if (atomic_load(&w->browses.starts)) {
        return true;
    }
    (void)pthread_mutex_lock(&w->browses.lock);
    (void)snprintf(why, SVC_WHY_MAX, "%s",
                   w->browses.why[0] == '\0' ? "the browser is being started" : w->browses.why);
    (void)pthread_mutex_unlock(&w->browses.lock);
    return false;
}
