/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON reader: the parser accepts nothing that the skipper refuses, and what is written from a
 * tree reads back as the same tree. Any bytes at all can be written as a string that reads back. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "json/json.h"

#define ARENA_MAX (64 * 1024 * 1024)

static void put_tree(struct buf *b, const struct json_value *v);

static void
put_members(struct buf *b, const struct json_value *v)
{
    bool is_object = v->type == JSON_OBJECT;

    buf_putc(b, is_object ? '{' : '[');
    for (size_t i = 0; i < v->count; i++) {
        if (i > 0) {
            buf_putc(b, ',');
        }
        if (is_object) {
            json_put_str(b, v->members[i].key);
            buf_putc(b, ':');
        }
        put_tree(b, v->members[i].value);
    }
    buf_putc(b, is_object ? '}' : ']');
}

/* Digits alone, and not the zero that has a sign. */
static bool
is_plain(struct str digits)
{
    return !str_eq(digits, STR("-0")) && str_find_byte(digits, '.') < 0 &&
           str_find_byte(digits, 'e') < 0 && str_find_byte(digits, 'E') < 0;
}

static void
put_number(struct buf *b, const struct json_value *v)
{
    int64_t i = 0;
    double d = 0;

    ASSERT(json_number_f64(v->text, &d) == RC_OK);
    bool whole = json_number_i64(v->text, &i) == RC_OK;
    ASSERT(!whole || (double)i == d);
    if (whole && is_plain(v->text)) {
        json_put_i64(b, i);
    } else {
        json_put_f64(b, d);
    }
}

static void
put_tree(struct buf *b, const struct json_value *v)
{
    switch (v->type) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        put_members(b, v);
        break;
    case JSON_STRING:
        ASSERT(str_is_utf8(v->text));
        json_put_str(b, v->text);
        break;
    case JSON_NUMBER:
        put_number(b, v);
        break;
    case JSON_NULL:
        buf_put(b, STR("null"));
        break;
    default:
        json_put_bool(b, json_bool(v, false));
    }
}

static void
check_tree(struct arena *arena, const struct json_value *v)
{
    struct buf first;
    struct buf second;
    const struct json_value *back = NULL;

    buf_init(&first, ARENA_MAX);
    buf_init(&second, ARENA_MAX);
    put_tree(&first, v);
    ASSERT(!buf_failed(&first));
    ASSERT(json_parse(buf_str(&first), arena, &back, NULL) == RC_OK);
    put_tree(&second, back);
    ASSERT(str_eq(buf_str(&first), buf_str(&second)));
    ASSERT(json_parse(v->raw, arena, &back, NULL) == RC_OK);
    buf_fini(&first);
    buf_fini(&second);
}

static void
check_any_string(struct arena *arena, struct str bytes)
{
    struct buf b;
    const struct json_value *v = NULL;

    buf_init(&b, ARENA_MAX);
    json_put_str(&b, bytes);
    bool has_nul = bytes.n > 0 && memchr(bytes.p, 0, bytes.n) != NULL;
    ASSERT((json_parse(buf_str(&b), arena, &v, NULL) == RC_OK) == !has_nul);
    ASSERT(has_nul || !str_is_utf8(bytes) || str_eq(json_str(v), bytes));
    buf_fini(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(ARENA_MAX);
    struct str in = str_n((const char *)data, size);
    struct json_reader r;
    const struct json_value *v = NULL;
    const char *error = NULL;
    struct str raw = STR_EMPTY;

    json_read_init(&r, in, arena);
    enum rc skipped = json_skip(&r, &raw);
    skipped = skipped == RC_OK ? json_read_end(&r) : skipped;
    enum rc parsed = json_parse(in, arena, &v, &error);
    if (parsed == RC_OK) {
        ASSERT(skipped == RC_OK && str_eq(raw, v->raw));
        check_tree(arena, v);
    } else {
        ASSERT(error != NULL);
        ASSERT(skipped != RC_OK || strcmp(error, "duplicate key") == 0);
    }
    check_any_string(arena, in);
    arena_free(arena);
    return 0;
}
