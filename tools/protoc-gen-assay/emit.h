/* SPDX-License-Identifier: Apache-2.0
 *
 * The emitters: each adds whole files to the answer. */
#ifndef ASSAY_TOOLS_EMIT_H
#define ASSAY_TOOLS_EMIT_H

#include "trie.h"

#define OUT_FILES_MAX 128
#define OUT_FILE_BYTES_MAX (64 << 20)

struct out_file {
    const char *name;
    struct buf text;
};

struct out {
    struct out_file files[OUT_FILES_MAX];
    size_t count;
};

/* Starts a file; "/" free names, relative to gen/. */
struct buf *out_file(struct out *out, const char *name);
/* The first line of every file; of a header also its guard, which end_header closes. */
void put_banner(struct buf *b);
void begin_header(struct buf *b, struct arena *arena, const char *stem);
void end_header(struct buf *b);
/* #include of every header that declares one of the services' messages. */
void put_message_includes(struct buf *b, const struct model *m);

/* pb_tables.h/.c, pb_tables_all.c */
void emit_tables(const struct model *m, struct out *out);
/* <process>_rpc.h, <process>_dispatch.c, <process>_client.h/.c */
void emit_rpc(const struct model *m, struct out *out);
/* routes.h/.c */
void emit_routes(struct model *m, const struct trie *trie, struct out *out);
/* openapi.json, openapi_json.h/.c */
void emit_openapi(struct model *m, const struct trie *trie, struct out *out);

#endif
