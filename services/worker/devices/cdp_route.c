/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/devices/cdp_route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOX_SOFT 2048 /* from here on events that only help are dropped */
#define BOX_HARD 16384
#define BOX_BYTES_MAX (256u << 20)
#define ATTACH_ARENA (1u << 20)

enum use {
    USE_NOT,   /* no device looks at it */
    USE_HINT,  /* may be dropped when a device has not looked for long */
    USE_ALWAYS /* state depends on it */
};

/* The events devices look at; all others end in the reader. */
static const struct {
    const char *method;
    enum use use;
} events[] = {
    {"Network.requestWillBeSent", USE_HINT},
    {"Network.loadingFinished", USE_HINT},
    {"Network.loadingFailed", USE_HINT},
    {"Runtime.bindingCalled", USE_HINT},
    {"Runtime.executionContextCreated", USE_ALWAYS},
    {"Runtime.executionContextDestroyed", USE_ALWAYS},
    {"Runtime.executionContextsCleared", USE_ALWAYS},
    {"Page.frameStartedLoading", USE_ALWAYS},
    {"Page.frameStoppedLoading", USE_ALWAYS},
    {"Page.frameRequestedNavigation", USE_ALWAYS},
    {"Page.frameStartedNavigating", USE_ALWAYS},
    {"Page.frameNavigated", USE_ALWAYS},
    {"Page.navigatedWithinDocument", USE_HINT},
    {"Page.domContentEventFired", USE_ALWAYS},
    {"Page.loadEventFired", USE_ALWAYS},
    {"Page.javascriptDialogOpening", USE_ALWAYS},
    {"Page.javascriptDialogClosed", USE_ALWAYS},
    {"Page.fileChooserOpened", USE_ALWAYS},
    {"Page.downloadWillBegin", USE_ALWAYS},
    {"Input.dragIntercepted", USE_ALWAYS},
    {"Inspector.targetCrashed", USE_ALWAYS},
    {"Target.attachedToTarget", USE_ALWAYS},
    {"Target.detachedFromTarget", USE_ALWAYS},
};

bool
cdp_routes_add(struct cdp_routes *r, struct cdp_box *box)
{
    for (int i = 0; i < CDP_NOBODY; i++) {
        if (r->boxes[i] == NULL) {
            r->boxes[i] = box;
            box->slot = i;
            return true;
        }
    }
    return false;
}

static void
forget_sessions(struct cdp_routes *r, int slot)
{
    size_t kept = 0;

    for (size_t i = 0; i < r->session_count; i++) {
        if (r->sessions[i].slot != slot) {
            r->sessions[kept++] = r->sessions[i];
        }
    }
    r->session_count = kept;
}

void
cdp_routes_remove(struct cdp_routes *r, struct cdp_box *box)
{
    if (box->slot >= 0 && r->boxes[box->slot] == box) {
        forget_sessions(r, box->slot);
        r->boxes[box->slot] = NULL;
    }
    box->slot = -1;
}

static void
mark_gone(struct cdp_box *box)
{
    pthread_mutex_lock(&box->lock);
    box->gone = true;
    pthread_cond_broadcast(&box->wake);
    pthread_mutex_unlock(&box->lock);
}

void
cdp_routes_clear(struct cdp_routes *r)
{
    for (int i = 0; i < CDP_SLOTS; i++) {
        if (r->boxes[i] != NULL) {
            mark_gone(r->boxes[i]);
            r->boxes[i] = NULL;
        }
    }
    r->session_count = 0;
}

static void
push(struct cdp_box *box, int64_t id, enum use use, struct str text)
{
    if (box == NULL) {
        return;
    }
    struct cdp_msg *m = malloc(sizeof *m + text.n + 1);
    pthread_mutex_lock(&box->lock);
    bool full = box->count >= BOX_HARD || box->bytes + text.n > BOX_BYTES_MAX;
    if (m == NULL || full) {
        box->gone = true;
    }
    if (box->gone || (use == USE_HINT && box->count >= BOX_SOFT)) {
        free(m);
    } else {
        *m = (struct cdp_msg){.id = id, .n = text.n};
        memcpy(m->text, text.p, text.n);
        m->text[text.n] = '\0';
        *box->tail = m;
        box->tail = &m->next;
        box->count++;
        box->bytes += text.n;
    }
    pthread_cond_broadcast(&box->wake);
    pthread_mutex_unlock(&box->lock);
}

