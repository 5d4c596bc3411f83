/* SPDX-License-Identifier: Apache-2.0
 *
 * The first admin of a fresh stack and STATE/assay.env, which tells how to get in. */
#include "cli/stack.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/id.h"
#include "cli/api.h"
#include "cli/cli.h"

#define EMAIL "admin@example.com"
#define PASSWORD_BYTES 12
#define DEVICE_US (60 * ASSAY_US_PER_S)

struct access {
    const char *email;
    const char *password;
    const char *token;
};

/* Whole or not at all: renamed into place. */
static bool
write_env(const struct stack_paths *paths, const char *url, const struct access *a)
{
    char fresh[PATH_MAX];
    char text[4096];

    int n = snprintf(text, sizeof(text),
                     "ASSAY_URL=%s\nASSAY_EMAIL=%s\nASSAY_PASSWORD=%s\nASSAY_TOKEN=%s\n", url,
                     a->email, a->password, a->token);
    (void)snprintf(fresh, sizeof(fresh), "%s.new", paths->env);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && n > 0 && (size_t)n < sizeof(text) && write(fd, text, (size_t)n) == n;
    if (fd >= 0) {
        ok = close(fd) == 0 && ok;
    }
    if (!ok || rename(fresh, paths->env) != 0) {
        (void)fprintf(stderr, "assay: cannot write %s\n", paths->env);
        return false;
    }
    return true;
}

/* Signs in, or makes the first admin; NULL: neither worked. */
static const char *
session(struct api *api, struct arena *arena, const struct access *a, bool fresh)
{
    struct buf body;

    buf_init(&body, 4096);
    buf_putc(&body, '{');
    json_put_member_str(&body, "email", str_z(a->email));
    json_put_member_str(&body, "password", str_z(a->password));
    buf_putc(&body, '}');
    const struct json_value *v =
        api_call(api, "POST", fresh ? "/api/v1/auth/setup" : "/api/v1/auth/login", buf_str(&body));
    const char *token = v == NULL ? NULL : arena_strz(arena, json_str(json_get(v, "token")));
    buf_fini(&body);
    return token;
}

static const char *
make_token(struct api *api, struct arena *arena, const char *session_token)
{
    api->token = session_token;
    const struct json_value *v =
        api_call(api, "POST", "/api/v1/auth/tokens", STR("{\"name\":\"assay.env\"}"));
    return v == NULL ? NULL : arena_strz(arena, json_str(json_get(v, "token")));
}

static bool
works(struct api *api, const char *token)
{
    api->token = token;
    return token[0] != '\0' && api_get(api, "/api/v1/auth/me") != NULL;
}

static const char *
new_password(struct arena *arena)
{
    unsigned char bytes[PASSWORD_BYTES];
    char hex[2 * PASSWORD_BYTES + 1];

    id_random(bytes, sizeof(bytes));
    id_hex(bytes, sizeof(bytes), hex);
    return arena_strz(arena, str_z(hex));
}

/* The password is written down before the account exists, so that a crash in between costs nothing.
 */
static int
get_in(struct api *api, struct arena *arena, const struct stack_paths *paths, struct access *a)
{
    const struct json_value *v = api_get(api, "/api/v1/auth/setup");
    bool fresh = json_bool(json_get(v, "needs_setup"), false);

    if (v == NULL) {
        (void)fprintf(stderr, "assay: %s\n", api->why);
        return CLI_BROKEN;
    }
    if (fresh && a->password[0] == '\0') {
        a->password = stack_setting("ASSAY_PASSWORD", new_password(arena));
        a->email = stack_setting("ASSAY_EMAIL", EMAIL);
        if (!write_env(paths, api->url, a)) {
            return CLI_BROKEN;
        }
    }
    if (a->password[0] == '\0') {
        (void)fprintf(stderr,
                      "assay: the database has accounts, but %s is gone: no token was made\n",
                      paths->env);
        return CLI_OK;
    }
    const char *token = session(api, arena, a, fresh);
    token = token == NULL ? NULL : make_token(api, arena, token);
    if (token == NULL) {
        (void)fprintf(stderr, "assay: cannot sign in as %s: %s\n", a->email, api->why);
        return CLI_BROKEN;
    }
    a->token = token;
    return write_env(paths, api->url, a) ? CLI_OK : CLI_BROKEN;
}

/* --- devices ------------------------------------------------------------------------------- */

static bool
has_worker(const struct stack_board *board)
{
    for (size_t i = 0; i < board->count; i++) {
        if (str_starts(str_z(board->child[i].name), STR("worker"))) {
            return true;
        }
    }
    return false;
}

static int
wait_device(struct api *api, struct arena *arena, const struct stack_paths *paths)
{
    int64_t end = clk_mono_us() + DEVICE_US;
    struct timespec pause = {.tv_nsec = 700000000}; /* within the rate limit */
    struct stack_board board;

    if (!stack_board_read(arena, paths, &board) || !has_worker(&board)) {
        return CLI_OK;
    }
    while (clk_mono_us() < end) {
        const struct json_value *v = api_get(api, "/api/v1/devices/");
        if (v != NULL && v->count > 0) {
            return CLI_OK;
        }
        (void)nanosleep(&pause, NULL);
    }
    (void)fputs("assay: no device came up; the worker's log ends with\n", stderr);
    stack_log_tail(paths, "worker", 20, stderr);
    return CLI_BROKEN;
}

int
stack_admin(struct arena *arena, const struct stack_paths *paths, const char *url)
{
    struct access a = {.email = env_file_get(arena, paths->env, "ASSAY_EMAIL"),
                       .password = env_file_get(arena, paths->env, "ASSAY_PASSWORD"),
                       .token = env_file_get(arena, paths->env, "ASSAY_TOKEN")};
    const char *old_url = env_file_get(arena, paths->env, "ASSAY_URL");
    struct api api;

    if (!api_open(&api, url, "")) {
        return CLI_BROKEN;
    }
    api.patience_us = 10 * ASSAY_US_PER_S;
    int rc = CLI_OK;
    if (!works(&api, a.token)) {
        api.token = "";
        rc = get_in(&api, arena, paths, &a);
    } else if (strcmp(url, old_url) != 0) {
        rc = write_env(paths, url, &a) ? CLI_OK : CLI_BROKEN;
    }
    if (rc == CLI_OK && a.token[0] != '\0') {
        api.token = a.token;
        rc = wait_device(&api, arena, paths);
    }
    api_close(&api);
    return rc;
}
