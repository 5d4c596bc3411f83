/* SPDX-License-Identifier: Apache-2.0
 *
 * Fields from the path, the query, headers and the parts of a form. */
#include "pb/pb_internal.h"

static enum rc
set_bool(const struct pb_spot *spot, struct str text)
{
    bool yes = str_ieq(text, STR("true")) || str_eq(text, STR("1"));

    if (!yes && !str_ieq(text, STR("false")) && !str_eq(text, STR("0"))) {
        return pb_refuse_spot(spot, "must be true or false");
    }
    *(protobuf_c_boolean *)spot->at = yes;
    return RC_OK;
}

static enum rc
set_integer(const struct pb_spot *spot, struct str text)
{
    int64_t v = 0;

    switch (str_to_i64(text, INT64_MIN, INT64_MAX, &v)) {
    case RC_OK:
        return pb_set_i64(spot, v);
    case RC_OUT_OF_RANGE:
        return pb_refuse_spot(spot, "is out of range");
    default:
        return pb_refuse_spot(spot, "must be a whole number");
    }
}

static enum rc
set_double(const struct pb_spot *spot, struct str text)
{
    struct json_reader r;
    struct json_token token;
    double v = 0;

    json_read_init(&r, text, spot->ctx->arena);
    if (json_read(&r, &token) != RC_OK || token.type != JSON_NUMBER || json_read_end(&r) != RC_OK ||
        json_number_f64(token.text, &v) != RC_OK) {
        return pb_refuse_spot(spot, "must be a number");
    }
    return pb_set_f64(spot, v);
}

static enum rc
set_one(const struct pb_spot *spot, struct str text)
{
    if (!str_is_utf8(text)) {
        return pb_refuse_spot(spot, "must be UTF-8 without NUL");
    }
    switch ((enum pb_kind)spot->field->kind) {
    case PB_BOOL:
        return set_bool(spot, text);
    case PB_INT32:
    case PB_INT64:
    case PB_UINT32:
        return set_integer(spot, text);
    case PB_DOUBLE:
        return set_double(spot, text);
    case PB_STRING:
    case PB_TIME:
    case PB_BASE64:
        return pb_set_text(spot, text, false);
    case PB_RAW_JSON:
    case PB_MESSAGE:
        return pb_set_json(spot, text);
    case PB_MAP:
        return pb_refuse_spot(spot, "must not be given here");
    }
    return RC_INTERNAL;
}

static enum rc
add_item(const struct pb_spot *list, struct str text, ProtobufCMessage *msg)
{
    const struct pb_field *f = list->field;
    size_t count = *(const size_t *)pb_at_const(msg, f->quantifier);
    int64_t max = f->max_len < 0 ? PB_ITEMS_MAX : f->max_len;
    struct pb_path step = {.up = list->path, .index = count};
    struct pb_spot spot = *list;

    if ((int64_t)count >= max) {
        return pb_refuse_spot(list, "must have at most %lld items", (long long)max);
    }
    spot.path = &step;
    spot.is_item = true;
    spot.at = pb_grow(list->ctx->arena, msg, f);
    return spot.at == NULL ? pb_out_of_memory(list->ctx) : set_one(&spot, text);
}

static enum rc
add_items(const struct pb_spot *list, struct str text, ProtobufCMessage *msg)
{
    if ((list->field->flags & PB_CSV) == 0) {
        return add_item(list, text, msg);
    }
    for (struct str rest = text; rest.n > 0 || (rest.p != NULL && rest.p != text.p);) {
        enum rc rc = add_item(list, str_split(&rest, ','), msg);
        if (rc != RC_OK) {
            return rc;
        }
    }
    return RC_OK;
}

enum rc
pb_from_text(struct ctx *ctx, const struct pb_field *field, struct str text, ProtobufCMessage *msg)
{
    struct pb_path path = {.name = field->key};
    struct pb_spot spot = {.ctx = ctx,
                           .reason = pb_reason(field),
                           .path = &path,
                           .field = field,
                           .at = pb_at(msg, field->offset)};
    struct pb_seen *seen = pb_seen_of(ctx->arena, msg);

    if (seen == NULL) {
        return pb_out_of_memory(ctx);
    }
    bool again = pb_seen_has(seen, field->number);
    pb_seen_add(seen, field->number);
    if ((field->flags & PB_REPEATED) != 0) {
        return add_items(&spot, text, msg);
    }
    if (again) {
        return pb_refuse_spot(&spot, "is given twice");
    }
    enum rc rc = set_one(&spot, text);
    if (rc == RC_OK) {
        pb_mark_set(msg, field);
    }
    return rc;
}
