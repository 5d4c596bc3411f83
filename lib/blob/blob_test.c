/* SPDX-License-Identifier: Apache-2.0
 *
 * One set of promises, kept by both stores. The S3 side is a real S3-speaking server from tests/s3,
 * started here on a free port. */
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include "blob/blob.h"
#include "blob/s3_fixture.h"
#include "sec/hash.h"
#include "tests/support/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define ABC_SHA256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define ACCESS_KEY "S3RVER"
#define SECRET_KEY "S3RVER"

struct fixture {
    char dir[PLACE_MAX];
    struct blob_store *store;
    struct arena *arena;
    struct ctx ctx;
};

static int files_seen;

static int
count_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)path;
    (void)st;
    (void)ftw;
    files_seen += type == FTW_F ? 1 : 0;
    return 0;
}

static int
count_files(const char *dir)
{
    files_seen = 0;
    (void)nftw(dir, count_entry, 16, FTW_PHYS);
    return files_seen;
}

static struct fixture *
new_fixture(void)
{
    struct fixture *f = calloc(1, sizeof(*f));

    place_make(f->dir, "blob");
    f->arena = arena_new((size_t)64 << 20);
    ctx_init(&f->ctx, f->arena);
    return f;
}

static struct blob_store *
open_store(struct fixture *f, const char *url, const char *secret)
{
    struct blob_cfg cfg = {.url = str_z(url),
                           .access_key = STR(ACCESS_KEY),
                           .secret_key = str_z(secret),
                           .tmp_dir = f->dir,
                           .no_fsync = false};
    struct blob_store *store = NULL;
    const char *why = NULL;

    assert_int_equal(blob_open(&cfg, &store, &why), RC_OK);
    return store;
}

static int
set_up_file(void **state)
{
    struct fixture *f = new_fixture();
    char url[96];

    (void)snprintf(url, sizeof(url), "file:%s/deep/store", f->dir);
    f->store = open_store(f, url, "");
    *state = f;
    return 0;
}

static int
set_up_s3(void **state)
{
    struct fixture *f = new_fixture();
    char url[128];

    (void)snprintf(url, sizeof(url),
                   "s3://bucket/some/prefix?endpoint=http://127.0.0.1:%d&region=eu-x", server_port);
    f->store = open_store(f, url, SECRET_KEY);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    blob_close(f->store);
    arena_free(f->arena);
    (void)place_remove(f->dir);
    free(f);
    return 0;
}

/* --- promises of both stores --------------------------------------------------------------- */

static void
what_was_put_is_got(void **state)
{
    struct fixture *f = *state;
    char name[BLOB_NAME_MAX + 1];
    struct str got;

    assert_int_equal(blob_put(f->store, &f->ctx, STR_EMPTY, STR("abc"), name), RC_OK);
    assert_string_equal(name, ABC_SHA256);
    assert_int_equal(blob_get(f->store, &f->ctx, str_z(name), 100, &got), RC_OK);
    assert_true(str_eqz(got, "abc"));
    assert_int_equal(blob_put(f->store, &f->ctx, STR("shot-1.a_b.png"), STR("one"), name), RC_OK);
    assert_string_equal(name, "shot-1.a_b.png");
    assert_int_equal(blob_put(f->store, &f->ctx, STR("shot-1.a_b.png"), STR("two!"), NULL), RC_OK);
    assert_int_equal(blob_get(f->store, &f->ctx, STR("shot-1.a_b.png"), 100, &got), RC_OK);
    assert_true(str_eqz(got, "two!"));
}

static void
an_empty_blob_is_a_blob(void **state)
{
    struct fixture *f = *state;
    struct str got = STR("x");

    assert_int_equal(blob_put(f->store, &f->ctx, STR("empty"), STR_EMPTY, NULL), RC_OK);
    assert_int_equal(blob_get(f->store, &f->ctx, STR("empty"), 0, &got), RC_OK);
    assert_int_equal(got.n, 0);
}

static void
what_is_not_there_is_not_found(void **state)
{
    struct fixture *f = *state;
    struct str got;
    struct blob_reader *reader = NULL;
    int64_t size;

    assert_int_equal(blob_get(f->store, &f->ctx, STR("nothing"), 10, &got), RC_NOT_FOUND);
    assert_string_equal(f->ctx.err.reason, "NO_SUCH_BLOB");
    ctx_recover(&f->ctx);
    assert_int_equal(blob_read_open(f->store, &f->ctx, STR("nothing"), 0, -1, &reader, &size),
                     RC_NOT_FOUND);
    assert_null(reader);
}

