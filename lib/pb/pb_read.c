/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON into a message, token by token. The recursion follows the tables and is as deep as the
 * reader lets the text be. */
#include "pb/pb_internal.h"

struct in {
    struct ctx *ctx;
    const char *reason;            /* of wrong shapes */
    const struct pb_spot *in_text; /* set: the JSON is the text of this field, not a body */
    struct json_reader r;
    struct str unknown; /* the first member that a closed table does not know; refused once all of
                         * the text is known to be JSON */
};

static enum rc read_object(struct in *in, const struct pb_table *table, ProtobufCMessage *msg,
                           struct pb_seen *seen, const struct pb_path *path);

/* Says why the reader has failed. */
static enum rc
bad_json(const struct in *in)
{
    bool deep = in->r.rc == RC_RESOURCE_EXHAUSTED;

    if (arena_failed(in->ctx->arena)) {
        return pb_out_of_memory(in->ctx);
    }
    if (in->in_text != NULL) {
        return pb_refuse_spot(in->in_text, "must be JSON: %s", in->r.error);
    }
    if (deep) {
        return fail(in->ctx, RC_INVALID_ARGUMENT, "MALFORMED_JSON",
                    "JSON is nested deeper than %d levels", in->r.depth_max);
    }
    return fail(in->ctx, RC_INVALID_ARGUMENT, "MALFORMED_JSON", "malformed JSON at byte %zu: %s",
                in->r.at, in->r.error);
}

/* --- one value ----------------------------------------------------------------------------- */

static enum rc
read_number(struct in *in, const struct pb_spot *spot, struct str digits)
{
    int64_t i = 0;
    double d = 0;

    if (spot->field->kind == PB_DOUBLE) {
        return json_number_f64(digits, &d) == RC_OK ? pb_set_f64(spot, d) : bad_json(in);
    }
    switch (json_number_i64(digits, &i)) {
    case RC_OK:
        return pb_set_i64(spot, i);
    case RC_OUT_OF_RANGE:
        return pb_refuse_spot(spot, "is out of range");
    default:
        return pb_refuse_spot(spot, "must be a whole number");
    }
}

/* Skips the rest of a container whose opening was read, and counts what is in it. */
static enum rc
count_rest(struct in *in, enum json_type type, int64_t *out_count)
{
    int64_t count = 0;
    bool more = true;

    while (more) {
        struct str key;
        enum rc rc = type == JSON_OBJECT ? json_read_key(&in->r, &key, &more)
                                         : json_read_item(&in->r, &more);
        if (rc == RC_OK && more) {
            count++;
            rc = json_skip(&in->r, NULL);
        }
        if (rc != RC_OK) {
            return bad_json(in);
        }
    }
    *out_count = count;
    return RC_OK;
}

enum raw_kind { NOT_RAW, ANY_VALUE, ANY_OBJECT, ANY_ARRAY }; /* JsonKind of options.proto */

static enum rc
check_raw_count(const struct pb_spot *spot, enum json_type type, int64_t count)
{
    const struct pb_field *f = spot->field;
    const char *what = type == JSON_OBJECT ? "members" : "items";
    int64_t max = spot->is_item || f->max_len < 0 ? PB_ITEMS_MAX : f->max_len;

    if (count > max) {
        return pb_refuse_spot(spot, "must have at most %lld %s", (long long)max, what);
    }
    if (!spot->is_item && count < f->min_len) {
        return pb_refuse_spot(spot, "must have at least %lld %s", (long long)f->min_len, what);
    }
    return RC_OK;
}

/* Keeps the bytes of the value that starts with `token`. */
static enum rc
read_raw(struct in *in, const struct pb_spot *spot, const struct json_token *token)
{
    if (spot->field->raw == ANY_OBJECT && token->type != JSON_OBJECT) {
        return pb_refuse_spot(spot, "must be an object");
    }
    if (spot->field->raw == ANY_ARRAY && token->type != JSON_ARRAY) {
        return pb_refuse_spot(spot, "must be an array");
    }
    if (token->type == JSON_OBJECT || token->type == JSON_ARRAY) {
        int64_t count = 0;
        enum rc rc = count_rest(in, token->type, &count);
        if (rc == RC_OK) {
            rc = check_raw_count(spot, token->type, count);
        }
        if (rc != RC_OK) {
            return rc;
        }
    }
    *(ProtobufCBinaryData *)spot->at =
        pb_bytes(in->ctx->arena, str_sub(in->r.in, token->at, in->r.at));
    return arena_failed(in->ctx->arena) ? pb_out_of_memory(in->ctx) : RC_OK;
}

