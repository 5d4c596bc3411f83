/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/pg.h"
#include "base/clk.h"
#include "tests/support/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATH_LEN 256
#define START_US (60 * ASSAY_US_PER_S)

static struct {
    bool ready;
    pid_t owner; /* the process that started it: only that one cleans up */
    pid_t server;
    char dir[PLACE_MAX];
    char uri[160];
    char admin_uri[160];
    uid_t uid;
    gid_t gid;
} pg;

static _Noreturn void
die(const char *what, const char *detail)
{
    (void)fprintf(stderr, "pg support: %s: %s\n", what, detail);
    exit(99);
}

/* --- child processes ----------------------------------------------------------------------- */

static void
drop_root(void)
{
    if (geteuid() != 0) {
        return;
    }
    if (setgroups(0, NULL) != 0 || setgid(pg.gid) != 0 || setuid(pg.uid) != 0) {
        _exit(98);
    }
}

/* In the child: our death ends it. Comes after drop_root, which clears the setting. */
static void
follow_parent(int sig, pid_t parent)
{
    (void)prctl(PR_SET_PDEATHSIG, sig);
    if (getppid() != parent) {
        _exit(97);
    }
}

static pid_t
spawn(const char *const argv[], const char *log_path)
{
    pid_t parent = getpid();
    pid_t child = fork();

    if (child != 0) {
        return child;
    }
    drop_root();
    follow_parent(SIGQUIT, parent);
    int null = open("/dev/null", O_RDONLY);
    int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    (void)dup2(null, 0);
    (void)dup2(log, 1);
    (void)dup2(log, 2);
    for (int fd = 3; fd < 1024; fd++) {
        (void)close(fd);
    }
    (void)!chdir("/");
    (void)execvp(argv[0], (char *const *)(uintptr_t)argv);
    _exit(96);
}

static void
run(const char *const argv[], const char *log_path)
{
    int status = 0;
    pid_t child = spawn(argv, log_path);

    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
        die(argv[0], "failed");
    }
}

/* The newest installed server's program, or whatever the path finds. */
static const char *
program(const char *name, char out[PATH_LEN])
{
    char pattern[PATH_LEN];
    glob_t found;

    (void)snprintf(pattern, sizeof pattern, "/usr/lib/postgresql/*/bin/%s", name);
    (void)snprintf(out, PATH_LEN, "%s", name);
    if (glob(pattern, 0, NULL, &found) == 0) {
        (void)snprintf(out, PATH_LEN, "%s", found.gl_pathv[found.gl_pathc - 1]);
        globfree(&found);
    }
    return out;
}

/* --- the cluster --------------------------------------------------------------------------- */

static void
remove_tree(const char *dir)
{
    pid_t child = fork();

    if (child == 0) {
        (void)execlp("rm", "rm", "-rf", "--", dir, (char *)NULL);
        _exit(96);
    }
    (void)waitpid(child, NULL, 0);
}

/* Removes what crashed programs left behind: directories are named by process. */
static void
remove_stale(void)
{
    DIR *tmp = opendir(place_base());
    struct dirent *entry;

    while (tmp != NULL && (entry = readdir(tmp)) != NULL) {
        long pid = 0;
        char end = 0;
        if (sscanf(entry->d_name, "assay-pg-%ld%c", &pid, &end) == 1 && pid > 0 &&
            kill((pid_t)pid, 0) != 0 && errno == ESRCH) {
            char path[PATH_LEN + PLACE_MAX];
            (void)snprintf(path, sizeof path, "%s/%s", place_base(), entry->d_name);
            remove_tree(path);
        }
    }
    (void)closedir(tmp);
}

static void
init_cluster(const char *data, const char *log_path)
{
    char initdb[PATH_LEN];
    const char *argv[] = {program("initdb", initdb), "-A", "trust", "-U", "postgres", "-N",
                          "--locale=C.UTF-8",        "-E", "UTF8",  "-D", data,       NULL};
    run(argv, log_path);
}

static void
own_dir(const char *path)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        die(path, strerror(errno));
    }
    if (geteuid() == 0 && chown(path, pg.uid, pg.gid) != 0) {
        die(path, strerror(errno));
    }
}

static void
make_cluster(const char *data, const char *log_path)
{
    const char *template = getenv("ASSAY_TEST_PG_TEMPLATE");
    char ready[PATH_LEN], lock[PATH_LEN];

    if (template == NULL || template[0] == '\0') {
        init_cluster(data, log_path);
        return;
    }
    (void)snprintf(ready, sizeof ready, "%s/data", template);
    (void)snprintf(lock, sizeof lock, "%s/lock", template);
    own_dir(template);
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 || flock(fd, LOCK_EX) != 0) {
        die(lock, strerror(errno));
    }
    if (access(ready, F_OK) != 0) {
        char fresh[PATH_LEN + 8];
        (void)snprintf(fresh, sizeof fresh, "%s.new", ready);
        remove_tree(fresh);
        init_cluster(fresh, log_path);
        if (rename(fresh, ready) != 0) {
            die(ready, strerror(errno));
        }
    }
    (void)close(fd);
    const char *argv[] = {"cp", "-a", ready, data, NULL};
    run(argv, log_path);
}

