/* SPDX-License-Identifier: Apache-2.0
 *
 * What a field of a public message may be, and which options fit which type. */
#include <regex.h>
#include <string.h>

#include "check.h"
#include "json/json.h"

#define TYPE(x) GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##x

static bool
kind_of_int64(const struct field *f, enum pb_kind *out)
{
    *out = f->opt->time != ASSAY__TIME_FORMAT__NO_TIME ? PB_TIME : PB_INT64;
    return true;
}

static bool
kind_of(const struct field *f, enum pb_kind *out)
{
    switch (f->desc->type) {
    case TYPE(BOOL):
        *out = PB_BOOL;
        return true;
    case TYPE(INT32):
    case TYPE(SINT32):
    case TYPE(SFIXED32):
        *out = PB_INT32;
        return true;
    case TYPE(INT64):
    case TYPE(SINT64):
    case TYPE(SFIXED64):
        return kind_of_int64(f, out);
    case TYPE(UINT32):
    case TYPE(FIXED32):
        *out = PB_UINT32;
        return true;
    case TYPE(DOUBLE):
        *out = PB_DOUBLE;
        return true;
    case TYPE(STRING):
        *out = PB_STRING;
        return true;
    case TYPE(BYTES):
        *out = f->opt->raw != ASSAY__JSON_KIND__NOT_RAW ? PB_RAW_JSON : PB_BASE64;
        return true;
    case TYPE(MESSAGE):
        *out = f->is_map ? PB_MAP : PB_MESSAGE;
        return true;
    default:
        return false;
    }
}

static bool
is_number(const struct field *f)
{
    return f->kind == PB_INT32 || f->kind == PB_INT64 || f->kind == PB_UINT32 ||
           f->kind == PB_DOUBLE;
}

static void
need(struct model *m, const struct field *f, bool ok, const char *option, const char *on)
{
    if (!ok) {
        fault(m, f->at, "%s: option `%s` is for %s", f->desc->name, option, on);
    }
}

static void
check_text_options(struct model *m, const struct field *f)
{
    const Assay__Field *o = f->opt;
    bool is_text = f->kind == PB_STRING;
    need(m, f, is_text || o->format == ASSAY__TEXT_FORMAT__FREE, "format", "strings");
    need(m, f, is_text || o->n_in == 0, "in", "strings");
    need(m, f, is_text || o->pattern == NULL, "pattern", "strings");
    need(m, f, is_text || !o->lower, "lower", "strings");
    need(m, f, is_text || o->header == NULL, "header", "strings");
    need(m, f, !o->has_item_max_len || (is_text && f->repeated), "item_max_len",
         "repeated strings");
    regex_t re;
    if (o->pattern != NULL) {
        if (regcomp(&re, o->pattern, REG_EXTENDED | REG_NOSUB) != 0) {
            fault(m, f->at, "%s: pattern \"%s\" does not compile", f->desc->name, o->pattern);
        } else {
            regfree(&re);
        }
    }
}

static void
check_bounds(struct model *m, const struct field *f)
{
    const Assay__Field *o = f->opt;
    bool has_length =
        f->repeated || f->kind == PB_STRING || f->kind == PB_RAW_JSON || f->kind == PB_BASE64;
    need(m, f, has_length || !(o->has_min_len || o->has_max_len), "min_len/max_len",
         "strings, bytes and repeated fields");
    need(m, f, is_number(f) || !(o->has_min || o->has_max), "min/max", "numbers");
    need(m, f, !o->clamp || o->has_max, "clamp", "fields with max");
    if (o->has_min_len && o->has_max_len && o->min_len > o->max_len) {
        fault(m, f->at, "%s: min_len is above max_len", f->desc->name);
    }
    if (o->has_min && o->has_max && o->min > o->max) {
        fault(m, f->at, "%s: min is above max", f->desc->name);
    }
}

static bool
is_int64_type(const struct field *f)
{
    return f->kind == PB_INT64 || f->kind == PB_TIME;
}

static void
check_presence(struct model *m, const struct message *msg, const struct field *f)
{
    const Assay__Field *o = f->opt;
    need(m, f, !(o->nullable && f->required), "nullable", "optional fields");
    need(m, f, !(o->omit && f->required), "omit", "optional and repeated fields");
    if (!o->nullable) {
        return;
    }
    for (size_t i = 0; i < msg->count; i++) {
        if (msg->fields[i].is_nulls) {
            return;
        }
    }
    fault(m, f->at, "%s is nullable, but %s has no `repeated uint32 nulls` to record it",
          f->desc->name, msg->full);
}

