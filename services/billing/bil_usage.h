/* SPDX-License-Identifier: Apache-2.0
 *
 * What an event says was used. Pure.
 *
 * Quantities are whole micro-units: millionths of a second of the meter. Run times arrive as whole
 * milliseconds and session times as whole seconds, so nothing is ever rounded.
 *
 * What is billable: the time of a run that passed, failed or was cancelled, and of a session that
 * a person used. A run that broke (status `error`) is recorded with nothing billable, and so is a
 * session that a run had, because the run's own time counts. */
#ifndef ASSAY_BILLING_BIL_USAGE_H
#define ASSAY_BILLING_BIL_USAGE_H

#include <assay/common.pb-c.h>

#include "base/ctx.h"
#include "json/json.h"

#define BIL_METER_RUN "run_seconds"
#define BIL_METER_SESSION "session_seconds"
#define BIL_QUANTITY_MAX (INT64_C(31) * 24 * 3600 * 1000000) /* 31 days: more is a defect */

struct bil_usage {
    const char *meter;
    struct str resource_id;
    struct str status;
    int64_t quantity_micro;
    int64_t billable_micro;
    bool is_live; /* a session that a person had: counts as streaming */
};

/* A model was called: "model.called" with call_id, model, input_tokens, output_tokens, cost_micro,
 * and, where they apply, byok (with a key of the organization's own: nothing is deducted) and
 * test_run_id. */
#define BIL_MODEL_CALLED "model.called"
struct bil_ai_call {
    struct str call_id;
    struct str model;
    bool is_byok;
    int64_t input_tokens;
    int64_t output_tokens;
    int64_t cost_micro;
    int64_t test_run_id; /* 0: none */
};

/* True when events of this type are usage. */
bool bil_is_usage(struct str type);
/* Reads a usage event; strings live in `arena`.
 * Errors: INVALID_ARGUMENT: no organization, identifier or quantity, or one out of bounds. */
NODISCARD enum rc bil_usage_read(struct arena *arena, const Assay__Event *event,
                                 struct bil_usage *out);
/* Reads "model.called". Errors: INVALID_ARGUMENT, as above. */
NODISCARD enum rc bil_ai_read(struct arena *arena, const Assay__Event *event,
                              struct bil_ai_call *out);
/* The member `key` of an event's data: what session.started and session_defaults.updated tell. NULL
 * when there is none. */
const struct json_value *bil_event_member(struct arena *arena, const Assay__Event *event,
                                          const char *key);

#endif
