/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/devices/cdp_internal.h"

#include <stdlib.h>

struct cdp_device *
cdp_of(struct device *d)
{
    return (struct cdp_device *)(void *)d;
}

struct cdp_session *
cdp_tab(struct cdp_device *d)
{
    return d->tab < 0 ? NULL : &d->sessions[d->tab];
}

static enum rc
page_gone(struct ctx *ctx)
{
    return fail(ctx, RC_UNAVAILABLE, "DEVICE_GONE", "the browser or its page crashed");
}

static enum rc
gone(struct cdp_device *d, struct ctx *ctx)
{
    struct str how = cdp_browser_epitaph(d->browser, ctx, &d->box);
    enum rc rc = page_gone(ctx);

    if (how.n > 0) {
        note(ctx, "%.*s", STR_ARG(how));
    }
    return rc;
}

/* The browser took no command. The reader is about to find out why, and says so to the box. */
static enum rc
not_taken(struct cdp_device *d, struct ctx *ctx)
{
    int64_t until_us = clk_mono_us() + ASSAY_US_PER_S;
    enum cdp_pop what = CDP_POP_MSG;

    while (what == CDP_POP_MSG) {
        struct cdp_msg *m = NULL;
        what = cdp_box_pop(&d->box, until_us, &m);
        free(m);
    }
    return gone(d, ctx);
}

enum rc
cdp_hangs(struct ctx *ctx)
{
    return fail(ctx, RC_DEADLINE_EXCEEDED, "DEVICE_TIMEOUT", "the page does not answer");
}

void
cdp_ask(struct cdp_device *d, struct cdp_wait *w, const struct cdp_session *s, const char *method,
        struct str params)
{
    int64_t id = cdp_browser_next_id(d->browser, &d->box);

    cdp_put_command(&d->out, id, s == NULL ? STR_EMPTY : str_z(s->id), method, params);
    if (w != NULL) {
        ASSERT(w->count < CDP_WAIT_MAX);
        w->ids[w->count++] = id;
    }
}

void
cdp_askf(struct cdp_device *d, struct cdp_wait *w, const struct cdp_session *s, const char *method,
         const char *fmt, ...)
{
    struct buf params;
    va_list args;

    buf_init(&params, 1 << 20);
    va_start(args, fmt);
    buf_vprintf(&params, fmt, args);
    va_end(args);
    cdp_ask(d, w, s, method, buf_str(&params));
    buf_fini(&params);
}

static enum rc
flush(struct cdp_device *d, struct ctx *ctx)
{
    bool ok =
        !buf_failed(&d->out) && (d->out.n == 0 || cdp_browser_write(d->browser, buf_str(&d->out)));
    bool full = buf_failed(&d->out);

    buf_clear(&d->out);
    if (full) {
        return fail(ctx, RC_RESOURCE_EXHAUSTED, "TOO_LARGE", "the text is too long for the device");
    }
    return ok ? RC_OK : not_taken(d, ctx);
}

/* Keeps an answer somebody waits for, frees any other message after its event was applied. */
static void
accept(struct cdp_device *d, struct cdp_wait *w, struct cdp_msg *m)
{
    for (size_t i = 0; m->id != 0 && w != NULL && i < w->count; i++) {
        if (w->ids[i] == m->id) {
            w->answers[i] = m;
            return;
        }
    }
    if (m->id == 0) {
        cdp_event(d, m);
    }
    free(m);
}

/* Takes one message. *out_any is false when time is over. */
static enum rc
step(struct cdp_device *d, struct ctx *ctx, struct cdp_wait *w, int64_t until_us, bool *out_any)
{
    struct cdp_msg *m = NULL;

    *out_any = false;
    switch (cdp_box_pop(&d->box, until_us, &m)) {
    case CDP_POP_MSG:
        accept(d, w, m);
        *out_any = true;
        return RC_OK;
    case CDP_POP_TIME:
        return RC_OK;
    case CDP_POP_ABORTED:
        return fail(ctx, RC_CANCELLED, "CANCELLED", "the action was cancelled");
    case CDP_POP_GONE:
        break;
    }
    return gone(d, ctx);
}

static bool
all_answered(const struct cdp_wait *w)
{
    for (size_t i = 0; i < w->count; i++) {
        if (w->answers[i] == NULL) {
            return false;
        }
    }
    return true;
}

/* The moment a wait of `limit_us` ends; never behind the deadline of ctx. */
static int64_t
until(const struct ctx *ctx, int64_t limit_us)
{
    int64_t left = ctx_left_us(ctx);

    return clk_mono_us() + (left < limit_us ? left : limit_us);
}

/* What the current tab was when a wait began. */
struct start {
    const struct cdp_session *tab;
    int64_t born;
    int64_t navigations;
};

