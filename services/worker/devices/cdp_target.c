/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/devices/cdp_internal.h"

#include <stdio.h>
#include <string.h>

static int
index_by(const struct cdp_device *d, struct str id, bool target)
{
    for (int i = 0; i < CDP_SESSIONS; i++) {
        const struct cdp_session *s = &d->sessions[i];
        if (s->used && id.n > 0 && str_eqz(id, target ? s->target : s->id)) {
            return i;
        }
    }
    return -1;
}

static struct cdp_session *
free_session(struct cdp_device *d)
{
    for (size_t i = 0; i < CDP_SESSIONS; i++) {
        if (!d->sessions[i].used) {
            return &d->sessions[i];
        }
    }
    return NULL;
}

void
cdp_attached(struct cdp_device *d, const struct json_value *params, struct str parent)
{
    const struct json_value *info = json_get(params, "targetInfo");
    struct cdp_session *s = free_session(d);

    if (s == NULL) {
        d->must_renew = true;
        return;
    }
    bool page = str_eqz(json_str(json_get(info, "type")), "page");
    *s = (struct cdp_session){.used = true, .page = page, .born = ++d->births};
    snprintf(s->id, sizeof s->id, "%.*s", STR_ARG(json_str(json_get(params, "sessionId"))));
    snprintf(s->target, sizeof s->target, "%.*s", STR_ARG(json_str(json_get(info, "targetId"))));
    if (page) {
        s->parent = index_by(d, json_str(json_get(info, "openerId")), true);
        d->tab = (int)(s - d->sessions);
    } else {
        s->parent = index_by(d, parent, false);
    }
}

static int
newest_tab(const struct cdp_device *d)
{
    int best = -1;

    for (int i = 0; i < CDP_SESSIONS; i++) {
        const struct cdp_session *s = &d->sessions[i];
        if (s->used && s->page && (best < 0 || s->born > d->sessions[best].born)) {
            best = i;
        }
    }
    return best;
}

static void
drop(struct cdp_device *d, int index)
{
    struct cdp_session *s = &d->sessions[index];
    int opener = s->page ? s->parent : -1;

    s->used = false;
    for (int i = 0; i < CDP_SESSIONS; i++) {
        struct cdp_session *other = &d->sessions[i];
        if (other->used && other->parent == index) {
            if (other->page) {
                other->parent = -1;
            } else {
                drop(d, i);
            }
        }
    }
    if (d->tab == index) {
        bool back = opener >= 0 && d->sessions[opener].used && d->sessions[opener].page;
        d->tab = back ? opener : newest_tab(d);
    }
}

void
cdp_detached(struct cdp_device *d, const struct json_value *params)
{
    int i = index_by(d, json_str(json_get(params, "sessionId")), false);

    if (i >= 0) {
        drop(d, i);
    }
}

int
cdp_tab_count(const struct cdp_device *d)
{
    int n = 0;

    for (size_t i = 0; i < CDP_SESSIONS; i++) {
        n += d->sessions[i].used && d->sessions[i].page ? 1 : 0;
    }
    return n;
}

/* --- origins: what a reset has to clear --------------------------------------------------------
 */

static bool
is_origin(struct str s)
{
    return (str_starts(s, STR("http://")) || str_starts(s, STR("https://")) ||
            str_starts(s, STR("file://"))) &&
           s.n < CDP_ORIGIN_MAX;
}

void
cdp_see_origin(struct cdp_device *d, const struct cdp_session *s, struct str origin, bool inner)
{
    struct cdp_session *tab = cdp_tab(d);

    if (!is_origin(origin)) {
        return;
    }
    if (!inner) {
        struct cdp_session *own = &d->sessions[s - d->sessions];
        snprintf(own->origin, sizeof own->origin, "%.*s", STR_ARG(origin));
    } else if (tab == NULL || !str_eqz(origin, tab->origin)) {
        /* Its storage is kept under both names, its own and the page's: no call clears that. */
        d->must_renew = true;
    }
    for (size_t i = 0; i < d->origin_count; i++) {
        if (str_eqz(origin, d->origins[i])) {
            return;
        }
    }
    if (d->origin_count == CDP_ORIGINS) {
        d->must_renew = true;
        return;
    }
    snprintf(d->origins[d->origin_count++], CDP_ORIGIN_MAX, "%.*s", STR_ARG(origin));
}

