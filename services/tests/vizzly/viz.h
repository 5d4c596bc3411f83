/* SPDX-License-Identifier: Apache-2.0
 *
 * Visual builds of the SDK surface: screenshots arrive (viz_screenshots.c), are checked and stored
 * once per content (viz_image.c), get their baselines (the statement viz_compare) and are compared
 * by a queue of pairs that every replica works on (viz_queue.c). SQL: viz_store.c and the files
 * that make messages of rows.
 *
 * A build is told complete only when everything in it is compared: viz_status() in SQL. */
#ifndef ASSAY_TESTS_VIZ_H
#define ASSAY_TESTS_VIZ_H

#include "blob/blob.h"
#include "db/db.h"
#include "tests/tests.h"
#include "tests/visual/visual.h"

#define LOOP_COMPARE "viz_compare"
#define VIZ_DONE_CHANNEL "viz_done"
#define VIZ_NAME_MAX 255

struct viz;

/* Opens the blob store, starts the loops that compare. Errors: those of the store. */
NODISCARD enum rc viz_new(struct tests *t, struct viz **out);
/* Takes NULL. */
void viz_free(struct viz *viz);

struct blob_store *viz_blobs(struct viz *viz);
/* A comparing context for one thread's use. NULL without memory. Give it back. */
struct visual *viz_engine_take(struct viz *viz);
void viz_engine_give(struct viz *viz, struct visual *engine);

/* --- waiting for builds (viz_wait.c) */

/* Generation of results; grows when a build's last pair is compared, here or in another replica. */
uint64_t viz_generation(struct viz *viz);
/* Waits until the generation is not `seen`, or until `until_us` of the monotonic clock. */
void viz_wait(struct viz *viz, uint64_t seen, int64_t until_us);

/* --- builds (viz_store.c) */

struct viz_build_new {
    const char *name; /* NULL: made up */
    const char *branch, *environment, *commit_sha, *commit_message, *common_ancestor_sha;
    const char *parallel_id;
    int64_t pull_request; /* 0: none */
    bool has_threshold;
    double threshold;
    struct str metadata; /* p NULL: none */
    const char *agent;   /* NULL: none */
};

struct viz_build {
    char *id, *name, *branch, *environment, *status;
    int64_t created_us;
};

/* A build of its own, or the one that another shard has made. Tells audit of a new one.
 * Errors: INVALID_ARGUMENT: metadata; RESOURCE_EXHAUSTED "QUOTA_EXCEEDED". */
NODISCARD enum rc viz_build_create(struct tests *t, struct ctx *ctx,
                                   const struct viz_build_new *build, struct viz_build *out);

/* The project that the caller's token is bound to, for statements; none: any of the organization.
 */
struct db_arg viz_bound(const struct ctx *ctx);
/* What adding to a build needs. Errors: NOT_FOUND. */
struct viz_head {
    char *id, *name, *status, *parallel_id;
    int64_t project_id;
};
NODISCARD enum rc viz_build_head(struct tests *t, struct ctx *ctx, const char *id,
                                 struct viz_head *out);
/* A build as clients read it. While its pictures are compared, the answer is held for a moment: the
 * client asks again at once. Errors: NOT_FOUND. */
struct viz_read {
    Assay__SdkBuild *build;
    int64_t project_id;
    int64_t auto_approved; /* of its comparisons */
};
NODISCARD enum rc viz_build_read(struct tests *t, struct ctx *ctx, const char *id,
                                 struct viz_read *out);
/* Its counts, as some answers group them. NULL without memory. */
Assay__SdkFound *viz_found(struct ctx *ctx, const struct viz_read *read);
Assay__SdkDecided *viz_decided(struct ctx *ctx, const struct viz_read *read);
/* The projects that auth told, with their builds. */
NODISCARD enum rc viz_projects(struct tests *t, struct ctx *ctx,
                               const Assay__ListProjectsResponse *all, Assay__SdkProject ***out,
                               size_t *out_count);
/* Names of organization and project. Blocks: on auth. */
NODISCARD enum rc viz_scope(struct tests *t, struct ctx *ctx, int64_t project_id,
                            Assay__SdkScope **out);
/* "http://host/builds/ID" */
char *viz_build_url(struct ctx *ctx, const char *id);
/* Address of a picture by its unguessable name; NULL for NULL. */
char *viz_file_url(struct ctx *ctx, const char *key);
/* True for the command-line client ("vizzly-cli/0.29.6 (upload)"): its threshold is a colour
 * distance, and it reads what was found from `status`. Source: docs/vizzly.md. */
