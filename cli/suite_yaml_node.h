/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the reader of suite files: a YAML node looked at, and written as JSON. */
#ifndef ASSAY_CLI_SUITE_YAML_NODE_H
#define ASSAY_CLI_SUITE_YAML_NODE_H

#include <yaml.h>

#include "cli/suite_yaml.h"
#include "base/buf.h"

#define SUITE_JSON_MAX ((size_t)8 << 20) /* of one value, aliases followed */
#define SUITE_NODES_MAX 200000           /* looked at in all: aliases may name one node often */

struct yaml_reader {
    struct arena *arena;
    yaml_document_t *doc;
    struct suite_error *error;
    enum rc rc;
    size_t looked;
};

/* Records the first failure; always false. `at` may be NULL: the file as a whole. */
bool yaml_complain(struct yaml_reader *r, enum rc rc, const yaml_node_t *at, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
yaml_node_t *yaml_node_at(struct yaml_reader *r, int index);
/* Text of a scalar. */
struct str yaml_scalar(const yaml_node_t *node);
/* By the core schema of YAML 1.2; quoted texts are none of these. */
bool yaml_is_null(const yaml_node_t *node);
bool yaml_is_true(const yaml_node_t *node);
bool yaml_is_false(const yaml_node_t *node);
bool yaml_is_any_of(struct str s, const char *const *words);
/* The keys of a mapping are words, and each stands there once. */
bool yaml_check_keys(struct yaml_reader *r, const yaml_node_t *map);
/* Appends the value as JSON. */
bool yaml_put_json(struct yaml_reader *r, struct buf *b, int index, int depth);
/* Keeps what the buffer holds in the arena and ends the buffer. */
bool yaml_keep(struct yaml_reader *r, struct buf *b, const yaml_node_t *node, struct str *out);
/* Both at once. */
bool yaml_to_json(struct yaml_reader *r, int index, struct str *out);

#endif