/* --- the server ---------------------------------------------------------------------------- */

static void
pause_ms(long ms)
{
    struct timespec t = {.tv_sec = 0, .tv_nsec = ms * 1000000};

    (void)nanosleep(&t, NULL);
}

void
pg_support_start(void)
{
    char data[PATH_LEN], sock[PATH_LEN], log[PATH_LEN], postgres[PATH_LEN];

    (void)snprintf(data, sizeof data, "%s/d", pg.dir);
    (void)snprintf(sock, sizeof sock, "%s", pg.dir);
    (void)snprintf(log, sizeof log, "%s/log", pg.dir);
    const char *argv[] = {program("postgres", postgres),
                          "-D",
                          data,
                          "-k",
                          sock,
                          "-c",
                          "listen_addresses=",
                          "-c",
                          "fsync=off",
                          "-c",
                          "full_page_writes=off",
                          "-c",
                          "shared_buffers=16MB",
                          "-c",
                          "max_connections=60",
                          "-c",
                          "autovacuum=off",
                          NULL};
    pg.server = spawn(argv, log);
    for (int64_t end = clk_mono_us() + START_US; clk_mono_us() < end;) {
        if (PQping(pg.admin_uri) == PQPING_OK) {
            return;
        }
        if (waitpid(pg.server, NULL, WNOHANG) == pg.server) {
            die("the server ended at once", log);
        }
        pause_ms(5);
    }
    die("the server does not answer", log);
}

void
pg_support_stop(void)
{
    if (pg.server > 0) {
        (void)kill(pg.server, SIGQUIT);
        (void)waitpid(pg.server, NULL, 0);
        pg.server = 0;
    }
}

static void
clean_up(void)
{
    if (pg.owner == getpid()) {
        pg_support_stop();
        remove_tree(pg.dir);
    }
}

static void
ensure(void)
{
    char data[PATH_LEN], log[PATH_LEN];

    if (pg.ready) {
        return;
    }
    pg.ready = true;
    pg.owner = getpid();
    struct passwd *user = getpwnam("postgres");
    if (geteuid() == 0 && user == NULL) {
        die("as root", "needs the user postgres");
    }
    pg.uid = user != NULL ? user->pw_uid : 0;
    pg.gid = user != NULL ? user->pw_gid : 0;
    remove_stale();
    (void)snprintf(pg.dir, sizeof pg.dir, "%s/assay-pg-%ld", place_base(), (long)getpid());
    (void)snprintf(data, sizeof data, "%s/d", pg.dir);
    (void)snprintf(log, sizeof log, "%s/log", pg.dir);
    (void)snprintf(pg.uri, sizeof pg.uri, "postgresql://assay@/postgres?host=%s", pg.dir);
    (void)snprintf(pg.admin_uri, sizeof pg.admin_uri, "postgresql://postgres@/postgres?host=%s",
                   pg.dir);
    own_dir(pg.dir);
    (void)atexit(clean_up);
    make_cluster(data, log);
    pg_support_start();
    pg_support_exec("CREATE ROLE assay LOGIN; GRANT CREATE ON DATABASE postgres TO assay");
}

/* --- use ----------------------------------------------------------------------------------- */

const char *
pg_support_uri(void)
{
    ensure();
    return pg.uri;
}

const char *
pg_support_admin_uri(void)
{
    ensure();
    return pg.admin_uri;
}

pid_t
pg_support_pid(void)
{
    ensure();
    return pg.server;
}

static void
ignore_notice(void *arg, const char *text)
{
    (void)arg;
    (void)text;
}

static PGresult *
admin_exec(const char *sql)
{
    ensure();
    PGconn *conn = PQconnectdb(pg.admin_uri);
    if (PQstatus(conn) != CONNECTION_OK) {
        die("connecting", PQerrorMessage(conn));
    }
    (void)PQsetNoticeProcessor(conn, ignore_notice, NULL);
    PGresult *res = PQexec(conn, sql);
    if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK) {
        die(sql, PQerrorMessage(conn));
    }
    PQfinish(conn);
    return res;
}

void
pg_support_exec(const char *sql)
{
    PQclear(admin_exec(sql));
}

int64_t
pg_support_i64(const char *sql)
{
    PGresult *res = admin_exec(sql);

    if (PQntuples(res) != 1 || PQnfields(res) != 1) {
        die(sql, "expected one value");
    }
    int64_t v = strtoll(PQgetvalue(res, 0, 0), NULL, 10);
    PQclear(res);
    return v;
}

int64_t
pg_support_terminate_all(void)
{
    return pg_support_i64("SELECT count(pg_terminate_backend(pid, 2000)) FROM pg_stat_activity"
                          " WHERE usename = 'assay'");
}
