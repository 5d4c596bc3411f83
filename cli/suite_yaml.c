/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/suite_yaml.h"

#include <stdio.h>
#include <string.h>

#include "cli/suite_yaml_node.h"
#include "json/json.h"

/* --- members ------------------------------------------------------------------------------- */

static const char *
type_name(const yaml_node_t *node)
{
    return node->type == YAML_SEQUENCE_NODE  ? "a list"
           : node->type == YAML_MAPPING_NODE ? "a mapping"
                                             : "a text";
}

static bool
expect(struct yaml_reader *r, const yaml_node_t *node, yaml_node_type_t type, const char *key,
       const char *what)
{
    return node->type == type ||
           yaml_complain(r, RC_INVALID_ARGUMENT, node, "'%s' must be %s, not %s", key, what,
                         type_name(node));
}

static bool
read_text(struct yaml_reader *r, int index, const char *key, struct str *out)
{
    const yaml_node_t *node = yaml_node_at(r, index);

    if (yaml_is_null(node)) {
        return true;
    }
    if (!expect(r, node, YAML_SCALAR_NODE, key, "a text")) {
        return false;
    }
    *out = arena_str(r->arena, yaml_scalar(node));
    return (out->p != NULL && str_is_utf8(*out)) ||
           yaml_complain(r, RC_INVALID_ARGUMENT, node, "'%s' holds a character that no text may",
                         key);
}

static bool
read_word(struct yaml_reader *r, int index, const char *key, const char *const *words,
          struct str *out)
{
    return read_text(r, index, key, out) &&
           (out->n == 0 || yaml_is_any_of(*out, words) ||
            yaml_complain(r, RC_INVALID_ARGUMENT, yaml_node_at(r, index), "'%s' cannot be '%.*s'",
                          key, STR_ARG(str_sub(*out, 0, 60))));
}

static bool
read_number(struct yaml_reader *r, int index, const char *key, int64_t *out)
{
    const yaml_node_t *node = yaml_node_at(r, index);

    if (yaml_is_null(node)) {
        return true;
    }
    return expect(r, node, YAML_SCALAR_NODE, key, "a number") &&
           (str_to_i64(yaml_scalar(node), 1, 100000, out) == RC_OK ||
            yaml_complain(r, RC_INVALID_ARGUMENT, node, "'%s' must be a number from 1 to 100000",
                          key));
}

static bool
read_flag(struct yaml_reader *r, int index, const char *key, bool *out)
{
    const yaml_node_t *node = yaml_node_at(r, index);

    if (!yaml_is_true(node) && !yaml_is_false(node)) {
        return yaml_complain(r, RC_INVALID_ARGUMENT, node, "'%s' must be true or false", key);
    }
    *out = yaml_is_true(node);
    return true;
}

/* A list of texts or mappings. A plain 42 is a text here: people write sentences. */
static bool
read_sentences(struct yaml_reader *r, int index, const char *key, struct str *out)
{
    const yaml_node_t *node = yaml_node_at(r, index);
    struct buf b;

    if (yaml_is_null(node)) {
        return true;
    }
    if (!expect(r, node, YAML_SEQUENCE_NODE, key, "a list")) {
        return false;
    }
    buf_init(&b, SUITE_JSON_MAX);
    buf_putc(&b, '[');
    for (const int *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
        const yaml_node_t *item = yaml_node_at(r, *i);
        buf_putz(&b, i == node->data.sequence.items.start ? "" : ",");
        if (item->type == YAML_SCALAR_NODE && yaml_scalar(item).n > 0) {
            json_put_str(&b, yaml_scalar(item));
        } else if (item->type != YAML_MAPPING_NODE || !yaml_put_json(r, &b, *i, 0)) {
            buf_fini(&b);
            return yaml_complain(r, RC_INVALID_ARGUMENT, item,
                                 "an item of '%s' must be a text or a mapping", key);
        }
        if (++r->looked > SUITE_NODES_MAX) {
            buf_fini(&b);
            return yaml_complain(r, RC_RESOURCE_EXHAUSTED, item, "the file is too large");
        }
    }
    buf_putc(&b, ']');
    return yaml_keep(r, &b, node, out);
}

static bool
read_list(struct yaml_reader *r, int index, const char *key, yaml_node_type_t items,
          struct str *out)
{
    const yaml_node_t *node = yaml_node_at(r, index);

    if (yaml_is_null(node)) {
        return true;
    }
    if (!expect(r, node, YAML_SEQUENCE_NODE, key, "a list")) {
        return false;
    }
    for (const int *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
        if (yaml_node_at(r, *i)->type != items) {
            return yaml_complain(r, RC_INVALID_ARGUMENT, yaml_node_at(r, *i),
                                 "an item of '%s' must be %s", key,
                                 items == YAML_MAPPING_NODE    ? "a mapping"
                                 : items == YAML_SEQUENCE_NODE ? "a list"
                                                               : "a text");
        }
    }
    return items == YAML_SCALAR_NODE ? read_sentences(r, index, key, out)
                                     : yaml_to_json(r, index, out);
}

