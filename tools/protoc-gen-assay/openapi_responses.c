/* SPDX-License-Identifier: Apache-2.0
 *
 * What an operation answers: its own success, the failures that its options tell, and those that
 * follow from them (a token is needed, a rate counts, a body has a shape). */
#include <stdio.h>

#include "openapi.h"

#define ERRORS_MAX 32

struct error_list {
    int64_t status[ERRORS_MAX];
    const char *text[ERRORS_MAX];
    size_t count;
};

static const char *const error_schemas[] = {"DetailError", "TypedError",       "DetailError",
                                            "SdkError",    "VibetestingError", "DetailError"};

const char *
surface_tag(int surface)
{
    static const char *const tags[] = {"VibeView", "Tripwire",    "Autosana",
                                       "Vizzly",   "VibeTesting", "Extension"};
    return tags[surface];
}

void
put_error_schemas(struct buf *b)
{
    static const char *const detail = "{\"detail\":{\"type\":\"string\"}";
    json_put_key(b, "DetailError");
    buf_printf(b,
               "{\"type\":\"object\",\"properties\":%s,\"type\":{\"type\":\"string\"}},"
               "\"required\":[\"detail\"],\"examples\":[{\"detail\":\"no suite with this id\"}]}",
               detail);
    json_put_key(b, "TypedError");
    buf_printf(b,
               "{\"type\":\"object\",\"properties\":%s,\"type\":{\"type\":\"string\",\"enum\":["
               "\"unauthorized\",\"forbidden\",\"not_found\",\"conflict\",\"validation_error\","
               "\"rate_limited\",\"too_large\",\"invalid_yaml\",\"invalid_schedule\","
               "\"invalid_image\",\"unknown_case\",\"setup_complete\",\"not_configured\","
               "\"notification_error\",\"generation_error\",\"no_display\",\"internal\"]}},"
               "\"required\":[\"detail\",\"type\"],\"examples\":[{\"detail\":\"no run with this "
               "id\",\"type\":\"not_found\"}]}",
               detail);
    json_put_key(b, "SdkError");
    buf_putz(b,
             "{\"type\":\"object\",\"properties\":{\"error\":{\"type\":\"string\"},\"details\":{"
             "\"type\":\"object\"}},\"required\":[\"error\"],\"examples\":[{\"error\":\"Build not "
             "found\"}]}");
    json_put_key(b, "VibetestingError");
    buf_putz(b,
             "{\"type\":\"object\",\"properties\":{\"status\":{\"const\":\"fail\"},\"reason\":{"
             "\"type\":\"string\"}},\"required\":[\"status\",\"reason\"],\"examples\":[{\"status\":"
             "\"fail\",\"reason\":\"execution not found\"}]}");
}

/* --- errors -------------------------------------------------------------------------------- */

static void
add_error(struct model *m, struct error_list *list, int64_t status, const char *text, bool always)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->status[i] != status) {
            continue;
        }
        if (always) {
            list->text[i] = arena_printf(m->arena, "%s; %s", list->text[i], text).p;
        }
        return;
    }
    ASSERT(list->count < ERRORS_MAX);
    list->status[list->count] = status;
    list->text[list->count++] = text;
}

static void
add_told(struct model *m, struct error_list *list, const Assay__Http *http)
{
    for (size_t i = 0; i < http->n_error; i++) {
        struct str text = str_z(http->error[i]);
        int64_t status = 500;
        if (str_to_i64(str_split(&text, ':'), 400, 599, &status) == RC_OK) {
            add_error(m, list, status, arena_strz(m->arena, str_trim(text)), true);
        }
    }
}

static const char *
role_name(Assay__Role role)
{
    static const char *const names[] = {"none", "any", "viewer", "developer", "admin"};
    return names[role];
}

static bool
has_input(const struct route *r)
{
    const struct message *req = r->rpc->req;
    for (size_t i = 0; i < req->count; i++) {
        if (field_is_member(&req->fields[i]) && r->sources[i] != PB_FROM_PATH) {
            return true;
        }
    }
    return false;
}

static void
add_implied(struct model *m, struct error_list *list, const struct route *r)
{
    const Assay__Http *http = r->rpc->http;
    bool is_400 =
        http->surface == ASSAY__SURFACE__VIZZLY || http->surface == ASSAY__SURFACE__VIBETESTING;
    if (r->body != GW_BODY_NONE) {
        add_error(m, list, 400, "the body cannot be parsed", false);
        add_error(m, list, 413, "the body is too large", false);
    }
    if (http->role != ASSAY__ROLE__NONE) {
        add_error(m, list, 401, "no token, or one that is not valid", false);
    }
    if (http->role >= ASSAY__ROLE__DEVELOPER) {
        const char *text =
            arena_printf(m->arena, "the caller's role is below %s", role_name(http->role)).p;
        add_error(m, list, 403, text, false);
    }
    if (has_input(r)) {
        add_error(m, list, is_400 ? 400 : 422, "an input has the wrong shape; the text names it",
                  false);
    }
    if (http->rate != ASSAY__RATE_CLASS__UNLIMITED) {
        add_error(m, list, 429, "too many requests", false);
    }
}

