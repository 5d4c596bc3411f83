/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/devices/cdp_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "worker/devices/cdp_process.h"

#define OUT_MAX (32u << 20)
#define EVENT_ARENA (16u << 20)
#define CLOSE_US (2 * ASSAY_US_PER_S)

static const struct device_driver driver = {
    .name = "cdp",
    .open = cdp_open,
    .reset = cdp_reset,
    .close = cdp_close,
    .settle = cdp_settle,
    .observe = cdp_observe,
    .wait_change = cdp_wait_change,
    .act = cdp_act,
    .go = cdp_go,
    .back = cdp_back,
    .forward = cdp_forward,
    .reload = cdp_reload,
    .dialog = cdp_dialog,
    .tab = cdp_switch_tab,
    .page = cdp_page,
    .screenshot = cdp_screenshot,
    .still = cdp_still,
    .find = cdp_find,
    .abort = cdp_abort,
};

struct device *
cdp_device_new(struct cdp_browser *b, const struct device_profile *profile)
{
    struct cdp_device *d = calloc(1, sizeof *d);

    if (d == NULL) {
        return NULL;
    }
    d->base = (struct device){.driver = &driver, .profile = *profile};
    d->browser = b;
    d->tab = -1;
    d->scratch = arena_new(EVENT_ARENA);
    buf_init(&d->out, OUT_MAX);
    buf_init(&d->held_lines, 0);
    cdp_box_init(&d->box);
    d->box.greet = cdp_greet;
    d->box.arg = d;
    if (d->scratch == NULL) {
        cdp_device_free(&d->base);
        return NULL;
    }
    return &d->base;
}

void
cdp_device_free(struct device *base)
{
    if (base == NULL) {
        return;
    }
    struct cdp_device *d = cdp_of(base);
    cdp_close(base);
    cdp_box_fini(&d->box);
    buf_fini(&d->out);
    buf_fini(&d->held_lines);
    arena_free(d->scratch);
    free(d->drag_p);
    free(d);
}

const char *
cdp_device_downloads(const struct device *base)
{
    return ((const struct cdp_device *)(const void *)base)->downloads;
}

void
cdp_abort(struct device *base)
{
    cdp_box_abort(&cdp_of(base)->box);
}

enum rc
cdp_no_dialog(struct cdp_device *d, struct ctx *ctx)
{
    struct cdp_session *tab = cdp_tab(d);

    if (tab != NULL && tab->dialog) {
        return fail(ctx, RC_FAILED_PRECONDITION, "DIALOG_OPEN", "the page shows a dialog: %s",
                    tab->dialog_text);
    }
    return RC_OK;
}

/* --- a context of its own -------------------------------------------------------------------- */

/* Forgets the context, and with it everything that was known about its pages. */
static void
forget(struct cdp_device *d)
{
    cdp_browser_close_box(d->browser, &d->box);
    cdp_box_clear(&d->box);
    memset(d->sessions, 0, sizeof d->sessions);
    cdp_forget_requests(d);
    buf_clear(&d->out);
    buf_fini(&d->held_lines);
    d->held = 0;
    d->tab = -1;
    d->open = false;
    d->must_renew = false;
    d->context[0] = '\0';
    d->origin_count = 0;
    d->owes_clearing = false;
    d->slow_count = 0;
    memset(d->slow_urls, 0, sizeof d->slow_urls);
}

static void
remove_downloads(struct cdp_device *d)
{
    if (d->downloads[0] != '\0') {
        cdp_remove_tree(d->downloads);
    }
}

/* Disposes of the context. CANCELLED when somebody aborted meanwhile; other failures mean that the
 * browser is gone, and the context with it. */
static enum rc
dispose(struct cdp_device *d)
{
    struct arena *arena = arena_new(1 << 20);
    struct ctx ctx;
    enum rc rc = RC_OK;

    if (d->open && arena != NULL) {
        ctx_init(&ctx, arena);
        ctx.deadline_us = clk_wall_us() + CLOSE_US;
        buf_clear(&d->out);
        d->tab = -1; /* whatever the page is doing no longer matters */
        rc = cdp_callf(d, &ctx, NULL, NULL, "Target.disposeBrowserContext",
                       "{\"browserContextId\":\"%s\"}", d->context);
    }
    arena_free(arena);
    forget(d);
    remove_downloads(d);
    d->downloads[0] = '\0';
    return rc;
}

