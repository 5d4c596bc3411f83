/* SPDX-License-Identifier: Apache-2.0
 *
 * `assay doctor`: what a stack needs of this machine, what is missing, and how to get it. */
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/stack.h"

#define ARENA_MAX ((size_t)1 << 20)
#define DISK_MIN_MB 1024
#define MEMORY_MIN_MB 1024

static const char USAGE[] =
    "usage: assay doctor\n"
    "\n"
    "Looks at programs, browser, fonts, Postgres, disk, memory, port and the running stack, and\n"
    "says how to mend what is not well. Exit code: 0 all is well, 1 something is missing.\n";

/* Prints one line; returns `ok`. `fix` is shown when it is not. */
static bool
report(bool ok, const char *what, const char *detail, const char *fix)
{
    (void)printf("%-4s %-14s %s\n", ok ? "ok" : "NO", what, detail);
    if (!ok) {
        (void)printf("     %-14s -> %s\n", "", fix);
    }
    return ok;
}

static bool
check_programs(struct arena *arena, const struct stack_paths *paths)
{
    static const char *const NAMES[] = {"gateway", "auth",     "sessions", "tests",
                                        "billing", "webhooks", "worker"};
    bool all = true;

    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        const char *path = arena_printf(arena, "%s/assay-%s", paths->bin, NAMES[i]).p;
        if (access(path, X_OK) != 0) {
            all = report(false, "programs", path, "make");
        }
    }
    return all && report(true, "programs", paths->bin, "");
}

static bool
check_browser(void)
{
    const char *path = stack_setting("ASSAY_CHROMIUM", "/usr/bin/chromium");

    return report(access(path, X_OK) == 0, "browser", path,
                  "apt-get install chromium, or name another in ASSAY_CHROMIUM");
}

static bool
check_fonts(void)
{
    static const char *const PATTERNS[] = {"/usr/share/fonts/truetype/*",
                                           "/usr/share/fonts/opentype/*", "/usr/share/fonts/*.ttf"};
    bool found = false;

    for (size_t i = 0; i < ARRAY_LEN(PATTERNS); i++) {
        glob_t g;
        if (glob(PATTERNS[i], 0, NULL, &g) == 0) {
            found = true;
            globfree(&g);
        }
    }
    return report(found, "fonts", found ? "/usr/share/fonts" : "none: pages would show no text",
                  "apt-get install fonts-liberation");
}

static bool
check_postgres(struct arena *arena)
{
    const char *program = stack_pg_program(arena, "postgres");
    uid_t uid;
    gid_t gid;

    if (stack_setting("ASSAY_DATABASE_URL", NULL) != NULL) {
        return report(true, "database", "yours (ASSAY_DATABASE_URL)", "");
    }
    bool ok = program != NULL && access("/usr/bin/psql", X_OK) == 0;
    return report(ok, "database", ok ? program : "Postgres is not installed",
                  "apt-get install postgresql") &&
           report(stack_pg_user(&uid, &gid), "database user",
                  geteuid() == 0 ? "postgres, since we are root" : "this user",
                  "a user that /etc/passwd knows");
}

static bool
check_disk(const struct stack_paths *paths)
{
    struct statvfs fs = {0};
    char text[128];

    bool ok = statvfs(paths->state, &fs) == 0;
    unsigned long long mb = (unsigned long long)fs.f_bavail * fs.f_frsize >> 20;
    (void)snprintf(text, sizeof(text), "%llu MB free for %.80s", mb, paths->state);
    return report(ok && mb >= DISK_MIN_MB, "disk", text,
                  "free some space, or point ASSAY_STATE_DIR to another disk");
}

static bool
check_memory(void)
{
    long long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    long long mb = pages * size >> 20;
    char text[64];

    (void)snprintf(text, sizeof(text), "%lld MB", mb);
    return report(mb >= MEMORY_MIN_MB, "memory", text,
                  "a browser with four devices wants 1 GB; offer fewer with ASSAY_WORKER_DEVICES");
}

/* Chromium's shared memory; containers give 64 MB by default. */
static bool
check_shm(void)
{
    struct statvfs fs = {0};
    bool ok = statvfs("/dev/shm", &fs) == 0 && access("/dev/shm", W_OK) == 0;

    return report(ok, "/dev/shm", ok ? "writable" : "not there",
                  "mount it: docker run --shm-size=512m");
}

static bool
check_stack(struct arena *arena, const struct stack_paths *paths)
{
    int port = stack_setting_int("ASSAY_HTTP_PORT", 8400, 1, 65535);
    char text[64];

    if (stack_supervisor(paths) != 0) {
        FILE *nowhere = fopen("/dev/null", "w");
        bool ok = nowhere != NULL && stack_status(arena, paths, nowhere) == CLI_OK;
        if (nowhere != NULL) {
            (void)fclose(nowhere);
        }
        return report(ok, "stack", ok ? "running and ready" : "running, not ready",
                      "assay stack status, then the log of what is not ready");
    }
    (void)snprintf(text, sizeof(text), "%d", port);
    return report(port > 0 && stack_port_is_free(port), "port", text,
                  "another program has it: ASSAY_HTTP_PORT=8410 make up") &&
           report(true, "stack", "not running: make up", "");
}

static bool
check_access(const struct stack_paths *paths)
{
    return report(access(paths->state, W_OK) == 0, "state", paths->state,
                  "make it writable for this user, or choose ASSAY_STATE_DIR");
}

int
cli_doctor(int argc, char **argv)
{
    struct stack_paths paths;

    if (argc > 1) {
        bool help = cli_is_help(argv[1]);
        (void)fputs(USAGE, help ? stdout : stderr);
        return help ? CLI_OK : CLI_USAGE;
    }
    struct arena *arena = arena_new(ARENA_MAX);
    if (arena == NULL || !stack_paths_find(arena, &paths)) {
        arena_free(arena);
        return CLI_USAGE;
    }
    bool ok = check_programs(arena, &paths);
    ok = check_browser() && ok;
    ok = check_fonts() && ok;
    ok = check_postgres(arena) && ok;
    ok = check_access(&paths) && ok;
    ok = check_disk(&paths) && ok;
    ok = check_memory() && ok;
    ok = check_shm() && ok;
    ok = check_stack(arena, &paths) && ok;
    arena_free(arena);
    return ok ? CLI_OK : CLI_FAILED;
}
