/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/api.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ARENA_MAX ((size_t)64 << 20)
#define RESPONSE_MAX ((size_t)32 << 20)
#define CALL_US (60 * ASSAY_US_PER_S)
#define RETRY_US (250 * ASSAY_US_PER_MS)
#define PACE_MIN_US (250 * ASSAY_US_PER_MS)
#define PACE_MAX_US (3 * ASSAY_US_PER_S)
#define ENV_FILE_MAX 16384

bool
api_open(struct api *api, const char *url, const char *token)
{
    struct http_client_cfg cfg = {.reach = ADDR_REACH_ANY,
                                  .timeout_us = CALL_US,
                                  .response_max = RESPONSE_MAX,
                                  .user_agent = "assay-cli"};
    *api = (struct api){.url = url, .token = token, .arena = arena_new(ARENA_MAX)};
    if (api->arena == NULL || http_client_new(&cfg, &api->client) != RC_OK) {
        arena_free(api->arena);
        return false;
    }
    return true;
}

void
api_close(struct api *api)
{
    http_client_free(api->client);
    arena_free(api->arena);
}

void
api_begin(struct api *api)
{
    arena_reset(api->arena);
}

static bool
is_interrupted(const struct api *api)
{
    return api->interrupt != NULL && *api->interrupt != 0;
}

static void
pause_us(int64_t us)
{
    struct timespec t = {.tv_sec = us / ASSAY_US_PER_S, .tv_nsec = us % ASSAY_US_PER_S * 1000};

    (void)nanosleep(&t, NULL); /* a signal ends it early */
}

static enum rc
send_once(struct api *api, const char *method, const char *path, struct str body,
          struct http_response *out, struct ctx *ctx)
{
    struct str auth = arena_printf(api->arena, "Bearer %s", api->token);
    struct http_header headers[2];
    size_t n = 0;

    if (api->token[0] != '\0') {
        headers[n++] = (struct http_header){STR("Authorization"), auth};
    }
    if (body.n > 0) {
        headers[n++] = (struct http_header){STR("Content-Type"), STR("application/json")};
    }
    struct http_request req = {.method = method,
                               .url = arena_printf(api->arena, "%s%s", api->url, path),
                               .headers = headers,
                               .header_count = n,
                               .body = body,
                               .has_body =
                                   strcmp(method, "GET") != 0 && strcmp(method, "DELETE") != 0};
    ctx_init(ctx, api->arena);
    return http_send(api->client, ctx, &req, out);
}

/* What to wait before the same call is worth another try; -1: it is not. A call that changes
 * something is sent again only when it certainly was not executed. */
static int64_t
retry_after(const struct api *api, const char *method, enum rc rc, const struct http_response *resp)
{
    int64_t seconds = 0;

    if (rc == RC_OK && resp->status == 429) {
        struct str text = http_header_get(resp, "Retry-After");
        bool given = str_to_i64(text, 0, 600, &seconds) == RC_OK;
        return given && seconds > 0 ? seconds * ASSAY_US_PER_S : ASSAY_US_PER_S;
    }
    if (api->patience_us <= 0) {
        return -1;
    }
    bool reads = strcmp(method, "GET") == 0;
    bool absent = rc == RC_UNAVAILABLE || (rc == RC_OK && resp->status == 503);
    bool broken = rc == RC_UNKNOWN || rc == RC_DEADLINE_EXCEEDED ||
                  (rc == RC_OK && (resp->status == 502 || resp->status == 504));
    return absent || (reads && broken) ? RETRY_US : -1;
}

/* The number behind `;x=` of a RateLimit field; -1: none. */
static int64_t
rate_number(struct str field, struct str name)
{
    ptrdiff_t at = str_find(field, name);
    int64_t n = -1;

    if (at < 0) {
        return -1;
    }
    struct str rest = str_sub(field, (size_t)at + name.n, field.n);
    return str_to_i64(str_split(&rest, ';'), 0, 1000000, &n) == RC_OK ? n : -1;
}

/* Quick while more than half of the quota is left, which others with the same token share: a second
 * run, a script. Below that as slowly as several can afford at once. */
static void
set_pace(struct api *api, const struct http_response *resp)
{
    int64_t left = rate_number(http_header_get(resp, "RateLimit"), STR(";r="));
    int64_t quota = rate_number(http_header_get(resp, "RateLimit-Policy"), STR(";q="));

    api->pace_us = left >= 0 && quota > 0 && left <= quota / 2 ? PACE_MAX_US : PACE_MIN_US;
}

static void
explain(struct api *api, const char *method, const char *path, const struct ctx *ctx,
        const struct http_response *resp, const struct json_value *tree)
{
    struct str detail = json_str(json_get(tree, "detail"));

    if (api->status == 0) {
        detail = ctx->err.detail.n > 0 ? ctx->err.detail : ctx->err.msg;
        (void)snprintf(api->why, sizeof(api->why), "%s does not answer: %.*s", api->url,
                       STR_ARG(detail));
        return;
    }
    detail = detail.n > 0 ? detail : str_sub(resp->body, 0, 200);
    (void)snprintf(api->why, sizeof(api->why), "%s %s: %d %.*s", method, path, api->status,
                   STR_ARG(detail));
}

const struct json_value *
api_call(struct api *api, const char *method, const char *path, struct str body)
{
    static const struct json_value NOTHING = {.type = JSON_NULL};
    int64_t give_up_us = clk_mono_us() + api->patience_us;
    const struct json_value *tree = NULL;
    struct http_response resp;
    struct ctx ctx;

    for (;;) {
        resp = (struct http_response){0};
        enum rc rc = send_once(api, method, path, body, &resp, &ctx);
        int64_t wait = retry_after(api, method, rc, &resp);
        bool limited = rc == RC_OK && resp.status == 429;
        api->status = rc == RC_OK ? resp.status : 0;
        set_pace(api, &resp);
        if (wait < 0 || is_interrupted(api) || (!limited && clk_mono_us() > give_up_us)) {
            break;
        }
        pause_us(wait);
        give_up_us += limited ? wait : 0;
    }
    if (api->status != 0 && json_parse(resp.body, api->arena, &tree, NULL) != RC_OK) {
        tree = resp.body.n == 0 ? &NOTHING : NULL;
    }
    if (api->status >= 200 && api->status < 300 && tree != NULL) {
        return tree;
    }
    explain(api, method, path, &ctx, &resp, tree);
    return NULL;
}

const struct json_value *
api_get(struct api *api, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    struct str path = arena_vprintf(api->arena, fmt, args);
    va_end(args);
    return api_call(api, "GET", arena_strz(api->arena, path), STR_EMPTY);
}

const char *
env_file_get(struct arena *arena, const char *path, const char *name)
{
    char text[ENV_FILE_MAX];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

    if (fd >= 0) {
        (void)close(fd);
    }
    struct str rest = str_n(text, n > 0 ? (size_t)n : 0);
    while (rest.n > 0) {
        struct str value = str_split(&rest, '\n');
        if (str_eqz(str_split(&value, '='), name)) {
            return arena_strz(arena, value);
        }
    }
    return "";
}
