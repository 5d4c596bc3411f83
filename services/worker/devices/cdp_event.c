/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/devices/cdp_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORLD "assay"
/* Requests of this age since the action belong to a timer, not to it. */
#define CAUSED_US (1500 * ASSAY_US_PER_MS)
/* Longer than this nobody waits for one request. */
#define HELD_US (2000 * ASSAY_US_PER_MS)

static struct cdp_session *
by_id(struct cdp_device *d, struct str id)
{
    for (size_t i = 0; i < CDP_SESSIONS; i++) {
        if (d->sessions[i].used && str_eqz(id, d->sessions[i].id)) {
            return &d->sessions[i];
        }
    }
    return NULL;
}

static void
copy(char *to, size_t n, struct str from)
{
    snprintf(to, n, "%.*s", STR_ARG(from));
}

/* --- documents ------------------------------------------------------------------------------- */

static void
world_created(struct cdp_session *s, const struct json_value *params)
{
    const struct json_value *c = json_get(params, "context");

    if (str_eqz(json_str(json_get(c, "name")), WORLD) &&
        str_eqz(json_str(json_path(c, "auxData.frameId")), s->target)) {
        copy(s->world, sizeof s->world, json_str(json_get(c, "uniqueId")));
        s->world_number = json_i64(json_get(c, "id"), 0);
    }
}

static void
world_destroyed(struct cdp_session *s, const struct json_value *params)
{
    if (json_i64(json_get(params, "executionContextId"), -1) == s->world_number) {
        s->world[0] = '\0';
    }
}

static bool
of_main_frame(const struct cdp_session *s, const struct json_value *params)
{
    return s->page && str_eqz(json_str(json_get(params, "frameId")), s->target);
}

static void
requested(struct cdp_session *s, const struct json_value *params)
{
    struct str where = json_str(json_get(params, "disposition"));

    if (of_main_frame(s, params) && (where.n == 0 || str_eqz(where, "currentTab"))) {
        s->requested = true;
        s->requested_us = clk_mono_us();
    }
}

static void
began(struct cdp_session *s, const struct json_value *params)
{
    struct str type = json_str(json_get(params, "navigationType"));

    if (of_main_frame(s, params) && !str_eqz(type, "sameDocument") &&
        !str_eqz(type, "historySameDocument")) {
        s->requested = true;
        s->requested_us = clk_mono_us();
    }
}

static void
navigated(struct cdp_device *d, struct cdp_session *s, const struct json_value *params)
{
    const struct json_value *frame = json_get(params, "frame");
    bool outermost = str_eqz(json_str(json_get(frame, "id")), s->target);

    cdp_see_origin(d, s, json_str(json_get(frame, "securityOrigin")), !(outermost && s->page));
    if (!outermost) {
        return;
    }
    s->navigations++;
    s->requested = false;
    s->ready = false;
    copy(s->loader, sizeof s->loader, json_str(json_get(frame, "loaderId")));
    copy(s->url, sizeof s->url, json_str(json_get(frame, "url")));
    if (s->page) {
        cdp_forget_requests(d);
        d->acted_us = clk_mono_us();
    }
}

/* --- requests -------------------------------------------------------------------------------- */

void
cdp_forget_requests(struct cdp_device *d)
{
    memset(d->requests, 0, sizeof d->requests);
}

static uint32_t
hash(struct str s)
{
    uint32_t h = str_hash32(s);

    return h == 0 ? 1 : h;
}

static bool
is_slow(const struct cdp_device *d, uint32_t url)
{
    for (size_t i = 0; i < ARRAY_LEN(d->slow_urls); i++) {
        if (d->slow_urls[i] == url) {
            return true;
        }
    }
    return false;
}

static void
remember_slow(struct cdp_device *d, uint32_t url)
{
    if (!is_slow(d, url)) {
        d->slow_urls[d->slow_count++ % CDP_SLOW_URLS] = url;
    }
}

/* Only what a script fetches holds a step up; the rest is part of a navigation or of no use to it.
 */
static void
request_begins(struct cdp_device *d, const struct json_value *params)
{
    struct str type = json_str(json_get(params, "type"));
    struct str url = json_str(json_path(params, "request.url"));
    uint32_t id = hash(json_str(json_get(params, "requestId")));
    double seconds = json_f64(json_get(params, "timestamp"), 0);
    struct cdp_request *oldest = &d->requests[0];

    if (!str_eqz(type, "XHR") && !str_eqz(type, "Fetch") && !str_eqz(type, "Script")) {
        return;
    }
    uint32_t where = hash(str_split(&url, '?'));
    int64_t begun_us = (int64_t)(seconds * (double)ASSAY_US_PER_S);
    if (begun_us < d->acted_us) {
        return;
    }
    if (begun_us > d->acted_us + CAUSED_US) {
        remember_slow(d, where);
        return;
    }
    if (is_slow(d, where)) {
        return;
    }
    for (size_t i = 0; i < CDP_REQUESTS; i++) {
        struct cdp_request *r = &d->requests[i];
        if (r->id == id) {
            return;
        }
        if (r->begun_us < oldest->begun_us) {
            oldest = r;
        }
    }
    *oldest = (struct cdp_request){.id = id, .url = where, .begun_us = begun_us};
}

static void
request_ends(struct cdp_device *d, const struct json_value *params)
{
    uint32_t id = hash(json_str(json_get(params, "requestId")));

    for (size_t i = 0; i < CDP_REQUESTS; i++) {
        if (d->requests[i].id == id) {
            d->requests[i] = (struct cdp_request){0};
        }
    }
}