bool viz_is_cli(const char *agent);

/* Tells webhooks of builds whose last comparison is done. Inside a transaction. */
NODISCARD enum rc viz_tell_done(struct tests *t, struct ctx *ctx, const struct str *builds,
                                size_t count);

/* --- pictures (viz_image.c) */

/* One picture as it came and what is known of it. */
struct viz_image {
    Assay__Blob *blob; /* NULL: known already, only the digest was named */
    struct str sha256;
    char pixels[2 * VISUAL_HASH_LEN + 1];
    struct visual_info info;
};

/* Decodes the pictures whole, several at once: what passes can be compared and shown.
 * Errors: INVALID_ARGUMENT "INVALID_IMAGE" of the first that fails, with the engine's words after
 * `member` and the name of the file. */
NODISCARD enum rc viz_images_check(struct tests *t, struct ctx *ctx, const char *member,
                                   struct viz_image *images, size_t count);
/* Holds the uploads and checks each; `member` names them in failures. */
NODISCARD enum rc viz_images_open(struct tests *t, struct ctx *ctx, const char *member,
                                  Assay__Blob *const *blobs, size_t count, struct viz_image **out);
/* After a failure: removes what nobody needs. */
void viz_images_close(struct tests *t, struct ctx *ctx, enum rc rc, Assay__Blob *const *blobs,
                      size_t count);
/* Removes uploads from the store that no screenshot refers to: of a refused call. Keeps the failure
 * that stands in ctx. */
void viz_images_drop(struct tests *t, struct ctx *ctx, Assay__Blob *const *blobs, size_t count);
/* Errors: RESOURCE_EXHAUSTED "QUOTA_EXCEEDED" with figures, when no byte more fits. */
NODISCARD enum rc viz_check_quota(struct tests *t, struct ctx *ctx);
/* Refuses `more` bytes beside the `used` ones, with figures for the client. */
enum rc viz_refuse_quota(struct tests *t, struct ctx *ctx, int64_t used, int64_t more);

/* --- screenshots */

struct viz_shot {
    struct str sha256, name, browser, url;
    struct str properties;                   /* a JSON object; empty: {} */
    int64_t viewport_width, viewport_height; /* 0: none */
    const struct viz_image *image;           /* NULL: stored before */
    /* out */
    char *id;
    int64_t created_us;
    bool is_new;
};

/* Adds to the build, with comparisons for what is new, in the open transaction. *out_count: the
 * build's screenshots now; *out_status its status. */
NODISCARD enum rc viz_add(struct tests *t, struct ctx *ctx, const char *build_id,
                          struct viz_shot *shots, size_t count, int64_t *out_count,
                          char **out_status);
/* What `project_id` has shown before: (*out)[i] of asked[i] where (*out_found)[i], with what was
 * known of it. An empty name asks by the digest alone. */
NODISCARD enum rc viz_reuse(struct tests *t, struct ctx *ctx, int64_t project_id,
                            const struct viz_shot *asked, size_t count, struct viz_shot **out,
                            bool **out_found);
/* Browser, viewport and address from a client's properties (NULL: none), and what is assumed
 * without. */
void viz_identify(struct viz_shot *shot, const struct json_value *properties);
void viz_identify_default(struct viz_shot *shot);
/* The same from the raw JSON object, which is kept. Errors: INVALID_ARGUMENT. */
NODISCARD enum rc viz_take_properties(struct ctx *ctx, struct str properties,
                                      struct viz_shot *shot);
/* Errors: INVALID_ARGUMENT: no segment "..", not absolute, no NUL, at most VIZ_NAME_MAX characters.
 */
NODISCARD enum rc viz_check_name(struct ctx *ctx, const char *member, struct str name);
/* The name under which the command-line client keeps a baseline. */
char *viz_baseline_file(struct ctx *ctx, struct str name, struct str browser, int64_t width);
/* Screenshots of a build, by name. */
NODISCARD enum rc viz_screenshots(struct tests *t, struct ctx *ctx, const char *build_id,
                                  Assay__SdkScreenshot ***out, size_t *out_count);

/* After the pictures are stored: removes files of `shots` that other files with the same pixels
 * stand for, now or, where somebody looks at them, later. */
NODISCARD enum rc viz_images_spare(struct tests *t, struct ctx *ctx, const struct viz_shot *shots,
                                   size_t count);
/* Removes what was left for later. Opens its own transaction. */
enum rc viz_spare_remove(struct tests *t, struct ctx *ctx);

/* --- previews (viz_preview.c, viz_preview_files.c) */

