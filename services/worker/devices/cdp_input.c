/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/devices/cdp_internal.h"

#include <stdlib.h>

#define FRAME_US 16667
#define QUIET_MS "2000" /* as long as a step settles */
#define SWIPE_US (250 * ASSAY_US_PER_MS)
#define DRAG_STEPS 5
#define DRAG_WAIT_US (500 * ASSAY_US_PER_MS)

void
cdp_ask_mouse(struct cdp_device *d, struct cdp_wait *w, const char *type, struct cdp_point p,
              const char *button, int buttons, int clicks)
{
    cdp_askf(d, w, cdp_tab(d), "Input.dispatchMouseEvent",
             "{\"type\":\"%s\",\"x\":%.3f,\"y\":%.3f,\"button\":\"%s\",\"buttons\":%d,"
             "\"clickCount\":%d,\"pointerType\":\"mouse\"}",
             type, p.x, p.y, button, buttons, clicks);
}

static void
ask_touch(struct cdp_device *d, struct cdp_wait *w, const char *type, struct cdp_point p)
{
    if (str_eqz(str_z(type), "touchEnd")) {
        cdp_ask(d, w, cdp_tab(d), "Input.dispatchTouchEvent",
                STR("{\"type\":\"touchEnd\",\"touchPoints\":[]}"));
        return;
    }
    cdp_askf(d, w, cdp_tab(d), "Input.dispatchTouchEvent",
             "{\"type\":\"%s\",\"touchPoints\":[{\"x\":%.3f,\"y\":%.3f,\"id\":1}]}", type, p.x,
             p.y);
}

enum rc
cdp_handled(struct cdp_device *d, struct ctx *ctx, struct cdp_wait *w, bool *out_open)
{
    enum rc rc = cdp_await(d, ctx, w, CDP_STOP_DIALOG, CDP_CALL_US);

    *out_open = w->end == CDP_ANSWERED;
    if (rc == RC_OK && w->end == CDP_EXPIRED) {
        rc = cdp_hangs(ctx);
    }
    cdp_wait_fini(w);
    return rc;
}

/* Asks the page with `expr`, behind what was asked already, whether it is quiet, and waits for all
 * answers. *out_said: it is; or nobody is there to be asked, for a dialog holds it or it went away.
 */
static enum rc
ask_quiet(struct cdp_device *d, struct ctx *ctx, struct cdp_wait *w, struct cdp_session *tab,
          struct str expr, bool *out_said)
{
    int64_t born = tab->born;

    cdp_ask_eval(d, w, tab, false, expr);
    enum rc rc = cdp_await(d, ctx, w, CDP_STOP_DIALOG, CDP_CALL_US);
    if (rc == RC_OK && w->end == CDP_EXPIRED) {
        rc = cdp_hangs(ctx);
    }
    *out_said = rc != RC_OK || w->end != CDP_ANSWERED || !tab->used || tab->born != born ||
                cdp_hear_quiet(d, ctx, tab, w->answers[w->count - 1]);
    cdp_wait_fini(w);
    return rc;
}

enum rc
cdp_sent(struct cdp_device *d, struct ctx *ctx, struct cdp_wait *w)
{
    struct cdp_session *tab = cdp_tab(d);
    int64_t born = tab->born;
    bool open = true;
    bool said = false;
    enum rc rc = cdp_handled(d, ctx, w, &open);

    if (rc != RC_OK || !open || !tab->used || tab->born != born) {
        return rc;
    }
    /* The answer to a press can overtake the news of a navigation it caused; the answer to a second
     * request cannot. */
    if (tab->world[0] != '\0') {
        return ask_quiet(d, ctx, w, tab, STR("__assay.quiet(" QUIET_MS ")"), &said);
    }
    cdp_ask(d, w, tab, "Runtime.evaluate", STR("{\"expression\":\"0\"}"));
    return cdp_handled(d, ctx, w, &open);
}

/* The same in one go, for input whose end the page hears: it was aimed in this document, see
 * page/act.js. */
