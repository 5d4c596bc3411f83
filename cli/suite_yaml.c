/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/suite_yaml.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "json/json.h"

#define DEPTH_MAX 24
#define JSON_MAX ((size_t)8 << 20) /* of one value, aliases followed */
#define NODES_MAX 200000           /* looked at in all: aliases may name one node often */

struct reader {
    struct arena *arena;
    yaml_document_t *doc;
    struct suite_error *error;
    enum rc rc;
    size_t looked;
};

/* --- failures ------------------------------------------------------------------------------ */

static bool complain(struct reader *r, enum rc rc, const yaml_node_t *at, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* Records the first failure; always false. */
static bool
complain(struct reader *r, enum rc rc, const yaml_node_t *at, const char *fmt, ...)
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

static yaml_node_t *
node_at(struct reader *r, int index)
{
    return yaml_document_get_node(r->doc, index);
}

static struct str
scalar(const yaml_node_t *node)
{
    return str_n((const char *)node->data.scalar.value, node->data.scalar.length);
}

static bool
is_plain(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static bool
is_any_of(struct str s, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (str_eqz(s, *words)) {
            return true;
        }
    }
    return false;
}

/* The core schema of YAML 1.2. */
static bool
is_null(const yaml_node_t *node)
{
    static const char *const WORDS[] = {"", "~", "null", "Null", "NULL", NULL};

    return is_plain(node) && is_any_of(scalar(node), WORDS);
}

static bool
is_true(const yaml_node_t *node)
{
    static const char *const WORDS[] = {"true", "True", "TRUE", NULL};

    return is_plain(node) && is_any_of(scalar(node), WORDS);
}

static bool
is_false(const yaml_node_t *node)
{
    static const char *const WORDS[] = {"false", "False", "FALSE", NULL};

    return is_plain(node) && is_any_of(scalar(node), WORDS);
}

/* A number as JSON writes it; 0x1F, 010 and .inf stay text. */
static bool
is_number(struct reader *r, const yaml_node_t *node)
{
    const struct json_value *v = NULL;
    struct str s = scalar(node);

    return is_plain(node) && s.n > 0 && (ch_is_digit(s.p[0]) || s.p[0] == '-') &&
           json_parse(s, r->arena, &v, NULL) == RC_OK && json_is(v, JSON_NUMBER);
}

/* --- JSON ---------------------------------------------------------------------------------- */

static bool put_json(struct reader *r, struct buf *b, int index, int depth);

static void
put_scalar(struct reader *r, struct buf *b, const yaml_node_t *node)
{
    if (is_null(node)) {
        buf_putz(b, "null");
    } else if (is_true(node) || is_false(node)) {
        buf_putz(b, is_true(node) ? "true" : "false");
    } else if (is_number(r, node)) {
        buf_put(b, scalar(node));
    } else {
        json_put_str(b, scalar(node));
    }
}

static bool
put_array(struct reader *r, struct buf *b, const yaml_node_t *node, int depth)
{
    buf_putc(b, '[');
    for (const int *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
        if (i != node->data.sequence.items.start) {
            buf_putc(b, ',');
        }
        if (!put_json(r, b, *i, depth + 1)) {
            return false;
        }
    }
    buf_putc(b, ']');
    return true;
}

static bool
check_keys(struct reader *r, const yaml_node_t *map)
{
    const yaml_node_pair_t *start = map->data.mapping.pairs.start;

    for (const yaml_node_pair_t *p = start; p < map->data.mapping.pairs.top; p++) {
        const yaml_node_t *key = node_at(r, p->key);
        if (key->type != YAML_SCALAR_NODE) {
            return complain(r, RC_INVALID_ARGUMENT, key, "a key must be a word");
        }
        for (const yaml_node_pair_t *q = start; q < p; q++) {
            if (++r->looked > NODES_MAX) {
                return complain(r, RC_RESOURCE_EXHAUSTED, key, "the file is too large");
            }
            if (str_eq(scalar(node_at(r, q->key)), scalar(key))) {
                return complain(r, RC_INVALID_ARGUMENT, key, "'%.*s' stands here twice",
                                STR_ARG(scalar(key)));
            }
        }
    }
    return true;
}

static bool
put_object(struct reader *r, struct buf *b, const yaml_node_t *node, int depth)
{
    if (!check_keys(r, node)) {
        return false;
    }
    buf_putc(b, '{');
    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start;
         p < node->data.mapping.pairs.top; p++) {
        if (p != node->data.mapping.pairs.start) {
            buf_putc(b, ',');
        }
        json_put_str(b, scalar(node_at(r, p->key)));
        buf_putc(b, ':');
        if (!put_json(r, b, p->value, depth + 1)) {
            return false;
        }
    }
    buf_putc(b, '}');
    return true;
}

