/* SPDX-License-Identifier: Apache-2.0
 *
 * The SQL of webhooks. Strings live in ctx->arena. Errors everywhere: those of the database. */
#ifndef ASSAY_WEBHOOKS_WHK_STORE_H
#define ASSAY_WEBHOOKS_WHK_STORE_H

#include <assay/common.pb-c.h>

#include "db/db.h"
#include "webhooks/whk_retry.h"

/* --- endpoints of the caller's organization ------------------------------------------------ */

struct whk_endpoint {
    int64_t id;
    char *name; /* NULL: none */
    char *url;
    struct str *event_types;
    size_t event_type_count;
    bool enabled;
    int64_t created_us;
};

/* The secret is stored by a second call, because it is sealed for the row's id. In a transaction.
 */
NODISCARD enum rc whk_endpoint_insert(struct db *db, struct ctx *ctx, const char *name,
                                      const char *url, const struct str *types, size_t type_count,
                                      struct whk_endpoint *out);
NODISCARD enum rc whk_endpoint_set_secret(struct db *db, struct ctx *ctx, int64_t id,
                                          struct str sealed);
/* Newest first. */
NODISCARD enum rc whk_endpoint_list(struct db *db, struct ctx *ctx, struct whk_endpoint **out,
                                    size_t *out_count);
/* Errors: NOT_FOUND. */
NODISCARD enum rc whk_endpoint_get(struct db *db, struct ctx *ctx, int64_t id,
                                   struct whk_endpoint *out);
NODISCARD enum rc whk_endpoint_count(struct db *db, struct ctx *ctx, int64_t *out);
/* Its deliveries go with it. *out_name is the name, or the URL of one without. Errors: NOT_FOUND.
 */
NODISCARD enum rc whk_endpoint_delete(struct db *db, struct ctx *ctx, int64_t id,
                                      struct str *out_name);

/* --- deliveries ---------------------------------------------------------------------------- */

/* One delivery for every endpoint that is subscribed; safe to repeat. *out_made counts new ones. */
NODISCARD enum rc whk_fan_out(struct db *db, struct ctx *ctx, const Assay__Event *event,
                              struct str body, int64_t *out_made);

/* One attempt that this process has to make. */
struct whk_job {
    int64_t endpoint_id, org_id, turn;
    struct str url, secret; /* sealed */
    int64_t delivery_id;
    struct str event_id, event_type, body;
    int64_t attempt; /* from 1 */
};

/* Claims the next attempt of an endpoint that is well or failing; the endpoint is ours for
 * `lease_us`. *out_found is false when nothing is due. In a transaction. */
NODISCARD enum rc whk_claim(struct db *db, struct ctx *ctx, bool failing, int64_t lease_us,
                            const struct whk_retry *retry, struct whk_job *out, bool *out_found);

/* What became of an attempt. */
struct whk_outcome {
    bool delivered;
    bool gone;  /* the receiver wants no more */
    int status; /* 0: no answer */
    struct str excerpt;
    struct str error;
    int64_t took_us;
    int64_t retry_after_us;
};

/* Stores the outcome and frees the endpoint; nothing when somebody else has it by now.
 * *out_disable: the endpoint has had its time. In a transaction. */
NODISCARD enum rc whk_record(struct db *db, struct ctx *ctx, const struct whk_job *job,
                             const struct whk_outcome *outcome, const struct whk_retry *retry,
                             int64_t disable_after_us, bool *out_disable);
/* Notes why it was disabled and gives up what waits. *out_name as in whk_endpoint_delete; its `p`
 * is NULL when the endpoint is gone. In a transaction. */
NODISCARD enum rc whk_disable(struct db *db, struct ctx *ctx, int64_t id, const char *reason,
                              struct str *out_name);
/* Ends last attempts that were interrupted, deletes what is older than 30 days. *out_more: there
 * may be more to delete. */
NODISCARD enum rc whk_tidy(struct db *db, struct ctx *ctx, const struct whk_retry *retry,
                           int64_t lease_us, bool *out_more);

#endif
