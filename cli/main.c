/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "cli/cli.h"

struct command {
    const char *name;
    int (*fn)(int argc, char **argv);
    const char *help;
};

static const struct command COMMANDS[] = {
    {"run", cli_run, "run a suite and show what happens"},
    {"status", cli_status, "where a run stands, and what it waits for"},
    {"doctor", cli_doctor, "what is missing on this machine and how to get it"},
    {"stack", cli_stack, "start, end or look at the embedded stack"},
    {"auth", cli_auth, "reset a password, verify the audit log, rotate signing keys"},
    {"billing", cli_billing, "plans, credit of an organization, check of the ledger"},
    {"webhooks", cli_webhooks, "what is stuck; seal secrets with a new key"},
    {"explain", cli_explain, "show what a plain-English step would do, or why it is refused"},
};

static void
usage(FILE *out)
{
    (void)fputs("usage: assay COMMAND [ARGUMENT...]\n\n", out);
    for (size_t i = 0; i < ARRAY_LEN(COMMANDS); i++) {
        (void)fprintf(out, "  %-10s %s\n", COMMANDS[i].name, COMMANDS[i].help);
    }
    (void)fputs("\n`assay COMMAND --help` tells more.\n", out);
}

int
main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return CLI_USAGE;
    }
    for (size_t i = 0; i < ARRAY_LEN(COMMANDS); i++) {
        if (strcmp(argv[1], COMMANDS[i].name) == 0) {
            return COMMANDS[i].fn(argc - 1, argv + 1);
        }
    }
    bool help = cli_is_help(argv[1]) || strcmp(argv[1], "help") == 0;
    if (!help) {
        (void)fprintf(stderr, "assay: no command '%s'\n", argv[1]);
    }
    usage(help ? stdout : stderr);
    return help ? CLI_OK : CLI_USAGE;
}