static bool
put_json(struct reader *r, struct buf *b, int index, int depth)
{
    const yaml_node_t *node = node_at(r, index);

    if (++r->looked > NODES_MAX || buf_failed(b) || depth > DEPTH_MAX) {
        return complain(r, RC_RESOURCE_EXHAUSTED, node, "too large or nested too deeply");
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
        return complain(r, RC_INVALID_ARGUMENT, node, "empty");
    }
}

/* Keeps what the buffer holds in the arena and ends the buffer. */
static bool
keep(struct reader *r, struct buf *b, const yaml_node_t *node, struct str *out)
{
    *out = arena_str(r->arena, buf_str(b));
    bool ok = !buf_failed(b) && out->p != NULL;
    buf_fini(b);
    return ok || complain(r, RC_RESOURCE_EXHAUSTED, node, "too large");
}

static bool
to_json(struct reader *r, int index, struct str *out)
{
    struct buf b;

    buf_init(&b, JSON_MAX);
    if (!put_json(r, &b, index, 0)) {
        buf_fini(&b);
        return false;
    }
    return keep(r, &b, node_at(r, index), out);
}

/* --- members ------------------------------------------------------------------------------- */

static const char *
type_name(const yaml_node_t *node)
{
    return node->type == YAML_SEQUENCE_NODE ? "a list"
           : node->type == YAML_MAPPING_NODE ? "a mapping"
                                              : "a text";
}

static bool
expect(struct reader *r, const yaml_node_t *node, yaml_node_type_t type, const char *key,
       const char *what)
{
    return node->type == type || complain(r, RC_INVALID_ARGUMENT, node, "'%s' must be %s, not %s",
                                          key, what, type_name(node));
}

static bool
read_text(struct reader *r, int index, const char *key, struct str *out)
{
    const yaml_node_t *node = node_at(r, index);

    if (is_null(node)) {
        return true;
    }
    if (!expect(r, node, YAML_SCALAR_NODE, key, "a text")) {
        return false;
    }
    *out = arena_str(r->arena, scalar(node));
    return (out->p != NULL && str_is_utf8(*out)) ||
           complain(r, RC_INVALID_ARGUMENT, node, "'%s' holds a character that no text may", key);
}

static bool
read_word(struct reader *r, int index, const char *key, const char *const *words, struct str *out)
{
    return read_text(r, index, key, out) &&
           (out->n == 0 || is_any_of(*out, words) ||
            complain(r, RC_INVALID_ARGUMENT, node_at(r, index), "'%s' cannot be '%.*s'", key,
                     STR_ARG(str_sub(*out, 0, 60))));
}

static bool
read_number(struct reader *r, int index, const char *key, int64_t *out)
{
    const yaml_node_t *node = node_at(r, index);

    if (is_null(node)) {
        return true;
    }
    return expect(r, node, YAML_SCALAR_NODE, key, "a number") &&
           (str_to_i64(scalar(node), 1, 100000, out) == RC_OK ||
            complain(r, RC_INVALID_ARGUMENT, node, "'%s' must be a number from 1 to 100000", key));
}

