/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/rpc_resolve.h"

#include <dirent.h>
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

static void
add(struct rpc_urls *urls, struct str url)
{
    if (url.n == 0 || urls->count == RPC_REPLICAS_MAX) {
        return;
    }
    for (size_t i = 0; i < urls->count; i++) {
        if (str_eqz(url, urls->url[i])) {
            return;
        }
    }
    urls->url[urls->count++] = url.p;
}

static enum rc
resolve_ipc(struct arena *arena, const char *path, struct rpc_urls *out)
{
    const char *slash = strrchr(path, '/');
    struct str dir = str_n(path, slash == path ? 1 : (size_t)(slash - path));
    struct str prefix = arena_printf(arena, "%s.", slash + 1);
    DIR *d = opendir(arena_strz(arena, dir));

    if (d == NULL) {
        return errno == ENOENT ? RC_OK : RC_UNAVAILABLE;
    }
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (str_starts(str_z(e->d_name), prefix) &&
            (e->d_type == DT_SOCK || e->d_type == DT_UNKNOWN)) {
            add(out, arena_printf(arena, "ipc://%.*s/%s", STR_ARG(dir), e->d_name));
        }
    }
    (void)closedir(d);
    return RC_OK;
}

static enum rc
resolve_host(struct arena *arena, struct str scheme, const char *host_port, struct rpc_urls *out)
{
    const char *colon = strrchr(host_port, ':');
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    struct str host = str_n(host_port, (size_t)(colon - host_port));

    if (host.n > 2 && host.p[0] == '[') {
        host = str_n(host.p + 1, host.n - 2);
    }
    int rv = getaddrinfo(arena_strz(arena, host), colon + 1, &hints, &found);
    if (rv == EAI_NONAME || rv == EAI_NODATA) {
        return RC_OK; /* a headless service without a ready replica */
    }
    if (rv != 0) {
        return RC_UNAVAILABLE;
    }
    for (struct addrinfo *a = found; a != NULL; a = a->ai_next) {
        char text[NI_MAXHOST];
        if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST) ==
            0) {
            add(out, a->ai_family == AF_INET6
                         ? arena_printf(arena, "%.*s[%s]:%s", STR_ARG(scheme), text, colon + 1)
                         : arena_printf(arena, "%.*s%s:%s", STR_ARG(scheme), text, colon + 1));
        }
    }
    freeaddrinfo(found);
    return RC_OK;
}

enum rc
rpc_resolve(struct arena *arena, const char *service, struct rpc_urls *out)
{
    struct str s = str_z(service);
    struct rpc_urls urls = {0};
    enum rc rc;

    if (str_starts(s, STR("ipc://"))) {
        rc = resolve_ipc(arena, service + 6, &urls);
    } else if (str_starts(s, STR("tls+tcp://"))) {
        rc = resolve_host(arena, STR("tls+tcp://"), service + 10, &urls);
    } else {
        rc = resolve_host(arena, STR("tcp://"), service + 6, &urls);
    }
    if (rc == RC_OK) {
        *out = urls;
    }
    return rc;
}
