/* SPDX-License-Identifier: Apache-2.0
 *
 * State of the tests service, and what its files share. Handlers are declared by the generator
 * (tests_rpc.h); SQL lives in tst_store_*.c only. */
#ifndef ASSAY_TESTS_TESTS_H
#define ASSAY_TESTS_TESTS_H

#include "blob/blob_cfg.h"
#include "svc/svc.h"
#include "svc/svc_limits.h"
#include "tests_rpc.h"

struct tests_cfg {
    int64_t lease_us;        /* a run may be silent for that long */
    int64_t step_timeout_us; /* auto-waiting of one step */
    int64_t case_timeout_us;
    int64_t device_wait_us; /* for a kind of device none of which is connected */
    struct blob_settings blob;
    int64_t storage_quota;   /* bytes an organization may keep; 0: no limit */
    int64_t preview_us;      /* how long a preview is shown */
    int64_t compare_threads; /* screenshots compared at once */
    bool dynamic_filter;     /* what lies where a screenshot is known to change passes */
};
/* What is left of a job's lease after each report that was taken: a worker may count on it. */
#define TST_LEASE_KEPT(lease_us) ((lease_us) / 3 * 2)

/* Of the queue, for Prometheus; every replica measures all of it. */
struct tst_gauges {
    struct met_metric *jobs; /* by state */
    struct met_metric *waiting;
    struct met_metric *overdue;
};

struct viz;

extern const struct cfg_row TESTS_CFG_ROWS[];
extern const size_t TESTS_CFG_COUNT;

struct tests {
    struct svc *svc;
    struct db *db;
    const struct tests_cfg *cfg;
    struct svc_limits *limits; /* what plans allow; NULL: everything */
    struct viz *viz;           /* tests/viz.h; NULL in tests that need none of it */
    struct blob_store *blobs;  /* of viz */
    struct visual *engine;     /* of the loop that compares */
    struct tst_gauges gauges;
};

/* Statuses of runs. Source: tests/contract. */
#define ST_PENDING "pending"
#define ST_RUNNING "running"
#define ST_PASSED "passed"
#define ST_FAILED "failed"
#define ST_ERROR "error"
#define ST_CANCELLED "cancelled"

/* Names of the loops. */
#define LOOP_DISPATCH "tests_dispatch"
#define LOOP_RELEASE "tests_release"
#define LOOP_CANCEL "tests_cancel"
#define LOOP_REAP "tests_reap"
#define LOOP_MEASURE "tests_measure"

/* An app of `sessions` that a suite or case names, remembered here.
 * Errors: NOT_FOUND "APP_NOT_FOUND". Blocks: on sessions. */
NODISCARD enum rc tst_app_resolve(struct tests *t, struct ctx *ctx, const char *public_id,
                                  int64_t id, int64_t *out_id, const char **out_platform);

/* Checks of `tags`: trimmed, lower-cased, ^[a-z0-9_-]{1,50}$, duplicates collapse; the spelling
 * before lower-casing is the display name.
 * Errors: INVALID_ARGUMENT "INVALID_TAG". */
struct tst_tags {
    struct str *names;
    struct str *displays;
    size_t count;
};
NODISCARD enum rc tst_tags_parse(struct ctx *ctx, char *const *tags, size_t count,
                                 struct tst_tags *out);

/* Array of strings as JSON: `*out` in the arena. Errors: INVALID_ARGUMENT "INVALID_BODY" with the
 * member's name. */
NODISCARD enum rc tst_json_strings(struct ctx *ctx, const char *member, ProtobufCBinaryData json,
                                   char ***out, size_t *out_count);

/* {"total_actions":n,"gesture_counts":{type:n}} of a recording. */
NODISCARD enum rc tst_recording_summary(struct ctx *ctx, ProtobufCBinaryData recording,
                                        struct str *out);

/* --- queue --------------------------------------------------------------------------------- */

/* What a run asks for. */
struct tst_job {
    int64_t suite_run_id; /* 0: a single case */
    const char *platform;
    const char *category;   /* NULL: any */
    const char *device_id;  /* NULL: any */
    const char *session_id; /* NULL: acquire one */
    const char *url;
    const char *reset_strategy;
    struct str variables;
    const char *context;
    const char *mode;
    bool has_warn_pct, has_fail_pct; /* tiers of visual regression */
    int64_t warn_pct, fail_pct;
};

