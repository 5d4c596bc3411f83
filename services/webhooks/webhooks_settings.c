/* SPDX-License-Identifier: Apache-2.0
 *
 * Integration settings, the test message, which trackers are there. */
#include "pb/pb.h"
#include "webhooks/catalogue.h"
#include "webhooks/webhooks.h"
#include "webhooks/whk_chat.h"
#include "webhooks/whk_seal.h"
#include "webhooks/whk_settings.h"
#include "webhooks/whk_store.h"

/* --- shown --------------------------------------------------------------------------------- */

/* Where each setting stands in the messages. */
#define MEMBERS(m)                                                                                 \
    {                                                                                              \
        [SET_SLACK_URL] = &(m)->slack_webhook_url, [SET_TEAMS_URL] = &(m)->teams_webhook_url,      \
        [SET_GITHUB_TOKEN] = &(m)->github_token, [SET_GITHUB_REPO] = &(m)->github_repo,            \
        [SET_GITLAB_URL] = &(m)->gitlab_url, [SET_GITLAB_TOKEN] = &(m)->gitlab_token,              \
        [SET_GITLAB_PROJECT] = &(m)->gitlab_project, [SET_JIRA_BASE] = &(m)->jira_base,            \
        [SET_JIRA_EMAIL] = &(m)->jira_email, [SET_JIRA_TOKEN] = &(m)->jira_token,                  \
        [SET_JIRA_PROJECT] = &(m)->jira_project, [SET_FILE_ISSUES] = &(m)->file_issues,            \
    }

static enum rc
show(struct ctx *ctx, const struct whk_settings *s, Assay__IntegrationSettings *resp)
{
    char **const members[WHK_SETTING_COUNT] = MEMBERS(resp);

    for (int i = 0; i < WHK_SETTING_COUNT; i++) {
        struct str value = s->values[i];
        if (value.n == 0) {
            continue;
        }
        bool is_secret = whk_setting_is_secret((enum whk_setting_name)i);
        *members[i] = pb_strz(ctx->arena, is_secret ? whk_setting_mask(ctx, value) : value);
    }
    return arena_failed(ctx->arena) ? fail_memory(ctx, "the answer is too large") : RC_OK;
}

enum rc
webhooks_get_settings(struct webhooks *w, struct ctx *ctx, const Assay__GetSettingsRequest *req,
                      Assay__IntegrationSettings *resp)
{
    struct whk_settings s;

    (void)req;
    enum rc rc = whk_settings_read(w, ctx, &s);
    return rc == RC_OK ? show(ctx, &s, resp) : rc;
}

enum rc
webhooks_get_trackers(struct webhooks *w, struct ctx *ctx, const Assay__GetTrackersRequest *req,
                      Assay__GetTrackersResponse *resp)
{
    struct whk_settings s;

    (void)req;
    enum rc rc = whk_settings_read(w, ctx, &s);
    if (rc != RC_OK) {
        return rc;
    }
    const struct str *v = s.values;
    resp->github = v[SET_GITHUB_TOKEN].n > 0 && v[SET_GITHUB_REPO].n > 0;
    resp->gitlab = v[SET_GITLAB_TOKEN].n > 0 && v[SET_GITLAB_PROJECT].n > 0;
    resp->jira = v[SET_JIRA_BASE].n > 0 && v[SET_JIRA_EMAIL].n > 0 && v[SET_JIRA_TOKEN].n > 0 &&
                 v[SET_JIRA_PROJECT].n > 0;
    return RC_OK;
}

/* --- changed ------------------------------------------------------------------------------- */

struct change {
    struct whk_settings now;
    bool changed[WHK_SETTING_COUNT];
    struct str names; /* of what changed, for the audit log */
};

static enum rc
check_chat_url(struct webhooks *w, struct ctx *ctx, enum whk_setting_name name, struct str url)
{
    if (url.n == 0 || (name != SET_SLACK_URL && name != SET_TEAMS_URL)) {
        return RC_OK;
    }
    enum rc rc = http_check_url(w->http, ctx, url);
    if (rc != RC_PERMISSION_DENIED && rc != RC_INVALID_ARGUMENT) {
        return rc;
    }
    ctx_recover(ctx);
    return fail(ctx, RC_INVALID_ARGUMENT, "BAD_SETTING",
                rc == RC_PERMISSION_DENIED ? "%.*s: this address is private or reserved"
                                           : "%.*s: must be an http(s) URL",
                STR_ARG(whk_setting_text(name)));
}

