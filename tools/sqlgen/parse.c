/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sqlgen.h"

static void *
append(struct arena *arena, const void *items, size_t count, size_t size)
{
    char *grown = arena_zalloc(arena, count + 1, size);
    ASSERT(grown != NULL);
    if (count > 0) {
        memcpy(grown, items, count * size);
    }
    return grown;
}

/* --- queries ------------------------------------------------------------------------------- */

static bool
is_name(struct str name)
{
    bool ok = name.n > 0;
    for (size_t i = 0; i < name.n; i++) {
        ok = ok &&
             ((name.p[i] >= 'a' && name.p[i] <= 'z') || name.p[i] == '_' || ch_is_digit(name.p[i]));
    }
    return ok;
}

/* "-- name: x"; false for any other line. */
static bool
takes_name(struct str line, struct str *out)
{
    struct str rest = str_trim(line);
    if (!str_starts(rest, STR("--"))) {
        return false;
    }
    rest = str_trim(str_sub(rest, 2, rest.n));
    if (!str_starts(rest, STR("name:"))) {
        return false;
    }
    *out = str_trim(str_sub(rest, 5, rest.n));
    return true;
}

static bool
start_query(struct sql_set *set, const char *file, int line, struct str name)
{
    if (!is_name(name)) {
        fprintf(stderr, "%s:%d: name \"%.*s\" is not lower snake case\n", file, line,
                STR_ARG(name));
        return false;
    }
    for (size_t i = 0; i < set->query_count; i++) {
        if (str_eqz(name, set->queries[i].name)) {
            fprintf(stderr, "%s:%d: %s stands already in line %d\n", file, line,
                    set->queries[i].name, set->queries[i].line);
            return false;
        }
    }
    set->queries = append(set->arena, set->queries, set->query_count, sizeof(struct query));
    struct query *q = &set->queries[set->query_count++];
    q->name = arena_strz(set->arena, name);
    q->line = line;
    return true;
}

static bool
finish_query(struct sql_set *set, const char *file, struct buf *text)
{
    if (set->query_count == set->file_first) {
        return true;
    }
    struct query *q = &set->queries[set->query_count - 1];
    struct str sql = str_trim(buf_str(text));
    while (sql.n > 0 && (sql.p[sql.n - 1] == ';' || ch_is_space(sql.p[sql.n - 1]))) {
        sql.n--;
    }
    q->sql = arena_str(set->arena, sql);
    q->params = sql_params(q->sql);
    buf_clear(text);
    if (q->sql.n == 0) {
        fprintf(stderr, "%s:%d: %s is empty\n", file, q->line, q->name);
        return false;
    }
    if (q->params < 0) {
        fprintf(stderr, "%s:%d: %s: parameters must be $1, $2, ... without gaps\n", file, q->line,
                q->name);
        return false;
    }
    return true;
}

static bool
take_line(struct sql_set *set, const char *file, int number, struct str line, struct buf *text)
{
    struct str name;
    if (takes_name(line, &name)) {
        return finish_query(set, file, text) && start_query(set, file, number, name);
    }
    struct str bare = str_trim(line);
    if (bare.n == 0 || str_starts(bare, STR("--"))) {
        return true;
    }
    if (set->query_count == set->file_first) {
        fprintf(stderr, "%s:%d: text before the first `-- name:`\n", file, number);
        return false;
    }
    buf_put(text, line);
    buf_putc(text, '\n');
    return true;
}

bool
queries_parse(struct sql_set *set, const char *file, struct str text)
{
    struct buf sql;
    buf_init(&sql, 1 << 20);
    bool ok = true;
    int line = 0;
    set->file_first = set->query_count;
    while (ok && text.p != NULL) {
        ok = take_line(set, file, ++line, str_split(&text, '\n'), &sql);
    }
    ok = ok && finish_query(set, file, &sql) && !buf_failed(&sql);
    buf_fini(&sql);
    return ok;
}

/* --- migrations ---------------------------------------------------------------------------- */

bool
migration_add(struct sql_set *set, const char *file_name, struct str text)
{
    struct str base = str_z(file_name);
    base.n -= strlen(".sql");
    int64_t version;
    if (base.n < 6 || base.p[4] != '_' || !is_name(str_sub(base, 5, base.n)) ||
        str_to_i64(str_sub(base, 0, 4), 1, 9999, &version) != RC_OK) {
        fprintf(stderr, "%s: a migration is called NNNN_name.sql\n", file_name);
        return false;
    }
    set->migrations =
        append(set->arena, set->migrations, set->migration_count, sizeof(struct migration));
    set->migrations[set->migration_count++] = (struct migration){
        .version = (int)version,
        .name = arena_strz(set->arena, base),
        .sql = arena_str(set->arena, text),
    };
    return true;
}

static int
by_version(const void *a, const void *b)
{
    const struct migration *x = a;
    const struct migration *y = b;
    return (x->version > y->version) - (x->version < y->version);
}

bool
migrations_check(struct sql_set *set, const char *dir)
{
    if (set->migration_count > 0) {
        qsort(set->migrations, set->migration_count, sizeof(struct migration), by_version);
    }
    for (size_t i = 0; i < set->migration_count; i++) {
        if (set->migrations[i].version != (int)i + 1) {
            fprintf(stderr, "%s: expected migration %04zu, found %s\n", dir, i + 1,
                    set->migrations[i].name);
            return false;
        }
    }
    return true;
}
