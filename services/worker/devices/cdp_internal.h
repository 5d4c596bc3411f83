/* SPDX-License-Identifier: Apache-2.0
 *
 * The cdp driver's own state and the calls between its files. One thread at a time works on a
 * device: it sends requests, and while it waits for an answer it applies the events that arrive, in
 * their order, to the state below. So state needs no lock, and what a page did before it answered
 * is known when the answer is.
 *
 *   cdp_call.c     requests, waiting, evaluating          cdp_event.c    events to state
 *   cdp_device.c   open, reset, close                     cdp_nav.c      go, back, settle, tabs,
 * dialogs cdp_observe.c  snapshot, wait_change, find            cdp_act.c      verbs cdp_input.c
 * mouse, touch, drag                     cdp_keys.c     keyboard cdp_text.c     typing cdp_frame.c
 * frames of other processes cdp_shot.c     screenshots */
#ifndef ASSAY_WORKER_CDP_INTERNAL_H
#define ASSAY_WORKER_CDP_INTERNAL_H

#include <limits.h>

#include "worker/devices/cdp_browser.h"

#define CDP_SESSIONS 64  /* tabs and frames of other processes a device follows */
#define CDP_REQUESTS 128 /* requests of the page in flight; older ones are forgotten */
#define CDP_ORIGINS 32
#define CDP_ORIGIN_MAX 256
#define CDP_DIALOG_MAX 4096
#define CDP_CALL_US (10 * ASSAY_US_PER_S) /* a page that does not answer for this long hangs */
#define CDP_SLOW_URLS 64

/* Frames of other processes have refs of their own: the session's number stands above the id. */
#define CDP_REF_BITS 24
#define CDP_REF_MASK ((1 << CDP_REF_BITS) - 1)

/* A tab, or a frame that lives in another process than the page around it. */
struct cdp_session {
    bool used;
    bool page;
    bool crashed;
    int parent;   /* of a frame: index of the session around it; of a tab: its opener, -1 */
    int64_t born; /* order of tabs */
    char id[CDP_ID_MAX];
    char target[CDP_ID_MAX]; /* also the id of its outermost frame */
    char world[CDP_ID_MAX]; /* unique id of our isolated world in that frame, "" while there is none
                             */
    int64_t world_number;
    char seen_world[CDP_ID_MAX];  /* the world the newest snapshot's refs live in */
    int64_t changes;              /* its change counter at the newest snapshot */
    int32_t owner;                /* id, in the parent session, of the frame element; 0 unknown */
    char owner_world[CDP_ID_MAX]; /* where that id holds */
    /* tabs only */
    bool requested; /* the page asked for a navigation that has not begun */
    int64_t requested_us;
    bool loading;        /* between begin and end of a load */
    bool ready;          /* DOMContentLoaded came since the last navigation */
    int64_t navigations; /* documents committed in the main frame */
    int64_t loads;       /* load events of the main frame */
    char loader[CDP_ID_MAX];
    char url[2048]; /* of the newest document, cut */
    char origin[CDP_ORIGIN_MAX];
    bool dialog;
    bool leaving; /* the open dialog is beforeunload */
    char dialog_text[CDP_DIALOG_MAX];
    int64_t chooser; /* backend node of the file input that asked last, 0 none */
};

/* A fetch or XHR under way. */
struct cdp_request {
    uint32_t id;  /* hash of its id; 0 free */
    uint32_t url; /* hash of its address without the query */
    int64_t begun_us;
};

struct cdp_device {
    struct device base;
    struct cdp_browser *browser;
    struct cdp_box box;
    bool open; /* has a browser context */
    char context[CDP_ID_MAX];
    char downloads[PATH_MAX / 4 + 64];
    struct buf out;        /* commands not yet written */
    struct arena *scratch; /* of one event */
    struct ctx *reading;   /* whose arena a snapshot is read into, while it is */
    int64_t held;          /* number of the walk of held_world's document in held_lines, 0 none */
    char held_world[CDP_ID_MAX];
    struct buf held_lines; /* the page tells only what differs */
    struct cdp_session sessions[CDP_SESSIONS];
    int tab; /* index of the current tab, -1 none */
    int64_t births;
    int64_t version;      /* of the document, see snapshot.h */
    uint64_t seen;        /* hash of what the newest snapshot showed */
    int64_t seen_tab;     /* its tab's birth */
    bool acted;           /* since then: a hover changes what is shown without a trace */
    int64_t events;       /* grows with whatever may have changed what is shown */
    int64_t acted_us;     /* when the newest action began; 0: none since the load */
    int64_t quiet_tab;    /* birth of the tab that an action left quiet, 0: settling has to ask */
    int64_t quiet_events; /* what `events` was then */
    char owed_key[8];     /* the last character of a text that a dialog interrupted */
    struct cdp_request requests[CDP_REQUESTS];
    uint32_t slow_urls[CDP_SLOW_URLS]; /* polled or answered late before: nothing waits for them */
    size_t slow_count;
    char origins[CDP_ORIGINS][CDP_ORIGIN_MAX];
    size_t origin_count;
    bool owes_clearing; /* session storage of `origins`, when it is known what opens next */
    bool must_renew;    /* something happened that clearing cannot undo */
    char *drag_p;       /* data of the drag the browser handed over, JSON; malloced */
};

