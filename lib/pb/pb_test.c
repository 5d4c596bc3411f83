/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/pb_omit.h"
#include "tests/support/pb_sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BASE "\"id\":7,\"name\":\"n\",\"active\":true,\"ratio\":0.25"

struct fixture {
    struct arena *arena;
    struct ctx ctx;
    struct buf out;
};

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->arena = arena_new(64 * 1024 * 1024);
    ctx_init(&f->ctx, f->arena);
    buf_init(&f->out, 16 * 1024 * 1024);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;
    buf_fini(&f->out);
    arena_free(f->arena);
    free(f);
    return 0;
}

static void
again(struct fixture *f)
{
    arena_reset(f->arena);
    ctx_init(&f->ctx, f->arena);
    buf_clear(&f->out);
}

static enum rc
read_str(struct fixture *f, struct str body, Sample__All **out)
{
    Sample__All *msg = PB_NEW(f->arena, Sample__All, sample__all);

    assert_non_null(msg);
    enum rc rc = pb_from_json(&f->ctx, &sample_all_table, body, &msg->base);
    if (rc == RC_OK) {
        rc = pb_check(&f->ctx, &sample_all_table, &msg->base);
    }
    *out = msg;
    return rc;
}

/* Reads an object with the required members and `more`. */
static Sample__All *
read_ok(struct fixture *f, const char *more)
{
    Sample__All *msg = NULL;
    struct str body = arena_printf(f->arena, "{" BASE "%s%s}", more[0] == '\0' ? "" : ",", more);

    if (read_str(f, body, &msg) != RC_OK) {
        fail_msg("%s: %.*s", more, STR_ARG(f->ctx.err.msg));
    }
    return msg;
}

static void
assert_refused(struct fixture *f, struct str body, const char *reason, const char *msg)
{
    Sample__All *ignored = NULL;

    assert_int_equal(read_str(f, body, &ignored), RC_INVALID_ARGUMENT);
    if (strcmp(f->ctx.err.reason, reason) != 0 || !str_eqz(f->ctx.err.msg, msg)) {
        fail_msg("%.*s:\n  %s: %.*s, not\n  %s: %s", STR_ARG(body), f->ctx.err.reason,
                 STR_ARG(f->ctx.err.msg), reason, msg);
    }
    again(f);
}

/* --- reading ------------------------------------------------------------------------------- */

static void
every_kind_is_read(void **state)
{
    struct fixture *f = *state;
    Sample__All *m = read_ok(
        f,
        "\"flag\":false,\"small\":-2147483648,\"big\":9223372036854775807,\"natural\":4294967295,"
        "\"score\":0.5,\"note\":\"\\u00e9\\ud83d\\ude00\",\"platform\":\"ios\","
        "\"code\":\"app_abc123\",\"email\":\" Ada@Example.ORG \",\"url\":\"https://x.y/z?q\","
        "\"uuid\":\"0190a0b0-c0d0-7000-8000-0123456789ab\",\"at_z\":\"2024-01-15T10:30:00Z\","
        "\"any\": [1, {\"a\":null}] ,\"object\":{\"x\" : 1},\"array\":[1,2,3],"
        "\"picture\":\"aGVsbG8=\",\"main_case\":{\"name\":\"a\",\"enabled\":true,\"zz\":[]},"
        "\"cases\":[{\"name\":\"b\",\"enabled\":false,\"tags\":[\"x\",\"y\"]}],"
        "\"words\":[\"a\",\"\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\"],\"numbers\":[1.0,1e2,-0],"
        "\"flags\":[true,false],\"doubles\":[1,2.5],\"raws\":[null,\"s\"],"
        "\"labels\":{\"k\":\"v\"},\"counts\":{\"\":3},\"by_name\":{\"c\":{\"name\":\"c\","
        "\"enabled\":true}},\"limit\":100000");

    assert_int_equal(m->id, 7);
    assert_true(m->has_flag && !m->flag);
    assert_int_equal(m->small, INT32_MIN);
    assert_true(m->big == INT64_MAX);
    assert_int_equal(m->natural, UINT32_MAX);
    assert_true(m->has_score && m->score == 0.5);
    assert_string_equal(m->note, "\xC3\xA9\xF0\x9F\x98\x80");
    assert_string_equal(m->email, "ada@example.org");
    assert_true(m->at_z == INT64_C(1705314600000000));
    assert_int_equal(m->any.len, strlen("[1, {\"a\":null}]"));
    assert_memory_equal(m->any.data, "[1, {\"a\":null}]", m->any.len);
    assert_memory_equal(m->picture.data, "hello", m->picture.len);
    assert_string_equal(m->main_case->name, "a");
    assert_int_equal(m->n_cases, 1);
    assert_string_equal(m->cases[0]->tags[1], "y");
    assert_int_equal(m->n_words, 2);
    assert_true(m->n_numbers == 3 && m->numbers[0] == 1 && m->numbers[1] == 100);
    assert_true(m->n_flags == 2 && m->flags[0] && !m->flags[1]);
    assert_true(m->doubles[1] == 2.5);
    assert_memory_equal(m->raws[0].data, "null", m->raws[0].len);
    assert_string_equal(m->labels[0]->key, "k");
    assert_string_equal(m->labels[0]->value, "v");
    assert_true(m->counts[0]->has_value && m->counts[0]->value == 3);
    assert_string_equal(m->by_name[0]->value->name, "c");
    assert_int_equal(m->limit, 200); /* clamped */
    assert_null(m->nullable);
}

