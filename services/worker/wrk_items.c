/* SPDX-License-Identifier: Apache-2.0
 *
 * What a case is to do, from the job's JSON: sub-flows, steps or the recording, assertions. */
#include <string.h>

#include "worker/wrk_case.h"

static struct item *
add_item(struct items *items)
{
    if (items->n == items->cap) {
        size_t cap = items->cap == 0 ? 64 : items->cap * 2;
        struct item *at =
            arena_grow(items->arena, items->at, items->n * sizeof(*at), cap * sizeof(*at));
        if (at == NULL) {
            return NULL;
        }
        items->at = at;
        items->cap = cap;
    }
    struct item *item = &items->at[items->n++];
    *item = (struct item){.fallback = STR_EMPTY};
    return item;
}

const struct json_value *
wrk_items_parse(struct arena *arena, protobuf_c_boolean has, ProtobufCBinaryData json)
{
    const struct json_value *v = NULL;

    if (!has || json_parse(str_n((const char *)json.data, json.len), arena, &v, NULL) != RC_OK) {
        return NULL;
    }
    return v;
}

/* A step is a sentence, or an object {text | do, secret?}. */
static struct str
step_text(const struct json_value *step, bool *out_secret)
{
    *out_secret = json_bool(json_get(step, "secret"), false);
    if (json_is(step, JSON_STRING)) {
        return json_str(step);
    }
    struct str text = json_str(json_get(step, "text"));
    return text.n > 0 ? text : json_str(json_get(step, "do"));
}

static bool
is_recorded_object(const struct json_value *step)
{
    return json_is(step, JSON_OBJECT) && json_str(json_get(step, "type")).n > 0;
}

static struct str
recorded_text(struct arena *arena, const struct json_value *action)
{
    struct str label = json_str(json_get(action, "text"));
    struct str type = json_str(json_get(action, "type"));
    struct str value = json_str(json_get(action, type.n == 8 ? "url" : "value"));

    if (label.n == 0) {
        label = json_str(json_get(action, "selector"));
    }
    return arena_printf(arena, "%.*s %.*s%s%.*s", STR_ARG(type), STR_ARG(label),
                        value.n > 0 ? ": " : "", STR_ARG(value));
}

static void
add_recording(struct items *items, const struct json_value *list, const Assay__JobCase *c,
              const struct json_value *steps, const struct json_value *mappings)
{
    for (size_t i = 0; i < list->count; i++) {
        struct item *item = add_item(items);
        if (item == NULL) {
            return;
        }
        item->kind = ITEM_RECORDED;
        item->action = json_at(list, i);
        item->secret = json_bool(json_get(item->action, "secret"), false);
        item->text = recorded_text(items->arena, item->action);
        item->fuzzy = !c->has_fuzzy_match || c->fuzzy_match;
        /* A sentence that maps to this action alone can stand in for it. */
        for (size_t s = 0; mappings != NULL && s < mappings->count; s++) {
            const struct json_value *indexes = json_at(mappings, s);
            bool secret = false;
            if (indexes->count == 1 && json_i64(json_at(indexes, 0), -1) == (int64_t)i) {
                item->fallback = step_text(json_at(steps, s), &secret);
                item->secret = item->secret || secret;
            }
        }
    }
}

static void
add_steps(struct items *items, const struct json_value *steps, const Assay__JobCase *c)
{
    for (size_t i = 0; steps != NULL && i < steps->count; i++) {
        const struct json_value *step = json_at(steps, i);
        struct item *item = add_item(items);
        if (item == NULL) {
            return;
        }
        if (json_bool(json_get(step, "missing_sub_flow"), false)) {
            item->kind = ITEM_BROKEN;
            item->text = STR("a sub-flow of this case was deleted or is no longer reusable");
        } else if (is_recorded_object(step)) {
            item->kind = ITEM_RECORDED;
            item->action = step;
            item->secret = json_bool(json_get(step, "secret"), false);
            item->text = recorded_text(items->arena, step);
            item->fuzzy = !c->has_fuzzy_match || c->fuzzy_match;
        } else {
            item->kind = ITEM_SENTENCE;
            item->text = step_text(step, &item->secret);
            item->ai = strcmp(c->mode, "ai") == 0;
        }
    }
}

static void
add_assertions(struct items *items, const struct json_value *list)
{
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        const struct json_value *a = json_at(list, i);
        const struct json_value *check = json_get(a, "check");
        struct item *item = add_item(items);
        if (item == NULL) {
            return;
        }
        item->kind = json_is(check, JSON_OBJECT) ? ITEM_CHECK : ITEM_ASSERTION;
        item->action = check;
        item->text = json_is(a, JSON_STRING) ? json_str(a) : json_str(json_get(a, "assert"));
        if (item->text.n == 0) {
            item->text = json_str(json_get(a, "text"));
        }
    }
}

void
wrk_items_add(struct case_run *r, const Assay__JobCase *c, bool own)
{
    for (size_t i = 0; i < c->n_sub_flows; i++) {
        wrk_items_add(r, c->sub_flows[i], false);
    }
    size_t first = r->items.n;
    const struct json_value *steps = wrk_items_parse(r->arena, true, c->steps);
    const struct json_value *recording = wrk_items_parse(r->arena, c->has_recording, c->recording);
    bool replays = recording != NULL && recording->count > 0 && strcmp(c->mode, "ai") != 0;
    if (replays) {
        const struct json_value *maps =
            strcmp(c->mode, "hybrid") == 0
                ? wrk_items_parse(r->arena, c->has_step_mappings, c->step_mappings)
                : NULL;
        add_recording(&r->items, recording, c, steps, maps);
    } else {
        add_steps(&r->items, steps, c);
    }
    if (own) {
        add_assertions(&r->items, wrk_items_parse(r->arena, c->has_assertions, c->assertions));
    }
    for (size_t i = first; i < r->items.n; i++) {
        r->items.at[i].flow_id = own ? NULL : c->run_public_id;
        r->items.at[i].at = i - first;
    }
}