/* One archive is unpacked at a time: begin waits until ctx's deadline.
 * Errors: RESOURCE_EXHAUSTED "OVERLOADED". */
NODISCARD enum rc viz_preview_begin(struct viz *viz, struct ctx *ctx);
void viz_preview_end(struct viz *viz);
/* Where a preview opens: `base` is the folder of its first page. In the arena. */
char *viz_preview_url(struct ctx *ctx, struct str token, struct str base);
/* Ends the names of the contents in the store. */
struct str viz_preview_suffix(struct arena *arena, int64_t org_id);
/* What the build shows; *out NULL: nothing. */
NODISCARD enum rc viz_preview_read(struct tests *t, struct ctx *ctx, const char *build_id,
                                   Assay__SdkPreview **out);
/* Loop: previews whose time is over, and contents that nothing shows, go. */
#define LOOP_PREVIEWS "viz_previews"
bool viz_preview_sweep(void *state, struct ctx *ctx);

/* --- comparisons */

/* Runs one of the statements that read viz_comparison_rows. `for_cli`: in the words of the command
 * line. */
NODISCARD enum rc viz_comparisons(struct tests *t, struct ctx *ctx, int query,
                                  const struct db_arg *args, int arg_count, bool for_cli,
                                  Assay__SdkComparison ***out, size_t *out_count);
#define VIZ_COMPARISONS(t, ctx, query, for_cli, out, out_count, ...)                               \
    viz_comparisons((t), (ctx), (query), (const struct db_arg[]){__VA_ARGS__},                     \
                    (int)(sizeof((const struct db_arg[]){__VA_ARGS__}) / sizeof(struct db_arg)),   \
                    (for_cli), (out), (out_count))
/* One. Errors: NOT_FOUND. */
NODISCARD enum rc viz_comparison_read(struct tests *t, struct ctx *ctx, const char *id,
                                      bool for_cli, Assay__SdkComparison **out,
                                      int64_t *out_project);
NODISCARD enum rc viz_review_summary(struct tests *t, struct ctx *ctx, const char *build_id,
                                     Assay__SdkReviewSummary *out);

struct viz_decision {
    const char *comparison, *status, *comment; /* comment may be NULL */
    const char *user;                          /* uuid of who decides */
    const char *message;                       /* of the answer */
};
/* Decides a comparison, and what follows for its content wherever it shows, in the open
 * transaction. Decisions and results of comparing may come at once in any number. Errors:
 * NOT_FOUND. */
NODISCARD enum rc viz_decide(struct tests *t, struct ctx *ctx, const struct viz_decision *d,
                             Assay__SdkApprovalResponse *resp);

/* A comment of `type` by the user is the decision of an assignment, if there is one. */
NODISCARD enum rc viz_assignment_decide(struct tests *t, struct ctx *ctx, const char *build_id,
                                        const char *user_id, const char *type);

/* Of these comparisons, in the open transaction: those that differ only where the screenshot is
 * known to change are approved, and told. */
NODISCARD enum rc viz_judge(struct tests *t, struct ctx *ctx, const struct str *ids, size_t count,
                            struct str **out_passed, size_t *out_count);
/* Judges the comparisons of a result that differ and wait for a decision, and tells webhooks of
 * those that have to be looked at. Columns: build, organization, id, whether it does so, name, per
 * cent. */
NODISCARD enum rc viz_tell_regressions(struct tests *t, struct ctx *ctx,
                                       const struct db_result *res);
/* The regions of a result as they are stored; boxes and pixels alone. NULL without memory. */
struct visual_region *viz_regions_parse(struct ctx *ctx, struct str json, size_t *out_count);
/* "y1,y2,y1,y2,..." NULL without memory. */
struct visual_band *viz_parse_bands(struct ctx *ctx, struct str text, size_t *out_count);
/* Confirmed regions and candidates of each of `names`. */
NODISCARD enum rc viz_regions(struct tests *t, struct ctx *ctx, int64_t project_id,
                              const struct str *names, size_t count, Assay__SdkRegions *out);

/* Rows of the screenshot `name` that change in most of the last `window` builds. */
NODISCARD enum rc viz_hotspots(struct tests *t, struct ctx *ctx, int64_t project_id,
                               struct str name, int64_t window, Assay__SdkHotspotAnalysis **out);

/* Names behind the numbers of the caller. Blocks: on auth. */
NODISCARD enum rc viz_caller(struct tests *t, struct ctx *ctx,
                             Assay__GetTokenContextResponse **out);

#endif
