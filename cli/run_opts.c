/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_opts.h"

#include <string.h>

#include "cli/cli.h"
#include "cli/stack.h"

struct option_row {
    const char *name;
    const char **value;
};

/* Takes `--name value` and `--name=value`; 0: another option, -1: no value. */
static int
take_value(const struct option_row *row, int argc, char **argv, int at)
{
    size_t n = strlen(row->name);

    if (strncmp(argv[at], row->name, n) != 0) {
        return 0;
    }
    if (argv[at][n] == '=') {
        *row->value = argv[at] + n + 1;
        return 1;
    }
    if (argv[at][n] != '\0') {
        return 0;
    }
    if (at + 1 >= argc) {
        (void)fprintf(stderr, "assay: %s needs a value\n", row->name);
        return -1;
    }
    *row->value = argv[at + 1];
    return 2;
}

static bool
read_args(int argc, char **argv, struct run_opts *o)
{
    const struct option_row rows[] = {{"--url", &o->url},
                                      {"--token", &o->token},
                                      {"--app-url", &o->app_url},
                                      {"--mode", &o->mode},
                                      {"--device-category", &o->category}};
    for (int at = 1; at < argc;) {
        int took = 0;
        for (size_t i = 0; i < ARRAY_LEN(rows) && took == 0; i++) {
            took = take_value(&rows[i], argc, argv, at);
        }
        if (took == 0 && strcmp(argv[at], "--json") == 0) {
            o->json = true;
            took = 1;
        }
        if (took == 0 && argv[at][0] != '-' && o->suite == NULL) {
            o->suite = argv[at];
            took = 1;
        }
        if (took == 0) {
            (void)fprintf(stderr, "assay: what is '%s'?\n", argv[at]);
        }
        if (took <= 0) {
            return false;
        }
        at += took;
    }
    return true;
}

static const char *
first_of(const char *a, const char *b, const char *c)
{
    return a != NULL ? a : b != NULL ? b : c;
}

/* https://host/ and https://host are one place. */
static const char *
without_slash(struct arena *arena, const char *url)
{
    struct str s = str_z(url);

    while (s.n > 0 && s.p[s.n - 1] == '/') {
        s.n--;
    }
    return arena_strz(arena, s);
}

bool
run_opts_read(struct arena *arena, int argc, char **argv, struct run_opts *out)
{
    struct run_opts o = {0};
    struct stack_paths paths;

    if (!read_args(argc, argv, &o) || o.suite == NULL || !stack_paths_find(arena, &paths)) {
        return false;
    }
    /* A token belongs to its server: the file's goes with the file's address only. */
    const char *asked = first_of(o.url, stack_setting("ASSAY_URL", NULL), NULL);
    const char *file_url = env_file_get(arena, paths.env, "ASSAY_URL");
    bool local = asked == NULL || strcmp(asked, file_url) == 0;
    const char *file_token = local ? env_file_get(arena, paths.env, "ASSAY_TOKEN") : "";
    o.url = without_slash(arena, first_of(asked, file_url, ""));
    o.token = first_of(o.token, stack_setting("ASSAY_TOKEN", NULL), file_token);
    o.app_url = first_of(o.app_url, stack_setting("ASSAY_APP_URL", NULL), "");
    if (o.url[0] == '\0') {
        (void)fputs("assay: which server? `make up`, or give --url and --token (ASSAY_URL, "
                    "ASSAY_TOKEN)\n",
                    stderr);
        return false;
    }
    if (o.token[0] == '\0') {
        (void)fprintf(stderr, "assay: %s wants a token: give --token (or ASSAY_TOKEN)\n", o.url);
        return false;
    }
    *out = o;
    return true;
}

int
run_exit(struct str status)
{
    if (str_eqz(status, "passed")) {
        return CLI_OK;
    }
    return str_eqz(status, "failed") ? CLI_FAILED : CLI_BROKEN;
}

void
run_print_step(FILE *out, struct str status, int64_t ms, struct str text)
{
    (void)fprintf(out, "    %-7.*s %6.2f s  %.*s\n", STR_ARG(status), (double)ms / 1000,
                  STR_ARG(text));
}