static enum rc
read_message(struct in *in, const struct pb_spot *spot)
{
    const struct pb_table *table = spot->field->sub;
    ProtobufCMessage *msg = pb_new(in->ctx->arena, table->desc);
    struct pb_seen seen = {{0}};

    if (msg == NULL) {
        return pb_out_of_memory(in->ctx);
    }
    enum rc rc = read_object(in, table, msg, &seen, spot->path);
    if (rc == RC_OK) {
        rc = pb_check_presence(in->ctx, table, msg, &seen, spot->path, ~0U, true);
    }
    if (rc == RC_OK) {
        *(ProtobufCMessage **)spot->at = msg;
    }
    return rc;
}

/* The text of a file waits in the blob's key until the caller stores what it stands for. */
static enum rc
read_file(struct in *in, const struct pb_spot *spot, const struct json_token *token)
{
    const struct pb_table *table = spot->field->sub;
    const struct pb_field *key = pb_field_find(table, STR("key"));
    ProtobufCMessage *msg = pb_new(in->ctx->arena, table->desc);
    char *text = pb_strz(in->ctx->arena, token->text);

    ASSERT(key != NULL && key->kind == PB_STRING);
    if (msg == NULL || text == NULL) {
        return pb_out_of_memory(in->ctx);
    }
    *(char **)pb_at(msg, key->offset) = text;
    *(ProtobufCMessage **)spot->at = msg;
    return RC_OK;
}

static const char *
expected(const struct pb_field *f)
{
    if ((f->flags & PB_FILE) != 0) {
        return "must be a string";
    }
    switch ((enum pb_kind)f->kind) {
    case PB_BOOL:
        return "must be true or false";
    case PB_INT32:
    case PB_INT64:
    case PB_UINT32:
        return "must be a whole number";
    case PB_DOUBLE:
        return "must be a number";
    case PB_MESSAGE:
    case PB_MAP:
        return "must be an object";
    default:
        return "must be a string";
    }
}

/* Stores the value that starts with `token`, which is not null. */
static enum rc
read_value(struct in *in, const struct pb_spot *spot, const struct json_token *token)
{
    enum pb_kind kind = spot->field->kind;

    if (kind == PB_RAW_JSON) {
        return read_raw(in, spot, token);
    }
    if ((spot->field->flags & PB_FILE) != 0) {
        return token->type == JSON_STRING ? read_file(in, spot, token)
                                          : pb_refuse_spot(spot, "%s", expected(spot->field));
    }
    if (kind == PB_MESSAGE && token->type == JSON_OBJECT) {
        return read_message(in, spot);
    }
    if (kind == PB_BOOL && (token->type == JSON_TRUE || token->type == JSON_FALSE)) {
        *(protobuf_c_boolean *)spot->at = token->type == JSON_TRUE;
        return RC_OK;
    }
    bool numeric = kind == PB_INT32 || kind == PB_INT64 || kind == PB_UINT32 || kind == PB_DOUBLE;
    if (numeric && token->type == JSON_NUMBER) {
        return read_number(in, spot, token->text);
    }
    bool textual = kind == PB_STRING || kind == PB_TIME || kind == PB_BASE64;
    if (textual && token->type == JSON_STRING) {
        return pb_set_text(spot, token->text, token->copied);
    }
    return pb_refuse_spot(spot, "%s", expected(spot->field));
}

/* --- lists and maps ------------------------------------------------------------------------ */

static enum rc
check_count(const struct pb_spot *spot, size_t count, bool at_end)
{
    const struct pb_field *f = spot->field;
    int64_t max = f->max_len < 0 ? PB_ITEMS_MAX : f->max_len;
    const char *what = f->kind == PB_MAP ? "member" : "item";

    if ((int64_t)count > max) {
        return pb_refuse_spot(spot, "must have at most %lld %s%s", (long long)max, what,
                              max == 1 ? "" : "s");
    }
    if (at_end && (int64_t)count < f->min_len) {
        return pb_refuse_spot(spot, "must have at least %lld %s%s", (long long)f->min_len, what,
                              f->min_len == 1 ? "" : "s");
    }
    return RC_OK;
}

