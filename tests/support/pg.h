/* SPDX-License-Identifier: Apache-2.0
 *
 * A private Postgres for one test program: its own cluster in a short temporary directory, reached
 * through a unix socket only, without durability. It starts at the first call and ends with the
 * program, also when that crashes. As root it runs as the user `postgres`.
 *
 * ASSAY_TEST_PG_TEMPLATE names a directory for a ready cluster that is made once and then copied
 * (55 ms instead of 460).
 *
 * A fault of the support itself ends the program: no test goes on without its database. */
#ifndef ASSAY_TESTS_SUPPORT_PG_H
#define ASSAY_TESTS_SUPPORT_PG_H

#include <stdint.h>
#include <sys/types.h>

/* libpq URI of an ordinary role that may create schemas: policies bind it. */
const char *pg_support_uri(void);
/* The superuser's. */
const char *pg_support_admin_uri(void);
/* Runs SQL as the superuser; the second form returns the only number of the answer. */
void pg_support_exec(const char *sql);
int64_t pg_support_i64(const char *sql);
/* Ends every other client connection of the ordinary role; returns how many. */
int64_t pg_support_terminate_all(void);
/* Stops the server at once (as a crash would) / starts it again. */
void pg_support_stop(void);
void pg_support_start(void);
/* Process id of the server. */
pid_t pg_support_pid(void);

#endif
