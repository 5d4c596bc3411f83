/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line of a service's program. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "svc/svc_int.h"

#define SVC_EXIT_USAGE 3

enum command {
    CMD_SERVE,
    CMD_MIGRATE,
    CMD_CHECK,
    CMD_HELP,
    CMD_HELP_MD,
    CMD_VERSION,
    CMD_OWN, /* the service's */
    CMD_BAD
};

static enum command
parse_args(const struct svc_def *def, int argc, char **argv)
{
    static const char *const NAMES[] = {
        [CMD_SERVE] = "serve", [CMD_MIGRATE] = "migrate",   [CMD_CHECK] = "check",
        [CMD_HELP] = "--help", [CMD_HELP_MD] = "--help-md", [CMD_VERSION] = "--version"};

    if (argc <= 1) {
        return CMD_SERVE;
    }
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        if (argc == 2 && strcmp(argv[1], NAMES[i]) == 0) {
            return (enum command)i;
        }
    }
    for (size_t i = 0; def->command != NULL && def->commands[i] != NULL; i++) {
        if (strcmp(argv[1], def->commands[i]) == 0) {
            return CMD_OWN;
        }
    }
    return CMD_BAD;
}

static void
print_usage(const struct svc *svc, const struct cfg_table *tables, enum command cmd)
{
    struct buf out;

    buf_init(&out, (size_t)1 << 20);
    if (cmd == CMD_HELP_MD) {
        cfg_help_md(tables, 2, &out);
    } else {
        buf_printf(&out,
                   "usage: assay-%s [serve | migrate | check | --help | --help-md | --version]\n\n",
                   svc->def->name);
        buf_putz(&out, svc->def->usage == NULL ? "" : svc->def->usage);
        cfg_help(tables, 2, &out);
    }
    (void)fwrite(out.p, 1, out.n, cmd == CMD_BAD ? stderr : stdout);
    buf_fini(&out);
}

static bool
load_cfg(struct svc *svc, const struct cfg_table *tables)
{
    struct buf faults;

    buf_init(&faults, (size_t)256 << 10);
    bool ok = cfg_load(tables, 2, &faults) == RC_OK;
    if (ok && svc__has_schema(svc) && svc->cfg.database_url[0] == '\0') {
        buf_putz(&faults, "ASSAY_DATABASE_URL: must be set\n");
        ok = false;
    }
    if (!ok) {
        (void)fwrite(faults.p, 1, faults.n, stderr);
    }
    buf_fini(&faults);
    return ok;
}

/* A command of the service, as one of our own processes. */
static int
run_own(struct svc *svc, int argc, char **argv)
{
    struct arena *arena = arena_new(SVC_START_ARENA_MAX);
    struct ctx ctx;
    int status = SVC_EXIT_PART;

    if (arena != NULL && svc__open_db(svc) == RC_OK && svc__start_db(svc, false)) {
        svc__service_ctx(svc, &ctx, arena, SVC_CHECK_US);
        status = svc->def->command(svc, &ctx, argc - 1, argv + 1);
    }
    db_close(svc->db);
    arena_free(arena);
    return status;
}

/* migrate and check: the database alone. */
static int
run_once(struct svc *svc, enum command cmd)
{
    bool ok = svc__open_db(svc) == RC_OK && svc__start_db(svc, cmd == CMD_MIGRATE);

    db_close(svc->db);
    return ok ? 0 : SVC_EXIT_PART;
}

/* GnuTLS asks every program for this when it is loaded (its documented way to put its start off
 * until a caller needs it). It comes with libraries that libpq and libcurl load for protocols never
 * used here, and its start costs each process 0.7 MiB. */
int _gnutls_global_init_skip(void);
int
_gnutls_global_init_skip(void)
{
    return 1;
}

int
svc_main(const struct svc_def *def, int argc, char **argv)
{
    /* Not on the stack: probes may look at it until the process has ended. */
    static struct svc svc = {.lock = PTHREAD_MUTEX_INITIALIZER,
                             .health = {.lock = PTHREAD_MUTEX_INITIALIZER}};
    enum command cmd = parse_args(def, argc, argv);

    svc.def = def;
    svc.started_us = clk_mono_us();
    const struct cfg_table tables[] = {{SVC_CFG_ROWS, SVC_CFG_COUNT, &svc.cfg},
                                       {def->cfg_rows, def->cfg_count, def->cfg}};
    if (cmd == CMD_HELP || cmd == CMD_HELP_MD || cmd == CMD_BAD) {
        print_usage(&svc, tables, cmd);
        return cmd == CMD_BAD ? SVC_EXIT_USAGE : 0;
    }
    if (cmd == CMD_VERSION) {
        (void)printf("assay-%s %s\n", def->name, SVC_VERSION);
        return 0;
    }
    if (!load_cfg(&svc, tables)) {
        return SVC_EXIT_USAGE;
    }
    /* What a command prints is its answer: the log stays out of it. */
    log_init(def->name, (enum log_level)svc.cfg.log_level,
             cmd == CMD_OWN ? STDERR_FILENO : STDOUT_FILENO);
    if (cmd == CMD_OWN) {
        return run_own(&svc, argc, argv);
    }
    return cmd == CMD_SERVE ? svc__serve(&svc) : run_once(&svc, cmd);
}
