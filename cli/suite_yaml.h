/* SPDX-License-Identifier: Apache-2.0
 *
 * Suite files as people write them (tests/contract, "Suite YAML"): read strictly, so that a word
 * spelt wrong is an error with its line and not a setting that silently does nothing. Steps,
 * assertions, recordings and variables become JSON texts, ready for the API.
 *
 * Only this module includes libyaml. Threads: any. Nothing blocks. */
#ifndef ASSAY_CLI_SUITE_YAML_H
#define ASSAY_CLI_SUITE_YAML_H

#include "base/arena.h"

#define SUITE_FILE_MAX ((size_t)4 << 20)
#define SUITE_CASES_MAX 1000

struct suite_case {
    struct str name;
    struct str mode; /* "ai", "recorded"; empty: not said */
    struct str context;
    bool fuzzy_match;
    struct str steps;      /* JSON array, "[]" when absent */
    struct str assertions; /* JSON array, "[]" when absent */
    struct str recording;  /* JSON array; empty: none */
    struct str mappings;   /* JSON array of arrays; empty: none */
    int64_t width, height; /* 0: not said */
};

struct suite_file {
    struct str name;
    struct str description;
    struct str app_id;
    struct str platform; /* "web", "ios", "android"; empty: not said */
    struct str reset_strategy;
    struct str context;
    struct str variables; /* JSON object whose values are strings or objects */
    struct str tags;      /* JSON array of strings */
    struct suite_case *cases;
    size_t case_count;
};

struct suite_error {
    size_t line, column; /* from 1 */
    char text[200];
};

/* Reads the whole of `text` into the arena.
 * Errors: INVALID_ARGUMENT: *out_error tells where and why. RESOURCE_EXHAUSTED: too large (also
 *         after aliases are followed), too deep, or the arena is full; *out_error tells. */
NODISCARD enum rc suite_yaml_parse(struct arena *arena, struct str text, struct suite_file *out,
                                   struct suite_error *out_error);

#endif
