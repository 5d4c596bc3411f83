/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings of a process, from the environment only. One table of rows gives the struct, the parser,
 * `--help` and the page of the documentation, so they cannot disagree:
 *
 *     struct tst_cfg { int64_t lease_us; const char *model_key; };
 *     static const struct cfg_row ROWS[] = {
 *         {.name = "ASSAY_RUN_LEASE", .type = CFG_DURATION, .def = "30s", .min = 1000000,
 *          .max = 600000000, .text = "how long a run may be silent",
 *          .offset = offsetof(struct tst_cfg, lease_us)},
 *         {.name = "ASSAY_OPENAI_API_KEY", .type = CFG_STR, .def = "", .secret = true,
 *          .text = "key of the model; empty: off", .offset = offsetof(struct tst_cfg, model_key)},
 *     };
 *
 * NAME_FILE names a file that holds the value (a mounted secret); its final newline is cut.
 * All faults are collected, so that one start shows all of them. Values of secrets are never
 * printed.
 *
 * Threads: load once at start; the structs are constant afterwards. */
#ifndef ASSAY_CFG_CFG_H
#define ASSAY_CFG_CFG_H

#include "base/buf.h"

/* Type of the row and of the struct's member. */
enum cfg_type {
    CFG_STR,      /* const char *, never NULL; min and max bound the length when max is set */
    CFG_URL,      /* const char *: "scheme:..." without white space, or empty when def is "" */
    CFG_INT,      /* int64_t */
    CFG_BOOL,     /* bool: 1 0 true false yes no on off */
    CFG_DURATION, /* int64_t microseconds: "250ms" "30s" "5m" "12h" "7d", a bare 0 */
    CFG_SIZE,     /* int64_t bytes: "4096" "64k" "10m" "2g" (powers of 1024) */
    CFG_ENUM      /* int: index into `choices` */
};

struct cfg_row {
    const char *name; /* of the environment variable */
    enum cfg_type type;
    const char *def; /* text as the environment would hold it; NULL: must be set */
    int64_t min;     /* bounds of numbers, durations and sizes; both 0: none */
    int64_t max;
    const char *unit;           /* for people, may be NULL: "per minute" */
    bool secret;                /* the value is never shown */
    const char *text;           /* one sentence: what it does */
    size_t offset;              /* of the member, offsetof(struct x, member) */
    const char *const *choices; /* CFG_ENUM: NULL-terminated */
};

/* Rows and the struct they fill. */
struct cfg_table {
    const struct cfg_row *rows;
    size_t count;
    void *out;
};

/* Reads every row of every table. Each fault appends one line to `faults`, which names the setting
 * and never a secret's value; an empty value counts as unset.
 * Ownership: strings live until the process ends.
 * Errors: INVALID_ARGUMENT: there are faults; the structs are then not to be used. */
NODISCARD enum rc cfg_load(const struct cfg_table *tables, size_t count, struct buf *faults);
/* Writes the table of settings as text for a terminal. */
void cfg_help(const struct cfg_table *tables, size_t count, struct buf *out);
/* The same as a Markdown table. */
void cfg_help_md(const struct cfg_table *tables, size_t count, struct buf *out);

/* The parsers of single values. Errors: INVALID_ARGUMENT: malformed. OUT_OF_RANGE: overflow. */
NODISCARD enum rc cfg_parse_duration(struct str s, int64_t *out_us);
NODISCARD enum rc cfg_parse_size(struct str s, int64_t *out_bytes);
NODISCARD enum rc cfg_parse_bool(struct str s, bool *out);

#endif
