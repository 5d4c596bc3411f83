/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include <stdio.h>
#include <string.h>

#include "names.h"

#define OPT_HTTP 50001
#define OPT_EFFECT 50002
#define OPT_FIELD 50003
#define OPT_MESSAGE 50004
#define OPT_SERVICE 50005
#define OPT_WAITS 50006
#define OPT_FOR_ORG 50007

/* Field numbers of descriptor.proto, of which SourceCodeInfo paths are made. */
#define FILE_MESSAGES 4
#define FILE_SERVICES 6
#define MESSAGE_FIELDS 2
#define MESSAGE_NESTED 3
#define SERVICE_METHODS 2

#define PATH_MAX_LEN 16

typedef Google__Protobuf__FileDescriptorProto file_desc;

/* Where in a file something stands, as SourceCodeInfo names it. */
struct path {
    const file_desc *file;
    int32_t at[PATH_MAX_LEN];
    size_t n;
};

void
fault(struct model *m, struct where at, const char *fmt, ...)
{
    va_list args;
    fprintf(stderr, "%s%s:%d: ", m->root, at.file, at.line);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    m->faults++;
}

void *
model_alloc(struct model *m, size_t count, size_t size)
{
    void *p = arena_zalloc(m->arena, count > 0 ? count : 1, size);
    ASSERT(p != NULL);
    return p;
}

static struct path
path_down(struct path base, int32_t member, size_t index)
{
    ASSERT(base.n + 2 <= PATH_MAX_LEN);
    base.at[base.n++] = member;
    base.at[base.n++] = (int32_t)index;
    return base;
}

static const Google__Protobuf__SourceCodeInfo__Location *
find_location(const struct path *path)
{
    const Google__Protobuf__SourceCodeInfo *info = path->file->source_code_info;
    for (size_t i = 0; info != NULL && i < info->n_location; i++) {
        const Google__Protobuf__SourceCodeInfo__Location *l = info->location[i];
        if (l->n_path == path->n && memcmp(l->path, path->at, path->n * sizeof(int32_t)) == 0) {
            return l;
        }
    }
    return NULL;
}

/* Text of a comment with the space that follows each marker removed. */
static const char *
clean_comment(struct model *m, const char *raw)
{
    struct buf b;
    buf_init(&b, 1 << 16);
    struct str rest = str_z(raw);
    while (rest.p != NULL) {
        struct str line = str_split(&rest, '\n');
        if (line.n > 0 && line.p[0] == ' ') {
            line = str_sub(line, 1, line.n);
        }
        buf_put(&b, line);
        buf_putc(&b, '\n');
    }
    const char *text = arena_strz(m->arena, str_trim(buf_str(&b)));
    buf_fini(&b);
    return text != NULL ? text : "";
}

static void
locate(struct model *m, const struct path *path, struct where *out_at, const char **out_comment)
{
    const Google__Protobuf__SourceCodeInfo__Location *l = find_location(path);
    out_at->file = path->file->name;
    out_at->line = l != NULL && l->n_span > 0 ? l->span[0] + 1 : 0;
    const char *lead = l != NULL && l->leading_comments != NULL ? l->leading_comments : "";
    const char *trail = l != NULL && l->trailing_comments != NULL ? l->trailing_comments : "";
    bool both = lead[0] != '\0' && trail[0] != '\0';
    *out_comment =
        clean_comment(m, arena_printf(m->arena, "%s%s%s", lead, both ? "\n" : "", trail).p);
}

/* --- messages ------------------------------------------------------------------------------ */

static void
load_field(struct model *m, const struct path *at,
           const Google__Protobuf__FieldDescriptorProto *desc, struct field *f)
{
    static const Assay__Field none = ASSAY__FIELD__INIT;
    f->desc = desc;
    locate(m, at, &f->at, &f->comment);
    const ProtobufCMessage *options = desc->options != NULL ? &desc->options->base : NULL;
    ProtobufCMessage *opt = option_message(m, f->at, options, OPT_FIELD, &assay__field__descriptor);
    f->opt = opt != NULL ? (const Assay__Field *)opt : &none;
    f->c_name = name_c_field(m->arena, desc->name);
    f->json = f->opt->json != NULL ? f->opt->json : desc->name;
    f->repeated = desc->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED;
    f->required = desc->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REQUIRED;
    f->is_nulls = strcmp(desc->name, "nulls") == 0 && f->repeated &&
                  desc->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_UINT32;
}

