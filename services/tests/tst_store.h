/* SPDX-License-Identifier: Apache-2.0
 *
 * The SQL of suites, cases and runs: rows become messages here. Every call filters by the caller's
 * organization; what belongs to another is NOT_FOUND.
 *
 * Ownership: messages live in ctx->arena. Blocks: on the database, until ctx's deadline. */
#ifndef ASSAY_TESTS_TST_STORE_H
#define ASSAY_TESTS_TST_STORE_H

#include "tests/tests.h"

/* Names one object: a public id, a uuid or (when `id` > 0) the number. */
struct tst_key {
    const char *text;
    int64_t id;
};

/* --- suites */
NODISCARD enum rc tst_suite_list(struct tests *t, struct ctx *ctx, const char *app_public_id,
                                 const struct str *tags, size_t tag_count, bool all_tags,
                                 Assay__Suite ***out, size_t *out_count);
NODISCARD enum rc tst_suite_get(struct tests *t, struct ctx *ctx, struct tst_key key,
                                Assay__Suite **out);
struct tst_suite_new {
    const char *name, *description, *platform;
    int64_t app_id; /* 0: none */
    struct tst_tags tags;
};
NODISCARD enum rc tst_suite_insert(struct tests *t, struct ctx *ctx,
                                   const struct tst_suite_new *suite, Assay__Suite **out);
NODISCARD enum rc tst_suite_update(struct tests *t, struct ctx *ctx, int64_t id,
                                   const Assay__UpdateSuiteRequest *req,
                                   const struct tst_tags *tags);
NODISCARD enum rc tst_suite_delete(struct tests *t, struct ctx *ctx, const char *public_id,
                                   struct str *out_name);

/* --- cases */
NODISCARD enum rc tst_case_get(struct tests *t, struct ctx *ctx, struct tst_key key,
                               Assay__Case **out, int64_t *out_app_id);
NODISCARD enum rc tst_cases_of_suite(struct tests *t, struct ctx *ctx, int64_t suite_id,
                                     Assay__Case ***out, size_t *out_count);
NODISCARD enum rc tst_cases_standalone(struct tests *t, struct ctx *ctx, const bool *reusable,
                                       Assay__CaseItem ***out, size_t *out_count);
struct tst_case_new {
    const char *name, *mode, *source_platform, *context;
    int64_t suite_id, app_id;                         /* 0: none */
    ProtobufCBinaryData steps, assertions, recording; /* data NULL: none */
    int64_t step_count;
    int64_t device_width, device_height; /* 0: unknown */
    bool fuzzy_match;
    struct str summary; /* of the recording, p NULL: none */
};
/* Inserts, or updates the standalone case of the same name and app (`upsert`). */
NODISCARD enum rc tst_case_save(struct tests *t, struct ctx *ctx, const struct tst_case_new *c,
                                bool upsert, Assay__Case **out);
struct tst_case_change {
    const Assay__UpdateCaseRequest *req;
    int64_t app_id;     /* 0: keep */
    int64_t step_count; /* -1: keep */
    struct str summary; /* p NULL: keep */
    char **sub_flows;   /* NULL: keep */
    size_t sub_flow_count;
};
NODISCARD enum rc tst_case_update(struct tests *t, struct ctx *ctx, int64_t id,
                                  const struct tst_case_change *change);
NODISCARD enum rc tst_case_delete(struct tests *t, struct ctx *ctx, const char *public_id,
                                  struct str *out_name);
struct tst_sub_flow {
    struct str public_id;
    bool is_reusable;
    struct str *next;
    size_t next_count;
};
/* Makes other changes of sub-flows of the organization wait until the transaction ends. */
NODISCARD enum rc tst_sub_flows_lock(struct tests *t, struct ctx *ctx);
NODISCARD enum rc tst_sub_flows(struct tests *t, struct ctx *ctx, const struct str *ids,
                                size_t count, struct tst_sub_flow **out, size_t *out_count);

/* --- runs */
struct tst_run {
    Assay__Run *msg;
    char *case_public_id, *case_name, *commit_sha, *run_url, *visual_status;
    struct str metadata;          /* p NULL: none */
    int64_t job_id, suite_run_id; /* 0: none */
};
NODISCARD enum rc tst_run_get(struct tests *t, struct ctx *ctx, const char *public_id,
                              struct tst_run *out);
NODISCARD enum rc tst_runs_of_case(struct tests *t, struct ctx *ctx, const char *case_public_id,
                                   Assay__Run ***out, size_t *out_count);
struct tst_run_new {
    int64_t case_id, suite_run_id, job_id; /* 0: none */
    const char *case_name, *mode, *commit_sha;
    struct str metadata;
    bool in_ci; /* has a page of its own */
};
NODISCARD enum rc tst_run_insert(struct tests *t, struct ctx *ctx, const struct tst_run_new *run,
                                 int64_t *out_id, char **out_public_id);
NODISCARD enum rc tst_run_set_outcome(struct tests *t, struct ctx *ctx, int64_t id,
                                      const Assay__UpdateRunRequest *req);

struct tst_suite_run {
    int64_t id, suite_id, job_id, passed, failed;
    char *public_id, *suite_public_id, *suite_name, *session_id, *status, *reset_strategy;
    char *error_message, *commit_sha, *run_url, *visual_status;
    struct str metadata;
    int64_t started_us, finished_us; /* 0: not yet */
};
NODISCARD enum rc tst_suite_run_get(struct tests *t, struct ctx *ctx, struct tst_key key,
                                    struct tst_suite_run *out);
struct tst_suite_run_new {
    const Assay__Suite *suite;
    const char *session_id, *mode, *commit_sha;
    struct str metadata;
};
NODISCARD enum rc tst_suite_run_insert(struct tests *t, struct ctx *ctx,
                                       const struct tst_suite_run_new *run, int64_t *out_id,
                                       char **out_public_id);
/* Case runs of all cases of the suite, in order. */
NODISCARD enum rc tst_runs_insert_of_suite(struct tests *t, struct ctx *ctx, int64_t suite_id,
                                           int64_t case_count, int64_t suite_run_id, int64_t job_id,
                                           const char *mode);
struct tst_case_result {
    int64_t id, case_id, duration_ms; /* duration -1: unknown */
    char *public_id, *case_public_id, *case_name, *status, *error_message, *visual_status;
};
NODISCARD enum rc tst_results_of_suite_run(struct tests *t, struct ctx *ctx, int64_t suite_run_id,
                                           struct tst_case_result **out, size_t *out_count);

/* Absolute page of a run: where the client reached us, "/tests/runs/<id>". */
char *tst_run_url(struct ctx *ctx, const char *public_id);

#endif
