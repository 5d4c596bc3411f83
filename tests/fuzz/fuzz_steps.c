/* SPDX-License-Identifier: Apache-2.0
 *
 * Sentences of test steps: whatever the bytes, the parser answers within its arena, its plan is
 * valid JSON, a refusal has a reason, and parsing twice gives the same plan. */
#include "tests/fuzz/fuzz.h"

#include "json/json.h"
#include "worker/steps/grammar.h"

#define ARENA_MAX (1024 * 1024)
#define OUTPUT_MAX (256 * 1024)

static struct str
explained(struct arena *arena, struct str sentence, struct plan *plan)
{
    struct buf b;
    ASSERT(steps_parse(arena, sentence, plan) == RC_OK);
    ASSERT(plan->count <= STEP_ACTIONS_MAX);
    ASSERT(plan->count > 0 || (plan->reason.n > 0 && plan->hint.n > 0));
    buf_init(&b, OUTPUT_MAX);
    plan_put_json(&b, plan);
    ASSERT(!buf_failed(&b));
    struct str out = arena_str(arena, buf_str(&b));
    buf_clear(&b);
    plan_put_text(&b, plan);
    ASSERT(!buf_failed(&b) && b.n > 0);
    buf_fini(&b);
    return out;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(ARENA_MAX);
    struct plan first;
    struct plan second;
    const struct json_value *v = NULL;
    ASSERT(arena != NULL);
    struct str sentence = str_n((const char *)data, size);
    struct str a = explained(arena, sentence, &first);
    struct str b = explained(arena, sentence, &second);
    ASSERT(str_eq(a, b));
    ASSERT(json_parse(a, arena, &v, NULL) == RC_OK && json_is(v, JSON_ARRAY));
    ASSERT(!arena_failed(arena));
    arena_free(arena);
    return 0;
}