static void
lists_longer_than_one_growth_keep_their_items(void **state)
{
    struct fixture *f = *state;
    struct buf b;
    Sample__All *m = NULL;

    buf_init(&b, 1 << 20);
    buf_putz(&b, "{" BASE ",\"numbers\":[0");
    for (int i = 1; i < 10000; i++) {
        buf_printf(&b, ",%d", i);
    }
    size_t n = b.n;
    buf_putz(&b, "]}");
    assert_int_equal(read_str(f, buf_str(&b), &m), RC_OK);
    assert_int_equal(m->n_numbers, 10000);
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(m->numbers[i], i);
    }
    again(f);
    b.n = n;
    buf_putz(&b, ",1]}");
    assert_refused(f, buf_str(&b), "INVALID_BODY", "numbers must have at most 10000 items");
    buf_fini(&b);
}

static void
refusals_name_the_member(void **state)
{
    static const struct {
        const char *more;
        const char *msg;
    } CASES[] = {
        {"\"flag\":1", "flag must be true or false"},
        {"\"flag\":null", "flag must not be null"},
        {"\"small\":\"1\"", "small must be a whole number"},
        {"\"small\":1.5", "small must be a whole number"},
        {"\"small\":2147483648", "small is out of range"},
        {"\"small\":-2147483649", "small is out of range"},
        {"\"big\":9223372036854775808", "big is out of range"},
        {"\"big\":1e300", "big is out of range"},
        {"\"natural\":-1", "natural is out of range"},
        {"\"natural\":4294967296", "natural is out of range"},
        {"\"score\":\"x\"", "score must be a number"},
        {"\"score\":0.51", "score must be at most 0.5"},
        {"\"score\":-0.1", "score must be at least 0"},
        {"\"note\":1", "note must be a string"},
        {"\"note\":{}", "note must be a string"},
        {"\"platform\":\"IOS\"", "platform must be one of ios, android, web"},
        {"\"code\":\"app_ABC123\"", "code must match ^app_[a-z0-9]{6,}$"},
        {"\"code\":\"app_abc123\\n\"", "code must match ^app_[a-z0-9]{6,}$"},
        {"\"email\":\"a@b@c\"", "email must be an e-mail address"},
        {"\"email\":\"@b\"", "email must be an e-mail address"},
        {"\"email\":\"a@\"", "email must be an e-mail address"},
        {"\"email\":\"a b@c\"", "email must be an e-mail address"},
        {"\"url\":\"ftp://x\"", "url must be an http or https URL"},
        {"\"url\":\"https://\"", "url must be an http or https URL"},
        {"\"url\":\"https:///x\"", "url must be an http or https URL"},
        {"\"url\":\"http://a b\"", "url must be an http or https URL"},
        {"\"uuid\":\"0190A0B0-C0D0-7000-8000-0123456789AB\"", "uuid must be a UUID in lower case"},
        {"\"sha\":\"abc\"", "sha must be 64 lower-case hexadecimal digits"},
        {"\"at_z\":\"2024-02-30T00:00:00Z\"", "at_z must be an ISO 8601 date and time"},
        {"\"at_z\":5", "at_z must be a string"},
        {"\"object\":[]", "object must be an object"},
        {"\"array\":{}", "array must be an array"},
        {"\"array\":[1,2,3,4]", "array must have at most 3 items"},
        {"\"picture\":\"a\"", "picture must be base64"},
        {"\"main_case\":[]", "main_case must be an object"},
        {"\"main_case\":{\"enabled\":true}", "main_case.name is required"},
        {"\"main_case\":{\"name\":\"a\"}", "main_case.enabled is required"},
        {"\"main_case\":{\"name\":\"\",\"enabled\":true}",
         "main_case.name must have at least 1 character"},
        {"\"cases\":{}", "cases must be an array"},
        {"\"cases\":[null]", "cases[0] must not be null"},
        {"\"cases\":[{\"name\":\"a\",\"enabled\":true},{\"name\":\"a\",\"enabled\":3}]",
         "cases[1].enabled must be true or false"},
        {"\"cases\":[{\"name\":\"a\",\"enabled\":true,\"child\":{\"name\":\"a\",\"enabled\":true,"
         "\"tags\":[\"x\",1]}}]",
         "cases[0].child.tags[1] must be a string"},
        {"\"cases\":[{\"name\":\"a\",\"enabled\":true,\"step_limit\":0}]",
         "cases[0].step_limit must be at least 1"},
        {"\"cases\":[{\"name\":\"a\",\"enabled\":true,\"step_limit\":1,\"title\":\"t\"}]",
         "cases[0] takes at most one of step_limit, title"},
        {"\"cases\":[{\"name\":\"a\",\"enabled\":true,\"name\":\"b\"}]",
         "cases[0].name is given twice"},
        {"\"words\":[]", "words must have at least 1 item"},
        {"\"words\":[\"a\",\"a\",\"a\",\"a\"]", "words must have at most 3 items"},
        {"\"words\":[\"a\",\"12345\"]", "words[1] must have at most 4 characters"},
        {"\"labels\":[]", "labels must be an object"},
        {"\"labels\":{\"a\":1}", "labels.a must be a string"},
        {"\"labels\":{\"a\":null}", "labels.a must not be null"},
        {"\"labels\":{\"a\":\"1\",\"b\":\"\",\"\\u0061\":\"2\"}", "labels.a is given twice"},
        {"\"labels\":{\"a\":\"\",\"b\":\"\",\"c\":\"\",\"d\":\"\"}",
         "labels must have at most 3 members"},
        {"\"by_name\":{\"q\":{\"enabled\":true}}", "by_name.q.name is required"},
        {"\"limit\":0", "limit must be at least 1"},
        {"\"id\":8", "id is given twice"},
        {"\"\\u0069d\":8", "id is given twice"},
        {"\"left\":\"\",\"right\":\"\"", "at most one of left, right may be given"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        assert_refused(f, arena_printf(f->arena, "{" BASE ",%s}", CASES[i].more), "INVALID_BODY",
                       CASES[i].msg);
    }
}

static void
missing_members_are_required(void **state)
{
    struct fixture *f = *state;

    assert_refused(f, STR("{}"), "INVALID_BODY", "id is required");
    assert_refused(f, STR("{\"id\":null}"), "INVALID_BODY", "id must not be null");
    assert_refused(f, STR("{\"id\":1,\"name\":\"n\",\"active\":false}"), "INVALID_BODY",
                   "ratio is required");
    assert_refused(f, STR("{\"id\":1,\"name\":\"123456789012345678901\"}"), "INVALID_BODY",
                   "name must have at most 20 characters");
    assert_refused(f, STR("[]"), "INVALID_BODY", "the body must be an object");
    assert_refused(f, STR("null"), "INVALID_BODY", "the body must be an object");
}

static void
what_is_not_json_is_told_apart(void **state)
{
    struct fixture *f = *state;

    assert_refused(f, STR(""), "MALFORMED_JSON",
                   "malformed JSON at byte 0: input ends where a value must follow");
    assert_refused(f, STR("null x"), "MALFORMED_JSON",
                   "malformed JSON at byte 5: something follows the value");
    assert_refused(f, STR("{" BASE "} x"), "MALFORMED_JSON",
                   "malformed JSON at byte 47: something follows the value");
    assert_refused(f, STR("{\"id\":1e999}"), "MALFORMED_JSON",
                   "malformed JSON at byte 11: number out of range");
    assert_refused(f, STR("{\"zz\":[1,\"\xff\"]}"), "MALFORMED_JSON",
                   "malformed JSON at byte 10: string is not UTF-8");
    assert_refused(f, STR("{\"zz\":\"\\u0000\"}"), "MALFORMED_JSON",
                   "malformed JSON at byte 7: NUL in a string");
    assert_refused(f, STR("{\"name\":\"a\0b\"}"), "MALFORMED_JSON",
                   "malformed JSON at byte 10: NUL in a string");
    assert_refused(f, STR("{\"any\":[1,]}"), "MALFORMED_JSON",
                   "malformed JSON at byte 10: comma before the end of a container");
}

static void
depth_is_bounded_everywhere(void **state)
{
    static const char *const OPENINGS[] = {"{\"zz\":", "{\"any\":", "{\"cases\":", ""};
    struct fixture *f = *state;
    struct buf b;

    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(OPENINGS); i++) {
        buf_clear(&b);
        buf_putz(&b, OPENINGS[i]);
        for (int k = 0; k < 100000; k++) {
            buf_putz(&b, i == 2 ? "[{\"cases\":" : "[");
        }
        Sample__All *m = NULL;
        assert_int_equal(read_str(f, buf_str(&b), &m), RC_INVALID_ARGUMENT);
        again(f);
    }
    buf_clear(&b);
    buf_putz(&b, "{\"main_case\":");
    for (int k = 0; k < 100; k++) {
        buf_putz(&b, "{\"child\":");
    }
    assert_refused(f, buf_str(&b), "MALFORMED_JSON", "JSON is nested deeper than 32 levels");
    buf_fini(&b);
}

