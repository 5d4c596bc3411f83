/* SPDX-License-Identifier: Apache-2.0
 *
 * SQL for operators: what is stuck, what is sealed. Of all organizations; in a transaction where a
 * page is to be written back. Strings live in ctx->arena. Errors: those of the database. */
#ifndef ASSAY_WEBHOOKS_WHK_STORE_OPERATE_H
#define ASSAY_WEBHOOKS_WHK_STORE_OPERATE_H

#include "db/db.h"

struct whk_health {
    int64_t overdue_s; /* of the oldest delivery to an endpoint that is well */
    int64_t failing;   /* endpoints */
};
NODISCARD enum rc whk_health_get(struct db *db, struct ctx *ctx, struct whk_health *out);

struct whk_stuck {
    int64_t org_id, id;
    struct str name;
    bool enabled;
    int64_t failing_since_us; /* 0: is well, and gets nothing all the same */
    int64_t waiting, next_us; /* next_us 0: nothing waits */
    int64_t attempt;
    struct str error; /* of the last attempt that failed; empty: none */
};
NODISCARD enum rc whk_stuck_list(struct db *db, struct ctx *ctx, struct whk_stuck **out,
                                 size_t *out_count);

/* A sealed value and its place: an endpoint's, or (name.n > 0) a setting's. */
struct whk_sealed {
    int64_t id; /* of the endpoint, or of the organization */
    struct str name;
    struct str sealed, old; /* old empty: none */
};
/* The page behind `after`, whose rows are held; it begins with the zeroed one. */
NODISCARD enum rc whk_sealed_endpoints(struct db *db, struct ctx *ctx,
                                       const struct whk_sealed *after, struct whk_sealed **out,
                                       size_t *out_count);
NODISCARD enum rc whk_sealed_settings(struct db *db, struct ctx *ctx,
                                      const struct whk_sealed *after, struct whk_sealed **out,
                                      size_t *out_count);
NODISCARD enum rc whk_sealed_set(struct db *db, struct ctx *ctx, const struct whk_sealed *value);

#endif
