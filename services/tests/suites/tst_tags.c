/* SPDX-License-Identifier: Apache-2.0
 *
 * Tags. Source: tests/contract, decision 11. */
#include "tests/tests.h"

static bool
is_tag(struct str s)
{
    if (s.n == 0 || s.n > 50) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!(c >= 'a' && c <= 'z') && !ch_is_digit(c) && c != '_' && c != '-') {
            return false;
        }
    }
    return true;
}

static bool
has_tag(const struct tst_tags *tags, struct str name)
{
    for (size_t i = 0; i < tags->count; i++) {
        if (str_eq(tags->names[i], name)) {
            return true;
        }
    }
    return false;
}

enum rc
tst_tags_parse(struct ctx *ctx, char *const *tags, size_t count, struct tst_tags *out)
{
    struct tst_tags t = {
        .names = ARENA_ARRAY(ctx->arena, count + 1, struct str),
        .displays = ARENA_ARRAY(ctx->arena, count + 1, struct str),
    };

    for (size_t i = 0; i < count && t.names != NULL && t.displays != NULL; i++) {
        struct str display = str_trim(str_z(tags[i]));
        char *lower = arena_strz(ctx->arena, display);
        for (size_t c = 0; lower != NULL && c < display.n; c++) {
            lower[c] = ch_lower(lower[c]);
        }
        struct str name = str_n(lower, lower == NULL ? 0 : display.n);
        if (!is_tag(name)) {
            return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_TAG",
                        "tags[%zu] must be 1 to 50 of a-z, 0-9, _ and -", i);
        }
        if (!has_tag(&t, name)) {
            t.names[t.count] = name;
            t.displays[t.count++] = display;
        }
    }
    if (arena_failed(ctx->arena)) {
        return fail_memory(ctx, "too many tags");
    }
    *out = t;
    return RC_OK;
}