static void
add_message(struct model *m, struct message *msg)
{
    struct message **all = model_alloc(m, m->message_count + 1, sizeof(struct message *));
    if (m->message_count > 0) {
        memcpy(all, m->messages, m->message_count * sizeof(struct message *));
    }
    all[m->message_count++] = msg;
    m->messages = all;
}

static void
load_message(struct model *m, const struct path *at, const char *scope,
             const Google__Protobuf__DescriptorProto *desc)
{
    struct message *msg = model_alloc(m, 1, sizeof(*msg));
    msg->desc = desc;
    msg->full =
        scope[0] == '\0' ? desc->name : arena_printf(m->arena, "%s.%s", scope, desc->name).p;
    msg->c_type = name_c_type(m->arena, msg->full);
    msg->c_lower = name_c_lower(m->arena, msg->full);
    msg->c_header = name_c_header(m->arena, at->file->name);
    locate(m, at, &msg->at, &msg->comment);
    const ProtobufCMessage *options = desc->options != NULL ? &desc->options->base : NULL;
    ProtobufCMessage *opt =
        option_message(m, msg->at, options, OPT_MESSAGE, &assay__message__descriptor);
    msg->opt = (const Assay__Message *)opt;
    msg->is_entry = desc->options != NULL && desc->options->map_entry;
    msg->has_oneof = desc->n_oneof_decl > 0;
    msg->count = desc->n_field;
    msg->fields = model_alloc(m, desc->n_field, sizeof(struct field));
    for (size_t i = 0; i < desc->n_field; i++) {
        struct path field_at = path_down(*at, MESSAGE_FIELDS, i);
        load_field(m, &field_at, desc->field[i], &msg->fields[i]);
    }
    add_message(m, msg);
    for (size_t i = 0; i < desc->n_nested_type; i++) {
        struct path nested_at = path_down(*at, MESSAGE_NESTED, i);
        load_message(m, &nested_at, msg->full, desc->nested_type[i]);
    }
}

static struct message *
find_message(const struct model *m, const char *type_name)
{
    const char *full = type_name[0] == '.' ? type_name + 1 : type_name;
    for (size_t i = 0; i < m->message_count; i++) {
        if (strcmp(m->messages[i]->full, full) == 0) {
            return m->messages[i];
        }
    }
    return NULL;
}

static void
resolve_fields(struct model *m)
{
    for (size_t i = 0; i < m->message_count; i++) {
        struct message *msg = m->messages[i];
        for (size_t j = 0; j < msg->count; j++) {
            struct field *f = &msg->fields[j];
            if (f->desc->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE) {
                f->sub = find_message(m, f->desc->type_name);
                f->is_map = f->sub != NULL && f->sub->is_entry;
            }
        }
    }
}

static bool
holds_secret(const struct message *msg)
{
    for (size_t i = 0; i < msg->count; i++) {
        const struct field *f = &msg->fields[i];
        if (f->opt->secret || (f->sub != NULL && f->sub->has_secret)) {
            return true;
        }
    }
    return false;
}

/* Messages may contain themselves: again and again, until nothing changes. */
static void
mark_secrets(struct model *m)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < m->message_count; i++) {
            struct message *msg = m->messages[i];
            if (!msg->has_secret && holds_secret(msg)) {
                msg->has_secret = changed = true;
            }
        }
    }
}

/* --- services ------------------------------------------------------------------------------ */