/* --- waiting (cdp_call.c) -------------------------------------------------------------------- */

/* What else ends a wait than the answers. */
enum {
    CDP_STOP_DIALOG = 1,   /* a dialog is open in the current tab */
    CDP_STOP_NAVIGATED = 2 /* the current tab's main frame got a new document */
};

/* A tab that closes leaves what it was asked without an answer. */
enum cdp_end { CDP_ANSWERED, CDP_DIALOG, CDP_NAVIGATED, CDP_CLOSED, CDP_EXPIRED };

#define CDP_WAIT_MAX 72

/* Requests sent together and their answers, in the order of sending. */
struct cdp_wait {
    size_t count;
    int64_t ids[CDP_WAIT_MAX];
    struct cdp_msg *answers[CDP_WAIT_MAX];
    enum cdp_end end;
};

struct cdp_device *cdp_of(struct device *d);
/* The current tab's session; NULL without one. */
struct cdp_session *cdp_tab(struct cdp_device *d);

/* Appends a request to what is to be written. `w` may be NULL: its answer does not matter. */
void cdp_ask(struct cdp_device *d, struct cdp_wait *w, const struct cdp_session *s,
             const char *method, struct str params);
void cdp_askf(struct cdp_device *d, struct cdp_wait *w, const struct cdp_session *s,
              const char *method, const char *fmt, ...) PRINTF_LIKE(5, 6);
/* Writes what was asked and waits for all answers of `w`, or for what `stops` says, until
 * `limit_us` from now: then end is CDP_EXPIRED. With any `stops`, the closing of the tab that was
 * current at the start ends it too. Frees nothing: cdp_wait_fini.
 * Errors: UNAVAILABLE "DEVICE_GONE", CANCELLED, DEADLINE_EXCEEDED (the deadline of ctx). */
NODISCARD enum rc cdp_await(struct cdp_device *d, struct ctx *ctx, struct cdp_wait *w,
                            unsigned stops, int64_t limit_us);
void cdp_wait_fini(struct cdp_wait *w);
/* Applies one event, waiting for it until `until_us` of the monotonic clock. *out_any tells whether
 * there was one. Errors as cdp_await. */
NODISCARD enum rc cdp_pump(struct cdp_device *d, struct ctx *ctx, int64_t until_us, bool *out_any);
/* Writes what was asked and applies all events that are here already. */
NODISCARD enum rc cdp_drain(struct cdp_device *d, struct ctx *ctx);

/* One request and its result (NULL wanted: not parsed), for calls that cannot be held up by a
 * dialog. Errors: also INTERNAL "DEVTOOLS" when the browser refuses; INTERNAL must not reach users.
 */
NODISCARD enum rc cdp_call(struct cdp_device *d, struct ctx *ctx, const struct cdp_session *s,
                           const char *method, struct str params, const struct json_value **out);
NODISCARD enum rc cdp_callf(struct cdp_device *d, struct ctx *ctx, const struct cdp_session *s,
                            const struct json_value **out, const char *method, const char *fmt, ...)
    PRINTF_LIKE(6, 7);
/* Parses an answer. *out_error is its error message, empty when it succeeded. */
NODISCARD enum rc cdp_answer(struct ctx *ctx, const struct cdp_msg *m,
                             const struct json_value **out, struct str *out_error);
/* Message of a page that stopped answering. */
enum rc cdp_hangs(struct ctx *ctx);

/* --- evaluating (cdp_eval.c) ------------------------------------------------------------------ */

/* Waits until our world exists in the session's document. */
NODISCARD enum rc cdp_need_world(struct cdp_device *d, struct ctx *ctx, struct cdp_session *s);
/* Asks for `expr` in our world; its promise is awaited and its string comes back. `acts`: in place
 * of a person, so the page may do what only a person's action allows; looking allows it nothing. */
void cdp_ask_eval(struct cdp_device *d, struct cdp_wait *w, const struct cdp_session *s, bool acts,
                  struct str expr);
/* Hears whether the page of `asked` said that it is quiet: settling believes that once, unless an
 * event came meanwhile. */
bool cdp_hear_quiet(struct cdp_device *d, struct ctx *ctx, const struct cdp_session *asked,
                    const struct cdp_msg *m);