static void
nulls_are_told_from_absence(void **state)
{
    struct fixture *f = *state;

    Sample__All *m = read_ok(f, "\"nullable\":null");
    assert_null(m->nullable);
    assert_true(PB_WAS_NULL(m, 39));
    assert_false(PB_WAS_NULL(m, 40));
    m = read_ok(f, "\"nullable\":\"x\"");
    assert_string_equal(m->nullable, "x");
    assert_false(PB_WAS_NULL(m, 39));
    m = read_ok(f, "");
    assert_false(PB_WAS_NULL(m, 39));
}

static void
strings_without_bounds_end_at_64_ki_code_points(void **state)
{
    struct fixture *f = *state;
    struct buf b;
    Sample__All *m = NULL;

    buf_init(&b, 1 << 20);
    buf_putz(&b, "{" BASE ",\"note\":\"");
    for (int i = 0; i < 65536; i++) {
        buf_putz(&b, "\xC3\xA9");
    }
    size_t n = b.n;
    buf_putz(&b, "\"}");
    assert_int_equal(read_str(f, buf_str(&b), &m), RC_OK);
    b.n = n;
    buf_putz(&b, "x\"}");
    assert_refused(f, buf_str(&b), "INVALID_BODY", "note must have at most 65536 characters");
    buf_fini(&b);
}

static void
a_full_arena_is_an_exhausted_resource(void **state)
{
    static const char BODY[] =
        "{" BASE ",\"email\":\"A@B\",\"cases\":[{\"name\":\"\\u0061\",\"enabled\":true},{\"name\":"
        "\"b\",\"enabled\":true}],\"labels\":{\"a\":\"b\"},\"any\":[1],\"nullable\":null,"
        "\"picture\":\"aGVsbG8=\",\"words\":[\"a\",\"b\",\"c\"]}";
    bool succeeded = false;
    (void)state;

    for (size_t cap = sizeof(Sample__All); cap < 8192; cap += 3) {
        struct arena *arena = arena_new(cap);
        struct ctx ctx;
        ctx_init(&ctx, arena);
        Sample__All *m = PB_NEW(arena, Sample__All, sample__all);
        assert_non_null(m);
        enum rc rc = pb_from_json(&ctx, &sample_all_table, str_z(BODY), &m->base);
        assert_true(rc == RC_OK || rc == RC_RESOURCE_EXHAUSTED);
        assert_false(succeeded && rc != RC_OK);
        succeeded = rc == RC_OK;
        arena_free(arena);
    }
    assert_true(succeeded);
}

/* --- writing ------------------------------------------------------------------------------- */

