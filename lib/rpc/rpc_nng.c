/* SPDX-License-Identifier: Apache-2.0
 *
 * NNG 1.5 makes two task threads and one timeout thread for every processor of the node, and gets
 * slower with each (32 callers: 30,500 calls/s with 2 task threads, 13,400 with 16). It has no
 * setting for it but asks sysconf(3); the definition below stands before libc's and answers 1 to
 * that question alone. Nothing else of ours asks it: who sizes a pool takes sched_getaffinity. */
#include "rpc/rpc_nng.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/transport/ipc/ipc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PEM_MAX ((size_t)256 * 1024)
#define RECONNECT_MIN_MS 20
#define RECONNECT_MAX_MS 250
#define SP_HEADER 8
#define GREETING_US (200 * ASSAY_US_PER_MS)
#define RECONNECT_NEVER_MS (7 * 24 * 3600 * 1000)

/* Sanitizers ask before they are ready to watch. */
__attribute__((no_sanitize("thread", "address", "undefined"))) long
sysconf(int name)
{
    static long (*_Atomic real)(int);
    long (*fn)(int) = atomic_load(&real);

    if (name == _SC_NPROCESSORS_ONLN) {
        return 1;
    }
    if (fn == NULL) {
        void *sym = dlsym(RTLD_NEXT, "sysconf");
        ASSERT(sym != NULL);
        __builtin_memcpy(&fn, &sym, sizeof(fn));
        atomic_store(&real, fn);
    }
    return fn(name);
}

/* Formats the reason of a failure into storage of the thread. */
static const char *PRINTF_LIKE(1, 2) why_of(const char *fmt, ...)
{
    static _Thread_local char text[512];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return text;
}

/* --- addresses ----------------------------------------------------------------------------- */

static enum rc
refuse(const char **out_why, const char *why)
{
    *out_why = why;
    return RC_INVALID_ARGUMENT;
}

static enum rc
check_path(const char *path, const char **out_why)
{
    size_t max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

    if (path[0] != '/') {
        return refuse(out_why, why_of("ipc: the path \"%s\" is not absolute", path));
    }
    if (strlen(path) > max) {
        return refuse(out_why, why_of("ipc: the path \"%s\" has %zu bytes, a socket's address "
                                      "holds %zu: use a shorter directory",
                                      path, strlen(path), max));
    }
    return RC_OK;
}

static enum rc
check_host(const char *host_port, const char **out_why)
{
    const char *colon = strrchr(host_port, ':');
    uint64_t port = 0;

    if (colon == NULL || colon == host_port ||
        str_to_u64(str_z(colon + 1), 65535, &port) != RC_OK) {
        return refuse(out_why, why_of("\"%s\" is not host:port", host_port));
    }
    return RC_OK;
}

enum rc
rpc_url_check(const char *url, const struct rpc_tls *tls, bool allow_plain_tcp,
              enum rpc_scheme *out, const char **out_why)
{
    struct str s = str_z(url);

    if (str_starts(s, STR("ipc://"))) {
        *out = RPC_IPC;
        return check_path(url + 6, out_why);
    }
    if (str_starts(s, STR("tls+tcp://"))) {
        *out = RPC_TLS;
        if (tls->ca_file == NULL || tls->cert_file == NULL) {
            return refuse(out_why, "tls+tcp: needs a CA and a certificate of its own");
        }
        return check_host(url + 10, out_why);
    }
    if (str_starts(s, STR("tcp://"))) {
        *out = RPC_TCP;
        if (!allow_plain_tcp) {
            return refuse(out_why, "tcp: refused, it neither encrypts nor tells who calls; use "
                                   "tls+tcp, or allow it by configuration");
        }
        return check_host(url + 6, out_why);
    }
    return refuse(out_why, why_of("\"%s\": expected ipc://, tls+tcp:// or tcp://", url));
}

/* --- TLS ----------------------------------------------------------------------------------- */