static enum rc
read_item(struct in *in, const struct pb_spot *list, ProtobufCMessage *msg)
{
    const struct pb_field *f = list->field;
    size_t index = *(const size_t *)pb_at_const(msg, f->quantifier);
    struct pb_path step = {.up = list->path, .index = index};
    struct pb_spot spot = *list;
    struct json_token token;

    enum rc rc = check_count(list, index + 1, false);
    if (rc != RC_OK) {
        return rc;
    }
    if (json_read(&in->r, &token) != RC_OK) {
        return bad_json(in);
    }
    spot.path = &step;
    spot.is_item = true;
    spot.at = pb_grow(in->ctx->arena, msg, f);
    if (spot.at == NULL) {
        return pb_out_of_memory(in->ctx);
    }
    if (token.type == JSON_NULL && (f->kind != PB_RAW_JSON || f->raw != ANY_VALUE)) {
        return pb_refuse_spot(&spot, "must not be null");
    }
    return read_value(in, &spot, &token);
}

static enum rc
read_list(struct in *in, const struct pb_spot *list, ProtobufCMessage *msg)
{
    for (;;) {
        bool more = false;
        if (json_read_item(&in->r, &more) != RC_OK) {
            return bad_json(in);
        }
        if (!more) {
            return check_count(list, *(const size_t *)pb_at_const(msg, list->field->quantifier),
                               true);
        }
        enum rc rc = read_item(in, list, msg);
        if (rc != RC_OK) {
            return rc;
        }
    }
}

/* Reads the value of one member into a new entry. */
static enum rc
read_entry(struct in *in, const struct pb_spot *map, struct str key, ProtobufCMessage **at)
{
    const struct pb_table *table = map->field->sub;
    const struct pb_field *value = pb_entry_field(table, 2);
    struct pb_path step = {.up = map->path, .name = key};
    struct pb_spot spot = {
        .ctx = in->ctx, .reason = in->reason, .path = &step, .field = pb_entry_field(table, 1)};
    struct json_token token;
    ProtobufCMessage *entry = pb_new(in->ctx->arena, table->desc);

    if (entry == NULL) {
        return pb_out_of_memory(in->ctx);
    }
    spot.at = pb_at(entry, spot.field->offset);
    enum rc rc = pb_set_text(&spot, key, false);
    if (rc != RC_OK) {
        return rc;
    }
    if (json_read(&in->r, &token) != RC_OK) {
        return bad_json(in);
    }
    *at = entry;
    spot.field = value;
    spot.at = pb_at(entry, value->offset);
    if (token.type == JSON_NULL && (value->kind != PB_RAW_JSON || value->raw != ANY_VALUE)) {
        return pb_refuse_spot(&spot, "must not be null");
    }
    pb_mark_set(entry, value);
    return read_value(in, &spot, &token);
}

static enum rc
read_map(struct in *in, const struct pb_spot *map, ProtobufCMessage *msg)
{
    const struct pb_field *f = map->field;
    const size_t *count = pb_at_const(msg, f->quantifier);
    ProtobufCMessage *const *const *entries = pb_at_const(msg, f->offset);

    for (;;) {
        struct str key;
        bool more = false;
        if (json_read_key(&in->r, &key, &more) != RC_OK) {
            return bad_json(in);
        }
        enum rc rc = check_count(map, *count + (more ? 1 : 0), !more);
        if (rc != RC_OK) {
            return rc;
        }
        if (!more) {
            return pb_check_keys(map, *entries, *count);
        }
        ProtobufCMessage **at = pb_grow(in->ctx->arena, msg, f);
        rc = at == NULL ? pb_out_of_memory(in->ctx) : read_entry(in, map, key, at);
        if (rc != RC_OK) {
            return rc;
        }
    }
}

/* --- members ------------------------------------------------------------------------------- */

static enum rc
read_null(struct in *in, const struct pb_table *table, const struct pb_spot *spot,
          ProtobufCMessage *msg)
{
    if ((spot->field->flags & PB_NULLABLE) == 0) {
        return pb_refuse_spot(spot, "must not be null");
    }
    if (table->nulls < 0) {
        return RC_OK;
    }
    const ProtobufCFieldDescriptor *d = &table->desc->fields[table->nulls];
    struct pb_field nulls = {.flags = PB_REPEATED,
                             .kind = PB_UINT32,
                             .offset = d->offset,
                             .quantifier = d->quantifier_offset};
    uint32_t *at = pb_grow(in->ctx->arena, msg, &nulls);
    if (at == NULL) {
        return pb_out_of_memory(in->ctx);
    }
    *at = spot->field->number;
    return RC_OK;
}

