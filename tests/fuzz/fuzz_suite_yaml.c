/* SPDX-License-Identifier: Apache-2.0
 *
 * Suite files: whatever the bytes, reading ends, errors name a line, and what is read is made of
 * JSON that our own reader accepts. */
#include "tests/fuzz/fuzz.h"

#include "base/arena.h"
#include "cli/suite_yaml.h"
#include "json/json.h"

#define ARENA_MAX ((size_t)128 << 20)

static void
must_be(struct arena *arena, struct str json, enum json_type type)
{
    const struct json_value *v = NULL;
    enum rc rc = json_parse(json, arena, &v, NULL);

    /* Duplicate keys in free objects, numbers out of range and the like were refused before. */
    ASSERT(rc == RC_OK && json_is(v, type));
}

static void
check(struct arena *arena, const struct suite_file *f)
{
    ASSERT(str_trim(f->name).n > 0);
    must_be(arena, f->variables, JSON_OBJECT);
    must_be(arena, f->tags, JSON_ARRAY);
    for (size_t i = 0; i < f->case_count; i++) {
        must_be(arena, f->cases[i].steps, JSON_ARRAY);
        must_be(arena, f->cases[i].assertions, JSON_ARRAY);
        if (f->cases[i].recording.n > 0) {
            must_be(arena, f->cases[i].recording, JSON_ARRAY);
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(ARENA_MAX);
    struct suite_file file;
    struct suite_error error = {0};

    enum rc rc = suite_yaml_parse(arena, str_n((const char *)data, size), &file, &error);
    if (rc == RC_OK) {
        check(arena, &file);
    } else {
        ASSERT(error.line > 0 && error.column > 0 && error.text[0] != '\0');
    }
    arena_free(arena);
    return 0;
}
