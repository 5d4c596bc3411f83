/* SPDX-License-Identifier: Apache-2.0
 *
 * The private Postgres: one cluster, reached through a socket in a folder that only its owner (and
 * root) may enter, so nobody else can connect; one ordinary role per service, because policies do
 * not bind superusers. */
#include "cli/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_NAME "postgres.log"

static const char ROLES_SQL[] =
    "SELECT 'CREATE DATABASE assay' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = "
    "'assay')\\gexec\n"
    "DO $$ DECLARE r text; BEGIN\n"
    "  FOREACH r IN ARRAY ARRAY['auth', 'sessions', 'tests', 'billing', 'webhooks'] LOOP\n"
    "    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'assay_' || r) THEN\n"
    "      EXECUTE format('CREATE ROLE %I LOGIN', 'assay_' || r);\n"
    "    END IF;\n"
    "    EXECUTE format('GRANT CREATE ON DATABASE assay TO %I', 'assay_' || r);\n"
    "  END LOOP;\n"
    "END $$;\n";

bool
stack_pg_user(uid_t *out_uid, gid_t *out_gid)
{
    struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : getpwuid(geteuid());

    if (user == NULL) {
        (void)fprintf(stderr, "assay: Postgres needs %s\n",
                      geteuid() == 0 ? "the user postgres: apt-get install postgresql"
                                     : "a user with an entry in /etc/passwd");
        return false;
    }
    *out_uid = user->pw_uid;
    *out_gid = user->pw_gid;
    return true;
}

const char *
stack_pg_program(struct arena *arena, const char *name)
{
    const char *found = NULL;
    glob_t g;

    if (glob(arena_printf(arena, "/usr/lib/postgresql/*/bin/%s", name).p, 0, NULL, &g) == 0) {
        found = arena_strz(arena, str_z(g.gl_pathv[g.gl_pathc - 1]));
        globfree(&g);
    }
    return found;
}

/* --- where the cluster is ------------------------------------------------------------------ */

/* May this user pass through to `path`? Asked by becoming it. */
static bool
can_reach(const struct stack_plan *plan, const char *path)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        bool ok = geteuid() != 0 || (setgid(plan->pg_gid) == 0 && setuid(plan->pg_uid) == 0);
        _exit(ok && access(path, X_OK) == 0 ? 0 : 1);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* STATE/pg, or a folder elsewhere that STATE/pg links to: as root the server runs as postgres, who
 * may be locked out of the tree (a clone under /root). */
static bool
choose_place(struct arena *arena, const struct stack_paths *paths, struct stack_plan *plan)
{
    char real[PATH_MAX];

    if (realpath(paths->pg_link, real) != NULL) {
        plan->pg_data = arena_strz(arena, str_z(real));
        return true;
    }
    (void)unlink(paths->pg_link); /* a link to what is gone */
    plan->pg_data = paths->pg_link;
    if (!can_reach(plan, paths->state)) {
        plan->pg_data = arena_printf(arena, "/var/lib/assay-%s", paths->id).p;
        (void)fprintf(stderr, "assay: the user postgres may not enter %s; the database is in %s\n",
                      paths->state, plan->pg_data);
    }
    if (mkdir(plan->pg_data, 0700) != 0 && errno != EEXIST) {
        (void)fprintf(stderr, "assay: cannot make %s: %s\n", plan->pg_data, strerror(errno));
        return false;
    }
    bool linked = plan->pg_data == paths->pg_link || symlink(plan->pg_data, paths->pg_link) == 0;
    return linked && (geteuid() != 0 || chown(plan->pg_data, plan->pg_uid, plan->pg_gid) == 0);
}

/* --- making it ----------------------------------------------------------------------------- */

