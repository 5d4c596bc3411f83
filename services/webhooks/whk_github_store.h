/* SPDX-License-Identifier: Apache-2.0
 *
 * The SQL of comments of pull requests. Of ctx's organization; in a transaction. */
#ifndef ASSAY_WEBHOOKS_WHK_GITHUB_STORE_H
#define ASSAY_WEBHOOKS_WHK_GITHUB_STORE_H

#include "db/db.h"
#include "webhooks/whk_github_text.h"

/* Nobody else writes the comment until the transaction ends. *out_id: 0: it is not made yet. */
NODISCARD enum rc whk_github_hold(struct db *db, struct ctx *ctx, struct str repo,
                                  const struct whk_run *run, int64_t *out_id);
/* Notes what became of the run, unless its suite has run again since, and lists all of the pull
 * request. */
NODISCARD enum rc whk_github_results(struct db *db, struct ctx *ctx, struct str repo,
                                     const struct whk_run *run, struct whk_result **out,
                                     size_t *out_count);
NODISCARD enum rc whk_github_comment_set(struct db *db, struct ctx *ctx, struct str repo,
                                         int64_t pull, int64_t id);

#endif