static enum rc
sent_heard(struct cdp_device *d, struct ctx *ctx, struct cdp_wait *w, struct str expr)
{
    struct cdp_session *tab = cdp_tab(d);
    bool said = false;

    if (tab->world[0] == '\0') {
        return cdp_sent(d, ctx, w);
    }
    enum rc rc = ask_quiet(d, ctx, w, tab, expr, &said);
    if (rc != RC_OK || said || tab != cdp_tab(d)) {
        return rc;
    }
    return cdp_sent(d, ctx, w); /* it did not hear it, or another document is there */
}

enum rc
cdp_press(struct cdp_device *d, struct ctx *ctx, struct cdp_point p, const char *button, int clicks,
          bool aimed)
{
    int bit = str_eqz(str_z(button), "right") ? 2 : 1;
    struct cdp_wait w = {0};

    cdp_ask_mouse(d, &w, "mouseMoved", p, "none", 0, 0);
    for (int i = 1; i <= clicks; i++) {
        cdp_ask_mouse(d, &w, "mousePressed", p, button, bit, i);
        cdp_ask_mouse(d, &w, "mouseReleased", p, button, 0, i);
    }
    /* The end of the first of several would be taken for that of the last. */
    return aimed && clicks == 1
               ? sent_heard(d, ctx, &w, STR("__assay.pressed('pointerup'," QUIET_MS ")"))
               : cdp_sent(d, ctx, &w);
}

enum rc
cdp_touch_tap(struct cdp_device *d, struct ctx *ctx, struct cdp_point p, bool aimed)
{
    struct cdp_wait w = {0};

    ask_touch(d, &w, "touchStart", p);
    ask_touch(d, &w, "touchEnd", p);
    return aimed ? sent_heard(d, ctx, &w, STR("__assay.pressed('click'," QUIET_MS ")"))
                 : cdp_sent(d, ctx, &w);
}

/* Applies events for `us`: the gesture itself takes this long. */
static enum rc
pass(struct cdp_device *d, struct ctx *ctx, int64_t us)
{
    int64_t end_us = clk_mono_us() + us;
    bool any = true;
    enum rc rc = RC_OK;

    while (rc == RC_OK && clk_mono_us() < end_us) {
        rc = cdp_pump(d, ctx, end_us, &any);
    }
    return rc;
}

enum rc
cdp_hold(struct cdp_device *d, struct ctx *ctx, struct cdp_point p, int64_t us)
{
    bool touch = d->base.profile.touch;
    struct cdp_wait w = {0};
    bool open = true;

    if (touch) {
        ask_touch(d, &w, "touchStart", p);
    } else {
        cdp_ask_mouse(d, &w, "mouseMoved", p, "none", 0, 0);
        cdp_ask_mouse(d, &w, "mousePressed", p, "left", 1, 1);
    }
    enum rc rc = cdp_handled(d, ctx, &w, &open);
    if (rc == RC_OK && open) {
        rc = pass(d, ctx, us);
    }
    if (rc != RC_OK) {
        return rc;
    }
    if (touch) {
        ask_touch(d, &w, "touchEnd", p);
    } else {
        cdp_ask_mouse(d, &w, "mouseReleased", p, "left", 0, 1);
    }
    return cdp_sent(d, ctx, &w);
}

static struct cdp_point
between(struct cdp_point from, struct cdp_point to, double part)
{
    return (struct cdp_point){from.x + (to.x - from.x) * part, from.y + (to.y - from.y) * part};
}

enum rc
cdp_swipe(struct cdp_device *d, struct ctx *ctx, struct cdp_point from, struct cdp_point to,
          int64_t us)
{
    bool touch = d->base.profile.touch;
    int steps = (int)((us > 0 ? us : SWIPE_US) / FRAME_US) + 1;
    struct cdp_wait w = {0};
    bool open = true;
    enum rc rc;

    if (touch) {
        ask_touch(d, &w, "touchStart", from);
    } else {
        cdp_ask_mouse(d, &w, "mouseMoved", from, "none", 0, 0);
        cdp_ask_mouse(d, &w, "mousePressed", from, "left", 1, 1);
    }
    rc = cdp_handled(d, ctx, &w, &open);
    int64_t begun_us = clk_mono_us();
    for (int i = 1; rc == RC_OK && open && i <= steps; i++) {
        struct cdp_point p = between(from, to, (double)i / steps);
        if (touch) {
            ask_touch(d, &w, "touchMove", p);
        } else {
            cdp_ask_mouse(d, &w, "mouseMoved", p, "left", 1, 0);
        }
        rc = cdp_handled(d, ctx, &w, &open);
        int64_t ahead_us = begun_us + (int64_t)i * FRAME_US - clk_mono_us();
        if (rc == RC_OK && ahead_us > 0) {
            rc = pass(d, ctx, ahead_us);
        }
    }
    if (rc != RC_OK) {
        return rc;
    }
    if (touch) {
        ask_touch(d, &w, "touchEnd", to);
    } else {
        cdp_ask_mouse(d, &w, "mouseReleased", to, "left", 0, 1);
    }
    return cdp_sent(d, ctx, &w);
}

