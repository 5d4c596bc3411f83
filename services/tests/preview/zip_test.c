/* SPDX-License-Identifier: Apache-2.0
 *
 * Archives as tools write them, and as attackers do: each fault on its own in an archive that is
 * good without it. */
#include <libdeflate.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "tests/preview/zip.h"

#include <cmocka.h>

#define ARCHIVE_MAX ((size_t)1 << 20)

static const struct zip_limits LIMITS = {.entries_max = 8, .file_max = 100000, .total_max = 150000};

/* What differs from a good entry. */
struct part {
    const char *path;
    struct str data;
    bool deflated, follow;    /* sizes follow the data */
    unsigned flags, method;   /* or-ed; in place of what is right */
    uint32_t mode, crc_error; /* of the file; of the sum, both headers */
    int64_t size_error;       /* of the size, both headers */
    const char *local_path;   /* NULL: path */
    int at;                   /* index + 1 of the part whose place it claims */
};

struct archive {
    struct buf b;
    struct arena *arena;
    struct ctx ctx;
    struct zip zip;
};

static void
put(struct buf *b, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        buf_putc(b, (char)(v >> (8 * i)));
    }
}

static struct str
packed(const struct part *p, char room[ARCHIVE_MAX / 4])
{
    if (!p->deflated) {
        return p->data;
    }
    struct libdeflate_compressor *c = libdeflate_alloc_compressor(6);
    size_t n = libdeflate_deflate_compress(c, p->data.p, p->data.n, room, ARCHIVE_MAX / 4);
    libdeflate_free_compressor(c);
    assert_true(n > 0);
    return str_n(room, n);
}

static void
put_head(struct buf *b, const struct part *p, struct str data, bool local)
{
    bool hide = local && p->follow;

    put(b, (p->follow ? 8u : 0u) | p->flags, 2);
    put(b, p->method != 0 ? p->method : p->deflated ? 8u : 0u, 2);
    put(b, 0, 4);
    put(b, hide ? 0 : libdeflate_crc32(0, p->data.p, p->data.n) ^ p->crc_error, 4);
    put(b, hide ? 0 : data.n, 4);
    put(b, hide ? 0 : p->data.n + (uint64_t)p->size_error, 4);
    put(b, strlen(local && p->local_path != NULL ? p->local_path : p->path), 2);
    put(b, 0, 2);
}

static size_t
put_local(struct buf *b, const struct part *p)
{
    static char room[ARCHIVE_MAX / 4];
    struct str data = packed(p, room);
    size_t at = b->n;

    put(b, 0x04034B50, 4);
    put(b, 20, 2);
    put_head(b, p, data, true);
    buf_putz(b, p->local_path != NULL ? p->local_path : p->path);
    buf_put(b, data);
    if (p->follow) {
        put(b, 0x08074B50, 4);
        put(b, libdeflate_crc32(0, p->data.p, p->data.n), 4);
        put(b, data.n, 4);
        put(b, p->data.n, 4);
    }
    return at;
}

static void
put_central(struct buf *b, const struct part *p, size_t at)
{
    static char room[ARCHIVE_MAX / 4];

    put(b, 0x02014B50, 4);
    put(b, 3 << 8 | 20, 2);
    put(b, 20, 2);
    put_head(b, p, packed(p, room), false);
    put(b, 0, 6);
    put(b, (uint64_t)p->mode << 16, 4);
    put(b, at, 4);
    buf_putz(b, p->path);
}

static void
put_end(struct buf *b, size_t count, size_t directory)
{
    size_t end = b->n;

    put(b, 0x06054B50, 4);
    put(b, 0, 4);
    put(b, count, 2);
    put(b, count, 2);
    put(b, end - directory, 4);
    put(b, directory, 4);
    put(b, 0, 2);
}

static struct archive
make(const struct part *parts, size_t count)
{
    struct archive a = {.arena = arena_new(ARCHIVE_MAX)};
    size_t at[64];

    assert_true(count <= ARRAY_LEN(at));
    buf_init(&a.b, ARCHIVE_MAX);
    for (size_t i = 0; i < count; i++) {
        at[i] = put_local(&a.b, &parts[i]);
    }
    size_t directory = a.b.n;
    for (size_t i = 0; i < count; i++) {
        put_central(&a.b, &parts[i], at[parts[i].at > 0 ? (size_t)parts[i].at - 1 : i]);
    }
    put_end(&a.b, count, directory);
    return a;
}

