/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/devices/cdp_internal.h"

#define LOAD_US (30 * ASSAY_US_PER_S)
#define LATE_US (5 * ASSAY_US_PER_S)
/* A navigation that was asked for and has not begun: it became a download or another program's. */
#define REQUESTED_US ASSAY_US_PER_S

static int64_t
load_limit(const struct cdp_device *d)
{
    int64_t us = cdp_browser_options(d->browser)->load_timeout_us;

    return us > 0 ? us : LOAD_US;
}

/* Until when to wait for what hangs after the tab's document was read; 0 while it is being read,
 * also when the one before it had been. `was_us`: the answer of the call before. */
static int64_t
late_limit(const struct cdp_device *d, const struct cdp_session *tab, int64_t was_us, int part)
{
    int64_t us = cdp_browser_options(d->browser)->late_us;

    if (!tab->ready) {
        return 0;
    }
    return was_us != 0 ? was_us : clk_mono_us() + (us > 0 ? us : LATE_US) / part;
}

static enum rc
load_timeout(struct ctx *ctx)
{
    return fail(ctx, RC_DEADLINE_EXCEEDED, "PAGE_LOAD_TIMEOUT", "the page did not load in time");
}

static void
ask_answer_dialog(struct cdp_device *d, struct cdp_wait *w, const struct cdp_session *s,
                  bool accept, struct str quoted)
{
    cdp_askf(d, w, s, "Page.handleJavaScriptDialog", "{\"accept\":%s%s%.*s}",
             accept ? "true" : "false", quoted.n > 0 ? ",\"promptText\":" : "", STR_ARG(quoted));
}

/* --- dialogs --------------------------------------------------------------------------------- */

static enum rc
answer(struct cdp_device *d, struct ctx *ctx, struct cdp_session *s, bool accept, struct str quoted)
{
    struct cdp_wait w = {0};

    s->dialog = false;
    ask_answer_dialog(d, &w, s, accept, quoted);
    enum rc rc = cdp_await(d, ctx, &w, 0, CDP_CALL_US);
    if (rc == RC_OK && w.end == CDP_EXPIRED) {
        rc = cdp_hangs(ctx);
    }
    cdp_wait_fini(&w);
    return rc;
}

/* Dismisses dialogs of all tabs; those of beforeunload are accepted. */
static enum rc
clear_dialogs(struct cdp_device *d, struct ctx *ctx)
{
    struct cdp_session *tab = cdp_tab(d);
    enum rc rc = RC_OK;

    /* A page may ask again at once; one that goes on has to be left by force. */
    for (int i = 0; rc == RC_OK && tab != NULL && tab->dialog && i < 5; i++) {
        rc = answer(d, ctx, tab, tab->leaving, STR_EMPTY);
        if (rc == RC_OK) {
            rc = cdp_drain(d, ctx);
        }
    }
    return rc;
}

enum rc
cdp_dialog(struct device *base, struct ctx *ctx, bool accept, struct str text)
{
    struct cdp_device *d = cdp_of(base);
    enum rc rc = cdp_require(d, ctx);

    if (rc != RC_OK) {
        return rc;
    }
    struct cdp_session *tab = cdp_tab(d);
    if (!tab->dialog) {
        return fail(ctx, RC_FAILED_PRECONDITION, "NO_DIALOG", "the page shows no dialog");
    }
    d->acted_us = clk_mono_us();
    d->version++;
    rc = answer(d, ctx, tab, accept, text.p == NULL ? STR_EMPTY : cdp_quote(ctx, text));
    struct cdp_wait w = {0};
    if (rc == RC_OK && d->owed_key[0] != '\0') {
        cdp_ask_char(d, &w, str_z(d->owed_key));
        d->owed_key[0] = '\0';
    }
    return rc == RC_OK ? cdp_sent(d, ctx, &w) : rc;
}

/* --- loading --------------------------------------------------------------------------------- */

static bool
loaded(const struct cdp_session *tab, int64_t navigations, int64_t loads)
{
    return tab->loads != loads || (tab->navigations != navigations && !tab->loading);
}

/* Waits for the load event that follows `loads`, accepting beforeunload on the way. */
static enum rc
wait_load(struct cdp_device *d, struct ctx *ctx, int64_t navigations, int64_t loads)
{
    int64_t end_us = clk_mono_us() + load_limit(d);
    int64_t ready_us = 0;
    bool any = true;
    enum rc rc = RC_OK;

    while (rc == RC_OK) {
        struct cdp_session *tab = cdp_tab(d);
        if (tab == NULL || loaded(tab, navigations, loads) || (tab->dialog && !tab->leaving)) {
            break;
        }
        if (tab->dialog) {
            rc = answer(d, ctx, tab, true, STR_EMPTY);
            continue;
        }
        bool is_new =
            tab->navigations != navigations; /* else what is ready is the document before */
        if (!any) {
            return is_new && tab->ready ? RC_OK : load_timeout(ctx);
        }
        ready_us = is_new ? late_limit(d, tab, ready_us, 1) : 0;
        rc = cdp_pump(d, ctx, ready_us != 0 && ready_us < end_us ? ready_us : end_us, &any);
        if (rc == RC_DEADLINE_EXCEEDED) {
            ctx_recover(ctx);
            return load_timeout(ctx);
        }
    }
    return rc;
}

