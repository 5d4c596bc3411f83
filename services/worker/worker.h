/* SPDX-License-Identifier: Apache-2.0
 *
 * The worker: devices of one host, the sessions open on them, the jobs that run on those. It has no
 * schema; what it reports goes to tests, what it has to sessions.
 *
 * A device is used by one thread at a time: whoever holds `use`. A job holds it from its first to
 * its last case; people's input takes it for one action. */
#ifndef ASSAY_WORKER_WORKER_H
#define ASSAY_WORKER_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "blob/blob_cfg.h"
#include "svc/svc.h"
#include "worker/devices/cdp.h"
#include "worker_rpc.h"

#define WRK_DEVICES_MAX 64
#define WRK_ID_MAX 64

struct worker_cfg {
    const char *worker_id;
    const char *devices;
    const char *advertise;
    const char *chromium;
    int64_t drain_us;
    struct blob_settings blob;
};

extern const struct cfg_row WORKER_CFG_ROWS[];
extern const size_t WORKER_CFG_COUNT;

struct wrk_job;

/* The newest picture of a device, for live views. */
struct wrk_frame {
    pthread_mutex_t lock;
    pthread_cond_t fresh;
    char *jpeg; /* malloc'ed; NULL: none of this session yet */
    size_t n;
    int64_t
        seq; /* grows for good, so that a viewer of an earlier session sees no new number twice */
};

struct wrk_device {
    struct device *device;
    struct device_profile profile;
    char id[WRK_ID_MAX];
    pthread_mutex_t use;         /* held while somebody drives the device */
    pthread_mutex_t lock;        /* guards the members below */
    char session_id[WRK_ID_MAX]; /* "": none */
    bool is_open;
    struct wrk_job *job; /* NULL: none runs */
    struct wrk_frame frame;
};

/* On the way down (wrk_drain.c). Times are monotonic. */
struct wrk_stop {
    atomic_bool asked;     /* nothing new is begun */
    atomic_llong until_us; /* then what is under way is given back */
    bool hurried;          /* it is being given back; the main thread's */
    int64_t wake_us;       /* when the next heartbeat is due; the main thread's */
    atomic_llong heard_us; /* when sessions said last how many sessions are left */
    atomic_llong sessions; /* and how many; -1: not yet */
};

/* Whether the browser starts (wrk_browser.c). */
struct wrk_browser {
    atomic_bool starts; /* it did when it was tried last */
    int64_t next_us;    /* monotonic; the loop's, like those below */
    int64_t pause_us;
    int64_t deaths;       /* that were logged */
    pthread_mutex_t lock; /* guards `why` */
    char why[SVC_WHY_MAX];
};

struct worker {
    struct svc *svc;
    const struct worker_cfg *cfg;
    struct cdp_browser *browser;
    struct blob_store *blob;
    char worker_id[WRK_ID_MAX];
    char incarnation[40];
    const char *rpc_addr;
    struct wrk_device devices[WRK_DEVICES_MAX];
    size_t device_count;
    atomic_bool registered;
    int64_t beat_us, next_beat_us; /* a quarter of the lease; monotonic */
    bool told_offers;              /* what sessions heard last */
    pthread_mutex_t jobs_lock;     /* guards jobs_live; what is begun under it sees `stops` */
    pthread_cond_t jobs_gone;
    size_t jobs_live; /* threads of jobs that still use this struct */
    struct wrk_stop stop;
    struct wrk_browser browses;
    struct {
        struct met_metric *steps;
        struct met_metric *cases;
        struct met_metric *jobs;
    } met;
};

/* --- devices */
/* Reads "phone,tablet,desktop,desktop" (profiles, one device each) into w->devices.
 * Errors: INVALID_ARGUMENT: an unknown profile, or too many. */
NODISCARD enum rc wrk_devices_make(struct worker *w, const char *list);
void wrk_devices_free(struct worker *w);
struct wrk_device *wrk_device_find(struct worker *w, const char *device_id);
/* The device that holds the session; NULL when none does. */
struct wrk_device *wrk_device_of_session(struct worker *w, const char *session_id);
/* Makes the session the device's, ending what was there: its job, its page, its pictures. Opens the
 * device unless a job will open it anyway (`lazy`). */
NODISCARD enum rc wrk_session_open(struct worker *w, struct ctx *ctx, struct wrk_device *d,
                                   const char *session_id, const char *url, bool lazy);
void wrk_session_close(struct worker *w, const char *session_id);
/* Keeps a picture as the newest; copies it. */
void wrk_frame_put(struct wrk_device *d, struct str jpeg);
/* Prepares the locks of a device and of the worker, for tests and for wrk_devices_make. */
void wrk_device_init(struct wrk_device *d);
void wrk_init(struct worker *w);

/* --- registration (svc_loop, each WRK_BEAT_US) */
#define WRK_BEAT "worker_beat"
#define WRK_BEAT_US (500 * ASSAY_US_PER_MS)
bool wrk_beat(void *state, struct ctx *ctx);
/* Tells sessions that the worker is gone. Blocks: two seconds at most. */
void wrk_leave(struct worker *w);

/* --- the browser (svc_loop, each WRK_BROWSER_US) */
#define WRK_BROWSER_US (500 * ASSAY_US_PER_MS)
/* Keeps a browser running: devices are offered only while it starts. */
bool wrk_browser_keep(void *state, struct ctx *ctx);
bool wrk_browser_is_ready(void *state, char why[SVC_WHY_MAX]);

/* --- stopping (svc_drain). The case a device is at runs to its end, the cases behind it go back to
 * tests at once and begin on other workers. People's sessions end within a minute and say why.
 * After ASSAY_WORKER_DRAIN, or at the second signal, the case under way goes back too. */
void wrk_drain_begin(void *worker);
void wrk_drain_hurry(void *worker);
bool wrk_drain_is_over(void *worker);

#endif
