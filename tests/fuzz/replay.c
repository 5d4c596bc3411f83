/* SPDX-License-Identifier: Apache-2.0
 *
 * replay_X [DIR]: runs fuzz target X over every file of DIR (tests/fuzz/corpus/X, from the root of
 * the repository) and prints how many there were. Fails when there is none, or on a file it cannot
 * read. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX (1024 * 1024)
#define CORPUS "tests/fuzz/corpus"

/* Runs one file from a copy of its exact size, so that a sanitizer sees a read past the end. */
static int
replay_file(const char *path)
{
    static uint8_t bytes[FILE_BYTES_MAX + 1];
    FILE *file = fopen(path, "rb");

    if (file == NULL) {
        return -1;
    }
    size_t n = fread(bytes, 1, sizeof(bytes), file);
    int failed = ferror(file) != 0 || n > FILE_BYTES_MAX;
    (void)fclose(file);
    uint8_t *copy = failed ? NULL : malloc(n + (n == 0));
    if (copy == NULL) {
        return -1;
    }
    memcpy(copy, bytes, n);
    int rc = LLVMFuzzerTestOneInput(copy, n);
    free(copy);
    return rc;
}

static int
replay_dir(const char *dir)
{
    char path[4096];
    int count = 0;
    DIR *d = opendir(dir);

    if (d == NULL) {
        (void)fprintf(stderr, "no corpus in %s\n", dir);
        return -1;
    }
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (e->d_name[0] == '.') {
            continue;
        }
        int n = snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        if (n < 0 || (size_t)n >= sizeof(path) || replay_file(path) != 0) {
            (void)fprintf(stderr, "cannot replay %s\n", path);
            (void)closedir(d);
            return -1;
        }
        count++;
    }
    (void)closedir(d);
    return count;
}

int
main(int argc, char **argv)
{
    char dir[4096];
    const char *base = strrchr(argv[0], '/');
    const char *name = strstr(base == NULL ? argv[0] : base, "replay_");

    if (argc < 2 && name == NULL) {
        (void)fprintf(stderr, "usage: replay_X, or %s DIR\n", argv[0]);
        return 2;
    }
    (void)snprintf(dir, sizeof(dir), "%s%s", argc < 2 ? CORPUS "/" : "",
                   argc < 2 ? name + strlen("replay_") : argv[1]);
    int count = replay_dir(dir);
    if (count <= 0) {
        (void)fprintf(stderr, "nothing replayed from %s\n", dir);
        return 1;
    }
    (void)printf("%d files of %s replayed\n", count, dir);
    return 0;
}
