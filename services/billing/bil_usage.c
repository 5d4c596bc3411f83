/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/bil_usage.h"

#include "json/json.h"

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

enum rc
bil_usage_read(struct arena *arena, const Assay__Event *event, struct bil_usage *out)
{
    const struct kind *kind = kind_of(str_z(event->type));
    const struct json_value *data = NULL;

    if (kind == NULL || event->org_id <= 0 || !event->has_data) {
        return RC_INVALID_ARGUMENT;
    }
    struct str text = str_n((const char *)event->data.data, event->data.len);
    enum rc rc = json_parse(text, arena, &data, NULL);
    if (rc != RC_OK) {
        return rc;
    }
    struct str id = json_str(json_get(data, kind->id_key));
    int64_t quantity = json_i64(json_get(data, kind->quantity_key), -1);
    if (id.n == 0 || id.n > ID_MAX || quantity < 0 || quantity > BIL_QUANTITY_MAX / kind->micro) {
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
    };
    return RC_OK;
}
