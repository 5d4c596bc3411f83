/* SPDX-License-Identifier: Apache-2.0
 *
 * `assay explain`: what a step would do, before anything is run. With --json - it is a filter: one
 * sentence per line in, one object per line out, each written at once. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"
#include "worker/steps/grammar.h"

#define ARENA_MAX (1024 * 1024)
#define OUTPUT_MAX (256 * 1024)
#define LINE_KEEP (STEP_TEXT_MAX + 1) /* longer lines are refused; the rest is not kept */

static const char USAGE[] =
    "usage: assay explain TEXT...\n"
    "       assay explain --json TEXT...\n"
    "       assay explain [--json] -      one sentence per line from standard input\n"
    "\n"
    "Shows the actions a plain-English step means, or why it is refused. With --json one object\n"
    "{\"text\", \"actions\"} per sentence; a refusal is [{\"type\":\"unsupported\"}].\n"
    "Exit code: 0 understood, 1 refused (only without '-'), 2 out of memory or output closed, 3 "
    "usage.\n";

static bool
write_out(const struct buf *b)
{
    return !buf_failed(b) && (b->n == 0 || fwrite(b->p, 1, b->n, stdout) == b->n) &&
           fflush(stdout) == 0;
}

/* Explains one sentence. *out_understood tells whether it has actions. */
static bool
explain(struct arena *arena, struct str text, bool json, bool *out_understood)
{
    struct plan plan;
    struct buf b;
    arena_reset(arena);
    if (steps_parse(arena, text, &plan) != RC_OK) {
        return false;
    }
    *out_understood = plan.count > 0;
    buf_init(&b, OUTPUT_MAX);
    if (json) {
        buf_putc(&b, '{');
        json_put_member_str(&b, "text", text);
        json_put_key(&b, "actions");
        plan_put_json(&b, &plan);
        buf_putz(&b, "}\n");
    } else {
        plan_put_text(&b, &plan);
    }
    bool ok = write_out(&b);
    buf_fini(&b);
    return ok;
}

/* Reads one line into `line`; keeps LINE_KEEP bytes of a longer one. False at the end. */
static bool
read_line(FILE *in, char *line, size_t *out_n)
{
    size_t n = 0;
    int c = fgetc(in);
    if (c == EOF) {
        return false;
    }
    for (; c != EOF && c != '\n'; c = fgetc(in)) {
        if (n < LINE_KEEP) {
            line[n++] = (char)c;
        }
    }
    if (n > 0 && n < LINE_KEEP && line[n - 1] == '\r') {
        n--;
    }
    *out_n = n;
    return true;
}

static int
explain_lines(struct arena *arena, bool json)
{
    char *line = malloc(LINE_KEEP);
    size_t n = 0;
    bool ok = line != NULL;
    while (ok && read_line(stdin, line, &n)) {
        bool understood = false;
        ok = explain(arena, str_n(line, n), json, &understood);
    }
    free(line);
    return ok ? CLI_OK : CLI_BROKEN;
}

/* The arguments as one sentence. */
static int
explain_words(struct arena *arena, int argc, char **argv, bool json)
{
    struct buf text;
    bool understood = false;
    buf_init(&text, 2 * STEP_TEXT_MAX);
    for (int i = 0; i < argc; i++) {
        buf_putz(&text, i > 0 ? " " : "");
        buf_putz(&text, argv[i]);
    }
    if (buf_failed(&text)) {
        (void)fputs("assay explain: the sentence is too long\n", stderr);
        buf_fini(&text);
        return CLI_USAGE;
    }
    bool ok = explain(arena, buf_str(&text), json, &understood);
    buf_fini(&text);
    if (!ok) {
        return CLI_BROKEN;
    }
    return understood ? CLI_OK : CLI_FAILED;
}

int
cli_explain(int argc, char **argv)
{
    int at = 1;
    bool json = at < argc && strcmp(argv[at], "--json") == 0;
    at += json;
    if (at >= argc || cli_is_help(argv[at])) {
        (void)fputs(USAGE, at < argc ? stdout : stderr);
        return at < argc ? CLI_OK : CLI_USAGE;
    }
    if (strncmp(argv[at], "--", 2) == 0 && argv[at][2] != '\0') {
        (void)fprintf(stderr, "assay explain: no option '%s'\n%s", argv[at], USAGE);
        return CLI_USAGE;
    }
    struct arena *arena = arena_new(ARENA_MAX);
    if (arena == NULL) {
        return CLI_BROKEN;
    }
    bool lines = strcmp(argv[at], "-") == 0 && at + 1 == argc;
    int rc = lines ? explain_lines(arena, json) : explain_words(arena, argc - at, argv + at, json);
    arena_free(arena);
    return rc;
}