/* The repository becomes part of a path. */
static enum rc
check_repo(struct ctx *ctx, enum whk_setting_name name, struct str repo)
{
    size_t slashes = 0;
    bool ok = true;

    if (name != SET_GITHUB_REPO || repo.n == 0) {
        return RC_OK;
    }
    for (size_t i = 0; i < repo.n; i++) {
        char c = repo.p[i];
        slashes += c == '/' ? 1 : 0;
        ok = ok &&
             (ch_is_alpha(c) || ch_is_digit(c) || c == '-' || c == '_' || c == '.' || c == '/');
    }
    ok = ok && slashes == 1 && repo.p[0] != '/' && repo.p[repo.n - 1] != '/' &&
         str_find(repo, STR("..")) < 0;
    return ok ? RC_OK
              : fail(ctx, RC_INVALID_ARGUMENT, "BAD_SETTING", "github_repo: must be owner/name");
}

static enum rc
store(struct webhooks *w, struct ctx *ctx, enum whk_setting_name name, struct str value)
{
    struct whk_setting setting = {.name = whk_setting_text(name)};
    enum rc rc = RC_OK;

    if (value.n > 0 && whk_setting_is_secret(name)) {
        rc = whk_seal_setting(w->ring, ctx, ctx->who.org_id, setting.name, value, &setting.sealed);
    } else {
        setting.value = value;
    }
    return rc == RC_OK ? whk_setting_put(w->db, ctx, &setting) : rc;
}

static void
add_word(struct ctx *ctx, const char *between, struct str word, struct str *to)
{
    *to = arena_printf(ctx->arena, "%.*s%s%.*s", STR_ARG(*to), to->n > 0 ? between : "",
                       STR_ARG(word));
}

static enum rc
take_member(struct webhooks *w, struct ctx *ctx, enum whk_setting_name name, struct str value,
            struct change *c)
{
    struct str old = c->now.values[name];
    bool is_mask =
        old.n > 0 && whk_setting_is_secret(name) && str_eq(value, whk_setting_mask(ctx, old));

    /* A secret that was written out again is meant: it also switches on what was switched off. */
    if (is_mask || (str_eq(value, old) && (value.n == 0 || !whk_setting_is_secret(name)))) {
        return RC_OK;
    }
    enum rc rc = check_chat_url(w, ctx, name, value);
    rc = rc == RC_OK ? check_repo(ctx, name, value) : rc;
    rc = rc == RC_OK ? store(w, ctx, name, value) : rc;
    c->now.values[name] = value;
    c->changed[name] = true;
    add_word(ctx, ", ", whk_setting_text(name), &c->names);
    return rc;
}

/* Slack and Teams are endpoints like others: their address is what is sealed. */
static enum rc
set_chat(struct webhooks *w, struct ctx *ctx, const char *kind, struct str url)
{
    struct str types[64];
    struct str sealed;
    int64_t id = 0;

    ASSERT(CATALOGUE_COUNT <= ARRAY_LEN(types));
    if (url.n == 0) {
        return whk_kind_drop(w->db, ctx, kind);
    }
    size_t n = catalogue_pick(CATALOGUE_CHAT, types);
    enum rc rc = whk_kind_put(w->db, ctx, kind, types, n, &id);
    rc = rc == RC_OK ? whk_seal(w->ring, ctx, id, url, &sealed) : rc;
    return rc == RC_OK ? whk_endpoint_set_secret(w->db, ctx, id, sealed) : rc;
}

/* The repository is told of runs as soon as there are token and name; the settings are read when it
 * is told. */
