/* SPDX-License-Identifier: Apache-2.0
 *
 * What a job is about, as the worker gets it: its open cases, each with the sub-flows that run
 * before it. */
#include "tests/runs/tst_dispatch.h"
#include "tests_sql.h"

static ProtobufCBinaryData
json_or_empty(struct ctx *ctx, const struct db_result *res, int row, int col,
              protobuf_c_boolean *has)
{
    *has = !db_is_null(res, row, col);
    return *has ? pb_bytes(ctx->arena, db_str(res, row, col)) : (ProtobufCBinaryData){0, NULL};
}

#define SUB_FLOW_DEPTH_MAX 16

static void
make_missing(struct ctx *ctx, Assay__JobCase *flow)
{
    flow->name = pb_strz(ctx->arena, STR("missing sub-flow"));
    flow->steps = pb_bytes(ctx->arena, STR("[{\"missing_sub_flow\":true}]"));
}

/* What is left out must not pass unseen. */
static enum rc
add_missing_flow(struct ctx *ctx, Assay__JobCase *into)
{
    Assay__JobCase *flow = ARENA_NEW(ctx->arena, Assay__JobCase);

    into->sub_flows = ARENA_ARRAY(ctx->arena, 1, Assay__JobCase *);
    if (flow == NULL || into->sub_flows == NULL) {
        return fail_memory(ctx, "the cases are too large");
    }
    assay__job_case__init(flow);
    flow->run_public_id = into->run_public_id;
    flow->mode = into->mode;
    make_missing(ctx, flow);
    into->sub_flows[into->n_sub_flows++] = flow;
    return RC_OK;
}

/* Resolves the sub-flows of a case, deepest first, in order. A sub-flow that is gone or no longer
 * reusable makes the case fail at its start: a step says so. */
static enum rc
add_sub_flows(struct tests *t, struct ctx *ctx, int64_t org_id, const struct str *ids, size_t n,
              int depth, Assay__JobCase *into)
{
    const struct db_result *res = NULL;

    if (n == 0) {
        return RC_OK;
    }
    if (depth > SUB_FLOW_DEPTH_MAX) { /* only two changes at the same moment can make a cycle */
        return add_missing_flow(ctx, into);
    }
    enum rc rc =
        DB_QUERY(t->db, ctx, Q_CASES_BY_PUBLIC_IDS, &res, DB_ARG_I64(org_id), DB_ARG_STRS(ids, n));
    if (rc != RC_OK) {
        return rc;
    }
    into->sub_flows = ARENA_ARRAY(ctx->arena, n, Assay__JobCase *);
    for (size_t i = 0; into->sub_flows != NULL && i < n; i++) {
        Assay__JobCase *flow = ARENA_NEW(ctx->arena, Assay__JobCase);
        int row = 0;
        if (flow == NULL) {
            break;
        }
        while (row < db_rows(res) && !str_eq(db_str(res, row, 0), ids[i])) {
            row++;
        }
        assay__job_case__init(flow);
        flow->run_public_id = pb_strz(ctx->arena, ids[i]);
        flow->mode = into->mode;
        into->sub_flows[into->n_sub_flows++] = flow;
        if (row == db_rows(res) || !db_bool(res, row, 9)) {
            make_missing(ctx, flow);
            continue;
        }
        size_t next = 0;
        struct str *next_ids = db_strs(res, row, 7, &next);
        flow->name = db_strz(res, row, 1);
        flow->steps = pb_bytes(ctx->arena, db_str(res, row, 2));
        flow->recording = json_or_empty(ctx, res, row, 3, &flow->has_recording);
        PB_SET(flow, fuzzy_match, db_bool(res, row, 5));
        flow->context = db_strz(res, row, 6);
        flow->step_mappings = json_or_empty(ctx, res, row, 8, &flow->has_step_mappings);
        rc = add_sub_flows(t, ctx, org_id, next_ids, next, depth + 1, flow);
        if (rc != RC_OK) {
            return rc;
        }
    }
    return arena_failed(ctx->arena) ? fail_memory(ctx, "the cases are too large") : RC_OK;
}

enum rc
tst_job_cases(struct tests *t, struct ctx *ctx, const struct tst_claim *job,
              Assay__StartJobRequest *req)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_CASES_OF_JOB, &res, DB_ARG_I64(job->id));
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    Assay__JobCase *cases = ARENA_ARRAY(ctx->arena, n + 1, Assay__JobCase);
    req->cases = ARENA_ARRAY(ctx->arena, n + 1, Assay__JobCase *);
    if (cases == NULL || req->cases == NULL) {
        return fail_memory(ctx, "the cases are too large");
    }
    for (int i = 0; i < (int)n; i++) {
        Assay__JobCase *c = &cases[i];
        size_t flow_count = 0;
        assay__job_case__init(c);
        c->run_id = db_i64(res, i, 0);
        c->run_public_id = db_strz(res, i, 1);
        c->name = db_strz(res, i, 2);
        c->steps = pb_bytes(ctx->arena, db_str(res, i, 3));
        PB_SET(c, assertions, pb_bytes(ctx->arena, db_str(res, i, 4)));
        c->recording = json_or_empty(ctx, res, i, 5, &c->has_recording);
        c->mode = job->mode;
        PB_SET(c, fuzzy_match, db_bool(res, i, 7));
        c->context = db_strz(res, i, 8);
        c->step_mappings = json_or_empty(ctx, res, i, 10, &c->has_step_mappings);
        PB_SET(c, timeout_ms, t->cfg->case_timeout_us / ASSAY_US_PER_MS);
        struct str *flows = db_strs(res, i, 9, &flow_count);
        rc = add_sub_flows(t, ctx, job->org_id, flows, flow_count, 0, c);
        if (rc != RC_OK) {
            return rc;
        }
        req->cases[req->n_cases++] = c;
    }
    return RC_OK;
}
