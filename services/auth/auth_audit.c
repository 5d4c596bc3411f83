/* SPDX-License-Identifier: Apache-2.0
 *
 * The audit log as people read it: a page of events, or CSV. */
#include "auth/aut_audit.h"
#include "base/csv.h"
#include "pb/pb.h"

#define CSV_ROWS_MAX 10000
#define CSV_BYTES_MAX ((size_t)16 << 20)

/* Start of the time range, 0 without one. The words have passed the shape check. */
static int64_t
range_start_us(const char *range)
{
    static const struct {
        struct str word;
        int64_t hours;
    } RANGES[] = {{STR_INIT("last-hour"), 1},
                  {STR_INIT("last-day"), 24},
                  {STR_INIT("last-week"), INT64_C(7) * 24},
                  {STR_INIT("last-month"), INT64_C(30) * 24}};

    for (size_t i = 0; range != NULL && i < ARRAY_LEN(RANGES); i++) {
        if (str_eqz(RANGES[i].word, range)) {
            return clk_wall_us() - RANGES[i].hours * 3600 * ASSAY_US_PER_S;
        }
    }
    return 0;
}

static char *
opt_text(struct ctx *ctx, struct str s)
{
    return s.n == 0 ? NULL : aut_text(ctx, s);
}

static Assay__AuditEvent *
answer_event(struct ctx *ctx, const struct aut_audit_row *row)
{
    Assay__AuditEvent *m = PB_NEW(ctx->arena, Assay__AuditEvent, assay__audit_event);

    if (m != NULL) {
        m->id = row->id;
        m->seq = row->seq;
        m->user_email = opt_text(ctx, row->email);
        m->action = aut_text(ctx, row->type);
        m->resource_type = opt_text(ctx, row->resource_type);
        m->resource_id = opt_text(ctx, row->resource_id);
        m->details = opt_text(ctx, row->details);
        m->created_at = row->at_us;
        m->peer = opt_text(ctx, row->peer);
        m->request_id = opt_text(ctx, row->request_id);
    }
    return m;
}

enum rc
auth_list_audit_events(struct auth *auth, struct ctx *ctx, const Assay__ListAuditEventsRequest *req,
                       Assay__ListAuditEventsResponse *resp)
{
    struct aut_audit_row *rows = NULL;
    size_t n = 0;
    struct aut_audit_filter filter = {.action = str_z(req->action),
                                      .email = str_z(req->user_email),
                                      .resource_type = str_z(req->resource_type),
                                      .since_us = range_start_us(req->time_range),
                                      .limit = req->limit,
                                      .offset = req->offset};

    enum rc rc = aut_check_org(ctx, req->org_id);
    if (rc == RC_OK) {
        rc = aut_audit_count(auth->db, ctx, &filter, &resp->total);
    }
    if (rc == RC_OK) {
        rc = aut_audit_page(auth->db, ctx, &filter, &rows, &n);
    }
    if (rc != RC_OK) {
        return rc;
    }
    resp->events = ARENA_ARRAY(ctx->arena, n + 1, Assay__AuditEvent *);
    for (size_t i = 0; !arena_failed(ctx->arena) && i < n; i++) {
        resp->events[resp->n_events++] = answer_event(ctx, &rows[i]);
    }
    return aut_check_arena(ctx);
}

/* --- CSV ----------------------------------------------------------------------------------- */

static void
put_row(struct buf *b, const struct aut_audit_row *row)
{
    char at[CLK_TEXT_MAX];
    size_t n = clk_format(row->at_us, CLK_NAIVE, at);
    const struct str cells[] = {str_n(at, n),       row->email,       row->type,
                                row->resource_type, row->resource_id, row->details};
    csv_put_row(b, cells, ARRAY_LEN(cells));
}

enum rc
auth_get_audit_csv(struct auth *auth, struct ctx *ctx, const Assay__GetAuditCsvRequest *req,
                   Assay__Text *resp)
{
    static const struct str HEAD[] = {STR_INIT("Date"),        STR_INIT("User"),
                                      STR_INIT("Action"),      STR_INIT("Resource Type"),
                                      STR_INIT("Resource ID"), STR_INIT("Details")};
    struct aut_audit_row *rows = NULL;
    size_t n = 0;
    struct buf b;
    struct aut_audit_filter filter = {.action = str_z(req->action),
                                      .email = str_z(req->user_email),
                                      .resource_type = str_z(req->resource_type),
                                      .since_us = range_start_us(req->time_range),
                                      .limit = CSV_ROWS_MAX};

    enum rc rc = aut_check_org(ctx, req->org_id);
    if (rc == RC_OK) {
        rc = aut_audit_page(auth->db, ctx, &filter, &rows, &n);
    }
    if (rc != RC_OK) {
        return rc;
    }
    buf_init(&b, CSV_BYTES_MAX);
    csv_put_row(&b, HEAD, ARRAY_LEN(HEAD));
    for (size_t i = 0; i < n; i++) {
        put_row(&b, &rows[i]);
    }
    bool ok = !buf_failed(&b);
    resp->content_type = aut_text(ctx, STR("text/csv; charset=utf-8"));
    resp->file_name = aut_text(ctx, STR("audit-events.csv"));
    resp->body = pb_bytes(ctx->arena, buf_str(&b));
    buf_fini(&b);
    return ok ? aut_check_arena(ctx) : aut_no_memory(ctx);
}
