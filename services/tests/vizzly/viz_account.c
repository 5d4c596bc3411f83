/* SPDX-License-Identifier: Apache-2.0
 *
 * What the command-line client asks for a person who has logged in: projects by their slugs, their
 * builds, and baselines with what is known to change. */
#include <string.h>

#include "auth_client.h"
#include "tests/vizzly/viz.h"
#include "tests_sql.h"

/* --- projects ------------------------------------------------------------------------------ */

static enum rc
list_projects(struct tests *t, struct ctx *ctx, const char *organization,
              Assay__ListProjectsResponse **out)
{
    Assay__ListProjectsRequest ask = ASSAY__LIST_PROJECTS_REQUEST__INIT;

    enum rc rc = auth_call_list_projects(svc_client(t->svc, SVC_AUTH), ctx, &ask, out);
    return rc == RC_OK && organization != NULL &&
                   strcmp((*out)->organization->slug, organization) != 0
               ? fail(ctx, RC_NOT_FOUND, "ORGANIZATION_NOT_FOUND", "no such organization")
               : rc;
}

/* From here on the call is about that project. */
static enum rc
enter_project(struct tests *t, struct ctx *ctx, const char *organization, const char *slug)
{
    Assay__ListProjectsResponse *all = NULL;

    enum rc rc = list_projects(t, ctx, organization, &all);
    for (size_t i = 0; rc == RC_OK && i < all->n_projects; i++) {
        if (strcmp(all->projects[i]->slug, slug) == 0) {
            ctx->who.project_id = all->projects[i]->number;
            return RC_OK;
        }
    }
    return rc == RC_OK ? fail(ctx, RC_NOT_FOUND, "PROJECT_NOT_FOUND", "no such project") : rc;
}

enum rc
tests_list_account_projects(struct tests *t, struct ctx *ctx,
                            const Assay__ListAccountProjectsRequest *req,
                            Assay__ListAccountProjectsResponse *resp)
{
    Assay__ListProjectsResponse *all = NULL;
    enum rc rc = list_projects(t, ctx, req->organization, &all);

    return rc == RC_OK ? viz_projects(t, ctx, all, &resp->projects, &resp->n_projects) : rc;
}

enum rc
tests_get_account_project(struct tests *t, struct ctx *ctx,
                          const Assay__GetAccountProjectRequest *req,
                          Assay__GetAccountProjectResponse *resp)
{
    Assay__ListProjectsResponse *all = NULL;
    Assay__SdkProject **list = NULL;
    size_t n = 0;

    enum rc rc = list_projects(t, ctx, req->organization, &all);
    rc = rc == RC_OK ? viz_projects(t, ctx, all, &list, &n) : rc;
    for (size_t i = 0; rc == RC_OK && i < n; i++) {
        if (strcmp(list[i]->slug, req->project) == 0) {
            resp->project = list[i];
            return RC_OK;
        }
    }
    return rc == RC_OK ? fail(ctx, RC_NOT_FOUND, "PROJECT_NOT_FOUND", "no such project") : rc;
}

enum rc
tests_list_account_builds(struct tests *t, struct ctx *ctx,
                          const Assay__ListAccountBuildsRequest *req,
                          Assay__ListSdkBuildsResponse *resp)
{
    Assay__ListSdkBuildsRequest list = ASSAY__LIST_SDK_BUILDS_REQUEST__INIT;
    const char *organization = req->organization != NULL ? req->organization : req->of_organization;

    list.limit = req->limit;
    list.offset = req->offset;
    list.branch = req->branch;
    enum rc rc = enter_project(t, ctx, organization, req->project);
    return rc == RC_OK ? tests_list_sdk_builds(t, ctx, &list, resp) : rc;
}

/* --- baselines ----------------------------------------------------------------------------- */

static enum rc
add_hotspots(struct tests *t, struct ctx *ctx, char **names, size_t count,
             Assay__AccountBaselines *resp)
{
    Assay__GetSdkHotspotsOfManyRequest ask = ASSAY__GET_SDK_HOTSPOTS_OF_MANY_REQUEST__INIT;
    Assay__GetSdkHotspotsOfManyResponse got = ASSAY__GET_SDK_HOTSPOTS_OF_MANY_RESPONSE__INIT;

    ask.screenshot_names = names;
    ask.n_screenshot_names = count;
    enum rc rc = tests_get_sdk_hotspots_of_many(t, ctx, &ask, &got);
    resp->hotspots =
        ARENA_ARRAY(ctx->arena, got.n_hotspots + 1, Assay__AccountBaselines__HotspotsEntry *);
    for (size_t i = 0; rc == RC_OK && resp->hotspots != NULL && i < got.n_hotspots; i++) {
        Assay__AccountBaselines__HotspotsEntry *entry =
            PB_NEW(ctx->arena, Assay__AccountBaselines__HotspotsEntry,
                   assay__account_baselines__hotspots_entry);
        if (entry == NULL) {
            break;
        }
        entry->key = got.hotspots[i]->key;
        entry->value = got.hotspots[i]->value;
        resp->hotspots[resp->n_hotspots++] = entry;
    }
    return rc;
}

