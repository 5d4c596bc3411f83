/* SPDX-License-Identifier: Apache-2.0
 *
 * The pipe to Chromium, private to the cdp driver: one reader thread sorts what the browser says
 * into mailboxes, one per device (and one for the browser itself). An answer finds its mailbox by
 * its id, an event by its session; events that no device uses end here. The reader also prepares
 * new targets (tabs, frames of other sites) at once, so that none of them waits for a device to
 * look.
 *
 * Threads: any, unless said otherwise. */
#ifndef ASSAY_WORKER_CDP_BROWSER_H
#define ASSAY_WORKER_CDP_BROWSER_H

#include <pthread.h>

#include "json/json.h"
#include "worker/devices/cdp.h"

#define CDP_ID_MAX                                                                                 \
    64 /* bytes of a session, target or context id with NUL; Chromium uses 32 digits */

#define CDP_SLOT_BITS 8
#define CDP_SLOTS (1 << CDP_SLOT_BITS)
#define CDP_NOBODY (CDP_SLOTS - 1) /* id of a request whose answer nobody reads */

/* One message of the browser. */
struct cdp_msg {
    struct cdp_msg *next;
    int64_t id; /* of the request it answers; 0: an event */
    size_t n;
    char text[]; /* JSON, with NUL behind */
};

struct cdp_box {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct cdp_msg *head;
    struct cdp_msg **tail;
    size_t count;
    size_t bytes;
    bool gone;    /* the browser died, or the device fell behind without hope */
    bool aborted; /* set by device_abort, cleared by whoever returns CANCELLED */
    /* below: written before the box is open, or under the browser's lock */
    int slot;
    int64_t deaths; /* of the browser, when the box was opened */
    char context[CDP_ID_MAX];
    /* Called by the reader thread: appends what a new target needs to hear first. */
    void (*greet)(void *arg, struct str session, bool page, struct buf *out);
    void *arg;
};

/* The tree of a message, which must outlive it; NULL: it cannot be read. Halves of characters and
 * NULs, which a page may well say, are U+FFFD in it. */
const struct json_value *cdp_read(struct arena *arena, struct str text);

enum cdp_pop { CDP_POP_MSG, CDP_POP_TIME, CDP_POP_GONE, CDP_POP_ABORTED };

void cdp_box_init(struct cdp_box *box);
/* Frees what is in it. */
void cdp_box_fini(struct cdp_box *box);
/* Empties a closed box for its next use. Another thread may abort it meanwhile: that stays. */
void cdp_box_clear(struct cdp_box *box);
/* Takes the oldest message, waiting until `until_us` of the monotonic clock. free() it. */
enum cdp_pop cdp_box_pop(struct cdp_box *box, int64_t until_us, struct cdp_msg **out);
void cdp_box_abort(struct cdp_box *box);

/* Makes the running browser deliver to the box. False: dead, or too many devices. */
NODISCARD bool cdp_browser_open_box(struct cdp_browser *b, struct cdp_box *box);
/* Events of targets in this browser context are the box's from now on. */
void cdp_browser_set_context(struct cdp_browser *b, struct cdp_box *box, struct str context);
/* Nothing is delivered after this returns. */
void cdp_browser_close_box(struct cdp_browser *b, struct cdp_box *box);

/* An id no other request of this box has. */
int64_t cdp_browser_next_id(struct cdp_browser *b, const struct cdp_box *box);
/* Writes whole messages, each ending in NUL. False: the browser is dead (or stopped reading for ten
 * seconds and has been killed for it). */
NODISCARD bool cdp_browser_write(struct cdp_browser *b, struct str bytes);
/* Appends {"id","method","params","sessionId"} and NUL. `params` is an object or empty; `session`
 * empty means the browser itself. */
void cdp_put_command(struct buf *out, int64_t id, struct str session, const char *method,
                     struct str params);

/* How the browser that the box belonged to died, in ctx's arena; empty: it lives, or that is not
 * known. */
struct str cdp_browser_epitaph(struct cdp_browser *b, struct ctx *ctx, const struct cdp_box *box);

const struct cdp_options *cdp_browser_options(const struct cdp_browser *b);
/* The browser's directory, "" when it does not run. */
void cdp_browser_dir(struct cdp_browser *b, char *out, size_t n);

#endif