static void
check_example(struct model *m, const struct field *f)
{
    bool is_text = f->kind == PB_STRING || f->kind == PB_TIME || f->kind == PB_BASE64;
    if (f->opt->example == NULL || (is_text && !f->repeated)) {
        return;
    }
    const struct json_value *value;
    if (json_parse(str_z(f->opt->example), m->arena, &value, NULL) != RC_OK) {
        fault(m, f->at, "%s: example %s is not JSON", f->desc->name, f->opt->example);
    } else if (f->repeated && !f->is_map && !json_is(value, JSON_ARRAY)) {
        fault(m, f->at, "%s: the example of a repeated field is a JSON array", f->desc->name);
    }
}

static void
check_map(struct model *m, const struct field *f)
{
    if (f->sub->count != 2 || f->sub->fields[0].desc->type != TYPE(STRING)) {
        fault(m, f->at, "%s: keys of a map must be strings", f->desc->name);
    }
}

/* Keys are copied as they are, by the writer and into messages. */
static bool
is_plain(const char *key)
{
    for (const char *c = key; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\') {
            return false;
        }
    }
    return key[0] != '\0';
}

static void
check_place(struct model *m, const struct field *f)
{
    if (f->desc->number > PB_NUMBER_MAX) {
        fault(m, f->at, "%s: field numbers of public messages end at %d", f->desc->name,
              PB_NUMBER_MAX);
    }
    if (!is_plain(f->json)) {
        fault(m, f->at, "%s: a member's name is printable ASCII without quotes and backslashes",
              f->desc->name);
    }
}

void
check_field(struct model *m, const struct message *msg, struct field *f)
{
    if (f->is_nulls) {
        return; /* in no table */
    }
    check_place(m, f);
    if (!kind_of(f, &f->kind)) {
        fault(m, f->at,
              "%s: this type has no JSON form here (enumerations: a string with `in`; float: "
              "double; uint64: int64)",
              f->desc->name);
        return;
    }
    need(m, f, is_int64_type(f) || f->opt->time == ASSAY__TIME_FORMAT__NO_TIME, "time", "int64");
    need(m, f, f->kind == PB_RAW_JSON || f->opt->raw == ASSAY__JSON_KIND__NOT_RAW, "raw", "bytes");
    need(m, f, !f->opt->csv || f->repeated, "csv", "repeated fields");
    check_text_options(m, f);
    check_bounds(m, f);
    check_presence(m, msg, f);
    check_example(m, f);
    if (f->is_map) {
        check_map(m, f);
    }
}

/* --- fields of a request, where they are read from ------------------------------------------- */

static bool
is_scalar(const struct field *f)
{
    return f->kind != PB_MESSAGE && f->kind != PB_MAP && f->kind != PB_RAW_JSON &&
           f->kind != PB_BASE64;
}

static const char *
source_name(uint8_t source)
{
    static const char *const names[] = {"the body", "the path", "the query", "a header"};
    return names[source];
}

void
check_source(struct model *m, const struct route *r, size_t i)
{
    const struct field *f = &r->rpc->req->fields[i];
    uint8_t source = r->sources[i];
    if (f->is_nulls) {
        return;
    }
    bool is_blob = f->sub != NULL && strcmp(f->sub->full, "assay.Blob") == 0;
    bool in_json = r->body == GW_BODY_JSON && !f->repeated;
    if (f->opt->file && !(is_blob && (r->body == GW_BODY_MULTIPART || in_json))) {
        fault(m, f->at,
              "%s: option `file` is for assay.Blob in BODY_MULTIPART requests, and for one "
              "in JSON",
              f->desc->name);
    }
    if (f->opt->owned != NULL && !f->opt->file) {
        fault(m, f->at, "%s: option `owned` is for files", f->desc->name);
    }
    if (f->opt->once && f->opt->owned == NULL) {
        fault(m, f->at, "%s: option `once` is for `owned` files", f->desc->name);
    }
    if (f->opt->csv && source != PB_FROM_QUERY) {
        fault(m, f->at, "%s: option `csv` is for the query, but it is read from %s", f->desc->name,
              source_name(source));
    }
    if (source != PB_FROM_BODY && !is_scalar(f)) {
        fault(m, f->at, "%s is read from %s (route %s) and must be a scalar", f->desc->name,
              source_name(source), r->pattern);
    }
    if ((source == PB_FROM_PATH || source == PB_FROM_HEADER) && f->repeated) {
        fault(m, f->at, "%s is read from %s (route %s) and cannot repeat", f->desc->name,
              source_name(source), r->pattern);
    }
}