/* Waits for the answer to a navigation, agreeing to leave the page where it asks. */
static enum rc
await_leaving(struct cdp_device *d, struct ctx *ctx, struct cdp_wait *w)
{
    for (;;) {
        enum rc rc = cdp_await(d, ctx, w, CDP_STOP_DIALOG, load_limit(d));
        if (rc == RC_DEADLINE_EXCEEDED || (rc == RC_OK && w->end == CDP_EXPIRED)) {
            ctx_recover(ctx);
            cdp_ask(d, NULL, cdp_tab(d), "Page.stopLoading", STR_EMPTY);
            rc = cdp_drain(d, ctx);
            return rc == RC_OK ? load_timeout(ctx) : rc;
        }
        if (rc == RC_OK && w->end == CDP_CLOSED) {
            return fail(ctx, RC_NOT_FOUND, "NAVIGATION_FAILED", "the tab was closed");
        }
        if (rc != RC_OK || w->end == CDP_ANSWERED) {
            return rc;
        }
        rc = answer(d, ctx, cdp_tab(d), cdp_tab(d)->leaving, STR_EMPTY);
        if (rc != RC_OK) {
            return rc;
        }
    }
}

static enum rc
arrived(struct cdp_device *d, struct ctx *ctx, const struct cdp_msg *m, int64_t navigations,
        int64_t loads)
{
    const struct json_value *v = NULL;
    struct str refused = STR_EMPTY;
    enum rc rc = cdp_answer(ctx, m, &v, &refused);

    if (rc != RC_OK) {
        return rc;
    }
    struct str error = refused.n > 0 ? refused : json_str(json_get(v, "errorText"));
    bool file = json_bool(json_get(v, "isDownload"), false);
    if (error.n > 0 && !file) {
        rc = cdp_drain(d, ctx); /* it may have crashed of it */
        if (rc != RC_OK) {
            return rc;
        }
        rc = fail(ctx, RC_NOT_FOUND, "NAVIGATION_FAILED", "the address could not be opened");
        note(ctx, "%.*s", STR_ARG(error));
        return rc;
    }
    if (file || json_str(json_get(v, "loaderId")).n == 0) {
        return RC_OK; /* a download, or another place of the same document */
    }
    return wait_load(d, ctx, navigations, loads);
}

/* "http://name:password@host/": the browser remembers it, and there is no call to make it forget.
 */
static bool
has_password(struct str url)
{
    ptrdiff_t at = str_find(url, STR("://"));
    struct str host = at < 0 ? STR_EMPTY : str_sub(url, (size_t)at + 3, url.n);

    return str_find_byte(str_split(&host, '/'), '@') >= 0;
}

enum rc
cdp_go(struct device *base, struct ctx *ctx, struct str url)
{
    struct cdp_device *d = cdp_of(base);
    struct cdp_wait w = {0};
    enum rc rc = cdp_require(d, ctx);

    if (rc == RC_OK && d->owes_clearing) {
        return cdp_go_cleared(d, ctx, url);
    }
    if (rc == RC_OK) {
        rc = clear_dialogs(d, ctx);
    }
    if (rc != RC_OK) {
        return rc;
    }
    struct cdp_session *tab = cdp_tab(d);
    int64_t navigations = tab->navigations;
    int64_t loads = tab->loads;
    struct str quoted = cdp_quote(ctx, url);
    d->must_renew = d->must_renew || has_password(url);
    d->version++;
    cdp_askf(d, &w, tab, "Page.navigate", "{\"url\":%.*s}", STR_ARG(quoted));
    rc = await_leaving(d, ctx, &w);
    if (rc == RC_OK) {
        rc = arrived(d, ctx, w.answers[0], navigations, loads);
    }
    cdp_wait_fini(&w);
    return rc;
}

enum rc
cdp_reload(struct device *base, struct ctx *ctx)
{
    struct cdp_device *d = cdp_of(base);
    struct cdp_wait w = {0};
    enum rc rc = cdp_require(d, ctx);

    if (rc == RC_OK) {
        rc = clear_dialogs(d, ctx);
    }
    if (rc != RC_OK) {
        return rc;
    }
    struct cdp_session *tab = cdp_tab(d);
    int64_t navigations = tab->navigations;
    int64_t loads = tab->loads;
    d->version++;
    cdp_ask(d, &w, tab, "Page.reload", STR("{}"));
    rc = await_leaving(d, ctx, &w);
    cdp_wait_fini(&w);
    return rc == RC_OK ? wait_load(d, ctx, navigations, loads) : rc;
}

