/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of running a case: what is to be done (wrk_items.c), one step of it (wrk_step.c), its
 * evidence and report (wrk_evidence.c), the case around them (wrk_case.c). */
#ifndef ASSAY_WORKER_WRK_CASE_H
#define ASSAY_WORKER_WRK_CASE_H

#include "json/json.h"
#include "worker/steps/run_step.h"
#include "worker/wrk_job.h"

enum item_kind { ITEM_SENTENCE, ITEM_RECORDED, ITEM_ASSERTION, ITEM_CHECK, ITEM_BROKEN };

/* One thing to do. */
struct item {
    enum item_kind kind;
    struct str text;                 /* as the author wrote it */
    const struct json_value *action; /* recorded action or check */
    struct str fallback;             /* sentence of a recorded action, p NULL: none */
    bool secret;
    bool ai; /* only a model may do it */
    bool fuzzy;
    const char *flow_id; /* the sub-flow it is of; NULL: the case itself */
    size_t at;           /* its place among the steps of that one */
};

struct items {
    struct item *at;
    size_t n, cap;
    struct arena *arena;
};

struct case_run {
    struct wrk_job *job;
    const Assay__JobCase *c;
    struct device *dev;
    struct arena *arena; /* of the case: items, variables */
    struct arena *step_arena;
    struct step_vars vars;
    struct step_options opt;
    struct items items;
    int64_t deadline_us; /* wall */
    int64_t started_us;
    int index;
    enum step_verdict verdict;
    struct str message; /* of the step that ended the case */
    bool device_gone;
};

/* Text of a job as JSON, in the arena. NULL: there is none. */
const struct json_value *wrk_items_parse(struct arena *arena, protobuf_c_boolean has,
                                         ProtobufCBinaryData json);
/* Adds what the case and its sub-flows are to do; of assertions only its `own`. Out of memory shows
 * in r->arena. */
void wrk_items_add(struct case_run *r, const Assay__JobCase *c, bool own);

/* Runs one item and reports it. False: the case is over. */
bool wrk_step_run(struct case_run *r, const struct item *item);

/* At most `max` bytes, ending with a whole character. */
struct str wrk_cut(struct str s, size_t max);
/* What the step says of itself, without secrets: what a secret step says may quote it. */
struct str wrk_step_message(struct case_run *r, struct arena *arena, const struct item *item,
                            const struct step_result *res);
/* Takes the picture of where the step ended and queues its report. */
void wrk_step_report(struct case_run *r, struct ctx *ctx, const struct item *item,
                     const struct step_result *res, int64_t started_us);

#endif
