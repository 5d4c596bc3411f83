/* SPDX-License-Identifier: Apache-2.0
 *
 * What GitHub is told of a run: read from the event, written as commit status and as the comment of
 * a pull request. Pure. Names of suites are text of users: escaped for Markdown, they mention
 * nobody. Source: docs.github.com REST, "Commit statuses", "Issue comments". */
#ifndef ASSAY_WEBHOOKS_WHK_GITHUB_TEXT_H
#define ASSAY_WEBHOOKS_WHK_GITHUB_TEXT_H

#include "base/ctx.h"

/* By this the comment is found again. */
#define WHK_GITHUB_MARK "<!-- assay:results -->"

struct whk_run {
    struct str type; /* "run.passed" */
    struct str run_id, status, name, sha;
    struct str url;      /* empty: none that can be opened */
    int64_t duration_ms; /* -1: not known */
    int64_t at_us;
    int64_t pull; /* number of the pull request that the run's metadata names, 0: none */
    bool ended;
};

/* Reads the body of an event. *out_told is false when it names no commit: then nobody is told.
 * Strings point into ctx->arena. Errors: INVALID_ARGUMENT: it is no event. */
NODISCARD enum rc whk_run_read(struct ctx *ctx, struct str event, struct whk_run *out,
                               bool *out_told);
/* The body of POST /repos/R/statuses/SHA. */
struct str whk_status_body(struct ctx *ctx, const struct whk_run *run);

/* One line of the comment. */
struct whk_result {
    struct str name, status, sha, url;
    int64_t duration_ms; /* -1: not known */
};
/* The body of a comment: {"body": ...}. */
struct str whk_comment_body(struct ctx *ctx, const struct whk_result *results, size_t n);

#endif