static enum rc
add_regions(struct tests *t, struct ctx *ctx, char *const *names, size_t count,
            Assay__AccountBaselines *resp)
{
    struct str *keys = ARENA_ARRAY(ctx->arena, count + 1, struct str);
    Assay__SdkRegions *regions = ARENA_ARRAY(ctx->arena, count + 1, Assay__SdkRegions);

    resp->regions = ARENA_ARRAY(ctx->arena, count + 1, Assay__AccountBaselines__RegionsEntry *);
    if (keys == NULL || regions == NULL || resp->regions == NULL) {
        return fail_memory(ctx, "too many screenshots");
    }
    for (size_t i = 0; i < count; i++) {
        keys[i] = str_z(names[i]);
    }
    enum rc rc = viz_regions(t, ctx, ctx->who.project_id, keys, count, regions);
    for (size_t i = 0; rc == RC_OK && i < count; i++) {
        if (regions[i].n_confirmed + regions[i].n_candidates == 0) {
            continue;
        }
        Assay__AccountBaselines__RegionsEntry *entry =
            PB_NEW(ctx->arena, Assay__AccountBaselines__RegionsEntry,
                   assay__account_baselines__regions_entry);
        if (entry == NULL) {
            break;
        }
        entry->key = names[i];
        entry->value = &regions[i];
        resp->regions[resp->n_regions++] = entry;
        resp->summary->total_regions += (int64_t)regions[i].n_confirmed;
    }
    return rc;
}

static bool
is_named(const char *name, char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* `wanted` 0: all of them. */
static enum rc
baselines(struct tests *t, struct ctx *ctx, char *build_id, char *const *wanted,
          size_t wanted_count, Assay__AccountBaselines *resp)
{
    Assay__GetSdkBaselinesRequest ask = ASSAY__GET_SDK_BASELINES_REQUEST__INIT;
    Assay__GetSdkBaselinesResponse got = ASSAY__GET_SDK_BASELINES_RESPONSE__INIT;
    size_t n = 0;

    ask.build_id = build_id;
    enum rc rc = tests_get_sdk_baselines(t, ctx, &ask, &got);
    if (rc != RC_OK) {
        return rc;
    }
    resp->build = got.build;
    resp->screenshots = got.screenshots;
    resp->summary =
        PB_NEW(ctx->arena, Assay__AccountBaselinesSummary, assay__account_baselines_summary);
    char **names = ARENA_ARRAY(ctx->arena, got.n_screenshots + 1, char *);
    if (resp->summary == NULL || names == NULL) {
        return fail_memory(ctx, "too many screenshots");
    }
    for (size_t i = 0; i < got.n_screenshots; i++) {
        char *name = got.screenshots[i]->name;
        if (wanted_count > 0 && !is_named(name, wanted, wanted_count)) {
            continue;
        }
        resp->screenshots[resp->n_screenshots++] = got.screenshots[i];
        if (n == 0 || strcmp(names[n - 1], name) != 0) { /* they come by name */
            names[n++] = name;
        }
    }
    rc = n == 0 ? RC_OK : add_hotspots(t, ctx, names, n, resp);
    rc = rc == RC_OK && n > 0 ? add_regions(t, ctx, names, n, resp) : rc;
    resp->summary->screenshots = (int64_t)resp->n_screenshots;
    resp->summary->hotspots = (int64_t)resp->n_hotspots;
    resp->summary->regions = (int64_t)resp->n_regions;
    return rc == RC_OK && arena_failed(ctx->arena) ? fail_memory(ctx, "too many screenshots") : rc;
}

enum rc
tests_get_account_baselines(struct tests *t, struct ctx *ctx,
                            const Assay__GetAccountBaselinesRequest *req,
                            Assay__AccountBaselines *resp)
{
    struct viz_head head;

    enum rc rc = enter_project(t, ctx, req->organization, req->project);
    rc = rc == RC_OK ? viz_build_head(t, ctx, req->build_id, &head) : rc;
    if (rc == RC_OK && head.project_id != ctx->who.project_id) {
        rc = fail(ctx, RC_NOT_FOUND, "BUILD_NOT_FOUND", "no such build");
    }
    return rc == RC_OK ? baselines(t, ctx, head.id, NULL, 0, resp) : rc;
}

enum rc
tests_download_account_baselines(struct tests *t, struct ctx *ctx,
                                 const Assay__DownloadAccountBaselinesRequest *req,
                                 Assay__AccountBaselines *resp)
{
    struct viz_head head;

    enum rc rc = viz_build_head(t, ctx, req->build_id, &head);
    if (rc == RC_OK) {
        ctx->who.project_id = head.project_id;
        rc = baselines(t, ctx, head.id, req->screenshot_names, req->n_screenshot_names, resp);
    }
    return rc;
}
