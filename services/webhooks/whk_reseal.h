/* SPDX-License-Identifier: Apache-2.0
 *
 * Rotation of ASSAY_SECRET_KEY: what was sealed with an older key is sealed with the first one, so
 * that the older one can be dropped. Calls go on meanwhile. */
#ifndef ASSAY_WEBHOOKS_WHK_RESEAL_H
#define ASSAY_WEBHOOKS_WHK_RESEAL_H

#include "db/db.h"
#include "sec/seal.h"

struct whk_reseal {
    int64_t sealed; /* values that are the first key's now */
    int64_t lost;   /* values that none of the keys opens: left as they were */
};

/* Page by page, each a transaction; the last one tells the audit log. Errors: of the database. */
NODISCARD enum rc whk_reseal_all(struct db *db, struct ctx *ctx, const struct seal_ring *ring,
                                 struct whk_reseal *out);

#endif
