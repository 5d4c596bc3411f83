/* SPDX-License-Identifier: Apache-2.0
 *
 * State of the sessions service and what its files share. Handlers are declared by the generator
 * (sessions_rpc.h); SQL lives in ses_store.c only. */
#ifndef ASSAY_SESSIONS_SESSIONS_H
#define ASSAY_SESSIONS_SESSIONS_H

#include "svc/svc.h"
#include "svc/svc_limits.h"
#include "sessions_rpc.h"

struct sessions_cfg {
    int64_t worker_lease_us;
    int64_t idle_us; /* a session nobody uses ends after that, unless auth says when */
};

extern const struct cfg_row SESSIONS_CFG_ROWS[];
extern const size_t SESSIONS_CFG_COUNT;

struct sessions;

/* --- an organization's defaults (ses_defaults.c) --- */

/* What other members than the one who started a session may do; admins may everything. */
#define SES_FULL "full"       /* use and stop it */
#define SES_CONTROL "control" /* use it */
#define SES_VIEW "view"       /* look at it */

struct ses_defaults {
    int64_t idle_us;
    const char *permissions; /* in the arena of the call */
};

/* Asks for the defaults of the caller's organization. */
typedef enum rc (*ses_ask_fn)(struct sessions *s, struct ctx *ctx, struct ses_defaults *out);
NODISCARD enum rc ses_ask_auth(struct sessions *s, struct ctx *ctx, struct ses_defaults *out);

/* Gives the session the defaults of its organization. While auth is away: the setting's idle time,
 * and only who started it may use it. In a transaction. Blocks: for auth, a second at most. */
NODISCARD enum rc ses_take_defaults(struct sessions *s, struct ctx *ctx, const char *session_id);

/* May the caller send input to a session of `owner_id`, or stop it? `permissions`: the session's,
 * empty: none are kept. Errors: FAILED_PRECONDITION "SESSION_PERMISSIONS". */
NODISCARD enum rc ses_check_may(struct ctx *ctx, int64_t owner_id, struct str permissions,
                                bool stops);

/* --- people who are gone (ses_gone.c) --- */

/* Which of the users are none any more. */
typedef enum rc (*ses_gone_fn)(struct sessions *s, struct ctx *ctx, const int64_t *ids,
                               size_t count, int64_t **out, size_t *out_count);
NODISCARD enum rc ses_find_gone(struct sessions *s, struct ctx *ctx, const int64_t *ids,
                                size_t count, int64_t **out, size_t *out_count);
/* Ends their sessions. */
NODISCARD enum rc ses_end_gone(struct sessions *s, struct ctx *ctx);

struct sessions {
    struct svc *svc;
    struct db *db;
    const struct sessions_cfg *cfg;
    struct svc_limits *limits; /* of plans; NULL: none */
    ses_ask_fn ask_defaults;   /* ses_ask_auth, but in tests */
    ses_gone_fn find_gone;     /* ses_find_gone, but in tests */
};

#define LOOP_OPEN "sessions_open"   /* opens sessions at their workers */
#define LOOP_QUEUE "sessions_queue" /* gives free devices to people who wait */
#define LOOP_SWEEP "sessions_sweep" /* dead workers, idle sessions, runs that stopped asking */

/* --- limits of plans (ses_limits.c) --- */

/* May the organization have one session more? Locks its count until the transaction ends.
 * `streams`: a person's session, which needs live time too. In a transaction.
 * Errors: FAILED_PRECONDITION "SESSION_LIMIT", "STREAMING_LIMIT". */
NODISCARD enum rc ses_check_limits(struct sessions *s, struct ctx *ctx, int64_t org_id,
                                   bool streams);
/* Why sessions on a worker that is being stopped end. */
#define SES_WORKER_STOPS "the device's worker is being stopped"
/* Says when sessions end that a plan's time or a worker's end ends, a minute before, and ends them
 * then. */
NODISCARD enum rc ses_end_limited(struct sessions *s, struct ctx *ctx);
/* Ends one in a transaction of its own and closes it at its worker. */
NODISCARD enum rc ses_end_alone(struct sessions *s, struct ctx *ctx, const char *session_id,
                                const char *status, const char *reason);
/* Tells that a person's session starts. */
NODISCARD enum rc ses_tell_started(struct sessions *s, struct ctx *ctx, int64_t org_id,
                                   const char *session_id, const char *device);

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
                            const struct ses_want *want, int64_t queue_id, struct ses_device *out);
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
