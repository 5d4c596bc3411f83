/* SPDX-License-Identifier: Apache-2.0
 *
 * Projects, which auth has, with their builds, which are here. */
#include "auth_client.h"
#include "tests/vizzly/viz.h"
#include "tests_sql.h"

static void
count_builds(const struct db_result *res, int64_t number, Assay__SdkProject *p)
{
    for (int i = 0; i < db_rows(res); i++) {
        if (db_i64(res, i, 0) == number) {
            p->build_count = db_i64(res, i, 1);
            p->updated_at = db_time_us(res, i, 2);
        }
    }
}

static Assay__SdkProject *
project(struct ctx *ctx, const struct db_result *res, const Assay__Project *from,
        const Assay__SdkOrganization *org)
{
    Assay__SdkProject *p = PB_NEW(ctx->arena, Assay__SdkProject, assay__sdk_project);

    if (p == NULL) {
        return NULL;
    }
    p->id = from->id;
    p->name = from->name;
    p->slug = from->slug;
    p->organization_name = org->name;
    p->organization_slug = org->slug;
    p->created_at = p->updated_at = from->created_at;
    count_builds(res, from->number, p);
    return p;
}

enum rc
viz_projects(struct tests *t, struct ctx *ctx, const Assay__ListProjectsResponse *all,
             Assay__SdkProject ***out, size_t *out_count)
{
    const struct db_result *res = NULL;
    size_t n = 0;

    enum rc rc = DB_QUERY(t->db, ctx, Q_VIZ_PROJECTS, &res, DB_ARG_I64(ctx->who.org_id));
    if (rc != RC_OK) {
        return rc;
    }
    Assay__SdkProject **list = ARENA_ARRAY(ctx->arena, all->n_projects + 1, Assay__SdkProject *);
    for (; list != NULL && n < all->n_projects; n++) {
        list[n] = project(ctx, res, all->projects[n], all->organization);
    }
    *out = list;
    *out_count = n;
    return arena_failed(ctx->arena) ? fail_memory(ctx, "too many projects") : RC_OK;
}

enum rc
tests_list_sdk_projects(struct tests *t, struct ctx *ctx, const Assay__ListSdkProjectsRequest *req,
                        Assay__ListSdkProjectsResponse *resp)
{
    Assay__ListProjectsRequest ask = ASSAY__LIST_PROJECTS_REQUEST__INIT;
    Assay__ListProjectsResponse *all = NULL;
    Assay__SdkProject **list = NULL;
    size_t n = 0;

    enum rc rc = auth_call_list_projects(svc_client(t->svc, SVC_AUTH), ctx, &ask, &all);
    rc = rc == RC_OK ? viz_projects(t, ctx, all, &list, &n) : rc;
    resp->pagination = PB_NEW(ctx->arena, Assay__SdkPagination, assay__sdk_pagination);
    if (rc != RC_OK || resp->pagination == NULL) {
        return rc != RC_OK ? rc : fail_memory(ctx, "the request needs too much memory");
    }
    size_t from = (size_t)req->offset < n ? (size_t)req->offset : n;
    resp->projects = list + from;
    resp->n_projects = n - from < (size_t)req->limit ? n - from : (size_t)req->limit;
    resp->pagination->total = (int64_t)n;
    resp->pagination->limit = req->limit;
    resp->pagination->offset = req->offset;
    resp->pagination->has_more = req->offset + (int64_t)resp->n_projects < resp->pagination->total;
    return RC_OK;
}

static Assay__TokenContextPart *
part(struct ctx *ctx, char *id, char *name, char *slug)
{
    Assay__TokenContextPart *p =
        PB_NEW(ctx->arena, Assay__TokenContextPart, assay__token_context_part);

    if (p != NULL) {
        p->id = id;
        p->name = name;
        p->slug = slug;
    }
    return p;
}

enum rc
viz_scope(struct tests *t, struct ctx *ctx, int64_t project_id, Assay__SdkScope **out)
{
    Assay__ListProjectsRequest ask = ASSAY__LIST_PROJECTS_REQUEST__INIT;
    Assay__ListProjectsResponse *all = NULL;
    Assay__SdkScope *scope = PB_NEW(ctx->arena, Assay__SdkScope, assay__sdk_scope);

    enum rc rc = auth_call_list_projects(svc_client(t->svc, SVC_AUTH), ctx, &ask, &all);
    if (rc != RC_OK) {
        return rc;
    }
    if (scope != NULL) {
        const Assay__SdkOrganization *o = all->organization;
        scope->organization = part(ctx, o->id, o->name, o->slug);
    }
    for (size_t i = 0; scope != NULL && i < all->n_projects; i++) {
        const Assay__Project *p = all->projects[i];
        if (p->number == project_id) {
            scope->project = part(ctx, p->id, p->name, p->slug);
        }
    }
    if (scope == NULL || scope->organization == NULL || scope->project == NULL) {
        return arena_failed(ctx->arena)
                   ? fail_memory(ctx, "the request needs too much memory")
                   : fail(ctx, RC_NOT_FOUND, "PROJECT_NOT_FOUND", "no such project");
    }
    *out = scope;
    return RC_OK;
}
