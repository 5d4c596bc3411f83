/* SPDX-License-Identifier: Apache-2.0
 *
 * A protoc plugin: reads a CodeGeneratorRequest from stdin, writes what is made of our options to
 * stdout. Faults go to stderr with file and line; then nothing is written and the status is 1.
 *
 *     protoc --plugin=protoc-gen-assay=... --assay_out=OUT
 *            --assay_opt=processes=auth:tests:...,root=proto/ FILES
 *
 * processes: who may implement services. root: put before file names in messages.
 *
 * `protoc-gen-assay --messages-only` passes the request on without its services: protoc-gen-c makes
 * structs of services that we do not use, with members named after rpcs ("register"). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emit.h"

#define REQUEST_BYTES_MAX (64 << 20)
#define ARENA_BYTES_MAX (512 << 20)

static bool
read_all(struct buf *in)
{
    for (;;) {
        char *room = buf_room(in, 1 << 16);
        if (room == NULL) {
            return false;
        }
        ssize_t n = read(STDIN_FILENO, room, 1 << 16);
        if (n <= 0) {
            return n == 0;
        }
        buf_added(in, (size_t)n);
    }
}

static bool
write_all(const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(STDOUT_FILENO, p, n);
        if (done <= 0) {
            return false;
        }
        p += done;
        n -= (size_t)done;
    }
    return true;
}

static bool
write_message(const ProtobufCMessage *msg)
{
    size_t n = protobuf_c_message_get_packed_size(msg);
    uint8_t *packed = malloc(n + 1);
    if (packed == NULL) {
        return false;
    }
    protobuf_c_message_pack(msg, packed);
    bool ok = write_all(packed, n);
    free(packed);
    return ok;
}

static bool
take_processes(struct model *m, struct str names)
{
    while (names.p != NULL) {
        struct str name = str_split(&names, ':');
        if (name.n == 0 || m->process_count == PROCESSES_MAX) {
            return false;
        }
        m->processes[m->process_count++] = arena_strz(m->arena, name);
    }
    return true;
}

static bool
take_parameters(struct model *m, const char *text)
{
    struct str rest = str_z(text);
    while (rest.p != NULL) {
        struct str value = str_split(&rest, ',');
        struct str key = str_split(&value, '=');
        if (str_eqz(key, "root")) {
            m->root = arena_strz(m->arena, value);
        } else if (!str_eqz(key, "processes") || !take_processes(m, value)) {
            fprintf(stderr, "protoc-gen-assay: parameter \"%.*s\"\n", STR_ARG(key));
            return false;
        }
    }
    return true;
}

static bool
answer(const struct out *out)
{
    Google__Protobuf__Compiler__CodeGeneratorResponse response =
        GOOGLE__PROTOBUF__COMPILER__CODE_GENERATOR_RESPONSE__INIT;
    static Google__Protobuf__Compiler__CodeGeneratorResponse__File files[OUT_FILES_MAX];
    static Google__Protobuf__Compiler__CodeGeneratorResponse__File *list[OUT_FILES_MAX];
    for (size_t i = 0; i < out->count; i++) {
        if (buf_failed(&out->files[i].text)) {
            fprintf(stderr, "protoc-gen-assay: %s is too big\n", out->files[i].name);
            return false;
        }
        google__protobuf__compiler__code_generator_response__file__init(&files[i]);
        files[i].name = strdup(out->files[i].name);
        files[i].content = out->files[i].text.p;
        list[i] = &files[i];
    }
    response.n_file = out->count;
    response.file = list;
    bool ok = write_message(&response.base);
    for (size_t i = 0; i < out->count; i++) {
        free(files[i].name);
    }
    return ok;
}

static bool
generate(struct model *m, const Google__Protobuf__Compiler__CodeGeneratorRequest *request)
{
    static struct out out;
    struct trie trie;
    model_load(m, request);
    model_routes(m);
    model_check(m);
    trie_build(m, &trie);
    if (m->faults > 0) {
        fprintf(stderr, "protoc-gen-assay: %d fault%s\n", m->faults, m->faults == 1 ? "" : "s");
        return false;
    }
    emit_tables(m, &out);
    emit_rpc(m, &out);
    emit_routes(m, &trie, &out);
    emit_openapi(m, &trie, &out);
    bool ok = answer(&out);
    for (size_t i = 0; i < out.count; i++) {
        buf_fini(&out.files[i].text);
    }
    return ok;
}

static bool
pass_on(Google__Protobuf__Compiler__CodeGeneratorRequest *request)
{
    for (size_t i = 0; i < request->n_proto_file; i++) {
        request->proto_file[i]->n_service = 0; /* the process ends soon: nothing to free */
    }
    return write_message(&request->base);
}

int
main(int argc, char **argv)
{
    bool messages_only = argc == 2 && strcmp(argv[1], "--messages-only") == 0;
    struct buf in;
    buf_init(&in, REQUEST_BYTES_MAX);
    struct model m = {.arena = arena_new(ARENA_BYTES_MAX), .root = ""};
    Google__Protobuf__Compiler__CodeGeneratorRequest *request = NULL;
    if (m.arena != NULL && read_all(&in)) {
        request = google__protobuf__compiler__code_generator_request__unpack(NULL, in.n,
                                                                             (const uint8_t *)in.p);
    }
    bool ok = false;
    if (request != NULL && messages_only) {
        ok = pass_on(request);
    } else if (request != NULL) {
        ok = take_parameters(&m, request->parameter != NULL ? request->parameter : "") &&
             generate(&m, request);
    }
    /* The process ends: options unpacked along the way go with it. */
    arena_free(m.arena);
    buf_fini(&in);
    return ok ? 0 : 1;
}
