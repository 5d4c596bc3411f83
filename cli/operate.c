/* SPDX-License-Identifier: Apache-2.0
 *
 * Commands of a service, run with the settings of the embedded stack:
 *
 *     assay auth verify-audit    assay billing plan list    assay webhooks stuck */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/cli.h"
#include "cli/stack.h"

#define ARENA_MAX ((size_t)1 << 20)
#define ARGS_MAX 16

/* NAME and NAME_FILE are two ways to give one setting. */
static bool
is_given(struct arena *arena, const char *name)
{
    return stack_setting(name, NULL) != NULL ||
           stack_setting(arena_printf(arena, "%s_FILE", name).p, NULL) != NULL;
}

static void
set_like_the_stack(struct arena *arena, const struct stack_paths *paths, const char *service)
{
    const char *url = env_file_get(arena, paths->env, "ASSAY_URL");

    if (!is_given(arena, "ASSAY_DATABASE_URL")) {
        struct str url_of_pg = arena_printf(arena, "postgresql://assay_%s@/assay?host=%s&port=5432",
                                            service, paths->pg_sock);
        (void)setenv("ASSAY_DATABASE_URL", url_of_pg.p, 1);
    }
    if (!is_given(arena, "ASSAY_SECRET_KEY")) {
        (void)setenv("ASSAY_SECRET_KEY_FILE", paths->secret, 1);
    }
    if (!is_given(arena, "ASSAY_PUBLIC_URL") && url[0] != '\0') {
        (void)setenv("ASSAY_PUBLIC_URL", url, 1);
    }
}

struct service {
    const char *name;
    const char *help; /* its commands */
};

static const struct service AUTH = {
    "auth", "usage: assay auth reset-password EMAIL   print a link that sets a new password\n"
            "       assay auth verify-audit           compute the chains of the audit log anew\n"
            "       assay auth rotate-keys            publish a new signing key\n"};
static const struct service BILLING = {
    "billing", "usage: assay billing plan list | put ID NAME KEY=VALUE... | set ORG PLAN\n"
               "       assay billing credits show ORG | grant ORG DOLLARS [prepaid | allowance] "
               "[EVENT]\n"
               "       assay billing overage ORG on | off\n"
               "       assay billing ledger check\n"};
static const struct service WEBHOOKS = {
    "webhooks", "usage: assay webhooks stuck    endpoints that fail or get nothing, and why\n"
                "       assay webhooks reseal   seal secrets with the first key of "
                "ASSAY_SECRET_KEY\n"};

static int
usage(const struct service *service, FILE *out)
{
    (void)fprintf(out,
                  "%s\nRuns assay-%s with the settings of the embedded stack (ASSAY_STATE_DIR).\n",
                  service->help, service->name);
    return out == stdout ? CLI_OK : CLI_USAGE;
}

static int
operate(const struct service *service, int argc, char **argv)
{
    struct stack_paths paths;
    char *args[ARGS_MAX + 1] = {NULL};

    if (argc < 2 || argc > ARGS_MAX) {
        return usage(service, stderr);
    }
    if (cli_is_help(argv[1])) {
        return usage(service, stdout);
    }
    struct arena *arena = arena_new(ARENA_MAX);
    if (arena == NULL || !stack_paths_find(arena, &paths)) {
        arena_free(arena);
        return CLI_BROKEN;
    }
    set_like_the_stack(arena, &paths, service->name);
    char *program = arena_strz(arena, arena_printf(arena, "%s/assay-%s", paths.bin, service->name));
    for (int i = 1; i < argc; i++) {
        args[i] = argv[i];
    }
    args[0] = program;
    (void)fflush(NULL);
    (void)execv(program, args);
    (void)fprintf(stderr, "assay: %s: %s\n", program, strerror(errno));
    arena_free(arena);
    return CLI_BROKEN;
}

int
cli_auth(int argc, char **argv)
{
    return operate(&AUTH, argc, argv);
}

int
cli_billing(int argc, char **argv)
{
    return operate(&BILLING, argc, argv);
}

int
cli_webhooks(int argc, char **argv)
{
    return operate(&WEBHOOKS, argc, argv);
}