/* Returns the file's text, NUL-terminated, or NULL. */
static char *
read_pem(const char *path, const char **out_why)
{
    FILE *f = fopen(path, "re");
    char *text = f == NULL ? NULL : malloc(PEM_MAX + 1);
    size_t n = text == NULL ? 0 : fread(text, 1, PEM_MAX + 1, f);

    if (n == 0 || n > PEM_MAX) {
        *out_why = why_of("%s: %s", path, f == NULL ? strerror(errno) : "empty or too long");
        free(text);
        text = NULL;
    } else {
        text[n] = '\0';
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    return text;
}

/* Wipes what may be a key. */
static void
pem_free(char **text)
{
    if (*text != NULL) {
        explicit_bzero(*text, strlen(*text));
        free(*text);
    }
}

static enum rc
tls_fill(nng_tls_config *config, const struct rpc_tls *tls, const char **out_why)
{
    char *ca CLEANUP(pem_free) = read_pem(tls->ca_file, out_why);
    char *cert CLEANUP(pem_free) = ca == NULL ? NULL : read_pem(tls->cert_file, out_why);
    const char *key_file = tls->key_file == NULL ? tls->cert_file : tls->key_file;
    char *key CLEANUP(pem_free) = cert == NULL ? NULL : read_pem(key_file, out_why);

    if (key == NULL) {
        return RC_UNAVAILABLE;
    }
    int rv = nng_tls_config_ca_chain(config, ca, NULL);
    if (rv != 0) {
        *out_why = why_of("%s: %s", tls->ca_file, nng_strerror(rv));
        return RC_UNAVAILABLE;
    }
    rv = nng_tls_config_own_cert(config, cert, key, NULL);
    if (rv != 0) {
        *out_why = why_of("%s, %s: %s", tls->cert_file, key_file, nng_strerror(rv));
        return RC_UNAVAILABLE;
    }
    if (tls->server_name != NULL) {
        (void)nng_tls_config_server_name(config, tls->server_name);
    }
    rv = nng_tls_config_auth_mode(config, NNG_TLS_AUTH_MODE_REQUIRED);
    *out_why = nng_strerror(rv);
    return rv == 0 ? RC_OK : RC_UNAVAILABLE;
}

static enum rc
tls_new(const struct rpc_tls *tls, nng_tls_mode mode, nng_tls_config **out, const char **out_why)
{
    int rv = nng_tls_config_alloc(out, mode);

    if (rv != 0) {
        *out_why = nng_strerror(rv);
        return RC_UNAVAILABLE;
    }
    enum rc rc = tls_fill(*out, tls, out_why);
    if (rc != RC_OK) {
        nng_tls_config_free(*out);
    }
    return rc;
}

/* --- sockets ------------------------------------------------------------------------------- */

static enum rc
fail_close(nng_socket sock, int rv, const char **out_why)
{
    *out_why = nng_strerror(rv);
    (void)nng_close(sock);
    return RC_UNAVAILABLE;
}

static int
watch_pipes(nng_socket sock, nng_pipe_cb on_pipe, void *arg)
{
    int rv = nng_pipe_notify(sock, NNG_PIPE_EV_ADD_POST, on_pipe, arg);

    return rv != 0 ? rv : nng_pipe_notify(sock, NNG_PIPE_EV_REM_POST, on_pipe, arg);
}

static int
open_req(const char *url, size_t frame_max, nng_socket *out)
{
    bool is_ipc = str_starts(str_z(url), STR("ipc://"));
    int rv = nng_req0_open(out);

    if (rv != 0) {
        return rv;
    }
    /* Before any context is opened: contexts copy it. */
    (void)nng_socket_set_ms(*out, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE);
    (void)nng_socket_set_ms(*out, NNG_OPT_RECONNMINT,
                            is_ipc ? RECONNECT_NEVER_MS : RECONNECT_MIN_MS);
    (void)nng_socket_set_ms(*out, NNG_OPT_RECONNMAXT,
                            is_ipc ? RECONNECT_NEVER_MS : RECONNECT_MAX_MS);
    return nng_socket_set_size(*out, NNG_OPT_RECVMAXSZ, frame_max);
}

static enum rc
dialer_start(nng_socket sock, const char *url, const struct rpc_tls *tls, const char **out_why)
{
    nng_dialer dialer;
    int rv = nng_dialer_create(&dialer, sock, url);

    if (rv != 0) {
        *out_why = why_of("%s: %s", url, nng_strerror(rv));
        return RC_UNAVAILABLE;
    }
    if (str_starts(str_z(url), STR("tls+tcp://"))) {
        nng_tls_config *config = NULL;
        enum rc rc = tls_new(tls, NNG_TLS_MODE_CLIENT, &config, out_why);
        if (rc != RC_OK) {
            return rc;
        }
        rv = nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, config);
        nng_tls_config_free(config);
    }
    /* Options of TCP; an ipc dialer refuses them. */
    (void)nng_dialer_set_bool(dialer, NNG_OPT_TCP_KEEPALIVE, true);
    (void)nng_dialer_set_bool(dialer, NNG_OPT_TCP_NODELAY, true);
    rv = rv != 0 ? rv : nng_dialer_start(dialer, NNG_FLAG_NONBLOCK);
    if (rv != 0) {
        *out_why = why_of("%s: %s", url, nng_strerror(rv));
        return RC_UNAVAILABLE;
    }
    return RC_OK;
}