static enum rc
read_member(struct in *in, const struct pb_table *table, const struct pb_field *f,
            ProtobufCMessage *msg, const struct pb_path *path)
{
    struct pb_path step = {.up = path, .name = f->key};
    struct pb_spot spot = {.ctx = in->ctx,
                           .reason = in->reason,
                           .path = &step,
                           .field = f,
                           .at = pb_at(msg, f->offset)};
    struct json_token token;

    if (json_read(&in->r, &token) != RC_OK) {
        return bad_json(in);
    }
    if (token.type == JSON_NULL) {
        return read_null(in, table, &spot, msg);
    }
    if (f->kind == PB_MAP) {
        return token.type == JSON_OBJECT ? read_map(in, &spot, msg)
                                         : pb_refuse_spot(&spot, "must be an object");
    }
    if ((f->flags & PB_REPEATED) != 0) {
        return token.type == JSON_ARRAY ? read_list(in, &spot, msg)
                                        : pb_refuse_spot(&spot, "must be an array");
    }
    enum rc rc = read_value(in, &spot, &token);
    if (rc == RC_OK) {
        pb_mark_set(msg, f);
    }
    return rc;
}

/* Reads the members of an object whose '{' was read. */
static enum rc
read_object(struct in *in, const struct pb_table *table, ProtobufCMessage *msg,
            struct pb_seen *seen, const struct pb_path *path)
{
    size_t next = 0;

    for (;;) {
        struct str key;
        bool more = false;
        if (json_read_key(&in->r, &key, &more) != RC_OK) {
            return bad_json(in);
        }
        if (!more) {
            return RC_OK;
        }
        const struct pb_field *f = pb__field_next(table, key, &next);
        if (f == NULL || f->source != PB_FROM_BODY) {
            if (json_skip(&in->r, NULL) != RC_OK) {
                return bad_json(in);
            }
            if (table->closed && in->unknown.p == NULL) {
                in->unknown = key;
            }
            continue;
        }
        if (pb_seen_has(seen, f->number)) {
            struct pb_path step = {.up = path, .name = f->key};
            return pb_refuse(in->ctx, in->reason, &step, "is given twice");
        }
        pb_seen_add(seen, f->number);
        enum rc rc = read_member(in, table, f, msg, path);
        if (rc != RC_OK) {
            return rc;
        }
    }
}

enum rc
pb_from_json(struct ctx *ctx, const struct pb_table *table, struct str body, ProtobufCMessage *msg)
{
    struct in in = {.ctx = ctx, .reason = "INVALID_BODY"};
    struct pb_seen *seen = pb_seen_of(ctx->arena, msg);
    struct json_token token;

    if (seen == NULL) {
        return pb_out_of_memory(ctx);
    }
    json_read_init(&in.r, body, ctx->arena);
    in.r.depth_max = PB_BODY_DEPTH_MAX;
    if (json_read(&in.r, &token) != RC_OK) {
        return bad_json(&in);
    }
    if (token.type != JSON_OBJECT) {
        /* Broken text is another failure than the wrong kind of value: read all of it again. */
        json_read_init(&in.r, body, ctx->arena);
        in.r.depth_max = PB_BODY_DEPTH_MAX;
        bool ok = json_skip(&in.r, NULL) == RC_OK && json_read_end(&in.r) == RC_OK;
        return ok ? fail(ctx, RC_INVALID_ARGUMENT, in.reason, "the body must be an object")
                  : bad_json(&in);
    }
    enum rc rc = read_object(&in, table, msg, seen, NULL);
    if (rc == RC_OK && json_read_end(&in.r) != RC_OK) {
        rc = bad_json(&in);
    }
    if (rc == RC_OK && in.unknown.p != NULL) {
        struct pb_path step = {.name = in.unknown};
        rc = pb_refuse(ctx, in.reason, &step, "is not known here");
    }
    return rc != RC_OK ? rc
                       : pb_check_presence(ctx, table, msg, seen, NULL, 1U << PB_FROM_BODY, false);
}

enum rc
pb_set_json(const struct pb_spot *spot, struct str text)
{
    struct in in = {.ctx = spot->ctx, .reason = spot->reason, .in_text = spot};
    struct json_token token;

    json_read_init(&in.r, text, spot->ctx->arena);
    in.r.depth_max = PB_BODY_DEPTH_MAX;
    if (json_read(&in.r, &token) != RC_OK) {
        return bad_json(&in);
    }
    enum rc rc = read_value(&in, spot, &token);
    return rc == RC_OK && json_read_end(&in.r) != RC_OK ? bad_json(&in) : rc;
}
