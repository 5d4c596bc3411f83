/* SPDX-License-Identifier: Apache-2.0
 *
 * What the .proto files say, as one graph with resolved types and decoded options. Loaded once,
 * checked (check.c), then only read by the emitters. Everything lives in the model's arena.
 *
 * A fault is a wrong option or shape: it is printed with file and line, all of them before the
 * program ends with status 1 and writes nothing. */
#ifndef ASSAY_TOOLS_MODEL_H
#define ASSAY_TOOLS_MODEL_H

#include <google/protobuf/compiler/plugin.pb-c.h>
#include <assay/options.pb-c.h>

#include "base/arena.h"
#include "base/buf.h"
#include "pb/pb.h"
#include "pb/route.h"

#define SEGMENTS_MAX 32
#define PROCESSES_MAX 16

struct where {
    const char *file;
    int line;
};

struct message;

struct field {
    const Google__Protobuf__FieldDescriptorProto *desc;
    const Assay__Field *opt; /* defaults when the field has no option */
    struct message *sub;     /* NULL unless it is a message */
    const char *c_name;
    const char *json;
    const char *comment; /* "" when there is none */
    struct where at;
    bool repeated;
    bool required;
    bool is_nulls; /* `repeated uint32 nulls`: bookkeeping of explicit nulls, not a member */
    bool is_map;
    enum pb_kind kind; /* set by the checks */
};

struct message {
    const Google__Protobuf__DescriptorProto *desc;
    const Assay__Message *opt;
    const char *full; /* "assay.StatusText" */
    const char *c_type;
    const char *c_lower;
    const char *c_header;
    const char *comment;
    struct where at;
    struct field *fields;
    size_t count;
    bool is_entry; /* generated entry of a map<> */
    bool has_oneof;
    bool is_public; /* reachable from a public rpc: gets a table */
    bool in_request;
    bool in_response;
    bool has_secret; /* a field with option `secret`, here or in a message below */
};

enum segment_kind { SEG_TEXT, SEG_PARAM, SEG_REST };

struct segment {
    enum segment_kind kind;
    struct str text;   /* SEG_TEXT */
    struct str prefix; /* SEG_PARAM */
    struct str suffix;
    size_t field; /* index in the request */
};

struct rpc;

struct route {
    struct rpc *rpc;
    enum gw_verb verb;
    const char *pattern;
    struct segment segments[SEGMENTS_MAX];
    size_t count;
    enum gw_body body;
    uint8_t *sources;  /* enum pb_source per field of the request */
    size_t index;      /* in model.routes */
    size_t endpoint;   /* index of the rpc's first route */
    const char *table; /* C name of its request table */
};

struct service;

struct rpc {
    const Google__Protobuf__MethodDescriptorProto *desc;
    struct service *service;
    struct message *req;
    struct message *resp;
    const Assay__Http *http; /* NULL: internal */
    Assay__Effect effect;
    const char *full; /* "assay.Suites/ListSuites" */
    const char *snake;
    uint32_t id;
    bool waits;
    bool for_org;
    const char *comment;
    struct where at;
    struct route **routes;
    size_t route_count;
};

struct service {
    const Google__Protobuf__ServiceDescriptorProto *desc;
    const char *full;
    const char *snake;
    const char *comment;
    struct where at;
    unsigned processes; /* bit per model.processes: who implements it */
    struct rpc *rpcs;
    size_t count;
};

struct model {
    struct arena *arena;
    const char *root; /* put before file names in messages: "proto/" */
    const char *processes[PROCESSES_MAX];
    size_t process_count;
    struct message **messages;
    size_t message_count;
    struct service **services;
    size_t service_count;
    struct route **routes; /* in order of declaration */
    size_t route_count;
    int faults;
};

/* Builds the graph. `m` is zeroed but for arena, root and processes. Faults of the options' own
 * form (a process that does not exist, options that do not parse) are reported here. */
void model_load(struct model *m, const Google__Protobuf__Compiler__CodeGeneratorRequest *request);
/* Parses the routes of all public rpcs and decides where each request field is read from. */
void model_routes(struct model *m);
/* Marks what public rpcs reach and refuses what the run time could not honour. */
void model_check(struct model *m);

/* Allocates zeroed; never returns NULL. */
void *model_alloc(struct model *m, size_t count, size_t size);
void fault(struct model *m, struct where at, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* options.c: the message behind extension `tag` of some options, NULL when it is not set. Several
 * `option (x).y = ...` statements are one value. */
ProtobufCMessage *option_message(struct model *m, struct where at, const ProtobufCMessage *options,
                                 uint32_t tag, const ProtobufCMessageDescriptor *desc);
/* The varint behind it, `absent` when it is not set. */
uint64_t option_varint(const ProtobufCMessage *options, uint32_t tag, uint64_t absent);

/* True when field `i` of the message is written by the tables. */
static inline bool
field_is_member(const struct field *f)
{
    return !f->is_nulls;
}

#endif
