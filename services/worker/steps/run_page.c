/* SPDX-License-Identifier: Apache-2.0
 *
 * What is done to the page as a whole: addresses, history, tabs, dialogs, pauses. */
#include <time.h>

#include "worker/steps/run_parts.h"

#define WAIT_SLICE_US (100 * ASSAY_US_PER_MS)

/* Which address, and what the browser said of it. */
static enum rc
name_address(struct run *run, enum rc rc, struct str url)
{
    struct err why = run->sub.err;
    bool unreachable = rc == RC_NOT_FOUND && why.reason != NULL;
    if (!unreachable && rc != RC_DEADLINE_EXCEEDED) {
        return rc;
    }
    ctx_recover(&run->sub);
    return fail(&run->sub, rc, why.reason, "%.*s: %.*s%s%.*s%s", STR_ARG(url), STR_ARG(why.msg),
                why.detail.n > 0 ? " (" : "", STR_ARG(why.detail), why.detail.n > 0 ? ")" : "");
}

bool
run_open(struct run *run, const struct action *a)
{
    struct str url;
    enum rc rc = RC_OK;
    if (run->opt->base_url.n == 0) {
        rc = run_observe(run);
    }
    if (rc == RC_OK) {
        rc = run_address(run, a->value, &url);
    }
    if (rc != RC_OK) {
        return run_ended(run, rc);
    }
    int64_t from = clk_mono_us();
    rc = run->dev->driver->go(run->dev, &run->sub, url);
    run_waited(run, from);
    return run_ended(run, name_address(run, rc, url));
}

/* A wait for time is the one place that sleeps; in slices, so that a device that is gone or a run
 * that is cancelled ends it. */
bool
run_pause(struct run *run, const struct action *a)
{
    int64_t from = clk_mono_us();
    run_set_deadline(run, a->duration_us);
    for (int64_t left = run_left_us(run); left > 0; left = run_left_us(run)) {
        int64_t slice = left < WAIT_SLICE_US ? left : WAIT_SLICE_US;
        struct timespec ts = {.tv_sec = 0, .tv_nsec = (long)slice * 1000};
        struct device_page page;
        (void)nanosleep(&ts, NULL);
        arena_reset(run->sub.arena);
        ctx_recover(&run->sub);
        enum rc rc = run->dev->driver->page(run->dev, &run->sub, &page);
        if (rc != RC_OK) {
            return run_ended(run, rc);
        }
    }
    run_waited(run, from);
    return true;
}

struct answering {
    bool accept;
    struct str text;
};

static enum rc
answer_once(struct run *run, void *arg)
{
    const struct answering *w = arg;
    if (run->snap.dialog.p == NULL) {
        return fail(&run->sub, RC_FAILED_PRECONDITION, "NOT_YET_ASKED",
                    "the page shows no dialog of the browser");
    }
    return run->dev->driver->dialog(run->dev, &run->sub, w->accept, w->text);
}

/* A page may ask a while after what made it ask. */
static enum rc
answer(struct run *run, const struct action *a)
{
    struct answering w = {.accept = a->type == ACT_DIALOG_ACCEPT};
    if (vars_expand(&run->sub, run->vars, a->value, &w.text) != RC_OK) {
        return run->sub.err.code;
    }
    w.text = arena_str(run->ctx->arena, w.text);
    run->sees_dialogs = true;
    enum rc rc = run_until(run, answer_once, &w, 0);
    run->sees_dialogs = false;
    return rc;
}

static enum rc
command(struct run *run, const struct action *a)
{
    const struct device_driver *d = run->dev->driver;
    switch (a->type) {
    case ACT_BACK:
        return d->back(run->dev, &run->sub);
    case ACT_FORWARD:
        return d->forward(run->dev, &run->sub);
    case ACT_RELOAD:
        return d->reload(run->dev, &run->sub);
    case ACT_SWITCH_TAB:
        return d->tab(run->dev, &run->sub, a->nth, false);
    case ACT_CLOSE_TAB:
        return d->tab(run->dev, &run->sub, 0, true);
    case ACT_LAUNCH:
    case ACT_RELAUNCH:
        return d->reset(run->dev, &run->sub, DEVICE_RELAUNCH, run->opt->base_url);
    case ACT_HIDE_KEYBOARD:
        return RC_OK; /* no on-screen keyboard covers the page in a browser */
    case ACT_WAIT_LOAD:
        return d->settle(run->dev, &run->sub, run_left_us(run));
    default:
        return fail(&run->sub, RC_UNIMPLEMENTED, "NOT_SUPPORTED", "this device cannot %s",
                    act_type_name(a->type));
    }
}

bool
run_page_command(struct run *run, const struct action *a)
{
    if (a->type == ACT_DIALOG_ACCEPT || a->type == ACT_DIALOG_DISMISS) {
        return run_ended(run, answer(run, a));
    }
    int64_t from = clk_mono_us();
    enum rc rc = command(run, a);
    run_waited(run, from);
    return run_ended(run, rc);
}