static void
a_deleted_blob_is_gone_and_deleting_again_is_fine(void **state)
{
    struct fixture *f = *state;
    struct str got;

    assert_int_equal(blob_put(f->store, &f->ctx, STR("gone"), STR("x"), NULL), RC_OK);
    assert_int_equal(blob_delete(f->store, &f->ctx, STR("gone")), RC_OK);
    assert_int_equal(blob_delete(f->store, &f->ctx, STR("gone")), RC_OK);
    assert_int_equal(blob_get(f->store, &f->ctx, STR("gone"), 1, &got), RC_NOT_FOUND);
}

static void
names_cannot_leave_the_store(void **state)
{
    struct fixture *f = *state;
    static const char *const BAD[] = {"",   ".",       "..", "../x", "a/b",  "/etc/passwd", "-x",
                                      "_x", ".hidden", "A",  "a b",  "a%2f", "a\\b",        "a\n"};
    struct str got;
    char longest[BLOB_NAME_MAX + 2];

    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        ctx_recover(&f->ctx);
        assert_int_equal(blob_get(f->store, &f->ctx, str_z(BAD[i]), 10, &got), RC_INVALID_ARGUMENT);
        ctx_recover(&f->ctx);
        assert_int_equal(blob_delete(f->store, &f->ctx, str_z(BAD[i])), RC_INVALID_ARGUMENT);
        ctx_recover(&f->ctx);
        if (BAD[i][0] != '\0') {
            assert_int_equal(blob_put(f->store, &f->ctx, str_z(BAD[i]), STR("x"), NULL),
                             RC_INVALID_ARGUMENT);
        }
    }
    memset(longest, 'a', sizeof(longest));
    assert_true(blob_name_is_valid(str_n(longest, BLOB_NAME_MAX)));
    assert_false(blob_name_is_valid(str_n(longest, BLOB_NAME_MAX + 1)));
    assert_false(blob_name_is_valid(str_n("a\0b", 3)));
}

static void
ranges_are_clamped_and_read_in_pieces(void **state)
{
    struct fixture *f = *state;
    static const struct {
        int64_t from, length;
        const char *expected;
    } CASES[] = {{0, -1, "0123456789"}, {3, -1, "3456789"}, {3, 4, "3456"}, {9, 100, "9"},
                 {10, -1, ""},          {50, 2, ""},        {0, 0, ""}};

    assert_int_equal(blob_put(f->store, &f->ctx, STR("digits"), STR("0123456789"), NULL), RC_OK);
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct blob_reader *reader = NULL;
        int64_t size = 0;
        char text[16] = "";
        size_t done = 0;
        size_t n = 0;
        assert_int_equal(blob_read_open(f->store, &f->ctx, STR("digits"), CASES[i].from,
                                        CASES[i].length, &reader, &size),
                         RC_OK);
        assert_int_equal(size, 10);
        do {
            assert_int_equal(blob_read(reader, &f->ctx, text + done, 3, &n), RC_OK);
            done += n;
        } while (n > 0);
        text[done] = '\0';
        assert_string_equal(text, CASES[i].expected);
        blob_read_close(reader);
    }
}

static void
a_long_stream_keeps_its_bytes(void **state)
{
    struct fixture *f = *state;
    struct blob_writer *writer = NULL;
    struct blob_info info;
    struct str got;
    size_t n = 9u << 20; /* more than two windows of the S3 reader */
    char *data = malloc(n);
    char hex[HASH_SHA256_HEX_LEN + 1];

    for (size_t i = 0; i < n; i++) {
        data[i] = (char)((i * 2654435761u) >> 13);
    }
    assert_int_equal(blob_begin(f->store, &f->ctx, &writer), RC_OK);
    for (size_t at = 0; at < n; at += 100000) {
        size_t piece = n - at < 100000 ? n - at : 100000;
        assert_int_equal(blob_write(writer, &f->ctx, str_n(data + at, piece)), RC_OK);
    }
    assert_int_equal(blob_written(writer), n);
    assert_int_equal(blob_commit(writer, &f->ctx, STR_EMPTY, &info), RC_OK);
    hash_sha256_hex(str_n(data, n), hex);
    assert_string_equal(info.sha256, hex);
    assert_string_equal(info.name, hex);
    assert_int_equal(info.size, n);
    assert_int_equal(blob_get(f->store, &f->ctx, str_z(hex), n, &got), RC_OK);
    assert_int_equal(got.n, n);
    assert_memory_equal(got.p, data, n);
    ctx_recover(&f->ctx);
    assert_int_equal(blob_get(f->store, &f->ctx, str_z(hex), n - 1, &got), RC_RESOURCE_EXHAUSTED);
    free(data);
}

