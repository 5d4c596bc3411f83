/* SPDX-License-Identifier: Apache-2.0
 *
 * SQLSTATE to code, reason and the client's text, in one table. Source: PostgreSQL 15, appendix A
 */
#include "db/db_int.h"

#include <stdio.h>
#include <string.h>

struct state_row {
    const char *state; /* all five characters, or the class */
    enum rc code;
    const char *reason;
    const char *msg;
};

/* The first match counts. */
static const struct state_row STATES[] = {
    {"23505", RC_ALREADY_EXISTS, "DB_UNIQUE", "it exists already"},
    {"23P01", RC_ALREADY_EXISTS, "DB_EXCLUSION", "it conflicts with an existing one"},
    {"23503", RC_FAILED_PRECONDITION, "DB_FOREIGN_KEY",
     "something it refers to is missing or in use"},
    {"23514", RC_FAILED_PRECONDITION, "DB_CHECK", "a value is not allowed"},
    {"40001", RC_ABORTED, "DB_SERIALIZATION", "a concurrent change came first; try again"},
    {"40P01", RC_ABORTED, "DB_DEADLOCK", "a concurrent change came first; try again"},
    {"55P03", RC_ABORTED, "DB_LOCKED", "it is being changed; try again"},
    {"0A000", RC_ABORTED, "DB_PLAN", "the schema changed meanwhile; try again"},
    {"57014", RC_DEADLINE_EXCEEDED, "DB_TIMEOUT", "the database took too long"},
    {"25006", RC_UNAVAILABLE, "DB_READ_ONLY", "the database is failing over"},
    {"53100", RC_RESOURCE_EXHAUSTED, "DB_DISK_FULL", "the database is out of space"},
    {"53", RC_UNAVAILABLE, "DB_BUSY", "the database is overloaded"},
    {"57P", RC_UNAVAILABLE, "DB_DOWN", "the database is not reachable"},
    {"08", RC_UNAVAILABLE, "DB_DOWN", "the database is not reachable"},
    {"42501", RC_INTERNAL, "DB_POLICY", "internal error"},
    {"", RC_INTERNAL, "DB_ERROR", "internal error"},
};

static const struct state_row *
find_state(const char *state)
{
    size_t i = 0;

    while (!str_starts(str_z(state), str_z(STATES[i].state))) {
        i++;
    }
    return &STATES[i];
}

static const char *
diag(const PGresult *error, int field)
{
    const char *text = PQresultErrorField(error, field);

    return text == NULL ? "" : text;
}

/* The server closes the connection after these. */
bool
db__is_lost(const PGresult *error)
{
    const char *state = diag(error, PG_DIAG_SQLSTATE);

    return str_starts(str_z(state), STR("57P")) || str_starts(str_z(state), STR("08"));
}

enum rc
db__fail_pg(struct db_conn *conn, struct ctx *ctx, const PGresult *error, int stmt)
{
    const char *state = diag(error, PG_DIAG_SQLSTATE);
    const struct state_row *row = find_state(state);

    (void)snprintf(conn->constraint, sizeof conn->constraint, "%s",
                   diag(error, PG_DIAG_CONSTRAINT_NAME));
    /* A standby or a plan that no longer fits: another connection may do better. */
    conn->tainted = conn->tainted || strcmp(state, "25006") == 0 || strcmp(state, "0A000") == 0;
    enum rc rc = fail(ctx, row->code, row->reason, "%s", row->msg);
    note(ctx, "%s: SQLSTATE %s: %s", conn->db->stmts[stmt].name, state,
         diag(error, PG_DIAG_MESSAGE_PRIMARY));
    const char *more = diag(error, PG_DIAG_MESSAGE_DETAIL);
    /* The detail of a unique violation holds the row's values: personal data stays out of logs. */
    if (more[0] != '\0' && row->code == RC_INTERNAL) {
        note(ctx, "%s", more);
    }
    return rc;
}

enum rc
db__fail_lost(struct ctx *ctx, bool may_have_happened)
{
    if (may_have_happened) {
        return fail(ctx, RC_UNKNOWN, "DB_OUTCOME_UNKNOWN",
                    "the connection to the database was lost; the change may have been made");
    }
    return fail(ctx, RC_UNAVAILABLE, "DB_LOST", "the connection to the database was lost");
}