static enum rc
open_it(struct archive *a)
{
    ctx_init(&a->ctx, a->arena);
    return zip_open(&a->ctx, buf_str(&a->b), &LIMITS, &a->zip);
}

static void
drop(struct archive *a)
{
    buf_fini(&a->b);
    arena_free(a->arena);
}

static void
assert_refused(struct archive *a, const char *why)
{
    assert_int_equal(open_it(a), RC_INVALID_ARGUMENT);
    assert_string_equal(a->ctx.err.reason, "INVALID_ARCHIVE");
    if (str_find(a->ctx.err.msg, str_z(why)) < 0) {
        fail_msg("\"%.*s\" does not say \"%s\"", STR_ARG(a->ctx.err.msg), why);
    }
    drop(a);
}

static void
files_are_read_as_they_were_packed(void **state)
{
    static char big[60000];
    const struct part parts[] = {
        {.path = "js/app.js", .data = STR("let a = 1;"), .mode = 0100644},
        {.path = "js/", .mode = 0040755},
        {.path = "index.html", .data = STR("<p>aaaaaaaaaaaaaaaaaaaaaa"), .deflated = true},
        {.path = "Bühne.txt", .data = STR(""), .flags = 0x800},
        {.path = "big.bin", .data = {big, sizeof(big)}, .deflated = true, .follow = true},
    };
    static const char *const PATHS[] = {"B\xc3\xbchne.txt", "big.bin", "index.html", "js/app.js"};
    static const size_t FROM[] = {3, 4, 2, 0};
    static char to[sizeof(big)];

    (void)state;
    memset(big, 'x', sizeof(big));
    struct archive a = make(parts, ARRAY_LEN(parts));
    assert_int_equal(open_it(&a), RC_OK);
    assert_int_equal(a.zip.count, ARRAY_LEN(PATHS));
    for (size_t i = 0; i < a.zip.count; i++) {
        const struct zip_file *f = &a.zip.files[i];
        assert_true(str_eqz(f->path, PATHS[i]));
        assert_int_equal(f->size, parts[FROM[i]].data.n);
        assert_int_equal(zip_read(&a.ctx, &a.zip, f, to), RC_OK);
        assert_true(str_eq(str_n(to, f->size), parts[FROM[i]].data));
    }
    drop(&a);
}

static void
a_comment_at_the_end_is_skipped(void **state)
{
    const struct part parts[] = {{.path = "a", .data = STR("1")}};
    struct archive a = make(parts, 1);

    (void)state;
    a.b.p[a.b.n - 2] = 5;
    buf_putz(&a.b, "PK\5\6x");
    assert_int_equal(open_it(&a), RC_OK);
    assert_int_equal(a.zip.count, 1);
    drop(&a);
}

static void
names_that_lead_elsewhere_are_refused(void **state)
{
    static const char *const NAMES[] = {"/etc/passwd", "../a",  "a/../../b", "a/..",   "./a",
                                        "a//b",        "a\\b",  "a\nb",      "\xff",   "..",
                                        "/",           "a/./b", "\xc0\xaf",  "a/\x7f", ""};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        const struct part parts[] = {{.path = NAMES[i], .data = STR("1")}};
        struct archive a = make(parts, 1);
        assert_refused(&a, "name");
    }
}

static void
every_fault_is_refused_by_its_name(void **state)
{
    static const struct {
        struct part part;
        const char *why;
    } FAULTS[] = {
        {{.path = "b", .flags = 1}, "encrypted"},
        {{.path = "b", .flags = 0x2000}, "encrypted"},
        {{.path = "b", .method = 12}, "compressed"},
        {{.path = "b", .mode = 0120777}, "link"},
        {{.path = "b", .mode = 0060644}, "device"},
        {{.path = "b", .mode = 0040755}, "link or a device"},
        {{.path = "b/", .data = STR_INIT("x")}, "folder with content"},
        {{.path = "b", .local_path = "c"}, "contradicts"},
        {{.path = "a"}, "twice"},
        {{.path = "b", .data = STR_INIT("x"), .size_error = 1}, "unpacks"},
        {{.path = "b", .data = STR_INIT("x"), .deflated = true, .size_error = 90000}, "unpacks"},
        {{.path = "b", .data = STR_INIT("x"), .at = 1}, "contradicts"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(FAULTS); i++) {
        const struct part parts[] = {{.path = "a", .data = STR("first")}, FAULTS[i].part};
        struct archive a = make(parts, 2);
        assert_refused(&a, FAULTS[i].why);
    }
}

static void
damage_shows_when_a_file_is_read(void **state)
{
    static const struct part FAULTS[] = {
        {.path = "a", .data = STR_INIT("xxxxxxxx"), .crc_error = 1},
        {.path = "a", .data = STR_INIT("xxxxxxxx"), .deflated = true, .crc_error = 1},
        {.path = "a", .data = STR_INIT("xxxxxxxx"), .deflated = true, .size_error = 1},
        {.path = "a", .data = STR_INIT("xxxxxxxx"), .deflated = true, .size_error = -1},
    };
    char to[16];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(FAULTS); i++) {
        struct archive a = make(&FAULTS[i], 1);
        assert_int_equal(open_it(&a), RC_OK);
        assert_int_equal(zip_read(&a.ctx, &a.zip, &a.zip.files[0], to), RC_INVALID_ARGUMENT);
        drop(&a);
    }
}

