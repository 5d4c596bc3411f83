/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of the executor: one step under way. Not for other modules. */
#ifndef ASSAY_WORKER_STEPS_RUN_PARTS_H
#define ASSAY_WORKER_STEPS_RUN_PARTS_H

#include "worker/steps/look.h"
#include "worker/steps/run_step.h"

struct run {
    struct ctx *ctx; /* the caller's: results go to its arena */
    struct ctx sub;  /* for the device: its arena is emptied before each observation */
    struct device *dev;
    struct step_vars *vars;
    const struct step_options *opt;
    struct step_result *out;
    struct snapshot snap; /* of the last observation, in sub.arena */
    int64_t deadline_us;  /* monotonic, of the action under way */
    int64_t differs_us;   /* how long a quiet page may differ from what is verified; 0: no limit */
    bool sees_dialogs;    /* what is under way can do with an open dialog of the browser */
    bool cancelled;
    const struct target *held; /* condition that was true for the action before; NULL: none */
    const struct target *denied;
};

/* Looks until it holds. OK: it does, evidence is in out. NOT_FOUND or FAILED_PRECONDITION: not
 * (yet), with the reason in run->sub. Anything else ends the step. */
typedef enum rc run_fn(struct run *run, void *arg);

bool run_init(struct run *run, struct ctx *ctx, struct device *dev, struct step_vars *vars,
              const struct step_options *opt, struct step_result *out);
void run_fini(struct run *run, int64_t started_us);
void run_set_deadline(struct run *run, int64_t timeout_us);
int64_t run_left_us(const struct run *run);
/* Counts the time since `from_us` (monotonic) as spent on waiting for the page. */
void run_waited(struct run *run, int64_t from_us);
/* New snapshot; forgets the last. */
enum rc run_observe(struct run *run);
/* FAILED_PRECONDITION "DIALOG_OPEN", with what it says. */
enum rc run_dialog_open(struct run *run);
/* Nothing is missing from a page that has not been drawn: FAILED_PRECONDITION "NOT_YET_DRAWN" while
 * it loads and as long as it shows nothing at all. */
enum rc run_drawn(struct run *run);
/* Whether the open dialog of the browser is what `t` means, or says it. */
bool run_dialog_says(const struct run *run, const struct target *t);
/* Calls `fn` on fresh snapshots until it returns OK, ends the step, or the deadline passes. What
 * `fn` failed with last is then the result. `grace_us`: how long a refusal because two things fit
 * may last. */
enum rc run_until(struct run *run, run_fn *fn, void *arg, int64_t grace_us);
/* What a run_fn says of what is not (yet) true: FAILED_PRECONDITION with these words. */
enum rc run_not_yet(struct run *run, const char *reason, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Ends the step by what run->sub.err holds. */
void run_fail(struct run *run, enum rc rc);
/* The same unless it is OK; whether it is. */
bool run_ended(struct run *run, enum rc rc);
/* Ends the step with these words, masked. */
void run_say(struct run *run, enum step_verdict verdict, const char *reason, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
void run_evidence(struct run *run, const struct elem *e, const char *how);
/* A sentence's address against the base. */
enum rc run_address(struct run *run, struct str value, struct str *out);
/* `t` with its variables filled in. */
enum rc run_target(struct run *run, const struct target *t, const struct target **out);
enum rc run_act(struct run *run, const struct device_action *action);

/* One action; the verdict is set when it is not passed. False: the plan ends here. */
bool run_action(struct run *run, const struct action *a);
bool run_verify(struct run *run, const struct action *a);
/* Compares how many of `target` the page shows with `wanted` (run_count.c). Errors: also
 * UNIMPLEMENTED "NEEDS_MODEL", AMBIGUOUS. */
enum rc run_count(struct run *run, const struct target *target, int64_t wanted);
/* Actions on an element, or on where the focus is. */
bool run_touches(enum act_type type);
bool run_touch(struct run *run, const struct action *a);
bool run_open(struct run *run, const struct action *a);
/* Waits for a time. */
bool run_pause(struct run *run, const struct action *a);
/* History, tabs, dialogs, launching. */
bool run_page_command(struct run *run, const struct action *a);
/* Until the target is in view, screen by screen where it is not there yet. */
bool run_scroll_to(struct run *run, const struct action *a, const struct target *target);
/* Chooses from a select, or from a list that the page draws itself. */
bool run_choose(struct run *run, const struct target *list, struct str option);
/* Says in words what stood in the way of an action on `e`, with its name; returns rc. */
enum rc run_name_failure(struct run *run, enum rc rc, const struct elem *e);
/* Caption of an element for messages. */
struct str run_named(struct run *run, const struct elem *e);
struct str run_target_text(struct run *run, const struct target *t);

#endif