static bool
read_flag(struct reader *r, int index, const char *key, bool *out)
{
    const yaml_node_t *node = node_at(r, index);

    if (!is_true(node) && !is_false(node)) {
        return complain(r, RC_INVALID_ARGUMENT, node, "'%s' must be true or false", key);
    }
    *out = is_true(node);
    return true;
}

/* A list of texts or mappings. A plain 42 is a text here: people write sentences. */
static bool
read_sentences(struct reader *r, int index, const char *key, struct str *out)
{
    const yaml_node_t *node = node_at(r, index);
    struct buf b;

    if (is_null(node)) {
        return true;
    }
    if (!expect(r, node, YAML_SEQUENCE_NODE, key, "a list")) {
        return false;
    }
    buf_init(&b, JSON_MAX);
    buf_putc(&b, '[');
    for (const int *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
        const yaml_node_t *item = node_at(r, *i);
        buf_putz(&b, i == node->data.sequence.items.start ? "" : ",");
        if (item->type == YAML_SCALAR_NODE && scalar(item).n > 0) {
            json_put_str(&b, scalar(item));
        } else if (item->type != YAML_MAPPING_NODE || !put_json(r, &b, *i, 0)) {
            buf_fini(&b);
            return complain(r, RC_INVALID_ARGUMENT, item,
                            "an item of '%s' must be a text or a mapping", key);
        }
        if (++r->looked > NODES_MAX) {
            buf_fini(&b);
            return complain(r, RC_RESOURCE_EXHAUSTED, item, "the file is too large");
        }
    }
    buf_putc(&b, ']');
    return keep(r, &b, node, out);
}

static bool
read_list(struct reader *r, int index, const char *key, yaml_node_type_t items, struct str *out)
{
    const yaml_node_t *node = node_at(r, index);

    if (is_null(node)) {
        return true;
    }
    if (!expect(r, node, YAML_SEQUENCE_NODE, key, "a list")) {
        return false;
    }
    for (const int *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
        if (node_at(r, *i)->type != items) {
            return complain(r, RC_INVALID_ARGUMENT, node_at(r, *i),
                            "an item of '%s' must be %s", key,
                            items == YAML_MAPPING_NODE    ? "a mapping"
                            : items == YAML_SEQUENCE_NODE ? "a list"
                                                          : "a text");
        }
    }
    return items == YAML_SCALAR_NODE ? read_sentences(r, index, key, out) : to_json(r, index, out);
}

/* Values are put into texts, so 3 and true are texts too. */
static bool
read_variables(struct reader *r, int index, struct str *out)
{
    const yaml_node_t *node = node_at(r, index);
    struct buf b;

    if (is_null(node)) {
        return true;
    }
    if (!expect(r, node, YAML_MAPPING_NODE, "variables", "a mapping") || !check_keys(r, node)) {
        return false;
    }
    buf_init(&b, JSON_MAX);
    buf_putc(&b, '{');
    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start;
         p < node->data.mapping.pairs.top; p++) {
        const yaml_node_t *value = node_at(r, p->value);
        buf_putz(&b, p == node->data.mapping.pairs.start ? "" : ",");
        json_put_str(&b, scalar(node_at(r, p->key)));
        buf_putc(&b, ':');
        if (value->type == YAML_SCALAR_NODE) {
            json_put_str(&b, is_null(value) ? STR_EMPTY : scalar(value));
        } else if (value->type != YAML_MAPPING_NODE || !put_json(r, &b, p->value, 0)) {
            buf_fini(&b);
            return complain(r, RC_INVALID_ARGUMENT, value, "a variable must be a text");
        }
    }
    buf_putc(&b, '}');
    return keep(r, &b, node, out);
}

/* --- cases --------------------------------------------------------------------------------- */

static const char *const MODES[] = {"ai", "recorded", NULL};