static void
answers_write_null_unless_told_to_omit(void **state)
{
    struct fixture *f = *state;
    Sample__Case c = SAMPLE__CASE__INIT;

    pb_to_json(&sample_case_table, &c.base, &f->out);
    assert_string_equal(f->out.p, "{\"name\":\"\",\"step_limit\":null,\"title\":null,"
                                  "\"enabled\":false,\"tags\":[],\"child\":null}");
    again(f);
    Sample__All *m = read_ok(f, "");
    pb_to_json(&sample_all_table, &m->base, &f->out);
    assert_null(strstr(f->out.p, "omitted"));
    assert_non_null(strstr(f->out.p, "\"labels\":{},"));
}

static void
times_are_written_as_the_option_says(void **state)
{
    struct fixture *f = *state;
    Sample__All *m = read_ok(f, "\"at_naive\":\"2025-01-31T12:34:56.789012Z\","
                                "\"at_z\":\"2025-01-31T12:34:56.789012Z\","
                                "\"at_ms\":\"2025-01-31T12:34:56.789012Z\","
                                "\"at_us\":\"2025-01-31T13:34:56.789012+01:00\","
                                "\"at_s\":\"2025-01-31 12:34:56.789012\"");
    pb_to_json(&sample_all_table, &m->base, &f->out);
    assert_non_null(strstr(f->out.p,
                           "\"at_naive\":\"2025-01-31T12:34:56\",\"at_z\":"
                           "\"2025-01-31T12:34:56Z\",\"at_ms\":\"2025-01-31T12:34:56.789Z\","
                           "\"at_us\":\"2025-01-31T12:34:56.789012+00:00\",\"at_s\":"
                           "\"2025-01-31T12:34:56+00:00\","));
}

static void
lists_are_written_bare(void **state)
{
    static const uint32_t CASES_FIELD = 26;
    struct fixture *f = *state;
    Sample__All *m = read_ok(f, "\"cases\":[{\"name\":\"a\",\"enabled\":true,\"title\":\"</s>\"},"
                                "{\"name\":\"b\",\"enabled\":false}]");
    struct pb_table one = sample_all_table;

    one.fields = &sample_all_fields[CASES_FIELD];
    one.count = 1;
    pb_list_to_json(&one, &m->base, &f->out);
    assert_string_equal(f->out.p,
                        "[{\"name\":\"a\",\"step_limit\":null,\"title\":\"</s>\","
                        "\"enabled\":true,\"tags\":[],\"child\":null},{\"name\":\"b\","
                        "\"step_limit\":null,\"title\":null,\"enabled\":false,\"tags\":[],"
                        "\"child\":null}]");
    again(f);
    Sample__All empty = SAMPLE__ALL__INIT;
    pb_list_to_json(&one, &empty.base, &f->out);
    assert_string_equal(f->out.p, "[]");
}

static void
a_full_buffer_is_a_failed_buffer(void **state)
{
    struct fixture *f = *state;
    Sample__All *m = read_ok(f, "\"note\":\"0123456789\"");
    struct buf small;

    pb_to_json(&sample_all_table, &m->base, &f->out);
    for (size_t max = 0; max < f->out.n; max++) {
        buf_init(&small, max);
        pb_to_json(&sample_all_table, &m->base, &small);
        assert_true(buf_failed(&small));
        buf_fini(&small);
    }
}

/* --- any message reads back ---------------------------------------------------------------- */

static uint64_t seed = 88172645463325252;

static uint64_t
pick(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % below;
}

static char *
random_text(struct arena *arena, size_t max_cp)
{
    static const char *const PIECES[] = {"a",
                                         "Z",
                                         " ",
                                         "\"",
                                         "\\",
                                         "/",
                                         "\n",
                                         "\x01",
                                         "\x7f",
                                         "\xC3\xA9",
                                         "<",
                                         "\xE2\x80\xA8",
                                         "\xF0\x9F\x98\x80",
                                         "\xEF\xBF\xBD",
                                         "0"};
    char text[4 * 64 + 1] = "";
    size_t n = 0;

    for (size_t i = pick(max_cp + 1); i > 0; i--) {
        const char *piece = PIECES[pick(ARRAY_LEN(PIECES))];
        memcpy(text + n, piece, strlen(piece));
        n += strlen(piece);
    }
    return arena_strz(arena, str_n(text, n));
}