static enum rc
set_github(struct webhooks *w, struct ctx *ctx, const struct whk_settings *s)
{
    static const struct str TYPES[] = {STR_INIT("run.started"), STR_INIT("run.passed"),
                                       STR_INIT("run.failed"), STR_INIT("run.cancelled")};
    int64_t id = 0;

    if (s->values[SET_GITHUB_TOKEN].n == 0 || s->values[SET_GITHUB_REPO].n == 0) {
        return whk_kind_drop(w->db, ctx, WHK_KIND_GITHUB);
    }
    return whk_kind_put(w->db, ctx, WHK_KIND_GITHUB, TYPES, ARRAY_LEN(TYPES), &id);
}

static enum rc
set_endpoints(struct webhooks *w, struct ctx *ctx, const struct change *c)
{
    enum rc rc = RC_OK;

    if (c->changed[SET_SLACK_URL]) {
        rc = set_chat(w, ctx, WHK_KIND_SLACK, c->now.values[SET_SLACK_URL]);
    }
    if (rc == RC_OK && c->changed[SET_TEAMS_URL]) {
        rc = set_chat(w, ctx, WHK_KIND_TEAMS, c->now.values[SET_TEAMS_URL]);
    }
    if (rc == RC_OK && (c->changed[SET_GITHUB_TOKEN] || c->changed[SET_GITHUB_REPO])) {
        rc = set_github(w, ctx, &c->now);
    }
    return rc;
}

enum rc
webhooks_put_settings(struct webhooks *w, struct ctx *ctx, const Assay__PutSettingsRequest *req,
                      Assay__IntegrationSettings *resp)
{
    char *const *const members[WHK_SETTING_COUNT] = MEMBERS(req);
    struct change c = {.names = STR_EMPTY};

    enum rc rc = whk_settings_lock(w->db, ctx);
    rc = rc == RC_OK ? whk_settings_read(w, ctx, &c.now) : rc;
    for (int i = 0; rc == RC_OK && i < WHK_SETTING_COUNT; i++) {
        if (*members[i] != NULL) {
            rc = take_member(w, ctx, (enum whk_setting_name)i, str_z(*members[i]), &c);
        }
    }
    rc = rc == RC_OK ? set_endpoints(w, ctx, &c) : rc;
    if (rc == RC_OK && c.names.n > 0) {
        struct svc_event event = {.type = "settings.updated",
                                  .tell = TELL_AUDIT,
                                  .resource_type = STR("settings"),
                                  .resource_id =
                                      arena_printf(ctx->arena, "%lld", (long long)ctx->who.org_id),
                                  .details = c.names};
        rc = svc_emit(w->db, ctx, &event);
    }
    return rc == RC_OK ? show(ctx, &c.now, resp) : rc;
}

/* --- tried --------------------------------------------------------------------------------- */

static const char TEST_EVENT[] = "{\"type\":\"webhook.test\",\"data\":{}}";

/* *out_why stays empty when the chat took the message. */
static enum rc
send_test(struct webhooks *w, struct ctx *ctx, enum whk_chat chat, struct str url,
          struct str *out_why)
{
    static const struct http_header TYPE[] = {
        {STR_INIT("Content-Type"), STR_INIT("application/json; charset=utf-8")}};
    struct http_request req = {.method = "POST",
                               .url = url,
                               .headers = TYPE,
                               .header_count = ARRAY_LEN(TYPE),
                               .has_body = true,
                               .cut_response = true};
    struct http_response resp = {0};

    enum rc rc = whk_chat_body(ctx, chat, str_z(TEST_EVENT), &req.body);
    if (rc != RC_OK) {
        return rc;
    }
    rc = http_send(w->http, ctx, &req, &resp);
    if (rc != RC_OK) {
        *out_why = arena_str(ctx->arena, ctx->err.msg);
        ctx_recover(ctx);
    } else if (resp.status < 200 || resp.status >= 300) {
        *out_why = arena_printf(ctx->arena, "answered with status %d", resp.status);
    }
    return RC_OK;
}

