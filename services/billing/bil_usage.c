/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/bil_usage.h"

#include <string.h>

#define MICRO_PER_MS INT64_C(1000)
#define MICRO_PER_S INT64_C(1000000)
#define ID_MAX 200

static const struct kind {
    struct str type;
    const char *meter;
    const char *id_key;
    const char *quantity_key;
    int64_t micro; /* per unit of the quantity */
} KINDS[] = {
    {STR_INIT("run.passed"), BIL_METER_RUN, "run_id", "duration_ms", MICRO_PER_MS},
    {STR_INIT("run.failed"), BIL_METER_RUN, "run_id", "duration_ms", MICRO_PER_MS},
    {STR_INIT("run.cancelled"), BIL_METER_RUN, "run_id", "duration_ms", MICRO_PER_MS},
    {STR_INIT("session.stopped"), BIL_METER_SESSION, "session_id", "seconds", MICRO_PER_S},
};

static const struct kind *
kind_of(struct str type)
{
    for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
        if (str_eq(KINDS[i].type, type)) {
            return &KINDS[i];
        }
    }
    return NULL;
}

bool
bil_is_usage(struct str type)
{
    return kind_of(type) != NULL;
}

static bool
is_billable(const struct json_value *data, struct str status)
{
    return !str_eqz(status, "error") && !json_bool(json_get(data, "of_run"), false);
}

static enum rc
read_data(struct arena *arena, const Assay__Event *event, const struct json_value **out)
{
    if (event->org_id <= 0 || !event->has_data) {
        return RC_INVALID_ARGUMENT;
    }
    return json_parse(str_n((const char *)event->data.data, event->data.len), arena, out, NULL);
}

const struct json_value *
bil_event_member(struct arena *arena, const Assay__Event *event, const char *key)
{
    const struct json_value *data = NULL;

    return read_data(arena, event, &data) == RC_OK ? json_get(data, key) : NULL;
}

static bool
is_name(struct str s)
{
    return s.n > 0 && s.n <= ID_MAX;
}

/* A cost of more than this is a defect. */
#define COST_MAX (INT64_C(10000) * 1000000)
#define TOKENS_MAX INT64_C(1000000000)

static bool
is_within(int64_t n, int64_t max)
{
    return n >= 0 && n <= max;
}

enum rc
bil_ai_read(struct arena *arena, const Assay__Event *event, struct bil_ai_call *out)
{
    const struct json_value *data = NULL;

    enum rc rc = read_data(arena, event, &data);
    if (rc != RC_OK) {
        return rc;
    }
    struct bil_ai_call call = {
        .call_id = json_str(json_get(data, "call_id")),
        .model = json_str(json_get(data, "model")),
        .is_byok = json_bool(json_get(data, "byok"), false),
        .input_tokens = json_i64(json_get(data, "input_tokens"), -1),
        .output_tokens = json_i64(json_get(data, "output_tokens"), -1),
        .cost_micro = json_i64(json_get(data, "cost_micro"), -1),
        .test_run_id = json_i64(json_get(data, "test_run_id"), 0),
    };
    if (!is_name(call.call_id) || !is_name(call.model) ||
        !is_within(call.input_tokens, TOKENS_MAX) || !is_within(call.output_tokens, TOKENS_MAX) ||
        !is_within(call.cost_micro, COST_MAX) || call.test_run_id < 0) {
        return RC_INVALID_ARGUMENT;
    }
    *out = call;
    return RC_OK;
}

enum rc
bil_usage_read(struct arena *arena, const Assay__Event *event, struct bil_usage *out)
{
    const struct kind *kind = kind_of(str_z(event->type));
    const struct json_value *data = NULL;

    enum rc rc = kind == NULL ? RC_INVALID_ARGUMENT : read_data(arena, event, &data);
    if (rc != RC_OK) {
        return rc;
    }
    struct str id = json_str(json_get(data, kind->id_key));
    int64_t quantity = json_i64(json_get(data, kind->quantity_key), -1);
    if (!is_name(id) || quantity < 0 || quantity > BIL_QUANTITY_MAX / kind->micro) {
        return RC_INVALID_ARGUMENT;
    }
    struct str status = json_str(json_get(data, "status"));
    int64_t micro = quantity * kind->micro;
    *out = (struct bil_usage){
        .meter = kind->meter,
        .resource_id = id,
        .status = status.n > 0 ? status
                               : str_sub(kind->type, (size_t)str_find_byte(kind->type, '.') + 1,
                                         kind->type.n),
        .quantity_micro = micro,
        .billable_micro = is_billable(data, status) ? micro : 0,
        .is_live = strcmp(kind->meter, BIL_METER_SESSION) == 0 &&
                   !json_bool(json_get(data, "of_run"), false),
    };
    return RC_OK;
}