/* Reads the text of an evaluation. Errors: ABORTED, not recorded: the document went away. */
NODISCARD enum rc cdp_eval_text(struct ctx *ctx, const struct cdp_msg *m, struct str *out);
/* Both at once, only looking. Errors: also FAILED_PRECONDITION "DIALOG_OPEN", DEADLINE_EXCEEDED. */
NODISCARD enum rc cdp_eval(struct cdp_device *d, struct ctx *ctx, struct cdp_session *s,
                           struct str expr, struct str *out);
/* Acts in the document the newest snapshot was taken of. Errors: also "DETACHED". */
NODISCARD enum rc cdp_eval_seen(struct cdp_device *d, struct ctx *ctx, struct cdp_session *s,
                                struct str expr, struct str *out);
/* Turns "REASON\tmessage" of page/act.js into the failure it means; OK for anything else. */
NODISCARD enum rc cdp_reason(struct ctx *ctx, struct str answer);
/* "text" as a script literal, in ctx's arena. */
struct str cdp_quote(struct ctx *ctx, struct str text);
/* Field `i` of a line, empty beyond its end. */
struct str cdp_field(struct str line, size_t i);
double cdp_number(struct str s);

/* --- events (cdp_event.c), targets (cdp_target.c) ----------------------------------------------
 */

void cdp_event(struct cdp_device *d, const struct cdp_msg *m);
void cdp_greet(void *device, struct str session, bool page, struct buf *out);
void cdp_attached(struct cdp_device *d, const struct json_value *params, struct str parent);
void cdp_detached(struct cdp_device *d, const struct json_value *params);
void cdp_see_origin(struct cdp_device *d, const struct cdp_session *s, struct str origin,
                    bool inner);
/* Forgets requests; they belong to a document that is gone. */
void cdp_forget_requests(struct cdp_device *d);
bool cdp_requests_pending(struct cdp_device *d, int64_t *out_until_us);
int cdp_tab_count(const struct cdp_device *d);

/* --- the verbs of device.h ---------------------------------------------------------------------
 */

enum rc cdp_require(struct cdp_device *d, struct ctx *ctx);
enum rc cdp_no_dialog(struct cdp_device *d, struct ctx *ctx);
enum rc cdp_open(struct device *base, struct ctx *ctx, struct str url);
enum rc cdp_reset(struct device *base, struct ctx *ctx, enum device_reset how, struct str url);
void cdp_close(struct device *base);
enum rc cdp_settle(struct device *base, struct ctx *ctx, int64_t budget_us);
enum rc cdp_observe(struct device *base, struct ctx *ctx, int64_t budget_us, struct snapshot *out);
enum rc cdp_wait_change(struct device *base, struct ctx *ctx, int64_t version, int64_t budget_us);
enum rc cdp_act(struct device *base, struct ctx *ctx, const struct device_action *a);
enum rc cdp_go(struct device *base, struct ctx *ctx, struct str url);
enum rc cdp_back(struct device *base, struct ctx *ctx);
enum rc cdp_forward(struct device *base, struct ctx *ctx);
enum rc cdp_reload(struct device *base, struct ctx *ctx);
enum rc cdp_dialog(struct device *base, struct ctx *ctx, bool accept, struct str text);
enum rc cdp_switch_tab(struct device *base, struct ctx *ctx, int number, bool close);
enum rc cdp_page(struct device *base, struct ctx *ctx, struct device_page *out);
enum rc cdp_still(struct device *base, struct ctx *ctx, bool still);
enum rc cdp_screenshot(struct device *base, struct ctx *ctx, enum device_image format, int quality,
                       struct str *out);
enum rc cdp_find(struct device *base, struct ctx *ctx, struct str selector, int32_t *out_ref);
void cdp_abort(struct device *base);

/* --- looking (cdp_walk.c, cdp_nav.c) -------------------------------------------------------------
 */

/* The documents of the current tab that have a walk of their own: first the tab's, then frames of
 * other processes. */
struct cdp_roots {
    size_t count;
    struct cdp_session *sessions[CDP_SESSIONS];
    struct str walks[CDP_SESSIONS];
};

/* Number of the walk of the session's document that is held, for the page to know. */
int64_t cdp_held(const struct cdp_device *d, const struct cdp_session *s);
/* Puts what the page left out of its answer, knowing that walk `has` is held, back in; holds the
 * whole. Errors: ABORTED, not recorded: it is not to be had, ask anew. */
NODISCARD enum rc cdp_complete_walk(struct cdp_device *d, struct ctx *ctx,
                                    const struct cdp_session *s, int64_t has, struct str *walk);
/* Remembers what was seen and gives it a version: the same one while nothing differs. */
void cdp_remember(struct cdp_device *d, const struct cdp_roots *r);
NODISCARD enum rc cdp_read_walks(struct cdp_device *d, struct ctx *ctx, const struct cdp_roots *r,
                                 struct snapshot *out);

