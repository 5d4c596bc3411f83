/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of the web folder: the API's viewer at /docs, the pages that mailed links lead to at
 * /account and what belongs to them. Names come from a closed alphabet and never hold "..", so no
 * path leaves the folder. */
#include "gateway/gw.h"
#include "gateway/gw_pack.h"
#include "openapi_json.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    struct str ext;
    const char *type;
} TYPES[] = {
    {STR_INIT(".html"), "text/html; charset=utf-8"},
    {STR_INIT(".js"), "text/javascript; charset=utf-8"},
    {STR_INIT(".css"), "text/css; charset=utf-8"},
    {STR_INIT(".json"), "application/json; charset=utf-8"},
    {STR_INIT(".svg"), "image/svg+xml"},
    {STR_INIT(".png"), "image/png"},
    {STR_INIT(".ico"), "image/x-icon"},
    {STR_INIT(".woff2"), "font/woff2"},
};

static const char *
type_of(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(TYPES); i++) {
        if (str_ends(name, TYPES[i].ext)) {
            return TYPES[i].type;
        }
    }
    return NULL;
}

static bool
is_safe_name(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (!ch_is_alpha(c) && !ch_is_digit(c) && strchr("/._-", c) == NULL) {
            return false;
        }
    }
    return str_find(name, STR("..")) < 0 && str_find(name, STR("//")) < 0 && name.n < 200;
}

/* No third party, no inline script: the viewer's own files only. Source: ASVS 5.0 V3. */
#define CSP                                                                                        \
    "Content-Security-Policy: default-src 'self'; img-src 'self' data:; style-src 'self' "         \
    "'unsafe-inline'; frame-ancestors 'none'\r\nReferrer-Policy: no-referrer\r\n"

static bool
send_file(struct gw_req *r, const char *path, const char *type)
{
    char chunk[65536];
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0) {
        return false;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        (void)close(fd);
        return false;
    }
    gw_common_headers(r);
    buf_printf(r->headers, "Content-Type: %s\r\nCache-Control: max-age=300\r\n" CSP, type);
    bool ok = web_answer_begin(r->conn, 200, buf_str(r->headers), st.st_size);
    off_t left = str_eqz(r->http->verb, "HEAD") ? 0 : st.st_size;
    while (ok && left > 0) {
        ssize_t n = read(fd, chunk, sizeof(chunk));
        ok = n > 0 && web_write(r->conn, str_n(chunk, (size_t)n));
        left -= n;
    }
    if (!ok) {
        web_close_after(r->conn);
    }
    (void)close(fd);
    return true;
}

static void
send_openapi(struct gw_req *r)
{
    struct str body = openapi_json;

    gw_common_headers(r);
    buf_put(r->headers, STR("Content-Type: application/json; charset=utf-8\r\n"
                            "Cache-Control: max-age=300\r\nVary: Accept-Encoding\r\n"));
    if (gw_accepts_gzip(web_header(r->http, "accept-encoding")) && gw_pack(openapi_json, &body)) {
        buf_put(r->headers, STR("Content-Encoding: gzip\r\n"));
    }
    web_answer(r->conn, 200, buf_str(r->headers), body);
}

/* The file a path names, below the web folder; empty: none. */
static struct str
file_name(struct arena *arena, struct str path)
{
    if (str_eqz(path, "/docs")) {
        return STR("/docs/index.html");
    }
    if (str_starts(path, STR("/account/")) && str_find_byte(path, '.') < 0) {
        return arena_printf(arena, "%.*s.html", STR_ARG(path));
    }
    return str_starts(path, STR("/docs/")) || str_starts(path, STR("/account/")) ? path : STR_EMPTY;
}

/* The path names something that can only be read. */
static bool
refuse_verb(struct gw_req *r)
{
    if (str_eqz(r->http->verb, "GET") || str_eqz(r->http->verb, "HEAD")) {
        return false;
    }
    ctx_recover(&r->ctx);
    r->allowed = 1U << GW_GET;
    (void)fail(&r->ctx, RC_UNIMPLEMENTED, "METHOD_NOT_ALLOWED", "method not allowed");
    gw_answer_failure(r);
    return true;
}

bool
gw_answer_file(struct gw_req *r)
{
    struct str path = r->http->path;
    char file[PATH_MAX];

    if (path.n > 1 && path.p[path.n - 1] == '/') {
        path.n--;
    }
    if (str_eqz(path, "/openapi.json")) {
        if (refuse_verb(r)) {
            return true;
        }
        ctx_recover(&r->ctx);
        send_openapi(r);
        return true;
    }
    struct str name = file_name(r->ctx.arena, path);
    const char *type = type_of(name);
    int n = snprintf(file, sizeof(file), "%s%.*s", r->gw->cfg->web_dir, STR_ARG(name));
    if (name.n == 0 || type == NULL || !is_safe_name(name) || n < 0 || (size_t)n >= sizeof(file)) {
        return false;
    }
    if (access(file, R_OK) == 0 && refuse_verb(r)) {
        return true;
    }
    struct err stands = r->ctx.err;
    ctx_recover(&r->ctx);
    if (!send_file(r, file, type)) {
        r->ctx.err = stands;
        return false;
    }
    return true;
}
