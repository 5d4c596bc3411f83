/* SPDX-License-Identifier: Apache-2.0
 *
 * A device a case runs on, whatever drives it: `cdp` (one isolated browser context of a Chromium
 * started with --remote-debugging-pipe) or `webdriver` (any W3C server). The interface is the same,
 * abilities differ: what a driver cannot do ends UNIMPLEMENTED.
 *
 * Elements are named by the `ref` of the newest snapshot. Before it touches one, a driver scrolls
 * it into view and checks that it is visible, enabled, not moving and not covered, and says which
 * of these failed. It never retries an action that may have happened; waiting is the caller's, with
 * wait_change.
 *
 * Errors, all recorded in ctx with a stable reason:
 *   FAILED_PRECONDITION  "NOT_VISIBLE" "DISABLED" "COVERED" "MOVING" "DETACHED" "NOT_EDITABLE"
 *                        "NO_SUCH_OPTION" "DIALOG_OPEN" "NO_HISTORY"   about the application
 *   UNAVAILABLE          "DEVICE_GONE"   browser crashed or the pipe closed: the case ends `error`
 *   DEADLINE_EXCEEDED    "DEVICE_TIMEOUT" "PAGE_LOAD_TIMEOUT"
 *   NOT_FOUND            "NAVIGATION_FAILED" the address did not answer (detail: net error)
 *   UNIMPLEMENTED        "NOT_SUPPORTED"
 *
 * Threads: one at a time per device, different devices at once. Blocks: until ctx->deadline_us at
 * most; device_abort from another thread ends the current call with CANCELLED. */
#ifndef ASSAY_WORKER_DEVICE_H
#define ASSAY_WORKER_DEVICE_H

#include "base/ctx.h"
#include "worker/devices/snapshot.h"

/* Geometry and identity of what is emulated. */
struct device_profile {
    const char *id;       /* "web-phone-1" */
    const char *name;     /* "Phone (Chromium)" */
    const char *platform; /* "web" "ios" "android" */
    const char *category; /* "phone" "tablet" "desktop" "tv" */
    const char *os_version;
    int width, height; /* CSS pixels */
    double scale;
    bool touch;
    const char *user_agent; /* NULL: the browser's own */
};

enum device_reset {
    DEVICE_RELAUNCH,   /* back to the start page, state stays */
    DEVICE_CLEAR_DATA, /* cookies, storage of every origin visited, service workers, permissions,
                          other tabs and dialogs gone; falls back to DEVICE_FRESH when it cannot */
    DEVICE_FRESH       /* a new browser context */
};

enum device_image { DEVICE_JPEG, DEVICE_PNG };

enum device_verb {
    DEVICE_TAP, /* ref, or x/y when ref < 0 */
    DEVICE_DOUBLE_TAP,
    DEVICE_LONG_PRESS,
    DEVICE_CONTEXT_TAP,
    DEVICE_HOVER,
    DEVICE_TYPE, /* text into ref, or the focused element when ref < 0; keeps what is there */
    DEVICE_FILL, /* replaces the value with text, firing what a person's typing would fire */
    DEVICE_CLEAR,
    DEVICE_SELECT,    /* option with label (or value) `text` of a select */
    DEVICE_CHECK,     /* `on` says to which state; does nothing when it is there already */
    DEVICE_UPLOAD,    /* files: paths separated by '\n' */
    DEVICE_DRAG,      /* from ref to ref2, or x/y to x2/y2 */
    DEVICE_SWIPE,     /* x/y to x2/y2 in duration_us */
    DEVICE_SCROLL,    /* by x2/y2 pixels at ref or in the page */
    DEVICE_SCROLL_TO, /* ref into view */
    DEVICE_KEY,       /* text: "Enter", "Control+A", "ArrowDown", "BACK" */
    DEVICE_FOCUS
};

struct device_action {
    enum device_verb verb;
    int32_t ref;
    int32_t ref2;
    double x, y, x2, y2;
    struct str text;
    bool on;
    int64_t duration_us;
};

/* What a step may want to know of an open page without a snapshot. */
struct device_page {
    struct str url;
    struct str title;
    struct str dialog; /* p == NULL: none open */
    int tabs;
};

struct device;

struct device_driver {
    const char *name;
    /* Prepares the device for a session and opens `url` when it is not empty. */
    enum rc (*open)(struct device *d, struct ctx *ctx, struct str url);
    enum rc (*reset)(struct device *d, struct ctx *ctx, enum device_reset how, struct str url);
    void (*close)(struct device *d);
    /* Returns when navigation, network and layout are quiet, or `budget_us` is over (that is no
     * error). Never a fixed sleep. */
    enum rc (*settle)(struct device *d, struct ctx *ctx, int64_t budget_us);
    /* Settles for `budget_us` at most (0: not at all) and looks: what is seen is what the page
     * showed when it was quiet. */
    enum rc (*observe)(struct device *d, struct ctx *ctx, int64_t budget_us, struct snapshot *out);
    /* Returns OK as soon as the document differs from `version`, DEADLINE_EXCEEDED
     * ("NO_CHANGE") after `budget_us`. */
    enum rc (*wait_change)(struct device *d, struct ctx *ctx, int64_t version, int64_t budget_us);
    enum rc (*act)(struct device *d, struct ctx *ctx, const struct device_action *action);
    enum rc (*go)(struct device *d, struct ctx *ctx, struct str url);
    enum rc (*back)(struct device *d, struct ctx *ctx);
    enum rc (*forward)(struct device *d, struct ctx *ctx);
    enum rc (*reload)(struct device *d, struct ctx *ctx);
    /* Answers the open dialog; `text` for a prompt. */
    enum rc (*dialog)(struct device *d, struct ctx *ctx, bool accept, struct str text);
    /* Tab by number from 1, -1 the newest; closes the current one when `close`. */
    enum rc (*tab)(struct device *d, struct ctx *ctx, int number, bool close);
    enum rc (*page)(struct device *d, struct ctx *ctx, struct device_page *out);
    /* Bytes of the picture in ctx's arena; quality 1-100 of a JPEG. */
    enum rc (*screenshot)(struct device *d, struct ctx *ctx, enum device_image format, int quality,
                          struct str *out);
    /* Before a picture that is compared: animations that end are at their end, endless ones stand
     * at their beginning until `still` is false. Nothing a page draws by itself is stopped. NULL:
     * the driver cannot. */
    enum rc (*still)(struct device *d, struct ctx *ctx, bool still);
    /* Ref of the element a recorded CSS selector names. NOT_FOUND "NO_SUCH_ELEMENT", or
     * FAILED_PRECONDITION "AMBIGUOUS". */
    enum rc (*find)(struct device *d, struct ctx *ctx, struct str selector, int32_t *out_ref);
    /* Any thread: the call under way (or the next) returns CANCELLED. */
    void (*abort)(struct device *d);
};

/* First member of every driver's own struct. */
struct device {
    const struct device_driver *driver;
    struct device_profile profile;
};

#endif