/* How far settling has come. */
struct cdp_settling {
    int64_t end_us;
    int64_t ready_us; /* see late_limit */
    bool asked;       /* the page, since the last event that mattered */
};
/* Waits while loads and requests are under way. *out_done: none was since the page was asked, or
 * it need not be asked, or time is over. Errors: also "DIALOG_OPEN". */
NODISCARD enum rc cdp_settle_events(struct cdp_device *d, struct ctx *ctx, struct cdp_settling *s,
                                    bool *out_done);

/* Opens the first address after a reset without one, clearing what was left for then. */
NODISCARD enum rc cdp_go_cleared(struct cdp_device *d, struct ctx *ctx, struct str url);
/* Closes a tab and waits until it is gone. */
NODISCARD enum rc cdp_close_tab(struct cdp_device *d, struct ctx *ctx, int index);

/* --- input (cdp_input.c, cdp_keys.c) ------------------------------------------------------------
 */

struct cdp_point {
    double x, y;
};

void cdp_ask_mouse(struct cdp_device *d, struct cdp_wait *w, const char *type, struct cdp_point p,
                   const char *button, int buttons, int clicks);
/* Writes what was asked and waits for the input to be handled. *out_open: the page can still be
 * asked. A dialog ends the wait and is fine. */
NODISCARD enum rc cdp_handled(struct cdp_device *d, struct ctx *ctx, struct cdp_wait *w,
                              bool *out_open);
/* Writes what was asked and goes once round the renderer, so that a navigation it caused is known;
 * asks on the way for what settling would ask next. A dialog ends the wait and is fine. */
NODISCARD enum rc cdp_sent(struct cdp_device *d, struct ctx *ctx, struct cdp_wait *w);
/* `aimed`: the tab's own document was asked for the point just before. */
NODISCARD enum rc cdp_press(struct cdp_device *d, struct ctx *ctx, struct cdp_point p,
                            const char *button, int clicks, bool aimed);
NODISCARD enum rc cdp_touch_tap(struct cdp_device *d, struct ctx *ctx, struct cdp_point p,
                                bool aimed);
NODISCARD enum rc cdp_hold(struct cdp_device *d, struct ctx *ctx, struct cdp_point p, int64_t us);
NODISCARD enum rc cdp_swipe(struct cdp_device *d, struct ctx *ctx, struct cdp_point from,
                            struct cdp_point to, int64_t us);
NODISCARD enum rc cdp_drag(struct cdp_device *d, struct ctx *ctx, struct cdp_point from,
                           struct cdp_point to);
/* Asks for key down and up of "Control+A". False: no such key. */
bool cdp_ask_key(struct cdp_device *d, struct cdp_wait *w, struct str spec);
/* The same for one character of text. */
void cdp_ask_char(struct cdp_device *d, struct cdp_wait *w, struct str character);

/* --- one action under way (cdp_act.c, cdp_text.c) -----------------------------------------------
 */

struct cdp_acting {
    struct cdp_device *d;
    struct ctx *ctx;
    const struct device_action *a;
    struct cdp_session *s; /* of ref */
    int32_t id;
};

/* Where to press, in the tab's viewport, from fields `at` and `at` + 1 of an answer. */
NODISCARD enum rc cdp_acting_point(struct cdp_acting *t, struct str said, size_t at,
                                   struct cdp_point *out);
NODISCARD enum rc cdp_acting_tap(struct cdp_acting *t, struct cdp_point p);
/* Types into the field of ref, or what has the focus; `all` replaces what is there. */
NODISCARD enum rc cdp_fill(struct cdp_acting *t, struct str text, bool all);

/* --- frames of other processes (cdp_frame.c) ----------------------------------------------------
 */

/* The session and the id in it that a ref names. NULL: no such session. */
struct cdp_session *cdp_ref_session(struct cdp_device *d, int32_t ref, int32_t *out_id);
int32_t cdp_ref(const struct cdp_device *d, const struct cdp_session *s, int32_t id);
/* Finds out which element of its parent shows each frame of another process in the current tab. */
NODISCARD enum rc cdp_find_owners(struct cdp_device *d, struct ctx *ctx);
/* Moves a point of the session's viewport to the tab's, checking that the frame is not covered
 * there. */
NODISCARD enum rc cdp_to_tab(struct cdp_device *d, struct ctx *ctx, struct cdp_session *s,
                             struct cdp_point *p);
/* Scrolls the frames around the session into view. */
NODISCARD enum rc cdp_show_frame(struct cdp_device *d, struct ctx *ctx, struct cdp_session *s);
bool cdp_in_tab(const struct cdp_device *d, const struct cdp_session *s);

/* What runs inside of every page: the parts in page/, in their order. */
const char *cdp_script(void);

#endif