static ptrdiff_t
session_index(const struct cdp_routes *r, struct str id)
{
    for (size_t i = 0; i < r->session_count; i++) {
        if (str_eqz(id, r->sessions[i].id)) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

static struct cdp_box *
box_of_session(const struct cdp_routes *r, struct str id)
{
    ptrdiff_t i = session_index(r, id);

    return i < 0 ? NULL : r->boxes[r->sessions[i].slot];
}

static struct cdp_box *
box_of_context(const struct cdp_routes *r, struct str context)
{
    for (int i = 0; i < CDP_SLOTS; i++) {
        if (r->boxes[i] != NULL && context.n > 0 && str_eqz(context, r->boxes[i]->context)) {
            return r->boxes[i];
        }
    }
    return NULL;
}

/* A target nobody waits for must not stand still for ever either. */
static void
let_run(struct str session, struct buf *greeting)
{
    cdp_put_command(greeting, CDP_NOBODY, session, "Runtime.runIfWaitingForDebugger", STR_EMPTY);
}

static void
attached(struct cdp_routes *r, const struct json_value *params, struct str parent, struct str text,
         struct buf *greeting)
{
    struct str session = json_str(json_get(params, "sessionId"));
    const struct json_value *info = json_get(params, "targetInfo");
    struct str type = json_str(json_get(info, "type"));
    struct cdp_box *box = parent.n > 0
                              ? box_of_session(r, parent)
                              : box_of_context(r, json_str(json_get(info, "browserContextId")));
    bool known = str_eqz(type, "page") || str_eqz(type, "iframe");

    if (box == NULL || !known || r->session_count == CDP_SESSIONS_MAX || session.n >= CDP_ID_MAX) {
        let_run(session, greeting);
        return;
    }
    struct cdp_session_route *s = &r->sessions[r->session_count++];
    snprintf(s->id, sizeof s->id, "%.*s", STR_ARG(session));
    s->slot = box->slot;
    push(box, 0, USE_ALWAYS, text);
    box->greet(box->arg, session, str_eqz(type, "page"), greeting);
}

static void
detached(struct cdp_routes *r, const struct json_value *params, struct str text)
{
    ptrdiff_t i = session_index(r, json_str(json_get(params, "sessionId")));

    if (i >= 0) {
        push(r->boxes[r->sessions[i].slot], 0, USE_ALWAYS, text);
        r->sessions[i] = r->sessions[--r->session_count];
    }
}

static void
target_event(struct cdp_routes *r, bool is_attached, struct str parent, struct str text,
             struct buf *greeting)
{
    struct arena *arena = arena_new(ATTACH_ARENA);
    const struct json_value *v = arena != NULL ? cdp_read(arena, text) : NULL;

    if (v != NULL) {
        const struct json_value *params = json_get(v, "params");
        if (is_attached) {
            attached(r, params, parent, text, greeting);
        } else {
            detached(r, params, text);
        }
    }
    arena_free(arena);
}

static enum use
use_of(struct str method)
{
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        if (str_eqz(method, events[i].method)) {
            return events[i].use;
        }
    }
    return USE_NOT;
}

static void
event(struct cdp_routes *r, struct str method, struct str session, struct str text,
      struct buf *greeting)
{
    enum use use = use_of(method);

    if (str_eqz(method, "Target.attachedToTarget")) {
        target_event(r, true, session, text, greeting);
    } else if (str_eqz(method, "Target.detachedFromTarget")) {
        target_event(r, false, session, text, greeting);
    } else if (str_starts(method, STR("Network.responseReceived"))) {
        /* Of all answers only a demand for a password matters: it makes the browser remember one.
         */
        if (str_find(text, STR("\"status\":401")) >= 0 ||
            str_find(text, STR("\"statusCode\":401")) >= 0) {
            push(box_of_session(r, session), 0, USE_ALWAYS, text);
        }
    } else if (use != USE_NOT) {
        push(box_of_session(r, session), 0, use, text);
    }
}

/* Chromium puts the session last, behind params of any size. */
static struct str
session_of(struct str text)
{
    static const struct str mark = STR_INIT("\"sessionId\":\"");
    const size_t digits = 32;

    if (text.n < mark.n + digits + 2 || !str_ends(text, STR("\"}"))) {
        return STR_EMPTY;
    }
    size_t from = text.n - 2 - digits;
    if (!str_eq(str_sub(text, from - mark.n, from), mark)) {
        return STR_EMPTY;
    }
    return str_sub(text, from, from + digits);
}

void
cdp_routes_deliver(struct cdp_routes *r, struct str text, struct buf *greeting)
{
    static const struct str answer = STR_INIT("{\"id\":");
    static const struct str call = STR_INIT("{\"method\":\"");
    int64_t id;

    if (str_starts(text, answer)) {
        struct str rest = str_sub(text, answer.n, text.n);
        size_t n = 0;
        while (n < rest.n && ch_is_digit(rest.p[n])) {
            n++;
        }
        if (str_to_i64(str_sub(rest, 0, n), 1, INT32_MAX, &id) == RC_OK) {
            push(r->boxes[id & (CDP_SLOTS - 1)], id, USE_ALWAYS, text);
        }
    } else if (str_starts(text, call)) {
        struct str rest = str_sub(text, call.n, text.n);
        event(r, str_split(&rest, '"'), session_of(text), text, greeting);
    }
}
