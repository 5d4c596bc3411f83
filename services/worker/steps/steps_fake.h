/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests only: a device that shows scripted screens and writes down what is done to it. Included
 * by one test program each. */
#ifndef ASSAY_WORKER_STEPS_FAKE_H
#define ASSAY_WORKER_STEPS_FAKE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "worker/devices/device.h"

#define FAKE_ELEMS 64
#define FAKE_SCREENS 8

struct fake_screen {
    struct elem elems[FAKE_ELEMS];
    size_t count;
    const char *url;
    const char *title;
    const char *dialog; /* open on this screen, which then shows nothing else */
};

struct fake {
    struct device base;
    struct fake_screen screens[FAKE_SCREENS];
    size_t count;
    size_t at;             /* the screen shown */
    int changes_after;     /* wait_change calls until the next screen; 0: only actions change */
    bool next_on_act;      /* an action leads to the next screen */
    const char *act_fails; /* reason the next action fails with, once */
    int fails_left;
    bool unreachable;           /* no address answers */
    enum rc dies;               /* not OK: observe fails with it */
    bool no_select;             /* lists are no selects */
    const char *found_selector; /* what find knows, with the ref */
    int32_t found_ref;
    char log[1024];
    size_t observed;
};

static inline void
fake_log(struct fake *f, const char *what, int ref, struct str text)
{
    size_t n = strlen(f->log);
    (void)snprintf(f->log + n, sizeof(f->log) - n, "%s%s %d %.*s", n > 0 ? "; " : "", what, ref,
                   STR_ARG(text));
}

static inline enum rc
fake_settle(struct device *d, struct ctx *ctx, int64_t budget_us)
{
    struct fake *f = (struct fake *)d;
    (void)budget_us;
    return f->screens[f->at].dialog == NULL
               ? RC_OK
               : fail(ctx, RC_FAILED_PRECONDITION, "DIALOG_OPEN", "the page shows a dialog");
}

static inline enum rc
fake_observe(struct device *d, struct ctx *ctx, int64_t budget_us, struct snapshot *out)
{
    struct fake *f = (struct fake *)d;
    (void)budget_us;
    struct fake_screen *s = &f->screens[f->at];
    if (f->dies != RC_OK) {
        return fail(ctx, f->dies, f->dies == RC_CANCELLED ? "CANCELLED" : "DEVICE_GONE",
                    "the browser is gone");
    }
    f->observed++;
    *out = (struct snapshot){.elems = s->elems,
                             .count = s->count,
                             .viewport_w = 1280,
                             .viewport_h = 720,
                             .page_w = 1280,
                             .page_h = 2000,
                             .version = (int64_t)f->at + 1,
                             .tabs = 1};
    if (s->dialog != NULL) {
        out->dialog = str_z(s->dialog);
        out->count = 0;
    }
    out->url = str_z(s->url);
    out->title = str_z(s->title);
    return RC_OK;
}

static inline enum rc
fake_wait_change(struct device *d, struct ctx *ctx, int64_t version, int64_t budget_us)
{
    struct fake *f = (struct fake *)d;
    (void)version;
    if (f->changes_after > 0 && --f->changes_after == 0 && f->at + 1 < f->count) {
        f->at++;
        return RC_OK;
    }
    struct timespec ts = {0, (long)(budget_us < 2000 ? budget_us : 2000) * 1000};
    (void)nanosleep(&ts, NULL);
    return fail(ctx, RC_DEADLINE_EXCEEDED, "NO_CHANGE", "nothing changed");
}

