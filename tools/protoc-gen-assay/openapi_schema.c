/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "openapi.h"

void
put_item(struct buf *b)
{
    if (b->n > 0 && b->p[b->n - 1] != '[') {
        buf_putc(b, ',');
    }
}

void
put_member_z(struct buf *b, const char *key, const char *value)
{
    json_put_member_str(b, key, str_z(value));
}

/* --- names --------------------------------------------------------------------------------- */

static void
put_component_name(struct buf *b, const struct message *msg, bool input)
{
    const char *name = strncmp(msg->full, "assay.", 6) == 0 ? msg->full + 6 : msg->full;
    for (const char *p = name; *p != '\0'; p++) {
        buf_putc(b, *p == '.' ? '_' : *p);
    }
    /* Presence differs between the two directions. */
    buf_putz(b, input && msg->in_response ? "Input" : "");
}

void
put_message_ref(struct buf *b, const struct message *msg, bool input)
{
    buf_putz(b, "{\"$ref\":\"#/components/schemas/");
    put_component_name(b, msg, input);
    buf_putz(b, "\"}");
}

/* --- one value ----------------------------------------------------------------------------- */

static void
put_type(struct buf *b, const char *type, bool or_null)
{
    json_put_key(b, "type");
    if (or_null) {
        buf_printf(b, "[\"%s\",\"null\"]", type);
    } else {
        buf_printf(b, "\"%s\"", type);
    }
}

static void
put_length(struct buf *b, const struct field *f, const char *min, const char *max)
{
    if (f->opt->has_min_len) {
        json_put_member_i64(b, min, f->opt->min_len);
    }
    if (f->opt->has_max_len) {
        json_put_member_i64(b, max, f->opt->max_len);
    }
}

static void
put_text_format(struct buf *b, const struct field *f)
{
    switch (f->opt->format) {
    case ASSAY__TEXT_FORMAT__EMAIL:
        put_member_z(b, "format", "email");
        break;
    case ASSAY__TEXT_FORMAT__HTTP_URL:
        put_member_z(b, "format", "uri");
        break;
    case ASSAY__TEXT_FORMAT__UUID:
        put_member_z(b, "format", "uuid");
        break;
    case ASSAY__TEXT_FORMAT__SHA256:
        put_member_z(b, "pattern", "^[0-9a-f]{64}$");
        break;
    default:
        break;
    }
}

/* A POSIX expression matches the whole text; ECMA-262 needs the anchors. Bracket classes have no
 * counterpart there and are left to the description. */
static void
put_pattern(struct buf *b, const char *pattern)
{
    struct str p = str_z(pattern);
    if (str_find(p, STR("[:")) >= 0) {
        return;
    }
    struct buf text;
    buf_init(&text, 4096);
    bool anchored = str_starts(p, STR("^")) && str_ends(p, STR("$"));
    buf_printf(&text, anchored ? "%s" : "^(?:%s)$", pattern);
    json_put_member_str(b, "pattern", buf_str(&text));
    buf_fini(&text);
}

static void
put_allowed(struct buf *b, const struct field *f, bool or_null)
{
    json_put_key(b, "enum");
    buf_putc(b, '[');
    for (size_t i = 0; i < f->opt->n_in; i++) {
        put_item(b);
        json_put_str(b, str_z(f->opt->in[i]));
    }
    buf_putz(b, or_null ? ",null]" : "]");
}

static void
put_text_limits(struct buf *b, const struct field *f, bool input, bool or_null)
{
    if (f->repeated && f->opt->has_item_max_len) {
        json_put_member_i64(b, "maxLength", f->opt->item_max_len);
    } else if (!f->repeated) {
        put_length(b, f, "minLength", "maxLength");
    }
    put_text_format(b, f);
    if (f->opt->pattern != NULL) {
        put_pattern(b, f->opt->pattern);
    }
    if (f->opt->n_in > 0) {
        put_allowed(b, f, or_null);
    }
    if (input && f->opt->secret && f->opt->format == ASSAY__TEXT_FORMAT__FREE) {
        put_member_z(b, "format", "password");
    }
}