static void
load_rpc(struct model *m, const struct path *at, struct service *service,
         const Google__Protobuf__MethodDescriptorProto *desc, struct rpc *rpc)
{
    rpc->desc = desc;
    rpc->service = service;
    rpc->req = find_message(m, desc->input_type);
    rpc->resp = find_message(m, desc->output_type);
    ASSERT(rpc->req != NULL && rpc->resp != NULL);
    rpc->full = arena_printf(m->arena, "%s/%s", service->full, desc->name).p;
    rpc->snake = name_snake(m->arena, desc->name);
    rpc->id = str_hash32(str_z(rpc->full));
    locate(m, at, &rpc->at, &rpc->comment);
    const ProtobufCMessage *options = desc->options != NULL ? &desc->options->base : NULL;
    rpc->http = (const Assay__Http *)option_message(m, rpc->at, options, OPT_HTTP,
                                                    &assay__http__descriptor);
    rpc->effect = (Assay__Effect)option_varint(options, OPT_EFFECT, ASSAY__EFFECT__WRITE);
    rpc->waits = option_varint(options, OPT_WAITS, 0) != 0;
    rpc->for_org = option_varint(options, OPT_FOR_ORG, 0) != 0;
    if (desc->client_streaming || desc->server_streaming) {
        fault(m, rpc->at, "%s: streams are not served", desc->name);
    }
}

/* Names separated by spaces: several processes may implement one internal service. */
static unsigned
parse_processes(struct model *m, struct where at, const char *names)
{
    unsigned set = 0;
    struct str rest = str_z(names);
    while (rest.p != NULL) {
        struct str name = str_split(&rest, ' ');
        size_t i = 0;
        while (i < m->process_count && !str_eqz(name, m->processes[i])) {
            i++;
        }
        if (i == m->process_count) {
            fault(m, at, "process \"%.*s\" does not exist", STR_ARG(name));
        } else {
            set |= 1U << i;
        }
    }
    return set;
}

static void
load_service(struct model *m, const struct path *at,
             const Google__Protobuf__ServiceDescriptorProto *desc, struct service *s)
{
    s->desc = desc;
    const char *package = at->file->package != NULL ? at->file->package : "";
    s->full =
        arena_printf(m->arena, "%s%s%s", package, package[0] != '\0' ? "." : "", desc->name).p;
    s->snake = name_snake(m->arena, desc->name);
    locate(m, at, &s->at, &s->comment);
    const ProtobufCMessage *options = desc->options != NULL ? &desc->options->base : NULL;
    const Assay__Service *opt = (const Assay__Service *)option_message(
        m, s->at, options, OPT_SERVICE, &assay__service__descriptor);
    if (opt == NULL) {
        fault(m, s->at, "service %s has no (service).process", desc->name);
    } else {
        s->processes = parse_processes(m, s->at, opt->process);
    }
    s->count = desc->n_method;
    s->rpcs = model_alloc(m, desc->n_method, sizeof(struct rpc));
    for (size_t i = 0; i < desc->n_method; i++) {
        struct path rpc_at = path_down(*at, SERVICE_METHODS, i);
        load_rpc(m, &rpc_at, s, desc->method[i], &s->rpcs[i]);
    }
}

static void
load_services(struct model *m, const file_desc *file)
{
    size_t total = m->service_count + file->n_service;
    struct service **all = model_alloc(m, total, sizeof(struct service *));
    if (m->service_count > 0) {
        memcpy(all, m->services, m->service_count * sizeof(struct service *));
    }
    for (size_t i = 0; i < file->n_service; i++) {
        struct path at = path_down((struct path){.file = file}, FILE_SERVICES, i);
        struct service *s = model_alloc(m, 1, sizeof(*s));
        load_service(m, &at, file->service[i], s);
        all[m->service_count++] = s;
    }
    m->services = all;
}

static bool
is_google(const file_desc *file)
{
    return str_starts(str_z(file->name), STR("google/"));
}

void
model_load(struct model *m, const Google__Protobuf__Compiler__CodeGeneratorRequest *request)
{
    for (size_t i = 0; i < request->n_proto_file; i++) {
        const file_desc *file = request->proto_file[i];
        for (size_t j = 0; j < file->n_message_type && !is_google(file); j++) {
            struct path at = path_down((struct path){.file = file}, FILE_MESSAGES, j);
            load_message(m, &at, file->package != NULL ? file->package : "", file->message_type[j]);
        }
    }
    resolve_fields(m);
    mark_secrets(m);
    for (size_t i = 0; i < request->n_proto_file; i++) {
        load_services(m, request->proto_file[i]);
    }
}
