/* SPDX-License-Identifier: Apache-2.0
 *
 * Per process: prototypes of its handlers (a missing one does not link), the tables its server
 * dispatches by, and typed calls for its clients. The tables stand in a file of their own, because
 * they pull in every handler. */
#include "emit.h"
#include "names.h"

struct process {
    const struct model *m;
    struct out *out;
    const char *name;
    const char *upper;
    unsigned bit;
};

static bool
implements(const struct process *p, const struct service *s)
{
    return (s->processes & p->bit) != 0 && s->count > 0;
}

static size_t
service_count(const struct process *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->m->service_count; i++) {
        n += implements(p, p->m->services[i]);
    }
    return n;
}

static void
each_rpc(const struct process *p, struct buf *b,
         void (*put)(const struct process *, struct buf *, const struct rpc *))
{
    for (size_t i = 0; i < p->m->service_count; i++) {
        const struct service *s = p->m->services[i];
        for (size_t j = 0; j < s->count && implements(p, s); j++) {
            put(p, b, &s->rpcs[j]);
        }
    }
}

static const char *
file_name(const struct process *p, const char *suffix)
{
    return arena_printf(p->m->arena, "%s%s", p->name, suffix).p;
}

static void
put_comment(struct buf *b, const char *comment)
{
    struct str rest = str_z(comment);
    if (rest.n == 0 || str_find(rest, STR("*/")) >= 0) {
        return;
    }
    const char *start = "/* ";
    while (rest.p != NULL) {
        buf_putz(b, start);
        buf_put(b, str_split(&rest, '\n'));
        start = "\n * ";
    }
    buf_putz(b, " */\n");
}

/* --- handlers ------------------------------------------------------------------------------ */

static void
put_prototype(const struct process *p, struct buf *b, const struct rpc *r)
{
    put_comment(b, r->comment);
    buf_printf(
        b, "enum rc %s_%s(struct %s *svc, struct ctx *ctx, const %s *req,\n        %s *resp);\n",
        p->name, r->snake, p->name, r->req->c_type, r->resp->c_type);
}

static void
emit_rpc_header(const struct process *p)
{
    struct buf *b = out_file(p->out, file_name(p, "_rpc.h"));
    begin_header(b, p->m->arena, file_name(p, "_rpc"));
    buf_putz(b, "#include \"rpc/rpc.h\"\n\n");
    put_message_includes(b, p->m);
    buf_printf(
        b, "\n/* The state that the handlers work on; the process defines it. */\nstruct %s;\n\n",
        p->name);
    buf_printf(b, "enum { %s_TABLE_COUNT = %zu };\n", p->upper, service_count(p));
    buf_printf(b, "extern const struct rpc_method *const %s_tables[];\n", p->name);
    buf_printf(b, "extern const size_t %s_table_lens[];\n\n", p->name);
    each_rpc(p, b, put_prototype);
    end_header(b);
}

static void
put_trampoline(const struct process *p, struct buf *b, const struct rpc *r)
{
    buf_printf(b,
               "static enum rc\nrun_%s(void *svc, struct ctx *ctx, const ProtobufCMessage *req, "
               "ProtobufCMessage *resp)\n{\n    return %s_%s(svc, ctx, (const %s *)req, (%s "
               "*)resp);\n}\n\n",
               r->snake, p->name, r->snake, r->req->c_type, r->resp->c_type);
}

static void
put_method(struct buf *b, const struct rpc *r, const char *handler_prefix)
{
    static const char *const effects[] = {"RPC_WRITE", "RPC_READ", "RPC_WRITE_MANUAL"};
    buf_printf(b,
               "{.id = 0x%08xU, .name = \"%s\", .effect = %s, .waits = %s, .for_org = "
               "%s,\n     .secret_request = %s, .secret_answer = %s,\n     .req = &%s__descriptor, "
               ".resp = &%s__descriptor",
               r->id, r->full, effects[r->effect], r->waits ? "true" : "false",
               r->for_org ? "true" : "false", r->req->has_secret ? "true" : "false",
               r->resp->has_secret ? "true" : "false", r->req->c_lower, r->resp->c_lower);
    if (handler_prefix != NULL) {
        buf_printf(b, ", .handler = %s%s", handler_prefix, r->snake);
    }
    buf_putz(b, "}");
}

static void
put_service_table(const struct process *p, struct buf *b, const struct service *s)
{
    buf_printf(b, "const struct rpc_method %s_%s_methods[] = {\n", p->name, s->snake);
    for (size_t i = 0; i < s->count; i++) {
        buf_putz(b, "    ");
        put_method(b, &s->rpcs[i], "run_");
        buf_putz(b, ",\n");
    }
    buf_putz(b, "};\n\n");
}

