/* SPDX-License-Identifier: Apache-2.0
 *
 * The `cdp` driver: one Chromium per worker process, started with --remote-debugging-pipe, and one
 * isolated browser context in it per device. Beyond device.h:
 *
 * - The browser starts with the first device that opens and starts again, by itself, with the next
 *   open or reset after it died. A device whose page or browser died answers DEVICE_GONE until
 * then; of a browser the detail says how it ended and what it said last.
 * - A new tab (window.open, target=_blank) becomes the current one; closing it returns to its
 * opener.
 * - alert, confirm, prompt and beforeunload stay open for a step to answer: act and settle fail
 * with DIALOG_OPEN, observe shows nothing but `dialog`, wait_change returns. An action that itself
 *   opens a dialog succeeds. go, back, forward, reload and reset dismiss what is open and accept
 * the beforeunload they cause.
 * - A touch profile gets touch events for tap, long press and swipe, the others a mouse.
 * - Files a page downloads go to the device's own folder and are gone after the next reset.
 * - Refs stay the same for the same element until its document is gone; then they are DETACHED.
 * - No call waits for the page without limit: a page that does not answer for ten seconds ends the
 *   call with DEADLINE_EXCEEDED "DEVICE_TIMEOUT" even when ctx has no deadline. */
#ifndef ASSAY_WORKER_CDP_H
#define ASSAY_WORKER_CDP_H

#include <sys/types.h>

#include "worker/devices/device.h"

/* All may be zero: defaults in brackets. Texts are borrowed for the browser's life. */
struct cdp_options {
    const char *program; /* [/usr/lib/chromium/chromium, else chromium of PATH] */
    const char *tmp_dir; /* profile and downloads live in a new directory below [TMPDIR, /tmp] */
    int64_t start_timeout_us; /* until the browser answers first [20 s] */
    int64_t load_timeout_us;  /* of go, back, forward, reload [30 s] */
    int64_t late_us;          /* for what hangs after a document is read: an image, a font [5 s] */
    const char *extra_switch; /* one more switch for the command line [none] */
};

struct cdp_browser;

/* Makes a browser without starting it. NULL without memory. */
struct cdp_browser *cdp_browser_new(const struct cdp_options *options);
/* Starts the browser unless it runs. Errors: UNAVAILABLE "BROWSER_START", with the browser's last
 * words in the detail.
 * Threads: any. Blocks: start_timeout_us at most. */
NODISCARD enum rc cdp_browser_start(struct cdp_browser *b, struct ctx *ctx);
/* How often the browser has died, or was not there when it should have started. `out_words`: of the
 * last time, how it ended and what it said last, "" when that is not known; may be NULL. */
#define CDP_WORDS_MAX 512
int64_t cdp_browser_deaths(struct cdp_browser *b, char out_words[CDP_WORDS_MAX]);
/* Ends the browser, removes its directory and frees it; its devices must be freed before. Takes
 * NULL. */
void cdp_browser_free(struct cdp_browser *b);
/* Process id of the browser, 0 when none runs. For tests of faults and for metrics. */
pid_t cdp_browser_pid(struct cdp_browser *b);

/* Makes a device of this browser; `profile` is copied, its texts are borrowed. NULL without memory.
 * driver->close ends its session (it may be opened again); cdp_device_free also releases it. */
struct device *cdp_device_new(struct cdp_browser *b, const struct device_profile *profile);
void cdp_device_free(struct device *d);
/* Folder of the files the page downloaded; "" before the first open. */
const char *cdp_device_downloads(const struct device *d);

#endif
