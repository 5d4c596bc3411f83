/* SPDX-License-Identifier: Apache-2.0
 *
 * The `assay` command: one program, one function per subcommand. A subcommand gets its arguments
 * without the program's name (argv[0] is the subcommand) and returns the exit code.
 *
 * Exit codes, the same for every subcommand: 0 done or passed, 1 the tests (or what was asked)
 * failed, 2 the infrastructure failed, 3 wrong usage, 4 timed out. */
#ifndef ASSAY_CLI_CLI_H
#define ASSAY_CLI_CLI_H

#include <stdbool.h>
#include <string.h>

enum cli_exit { CLI_OK = 0, CLI_FAILED = 1, CLI_BROKEN = 2, CLI_USAGE = 3, CLI_TIMED_OUT = 4 };

/* `assay run SUITE`. */
int cli_run(int argc, char **argv);
/* `assay status RUN`. */
int cli_status(int argc, char **argv);
/* `assay explain TEXT`, `assay explain --json -`. */
int cli_explain(int argc, char **argv);
/* `assay doctor`. */
int cli_doctor(int argc, char **argv);
/* `assay auth COMMAND`: the operator's commands of the auth service. */
int cli_auth(int argc, char **argv);
int cli_billing(int argc, char **argv);
int cli_webhooks(int argc, char **argv);
/* `assay stack up|down|status`. */
int cli_stack(int argc, char **argv);

/* Whether an argument asks for the usage. */
static inline bool
cli_is_help(const char *arg)
{
    return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0;
}

#endif
