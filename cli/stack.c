/* SPDX-License-Identifier: Apache-2.0
 *
 * `assay stack`. */
#include "cli/stack.h"

#include <string.h>

#include "cli/cli.h"

#define ARENA_MAX ((size_t)8 << 20)

static const char USAGE[] =
    "usage: assay stack up [--foreground]   start it, or find it running\n"
    "       assay stack down                end it and everything it started\n"
    "       assay stack status              what runs, and how it is\n"
    "       assay stack clean               down, and remove what is outside the state folder\n"
    "\n"
    "A private Postgres, every service, a worker with Chromium and the sample shop.\n"
    "Settings reach the services through the environment; besides:\n"
    "  ASSAY_STATE_DIR        data, logs, secrets (default: var beside the build folder)\n"
    "  ASSAY_HTTP_PORT        port of the API (default: 8400)\n"
    "  ASSAY_SHOP_PORT        port of the sample shop (default: the first free one from +100)\n"
    "  ASSAY_DATABASE_URL     a Postgres of your own instead of the private one\n"
    "  ASSAY_REPLICAS_TESTS=2 and the like: replicas of a service (gateway: port, port+1, ...)\n"
    "  ASSAY_SERVICES=auth,tests,...  start these alone\n";

static int
run_command(struct arena *arena, const char *what, bool foreground)
{
    struct stack_paths paths;

    if (!stack_paths_find(arena, &paths)) {
        return CLI_USAGE;
    }
    if (strcmp(what, "up") == 0) {
        return foreground ? stack_supervise(arena, &paths) : stack_up(arena, &paths);
    }
    if (strcmp(what, "down") == 0) {
        return stack_down(arena, &paths);
    }
    if (strcmp(what, "clean") == 0) {
        int rc = stack_down(arena, &paths);
        stack_pg_remove(arena, &paths);
        return rc;
    }
    return stack_status(arena, &paths, stdout);
}

int
cli_stack(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    bool known = strcmp(what, "up") == 0 || strcmp(what, "down") == 0 ||
                 strcmp(what, "status") == 0 || strcmp(what, "clean") == 0;
    bool foreground = argc == 3 && strcmp(argv[2], "--foreground") == 0 && strcmp(what, "up") == 0;

    if (!known || (argc > 2 && !foreground)) {
        bool help = cli_is_help(what);
        (void)fputs(USAGE, help ? stdout : stderr);
        return help ? CLI_OK : CLI_USAGE;
    }
    struct arena *arena = arena_new(ARENA_MAX);
    if (arena == NULL) {
        return CLI_BROKEN;
    }
    int rc = run_command(arena, what, foreground);
    arena_free(arena);
    return rc;
}
