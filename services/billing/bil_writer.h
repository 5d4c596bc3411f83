/* SPDX-License-Identifier: Apache-2.0
 *
 * Group commit of the ledger. Operations that arrive while an account's transaction is on its way
 * wait in the account's line and are stored together by the next one: one lock of the row, one
 * look-up of known events, one statement of entries, one flush of the log for all of them. Each
 * caller gets the outcome of its own operations, after the commit; of a process that dies nobody
 * was told anything that is not stored.
 *
 * Threads: bil_writer_post from any number. Each account is written by one thread at a time,
 * different accounts by as many as there are writers, each with a connection of its own. */
#ifndef ASSAY_BILLING_BIL_WRITER_H
#define ASSAY_BILLING_BIL_WRITER_H

#include "billing/bil_book.h"
#include "db/db.h"

#define BIL_BATCH_MAX 512    /* operations of one transaction */
#define BIL_WAITING_MAX 8192 /* operations in all lines; more are refused */

struct bil_writer;

/* `plan`: of organizations without an account; kept. */
NODISCARD enum rc bil_writer_new(struct db *db, const char *plan, int threads,
                                 struct bil_writer **out);
/* Stores what waits, joins the threads, frees. Nobody may be posting. Takes NULL. */
void bil_writer_free(struct bil_writer *writer);

/* Posts the valid operations `ops` (at most BIL_BATCH_MAX) of one organization in one transaction,
 * perhaps with those of others, and writes what came of each into it. On failure none of them is
 * stored, but for UNKNOWN, where all may be: the same again, with the same ids, is safe.
 * Errors: those of bil_post; RESOURCE_EXHAUSTED "LEDGER_BUSY": too many wait; DEADLINE_EXCEEDED:
 * not begun in time. Blocks: until the commit. */
NODISCARD enum rc bil_writer_post(struct bil_writer *writer, struct ctx *ctx, int64_t org_id,
                                  struct bil_op *ops, size_t n);

struct bil_writer_stats {
    int64_t ops, batches;
};
void bil_writer_stats(struct bil_writer *writer, struct bil_writer_stats *out);

#endif