void
cdp_close(struct device *base)
{
    /* Whatever it says: a cancellation that comes now has nothing left to end. */
    (void)dispose(cdp_of(base));
}

/* Waits until the new tab is known and our script runs in it. */
static enum rc
wait_tab(struct cdp_device *d, struct ctx *ctx, struct str target)
{
    int64_t until_us = clk_mono_us() + CDP_CALL_US;
    bool any = true;
    enum rc rc = RC_OK;

    while (rc == RC_OK && any && (cdp_tab(d) == NULL || !str_eqz(target, cdp_tab(d)->target))) {
        rc = cdp_pump(d, ctx, until_us, &any);
    }
    if (rc == RC_OK && !any) {
        return cdp_hangs(ctx);
    }
    return rc == RC_OK ? cdp_need_world(d, ctx, cdp_tab(d)) : rc;
}

static enum rc
new_tab(struct cdp_device *d, struct ctx *ctx)
{
    const struct json_value *v = NULL;
    enum rc rc = cdp_callf(d, ctx, NULL, &v, "Target.createTarget",
                           "{\"url\":\"about:blank\",\"browserContextId\":\"%s\",\"width\":%d,"
                           "\"height\":%d,\"newWindow\":true}",
                           d->context, d->base.profile.width, d->base.profile.height);

    return rc == RC_OK ? wait_tab(d, ctx, json_str(json_get(v, "targetId"))) : rc;
}

static enum rc
allow_downloads(struct cdp_device *d, struct ctx *ctx)
{
    char dir[PATH_MAX / 4];

    cdp_browser_dir(d->browser, dir, sizeof dir);
    snprintf(d->downloads, sizeof d->downloads, "%s/downloads-%d", dir, d->box.slot);
    mkdir(d->downloads, 0700);
    struct str path = cdp_quote(ctx, str_z(d->downloads));
    return cdp_callf(d, ctx, NULL, NULL, "Browser.setDownloadBehavior",
                     "{\"behavior\":\"allow\",\"browserContextId\":\"%s\",\"downloadPath\":%.*s}",
                     d->context, STR_ARG(path));
}

static enum rc
new_context(struct cdp_device *d, struct ctx *ctx)
{
    const struct json_value *v = NULL;
    enum rc rc = cdp_browser_start(d->browser, ctx);

    if (rc != RC_OK) {
        return rc;
    }
    if (!cdp_browser_open_box(d->browser, &d->box)) {
        return fail(ctx, RC_UNAVAILABLE, "DEVICE_GONE", "the browser has no room for the device");
    }
    d->open = true;
    rc = cdp_call(d, ctx, NULL, "Target.createBrowserContext", STR("{\"disposeOnDetach\":true}"),
                  &v);
    if (rc == RC_OK) {
        struct str id = json_str(json_get(v, "browserContextId"));
        snprintf(d->context, sizeof d->context, "%.*s", STR_ARG(id));
        cdp_browser_set_context(d->browser, &d->box, id);
        rc = allow_downloads(d, ctx);
    }
    if (rc == RC_OK) {
        rc = new_tab(d, ctx);
    }
    d->version++;
    return rc;
}

static enum rc
renew(struct cdp_device *d, struct ctx *ctx)
{
    if (dispose(d) == RC_CANCELLED) {
        return fail(ctx, RC_CANCELLED, "CANCELLED", "the action was cancelled");
    }
    return new_context(d, ctx);
}

enum rc
cdp_require(struct cdp_device *d, struct ctx *ctx)
{
    if (!d->open) {
        return fail(ctx, RC_UNAVAILABLE, "DEVICE_GONE", "the device is not open");
    }
    buf_clear(&d->out);
    enum rc rc = cdp_drain(d, ctx);
    if (rc == RC_OK && d->tab < 0) {
        rc = new_tab(d, ctx); /* the page closed the last one itself */
    }
    return rc;
}

/* --- open and reset -------------------------------------------------------------------------- */