/* A chat that took the message is well: it is switched on again if it was off. */
static enum rc
note_tested(struct webhooks *w, struct ctx *ctx, struct str sent, const struct str *kinds, size_t n)
{
    struct svc_event event = {.type = "settings.tested",
                              .tell = TELL_AUDIT,
                              .resource_type = STR("settings"),
                              .resource_id =
                                  arena_printf(ctx->arena, "%lld", (long long)ctx->who.org_id)};
    bool revived = false;

    enum rc rc = whk_kinds_revive(w->db, ctx, kinds, n, &revived);
    event.details =
        arena_printf(ctx->arena, "%.*s%s", STR_ARG(sent), revived ? ", switched on again" : "");
    return rc == RC_OK ? svc_emit(w->db, ctx, &event) : rc;
}

static enum rc
tell_tested(struct webhooks *w, struct ctx *ctx, struct str sent,
            const Assay__TestNotificationResponse *resp)
{
    struct str *kinds = ARENA_ARRAY(ctx->arena, resp->n_sent + 1, struct str);

    for (size_t i = 0; kinds != NULL && i < resp->n_sent; i++) {
        kinds[i] = str_z(resp->sent[i]);
    }
    enum rc rc = kinds == NULL ? fail_memory(ctx, "too many chats") : db_begin(w->db, ctx);
    if (rc != RC_OK) {
        return rc;
    }
    rc = note_tested(w, ctx, sent, kinds, resp->n_sent);
    if (rc != RC_OK) {
        db_rollback(w->db, ctx);
        return rc;
    }
    return db_commit(w->db, ctx);
}

/* Sends to every chat that is set. *out_sent, *out_failed: their names; of the latter why, too. */
static enum rc
test_chats(struct webhooks *w, struct ctx *ctx, const struct whk_settings *s,
           Assay__TestNotificationResponse *resp, struct str *out_sent, struct str *out_failed)
{
    static const struct {
        enum whk_setting_name name;
        enum whk_chat chat;
        const char *word;
    } CHATS[] = {{SET_SLACK_URL, WHK_SLACK, WHK_KIND_SLACK},
                 {SET_TEAMS_URL, WHK_TEAMS, WHK_KIND_TEAMS}};

    resp->sent = ARENA_ARRAY(ctx->arena, ARRAY_LEN(CHATS), char *);
    for (size_t i = 0; resp->sent != NULL && i < ARRAY_LEN(CHATS); i++) {
        struct str why = STR_EMPTY;
        struct str url = s->values[CHATS[i].name];
        enum rc rc = url.n > 0 ? send_test(w, ctx, CHATS[i].chat, url, &why) : RC_OK;
        if (rc != RC_OK) {
            return rc;
        }
        if (why.n > 0) {
            add_word(ctx, "; ", arena_printf(ctx->arena, "%s: %.*s", CHATS[i].word, STR_ARG(why)),
                     out_failed);
        } else if (url.n > 0) {
            add_word(ctx, ", ", str_z(CHATS[i].word), out_sent);
            resp->sent[resp->n_sent++] = pb_strz(ctx->arena, str_z(CHATS[i].word));
        }
    }
    return arena_failed(ctx->arena) ? fail_memory(ctx, "the answer is too large") : RC_OK;
}

enum rc
webhooks_test_notification(struct webhooks *w, struct ctx *ctx,
                           const Assay__TestNotificationRequest *req,
                           Assay__TestNotificationResponse *resp)
{
    struct whk_settings s;
    struct str sent = STR_EMPTY;
    struct str failed = STR_EMPTY;

    (void)req;
    enum rc rc = whk_settings_read(w, ctx, &s);
    if (rc == RC_OK && s.values[SET_SLACK_URL].n == 0 && s.values[SET_TEAMS_URL].n == 0) {
        return fail(ctx, RC_FAILED_PRECONDITION, "CHAT_NOT_CONFIGURED",
                    "no chat webhook is configured");
    }
    rc = rc == RC_OK ? test_chats(w, ctx, &s, resp, &sent, &failed) : rc;
    rc = rc == RC_OK && sent.n > 0 ? tell_tested(w, ctx, sent, resp) : rc;
    if (rc == RC_OK && failed.n > 0) {
        return fail(ctx, RC_UNKNOWN, "NOTIFICATION_ERROR", "%.*s", STR_ARG(failed));
    }
    resp->ok = true;
    return rc;
}