static void
many_are_committed_at_once_each_under_its_own_name(void **state)
{
    struct fixture *f = *state;
    struct blob_writer *writers[12] = {NULL};
    struct str suffixes[ARRAY_LEN(writers)];
    struct blob_info infos[ARRAY_LEN(writers)];
    struct str got;

    for (size_t i = 0; i < ARRAY_LEN(writers); i++) {
        /* The last has the bytes of the first, but another owner. */
        struct str bytes = arena_printf(f->ctx.arena, "bytes %zu", i % (ARRAY_LEN(writers) - 1));
        suffixes[i] = i + 1 < ARRAY_LEN(writers) ? STR("-sdk-7") : STR("-sdk-8");
        assert_int_equal(blob_begin(f->store, &f->ctx, &writers[i]), RC_OK);
        assert_int_equal(blob_write(writers[i], &f->ctx, bytes), RC_OK);
    }
    assert_int_equal(blob_commit_owned(writers, ARRAY_LEN(writers), &f->ctx, suffixes, infos),
                     RC_OK);
    for (size_t i = 0; i < ARRAY_LEN(writers); i++) {
        struct str bytes = arena_printf(f->ctx.arena, "bytes %zu", i % (ARRAY_LEN(writers) - 1));
        char name[BLOB_NAME_MAX + 1];
        hash_sha256_hex(bytes, name);
        assert_string_equal(infos[i].sha256, name);
        (void)memcpy(name + HASH_SHA256_HEX_LEN, suffixes[i].p, suffixes[i].n + 1);
        assert_string_equal(infos[i].name, name);
        assert_int_equal(infos[i].size, bytes.n);
        assert_int_equal(blob_get(f->store, &f->ctx, str_z(name), 100, &got), RC_OK);
        assert_true(str_eq(got, bytes));
    }
}

static void
one_that_cannot_be_committed_ends_all_writers(void **state)
{
    struct fixture *f = *state;
    struct blob_writer *writers[2] = {NULL};
    struct str suffixes[2] = {STR("-sdk-7"), STR("/../7")};
    struct blob_info infos[2];

    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(blob_begin(f->store, &f->ctx, &writers[i]), RC_OK);
        assert_int_equal(blob_write(writers[i], &f->ctx, STR("x")), RC_OK);
    }
    assert_int_equal(blob_commit_owned(writers, 2, &f->ctx, suffixes, infos), RC_INVALID_ARGUMENT);
    assert_int_equal(count_files(f->dir), 0);
}

static void
an_aborted_write_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct blob_writer *writer = NULL;
    char hex[HASH_SHA256_HEX_LEN + 1];
    struct str got;

    assert_int_equal(blob_begin(f->store, &f->ctx, &writer), RC_OK);
    assert_int_equal(blob_write(writer, &f->ctx, STR("never seen")), RC_OK);
    blob_abort(writer);
    assert_int_equal(count_files(f->dir), 0);
    hash_sha256_hex(STR("never seen"), hex);
    assert_int_equal(blob_get(f->store, &f->ctx, str_z(hex), 100, &got), RC_NOT_FOUND);
}

/* --- the file store ------------------------------------------------------------------------ */

static void
without_room_a_put_fails_clearly_and_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct rlimit old;
    struct rlimit small = {.rlim_cur = 64 * 1024};
    size_t n = 256 * 1024;
    char *data = calloc(1, n);

    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small.rlim_max = old.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum rc rc = blob_put(f->store, &f->ctx, STR("big"), str_n(data, n), NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(rc, RC_RESOURCE_EXHAUSTED);
    assert_string_equal(f->ctx.err.reason, "DISK_FULL");
    assert_int_equal(count_files(f->dir), 0);
    free(data);
}

static void
leftovers_of_a_crash_are_swept_when_old(void **state)
{
    struct fixture *f = *state;
    char path[128];
    char url[128];
    struct utimbuf old = {.actime = 1000, .modtime = 1000};

    for (int i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof(path), "%s/deep/store/tmp/left%d", f->dir, i);
        int fd = open(path, O_CREAT | O_WRONLY, 0600);
        assert_true(fd >= 0);
        close(fd);
        assert_int_equal(i == 0 ? utime(path, &old) : 0, 0);
    }
    blob_close(f->store);
    (void)snprintf(url, sizeof(url), "file:%s/deep/store", f->dir);
    f->store = open_store(f, url, "");
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(count_files(f->dir), 1);
}