static inline enum rc
fake_act(struct device *d, struct ctx *ctx, const struct device_action *a)
{
    static const char *const NAMES[] = {"tap",   "double", "long",      "context", "hover",  "type",
                                        "fill",  "clear",  "select",    "check",   "upload", "drag",
                                        "swipe", "scroll", "scroll_to", "key",     "focus"};
    struct fake *f = (struct fake *)d;
    if (f->fails_left > 0) {
        f->fails_left--;
        return fail(ctx, RC_FAILED_PRECONDITION, f->act_fails, "dialog 'Cookies'");
    }
    if (f->no_select && a->verb == DEVICE_SELECT) {
        return fail(ctx, RC_UNIMPLEMENTED, "NOT_SUPPORTED", "not a select");
    }
    fake_log(f, NAMES[a->verb], a->ref, a->text);
    if (f->next_on_act && f->at + 1 < f->count) {
        f->at++;
    }
    return RC_OK;
}

static inline enum rc
fake_go(struct device *d, struct ctx *ctx, struct str url)
{
    fake_log((struct fake *)d, "go", 0, url);
    if (((struct fake *)d)->unreachable) {
        enum rc rc =
            fail(ctx, RC_NOT_FOUND, "NAVIGATION_FAILED", "the address could not be opened");
        note(ctx, "net::ERR_CONNECTION_REFUSED");
        return rc;
    }
    return RC_OK;
}

static inline enum rc
fake_back(struct device *d, struct ctx *ctx)
{
    (void)ctx;
    fake_log((struct fake *)d, "back", 0, STR(""));
    return RC_OK;
}

static inline enum rc
fake_page(struct device *d, struct ctx *ctx, struct device_page *out)
{
    (void)d, (void)ctx;
    *out = (struct device_page){0};
    return RC_OK;
}

static inline enum rc
fake_find(struct device *d, struct ctx *ctx, struct str selector, int32_t *out_ref)
{
    struct fake *f = (struct fake *)d;
    if (f->found_selector == NULL || !str_eqz(selector, f->found_selector)) {
        return fail(ctx, RC_NOT_FOUND, "NO_SUCH_ELEMENT", "no element fits '%.*s'",
                    STR_ARG(selector));
    }
    *out_ref = f->found_ref;
    return RC_OK;
}

static inline enum rc
fake_dialog(struct device *d, struct ctx *ctx, bool accept, struct str text)
{
    (void)ctx;
    fake_log((struct fake *)d, accept ? "accept" : "dismiss", 0, text);
    return RC_OK;
}

static const struct device_driver FAKE_DRIVER = {.name = "fake",
                                                 .settle = fake_settle,
                                                 .observe = fake_observe,
                                                 .wait_change = fake_wait_change,
                                                 .act = fake_act,
                                                 .go = fake_go,
                                                 .back = fake_back,
                                                 .forward = fake_back,
                                                 .reload = fake_back,
                                                 .dialog = fake_dialog,
                                                 .page = fake_page,
                                                 .find = fake_find};

static inline void
fake_init(struct fake *f)
{
    memset(f, 0, sizeof(*f));
    f->base.driver = &FAKE_DRIVER;
    f->base.profile = (struct device_profile){.id = "fake", .width = 1280, .height = 720};
    f->count = 1;
    for (size_t i = 0; i < FAKE_SCREENS; i++) {
        f->screens[i].url = "http://shop.test/login";
        f->screens[i].title = "Shop";
    }
}

/* Adds an element and returns its index; refs are 100 + index. */
static inline int
fake_add(struct fake_screen *s, int parent, enum elem_role role, const char *name, double x,
         double y, double w, double h, unsigned flags)
{
    struct elem *e = &s->elems[s->count];
    *e = (struct elem){.ref = 100 + (int32_t)s->count, .parent = parent, .role = role};
    e->depth = parent >= 0 ? s->elems[parent].depth + 1 : 0;
    e->name = str_z(name);
    e->text = role == ELEM_TEXTBOX || role == ELEM_CHECKBOX || role == ELEM_COMBOBOX ? STR_EMPTY
                                                                                     : str_z(name);
    e->box = (struct elem_box){x, y, w, h};
    e->flags = flags;
    return (int)s->count++;
}

#define SHOWN (ELEM_VISIBLE | ELEM_IN_VIEW | ELEM_ENABLED)
#define HOT (SHOWN | ELEM_CLICKABLE)

#endif