/* --- what a new target hears first -------------------------------------------------------------
 */

struct greeting {
    struct buf *out;
    struct str session;
};

static void
say(const struct greeting *g, const char *method, struct str params)
{
    cdp_put_command(g->out, CDP_NOBODY, g->session, method, params);
}

static void PRINTF_LIKE(3, 4)
    sayf(const struct greeting *g, const char *method, const char *fmt, ...)
{
    struct buf b;
    va_list args;

    buf_init(&b, 64 * 1024);
    va_start(args, fmt);
    buf_vprintf(&b, fmt, args);
    va_end(args);
    say(g, method, buf_str(&b));
    buf_fini(&b);
}

static void
say_script(const struct greeting *g)
{
    struct buf params;

    buf_init(&params, 1 << 20);
    buf_putz(&params, "{");
    json_put_member_str(&params, "source", str_z(cdp_script()));
    buf_putz(&params, ",\"worldName\":\"assay\",\"runImmediately\":true}");
    say(g, "Runtime.addBinding",
        STR("{\"name\":\"__assayChanged\",\"executionContextName\":\"assay\"}"));
    say(g, "Page.addScriptToEvaluateOnNewDocument", buf_str(&params));
    buf_fini(&params);
}

static void
say_profile(const struct greeting *g, const struct device_profile *p)
{
    bool mobile =
        p->touch && (str_eqz(str_z(p->category), "phone") || str_eqz(str_z(p->category), "tablet"));

    sayf(g, "Emulation.setDeviceMetricsOverride",
         "{\"width\":%d,\"height\":%d,\"deviceScaleFactor\":%g,\"mobile\":%s,\"screenWidth\":%d,"
         "\"screenHeight\":%d}",
         p->width, p->height, p->scale > 0 ? p->scale : 1, mobile ? "true" : "false", p->width,
         p->height);
    say(g, "Emulation.setFocusEmulationEnabled", STR("{\"enabled\":true}"));
    say(g, "Page.setInterceptFileChooserDialog", STR("{\"enabled\":true}"));
}

static void
say_agent(const struct greeting *g, const struct device_profile *p)
{
    if (p->touch) {
        say(g, "Emulation.setTouchEmulationEnabled",
            STR("{\"enabled\":true,\"maxTouchPoints\":5}"));
    }
    if (p->user_agent != NULL) {
        struct buf b;
        buf_init(&b, 4096);
        buf_putz(&b, "{");
        json_put_member_str(&b, "userAgent", str_z(p->user_agent));
        buf_putz(&b, "}");
        say(g, "Emulation.setUserAgentOverride", buf_str(&b));
        buf_fini(&b);
    }
}

/* Runs on the reader's thread: reads nothing of the device but its profile. */
void
cdp_greet(void *device, struct str session, bool page, struct buf *out)
{
    const struct cdp_device *d = device;
    struct greeting g = {.out = out, .session = session};

    say(&g, "Inspector.enable", STR_EMPTY);
    say(&g, "Page.enable", STR_EMPTY);
    say(&g, "Network.enable", STR("{\"maxPostDataSize\":0}"));
    say(&g, "Runtime.enable", STR_EMPTY);
    say_script(&g);
    say_agent(&g, &d->base.profile);
    if (page) {
        say_profile(&g, &d->base.profile);
    }
    say(&g, "Target.setAutoAttach",
        STR("{\"autoAttach\":true,\"waitForDebuggerOnStart\":true,\"flatten\":true,"
            "\"filter\":[{\"type\":\"iframe\"}]}"));
    say(&g, "Runtime.runIfWaitingForDebugger", STR_EMPTY);
}
