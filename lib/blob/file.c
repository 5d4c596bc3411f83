/* SPDX-License-Identifier: Apache-2.0
 *
 * Files below one folder: DIR/ab/cd/NAME, where abcd are the first digits of the SHA-256 of the
 * name, and DIR/tmp for what is not finished. A put is a rename, after the bytes are on the disk.
 */
#include "blob/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/id.h"
#include "blob/sync.h"

#define FILE_MODE 0640
#define DIR_MODE 0750
#define STALE_S 86400

struct file_store {
    char *dir;
    bool no_fsync;
};

/* Makes `path` and its parents. errno tells why on false. */
static bool
make_dirs(const char *path)
{
    char copy[PATH_MAX];
    size_t n = strlen(path);

    if (n == 0 || n >= sizeof(copy)) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(copy, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (copy[i] == '/' || copy[i] == '\0') {
            char kept = copy[i];
            copy[i] = '\0';
            if (mkdir(copy, DIR_MODE) != 0 && errno != EEXIST) {
                return false;
            }
            copy[i] = kept;
        }
    }
    return true;
}

/* Removes what a crash left unfinished long ago. */
static void
sweep_tmp(const char *tmp)
{
    DIR *dir = opendir(tmp);
    struct dirent *entry;
    struct stat st;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.' && fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 &&
            S_ISREG(st.st_mode) && st.st_mtime < time(NULL) - STALE_S) {
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
}

static void
file_close(void *impl)
{
    struct file_store *fs = impl;

    free(fs->dir);
    free(fs);
}

enum rc
blob_file_open(const struct blob_cfg *cfg, struct str dir, void **out, const char **out_why)
{
    char tmp[PATH_MAX];

    *out_why = "the folder of the store is missing or its name too long";
    if (dir.n == 0 || dir.n > PATH_MAX - BLOB_NAME_MAX - 64 || memchr(dir.p, '\0', dir.n) != NULL) {
        return RC_INVALID_ARGUMENT;
    }
    (void)snprintf(tmp, sizeof(tmp), "%.*s/tmp", STR_ARG(dir));
    *out_why = "the folder of the store cannot be made or written";
    if (!make_dirs(tmp) || access(tmp, W_OK | X_OK) != 0) {
        return RC_FAILED_PRECONDITION;
    }
    sweep_tmp(tmp);
    struct file_store *fs = calloc(1, sizeof(*fs));
    char *copy = strndup(dir.p, dir.n);
    if (fs == NULL || copy == NULL) {
        free(fs);
        free(copy);
        *out_why = "out of memory";
        return RC_RESOURCE_EXHAUSTED;
    }
    fs->dir = copy;
    fs->no_fsync = cfg->no_fsync;
    *out = fs;
    return RC_OK;
}

static void
path_of(const struct file_store *fs, struct str name, char out[PATH_MAX])
{
    char hex[HASH_SHA256_HEX_LEN + 1];

    hash_sha256_hex(name, hex);
    (void)snprintf(out, PATH_MAX, "%s/%.2s/%.2s/%.*s", fs->dir, hex, hex + 2, STR_ARG(name));
}

static enum rc
file_spool(void *impl, struct ctx *ctx, struct blob_spool *spool)
{
    const struct file_store *fs = impl;
    char uuid[ID_UUID_LEN + 1];
    char path[PATH_MAX];

    id_uuid(uuid);
    (void)snprintf(path, sizeof(path), "%s/tmp/%s", fs->dir, uuid);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (fd < 0) {
        return blob_io_fail(ctx, "open", errno);
    }
    spool->fd = fd;
    spool->path = strdup(path);
    if (spool->path == NULL) {
        (void)unlink(path);
        return blob_io_fail(ctx, "strdup", ENOMEM);
    }
    return RC_OK;
}

/* Cuts the last name off. */
static void
cut_last(char *path)
{
    char *slash = strrchr(path, '/');

    ASSERT(slash != NULL);
    *slash = '\0';
}

/* DIR/ab/cd of DIR/ab/cd/NAME. The store's own folder is there since it was opened. */
static bool
make_fan_out(const char *file)
{
    char inner[PATH_MAX];
    char outer[PATH_MAX];

    memcpy(inner, file, strlen(file) + 1);
    cut_last(inner);
    memcpy(outer, inner, strlen(inner) + 1);
    cut_last(outer);
    return (mkdir(outer, DIR_MODE) == 0 || errno == EEXIST) &&
           (mkdir(inner, DIR_MODE) == 0 || errno == EEXIST);
}

static bool
move_into_place(const char *from, const char *to, bool *out_made_dirs)
{
    *out_made_dirs = false;
    if (rename(from, to) == 0) {
        return true;
    }
    *out_made_dirs = errno == ENOENT; /* or somebody beside us did, and has not flushed them yet */
    return errno == ENOENT && make_fan_out(to) && rename(from, to) == 0;
}