/* Values are put into texts, so 3 and true are texts too. */
static bool
read_variables(struct yaml_reader *r, int index, struct str *out)
{
    const yaml_node_t *node = yaml_node_at(r, index);
    struct buf b;

    if (yaml_is_null(node)) {
        return true;
    }
    if (!expect(r, node, YAML_MAPPING_NODE, "variables", "a mapping") ||
        !yaml_check_keys(r, node)) {
        return false;
    }
    buf_init(&b, SUITE_JSON_MAX);
    buf_putc(&b, '{');
    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start;
         p < node->data.mapping.pairs.top; p++) {
        const yaml_node_t *value = yaml_node_at(r, p->value);
        buf_putz(&b, p == node->data.mapping.pairs.start ? "" : ",");
        json_put_str(&b, yaml_scalar(yaml_node_at(r, p->key)));
        buf_putc(&b, ':');
        if (value->type == YAML_SCALAR_NODE) {
            json_put_str(&b, yaml_is_null(value) ? STR_EMPTY : yaml_scalar(value));
        } else if (value->type != YAML_MAPPING_NODE || !yaml_put_json(r, &b, p->value, 0)) {
            buf_fini(&b);
            return yaml_complain(r, RC_INVALID_ARGUMENT, value, "a variable must be a text");
        }
    }
    buf_putc(&b, '}');
    return yaml_keep(r, &b, node, out);
}

/* --- cases --------------------------------------------------------------------------------- */

static const char *const MODES[] = {"ai", "recorded", NULL};

/* One member of a case; `key` is at its node. */
static bool
read_case_member(struct yaml_reader *r, struct suite_case *c, const yaml_node_t *key, int value)
{
    struct str k = yaml_scalar(key);

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
    return yaml_complain(r, RC_INVALID_ARGUMENT, key, "a case has no '%.*s'",
                         STR_ARG(str_sub(k, 0, 60)));
}

static bool
read_case(struct yaml_reader *r, int index, struct suite_case *c)
{
    const yaml_node_t *node = yaml_node_at(r, index);

    *c = (struct suite_case){.fuzzy_match = true, .steps = STR("[]"), .assertions = STR("[]")};
    if (!expect(r, node, YAML_MAPPING_NODE, "cases", "a list of mappings") ||
        !yaml_check_keys(r, node)) {
        return false;
    }
    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start;
         p < node->data.mapping.pairs.top; p++) {
        if (!read_case_member(r, c, yaml_node_at(r, p->key), p->value)) {
            return false;
        }
    }
    return str_trim(c->name).n > 0 ||
           yaml_complain(r, RC_INVALID_ARGUMENT, node, "this case has no 'name'");
}

static bool
read_cases(struct yaml_reader *r, int index, struct suite_file *f)
{
    const yaml_node_t *node = yaml_node_at(r, index);

    if (yaml_is_null(node)) {
        return true;
    }
    if (!expect(r, node, YAML_SEQUENCE_NODE, "cases", "a list")) {
        return false;
    }
    size_t n = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (n > SUITE_CASES_MAX) {
        return yaml_complain(r, RC_RESOURCE_EXHAUSTED, node, "more than %d cases", SUITE_CASES_MAX);
    }
    f->cases = ARENA_ARRAY(r->arena, n + 1, struct suite_case);
    if (f->cases == NULL) {
        return yaml_complain(r, RC_RESOURCE_EXHAUSTED, node, "too large");
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
read_member(struct yaml_reader *r, struct suite_file *f, const yaml_node_t *key, int value)
{
    struct str k = yaml_scalar(key);

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
    return yaml_complain(r, RC_INVALID_ARGUMENT, key, "a suite has no '%.*s'",
                         STR_ARG(str_sub(k, 0, 60)));
}

static bool
read_root(struct yaml_reader *r, struct suite_file *f)
{
    const yaml_node_t *root = yaml_document_get_root_node(r->doc);

    if (root == NULL || root->type != YAML_MAPPING_NODE) {
        return yaml_complain(r, RC_INVALID_ARGUMENT, root,
                             "this is not a suite: expected 'name: ...'");
    }
    if (!yaml_check_keys(r, root)) {
        return false;
    }
    for (const yaml_node_pair_t *p = root->data.mapping.pairs.start;
         p < root->data.mapping.pairs.top; p++) {
        if (!read_member(r, f, yaml_node_at(r, p->key), p->value)) {
            return false;
        }
    }
    return str_trim(f->name).n > 0 ||
           yaml_complain(r, RC_INVALID_ARGUMENT, root, "the suite has no 'name'");
}

/* A second document in the file would be ignored: say so. */
static bool
is_last(struct yaml_reader *r, yaml_parser_t *parser)
{
    yaml_document_t next;

    if (yaml_parser_load(parser, &next) == 0) {
        return false;
    }
    const yaml_node_t *root = yaml_document_get_root_node(&next);
    bool last = root == NULL || yaml_complain(r, RC_INVALID_ARGUMENT, root,
                                              "one suite per file: a second document begins");
    yaml_document_delete(&next);
    return last;
}

static void
syntax_error(struct yaml_reader *r, const yaml_parser_t *parser)
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
    struct yaml_reader r = {.arena = arena, .error = out_error};
    struct suite_file file = {.variables = STR("{}"), .tags = STR("[]")};
    yaml_document_t doc;
    yaml_parser_t parser;

    if (text.n > SUITE_FILE_MAX) {
        (void)yaml_complain(&r, RC_RESOURCE_EXHAUSTED, NULL, "larger than 4 MiB");
        return r.rc;
    }
    if (yaml_parser_initialize(&parser) == 0) {
        (void)yaml_complain(&r, RC_RESOURCE_EXHAUSTED, NULL, "out of memory");
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
