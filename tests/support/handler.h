/* SPDX-License-Identifier: Apache-2.0
 *
 * A service's handlers, called as the dispatcher calls them. Included after cmocka. */
#ifndef ASSAY_TESTS_HANDLER_H
#define ASSAY_TESTS_HANDLER_H

#include "db/db.h"

/* Runs `expr` in a transaction, which is committed when it says OK. Returns what it said. */
#define HANDLE(db, ctx, expr)                                                                      \
    (assert_int_equal(db_begin((db), (ctx)), RC_OK), handler_end((db), (ctx), (expr)))

static inline enum rc
handler_end(struct db *db, struct ctx *ctx, enum rc rc)
{
    assert_int_equal(rc, ctx->err.code); /* OK means that no failure stands */
    if (rc == RC_OK) {
        assert_int_equal(db_commit(db, ctx), RC_OK);
    }
    while (db_in_tx(ctx)) {
        db_rollback(db, ctx);
    }
    return rc;
}

#endif
