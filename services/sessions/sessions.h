/* SPDX-License-Identifier: Apache-2.0
 *
 * State of the sessions service and what its files share. Handlers are declared by the generator
 * (sessions_rpc.h); SQL lives in ses_store.c only. */
#ifndef ASSAY_SESSIONS_SESSIONS_H
#define ASSAY_SESSIONS_SESSIONS_H

#include "svc/svc.h"
#include "sessions_rpc.h"

struct sessions_cfg {
    int64_t worker_lease_us;
    int64_t idle_us; /* a session nobody uses ends after that */
};

extern const struct cfg_row SESSIONS_CFG_ROWS[];
extern const size_t SESSIONS_CFG_COUNT;

struct sessions {
    struct svc *svc;
    struct db *db;
    const struct sessions_cfg *cfg;
};

#define LOOP_OPEN "sessions_open"   /* opens sessions at their workers */
#define LOOP_QUEUE "sessions_queue" /* gives free devices to people who wait */
#define LOOP_SWEEP "sessions_sweep" /* dead workers, idle sessions, runs that stopped asking */

bool ses_open_loop(void *state, struct ctx *ctx);
bool ses_queue_loop(void *state, struct ctx *ctx);
bool ses_sweep_loop(void *state, struct ctx *ctx);

/* What a session or run wants. NULL members: any. */
struct ses_want {
    const char *platform, *category, *device_id;
};

/* A device that was claimed. Strings live in ctx->arena. */
struct ses_device {
    char *device_id, *name, *os_version, *worker_id, *worker_addr, *incarnation, *category;
};

/* Claims a free device for the session; *out->device_id is NULL when none is free for it.
 * `queue_id`: the caller's own entry, 0 when it has none. In a transaction. */
NODISCARD enum rc ses_claim(struct sessions *s, struct ctx *ctx, const char *session_id,
                            const struct ses_want *want, int64_t queue_id,
                            struct ses_device *out);
/* Puts the session on the device with this status. In a transaction. */
NODISCARD enum rc ses_place(struct sessions *s, struct ctx *ctx, const char *session_id,
                            const char *status, const struct ses_device *device);
/* Ends a session, frees its device, tells. Safe to repeat: *out_ended says whether it was live.
 * *out_worker_addr is where it may be open, NULL: nowhere. In a transaction. */
NODISCARD enum rc ses_end(struct sessions *s, struct ctx *ctx, const char *session_id,
                          const char *status, const char *reason, bool *out_ended,
                          char **out_worker_addr);
/* Closes the session at its worker; a worker that does not answer closes it with its next
 * heartbeat. */
void ses_close_at_worker(struct sessions *s, struct ctx *ctx, const char *session_id,
                         const char *worker_addr);

#endif