enum rc
rpc_dial(const char *url, const struct rpc_tls *tls, size_t frame_max, nng_pipe_cb on_pipe,
         void *arg, nng_socket *out, const char **out_why)
{
    nng_socket sock;
    int rv = open_req(url, frame_max, &sock);

    if (rv != 0) {
        *out_why = nng_strerror(rv);
        return RC_UNAVAILABLE;
    }
    rv = watch_pipes(sock, on_pipe, arg);
    if (rv != 0) {
        return fail_close(sock, rv, out_why);
    }
    *out = sock; /* on_pipe may run before we return */
    enum rc rc = dialer_start(sock, url, tls, out_why);
    if (rc != RC_OK) {
        (void)nng_close(sock);
    }
    return rc;
}

enum rc
rpc_bind(size_t frame_max, nng_pipe_cb on_pipe, void *arg, nng_socket *out, const char **out_why)
{
    int rv = nng_rep0_open(out);

    if (rv != 0) {
        *out_why = nng_strerror(rv);
        return RC_UNAVAILABLE;
    }
    rv = nng_socket_set_size(*out, NNG_OPT_RECVMAXSZ, frame_max);
    rv = rv != 0 ? rv : watch_pipes(*out, on_pipe, arg);
    return rv == 0 ? RC_OK : fail_close(*out, rv, out_why);
}

/* Connects to the path: >= 0, or -1 when nobody listens. */
static int
try_connect(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || strlen(path) >= sizeof(addr.sun_path)) {
        return fd;
    }
    memcpy(addr.sun_path, path, strlen(path) + 1);
    /* EAGAIN: somebody listens, and has much to do. */
    if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 && errno != EAGAIN) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* Greets the way NNG does (the header of an SP connection, as REQ) and waits for the greeting. An
 * ipc listener of NNG 1.5 accepts nobody any more after a peer that left without greeting. */
static bool
greet(int fd, int64_t wait_us)
{
    static const unsigned char hello[SP_HEADER] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    unsigned char answer[SP_HEADER];
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    return send(fd, hello, sizeof(hello), MSG_NOSIGNAL) == SP_HEADER &&
           poll(&wait, 1, (int)(wait_us / ASSAY_US_PER_MS)) == 1 &&
           recv(fd, answer, sizeof(answer), 0) == SP_HEADER && memcmp(answer, hello, 4) == 0;
}

bool
rpc_greets(const char *path, int64_t wait_us)
{
    int fd = try_connect(path);
    bool is_live = fd >= 0 && greet(fd, wait_us);

    if (fd >= 0) {
        (void)close(fd);
    }
    return is_live;
}