static void
put_error_body(struct buf *b, const Assay__Http *http)
{
    json_put_key(b, "content");
    buf_putz(b, "{\"application/json\":{\"schema\":");
    if (http->n_shared_with > 0) {
        buf_putz(b, "{\"allOf\":[");
    }
    buf_printf(b, "{\"$ref\":\"#/components/schemas/%s\"}", error_schemas[http->surface]);
    for (size_t i = 0; i < http->n_shared_with; i++) {
        buf_printf(b, ",{\"$ref\":\"#/components/schemas/%s\"}",
                   error_schemas[http->shared_with[i]]);
    }
    buf_putz(b, http->n_shared_with > 0 ? "]}}}" : "}}");
}

static void
put_errors(struct buf *b, const struct error_list *list, const Assay__Http *http)
{
    for (size_t i = 0; i < list->count; i++) {
        char status[8];
        snprintf(status, sizeof(status), "%d", (int)list->status[i]);
        json_put_key(b, status);
        buf_putc(b, '{');
        put_member_z(b, "description", list->text[i]);
        if (list->status[i] == 429) {
            buf_putz(b, ",\"headers\":{\"Retry-After\":{\"description\":\"Seconds to wait.\","
                        "\"schema\":{\"type\":\"integer\",\"minimum\":1}}}");
        }
        put_error_body(b, http);
        buf_putc(b, '}');
    }
}

/* --- success ------------------------------------------------------------------------------- */

static void
put_json_content(struct buf *b, void (*put)(struct buf *, const struct rpc *),
                 const struct rpc *rpc)
{
    buf_putz(b, ",\"content\":{\"application/json\":{\"schema\":");
    put(b, rpc);
    buf_putz(b, "}}");
}

static void
put_object(struct buf *b, const struct rpc *rpc)
{
    put_message_ref(b, rpc->resp, false);
}

static void
put_list(struct buf *b, const struct rpc *rpc)
{
    put_field_schema(b, &rpc->resp->fields[0], false);
}

static void
put_bytes(struct buf *b, const Assay__Http *http)
{
    bool text = http->response == ASSAY__RESPONSE_KIND__TEXT;
    const char *type = http->content_type != NULL ? http->content_type
                       : text                     ? "text/plain"
                                                  : "application/octet-stream";
    buf_putz(b, ",\"content\":{");
    json_put_key(b, type);
    buf_printf(b, "{\"schema\":%s}}", text ? "{\"type\":\"string\"}" : "{}");
}

static void
put_plain_success(struct buf *b, const struct rpc *rpc)
{
    char status[8];
    snprintf(status, sizeof(status), "%d", (int)rpc->http->status);
    json_put_key(b, status);
    buf_putz(b, rpc->http->response == ASSAY__RESPONSE_KIND__WEBSOCKET
                    ? "{\"description\":\"a WebSocket\""
                    : "{\"description\":\"done\"");
    switch (rpc->http->response) {
    case ASSAY__RESPONSE_KIND__LIST:
        put_json_content(b, put_list, rpc);
        break;
    case ASSAY__RESPONSE_KIND__BLOB:
    case ASSAY__RESPONSE_KIND__TEXT:
        put_bytes(b, rpc->http);
        break;
    case ASSAY__RESPONSE_KIND__WEBSOCKET:
        break;
    default:
        put_json_content(b, put_object, rpc);
    }
    buf_putc(b, '}');
}

static bool
is_first_of_status(const struct message *resp, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (resp->fields[i].opt->status == resp->fields[index].opt->status) {
            return false;
        }
    }
    return true;
}

static void
put_variants(struct buf *b, const struct rpc *rpc)
{
    const struct message *resp = rpc->resp;
    for (size_t i = 0; i < resp->count; i++) {
        if (!is_first_of_status(resp, i)) {
            continue;
        }
        char status[8];
        snprintf(status, sizeof(status), "%d", (int)resp->fields[i].opt->status);
        json_put_key(b, status);
        buf_putc(b, '{');
        put_member_z(b, "description",
                     resp->fields[i].comment[0] != '\0' ? resp->fields[i].comment : "done");
        buf_putz(b, ",\"content\":{\"application/json\":{\"schema\":{\"anyOf\":[");
        for (size_t j = i; j < resp->count; j++) {
            if (resp->fields[j].opt->status == resp->fields[i].opt->status) {
                put_item(b);
                put_message_ref(b, resp->fields[j].sub, false);
            }
        }
        buf_putz(b, "]}}}}");
    }
}

void
put_responses(struct buf *b, struct model *m, const struct route *r)
{
    const Assay__Http *http = r->rpc->http;
    struct error_list errors = {.count = 0};
    json_put_key(b, "responses");
    buf_putc(b, '{');
    if (http->response == ASSAY__RESPONSE_KIND__VARIANT) {
        put_variants(b, r->rpc);
    } else {
        put_plain_success(b, r->rpc);
    }
    add_told(m, &errors, http);
    add_implied(m, &errors, r);
    put_errors(b, &errors, http);
    buf_putc(b, '}');
}