/* The bomb without nesting: many names for the same bytes. */
static void
files_that_share_bytes_are_refused(void **state)
{
    const struct part parts[] = {{.path = "a", .data = STR("first")},
                                 {.path = "b", .data = STR("first"), .at = 1, .local_path = "a"}};
    struct archive a = make(parts, 2);

    (void)state;
    assert_refused(&a, "contradicts");
    a = make(parts, 1);
    size_t directory = a.b.n - 22 - 47;
    a.b.n = directory + 47;
    put_central(&a.b, &parts[0], 0);
    put_end(&a.b, 2, directory);
    assert_refused(&a, "shares bytes");
}

static void
what_is_too_large_is_refused_before_it_is_unpacked(void **state)
{
    static char big[100001];
    struct part many[9];
    const struct part one[] = {{.path = "a", .data = {big, 100001}, .deflated = true}};
    const struct part sum[] = {{.path = "a", .data = {big, 90000}, .deflated = true},
                               {.path = "b", .data = {big, 90000}, .deflated = true}};
    static const char *const NAMES[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        many[i] = (struct part){.path = NAMES[i]};
    }
    struct archive all[] = {make(one, 1), make(sum, 2), make(many, 9)};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        assert_int_equal(open_it(&all[i]), RC_RESOURCE_EXHAUSTED);
        assert_string_equal(all[i].ctx.err.reason, "BODY_TOO_LARGE");
        drop(&all[i]);
    }
}

static void
what_is_not_one_plain_archive_is_refused(void **state)
{
    const struct part parts[] = {{.path = "a", .data = STR("1")}};
    static const struct {
        size_t from_end;
        unsigned char byte;
        const char *why;
    } CHANGES[] = {
        {22 - 4, 1, "several"},
        {22 - 6, 1, "several"},
        {22 - 8, 2, "several"},
        {22 - 12, 0, "directory"},
        {22 - 16, 9, "directory"},
        {2, 1, "directory at its end"},
        {22, 'Q', "directory at its end"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CHANGES); i++) {
        struct archive a = make(parts, 1);
        a.b.p[a.b.n - CHANGES[i].from_end] = (char)CHANGES[i].byte;
        assert_refused(&a, CHANGES[i].why);
    }
    struct archive a = make(parts, 1);
    memset(a.b.p + a.b.n - 14, 0xFF, 4);
    assert_refused(&a, "Zip64");
    a = make(parts, 1);
    buf_putz(&a.b, "more");
    assert_refused(&a, "directory at its end");
}

static void
a_cut_archive_is_refused_wherever_it_is_cut(void **state)
{
    const struct part parts[] = {{.path = "a", .data = STR("first")},
                                 {.path = "b", .data = STR("second"), .deflated = true}};
    struct archive a = make(parts, 2);

    (void)state;
    size_t n = a.b.n;
    for (a.b.n = 0; a.b.n < n; a.b.n++) {
        assert_int_equal(open_it(&a), RC_INVALID_ARGUMENT);
        arena_reset(a.arena);
    }
    drop(&a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_read_as_they_were_packed),
        cmocka_unit_test(a_comment_at_the_end_is_skipped),
        cmocka_unit_test(names_that_lead_elsewhere_are_refused),
        cmocka_unit_test(every_fault_is_refused_by_its_name),
        cmocka_unit_test(damage_shows_when_a_file_is_read),
        cmocka_unit_test(files_that_share_bytes_are_refused),
        cmocka_unit_test(what_is_too_large_is_refused_before_it_is_unpacked),
        cmocka_unit_test(what_is_not_one_plain_archive_is_refused),
        cmocka_unit_test(a_cut_archive_is_refused_wherever_it_is_cut),
    };
    return cmocka_run_group_tests_name("zip", tests, NULL, NULL);
}