static bool
run(struct stack_child *child, const char *log)
{
    int status = 0;
    pid_t pid = stack_spawn(child, log, -1, SIGKILL);

    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool
init_cluster(struct arena *arena, const struct stack_paths *paths, const struct stack_plan *plan)
{
    const char *log = arena_printf(arena, "%s/" LOG_NAME, paths->log).p;
    const char *initdb = stack_pg_program(arena, "initdb");
    const char *fresh = arena_printf(arena, "%s/new", plan->pg_data).p;
    const char *data = arena_printf(arena, "%s/data", plan->pg_data).p;
    struct stack_child rm = {
        .argv = {"/bin/rm", "-rf", "--", fresh}, .uid = plan->pg_uid, .gid = plan->pg_gid};
    struct stack_child init = {.argv = {initdb, "-A", "trust", "-U", "postgres", "--locale=C.UTF-8",
                                        "-E", "UTF8", "-D", fresh},
                               .uid = plan->pg_uid,
                               .gid = plan->pg_gid};

    if (access(arena_printf(arena, "%s/PG_VERSION", data).p, F_OK) == 0) {
        return true;
    }
    /* Renamed when complete: an interrupted start leaves nothing half made. */
    if (initdb != NULL && run(&rm, log) && run(&init, log) && rename(fresh, data) == 0) {
        return true;
    }
    (void)fprintf(stderr, "assay: making the database failed\n");
    stack_log_tail(paths, "postgres", 20, stderr);
    return false;
}

static bool
make_sock_dir(const struct stack_paths *paths, const struct stack_plan *plan)
{
    if (mkdir(paths->pg_sock, 0700) != 0 && errno != EEXIST) {
        (void)fprintf(stderr, "assay: cannot make %s: %s\n", paths->pg_sock, strerror(errno));
        return false;
    }
    return geteuid() != 0 || chown(paths->pg_sock, plan->pg_uid, plan->pg_gid) == 0;
}

bool
stack_pg_prepare(struct arena *arena, const struct stack_paths *paths, struct stack_plan *plan)
{
    if (!choose_place(arena, paths, plan) || !make_sock_dir(paths, plan) ||
        !init_cluster(arena, paths, plan)) {
        return false;
    }
    const char *args[] = {"-D", arena_printf(arena, "%s/data", plan->pg_data).p,
                          "-k", paths->pg_sock,
                          "-p", "5432",
                          "-c", "listen_addresses=",
                          "-c", "max_connections=300",
                          "-c", "timezone=UTC",
                          "-c", "log_timezone=UTC",
                          "-c", "log_destination=stderr",
                          "-c", "logging_collector=off"};
    for (size_t i = 0; i < ARRAY_LEN(args); i++) {
        plan->child[0].argv[i + 1] = args[i];
    }
    return !arena_failed(arena);
}

void
stack_pg_remove(struct arena *arena, const struct stack_paths *paths)
{
    const char *outside = arena_printf(arena, "/var/lib/assay-%s", paths->id).p;
    struct stack_child rm = {.argv = {"/bin/rm", "-rf", "--", outside}};

    if (geteuid() == 0 && access(outside, F_OK) == 0 && run(&rm, "/dev/null")) {
        (void)printf("removed %s\n", outside);
    }
}

pid_t
stack_pg_roles_start(const struct stack_paths *paths, const struct stack_plan *plan)
{
    struct stack_child psql = {.argv = {"/usr/bin/psql", "-X", "-q", "-A", "-t", "-v",
                                        "ON_ERROR_STOP=1", "-h", paths->pg_sock, "-p", "5432", "-U",
                                        "postgres", "-d", "postgres", "-f", "-"},
                               .env = {"PGCONNECT_TIMEOUT=5"},
                               .uid = plan->pg_uid,
                               .gid = plan->pg_gid};
    char log[PATH_MAX];
    int fd = memfd_create("roles", MFD_CLOEXEC);
    /* psql has a session of its own: \gexec changes databases' list only. */
    bool ok =
        fd >= 0 && write(fd, ROLES_SQL, sizeof(ROLES_SQL) - 1) > 0 && lseek(fd, 0, SEEK_SET) == 0;

    (void)snprintf(log, sizeof(log), "%s/" LOG_NAME, paths->log);
    pid_t pid = ok ? stack_spawn(&psql, log, fd, SIGKILL) : 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return pid > 0 ? pid : 0;
}
