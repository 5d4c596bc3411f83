/* SPDX-License-Identifier: Apache-2.0
 *
 * Organizations and projects as clients of the SDK list them. */
#include "auth/auth.h"
#include "auth_sql.h"
#include "pb/pb.h"
#include "sec/jws.h"

/* Columns of projects_of_org. */
enum { P_ID, P_UUID, P_NAME, P_SLUG, P_CREATED, P_ORG_UUID, P_ORG_NAME, P_ORG_SLUG, P_ORG_CREATED };

/* An SDK token sees the project it is bound to. */
static enum rc
projects(struct auth *auth, struct ctx *ctx, const struct db_result **out)
{
    bool bound = ctx->who.kind == TOKEN_SDK;
    enum rc rc = DB_QUERY(auth->db, ctx, Q_PROJECTS_OF_ORG, out, DB_ARG_I64(ctx->who.org_id),
                          bound ? DB_ARG_I64(ctx->who.project_id) : DB_ARG_NULL);

    return rc == RC_OK && db_rows(*out) == 0
               ? fail(ctx, RC_UNAUTHENTICATED, "UNAUTHENTICATED", "the organization does not exist")
               : rc;
}

static Assay__SdkOrganization *
organization(struct ctx *ctx, const struct db_result *res)
{
    Assay__SdkOrganization *o = PB_NEW(ctx->arena, Assay__SdkOrganization, assay__sdk_organization);

    if (o == NULL) {
        return NULL;
    }
    o->id = db_strz(res, 0, P_ORG_UUID);
    o->name = db_strz(res, 0, P_ORG_NAME);
    o->slug = db_strz(res, 0, P_ORG_SLUG);
    o->role = pb_strz(ctx->arena, ctx->who.kind == TOKEN_SDK ? STR("token")
                                                             : str_z(jws_role_name(ctx->who.role)));
    o->project_count = db_rows(res);
    o->created_at = db_time_us(res, 0, P_ORG_CREATED);
    return o;
}

static enum rc
no_memory(struct ctx *ctx)
{
    return fail_memory(ctx, "too many projects");
}

enum rc
auth_list_sdk_organizations(struct auth *auth, struct ctx *ctx,
                            const Assay__ListSdkOrganizationsRequest *req,
                            Assay__ListSdkOrganizationsResponse *resp)
{
    const struct db_result *res = NULL;
    enum rc rc = projects(auth, ctx, &res);

    (void)req;
    if (rc != RC_OK) {
        return rc;
    }
    resp->organizations = ARENA_ARRAY(ctx->arena, 1, Assay__SdkOrganization *);
    Assay__SdkOrganization *one = organization(ctx, res);
    if (resp->organizations == NULL || one == NULL) {
        return no_memory(ctx);
    }
    resp->organizations[resp->n_organizations++] = one;
    return RC_OK;
}

enum rc
auth_list_projects(struct auth *auth, struct ctx *ctx, const Assay__ListProjectsRequest *req,
                   Assay__ListProjectsResponse *resp)
{
    const struct db_result *res = NULL;
    enum rc rc = projects(auth, ctx, &res);

    (void)req;
    if (rc != RC_OK) {
        return rc;
    }
    resp->organization = organization(ctx, res);
    resp->projects = ARENA_ARRAY(ctx->arena, (size_t)db_rows(res), Assay__Project *);
    for (int i = 0; resp->projects != NULL && i < db_rows(res); i++) {
        Assay__Project *p = PB_NEW(ctx->arena, Assay__Project, assay__project);
        if (p == NULL) {
            break;
        }
        p->number = db_i64(res, i, P_ID);
        p->id = db_strz(res, i, P_UUID);
        p->name = db_strz(res, i, P_NAME);
        p->slug = db_strz(res, i, P_SLUG);
        p->created_at = db_time_us(res, i, P_CREATED);
        resp->projects[resp->n_projects++] = p;
    }
    return arena_failed(ctx->arena) ? no_memory(ctx) : RC_OK;
}

enum rc
auth_find_member(struct auth *auth, struct ctx *ctx, const Assay__FindMemberRequest *req,
                 Assay__FindMemberResponse *resp)
{
    const struct db_result *res = NULL;
    enum rc rc = DB_QUERY(auth->db, ctx, Q_MEMBER_NAMED, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_Z(req->email));

    if (rc == RC_OK && db_rows(res) == 0) {
        rc = fail(ctx, RC_NOT_FOUND, "MEMBER_NOT_FOUND",
                  "nobody of the organization has this address");
    }
    if (rc == RC_OK) {
        resp->id = db_strz(res, 0, 0);
        resp->name = db_strz(res, 0, 1);
    }
    return rc;
}