static void
put_bounds(struct buf *b, const struct field *f)
{
    if (f->opt->has_min) {
        json_put_key(b, "minimum");
        json_put_f64(b, f->opt->min);
    }
    if (f->opt->has_max && !f->opt->clamp) {
        json_put_key(b, "maximum");
        json_put_f64(b, f->opt->max);
    }
}

static void
put_time(struct buf *b, const struct field *f, bool input, bool or_null)
{
    put_type(b, "string", or_null);
    /* RFC 3339, which "date-time" means, wants an offset. */
    bool naive = f->opt->time == ASSAY__TIME_FORMAT__NAIVE;
    if (naive && !input) {
        put_member_z(b, "pattern", "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d$");
    } else if (!naive) {
        put_member_z(b, "format", "date-time");
    }
}

static void
put_raw(struct buf *b, const struct field *f, bool or_null)
{
    if (f->opt->raw == ASSAY__JSON_KIND__ANY_OBJECT) {
        put_type(b, "object", or_null);
        put_length(b, f, "minProperties", "maxProperties");
    } else if (f->opt->raw == ASSAY__JSON_KIND__ANY_ARRAY) {
        put_type(b, "array", or_null);
        put_length(b, f, "minItems", "maxItems");
    }
}

static void
put_map(struct buf *b, const struct field *f, bool input)
{
    put_type(b, "object", false);
    json_put_key(b, "additionalProperties");
    put_field_schema(b, &f->sub->fields[1], input);
}

static void
put_submessage(struct buf *b, const struct field *f, bool input, bool or_null)
{
    if (!or_null) {
        json_put_key(b, "allOf");
        buf_putc(b, '[');
        put_message_ref(b, f->sub, input);
        buf_putc(b, ']');
        return;
    }
    json_put_key(b, "oneOf");
    buf_putc(b, '[');
    put_message_ref(b, f->sub, input);
    buf_putz(b, ",{\"type\":\"null\"}]");
}

/* Members of the schema of one value (an item, when the field repeats). */
static void
put_value(struct buf *b, const struct field *f, bool input, bool or_null)
{
    switch (f->kind) {
    case PB_BOOL:
        put_type(b, "boolean", or_null);
        break;
    case PB_INT32:
    case PB_INT64:
    case PB_UINT32:
        put_type(b, "integer", or_null);
        put_member_z(b, "format", f->kind == PB_INT64 ? "int64" : "int32");
        put_bounds(b, f);
        break;
    case PB_DOUBLE:
        put_type(b, "number", or_null);
        put_bounds(b, f);
        break;
    case PB_STRING:
        put_type(b, "string", or_null);
        put_text_limits(b, f, input, or_null);
        break;
    case PB_TIME:
        put_time(b, f, input, or_null);
        break;
    case PB_RAW_JSON:
        put_raw(b, f, or_null);
        break;
    case PB_BASE64:
        put_type(b, "string", or_null);
        put_member_z(b, "contentEncoding", "base64");
        break;
    case PB_MAP:
        put_map(b, f, input);
        break;
    case PB_MESSAGE:
        if (f->opt->file) { /* of a form; base64 in JSON */
            put_type(b, "string", or_null);
            put_member_z(b, "contentMediaType", "application/octet-stream");
        } else {
            put_submessage(b, f, input, or_null);
        }
        break;
    }
}

/* --- a member ------------------------------------------------------------------------------ */

static bool
may_be_null(const struct field *f, bool input)
{
    if (f->repeated || f->required) {
        return false;
    }
    return input ? f->opt->nullable : !f->opt->omit;
}

static bool
is_textual(const struct field *f)
{
    return f->kind == PB_STRING || f->kind == PB_TIME || f->kind == PB_BASE64;
}

static void
put_literal(struct buf *b, const struct field *f, const char *text)
{
    if (is_textual(f)) {
        json_put_str(b, str_z(text));
    } else {
        buf_putz(b, text); /* checked to be JSON */
    }
}

static void
put_default_and_example(struct buf *b, const struct field *f, bool input)
{
    const char *value = f->desc->default_value;
    if (input && value != NULL) {
        json_put_key(b, "default");
        put_literal(b, f, value);
    }
    if (f->opt->example != NULL) {
        json_put_key(b, "examples");
        buf_putc(b, '[');
        if (f->repeated || f->is_map) {
            buf_putz(b, f->opt->example);
        } else {
            put_literal(b, f, f->opt->example);
        }
        buf_putc(b, ']');
    }
}