static void
unusable_urls_are_refused_with_a_cause(void **state)
{
    static const char *const BAD[] = {"",
                                      "file:",
                                      "ftp://x",
                                      "s3://",
                                      "s3://?endpoint=http://h",
                                      "s3:///p?endpoint=http://h",
                                      "s3://b?endpoint=h",
                                      "s3://b?endpoint=http://h/path",
                                      "s3://b?zone=1",
                                      "s3://b/../c?endpoint=http://h",
                                      "s3://b?endpoint=http://u@h",
                                      "file:/proc/nowhere/x"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct blob_cfg cfg = {
            .url = str_z(BAD[i]), .access_key = STR("a"), .secret_key = STR("b")};
        struct blob_store *store = NULL;
        const char *why = NULL;
        assert_int_not_equal(blob_open(&cfg, &store, &why), RC_OK);
        assert_null(store);
        assert_non_null(why);
    }
}

/* --- the S3 store -------------------------------------------------------------------------- */

static void
a_wrong_secret_is_refused_by_the_server(void **state)
{
    struct fixture *f = *state;
    char url[128];

    (void)snprintf(url, sizeof(url), "s3://bucket?endpoint=http://127.0.0.1:%d", server_port);
    struct blob_store *bad = open_store(f, url, "wrong");
    assert_int_equal(blob_put(bad, &f->ctx, STR("x"), STR("y"), NULL), RC_UNAVAILABLE);
    assert_string_equal(f->ctx.err.reason, "BLOB_STORE");
    blob_close(bad);
}

static void
a_server_that_is_down_is_unavailable(void **state)
{
    struct fixture *f = *state;
    struct str got;

    struct blob_store *down = open_store(f, "s3://bucket?endpoint=http://127.0.0.1:1", "x");
    assert_int_equal(blob_get(down, &f->ctx, STR("x"), 10, &got), RC_UNAVAILABLE);
    assert_string_equal(f->ctx.err.reason, "BLOB_STORE");
    blob_close(down);
}

static void
objects_lie_below_the_prefix(void **state)
{
    struct fixture *f = *state;
    char url[128];
    struct str got;

    assert_int_equal(blob_put(f->store, &f->ctx, STR("below"), STR("v"), NULL), RC_OK);
    (void)snprintf(url, sizeof(url), "s3://bucket/some?endpoint=http://127.0.0.1:%d", server_port);
    struct blob_store *other = open_store(f, url, SECRET_KEY);
    assert_int_equal(blob_get(other, &f->ctx, STR("below"), 10, &got), RC_NOT_FOUND);
    blob_close(other);
}

#define BOTH(name)                                                                                 \
    {#name " (file)", name, set_up_file, tear_down, NULL},                                         \
    {                                                                                              \
#name " (s3)", name, set_up_s3, tear_down, NULL                                            \
    }
#define FILE_ONLY(name) cmocka_unit_test_setup_teardown(name, set_up_file, tear_down)
#define S3_ONLY(name) cmocka_unit_test_setup_teardown(name, set_up_s3, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(what_was_put_is_got),
        BOTH(an_empty_blob_is_a_blob),
        BOTH(what_is_not_there_is_not_found),
        BOTH(a_deleted_blob_is_gone_and_deleting_again_is_fine),
        BOTH(names_cannot_leave_the_store),
        BOTH(ranges_are_clamped_and_read_in_pieces),
        BOTH(a_long_stream_keeps_its_bytes),
        BOTH(many_are_committed_at_once_each_under_its_own_name),
        BOTH(one_that_cannot_be_committed_ends_all_writers),
        BOTH(an_aborted_write_leaves_nothing),
        FILE_ONLY(without_room_a_put_fails_clearly_and_leaves_nothing),
        FILE_ONLY(leftovers_of_a_crash_are_swept_when_old),
        cmocka_unit_test(unusable_urls_are_refused_with_a_cause),
        S3_ONLY(a_wrong_secret_is_refused_by_the_server),
        S3_ONLY(a_server_that_is_down_is_unavailable),
        S3_ONLY(objects_lie_below_the_prefix),
    };
    return cmocka_run_group_tests(tests, start_s3, stop_s3);
}
