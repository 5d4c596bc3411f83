/* SPDX-License-Identifier: Apache-2.0
 *
 *     sqlgen NAME DIR OUT    DIR/queries*.sql and DIR/NNNN_*.sql into OUT/NAME_sql.{h,c} */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sqlgen.h"

#define FILE_BYTES_MAX (16 << 20)
#define ARENA_BYTES_MAX (256 << 20)

static bool
read_file(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        perror(path);
        return false;
    }
    char block[4096];
    size_t n;
    while ((n = fread(block, 1, sizeof(block), f)) > 0) {
        buf_put(out, str_n(block, n));
    }
    bool ok = ferror(f) == 0 && !buf_failed(out);
    if (memchr(out->p != NULL ? out->p : "", '\0', out->n) != NULL) {
        fprintf(stderr, "%s: holds a NUL\n", path);
        ok = false;
    }
    return fclose(f) == 0 && ok;
}

static bool
write_file(struct arena *arena, const char *dir, const char *name, const char *suffix,
           const struct buf *text)
{
    const char *path = arena_printf(arena, "%s/%s%s", dir, name, suffix).p;
    FILE *f = fopen(path, "wb");
    if (f == NULL) {
        perror(path);
        return false;
    }
    bool ok = !buf_failed(text) && fwrite(text->p, 1, text->n, f) == text->n;
    return fclose(f) == 0 && ok;
}

static bool
add_file(struct sql_set *set, const char *dir, const char *name)
{
    if (!str_ends(str_z(name), STR(".sql"))) {
        return true;
    }
    const char *path = arena_printf(set->arena, "%s/%s", dir, name).p;
    struct buf text;
    buf_init(&text, FILE_BYTES_MAX);
    bool ok = read_file(path, &text);
    if (ok && str_starts(str_z(name), STR("queries"))) {
        ok = queries_parse(set, path, buf_str(&text));
    } else if (ok) {
        ok = migration_add(set, name, buf_str(&text));
    }
    buf_fini(&text);
    return ok;
}

static bool
read_dir(struct sql_set *set, const char *path)
{
    struct dirent **files = NULL;
    int n = scandir(path, &files, NULL, alphasort); /* the same numbers on every machine */
    if (n < 0) {
        perror(path);
        return false;
    }
    bool ok = true;
    for (int i = 0; i < n; i++) {
        ok = ok && add_file(set, path, files[i]->d_name);
        free(files[i]);
    }
    free(files);
    return ok && migrations_check(set, path);
}

static bool
write_both(const struct sql_set *set, const char *name, const char *out)
{
    struct buf header;
    struct buf source;
    buf_init(&header, FILE_BYTES_MAX);
    buf_init(&source, 8 * (size_t)FILE_BYTES_MAX);
    sql_write_header(set, name, &header);
    sql_write_source(set, name, &source);
    bool ok = write_file(set->arena, out, name, "_sql.h", &header) &&
              write_file(set->arena, out, name, "_sql.c", &source);
    buf_fini(&header);
    buf_fini(&source);
    return ok;
}

int
main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("usage: sqlgen NAME DIR OUT\n", stderr);
        return 3;
    }
    struct sql_set set = {.arena = arena_new(ARENA_BYTES_MAX)};
    bool ok = set.arena != NULL && read_dir(&set, argv[2]) && write_both(&set, argv[1], argv[3]);
    arena_free(set.arena);
    return ok ? 0 : 1;
}
