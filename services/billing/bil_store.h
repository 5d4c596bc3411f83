/* SPDX-License-Identifier: Apache-2.0
 *
 * The SQL of billing. Errors everywhere: those of the database. */
#ifndef ASSAY_BILLING_BIL_STORE_H
#define ASSAY_BILLING_BIL_STORE_H

#include "billing/bil_usage.h"
#include "db/db.h"

/* Stores the usage of `event`; *out_added is false when its run or session, or the event itself,
 * is counted already. */
NODISCARD enum rc bil_usage_add(struct db *db, struct ctx *ctx, const Assay__Event *event,
                                const struct bil_usage *usage, bool *out_added);

struct bil_sum {
    int64_t quantity_micro;
    int64_t billable_micro;
    int64_t count;
};

/* Usage of the caller's organization on one meter in [from_us, to_us). */
NODISCARD enum rc bil_usage_sum(struct db *db, struct ctx *ctx, const char *meter, int64_t from_us,
                                int64_t to_us, struct bil_sum *out);

#endif
