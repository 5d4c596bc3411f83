/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations on one account, stored. Everything that moves credit goes through here.
 *
 * In the open transaction: locks the account's row (so replicas take turns), gives the month's
 * allowance when it is due, leaves out events that are in the ledger already, and appends the
 * entries of all the others in one statement. The row stays locked until the transaction ends:
 * whoever posts for several organizations does it in the order of their ids. */
#ifndef ASSAY_BILLING_BIL_POST_H
#define ASSAY_BILLING_BIL_POST_H

#include "billing/bil_book.h"
#include "db/db.h"

/* Posts `ops` (may be none: then only what is due happens) and writes into each what came of it. A
 * refused operation is no error. `plan`: of an organization that has no account yet. Tells webhooks
 * billing.low_balance when the credit falls below the line.
 * Errors: those of the database; FAILED_PRECONDITION "NO_PLAN"; RESOURCE_EXHAUSTED. Then the
 * transaction must not be committed. */
NODISCARD enum rc bil_post(struct db *db, struct ctx *ctx, const char *plan, int64_t org_id,
                           struct bil_op *ops, size_t n);

#endif
