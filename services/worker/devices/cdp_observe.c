/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/devices/cdp_internal.h"

#include <string.h>

#define REARM_US (250 * ASSAY_US_PER_MS) /* values a script sets without an event show only so */

static void
find_roots(struct cdp_device *d, struct cdp_roots *r)
{
    r->count = 0;
    r->sessions[r->count++] = cdp_tab(d);
    for (size_t i = 0; i < CDP_SESSIONS; i++) {
        struct cdp_session *s = &d->sessions[i];
        if (s->used && !s->page && !s->crashed && s->world[0] != '\0' && cdp_in_tab(d, s)) {
            r->sessions[r->count++] = s;
        }
    }
}

/* --- observing -------------------------------------------------------------------------------- */

static enum rc
walk_all(struct cdp_device *d, struct ctx *ctx, struct cdp_roots *r, int64_t quiet_us)
{
    struct cdp_wait w = {0};
    enum rc rc = cdp_need_world(d, ctx, cdp_tab(d));

    if (rc == RC_OK && cdp_tab(d) != NULL && cdp_tab(d)->world[0] == '\0') {
        rc = cdp_tab(d)->dialog ? cdp_no_dialog(d, ctx) : RC_ABORTED;
    }
    if (rc == RC_OK) {
        rc = cdp_find_owners(d, ctx);
    }
    if (rc != RC_OK || cdp_tab(d) == NULL) {
        return rc == RC_OK ? RC_ABORTED : rc;
    }
    find_roots(d, r);
    int64_t has = cdp_held(d, r->sessions[0]);
    for (size_t i = 0; i < r->count; i++) {
        cdp_ask_eval(d, &w, r->sessions[i], false,
                     arena_printf(ctx->arena, "__assay.walk(%s,%lld,%lld)",
                                  d->acted ? "true" : "false", (long long)(i == 0 ? has : 0),
                                  (long long)(i == 0 ? quiet_us / ASSAY_US_PER_MS : 0)));
    }
    rc = cdp_await(d, ctx, &w, CDP_STOP_DIALOG, CDP_CALL_US);
    if (rc == RC_OK && w.end == CDP_DIALOG) {
        rc = cdp_no_dialog(d, ctx);
    } else if (rc == RC_OK && w.end == CDP_EXPIRED) {
        rc = cdp_hangs(ctx);
    }
    for (size_t i = 0; i < r->count && rc == RC_OK; i++) {
        rc = w.answers[i] == NULL ? RC_ABORTED : cdp_eval_text(ctx, w.answers[i], &r->walks[i]);
        if (rc == RC_ABORTED && i > 0) { /* a frame that went away is no reason to look again */
            r->walks[i] = STR_EMPTY;
            rc = RC_OK;
        }
    }
    cdp_wait_fini(&w);
    return rc == RC_OK ? cdp_complete_walk(d, ctx, r->sessions[0], has, &r->walks[0]) : rc;
}

/* A page behind a dialog cannot be looked at; the dialog is all there is. */
static enum rc
only_dialog(struct cdp_device *d, struct ctx *ctx, struct snapshot *out)
{
    struct cdp_session *tab = cdp_tab(d);
    struct cdp_roots none = {0};

    cdp_remember(d, &none);
    *out = (struct snapshot){
        .url = arena_str(ctx->arena, str_z(tab->url)),
        .dialog = arena_str(ctx->arena, str_z(tab->dialog_text)),
        .viewport_w = d->base.profile.width,
        .viewport_h = d->base.profile.height,
        .version = d->version,
        .tabs = cdp_tab_count(d),
    };
    if (out->dialog.p == NULL) {
        out->dialog = STR("");
    }
    return RC_OK;
}

static bool
has_frames(struct cdp_device *d)
{
    for (size_t i = 0; i < CDP_SESSIONS; i++) {
        if (d->sessions[i].used && !d->sessions[i].page && cdp_in_tab(d, &d->sessions[i])) {
            return true;
        }
    }
    return false;
}

/* Waits until nothing is under way. *out_quiet_us: how long the page itself may take to become
 * quiet before it is looked at, 0 when there is no need to ask it. */
static enum rc
settle_first(struct cdp_device *d, struct ctx *ctx, struct cdp_settling *s, int64_t *out_quiet_us)
{
    bool done = false;
    enum rc rc = cdp_settle_events(d, ctx, s, &done);

    *out_quiet_us = 0;
    if (rc != RC_OK || done) {
        return rc;
    }
    /* Frames of other processes are looked at together with the page, not before it is quiet. */
    if (has_frames(d)) {
        return cdp_settle(&d->base, ctx, s->end_us - clk_mono_us());
    }
    s->asked = true;
    *out_quiet_us = s->end_us - clk_mono_us();
    return RC_OK;
}

/* ABORTED: look again. */
static enum rc
look(struct cdp_device *d, struct ctx *ctx, struct cdp_settling *s, struct cdp_roots *r,
     int64_t *looked_us)
{
    int64_t quiet_us = 0;
    bool done = true;
    enum rc rc = settle_first(d, ctx, s, &quiet_us);

    *looked_us = clk_mono_us();
    if (rc == RC_OK) {
        rc = walk_all(d, ctx, r, quiet_us);
    }
    if (rc == RC_OK && quiet_us > 0) {
        rc = cdp_settle_events(d, ctx, s, &done);
    }
    return rc == RC_OK && !done ? RC_ABORTED : rc;
}