/* --- drag and drop ---------------------------------------------------------------------------- */

static void
ask_drag(struct cdp_device *d, struct cdp_wait *w, const char *type, struct cdp_point p)
{
    cdp_askf(d, w, cdp_tab(d), "Input.dispatchDragEvent",
             "{\"type\":\"%s\",\"x\":%.3f,\"y\":%.3f,\"data\":%s}", type, p.x, p.y, d->drag_p);
}

/* Picks up: moves a little with the button down. *out_native: the browser drags, not the page. */
static enum rc
pick_up(struct cdp_device *d, struct ctx *ctx, struct cdp_point from, struct cdp_point to,
        bool *out_native)
{
    struct cdp_wait w = {0};
    struct str said = STR_EMPTY;
    bool open = true;
    enum rc rc = cdp_eval(d, ctx, cdp_tab(d), STR("__assay.watchDrag()"), &said);

    if (rc != RC_OK) {
        return rc;
    }
    free(d->drag_p);
    d->drag_p = NULL;
    cdp_ask(d, NULL, cdp_tab(d), "Input.setInterceptDrags", STR("{\"enabled\":true}"));
    cdp_ask_mouse(d, &w, "mouseMoved", from, "none", 0, 0);
    cdp_ask_mouse(d, &w, "mousePressed", from, "left", 1, 1);
    rc = cdp_handled(d, ctx, &w, &open);
    for (int i = 1; rc == RC_OK && open && i <= 2; i++) {
        cdp_ask_mouse(d, &w, "mouseMoved", between(from, to, i * 0.1), "left", 1, 0);
        rc = cdp_handled(d, ctx, &w, &open);
    }
    if (rc == RC_OK && open) {
        rc = cdp_eval(d, ctx, cdp_tab(d), STR("__assay.dragging()"), &said);
    }
    int64_t until_us = clk_mono_us() + DRAG_WAIT_US;
    bool any = str_eqz(said, "1");
    while (rc == RC_OK && any && d->drag_p == NULL) {
        rc = cdp_pump(d, ctx, until_us, &any);
    }
    *out_native = d->drag_p != NULL;
    return rc;
}

enum rc
cdp_drag(struct cdp_device *d, struct ctx *ctx, struct cdp_point from, struct cdp_point to)
{
    struct cdp_wait w = {0};
    bool native = false;
    bool open = true;
    enum rc rc = pick_up(d, ctx, from, to, &native);

    if (rc == RC_OK && native) {
        ask_drag(d, &w, "dragEnter", to);
        ask_drag(d, &w, "dragOver", to);
        rc = cdp_handled(d, ctx, &w, &open);
    }
    if (rc == RC_OK && native) {
        ask_drag(d, &w, "dragOver", to);
        ask_drag(d, &w, "drop", to);
        rc = cdp_handled(d, ctx, &w, &open);
    }
    for (int i = 1; rc == RC_OK && !native && open && i <= DRAG_STEPS; i++) {
        cdp_ask_mouse(d, &w, "mouseMoved", between(from, to, (double)i / DRAG_STEPS), "left", 1, 0);
        rc = cdp_handled(d, ctx, &w, &open);
    }
    if (rc != RC_OK) {
        return rc;
    }
    cdp_ask(d, NULL, cdp_tab(d), "Input.setInterceptDrags", STR("{\"enabled\":false}"));
    cdp_ask_mouse(d, &w, "mouseReleased", to, "left", 0, 1);
    return cdp_sent(d, ctx, &w);
}
