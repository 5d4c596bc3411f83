/* SPDX-License-Identifier: Apache-2.0
 *
 * Looks into the raw JSON of cases: counts, string lists, the summary of a recording. */
#include "json/json.h"
#include "tests/tests.h"

#include <string.h>

static struct str
bytes(ProtobufCBinaryData json)
{
    return str_n((const char *)json.data, json.len);
}

enum rc
tst_json_strings(struct ctx *ctx, const char *member, ProtobufCBinaryData json, char ***out,
                 size_t *out_count)
{
    const struct json_value *v = NULL;

    if (json_parse(bytes(json), ctx->arena, &v, NULL) != RC_OK || !json_is(v, JSON_ARRAY)) {
        return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY", "%s must be an array", member);
    }
    char **list = ARENA_ARRAY(ctx->arena, v->count + 1, char *);
    if (list == NULL) {
        return fail_memory(ctx, "a list is too long");
    }
    for (size_t i = 0; i < v->count; i++) {
        if (!json_is(json_at(v, i), JSON_STRING)) {
            return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY", "%s[%zu] must be a string",
                        member, i);
        }
        list[i] = arena_strz(ctx->arena, json_str(json_at(v, i)));
    }
    *out = list;
    *out_count = v->count;
    return RC_OK;
}

#define KINDS_MAX 32

struct tally {
    struct str kinds[KINDS_MAX];
    int64_t counts[KINDS_MAX];
    size_t n;
};

static void
tally_add(struct tally *t, struct str kind)
{
    for (size_t i = 0; i < t->n; i++) {
        if (str_eq(t->kinds[i], kind)) {
            t->counts[i]++;
            return;
        }
    }
    if (t->n < KINDS_MAX) {
        t->kinds[t->n] = kind;
        t->counts[t->n++] = 1;
    }
}

enum rc
tst_recording_summary(struct ctx *ctx, ProtobufCBinaryData recording, struct str *out)
{
    const struct json_value *v = NULL;
    struct tally tally = {.n = 0};
    struct buf b;

    if (json_parse(bytes(recording), ctx->arena, &v, NULL) != RC_OK || !json_is(v, JSON_ARRAY)) {
        return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY", "source_recording must be an array");
    }
    for (size_t i = 0; i < v->count; i++) {
        const struct json_value *type = json_get(json_at(v, i), "type");
        if (!json_is(type, JSON_STRING)) {
            return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY",
                        "source_recording[%zu].type is required", i);
        }
        tally_add(&tally, json_str(type));
    }
    buf_init(&b, 16384);
    buf_printf(&b, "{\"total_actions\":%zu,\"gesture_counts\":{", v->count);
    for (size_t i = 0; i < tally.n; i++) {
        buf_putz(&b, i == 0 ? "" : ",");
        json_put_str(&b, tally.kinds[i]);
        buf_printf(&b, ":%lld", (long long)tally.counts[i]);
    }
    buf_putz(&b, "}}");
    bool ok = !buf_failed(&b);
    *out = ok ? arena_str(ctx->arena, buf_str(&b)) : STR_EMPTY;
    buf_fini(&b);
    if (!ok) {
        return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY",
                    "source_recording has overlong types");
    }
    return RC_OK;
}
