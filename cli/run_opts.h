/* SPDX-License-Identifier: Apache-2.0
 *
 * What `assay run` and `assay status` share: options, where the server is, how verdicts look. */
#ifndef ASSAY_CLI_RUN_OPTS_H
#define ASSAY_CLI_RUN_OPTS_H

#include <stdio.h>

#include "cli/api.h"

struct run_opts {
    const char *suite; /* id or file; of status: the run */
    const char *url;
    const char *token;
    const char *app_url;
    const char *mode;
    const char *category;
    bool json;
};

/* Reads the command line, then ASSAY_URL, ASSAY_TOKEN, ASSAY_APP_URL, then STATE/assay.env. False:
 * usage; why is on standard error. */
NODISCARD bool run_opts_read(struct arena *arena, int argc, char **argv, struct run_opts *out);

/* The suite's public id in the arena, made or brought up to date from a file when one is named;
 * NULL: *out_rc (enum cli_exit) and standard error tell. */
const char *run_suite_id(struct api *api, struct arena *arena, const struct run_opts *opts,
                         int *out_rc);

/* A run's status as an exit code. */
int run_exit(struct str status);
/* The whole run as one JSON object on standard output. */
int run_print_json(struct api *api, const struct json_value *run);
/* One line of a step: verdict, time, text. */
void run_print_step(FILE *out, struct str status, int64_t ms, struct str text);

#endif