static int
by_path(const void *a, const void *b)
{
    const struct blob_sync *p = a;
    const struct blob_sync *q = b;

    return strcmp(p->path, q->path);
}

/* The folder `dir`, once more on the list. False without memory. */
static bool
add_folder(struct arena *arena, struct blob_sync *items, size_t *n, const char *dir)
{
    const char *copy = arena_strz(arena, str_z(dir));

    items[(*n)++] = (struct blob_sync){.fd = -1, .path = copy};
    return copy != NULL;
}

static size_t
keep_different(struct blob_sync *items, size_t n)
{
    size_t kept = 0;

    qsort(items, n, sizeof(*items), by_path);
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || by_path(&items[kept - 1], &items[i]) != 0) {
            items[kept++] = items[i];
        }
    }
    return kept;
}

/* A name is durable when its folder is; folders that were made now, when their parents are. */
static int
sync_names(const struct file_store *fs, struct arena *arena, const struct blob_named *files,
           const bool *made_dirs, size_t n)
{
    struct blob_sync *items = ARENA_ARRAY(arena, 3 * n, struct blob_sync);
    char dir[PATH_MAX];
    size_t count = 0;
    bool ok = items != NULL;

    for (size_t i = 0; ok && i < n; i++) {
        path_of(fs, files[i].name, dir);
        cut_last(dir);
        ok = add_folder(arena, items, &count, dir);
        if (ok && made_dirs[i]) {
            cut_last(dir);
            ok = add_folder(arena, items, &count, dir) && add_folder(arena, items, &count, fs->dir);
        }
    }
    return ok ? blob_sync_all(items, keep_different(items, count)) : ENOMEM;
}

/* The bytes of all are on their way before any is waited for, so that the file system commits them
 * together: one write of its journal, not one per file. */
static int
sync_bytes(struct arena *arena, const struct blob_named *files, size_t n)
{
    struct blob_sync *items = ARENA_ARRAY(arena, n, struct blob_sync);

    if (items == NULL) {
        return ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        items[i] = (struct blob_sync){.fd = files[i].spool->fd};
        if (n > 1) {
            (void)sync_file_range(items[i].fd, 0, 0, SYNC_FILE_RANGE_WRITE); /* a hint */
        }
    }
    return blob_sync_all(items, n);
}

static enum rc
file_publish(void *impl, struct ctx *ctx, const struct blob_named *files, size_t n)
{
    const struct file_store *fs = impl;
    char path[PATH_MAX];
    bool *made_dirs = ARENA_ARRAY(ctx->arena, n, bool);

    if (made_dirs == NULL) {
        return blob_io_fail(ctx, "publish", ENOMEM);
    }
    int error = fs->no_fsync ? 0 : sync_bytes(ctx->arena, files, n);
    if (error != 0) {
        return blob_io_fail(ctx, "fsync", error);
    }
    for (size_t i = 0; i < n; i++) {
        struct blob_spool *spool = files[i].spool;
        path_of(fs, files[i].name, path);
        if (!move_into_place(spool->path, path, &made_dirs[i])) {
            return blob_io_fail(ctx, "rename", errno);
        }
        free(spool->path);
        spool->path = NULL;
    }
    error = fs->no_fsync ? 0 : sync_names(fs, ctx->arena, files, made_dirs, n);
    return error == 0 ? RC_OK : blob_io_fail(ctx, "fsync of the folder", error);
}

static enum rc
file_open(void *impl, struct ctx *ctx, struct str name, struct blob_range *range, int64_t *out_size)
{
    char path[PATH_MAX];
    struct stat st;

    path_of(impl, name, path);
    range->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (range->fd < 0) {
        return errno == ENOENT ? blob_not_found(ctx, name) : blob_io_fail(ctx, "open", errno);
    }
    if (fstat(range->fd, &st) != 0) {
        return blob_io_fail(ctx, "fstat", errno);
    }
    *out_size = st.st_size;
    return RC_OK;
}

static enum rc
file_read(void *impl, struct ctx *ctx, struct blob_range *range, void *to, size_t n, size_t *out_n)
{
    ssize_t got;

    (void)impl;
    do {
        got = pread(range->fd, to, n, range->at);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return blob_io_fail(ctx, "read", errno);
    }
    *out_n = (size_t)got;
    return RC_OK;
}

static enum rc
file_remove(void *impl, struct ctx *ctx, struct str name)
{
    char path[PATH_MAX];

    path_of(impl, name, path);
    return unlink(path) == 0 || errno == ENOENT ? RC_OK : blob_io_fail(ctx, "unlink", errno);
}

const struct blob_ops blob_file_ops = {
    .close = file_close,
    .spool = file_spool,
    .publish = file_publish,
    .open = file_open,
    .read = file_read,
    .remove = file_remove,
};