static char *
random_string(struct arena *arena, const struct pb_field *f, bool is_item)
{
    static const char *const FORMATS[] = {
        NULL, "ada@example.org", "https://example.org/a?b", "0190a0b0-c0d0-7000-8000-0123456789ab",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"};
    if (f->in != NULL) {
        return arena_strz(arena, str_z(f->in[pick(3)]));
    }
    if (f->pattern != NULL) {
        return arena_strz(arena, STR("app_0a1b2c3d"));
    }
    if (FORMATS[f->format] != NULL) {
        return arena_strz(arena, str_z(FORMATS[f->format]));
    }
    int64_t max = is_item ? f->item_max_len : f->max_len;
    char *z = random_text(arena, max < 0 || max > 60 ? 60 : (size_t)max);
    return z[0] == '\0' && f->min_len > 0 ? arena_strz(arena, STR("x")) : z;
}

static double
random_double(const struct pb_field *f)
{
    double v = 0;

    if ((f->flags & PB_HAS_MAX) != 0) {
        return f->min + (f->max - f->min) * (double)pick(1000001) / 1000000;
    }
    do {
        uint64_t bits = pick(2) == 0 ? pick(UINT64_MAX) : pick(100) << 52;
        memcpy(&v, &bits, sizeof(v));
    } while (!(v - v == 0)); /* finite */
    return v;
}

static int64_t
random_integer(const struct pb_field *f)
{
    if ((f->flags & PB_HAS_MAX) != 0) {
        return (int64_t)f->min + (int64_t)pick((uint64_t)(f->max - f->min) + 1);
    }
    switch ((enum pb_kind)f->kind) {
    case PB_INT32:
        return (int32_t)pick(UINT64_MAX);
    case PB_UINT32:
        return (uint32_t)pick(UINT64_MAX);
    default:
        return (int64_t)(pick(UINT64_MAX) >> pick(64));
    }
}

static ProtobufCMessage *random_message(struct arena *arena, const struct pb_table *table,
                                        int depth);

static struct str
random_raw(const struct pb_field *f)
{
    static const struct str RAWS[] = {STR_INIT("{}"),  STR_INIT("{\"a\" : [1,\t{}],\"a\":0}"),
                                      STR_INIT("[]"),  STR_INIT("[1.50,\"\\u0041\",[null]]"),
                                      STR_INIT("-0"),  STR_INIT("\"x\""),
                                      STR_INIT("true")};
    switch (f->raw) {
    case 2:
        return RAWS[pick(2)];
    case 3:
        return RAWS[2 + pick(2)];
    default:
        return RAWS[pick(ARRAY_LEN(RAWS))];
    }
}

static void
random_value(struct arena *arena, const struct pb_field *f, void *at, bool is_item, int depth)
{
    static const int64_t GRAIN_US[] = {1000000, 1000000, 1000, 1, 1000000};

    switch ((enum pb_kind)f->kind) {
    case PB_BOOL:
        *(protobuf_c_boolean *)at = pick(2) == 1;
        break;
    case PB_INT32:
        *(int32_t *)at = (int32_t)random_integer(f);
        break;
    case PB_UINT32:
        *(uint32_t *)at = (uint32_t)random_integer(f);
        break;
    case PB_INT64:
        *(int64_t *)at = random_integer(f);
        break;
    case PB_DOUBLE:
        *(double *)at = random_double(f);
        break;
    case PB_TIME:
        *(int64_t *)at = (int64_t)pick(INT64_C(4000000000)) * 1000000 +
                         (int64_t)pick(1000000) / GRAIN_US[f->time] * GRAIN_US[f->time];
        break;
    case PB_STRING:
        *(char **)at = random_string(arena, f, is_item);
        break;
    case PB_RAW_JSON:
        *(ProtobufCBinaryData *)at = pb_bytes(arena, random_raw(f));
        break;
    case PB_BASE64:
        *(ProtobufCBinaryData *)at = pb_bytes(arena, str_n((const char *)&seed, pick(9)));
        break;
    case PB_MESSAGE:
    case PB_MAP:
        *(ProtobufCMessage **)at = random_message(arena, f->sub, depth + 1);
        break;
    }
}

static size_t
value_size(const struct pb_field *f)
{
    static const size_t SIZES[] = {
        [PB_BOOL] = 4,    [PB_INT32] = 4,  [PB_INT64] = 8,     [PB_UINT32] = 4,
        [PB_DOUBLE] = 8,  [PB_STRING] = 8, [PB_RAW_JSON] = 16, [PB_TIME] = 8,
        [PB_MESSAGE] = 8, [PB_MAP] = 8,    [PB_BASE64] = 16};
    return SIZES[f->kind];
}

/* Keys of maps must differ. */
static void
number_keys(struct arena *arena, const struct pb_field *f, ProtobufCMessage **entries, size_t n)
{
    for (size_t i = 0; i < n && f->kind == PB_MAP; i++) {
        char **key = (char **)((char *)entries[i] + f->sub->fields[0].offset);
        struct str text = arena_printf(arena, "%s%zu", *key, i);
        *key = arena_strz(arena, text);
    }
}

static void
random_list(struct arena *arena, const struct pb_field *f, ProtobufCMessage *msg, int depth)
{
    size_t max = f->max_len < 0 ? 6 : (size_t)f->max_len;
    size_t n = pick(max + 1);
    char *items = arena_zalloc(arena, n + 1, value_size(f));

    if (n < (size_t)f->min_len) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        random_value(arena, f, items + i * value_size(f), true, depth);
    }
    number_keys(arena, f, (ProtobufCMessage **)(void *)items, n);
    memcpy((char *)msg + f->offset, &items, sizeof(items));
    memcpy((char *)msg + f->quantifier, &n, sizeof(n));
}

static bool
leave_out(const struct pb_field *f, int depth)
{
    bool entry = f->json == f->key.p && (f->number == 1 || f->number == 2) &&
                 (strcmp(f->json, "key") == 0 || strcmp(f->json, "value") == 0);
    if ((f->flags & PB_REQUIRED) != 0 || entry) {
        return false;
    }
    bool grouped = strcmp(f->json, "right") == 0 || strcmp(f->json, "title") == 0;
    return grouped || pick(2) == 0 || (depth > 3 && f->kind == PB_MESSAGE);
}

static ProtobufCMessage *
random_message(struct arena *arena, const struct pb_table *table, int depth)
{
    ProtobufCMessage *msg = pb_new(arena, table->desc);

    assert_non_null(msg);
    for (size_t i = 0; i < table->count; i++) {
        const struct pb_field *f = &table->fields[i];
        if (leave_out(f, depth)) {
            continue;
        }
        if ((f->flags & PB_REPEATED) != 0) {
            random_list(arena, f, msg, depth);
            continue;
        }
        random_value(arena, f, (char *)msg + f->offset, false, depth);
        if (f->quantifier != 0) {
            *(protobuf_c_boolean *)((char *)msg + f->quantifier) = 1;
        }
    }
    return msg;
}

