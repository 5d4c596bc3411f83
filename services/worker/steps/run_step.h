/* SPDX-License-Identifier: Apache-2.0
 *
 * Performs steps on a device: settle, observe, resolve, act, verify, and say on what the verdict
 * rests. Waits for the page by its changes, never by sleeping, and repeats only what certainly did
 * not happen. No input or output but the device's.
 *
 * Verdicts: passed. failed: about the application (not there, disabled, says something else).
 * error: about the run (device gone, sentence not understood and no model, unknown variable).
 * skipped: an optional step whose condition did not hold.
 *
 * Calls return OK with the verdict in *out, or CANCELLED when the device was aborted: then *out
 * says `error` and nothing more should be done. Texts live in ctx->arena, secrets masked.
 *
 * Threads: one per device. Blocks: for the step's time-out at most, and ctx->deadline_us. */
#ifndef ASSAY_WORKER_STEPS_RUN_STEP_H
#define ASSAY_WORKER_STEPS_RUN_STEP_H

#include "json/json.h"
#include "worker/devices/device.h"
#include "worker/steps/action.h"
#include "worker/steps/vars.h"

#define STEP_TIMEOUT_DEFAULT_US (10 * ASSAY_US_PER_S)
#define STEP_DIFFERS_DEFAULT_US (5 * ASSAY_US_PER_S)

enum step_verdict { STEP_PASSED = 0, STEP_FAILED, STEP_ERROR, STEP_SKIPPED };

struct step_options {
    int64_t timeout_us; /* per action; 0: STEP_TIMEOUT_DEFAULT_US */
    int64_t differs_us; /* how long a quiet page may say something else than what is verified before
                           that is the verdict; 0: STEP_DIFFERS_DEFAULT_US */
    struct str base_url; /* relative addresses resolve against it */
    bool fuzzy_match;    /* a recorded selector that is gone may be healed by its text */
    int recorded_width;  /* of the screen recorded actions were made on; 0: the device's own */
    int recorded_height;
};

/* The element a verdict rests on. */
struct step_evidence {
    bool has_elem;
    const char *role;
    struct str name;
    struct str text;
    struct elem_box box;
    const char *how; /* where a compared value was found; NULL: nothing was compared */
    struct str url;
};

struct step_result {
    enum step_verdict verdict;
    const char *reason; /* stable: "NOT_FOUND" "DISABLED" "TEXT_DIFFERS" …; NULL when passed */
    struct str message; /* for people */
    struct str hint;
    struct step_evidence evidence;
    bool needs_model; /* a model could understand or find it; the caller may ask one and go on */
    bool healed;      /* done on another element than recorded; message says which */
    bool screenshot;  /* the step asks for one, `label` names it */
    bool visual_check;
    struct str label;
    size_t actions; /* of the plan, and how many are done */
    size_t done;
    int64_t elapsed_us;
    int64_t waited_us; /* of it for the page: loading, settling, changing, or a pause asked for */
};

const char *step_verdict_name(enum step_verdict verdict);

/* A sentence in plain English. */
NODISCARD enum rc run_sentence(struct ctx *ctx, struct device *dev, struct step_vars *vars,
                               const struct step_options *opt, struct str text,
                               struct step_result *out);
/* An already parsed plan (from the cache, or what a model chose). */
NODISCARD enum rc run_plan(struct ctx *ctx, struct device *dev, struct step_vars *vars,
                           const struct step_options *opt, const struct plan *plan,
                           struct step_result *out);
/* One recorded action: {type, selector?, value?, url?, text?} or {type, x, y, …}. */
NODISCARD enum rc run_recorded(struct ctx *ctx, struct device *dev, struct step_vars *vars,
                               const struct step_options *opt, const struct json_value *action,
                               struct step_result *out);
/* One check of a suite file: {kind: url | visible_text | absent_text | element_visible, …}. */
NODISCARD enum rc run_check(struct ctx *ctx, struct device *dev, struct step_vars *vars,
                            const struct step_options *opt, const struct json_value *check,
                            struct step_result *out);

#endif