static enum rc
go_unless_empty(struct cdp_device *d, struct ctx *ctx, struct str url)
{
    return url.n == 0 ? RC_OK : cdp_go(&d->base, ctx, url);
}

enum rc
cdp_open(struct device *base, struct ctx *ctx, struct str url)
{
    struct cdp_device *d = cdp_of(base);
    enum rc rc = renew(d, ctx);

    return rc == RC_OK ? go_unless_empty(d, ctx, url) : rc;
}

static bool
any_dialog(const struct cdp_device *d)
{
    for (size_t i = 0; i < CDP_SESSIONS; i++) {
        if (d->sessions[i].used && d->sessions[i].dialog) {
            return true;
        }
    }
    return false;
}

static enum rc
close_others(struct cdp_device *d, struct ctx *ctx, int keep)
{
    enum rc rc = RC_OK;

    for (int i = 0; i < CDP_SESSIONS && rc == RC_OK; i++) {
        if (i != keep && d->sessions[i].used && d->sessions[i].page) {
            rc = cdp_close_tab(d, ctx, i);
        }
    }
    d->tab = keep;
    return rc;
}

/* One tab is left, with nothing open in it: the current one, or a new one when `replace`. */
static enum rc
one_tab(struct cdp_device *d, struct ctx *ctx, bool replace)
{
    enum rc rc = RC_OK;

    if (d->tab < 0 || replace || any_dialog(d)) {
        rc = new_tab(d, ctx);
    }
    return rc == RC_OK ? close_others(d, ctx, d->tab) : rc;
}

/* "http://host:port" of an address, in the form the browser reports. */
static struct str
origin_of(struct str url)
{
    ptrdiff_t at = str_find(url, STR("://"));

    if (at < 0) {
        return STR_EMPTY;
    }
    size_t end = (size_t)at + 3;
    while (end < url.n && url.p[end] != '/' && url.p[end] != '?' && url.p[end] != '#') {
        end++;
    }
    return str_sub(url, 0, end);
}

/* Session storage belongs to the tab, and only the origin that is opened next can be cleared in it.
 */
static bool
keeps_session_storage(const struct cdp_device *d, struct str url)
{
    if (d->origin_count == 0) {
        return false;
    }
    return d->origin_count > 1 || !str_ieq(origin_of(url), str_z(d->origins[0]));
}

static enum rc
await_clear(struct cdp_device *d, struct ctx *ctx, struct cdp_wait *w)
{
    const struct json_value *v = NULL;
    struct str error = STR_EMPTY;
    enum rc rc = cdp_await(d, ctx, w, 0, CDP_CALL_US);

    if (rc == RC_OK && w->end != CDP_ANSWERED) {
        return cdp_hangs(ctx);
    }
    for (size_t i = 0; rc == RC_OK && i < w->count; i++) {
        rc = cdp_answer(ctx, w->answers[i], &v, &error);
        if (rc == RC_OK && error.n > 0) {
            rc = fail(ctx, RC_INTERNAL, "DEVTOOLS", "the browser refused to clear its data");
            note(ctx, "%.*s", STR_ARG(error));
        }
    }
    return rc;
}

/* Nothing of the old page runs any more; now its data goes. */
static enum rc
clear_stores(struct cdp_device *d, struct ctx *ctx)
{
    struct cdp_session *tab = cdp_tab(d);
    struct cdp_wait w = {0};

    cdp_askf(d, &w, NULL, "Storage.clearCookies", "{\"browserContextId\":\"%s\"}", d->context);
    cdp_askf(d, &w, NULL, "Browser.resetPermissions", "{\"browserContextId\":\"%s\"}", d->context);
    cdp_ask(d, &w, tab, "Page.resetNavigationHistory", STR_EMPTY);
    for (size_t i = 0; i < d->origin_count; i++) {
        struct str origin = cdp_quote(ctx, str_z(d->origins[i]));
        cdp_askf(d, &w, tab, "Storage.clearDataForOrigin",
                 "{\"origin\":%.*s,\"storageTypes\":\"all\"}", STR_ARG(origin));
    }
    enum rc rc = await_clear(d, ctx, &w);
    cdp_wait_fini(&w);
    return rc;
}

