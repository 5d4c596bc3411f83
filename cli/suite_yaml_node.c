/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/suite_yaml_node.h"

#include <stdio.h>
#include <string.h>

#include "json/json.h"

#define DEPTH_MAX 24

/* --- failures ------------------------------------------------------------------------------ */

bool
yaml_complain(struct yaml_reader *r, enum rc rc, const yaml_node_t *at, const char *fmt, ...)
{
    va_list args;

    if (r->rc != RC_OK) {
        return false;
    }
    r->rc = rc;
    r->error->line = at == NULL ? 1 : at->start_mark.line + 1;
    r->error->column = at == NULL ? 1 : at->start_mark.column + 1;
    va_start(args, fmt);
    (void)vsnprintf(r->error->text, sizeof(r->error->text), fmt, args);
    va_end(args);
    return false;
}

/* --- nodes --------------------------------------------------------------------------------- */

yaml_node_t *
yaml_node_at(struct yaml_reader *r, int index)
{
    return yaml_document_get_node(r->doc, index);
}

struct str
yaml_scalar(const yaml_node_t *node)
{
    return str_n((const char *)node->data.scalar.value, node->data.scalar.length);
}

static bool
is_plain(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

bool
yaml_is_any_of(struct str s, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (str_eqz(s, *words)) {
            return true;
        }
    }
    return false;
}

/* The core schema of YAML 1.2. */
bool
yaml_is_null(const yaml_node_t *node)
{
    static const char *const WORDS[] = {"", "~", "null", "Null", "NULL", NULL};

    return is_plain(node) && yaml_is_any_of(yaml_scalar(node), WORDS);
}

bool
yaml_is_true(const yaml_node_t *node)
{
    static const char *const WORDS[] = {"true", "True", "TRUE", NULL};

    return is_plain(node) && yaml_is_any_of(yaml_scalar(node), WORDS);
}

bool
yaml_is_false(const yaml_node_t *node)
{
    static const char *const WORDS[] = {"false", "False", "FALSE", NULL};

    return is_plain(node) && yaml_is_any_of(yaml_scalar(node), WORDS);
}

/* A number as JSON writes it; 0x1F, 010 and .inf stay text. */
static bool
is_number(struct yaml_reader *r, const yaml_node_t *node)
{
    const struct json_value *v = NULL;
    struct str s = yaml_scalar(node);

    return is_plain(node) && s.n > 0 && (ch_is_digit(s.p[0]) || s.p[0] == '-') &&
           json_parse(s, r->arena, &v, NULL) == RC_OK && json_is(v, JSON_NUMBER);
}

/* --- JSON ---------------------------------------------------------------------------------- */

static void
put_scalar(struct yaml_reader *r, struct buf *b, const yaml_node_t *node)
{
    if (yaml_is_null(node)) {
        buf_putz(b, "null");
    } else if (yaml_is_true(node) || yaml_is_false(node)) {
        buf_putz(b, yaml_is_true(node) ? "true" : "false");
    } else if (is_number(r, node)) {
        buf_put(b, yaml_scalar(node));
    } else {
        json_put_str(b, yaml_scalar(node));
    }
}

static bool
put_array(struct yaml_reader *r, struct buf *b, const yaml_node_t *node, int depth)
{
    buf_putc(b, '[');
    for (const int *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
        if (i != node->data.sequence.items.start) {
            buf_putc(b, ',');
        }
        if (!yaml_put_json(r, b, *i, depth + 1)) {
            return false;
        }
    }
    buf_putc(b, ']');
    return true;
}

bool
yaml_check_keys(struct yaml_reader *r, const yaml_node_t *map)
{
    const yaml_node_pair_t *start = map->data.mapping.pairs.start;

    for (const yaml_node_pair_t *p = start; p < map->data.mapping.pairs.top; p++) {
        const yaml_node_t *key = yaml_node_at(r, p->key);
        if (key->type != YAML_SCALAR_NODE) {
            return yaml_complain(r, RC_INVALID_ARGUMENT, key, "a key must be a word");
        }
        for (const yaml_node_pair_t *q = start; q < p; q++) {
            if (++r->looked > SUITE_NODES_MAX) {
                return yaml_complain(r, RC_RESOURCE_EXHAUSTED, key, "the file is too large");
            }
            if (str_eq(yaml_scalar(yaml_node_at(r, q->key)), yaml_scalar(key))) {
                return yaml_complain(r, RC_INVALID_ARGUMENT, key, "'%.*s' stands here twice",
                                     STR_ARG(yaml_scalar(key)));
            }
        }
    }
    return true;
}

static bool
put_object(struct yaml_reader *r, struct buf *b, const yaml_node_t *node, int depth)
{
    if (!yaml_check_keys(r, node)) {
        return false;
    }
    buf_putc(b, '{');
    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start;
         p < node->data.mapping.pairs.top; p++) {
        if (p != node->data.mapping.pairs.start) {
            buf_putc(b, ',');
        }
        json_put_str(b, yaml_scalar(yaml_node_at(r, p->key)));
        buf_putc(b, ':');
        if (!yaml_put_json(r, b, p->value, depth + 1)) {
            return false;
        }
    }
    buf_putc(b, '}');
    return true;
}

bool
yaml_put_json(struct yaml_reader *r, struct buf *b, int index, int depth)
{
    const yaml_node_t *node = yaml_node_at(r, index);

    if (++r->looked > SUITE_NODES_MAX || buf_failed(b) || depth > DEPTH_MAX) {
        return yaml_complain(r, RC_RESOURCE_EXHAUSTED, node, "too large or nested too deeply");
    }
    switch (node->type) {
    case YAML_SCALAR_NODE:
        put_scalar(r, b, node);
        return true;
    case YAML_SEQUENCE_NODE:
        return put_array(r, b, node, depth);
    case YAML_MAPPING_NODE:
        return put_object(r, b, node, depth);
    default:
        return yaml_complain(r, RC_INVALID_ARGUMENT, node, "empty");
    }
}

bool
yaml_keep(struct yaml_reader *r, struct buf *b, const yaml_node_t *node, struct str *out)
{
    *out = arena_str(r->arena, buf_str(b));
    bool ok = !buf_failed(b) && out->p != NULL;
    buf_fini(b);
    return ok || yaml_complain(r, RC_RESOURCE_EXHAUSTED, node, "too large");
}

bool
yaml_to_json(struct yaml_reader *r, int index, struct str *out)
{
    struct buf b;

    buf_init(&b, SUITE_JSON_MAX);
    if (!yaml_put_json(r, &b, index, 0)) {
        buf_fini(&b);
        return false;
    }
    return yaml_keep(r, &b, yaml_node_at(r, index), out);
}