/* One member of a case; `key` is at its node. */
static bool
read_case_member(struct reader *r, struct suite_case *c, const yaml_node_t *key, int value)
{
    struct str k = scalar(key);

    if (str_eqz(k, "name")) {
        return read_text(r, value, "name", &c->name);
    }
    if (str_eqz(k, "mode")) {
        return read_word(r, value, "mode", MODES, &c->mode);
    }
    if (str_eqz(k, "context")) {
        return read_text(r, value, "context", &c->context);
    }
    if (str_eqz(k, "fuzzyMatch")) {
        return read_flag(r, value, "fuzzyMatch", &c->fuzzy_match);
    }
    if (str_eqz(k, "steps")) {
        return read_sentences(r, value, "steps", &c->steps);
    }
    if (str_eqz(k, "assertions")) {
        return read_sentences(r, value, "assertions", &c->assertions);
    }
    if (str_eqz(k, "sourceRecording")) {
        return read_list(r, value, "sourceRecording", YAML_MAPPING_NODE, &c->recording);
    }
    if (str_eqz(k, "stepMappings")) {
        return read_list(r, value, "stepMappings", YAML_SEQUENCE_NODE, &c->mappings);
    }
    if (str_eqz(k, "sourceDeviceWidth")) {
        return read_number(r, value, "sourceDeviceWidth", &c->width);
    }
    if (str_eqz(k, "sourceDeviceHeight")) {
        return read_number(r, value, "sourceDeviceHeight", &c->height);
    }
    return complain(r, RC_INVALID_ARGUMENT, key, "a case has no '%.*s'",
                    STR_ARG(str_sub(k, 0, 60)));
}

static bool
read_case(struct reader *r, int index, struct suite_case *c)
{
    const yaml_node_t *node = node_at(r, index);

    *c = (struct suite_case){.fuzzy_match = true, .steps = STR("[]"), .assertions = STR("[]")};
    if (!expect(r, node, YAML_MAPPING_NODE, "cases", "a list of mappings") ||
        !check_keys(r, node)) {
        return false;
    }
    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start;
         p < node->data.mapping.pairs.top; p++) {
        if (!read_case_member(r, c, node_at(r, p->key), p->value)) {
            return false;
        }
    }
    return str_trim(c->name).n > 0 ||
           complain(r, RC_INVALID_ARGUMENT, node, "this case has no 'name'");
}

static bool
read_cases(struct reader *r, int index, struct suite_file *f)
{
    const yaml_node_t *node = node_at(r, index);

    if (is_null(node)) {
        return true;
    }
    if (!expect(r, node, YAML_SEQUENCE_NODE, "cases", "a list")) {
        return false;
    }
    size_t n = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (n > SUITE_CASES_MAX) {
        return complain(r, RC_RESOURCE_EXHAUSTED, node, "more than %d cases", SUITE_CASES_MAX);
    }
    f->cases = ARENA_ARRAY(r->arena, n + 1, struct suite_case);
    if (f->cases == NULL) {
        return complain(r, RC_RESOURCE_EXHAUSTED, node, "too large");
    }
    for (f->case_count = 0; f->case_count < n; f->case_count++) {
        if (!read_case(r, node->data.sequence.items.start[f->case_count],
                       &f->cases[f->case_count])) {
            return false;
        }
    }
    return true;
}

/* --- the file ------------------------------------------------------------------------------ */

static const char *const PLATFORMS[] = {"web", "ios", "android", NULL};
static const char *const RESETS[] = {"relaunch", "clear_data", "reinstall", NULL};