bool
cdp_requests_pending(struct cdp_device *d, int64_t *out_until_us)
{
    int64_t now_us = clk_mono_us();
    bool pending = false;

    *out_until_us = INT64_MAX;
    for (size_t i = 0; i < CDP_REQUESTS; i++) {
        struct cdp_request *r = &d->requests[i];
        if (r->id == 0) {
            continue;
        }
        if (r->begun_us + HELD_US <= now_us) {
            remember_slow(d, r->url);
            *r = (struct cdp_request){0};
            continue;
        }
        pending = true;
        if (r->begun_us + HELD_US < *out_until_us) {
            *out_until_us = r->begun_us + HELD_US;
        }
    }
    return pending;
}

/* --- dialogs, drags, files ------------------------------------------------------------------- */

static void
keep_dialog_text(struct cdp_session *s, struct str text)
{
    struct str cut = str_sub(text, 0, sizeof s->dialog_text - 1);

    /* Not in the middle of a character. */
    while (cut.n > 0 && cut.n < text.n && (text.p[cut.n] & 0xc0) == 0x80) {
        cut.n--;
    }
    copy(s->dialog_text, sizeof s->dialog_text, cut);
}

static void
dialog_opens(struct cdp_session *s, const struct json_value *params)
{
    s->dialog = true;
    s->leaving = str_eqz(json_str(json_get(params, "type")), "beforeunload");
    keep_dialog_text(s, json_str(json_get(params, "message")));
}

static void
drag_begins(struct cdp_device *d, const struct json_value *params)
{
    const struct json_value *data = json_get(params, "data");

    free(d->drag_p);
    d->drag_p = NULL;
    if (data != NULL) {
        d->drag_p = strndup(data->raw.p, data->raw.n);
    }
}

/* --- all ------------------------------------------------------------------------------------- */

static void
page_event(struct cdp_device *d, struct cdp_session *s, struct str what,
           const struct json_value *params)
{
    d->events++;
    if (str_eqz(what, "frameNavigated")) {
        navigated(d, s, params);
    } else if (str_eqz(what, "frameRequestedNavigation")) {
        requested(s, params);
    } else if (str_eqz(what, "frameStartedNavigating")) {
        began(s, params);
    } else if (str_eqz(what, "frameStartedLoading") && of_main_frame(s, params)) {
        s->loading = true;
    } else if (str_eqz(what, "frameStoppedLoading") && of_main_frame(s, params)) {
        s->loading = false;
        s->requested = false;
    } else if (str_eqz(what, "navigatedWithinDocument") && of_main_frame(s, params)) {
        copy(s->url, sizeof s->url, json_str(json_get(params, "url")));
    } else if (str_eqz(what, "domContentEventFired")) {
        s->ready = true;
    } else if (str_eqz(what, "loadEventFired")) {
        s->ready = true;
        s->loads++;
    } else if (str_eqz(what, "downloadWillBegin")) {
        s->requested = false;
    } else if (str_eqz(what, "javascriptDialogOpening")) {
        dialog_opens(s, params);
    } else if (str_eqz(what, "javascriptDialogClosed")) {
        s->dialog = false;
    } else if (str_eqz(what, "fileChooserOpened")) {
        s->chooser = json_i64(json_get(params, "backendNodeId"), 0);
    }
}

static void
runtime_event(struct cdp_device *d, struct cdp_session *s, struct str what,
              const struct json_value *params)
{
    if (str_eqz(what, "executionContextCreated")) {
        world_created(s, params);
    } else if (str_eqz(what, "executionContextDestroyed")) {
        world_destroyed(s, params);
    } else if (str_eqz(what, "executionContextsCleared")) {
        s->world[0] = '\0';
    }
    d->events++;
}

static void
network_event(struct cdp_device *d, struct str what, const struct json_value *params)
{
    if (str_eqz(what, "requestWillBeSent")) {
        request_begins(d, params);
    } else if (str_starts(what, STR("loading"))) {
        request_ends(d, params);
    } else {
        d->must_renew = true; /* asked for a password, see cdp_route.c */
    }
}

static void
apply(struct cdp_device *d, const struct json_value *v)
{
    struct str what = json_str(json_get(v, "method"));
    struct str session = json_str(json_get(v, "sessionId"));
    const struct json_value *params = json_get(v, "params");
    struct str domain = str_split(&what, '.');
    struct cdp_session *s = by_id(d, session);

    if (str_eqz(domain, "Target")) {
        if (str_eqz(what, "attachedToTarget")) {
            cdp_attached(d, params, session);
        } else {
            cdp_detached(d, params);
        }
        d->events++;
    } else if (s == NULL) {
        return;
    } else if (str_eqz(domain, "Page")) {
        page_event(d, s, what, params);
    } else if (str_eqz(domain, "Runtime")) {
        runtime_event(d, s, what, params);
    } else if (str_eqz(domain, "Network")) {
        network_event(d, what, params);
    } else if (str_eqz(domain, "Inspector")) {
        s->crashed = true;
        d->events++;
    } else if (str_eqz(domain, "Input")) {
        drag_begins(d, params);
    }
}

void
cdp_event(struct cdp_device *d, const struct cdp_msg *m)
{
    const struct json_value *v = cdp_read(d->scratch, str_n(m->text, m->n));

    if (v != NULL) {
        apply(d, v);
    }
    arena_reset(d->scratch);
}