/* One claimed job. Strings live in the claiming ctx's arena. */
struct tst_claim {
    int64_t id, org_id, fence, user_id, suite_run_id;
    char *platform, *category, *device_id, *session_id, *url, *reset_strategy, *context, *mode;
    char *worker_addr, *on_device_id;
    struct str variables;
    bool own_session, cancel;
    bool compares; /* its screenshots, with baselines */
};

/* What webhooks are told of a run. Source: tests/contract, "Webhooks". */
struct tst_run_told {
    int64_t org_id;
    const char *run_id, *status;
    const char *suite_id, *test_id; /* one of them */
    const char *name, *run_url;
    const char *commit_sha; /* NULL: none */
    struct str metadata;    /* empty: none */
    int64_t duration_ms;    /* -1: not known yet */
    const char *visual;     /* verdict of its screenshots; NULL: none yet, or nothing to compare */
};
/* As JSON, in the request's arena. */
struct str tst_run_data(struct ctx *ctx, const struct tst_run_told *told);

NODISCARD enum rc tst_queue_add(struct tests *t, struct ctx *ctx, const struct tst_job *job,
                                int64_t *out_id);
/* Jobs that wait and are due to ask again (`waiting`), or new ones, in the order of the queue. */
NODISCARD enum rc tst_queue_claim(struct tests *t, struct ctx *ctx, int64_t lease_us, int max,
                                  bool waiting, struct tst_claim **out, int *out_count);
/* "waiting for a device of kind phone; none is connected". `absent`: none is, else all are busy.
 * `device_id` and `category` may be NULL. In the request's arena. */
char *tst_wait_text(struct ctx *ctx, const char *platform, const char *category,
                    const char *device_id, bool absent);
/* Where a job of the caller's organization stands while it waits; reason NULL: it does not. */
struct tst_place {
    int64_t position, entry_id;
    char *reason;
};
NODISCARD enum rc tst_queue_place(struct tests *t, struct ctx *ctx, int64_t job_id,
                                  struct tst_place *out);
/* Ends what is open of a job: its case runs as `status`, its suite run by the tally, the events of
 * all of it. Inside a transaction. `message` may be NULL. A job that has ended stays as it is. */
struct tst_job_ref {
    int64_t id, org_id;
    int64_t suite_run_id; /* 0: a single case */
};
/* The second half of it: the run ends when its job has, and with `compares` when all its
 * screenshots are compared. */
NODISCARD enum rc tst_run_end(struct tests *t, struct ctx *ctx, const struct tst_job_ref *job,
                              bool compares, const char *message);
/* The warnings about the cases of a job that has ended (run.warning.*), for the run that it was.
 * Inside the transaction of its end. */
NODISCARD enum rc tst_warn(struct tests *t, struct ctx *ctx, int64_t job_id,
                           const struct tst_run_told *run);
/* The event case.failed. */
struct tst_case_failed {
    int64_t org_id;
    struct str run_id, case_name, message;
    struct str suite_run_id; /* whose events it stands among */
};
NODISCARD enum rc tst_tell_case_failed(struct tests *t, struct ctx *ctx,
                                       const struct tst_case_failed *failed);
NODISCARD enum rc tst_job_end(struct tests *t, struct ctx *ctx, const struct tst_job_ref *job,
                              const char *status, const char *message);
/* Puts a job that was handed out back to its place in the queue, with the cases that have no
 * verdict. `uncounted`: hand-outs that are not held against it, 0 or 1. `why` stands among the
 * run's events; NULL: nothing of the hand-out was seen. Inside a transaction that holds the job. */
NODISCARD enum rc tst_job_requeue(struct tests *t, struct ctx *ctx, int64_t job_id,
                                  int64_t uncounted, const char *why);

/* Loops (svc_loop). */
bool tst_dispatch(void *state, struct ctx *ctx);
bool tst_release(void *state, struct ctx *ctx);
bool tst_cancel(void *state, struct ctx *ctx);
bool tst_reap(void *state, struct ctx *ctx);
bool tst_measure(void *state, struct ctx *ctx);
struct tst_gauges tst_gauges_make(struct met *met);
/* Wakes a loop here after the commit of the open transaction, and on every replica. */
NODISCARD enum rc tst_wake(struct tests *t, struct ctx *ctx, const char *loop);

#endif