static void
any_message_reads_back_as_itself(void **state)
{
    struct fixture *f = *state;
    struct arena *tables = arena_new(1 << 20);
    struct pb_omit omit = {.arena = tables};
    const struct pb_table *table = pb_omitting(&omit, &sample_all_table);

    for (int round = 0; round < 2000; round++) {
        struct str before = STR_EMPTY;
        struct str after = STR_EMPTY;
        ProtobufCMessage *back = NULL;
        ProtobufCMessage *msg = random_message(f->arena, table, 0);
        pb_to_json(table, msg, &f->out);
        ProtobufCMessage *read = pb_new(f->arena, table->desc);
        if (pb_from_json(&f->ctx, table, buf_str(&f->out), read) != RC_OK ||
            pb_check(&f->ctx, table, read) != RC_OK) {
            fail_msg("%.*s: %s", STR_ARG(f->ctx.err.msg), f->out.p);
        }
        assert_int_equal(pb_pack(f->arena, msg, &before), RC_OK);
        assert_int_equal(pb_pack(f->arena, read, &after), RC_OK);
        assert_true(str_eq(before, after));
        assert_int_equal(pb_unpack(f->arena, table->desc, after, &back), RC_OK);
        struct buf again_json;
        buf_init(&again_json, 16 * 1024 * 1024);
        pb_to_json(table, back, &again_json);
        assert_true(str_eq(buf_str(&f->out), buf_str(&again_json)));
        buf_fini(&again_json);
        again(f);
    }
    arena_free(tables);
}

static void
any_cut_or_changed_body_is_handled(void **state)
{
    struct fixture *f = *state;
    struct arena *spare = arena_new(1 << 24);

    for (int round = 0; round < 3000; round++) {
        ProtobufCMessage *msg = random_message(spare, &sample_case_table, 0);
        pb_to_json(&sample_case_table, msg, &f->out);
        size_t n = round % 2 == 0 ? pick(f->out.n) : f->out.n;
        char *copy = malloc(n + 1);
        memcpy(copy, f->out.p, n);
        if (round % 2 == 1) {
            copy[pick(n)] = (char)pick(256);
        }
        ProtobufCMessage *read = pb_new(f->arena, &sample__case__descriptor);
        enum rc rc = pb_from_json(&f->ctx, &sample_case_table, str_n(copy, n), read);
        assert_true(rc == RC_OK || (rc == RC_INVALID_ARGUMENT && f->ctx.err.msg.n > 0));
        assert_true(round % 2 == 1 || rc == RC_INVALID_ARGUMENT);
        free(copy);
        arena_reset(spare);
        again(f);
    }
    arena_free(spare);
}

/* --- path, query, headers ------------------------------------------------------------------ */

static enum rc
give(struct fixture *f, Sample__Query *q, const char *name, struct str text)
{
    const struct pb_field *field = pb_field_find(&sample_query_table, str_z(name));
    assert_non_null(field);
    return pb_from_text(&f->ctx, field, text, &q->base);
}

static void
text_becomes_fields(void **state)
{
    struct fixture *f = *state;
    Sample__Query *q = PB_NEW(f->arena, Sample__Query, sample__query);

    assert_int_equal(give(f, q, "suite_id", STR("12")), RC_OK);
    assert_int_equal(give(f, q, "limit", STR("200")), RC_OK);
    assert_int_equal(give(f, q, "tags", STR("A, b ,c")), RC_OK);
    assert_int_equal(give(f, q, "tags", STR("")), RC_OK);
    assert_int_equal(give(f, q, "tags", STR("d")), RC_OK);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(give(f, q, "sizes", arena_printf(f->arena, "%d", i)), RC_OK);
    }
    assert_int_equal(give(f, q, "deep", STR("0")), RC_OK);
    assert_int_equal(give(f, q, "ratio", STR("1e-1")), RC_OK);
    assert_int_equal(give(f, q, "since", STR("1970-01-01T00:00:01Z")), RC_OK);
    assert_int_equal(give(f, q, "token", STR("t\xC3\xA9")), RC_OK);
    assert_int_equal(give(f, q, "sure", STR("True")), RC_OK);
    assert_int_equal(give(f, q, "extra", STR(" {\"a\":1} ")), RC_OK);
    assert_int_equal(pb_check(&f->ctx, &sample_query_table, &q->base), RC_OK);
    assert_int_equal(q->suite_id, 12);
    assert_int_equal(q->n_tags, 4);
    assert_string_equal(q->tags[0], "a");
    assert_string_equal(q->tags[1], "b");
    assert_string_equal(q->tags[3], "d");
    assert_int_equal(q->n_sizes, 20);
    assert_int_equal(q->sizes[19], 19);
    assert_true(q->has_deep && !q->deep);
    assert_true(q->ratio == 0.1);
    assert_true(q->since == 1000000);
    assert_true(q->sure);
    assert_int_equal(q->extra.len, 7);
}