bool
rpc_nng_prepare(void)
{
    nng_aio *aio = NULL;
    bool ok = nng_aio_alloc(&aio, NULL, NULL) == 0;

    if (ok) {
        nng_aio_free(aio);
    }
    return ok;
}

bool
rpc_is_live(const char *url)
{
    return !str_starts(str_z(url), STR("ipc://")) || rpc_greets(url + 6, GREETING_US);
}

/* Removes the socket file a dead server left; a living one, or a file of another kind, is an
 * error. */
static enum rc
clear_stale(const char *path, const char **out_why)
{
    struct stat st;

    if (lstat(path, &st) != 0) {
        return RC_OK;
    }
    if (!S_ISSOCK(st.st_mode)) {
        *out_why = why_of("%s exists and is not a socket", path);
        return RC_UNAVAILABLE;
    }
    int fd = try_connect(path);
    if (fd >= 0) {
        (void)greet(fd, GREETING_US);
        (void)close(fd);
        *out_why = why_of("%s: another server is listening there", path);
        return RC_UNAVAILABLE;
    }
    (void)unlink(path);
    return RC_OK;
}

static enum rc
listener_options(nng_listener listener, enum rpc_scheme scheme, const struct rpc_tls *tls,
                 const char **out_why)
{
    int rv = 0;

    if (scheme == RPC_IPC) {
        rv = nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, S_IRUSR | S_IWUSR);
    } else {
        (void)nng_listener_set_bool(listener, NNG_OPT_TCP_NODELAY, true);
        (void)nng_listener_set_bool(listener, NNG_OPT_TCP_KEEPALIVE, true);
    }
    if (scheme == RPC_TLS) {
        nng_tls_config *config = NULL;
        enum rc rc = tls_new(tls, NNG_TLS_MODE_SERVER, &config, out_why);
        if (rc != RC_OK) {
            return rc;
        }
        rv = nng_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, config);
        nng_tls_config_free(config);
    }
    *out_why = nng_strerror(rv);
    return rv == 0 ? RC_OK : RC_UNAVAILABLE;
}

enum rc
rpc_listen(nng_socket sock, const char *url, enum rpc_scheme scheme, const struct rpc_tls *tls,
           const char **out_why)
{
    nng_listener listener;
    enum rc rc = scheme == RPC_IPC ? clear_stale(url + 6, out_why) : RC_OK;

    if (rc != RC_OK) {
        return rc;
    }
    int rv = nng_listener_create(&listener, sock, url);
    if (rv != 0) {
        *out_why = why_of("%s: %s", url, nng_strerror(rv));
        return RC_UNAVAILABLE;
    }
    rc = listener_options(listener, scheme, tls, out_why);
    if (rc != RC_OK) {
        return rc;
    }
    rv = nng_listener_start(listener, 0);
    if (rv != 0) {
        *out_why = why_of("%s: %s", url, nng_strerror(rv));
        return RC_UNAVAILABLE;
    }
    return RC_OK;
}

/* --- messages ------------------------------------------------------------------------------ */

struct rpc_slab *
rpc_slab_new(nng_msg *msg)
{
    struct rpc_slab *slab = malloc(sizeof(*slab));

    if (slab == NULL) {
        nng_msg_free(msg);
        return NULL;
    }
    atomic_init(&slab->refs, 1);
    slab->msg = msg;
    return slab;
}

void
rpc_slab_ref(struct rpc_slab *slab)
{
    atomic_fetch_add(&slab->refs, 1);
}

void
rpc_slab_unref(struct rpc_slab *slab)
{
    if (slab != NULL && atomic_fetch_sub(&slab->refs, 1) == 1) {
        nng_msg_free(slab->msg);
        free(slab);
    }
}

struct str
rpc_msg_str(nng_msg *msg)
{
    return str_n(nng_msg_body(msg), nng_msg_len(msg));
}
