/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>

#include "common/ctext.h"
#include "sqlgen.h"

static void
put_upper(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        buf_putc(out, (char)toupper((unsigned char)*text));
    }
}

static void
put_constants(const struct sql_set *set, const char *name, struct buf *out)
{
    if (set->query_count == 0) {
        return;
    }
    buf_printf(out, "enum %s_query {\n", name);
    for (size_t i = 0; i < set->query_count; i++) {
        buf_putz(out, "    Q_");
        put_upper(out, set->queries[i].name);
        buf_printf(out, " = %zu,\n", i);
    }
    buf_putz(out, "};\n\n");
}

void
sql_write_header(const struct sql_set *set, const char *name, struct buf *out)
{
    buf_putz(out, "/* Made by tools/sqlgen. Not to be edited. */\n#ifndef ASSAY_GEN_SQL_");
    put_upper(out, name);
    buf_putz(out, "\n#define ASSAY_GEN_SQL_");
    put_upper(out, name);
    buf_putz(out, "\n\n#include \"db/db.h\"\n\n");
    put_constants(set, name, out);
    buf_putz(out, "enum { ");
    put_upper(out, name);
    buf_printf(out, "_QUERY_COUNT = %zu, ", set->query_count);
    put_upper(out, name);
    buf_printf(out, "_MIGRATION_COUNT = %zu };\n", set->migration_count);
    buf_printf(out,
               "extern const struct db_query_def %s_queries[];\n"
               "extern const size_t %s_query_count;\n"
               "extern const struct db_migration %s_migrations[];\n"
               "extern const size_t %s_migration_count;\n\n#endif\n",
               name, name, name, name);
}

static void
put_query(const struct query *q, struct buf *out)
{
    buf_printf(out, "    {\"%s\",\n", q->name);
    put_c_block(out, q->sql.p, q->sql.n);
    buf_printf(out, ",\n     %d},\n", q->params);
}

static void
put_migration(const struct migration *m, struct buf *out)
{
    buf_printf(out, "    {%d, \"%s\",\n", m->version, m->name);
    put_c_block(out, m->sql.p, m->sql.n);
    buf_putz(out, "},\n");
}

void
sql_write_source(const struct sql_set *set, const char *name, struct buf *out)
{
    buf_printf(out, "/* Made by tools/sqlgen. Not to be edited. */\n#include \"%s_sql.h\"\n\n",
               name);
    buf_printf(out, "const struct db_query_def %s_queries[] = {\n", name);
    for (size_t i = 0; i < set->query_count; i++) {
        put_query(&set->queries[i], out);
    }
    buf_putz(out, set->query_count == 0 ? "    {0},\n};\n" : "};\n");
    buf_printf(out, "const size_t %s_query_count = %zu;\n\n", name, set->query_count);
    buf_printf(out, "const struct db_migration %s_migrations[] = {\n", name);
    for (size_t i = 0; i < set->migration_count; i++) {
        put_migration(&set->migrations[i], out);
    }
    buf_putz(out, set->migration_count == 0 ? "    {0},\n};\n" : "};\n");
    buf_printf(out, "const size_t %s_migration_count = %zu;\n", name, set->migration_count);
}