static void
put_table_list(const struct process *p, struct buf *b, bool lengths)
{
    for (size_t i = 0; i < p->m->service_count; i++) {
        const struct service *s = p->m->services[i];
        if (implements(p, s) && lengths) {
            buf_printf(b, "    %zu,\n", s->count);
        } else if (implements(p, s)) {
            buf_printf(b, "    %s_%s_methods,\n", p->name, s->snake);
        }
    }
}

static void
emit_dispatch(const struct process *p)
{
    struct buf *b = out_file(p->out, file_name(p, "_dispatch.c"));
    put_banner(b);
    buf_printf(b, "#include \"%s_rpc.h\"\n#include \"%s_dispatch.h\"\n\n", p->name, p->name);
    each_rpc(p, b, put_trampoline);
    for (size_t i = 0; i < p->m->service_count; i++) {
        if (implements(p, p->m->services[i])) {
            put_service_table(p, b, p->m->services[i]);
        }
    }
    bool none = service_count(p) == 0;
    buf_printf(b, "const struct rpc_method *const %s_tables[] = {\n%s", p->name,
               none ? "    NULL,\n" : "");
    put_table_list(p, b, false);
    buf_printf(b, "};\n\nconst size_t %s_table_lens[] = {\n%s", p->name, none ? "    0,\n" : "");
    put_table_list(p, b, true);
    buf_putz(b, "};\n");
}

/* The tables by service: routes.c refers to the gateway's own. */
static void
emit_dispatch_header(const struct process *p)
{
    struct buf *b = out_file(p->out, file_name(p, "_dispatch.h"));
    begin_header(b, p->m->arena, file_name(p, "_dispatch"));
    buf_putz(b, "#include \"rpc/rpc.h\"\n\n");
    for (size_t i = 0; i < p->m->service_count; i++) {
        const struct service *s = p->m->services[i];
        if (implements(p, s)) {
            buf_printf(b, "extern const struct rpc_method %s_%s_methods[%zu];\n", p->name, s->snake,
                       s->count);
        }
    }
    end_header(b);
}

/* --- clients ------------------------------------------------------------------------------- */

static bool
is_addressed(const struct process *p)
{
    /* A call goes to one of them, by its own address. */
    return str_eqz(str_z(p->name), "worker") || str_eqz(str_z(p->name), "gateway");
}

static void
put_client_declaration(const struct process *p, struct buf *b, const struct rpc *r)
{
    buf_printf(b, "extern const struct rpc_method %s_method_%s;\n", p->name, r->snake);
}

static void
put_call(const struct process *p, struct buf *b, const struct rpc *r)
{
    bool addressed = is_addressed(p);
    put_comment(b, r->comment);
    buf_printf(b,
               "NODISCARD static inline enum rc\n%s_call_%s(%s, struct ctx *ctx, const %s *req,\n"
               "        %s **out)\n{\n    ProtobufCMessage *answer = NULL;\n",
               p->name, r->snake,
               addressed ? "struct rpc_peers *peers, const char *addr"
                         : "struct rpc_client *client",
               r->req->c_type, r->resp->c_type);
    buf_printf(b, "    enum rc rc = %s, ctx, &%s_method_%s, &req->base, &answer);\n",
               addressed ? "rpc_peers_call(peers, addr" : "rpc_call(client", p->name, r->snake);
    buf_printf(b,
               "    if (rc == RC_OK) {\n        *out = (%s *)answer;\n    }\n    return rc;\n}\n\n",
               r->resp->c_type);
}

static void
put_client_method(const struct process *p, struct buf *b, const struct rpc *r)
{
    buf_printf(b, "const struct rpc_method %s_method_%s =\n    ", p->name, r->snake);
    put_method(b, r, NULL);
    buf_putz(b, ";\n");
}

static void
emit_client(const struct process *p)
{
    struct buf *h = out_file(p->out, file_name(p, "_client.h"));
    begin_header(h, p->m->arena, file_name(p, "_client"));
    buf_putz(h, "#include \"rpc/rpc.h\"\n\n");
    put_message_includes(h, p->m);
    buf_putz(h, "\n/* Calls answer into ctx's arena; *out is written on success only. Errors and "
                "blocking: rpc_call. */\n\n");
    each_rpc(p, h, put_client_declaration);
    buf_putc(h, '\n');
    each_rpc(p, h, put_call);
    end_header(h);

    struct buf *c = out_file(p->out, file_name(p, "_client.c"));
    put_banner(c);
    buf_printf(c, "#include \"%s_client.h\"\n\n", p->name);
    each_rpc(p, c, put_client_method);
}

void
emit_rpc(const struct model *m, struct out *out)
{
    for (size_t i = 0; i < m->process_count; i++) {
        struct process p = {m, out, m->processes[i], name_upper(m->arena, m->processes[i]),
                            1U << i};
        emit_rpc_header(&p);
        emit_dispatch_header(&p);
        emit_dispatch(&p);
        emit_client(&p);
    }
}
