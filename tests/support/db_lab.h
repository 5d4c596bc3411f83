/* SPDX-License-Identifier: Apache-2.0
 *
 * A service's database without its process, for tests and benches. */
#ifndef ASSAY_TESTS_DB_LAB_H
#define ASSAY_TESTS_DB_LAB_H

#include "common_sql.h"

/* Initializes a struct db_cfg: schema, statements and migrations of `service` (a bare word whose
 * x_sql.h is included) and those that all services have, at `where`. */
#define DB_LAB_CFG(service, where)                                                                 \
    {                                                                                              \
        .uri = (where), .schema = #service, .app = #service "_lab", .queries = service##_queries,  \
        .query_count = service##_query_count, .migrations = service##_migrations,                  \
        .migration_count = service##_migration_count, .common_queries = common_queries,            \
        .common_query_count = common_query_count, .common_migrations = common_migrations,          \
        .common_migration_count = common_migration_count                                           \
    }

#endif