static void
put_description(struct buf *b, const struct field *f, bool input)
{
    struct buf text;
    buf_init(&text, 1 << 16);
    buf_putz(&text, f->comment);
    if (input && f->opt->clamp && f->opt->has_max) {
        buf_printf(&text, "%sA value above %.15g is lowered to it.", text.n > 0 ? "\n" : "",
                   f->opt->max);
    }
    if (text.n > 0) {
        json_put_member_str(b, "description", buf_str(&text));
    }
    buf_fini(&text);
}

void
put_field_schema(struct buf *b, const struct field *f, bool input)
{
    buf_putc(b, '{');
    put_description(b, f, input);
    if (input && f->opt->file) {
        put_member_z(b, "contentMediaType", "application/octet-stream");
    } else if (f->repeated && !f->is_map) {
        put_type(b, "array", false);
        put_length(b, f, "minItems", "maxItems");
        json_put_key(b, "items");
        buf_putc(b, '{');
        put_value(b, f, input, false);
        buf_putc(b, '}');
    } else {
        put_value(b, f, input, may_be_null(f, input));
    }
    put_default_and_example(b, f, input);
    buf_putc(b, '}');
}

/* --- objects ------------------------------------------------------------------------------- */

static bool
is_here(const struct message *msg, size_t i, const uint8_t *sources, enum pb_source source)
{
    return field_is_member(&msg->fields[i]) && (sources == NULL || sources[i] == source);
}

static bool
is_always_there(const struct field *f, bool input)
{
    return input ? f->required : !f->opt->omit;
}

static void
put_required(struct buf *b, const struct message *msg, bool input, const uint8_t *sources,
             enum pb_source source)
{
    bool any = false;
    for (size_t i = 0; i < msg->count; i++) {
        if (!is_here(msg, i, sources, source) || !is_always_there(&msg->fields[i], input)) {
            continue;
        }
        if (!any) {
            json_put_key(b, "required");
            buf_putc(b, '[');
            any = true;
        }
        put_item(b);
        json_put_str(b, str_z(msg->fields[i].json));
    }
    buf_putz(b, any ? "]" : "");
}

void
put_object_schema(struct buf *b, const struct message *msg, bool input, const uint8_t *sources,
                  enum pb_source source)
{
    buf_putz(b, "{\"type\":\"object\"");
    if (msg->comment[0] != '\0') {
        put_member_z(b, "description", msg->comment);
    }
    json_put_key(b, "properties");
    buf_putc(b, '{');
    for (size_t i = 0; i < msg->count; i++) {
        if (is_here(msg, i, sources, source)) {
            json_put_key(b, msg->fields[i].json);
            put_field_schema(b, &msg->fields[i], input);
        }
    }
    buf_putc(b, '}');
    put_required(b, msg, input, sources, source);
    if (input) {
        put_group_schemas(b, msg, sources, source);
    }
    if (input && msg->opt != NULL && msg->opt->closed) {
        json_put_member_bool(b, "additionalProperties", false);
    }
    buf_putc(b, '}');
}

/* True when a $ref names the message as part of a request. */
static bool
is_nested_input(const struct model *m, const struct message *msg)
{
    for (size_t i = 0; i < m->message_count; i++) {
        const struct message *parent = m->messages[i];
        for (size_t j = 0; parent->in_request && j < parent->count; j++) {
            if (parent->fields[j].sub == msg && !parent->fields[j].opt->file) {
                return true;
            }
        }
    }
    return false;
}

static void
put_component(struct buf *b, const struct message *msg, bool input)
{
    buf_putz(b, b->p[b->n - 1] == '{' ? "\"" : ",\"");
    put_component_name(b, msg, input);
    buf_putz(b, "\":");
    put_object_schema(b, msg, input, NULL, PB_FROM_BODY);
}

void
put_message_schemas(struct buf *b, const struct model *m)
{
    for (size_t i = 0; i < m->message_count; i++) {
        const struct message *msg = m->messages[i];
        if (msg->is_entry) {
            continue;
        }
        if (msg->in_response) {
            put_component(b, msg, false);
        }
        if (msg->in_request && is_nested_input(m, msg)) {
            put_component(b, msg, true);
        }
    }
}