/* The first script of the next page empties what only a page of that origin can reach. */
static enum rc
go_emptied(struct cdp_device *d, struct ctx *ctx, struct str url)
{
    const struct cdp_session *tab = cdp_tab(d);
    const struct json_value *v = NULL;
    enum rc rc =
        cdp_call(d, ctx, tab, "Page.addScriptToEvaluateOnNewDocument",
                 STR("{\"source\":\"if(window===top){try{sessionStorage.clear()}catch{}}\","
                     "\"worldName\":\"assay\"}"),
                 &v);

    if (rc != RC_OK) {
        return rc;
    }
    struct str id = json_str(json_get(v, "identifier"));
    rc = cdp_go(&d->base, ctx, url);
    /* Also behind an address that did not answer: what comes later must keep its storage. */
    if (tab == cdp_tab(d)) {
        cdp_askf(d, NULL, tab, "Page.removeScriptToEvaluateOnNewDocument",
                 "{\"identifier\":\"%.*s\"}", STR_ARG(id));
    }
    return rc == RC_OK ? cdp_drain(d, ctx) : rc;
}

enum rc
cdp_go_cleared(struct cdp_device *d, struct ctx *ctx, struct str url)
{
    bool had_origin = d->origin_count > 0;

    d->owes_clearing = false;
    enum rc rc = one_tab(d, ctx, keeps_session_storage(d, url));
    d->origin_count = 0;
    if (rc != RC_OK) {
        return rc;
    }
    return had_origin ? go_emptied(d, ctx, url) : cdp_go(&d->base, ctx, url);
}

/* Without an address what a tab keeps for its origins goes with the first one that is opened. */
static enum rc
clear(struct cdp_device *d, struct ctx *ctx, struct str url)
{
    enum rc rc = one_tab(d, ctx, url.n > 0 && keeps_session_storage(d, url));

    d->owes_clearing = false; /* the origins are still known */
    if (rc == RC_OK) {
        rc = cdp_go(&d->base, ctx, STR("about:blank"));
    }
    if (rc == RC_OK && d->must_renew) {
        return RC_ABORTED; /* known only now: the events were waiting */
    }
    if (rc == RC_OK) {
        rc = clear_stores(d, ctx);
    }
    if (rc != RC_OK) {
        return rc;
    }
    remove_downloads(d);
    mkdir(d->downloads, 0700);
    if (url.n == 0) {
        d->owes_clearing = d->origin_count > 0;
        return RC_OK;
    }
    bool had_origin = d->origin_count > 0;
    d->origin_count = 0;
    return had_origin ? go_emptied(d, ctx, url) : cdp_go(&d->base, ctx, url);
}

static bool
can_recover(enum rc rc)
{
    return rc == RC_ABORTED || rc == RC_INTERNAL || rc == RC_UNAVAILABLE ||
           rc == RC_DEADLINE_EXCEEDED;
}

static enum rc
try_kept(struct cdp_device *d, struct ctx *ctx, enum device_reset how, struct str url)
{
    enum rc rc = cdp_drain(d, ctx);

    if (rc == RC_OK && how == DEVICE_CLEAR_DATA) {
        return d->must_renew ? RC_ABORTED : clear(d, ctx, url);
    }
    if (rc == RC_OK) {
        rc = one_tab(d, ctx, false);
    }
    return rc == RC_OK ? go_unless_empty(d, ctx, url) : rc;
}

enum rc
cdp_reset(struct device *base, struct ctx *ctx, enum device_reset how, struct str url)
{
    struct cdp_device *d = cdp_of(base);

    buf_clear(&d->out);
    d->acted_us = 0;
    if (d->open && how != DEVICE_FRESH) {
        enum rc rc = try_kept(d, ctx, how, url);
        bool load = rc != RC_OK && str_eqz(str_z(ctx->err.reason), "PAGE_LOAD_TIMEOUT");
        if (rc == RC_OK || !can_recover(rc) || load || ctx_left_us(ctx) == 0) {
            return rc;
        }
        ctx_recover(ctx);
    }
    enum rc rc = renew(d, ctx);
    return rc == RC_OK ? go_unless_empty(d, ctx, url) : rc;
}
