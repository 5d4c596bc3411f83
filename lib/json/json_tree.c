/* SPDX-License-Identifier: Apache-2.0
 *
 * The tree. Recursion is bounded by the reader's depth limit. */
#include <stdlib.h>

#include "json/json.h"

#define FIRST_MEMBERS 4
#define FEW_MEMBERS 16

static enum rc parse_value(struct json_reader *r, struct json_value **out);

static int
compare_keys(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Sorting keeps hostile keys at n log n. */
static bool
many_have_duplicate(struct json_reader *r, const struct json_value *v)
{
    struct str *keys = ARENA_ARRAY(r->arena, v->count, struct str);

    if (keys == NULL) {
        return false; /* the arena has failed: the caller finds out */
    }
    for (size_t i = 0; i < v->count; i++) {
        keys[i] = v->members[i].key;
    }
    qsort(keys, v->count, sizeof(*keys), compare_keys);
    for (size_t i = 1; i < v->count; i++) {
        if (str_eq(keys[i - 1], keys[i])) {
            return true;
        }
    }
    return false;
}

static bool
has_duplicate(struct json_reader *r, const struct json_value *v)
{
    if (v->count > FEW_MEMBERS) {
        return many_have_duplicate(r, v);
    }
    for (size_t i = 1; i < v->count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (str_eq(v->members[i].key, v->members[k].key)) {
                return true;
            }
        }
    }
    return false;
}

static enum rc
out_of_memory(struct json_reader *r)
{
    r->error = "out of memory";
    return RC_RESOURCE_EXHAUSTED;
}

/* Reads the members or items of `v`, whose opening was read. */
static enum rc
parse_members(struct json_reader *r, struct json_value *v)
{
    struct json_member *list = NULL;
    size_t cap = 0;

    for (;;) {
        struct json_member m = {.key = STR_EMPTY};
        struct json_value *child = NULL;
        bool more = false;
        enum rc rc =
            v->type == JSON_OBJECT ? json_read_key(r, &m.key, &more) : json_read_item(r, &more);
        if (rc != RC_OK || !more) {
            v->members = list;
            return rc;
        }
        rc = parse_value(r, &child);
        if (rc != RC_OK) {
            return rc;
        }
        m.value = child;
        if (v->count == cap) {
            size_t wider = cap == 0 ? FIRST_MEMBERS : cap * 2;
            list = arena_grow(r->arena, list, cap * sizeof(*list), wider * sizeof(*list));
            if (list == NULL) {
                return out_of_memory(r);
            }
            cap = wider;
        }
        list[v->count++] = m;
    }
}

static enum rc
parse_value(struct json_reader *r, struct json_value **out)
{
    struct json_token token;
    struct json_value *v = ARENA_NEW(r->arena, struct json_value);

    if (v == NULL) {
        return out_of_memory(r);
    }
    enum rc rc = json_read(r, &token);
    if (rc != RC_OK) {
        return rc;
    }
    v->type = token.type;
    v->text = token.text;
    if (v->type == JSON_OBJECT || v->type == JSON_ARRAY) {
        rc = parse_members(r, v);
    }
    if (rc != RC_OK) {
        return rc;
    }
    if (v->type == JSON_OBJECT && has_duplicate(r, v)) {
        r->error = "duplicate key";
        return RC_INVALID_ARGUMENT;
    }
    v->raw = str_n(r->in.p + token.at, r->at - token.at);
    *out = v;
    return arena_failed(r->arena) ? out_of_memory(r) : RC_OK;
}

enum rc
json_parse(struct str in, struct arena *arena, const struct json_value **out,
           const char **out_error)
{
    struct json_reader r;
    struct json_value *v = NULL;

    json_read_init(&r, in, arena);
    enum rc rc = parse_value(&r, &v);
    if (rc == RC_OK) {
        rc = json_read_end(&r);
    }
    if (rc != RC_OK) {
        if (out_error != NULL) {
            *out_error = r.error;
        }
        return rc;
    }
    *out = v;
    return RC_OK;
}

static const struct json_value *
member(const struct json_value *object, struct str key)
{
    if (!json_is(object, JSON_OBJECT)) {
        return NULL;
    }
    for (size_t i = 0; i < object->count; i++) {
        if (str_eq(object->members[i].key, key)) {
            return object->members[i].value;
        }
    }
    return NULL;
}

const struct json_value *
json_get(const struct json_value *object, const char *key)
{
    return member(object, str_z(key));
}

const struct json_value *
json_at(const struct json_value *array, size_t i)
{
    return json_is(array, JSON_ARRAY) && i < array->count ? array->members[i].value : NULL;
}

const struct json_value *
json_path(const struct json_value *v, const char *path)
{
    struct str rest = str_z(path);

    while (rest.p != NULL && v != NULL) {
        struct str step = str_split(&rest, '.');
        int64_t i = 0;
        if (!json_is(v, JSON_ARRAY)) {
            v = member(v, step);
        } else if (str_to_i64(step, 0, INT64_MAX, &i) == RC_OK) {
            v = json_at(v, (size_t)i);
        } else {
            v = NULL;
        }
    }
    return v;
}

bool
json_is(const struct json_value *v, enum json_type type)
{
    return v != NULL && v->type == type;
}

struct str
json_str(const struct json_value *v)
{
    return json_is(v, JSON_STRING) ? v->text : STR_EMPTY;
}

int64_t
json_i64(const struct json_value *v, int64_t absent)
{
    int64_t i = 0;
    return json_is(v, JSON_NUMBER) && json_number_i64(v->text, &i) == RC_OK ? i : absent;
}

double
json_f64(const struct json_value *v, double absent)
{
    double d = 0;
    return json_is(v, JSON_NUMBER) && json_number_f64(v->text, &d) == RC_OK ? d : absent;
}

bool
json_bool(const struct json_value *v, bool absent)
{
    return json_is(v, JSON_TRUE) || (absent && !json_is(v, JSON_FALSE));
}