static void
bad_text_is_refused(void **state)
{
    static const struct {
        const char *name;
        struct str text;
        const char *msg;
        const char *reason;
    } CASES[] = {
        {"suite_id", STR_INIT("x"), "suite_id must be a whole number", "INVALID_QUERY"},
        {"suite_id", STR_INIT(""), "suite_id must be a whole number", "INVALID_QUERY"},
        {"suite_id", STR_INIT("99999999999999999999"), "suite_id is out of range", "INVALID_QUERY"},
        {"limit", STR_INIT("201"), "limit must be at most 200", "INVALID_QUERY"},
        {"limit", STR_INIT("99999999999"), "limit must be at most 200", "INVALID_QUERY"},
        {"sizes", STR_INIT("1,2"), "sizes[0] must be a whole number", "INVALID_QUERY"},
        {"sizes", STR_INIT("3000000000"), "sizes[0] is out of range", "INVALID_QUERY"},
        {"tags", STR_INIT("a,123456"), "tags[1] must have at most 5 characters", "INVALID_QUERY"},
        {"tags", STR_INIT("a,,,,,,"), "tags must have at most 6 items", "INVALID_QUERY"},
        {"deep", STR_INIT("yes"), "deep must be true or false", "INVALID_QUERY"},
        {"ratio", STR_INIT("1 "), NULL, NULL},
        {"ratio", STR_INIT("nan"), "ratio must be a number", "INVALID_QUERY"},
        {"ratio", STR_INIT("0x1"), "ratio must be a number", "INVALID_QUERY"},
        {"since", STR_INIT("yesterday"), "since must be an ISO 8601 date and time",
         "INVALID_QUERY"},
        {"token", STR_INIT("a\0b"), "token must be UTF-8 without NUL", "INVALID_QUERY"},
        {"token", STR_INIT("\xff"), "token must be UTF-8 without NUL", "INVALID_QUERY"},
        {"extra", STR_INIT("[]"), "extra must be an object", "INVALID_BODY"},
        {"extra", STR_INIT("{\"a\"}"), "extra must be JSON: colon expected", "INVALID_BODY"},
        {"extra", STR_INIT("{}}"), "extra must be JSON: something follows the value",
         "INVALID_BODY"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        Sample__Query *q = PB_NEW(f->arena, Sample__Query, sample__query);
        enum rc rc = give(f, q, CASES[i].name, CASES[i].text);
        assert_int_equal(rc, CASES[i].msg == NULL ? RC_OK : RC_INVALID_ARGUMENT);
        if (rc != RC_OK && (!str_eqz(f->ctx.err.msg, CASES[i].msg) ||
                            strcmp(f->ctx.err.reason, CASES[i].reason) != 0)) {
            fail_msg("%s: %.*s", f->ctx.err.reason, STR_ARG(f->ctx.err.msg));
        }
        again(f);
    }
}

static void
a_parameter_is_given_once(void **state)
{
    struct fixture *f = *state;
    Sample__Query *q = PB_NEW(f->arena, Sample__Query, sample__query);

    assert_int_equal(give(f, q, "limit", STR("1")), RC_OK);
    assert_int_equal(give(f, q, "limit", STR("2")), RC_INVALID_ARGUMENT);
    assert_true(str_eqz(f->ctx.err.msg, "limit is given twice"));
}

static void
assert_check(struct fixture *f, const Sample__Query *q, const char *reason, const char *msg)
{
    assert_int_equal(pb_check(&f->ctx, &sample_query_table, &q->base), RC_INVALID_ARGUMENT);
    assert_string_equal(f->ctx.err.reason, reason);
    assert_true(str_eqz(f->ctx.err.msg, msg));
    ctx_recover(&f->ctx);
}

/* Required numbers and booleans have no has_ flag: 0 and false must not pass for absence. */
static void
presence_is_checked_over_all_sources(void **state)
{
    struct fixture *f = *state;
    Sample__Query *q = PB_NEW(f->arena, Sample__Query, sample__query);

    assert_string_equal(q->title, "untitled"); /* a default is not a title that was given */
    assert_check(f, q, "INVALID_QUERY", "suite_id is required");
    assert_int_equal(give(f, q, "suite_id", STR("0")), RC_OK);
    assert_check(f, q, "INVALID_QUERY", "sure is required");
    assert_int_equal(give(f, q, "sure", STR("false")), RC_OK);
    assert_check(f, q, "INVALID_QUERY", "at least one of token, title is required");
    /* A member of that name in the body is not the path's field. */
    assert_int_equal(pb_from_json(&f->ctx, &sample_query_table,
                                  STR("{\"suite_id\":5,\"title\":\"t\"}"), &q->base),
                     RC_OK);
    assert_int_equal(pb_check(&f->ctx, &sample_query_table, &q->base), RC_OK);
    assert_int_equal(q->suite_id, 0);
    struct str wire;
    ProtobufCMessage *back = NULL;
    assert_int_equal(pb_pack(f->arena, &q->base, &wire), RC_OK);
    assert_int_equal(pb_unpack(f->arena, &sample__query__descriptor, wire, &back), RC_OK);
    assert_int_equal(back->n_unknown_fields, 0);
}

static void
every_key_is_found(void **state)
{
    static const struct pb_table *const TABLES[] = {&sample_all_table, &sample_case_table,
                                                    &sample_query_table};
    (void)state;
    for (size_t t = 0; t < ARRAY_LEN(TABLES); t++) {
        for (size_t i = 0; i < TABLES[t]->count; i++) {
            assert_ptr_equal(pb_field_find(TABLES[t], TABLES[t]->fields[i].key),
                             &TABLES[t]->fields[i]);
        }
        assert_null(pb_field_find(TABLES[t], STR("")));
        assert_null(pb_field_find(TABLES[t], STR("zzz")));
        assert_null(pb_field_find(TABLES[t], STR("nam")));
    }
}

/* --- the wire ------------------------------------------------------------------------------ */

static enum rc
unpack_case(struct fixture *f, struct str wire)
{
    ProtobufCMessage *msg = NULL;
    return pb_unpack(f->arena, &sample__case__descriptor, wire, &msg);
}

#define CASE_A                                                                                     \
    "\x0A\x01"                                                                                     \
    "a"                                                                                            \
    "\x20\x01"

static void
wire_strings_are_checked(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(unpack_case(f, STR(CASE_A)), RC_OK);
    assert_int_equal(unpack_case(f, STR("\x0A\x03"
                                        "a\0b"
                                        "\x20\x01")),
                     RC_INVALID_ARGUMENT);
    assert_int_equal(unpack_case(f, STR("\x0A\x01\xff\x20\x01")), RC_INVALID_ARGUMENT);
    assert_int_equal(unpack_case(f, STR(CASE_A "\x2A\x01\xff")), RC_INVALID_ARGUMENT);
    assert_int_equal(unpack_case(f, STR(CASE_A "\x32\x05\x0A\x01\x80\x20\x01")),
                     RC_INVALID_ARGUMENT);
    /* A field we do not know may hold any bytes. */
    assert_int_equal(unpack_case(f, STR(CASE_A "\x7A\x01\xff")), RC_OK);
}

static void
malformed_wires_are_refused(void **state)
{
    static const struct str BAD[] = {
        STR_INIT(""), /* required fields are missing */
        STR_INIT("\x0A\x01"
                 "a"), /* one of them */
        STR_INIT(CASE_A "\x0A\x05"
                        "a"),        /* length past the end */
        STR_INIT(CASE_A "\x0A"),     /* no length */
        STR_INIT(CASE_A "\x00\x00"), /* field 0 */
        STR_INIT(CASE_A "\x0B"),     /* group */
        STR_INIT(CASE_A "\x0F\x01"), /* wire type 7 */
        STR_INIT(CASE_A "\x10\xff"), /* varint without end */
        STR_INIT(CASE_A "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        STR_INIT(CASE_A "\x0A\xff\xff\xff\xff\x0F"),
        STR_INIT(CASE_A "\xff\xff\xff\xff\xff\xff\x01"),
        STR_INIT("\x08\x01\x20\x01"), /* a string as a number */
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        if (unpack_case(f, BAD[i]) != RC_INVALID_ARGUMENT) {
            fail_msg("accepted wire %zu", i);
        }
    }
}

static void
wire_depth_is_bounded(void **state)
{
    struct fixture *f = *state;
    struct str wire = STR_EMPTY;
    Sample__Case *inner = NULL;

    for (int depth = 1; depth <= 34; depth++) {
        Sample__Case *c = PB_NEW(f->arena, Sample__Case, sample__case);
        c->name = pb_strz(f->arena, STR("c"));
        c->child = inner;
        inner = c;
        assert_int_equal(pb_pack(f->arena, &c->base, &wire), RC_OK);
        assert_int_equal(unpack_case(f, wire), depth <= 32 ? RC_OK : RC_INVALID_ARGUMENT);
    }
}

static void
any_damaged_wire_is_survived(void **state)
{
    struct fixture *f = *state;
    struct arena *spare = arena_new(1 << 24);

    for (int round = 0; round < 2000; round++) {
        struct str wire = STR_EMPTY;
        ProtobufCMessage *msg = NULL;
        ProtobufCMessage *in = random_message(spare, &sample_all_table, 0);
        assert_int_equal(pb_pack(spare, in, &wire), RC_OK);
        size_t n = pick(wire.n) + 1;
        char *copy = malloc(n);
        memcpy(copy, wire.p, n);
        copy[pick(n)] = (char)pick(256);
        if (pb_unpack(f->arena, &sample__all__descriptor, str_n(copy, n), &msg) == RC_OK) {
            pb_to_json(&sample_all_table, msg, &f->out);
            assert_false(buf_failed(&f->out));
        }
        free(copy);
        arena_reset(spare);
        again(f);
    }
    arena_free(spare);
}

static void
a_small_arena_fails_the_unpacking(void **state)
{
    struct arena *tiny = arena_new(64);
    ProtobufCMessage *msg = NULL;
    (void)state;

    assert_int_equal(pb_unpack(tiny, &sample__case__descriptor, STR(CASE_A), &msg),
                     RC_RESOURCE_EXHAUSTED);
    assert_null(pb_new(tiny, &sample__case__descriptor));
    arena_free(tiny);
}

/* --- threads ------------------------------------------------------------------------------- */

static void *
match_often(void *arg)
{
    struct arena *arena = arena_new(1 << 20);
    struct ctx ctx;
    size_t *good = arg;

    for (int i = 0; i < 500; i++) {
        ctx_init(&ctx, arena);
        Sample__All *m = PB_NEW(arena, Sample__All, sample__all);
        struct str body = i % 2 == 0 ? STR("{" BASE ",\"code\":\"app_abcdef\"}")
                                     : STR("{" BASE ",\"code\":\"app_abcde\"}");
        enum rc want = i % 2 == 0 ? RC_OK : RC_INVALID_ARGUMENT;
        *good += pb_from_json(&ctx, &sample_all_table, body, &m->base) == want ? 1 : 0;
        arena_reset(arena);
    }
    arena_free(arena);
    return NULL;
}

static void
patterns_match_in_many_threads(void **state)
{
    pthread_t threads[4];
    size_t good[4] = {0};
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, match_often, &good[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(good[i], 500);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_kind_is_read),
        TEST(lists_longer_than_one_growth_keep_their_items),
        TEST(refusals_name_the_member),
        TEST(missing_members_are_required),
        TEST(what_is_not_json_is_told_apart),
        TEST(depth_is_bounded_everywhere),
        TEST(nulls_are_told_from_absence),
        TEST(strings_without_bounds_end_at_64_ki_code_points),
        TEST(a_full_arena_is_an_exhausted_resource),
        TEST(answers_write_null_unless_told_to_omit),
        TEST(times_are_written_as_the_option_says),
        TEST(lists_are_written_bare),
        TEST(a_full_buffer_is_a_failed_buffer),
        TEST(any_message_reads_back_as_itself),
        TEST(any_cut_or_changed_body_is_handled),
        TEST(text_becomes_fields),
        TEST(bad_text_is_refused),
        TEST(a_parameter_is_given_once),
        TEST(presence_is_checked_over_all_sources),
        TEST(every_key_is_found),
        TEST(wire_strings_are_checked),
        TEST(malformed_wires_are_refused),
        TEST(wire_depth_is_bounded),
        TEST(any_damaged_wire_is_survived),
        TEST(a_small_arena_fails_the_unpacking),
        TEST(patterns_match_in_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
