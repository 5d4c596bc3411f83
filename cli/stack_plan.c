/* SPDX-License-Identifier: Apache-2.0
 *
 * What a stack consists of, from the environment. What the caller set wins. */
#include "cli/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sec/seal.h"

#define PORT_DEFAULT 8400
#define PORT_TRIES 200
#define SHOP_PORT_STEP 100
#define REPLICAS_MAX 8

static const struct {
    const char *name;
    enum stack_tier tier;
    bool has_schema;
    bool is_peer; /* others call it by name */
} SERVICES[] = {
    {"auth", TIER_SERVICE, true, true},     {"sessions", TIER_SERVICE, true, true},
    {"tests", TIER_SERVICE, true, true},    {"billing", TIER_SERVICE, true, true},
    {"webhooks", TIER_SERVICE, true, true}, {"gateway", TIER_GATEWAY, false, true},
    {"worker", TIER_WORKER, false, false},
};

static const char *
upper(struct arena *arena, const char *prefix, const char *name)
{
    char *z = arena_strz(arena, arena_printf(arena, "%s%s", prefix, name));

    for (char *c = z; c != NULL && *c != '\0'; c++) {
        *c = (*c >= 'a' && *c <= 'z') ? (char)(*c - 32) : *c;
    }
    return z;
}

/* --- ports --------------------------------------------------------------------------------- */

bool
stack_port_is_free(int port)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    bool ok =
        fd >= 0 && bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0 && listen(fd, 1) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return ok;
}

static int
shop_port(int port)
{
    int asked = stack_setting_int("ASSAY_SHOP_PORT", 0, 1, 65535);

    if (asked != 0) {
        return asked;
    }
    for (int i = 0; i < PORT_TRIES; i++) {
        int try = port + SHOP_PORT_STEP + i;
        try = try > 65535 ? try - 60000 : try;
        if (stack_port_is_free(try)) {
            return try;
        }
    }
    (void)fputs("assay: no free port for the sample shop; set ASSAY_SHOP_PORT\n", stderr);
    return -1;
}

/* --- settings that all share --------------------------------------------------------------- */

static bool
make_secret(const char *path)
{
    char key[SEAL_KEY_TEXT_MAX];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0) {
        return errno == EEXIST;
    }
    seal_new_key(key);
    bool ok = write(fd, key, sizeof(key) - 1) == (ssize_t)sizeof(key) - 1 && fsync(fd) == 0;
    (void)close(fd);
    return ok;
}

/* NAME and NAME_FILE are two ways to give one setting. */
static void
set_unless_given(const char *name, const char *value)
{
    char file_name[96];

    (void)snprintf(file_name, sizeof(file_name), "%s_FILE", name);
    if (stack_setting(name, NULL) == NULL && stack_setting(file_name, NULL) == NULL) {
        (void)setenv(name, value, 1);
    }
}

static void
set_common(struct arena *arena, const struct stack_paths *paths)
{
    char path[PATH_MAX];

    (void)setenv("ASSAY_STATE_DIR", paths->state, 1);
    (void)setenv("ASSAY_STACK_ID", paths->id, 1);
    (void)snprintf(path, sizeof(path), "file:%s/blobs", paths->state);
    set_unless_given("ASSAY_BLOB_URL", path);
    (void)snprintf(path, sizeof(path), "%s/mail", paths->state);
    if (stack_setting("ASSAY_SMTP_URL", NULL) == NULL) {
        set_unless_given("ASSAY_EMAIL_DIR", path);
    }
    set_unless_given("ASSAY_WEB_DIR", paths->web);
    set_unless_given("ASSAY_SHOP_WWW", paths->shop);
    set_unless_given("ASSAY_ALLOW_PRIVATE_TARGETS", "1");
    set_unless_given("ASSAY_HTTP_ADDRESS", "127.0.0.1");
    if (stack_setting("ASSAY_SECRET_KEY", NULL) == NULL) {
        (void)setenv("ASSAY_SECRET_KEY_FILE", stack_setting("ASSAY_SECRET_KEY_FILE", paths->secret),
                     1);
    }
    for (size_t i = 0; i < ARRAY_LEN(SERVICES); i++) {
        if (SERVICES[i].is_peer) {
            set_unless_given(upper(arena, "ASSAY_RPC_", SERVICES[i].name),
                             arena_printf(arena, "ipc://%s/%s", paths->rpc, SERVICES[i].name).p);
        }
    }
}

/* --- children ------------------------------------------------------------------------------ */

static struct stack_child *
add_child(struct stack_plan *plan, enum stack_tier tier, const char *program)
{
    if (plan->count == STACK_CHILDREN_MAX) {
        return NULL;
    }
    struct stack_child *child = &plan->child[plan->count++];
    *child = (struct stack_child){.tier = tier, .argv = {program}};
    return child;
}

/* `auth,tests` in ASSAY_SERVICES starts these alone: the others run elsewhere, in a debugger say.
 */
static bool
is_wanted(const char *name)
{
    struct str rest = str_z(stack_setting("ASSAY_SERVICES", ""));

    while (rest.n > 0) {
        struct str one = str_trim(str_split(&rest, ','));
        if (str_eqz(one, name)) {
            return true;
        }
    }
    return stack_setting("ASSAY_SERVICES", NULL) == NULL;
}

