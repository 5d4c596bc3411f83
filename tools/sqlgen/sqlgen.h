/* SPDX-License-Identifier: Apache-2.0
 *
 * services/<svc>/sql/queries.sql, or queries_<subject>.sql where they are many, and NNNN_name.sql
 * into <svc>_sql.h and <svc>_sql.c: constants Q_NAME, the texts of the statements with their number
 * of parameters, the migrations in order.
 *
 * A statement starts at `-- name: suite_by_id` and ends before the next one; other comment lines
 * are left out of its text. Statements are one command each, without the final semicolon. */
#ifndef ASSAY_TOOLS_SQLGEN_H
#define ASSAY_TOOLS_SQLGEN_H

#include "base/arena.h"
#include "base/buf.h"

struct query {
    const char *name; /* lower snake case */
    struct str sql;
    int params; /* highest $n */
    int line;
};

struct migration {
    int version;
    const char *name; /* "0001_start" */
    struct str sql;
};

struct sql_set {
    struct arena *arena;
    struct query *queries;
    size_t query_count;
    size_t file_first; /* of the file under way, an index */
    struct migration *migrations;
    size_t migration_count;
};

/* Adds the statements of one file. `file` is for messages, which go to stderr. */
bool queries_parse(struct sql_set *set, const char *file, struct str text);
/* Highest $n outside of quotes, dollar quotes and comments; -1 when one between 1 and it is never
 * used. */
int sql_params(struct str sql);
/* Adds a migration; its name must be NNNN_name.sql. */
bool migration_add(struct sql_set *set, const char *file_name, struct str text);
/* Orders migrations and refuses gaps and doubles. */
bool migrations_check(struct sql_set *set, const char *dir);
void sql_write_header(const struct sql_set *set, const char *name, struct buf *out);
void sql_write_source(const struct sql_set *set, const char *name, struct buf *out);

#endif
