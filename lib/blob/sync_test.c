/* SPDX-License-Identifier: Apache-2.0
 *
 * What is flushed, and when: fsync and rename of this program are ours. */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/ctx.h"
#include "blob/blob.h"
#include "blob/sync.h"
#include "tests/support/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define OPS_MAX 256

enum kind { BYTES, RENAME, FOLDER };

static struct {
    pthread_mutex_t lock;
    size_t n;
    struct {
        enum kind kind;
        char path[PATH_MAX];
    } ops[OPS_MAX];
    int fail_after; /* flushes; -1: none fails */
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void
note_op(enum kind kind, const char *path)
{
    assert_true(disk.n < OPS_MAX);
    disk.ops[disk.n].kind = kind;
    (void)snprintf(disk.ops[disk.n++].path, PATH_MAX, "%s", path);
}

int fsync(int fd);
int
fsync(int fd)
{
    char link[64];
    char path[PATH_MAX] = "";
    struct stat st = {0};

    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    (void)!readlink(link, path, sizeof(path) - 1);
    (void)fstat(fd, &st);
    (void)pthread_mutex_lock(&disk.lock);
    note_op(S_ISDIR(st.st_mode) ? FOLDER : BYTES, path);
    bool fails = disk.fail_after == 0;
    disk.fail_after -= disk.fail_after >= 0;
    (void)pthread_mutex_unlock(&disk.lock);
    errno = EIO;
    return fails ? -1 : 0;
}

int rename(const char *from, const char *to);
int
rename(const char *from, const char *to)
{
    long rc = syscall(SYS_renameat2, -100, from, -100, to, 0);

    if (rc == 0) {
        (void)pthread_mutex_lock(&disk.lock);
        note_op(RENAME, to);
        (void)pthread_mutex_unlock(&disk.lock);
    }
    return (int)rc;
}

/* How many flushes of `kind` there were of `path`. */
static int
flushes(enum kind kind, const char *path)
{
    int n = 0;

    for (size_t i = 0; i < disk.n; i++) {
        n += disk.ops[i].kind == kind && strcmp(disk.ops[i].path, path) == 0;
    }
    return n;
}

struct fixture {
    char place[PLACE_MAX];
    char dir[PATH_MAX]; /* the same without links */
    struct blob_store *store;
    struct arena *arena;
    struct ctx ctx;
};

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char url[PATH_MAX + 8];
    const char *why = NULL;

    assert_non_null(f);
    place_make(f->place, "blob-sync");
    assert_non_null(realpath(f->place, f->dir));
    (void)snprintf(url, sizeof(url), "file:%s", f->dir);
    struct blob_cfg cfg = {.url = str_z(url)};
    assert_int_equal(blob_open(&cfg, &f->store, &why), RC_OK);
    f->arena = arena_new((size_t)1 << 20);
    ctx_init(&f->ctx, f->arena);
    disk.n = 0;
    disk.fail_after = -1;
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    blob_close(f->store);
    arena_free(f->arena);
    (void)place_remove(f->place);
    free(f);
    return 0;
}

#define MANY 20

static enum rc
commit_many(struct fixture *f)
{
    struct blob_writer *writers[MANY] = {NULL};
    struct str suffixes[MANY];
    struct blob_info infos[MANY];

    for (size_t i = 0; i < MANY; i++) {
        suffixes[i] = STR("-sdk-7");
        assert_int_equal(blob_begin(f->store, &f->ctx, &writers[i]), RC_OK);
        assert_int_equal(
            blob_write(writers[i], &f->ctx, arena_printf(f->ctx.arena, "bytes %zu", i)), RC_OK);
    }
    return blob_commit_owned(writers, MANY, &f->ctx, suffixes, infos);
}

static void
names_come_when_all_bytes_are_on_the_disk_and_are_flushed_themselves(void **state)
{
    struct fixture *f = *state;
    size_t count[3] = {0};

    assert_int_equal(commit_many(f), RC_OK);
    for (size_t i = 0; i < disk.n; i++) {
        enum kind kind = disk.ops[i].kind;
        assert_int_equal(count[RENAME], kind == BYTES ? 0 : kind == FOLDER ? MANY : count[RENAME]);
        assert_int_equal(count[BYTES], kind == BYTES ? count[BYTES] : MANY);
        count[kind]++;
        if (kind == RENAME) {
            char *path = disk.ops[i].path;
            for (int up = 0; up < 3; up++) { /* DIR/ab/cd/NAME: all of it is new */
                *strrchr(path, '/') = '\0';
                assert_int_equal(flushes(FOLDER, path), 1);
            }
        }
    }
    assert_int_equal(count[BYTES], MANY);
    assert_int_equal(count[RENAME], MANY);
}

static void
a_flush_that_fails_gives_nothing_a_name(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < MANY; i += MANY - 1) {
        disk.n = 0;
        disk.fail_after = i;
        assert_int_equal(commit_many(f), RC_INTERNAL);
        assert_string_equal(f->ctx.err.reason, "BLOB_IO");
        ctx_recover(&f->ctx);
        for (size_t k = 0; k < disk.n; k++) {
            assert_int_equal(disk.ops[k].kind, BYTES);
        }
    }
}

static void
a_folder_that_cannot_be_flushed_is_no_success(void **state)
{
    struct fixture *f = *state;

    disk.fail_after = MANY + 3;
    assert_int_equal(commit_many(f), RC_INTERNAL);
}

static void
a_folder_that_is_gone_is_told_among_many(void **state)
{
    struct fixture *f = *state;
    struct blob_sync items[9];
    char gone[PATH_MAX + 8];

    (void)snprintf(gone, sizeof(gone), "%s/gone", f->dir);
    for (size_t i = 0; i < ARRAY_LEN(items); i++) {
        items[i] = (struct blob_sync){.fd = -1, .path = f->dir};
    }
    assert_int_equal(blob_sync_all(items, ARRAY_LEN(items)), 0);
    assert_int_equal(flushes(FOLDER, f->dir), ARRAY_LEN(items));
    for (size_t i = 0; i < ARRAY_LEN(items); i++) {
        items[i].path = gone;
        assert_int_equal(blob_sync_all(items, ARRAY_LEN(items)), ENOENT);
        assert_int_equal(blob_sync_all(&items[i], 1), ENOENT);
        items[i].path = f->dir;
    }
    assert_int_equal(blob_sync_all(items, 0), 0);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(names_come_when_all_bytes_are_on_the_disk_and_are_flushed_themselves),
        T(a_flush_that_fails_gives_nothing_a_name),
        T(a_folder_that_cannot_be_flushed_is_no_success),
        T(a_folder_that_is_gone_is_told_among_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