static bool
add_replica(struct arena *arena, const struct stack_paths *paths, struct stack_plan *plan,
            size_t service, int n)
{
    const char *name = SERVICES[service].name;
    const char *program = arena_printf(arena, "%s/assay-%s", paths->bin, name).p;
    struct stack_child *child = add_child(plan, SERVICES[service].tier, program);
    size_t e = 0;

    if (child == NULL) {
        return false;
    }
    if (access(program, X_OK) != 0) {
        (void)fprintf(stderr, "assay: %s is not built; run `make`\n", program);
        return false;
    }
    (void)snprintf(child->name, sizeof(child->name), n == 1 ? "%s" : "%s.%d", name, n);
    child->listen = arena_printf(arena, "ipc://%s/%s.%d", paths->rpc, name, n).p;
    child->env[e++] = arena_printf(arena, "ASSAY_RPC_LISTEN=%s", child->listen).p;
    if (SERVICES[service].has_schema && plan->private_pg) {
        child->env[e++] =
            arena_printf(arena, "ASSAY_DATABASE_URL=postgresql://assay_%s@/assay?host=%s&port=5432",
                         name, paths->pg_sock)
                .p;
    }
    if (strcmp(name, "auth") == 0 && stack_setting("ASSAY_PUBLIC_URL", NULL) == NULL) {
        child->env[e++] = arena_printf(arena, "ASSAY_PUBLIC_URL=%s", plan->url).p;
    }
    if (SERVICES[service].tier == TIER_GATEWAY) {
        child->env[e++] = arena_printf(arena, "ASSAY_HTTP_PORT=%d", plan->port + n - 1).p;
    }
    if (SERVICES[service].tier == TIER_WORKER &&
        (n > 1 || stack_setting("ASSAY_WORKER_ID", NULL) == NULL)) {
        child->env[e++] = arena_printf(arena, "ASSAY_WORKER_ID=worker-%d", n).p;
    }
    return true;
}

static bool
add_services(struct arena *arena, const struct stack_paths *paths, struct stack_plan *plan)
{
    for (size_t i = 0; i < ARRAY_LEN(SERVICES); i++) {
        int replicas = stack_setting_int(upper(arena, "ASSAY_REPLICAS_", SERVICES[i].name), 1, 1,
                                         REPLICAS_MAX);
        if (replicas < 0) {
            return false;
        }
        for (int n = 1; n <= replicas && is_wanted(SERVICES[i].name); n++) {
            if (!add_replica(arena, paths, plan, i, n)) {
                return false;
            }
        }
    }
    return true;
}

static bool
add_postgres(struct arena *arena, const struct stack_paths *paths, struct stack_plan *plan)
{
    const char *program = stack_pg_program(arena, "postgres");

    if (program == NULL) {
        (void)fputs("assay: Postgres is not installed: apt-get install postgresql\n", stderr);
        return false;
    }
    struct stack_child *child = add_child(plan, TIER_POSTGRES, program);
    if (child == NULL || !stack_pg_user(&plan->pg_uid, &plan->pg_gid)) {
        return false;
    }
    (void)snprintf(child->name, sizeof(child->name), "postgres");
    child->uid = plan->pg_uid;
    child->gid = plan->pg_gid;
    (void)paths;
    return true;
}

static bool
add_shop(struct arena *arena, const struct stack_paths *paths, struct stack_plan *plan)
{
    const char *program = arena_printf(arena, "%s/assay-shop", paths->bin).p;

    if (!is_wanted("shop") || access(program, X_OK) != 0) {
        return true; /* an installation without examples */
    }
    plan->shop_port = shop_port(plan->port);
    struct stack_child *child = plan->shop_port < 0 ? NULL : add_child(plan, TIER_EXTRA, program);
    if (child == NULL) {
        return false;
    }
    (void)snprintf(child->name, sizeof(child->name), "shop");
    child->env[0] = arena_printf(arena, "ASSAY_SHOP_PORT=%d", plan->shop_port).p;
    plan->shop_url = arena_printf(arena, "http://127.0.0.1:%d", plan->shop_port).p;
    return true;
}

/* libpq and the server read PG* settings that are meant for another database. */
static void
forget_pg_settings(void)
{
    static const char *const NAMES[] = {"PGHOST",     "PGPORT",     "PGUSER",    "PGDATABASE",
                                        "PGPASSWORD", "PGOPTIONS",  "PGDATA",    "PGSERVICE",
                                        "PGSSLMODE",  "PGPASSFILE", "PGHOSTADDR"};
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        (void)unsetenv(NAMES[i]);
    }
}

bool
stack_plan_make(struct arena *arena, const struct stack_paths *paths, struct stack_plan *out)
{
    out->port = stack_setting_int("ASSAY_HTTP_PORT", PORT_DEFAULT, 1, 65535);
    if (out->port < 0) {
        return false;
    }
    if (!stack_port_is_free(out->port) && is_wanted("gateway")) {
        (void)fprintf(stderr,
                      "assay: port %d is in use by another program; choose one with "
                      "ASSAY_HTTP_PORT=8410\n",
                      out->port);
        return false;
    }
    if (!make_secret(paths->secret)) {
        (void)fprintf(stderr, "assay: cannot write %s: %s\n", paths->secret, strerror(errno));
        return false;
    }
    set_common(arena, paths);
    out->url = arena_printf(arena, "http://127.0.0.1:%d", out->port).p;
    out->private_pg = stack_setting("ASSAY_DATABASE_URL", NULL) == NULL &&
                      stack_setting("ASSAY_DATABASE_URL_FILE", NULL) == NULL;
    if (out->private_pg) {
        forget_pg_settings();
    }
    return (!out->private_pg || add_postgres(arena, paths, out)) &&
           add_services(arena, paths, out) && add_shop(arena, paths, out) && !arena_failed(arena);
}
