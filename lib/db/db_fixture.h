/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of lib/db share: statements and migrations of a toy on a real Postgres. Everything
 * is static. */
#ifndef ASSAY_DB_FIXTURE_H
#define ASSAY_DB_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#undef fail

#include "db/db.h"
#include "tests/support/pg.h"

enum {
    Q_PUT,
    Q_ALL,
    Q_SLEEP,
    Q_ECHO,
    Q_ARRAYS,
    Q_PID,
    Q_PUT_CHILD,
    Q_ORG,
    Q_COUNT_ALL,
    Q_BROKEN_TIME,
    Q_END
};

static const struct db_query_def QUERIES[] = {
    [Q_PUT] = {"put", "INSERT INTO things (org_id, name) VALUES ($1, $2) RETURNING id", 2},
    [Q_ALL] = {"all", "SELECT name FROM things ORDER BY id", 0},
    [Q_SLEEP] = {"sleep", "SELECT pg_sleep($1)", 1},
    [Q_ECHO] = {"echo",
                "SELECT $1::bigint, $2::float8, $3::bool, $4::text, $5::bytea,"
                " $6::timestamptz, $7::text",
                7},
    [Q_ARRAYS] = {"arrays", "SELECT $1::text[], $2::bigint[]", 2},
    [Q_PID] = {"pid", "SELECT pg_backend_pid()", 0},
    [Q_PUT_CHILD] = {"put_child", "INSERT INTO children (thing) VALUES ($1)", 1},
    [Q_ORG] = {"org", "SELECT current_setting('assay.org_id')", 0},
    [Q_COUNT_ALL] = {"count_all", "SELECT count(*) FROM things", 0},
    [Q_BROKEN_TIME] = {"broken_time", "SELECT $1::text::timestamptz", 1},
};

static const struct db_query_def COMMON[] = {{"one", "SELECT 41 + $1::int", 1}};

static const struct db_migration COMMON_MIGRATIONS[] = {
    {1, "0001_wall",
     "CREATE FUNCTION org_ok(o bigint) RETURNS boolean LANGUAGE sql STABLE AS "
     "$$ SELECT coalesce(nullif(current_setting('assay.org_id', true), ''), '0')::bigint"
     " IN (0, o) $$;"
     "CREATE FUNCTION org_now() RETURNS bigint LANGUAGE sql STABLE AS "
     "$$ SELECT coalesce(nullif(current_setting('assay.org_id', true), ''), '0')::bigint $$"}};

static const struct db_migration MIGRATIONS[] = {
    {1, "0001_things",
     "CREATE TABLE things (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
     " org_id bigint NOT NULL, name text NOT NULL CONSTRAINT name_free UNIQUE,"
     " CONSTRAINT name_short CHECK (length(name) < 20));"
     "CREATE TABLE children (thing bigint CONSTRAINT child_of REFERENCES things"
     " DEFERRABLE INITIALLY DEFERRED);"
     "ALTER TABLE things ENABLE ROW LEVEL SECURITY;"
     "ALTER TABLE things FORCE ROW LEVEL SECURITY;"
     "CREATE POLICY tenant ON things USING ((SELECT org_now()) = ANY (ARRAY[0, org_id]))"
     " WITH CHECK (org_ok(org_id))"},
    {2, "0002_more", "SELECT pg_sleep(0.05); ALTER TABLE things ADD COLUMN more text"},
};

struct fixture {
    struct db *db;
    struct arena *arena;
    struct ctx ctx;
};

UNUSED static struct db_cfg
make_cfg(void)
{
    return (struct db_cfg){.uri = pg_support_uri(),
                           .schema = "toy",
                           .app = "db_test",
                           .queries = QUERIES,
                           .query_count = Q_END,
                           .migrations = MIGRATIONS,
                           .migration_count = ARRAY_LEN(MIGRATIONS),
                           .common_queries = COMMON,
                           .common_query_count = 1,
                           .common_migrations = COMMON_MIGRATIONS,
                           .common_migration_count = 1};
}

UNUSED static void
fresh_ctx(struct fixture *f)
{
    arena_reset(f->arena);
    ctx_init(&f->ctx, f->arena);
    f->ctx.deadline_us = clk_wall_us() + 60 * ASSAY_US_PER_S;
}

UNUSED static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct db_cfg cfg = make_cfg();

    pg_support_exec("DROP SCHEMA IF EXISTS toy CASCADE");
    f->arena = arena_new(4 << 20);
    fresh_ctx(f);
    *state = f;
    return db_open(&cfg, &f->db) != RC_OK || db_migrate(f->db, &f->ctx) != RC_OK;
}

UNUSED static int
tear_down(void **state)
{
    struct fixture *f = *state;

    db_close(f->db);
    arena_free(f->arena);
    free(f);
    return 0;
}

UNUSED static enum rc
put(struct fixture *f, const char *name)
{
    return DB_QUERY(f->db, &f->ctx, Q_PUT, NULL, DB_ARG_I64(1), DB_ARG_Z(name));
}

UNUSED static int64_t
stored(void)
{
    return pg_support_i64("SELECT count(*) FROM toy.things");
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