/* Another entry of the history. Within the same document there is no load to wait for. */
static enum rc
travel(struct device *base, struct ctx *ctx, int by)
{
    struct cdp_device *d = cdp_of(base);
    const struct json_value *v = NULL;
    struct cdp_wait w = {0};
    enum rc rc = cdp_require(d, ctx);

    if (rc == RC_OK) {
        rc = clear_dialogs(d, ctx);
    }
    if (rc == RC_OK) {
        rc = cdp_call(d, ctx, cdp_tab(d), "Page.getNavigationHistory", STR_EMPTY, &v);
    }
    if (rc != RC_OK) {
        return rc;
    }
    int64_t at = json_i64(json_get(v, "currentIndex"), 0) + by;
    const struct json_value *entry = at < 0 ? NULL : json_at(json_get(v, "entries"), (size_t)at);
    /* The blank page a tab begins with is no place a person has been to. */
    if (entry == NULL || (at == 0 && str_eqz(json_str(json_get(entry, "url")), "about:blank"))) {
        return fail(ctx, RC_FAILED_PRECONDITION, "NO_HISTORY", "there is no page to go %s to",
                    by < 0 ? "back" : "forward");
    }
    d->version++;
    cdp_askf(d, &w, cdp_tab(d), "Page.navigateToHistoryEntry", "{\"entryId\":%lld}",
             (long long)json_i64(json_get(entry, "id"), 0));
    rc = await_leaving(d, ctx, &w);
    cdp_wait_fini(&w);
    return rc == RC_OK ? cdp_settle(base, ctx, load_limit(d)) : rc;
}

enum rc
cdp_back(struct device *base, struct ctx *ctx)
{
    return travel(base, ctx, -1);
}

enum rc
cdp_forward(struct device *base, struct ctx *ctx)
{
    return travel(base, ctx, 1);
}

/* --- settling -------------------------------------------------------------------------------- */

/* True while something is under way; *until_us says when it stops to matter. */
static bool
busy(struct cdp_device *d, struct cdp_session *tab, int64_t ready_us, int64_t *until_us)
{
    int64_t now_us = clk_mono_us();

    *until_us = INT64_MAX;
    if (tab->requested && now_us < tab->requested_us + REQUESTED_US && !tab->loading) {
        *until_us = tab->requested_us + REQUESTED_US;
        return true;
    }
    if (tab->loading) {
        *until_us = ready_us != 0 ? ready_us : INT64_MAX;
        return ready_us == 0 || now_us < ready_us;
    }
    return cdp_requests_pending(d, until_us);
}

static enum rc
quiet(struct cdp_device *d, struct ctx *ctx, int64_t left_us)
{
    struct str said = STR_EMPTY;
    struct str expr =
        arena_printf(ctx->arena, "__assay.quiet(%lld)", (long long)(left_us / ASSAY_US_PER_MS));
    enum rc rc = cdp_eval(d, ctx, cdp_tab(d), expr, &said);

    return rc == RC_ABORTED ? cdp_drain(d, ctx) : rc;
}

/* The action just before has asked already. Once only: later the page may do more by itself. */
static bool
left_quiet(struct cdp_device *d, const struct cdp_session *tab)
{
    bool quiet = d->quiet_tab != 0 && d->quiet_tab == tab->born && d->quiet_events == d->events;

    d->quiet_tab = 0;
    return quiet;
}

enum rc
cdp_settle_events(struct cdp_device *d, struct ctx *ctx, struct cdp_settling *s, bool *out_done)
{
    int64_t until_us = 0;
    enum rc rc = RC_OK;

    while (rc == RC_OK && clk_mono_us() < s->end_us) {
        struct cdp_session *tab = cdp_tab(d);
        bool any = true;
        rc = tab == NULL ? cdp_require(d, ctx) : cdp_no_dialog(d, ctx);
        if (rc != RC_OK || tab == NULL) {
            continue;
        }
        if (tab->loading) {
            s->ready_us = late_limit(d, tab, s->ready_us, 2);
        }
        if (!busy(d, tab, s->ready_us, &until_us)) {
            *out_done = s->asked || left_quiet(d, tab);
            return RC_OK;
        }
        s->asked = false;
        rc = cdp_pump(d, ctx, until_us < s->end_us ? until_us : s->end_us, &any);
    }
    *out_done = true;
    return rc;
}

enum rc
cdp_settle(struct device *base, struct ctx *ctx, int64_t budget_us)
{
    struct cdp_device *d = cdp_of(base);
    struct cdp_settling s = {.end_us = clk_mono_us() + budget_us};
    bool done = false;
    enum rc rc = cdp_require(d, ctx);

    if (rc == RC_OK) {
        rc = cdp_settle_events(d, ctx, &s, &done);
    }
    while (rc == RC_OK && !done) {
        s.asked = true;
        rc = quiet(d, ctx, s.end_us - clk_mono_us());
        if (rc == RC_OK) {
            rc = cdp_settle_events(d, ctx, &s, &done);
        }
    }
    return rc;
}