static bool
stopped(struct cdp_device *d, unsigned stops, const struct start *start, enum cdp_end *end)
{
    struct cdp_session *tab = cdp_tab(d);

    if (stops == 0) {
        return false;
    }
    if (start->tab != NULL && (!start->tab->used || start->tab->born != start->born)) {
        *end = CDP_CLOSED;
        return true;
    }
    if (tab != NULL && (stops & CDP_STOP_DIALOG) != 0 && tab->dialog) {
        *end = CDP_DIALOG;
        return true;
    }
    if (tab != NULL && (stops & CDP_STOP_NAVIGATED) != 0 &&
        (tab != start->tab || tab->navigations != start->navigations)) {
        *end = CDP_NAVIGATED;
        return true;
    }
    return false;
}

enum rc
cdp_await(struct cdp_device *d, struct ctx *ctx, struct cdp_wait *w, unsigned stops,
          int64_t limit_us)
{
    int64_t end_us = until(ctx, limit_us);
    struct cdp_session *tab = cdp_tab(d);
    struct start start = {.tab = tab};
    bool any = true;
    enum rc rc = flush(d, ctx);

    if (tab != NULL) {
        start.born = tab->born;
        start.navigations = tab->navigations;
    }
    w->end = CDP_ANSWERED;
    while (rc == RC_OK && !all_answered(w) && !stopped(d, stops, &start, &w->end)) {
        tab = cdp_tab(d);
        if (tab != NULL && tab->crashed) {
            return page_gone(ctx);
        }
        rc = step(d, ctx, w, end_us, &any);
        if (rc == RC_OK && !any) {
            if (ctx_left_us(ctx) == 0) {
                return cdp_hangs(ctx);
            }
            w->end = CDP_EXPIRED;
            break;
        }
    }
    return rc;
}

void
cdp_wait_fini(struct cdp_wait *w)
{
    for (size_t i = 0; i < w->count; i++) {
        free(w->answers[i]);
    }
    *w = (struct cdp_wait){0};
}

enum rc
cdp_pump(struct cdp_device *d, struct ctx *ctx, int64_t until_us, bool *out_any)
{
    struct cdp_session *tab = cdp_tab(d);
    int64_t last = until(ctx, INT64_MAX / 4);
    enum rc rc = flush(d, ctx);

    if (rc == RC_OK) {
        rc = step(d, ctx, NULL, until_us < last ? until_us : last, out_any);
    }
    if (rc == RC_OK && !*out_any && ctx_left_us(ctx) == 0) {
        return cdp_hangs(ctx);
    }
    return rc == RC_OK && tab != NULL && tab->used && tab->crashed ? page_gone(ctx) : rc;
}

enum rc
cdp_drain(struct cdp_device *d, struct ctx *ctx)
{
    bool any = true;
    enum rc rc = flush(d, ctx);

    while (rc == RC_OK && any) {
        rc = step(d, ctx, NULL, 0, &any);
    }
    struct cdp_session *tab = cdp_tab(d);
    return rc == RC_OK && tab != NULL && tab->crashed ? page_gone(ctx) : rc;
}

enum rc
cdp_answer(struct ctx *ctx, const struct cdp_msg *m, const struct json_value **out,
           struct str *out_error)
{
    /* The tree points into the text, which must outlive the message. */
    struct str copy = arena_str(ctx->arena, str_n(m->text, m->n));
    const struct json_value *v = arena_failed(ctx->arena) ? NULL : cdp_read(ctx->arena, copy);

    if (v == NULL) {
        return fail(ctx, RC_INTERNAL, "DEVTOOLS", "the browser's answer could not be read");
    }
    *out_error = json_str(json_path(v, "error.message"));
    *out = json_get(v, "result");
    return RC_OK;
}

enum rc
cdp_call(struct cdp_device *d, struct ctx *ctx, const struct cdp_session *s, const char *method,
         struct str params, const struct json_value **out)
{
    struct cdp_wait w = {0};
    const struct json_value *result = NULL;
    struct str error = STR_EMPTY;

    cdp_ask(d, &w, s, method, params);
    enum rc rc = cdp_await(d, ctx, &w, 0, CDP_CALL_US);
    if (rc == RC_OK && w.end == CDP_EXPIRED) {
        rc = cdp_hangs(ctx);
    }
    if (rc == RC_OK) {
        rc = cdp_answer(ctx, w.answers[0], &result, &error);
    }
    cdp_wait_fini(&w);
    if (rc == RC_OK && error.n > 0) {
        rc = fail(ctx, RC_INTERNAL, "DEVTOOLS", "the browser refused a command");
        note(ctx, "%s: %.*s", method, STR_ARG(error));
    }
    if (rc == RC_OK && out != NULL) {
        *out = result;
    }
    return rc;
}

enum rc
cdp_callf(struct cdp_device *d, struct ctx *ctx, const struct cdp_session *s,
          const struct json_value **out, const char *method, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    struct str params = arena_vprintf(ctx->arena, fmt, args);
    va_end(args);
    return cdp_call(d, ctx, s, method, params, out);
}
