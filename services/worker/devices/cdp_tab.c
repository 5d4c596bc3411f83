/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/devices/cdp_internal.h"

enum rc
cdp_close_tab(struct cdp_device *d, struct ctx *ctx, int index)
{
    struct cdp_session *s = &d->sessions[index];
    int64_t born = s->born;
    int64_t until_us = clk_mono_us() + CDP_CALL_US;
    bool any = true;
    enum rc rc =
        cdp_callf(d, ctx, NULL, NULL, "Target.closeTarget", "{\"targetId\":\"%s\"}", s->target);

    while (rc == RC_OK && any && s->used && s->born == born) {
        if (s->dialog) { /* asks whether to leave */
            s->dialog = false;
            cdp_ask(d, NULL, s, "Page.handleJavaScriptDialog", STR("{\"accept\":true}"));
        }
        rc = cdp_pump(d, ctx, until_us, &any);
    }
    return rc == RC_OK && !any ? cdp_hangs(ctx) : rc;
}

/* The tab that was opened as number `number`, or -1. */
static int
numbered(const struct cdp_device *d, int number)
{
    int64_t after = 0;
    int found = -1;

    for (int n = 0; n < number || number < 0; n++) {
        int next = -1;
        for (int i = 0; i < CDP_SESSIONS; i++) {
            const struct cdp_session *s = &d->sessions[i];
            if (s->used && s->page && s->born > after &&
                (next < 0 || s->born < d->sessions[next].born)) {
                next = i;
            }
        }
        if (next < 0) {
            return number < 0 ? found : -1;
        }
        found = next;
        after = d->sessions[next].born;
    }
    return found;
}

enum rc
cdp_switch_tab(struct device *base, struct ctx *ctx, int number, bool close)
{
    struct cdp_device *d = cdp_of(base);
    enum rc rc = cdp_require(d, ctx);

    if (rc != RC_OK) {
        return rc;
    }
    d->version++;
    if (close) {
        if (cdp_tab_count(d) < 2) {
            return fail(ctx, RC_FAILED_PRECONDITION, "LAST_TAB", "this is the only tab");
        }
        rc = cdp_close_tab(d, ctx, d->tab);
    } else {
        int i = numbered(d, number);
        if (i < 0) {
            return fail(ctx, RC_NOT_FOUND, "NO_SUCH_TAB", "there is no tab %d", number);
        }
        d->tab = i;
    }
    cdp_forget_requests(d);
    if (rc == RC_OK && cdp_tab(d) != NULL && !cdp_tab(d)->dialog) {
        rc = cdp_callf(d, ctx, NULL, NULL, "Target.activateTarget", "{\"targetId\":\"%s\"}",
                       cdp_tab(d)->target);
    }
    return rc;
}

enum rc
cdp_page(struct device *base, struct ctx *ctx, struct device_page *out)
{
    struct cdp_device *d = cdp_of(base);
    enum rc rc = cdp_require(d, ctx);
    struct str said = STR_EMPTY;

    if (rc != RC_OK) {
        return rc;
    }
    struct device_page page = {.tabs = cdp_tab_count(d)};
    do {
        struct cdp_session *tab = cdp_tab(d);
        page.dialog = tab->dialog ? arena_str(ctx->arena, str_z(tab->dialog_text)) : STR_EMPTY;
        if (tab->dialog) {
            page.url = arena_str(ctx->arena, str_z(tab->url));
            break;
        }
        rc = cdp_eval(d, ctx, tab, STR("document.URL+'\\t'+document.title"), &said);
        page.url = str_split(&said, '\t');
        page.title = said;
        if (rc == RC_FAILED_PRECONDITION) { /* a dialog opened while we asked */
            ctx_recover(ctx);
            rc = RC_ABORTED;
        }
    } while (rc == RC_ABORTED && (rc = cdp_require(d, ctx)) == RC_OK);
    if (rc == RC_OK) {
        *out = page;
    }
    return rc;
}