enum rc
cdp_observe(struct device *base, struct ctx *ctx, int64_t budget_us, struct snapshot *out)
{
    struct cdp_device *d = cdp_of(base);
    int64_t begun_us = clk_mono_us();
    int64_t looked_us = begun_us;
    struct cdp_settling s = {.end_us = begun_us + budget_us};
    struct cdp_roots r = {0};
    enum rc rc;

    do {
        rc = cdp_require(d, ctx);
        if (rc == RC_OK && cdp_tab(d)->dialog) {
            return only_dialog(d, ctx, out);
        }
        if (rc == RC_OK) {
            rc = look(d, ctx, &s, &r, &looked_us);
        }
        if (rc == RC_FAILED_PRECONDITION) { /* a dialog opened while we looked */
            ctx_recover(ctx);
            rc = RC_ABORTED;
        }
    } while (rc == RC_ABORTED && ctx->err.code == RC_OK);
    if (rc == RC_OK) {
        rc = cdp_read_walks(d, ctx, &r, out);
    }
    if (rc == RC_OK) {
        out->settle_us += looked_us - begun_us;
        out->unsettled = clk_mono_us() >= s.end_us;
    }
    return rc;
}

/* --- waiting for a change ----------------------------------------------------------------------
 */

static bool
differs(struct cdp_device *d)
{
    struct cdp_session *tab = cdp_tab(d);
    struct cdp_roots r;

    if (tab == NULL || tab->born != d->seen_tab || tab->dialog) {
        return true;
    }
    find_roots(d, &r);
    for (size_t i = 0; i < r.count; i++) {
        if (r.sessions[i]->world[0] != '\0' &&
            strcmp(r.sessions[i]->world, r.sessions[i]->seen_world) != 0) {
            return true;
        }
    }
    return false;
}

/* Asks every document to tell of its next change. *out_changed: one has changed already. */
static enum rc
arm(struct cdp_device *d, struct ctx *ctx, bool *out_changed)
{
    struct cdp_wait w = {0};
    struct cdp_roots r;

    *out_changed = false;
    find_roots(d, &r);
    for (size_t i = 0; i < r.count; i++) {
        struct cdp_session *s = r.sessions[i];
        if (s->world[0] != '\0') {
            cdp_ask_eval(d, &w, s, false,
                         arena_printf(ctx->arena, "__assay.arm(%lld)", (long long)s->changes));
        }
    }
    enum rc rc = cdp_await(d, ctx, &w, CDP_STOP_DIALOG, CDP_CALL_US);
    if (rc == RC_OK && w.end == CDP_EXPIRED) {
        rc = cdp_hangs(ctx);
    }
    for (size_t i = 0; rc == RC_OK && w.end == CDP_ANSWERED && i < w.count; i++) {
        struct str said = STR_EMPTY;
        rc = cdp_eval_text(ctx, w.answers[i], &said);
        rc = rc == RC_ABORTED ? RC_OK : rc; /* a new document: differs() sees it */
        *out_changed = *out_changed || str_eqz(said, "1");
    }
    cdp_wait_fini(&w);
    return rc;
}

enum rc
cdp_wait_change(struct device *base, struct ctx *ctx, int64_t version, int64_t budget_us)
{
    struct cdp_device *d = cdp_of(base);
    int64_t end_us = clk_mono_us() + budget_us;
    enum rc rc = cdp_require(d, ctx);

    while (rc == RC_OK && version == d->version && !differs(d)) {
        int64_t events = d->events;
        bool changed = false;
        bool any = true;
        rc = arm(d, ctx, &changed);
        if (rc != RC_OK || changed) {
            break;
        }
        int64_t next_us = clk_mono_us() + REARM_US;
        while (rc == RC_OK && any && d->events == events) {
            rc = cdp_pump(d, ctx, next_us < end_us ? next_us : end_us, &any);
        }
        if (rc == RC_OK && clk_mono_us() >= end_us && !differs(d)) {
            return fail(ctx, RC_DEADLINE_EXCEEDED, "NO_CHANGE", "the page did not change");
        }
    }
    return rc;
}

/* --- recorded selectors ------------------------------------------------------------------------
 */

enum rc
cdp_find(struct device *base, struct ctx *ctx, struct str selector, int32_t *out_ref)
{
    struct cdp_device *d = cdp_of(base);
    struct cdp_roots r;
    enum rc rc = cdp_require(d, ctx);

    if (rc == RC_OK && (rc = cdp_need_world(d, ctx, cdp_tab(d))) == RC_OK) {
        rc = cdp_find_owners(d, ctx);
    }
    if (rc != RC_OK) {
        return rc;
    }
    struct str quoted = cdp_quote(ctx, selector);
    struct str expr = arena_printf(ctx->arena, "__assay.find(%.*s)", STR_ARG(quoted));
    find_roots(d, &r);
    for (size_t i = 0; i < r.count; i++) {
        struct cdp_session *s = r.sessions[i];
        struct str said = STR_EMPTY;
        ctx_recover(ctx);
        rc = cdp_eval(d, ctx, s, expr, &said);
        rc = rc == RC_OK ? cdp_reason(ctx, said) : rc;
        if (rc == RC_OK) {
            memcpy(s->seen_world, s->world, sizeof s->seen_world);
            *out_ref = cdp_ref(d, s, (int32_t)cdp_number(cdp_field(said, 1)));
        }
        if (rc != RC_NOT_FOUND) {
            break;
        }
    }
    return rc == RC_ABORTED && ctx->err.code == RC_OK
               ? fail(ctx, RC_NOT_FOUND, "NO_SUCH_ELEMENT", "the page has changed to another")
               : rc;
}