static bool
read_member(struct reader *r, struct suite_file *f, const yaml_node_t *key, int value)
{
    struct str k = scalar(key);

    if (str_eqz(k, "name")) {
        return read_text(r, value, "name", &f->name);
    }
    if (str_eqz(k, "description")) {
        return read_text(r, value, "description", &f->description);
    }
    if (str_eqz(k, "appId")) {
        return read_text(r, value, "appId", &f->app_id);
    }
    if (str_eqz(k, "platform")) {
        return read_word(r, value, "platform", PLATFORMS, &f->platform);
    }
    if (str_eqz(k, "resetStrategy")) {
        return read_word(r, value, "resetStrategy", RESETS, &f->reset_strategy);
    }
    if (str_eqz(k, "context")) {
        return read_text(r, value, "context", &f->context);
    }
    if (str_eqz(k, "variables")) {
        return read_variables(r, value, &f->variables);
    }
    if (str_eqz(k, "tags")) {
        return read_list(r, value, "tags", YAML_SCALAR_NODE, &f->tags);
    }
    if (str_eqz(k, "cases")) {
        return read_cases(r, value, f);
    }
    return complain(r, RC_INVALID_ARGUMENT, key, "a suite has no '%.*s'",
                    STR_ARG(str_sub(k, 0, 60)));
}

static bool
read_root(struct reader *r, struct suite_file *f)
{
    const yaml_node_t *root = yaml_document_get_root_node(r->doc);

    if (root == NULL || root->type != YAML_MAPPING_NODE) {
        return complain(r, RC_INVALID_ARGUMENT, root, "this is not a suite: expected 'name: ...'");
    }
    if (!check_keys(r, root)) {
        return false;
    }
    for (const yaml_node_pair_t *p = root->data.mapping.pairs.start;
         p < root->data.mapping.pairs.top; p++) {
        if (!read_member(r, f, node_at(r, p->key), p->value)) {
            return false;
        }
    }
    return str_trim(f->name).n > 0 ||
           complain(r, RC_INVALID_ARGUMENT, root, "the suite has no 'name'");
}

/* A second document in the file would be ignored: say so. */
static bool
is_last(struct reader *r, yaml_parser_t *parser)
{
    yaml_document_t next;

    if (yaml_parser_load(parser, &next) == 0) {
        return false;
    }
    const yaml_node_t *root = yaml_document_get_root_node(&next);
    bool last = root == NULL || complain(r, RC_INVALID_ARGUMENT, root,
                                         "one suite per file: a second document begins");
    yaml_document_delete(&next);
    return last;
}

static void
syntax_error(struct reader *r, const yaml_parser_t *parser)
{
    if (r->rc == RC_OK) {
        r->rc = RC_INVALID_ARGUMENT;
        r->error->line = parser->problem_mark.line + 1;
        r->error->column = parser->problem_mark.column + 1;
        (void)snprintf(r->error->text, sizeof(r->error->text), "not YAML: %s",
                       parser->problem == NULL ? "malformed" : parser->problem);
    }
}

enum rc
suite_yaml_parse(struct arena *arena, struct str text, struct suite_file *out,
                 struct suite_error *out_error)
{
    struct reader r = {.arena = arena, .error = out_error};
    struct suite_file file = {.variables = STR("{}"), .tags = STR("[]")};
    yaml_document_t doc;
    yaml_parser_t parser;

    if (text.n > SUITE_FILE_MAX) {
        (void)complain(&r, RC_RESOURCE_EXHAUSTED, NULL, "larger than 4 MiB");
        return r.rc;
    }
    if (yaml_parser_initialize(&parser) == 0) {
        (void)complain(&r, RC_RESOURCE_EXHAUSTED, NULL, "out of memory");
        return r.rc;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)(text.n == 0 ? "" : text.p),
                                 text.n);
    if (yaml_parser_load(&parser, &doc) == 0) {
        syntax_error(&r, &parser);
    } else {
        r.doc = &doc;
        if (read_root(&r, &file) && !is_last(&r, &parser)) {
            syntax_error(&r, &parser);
        }
        yaml_document_delete(&doc);
    }
    yaml_parser_delete(&parser);
    if (r.rc == RC_OK) {
        *out = file;
    }
    return r.rc;
}
