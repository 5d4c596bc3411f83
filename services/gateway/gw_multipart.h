/* SPDX-License-Identifier: Apache-2.0
 *
 * multipart/form-data as a stream. The parser takes bytes in pieces of any size and calls back with
 * the head of each part, its bytes as they come, and its end; it holds no more than a boundary and
 * one part's head. What it accepts does not depend on where the pieces were cut.
 *
 * Limits: 64 parts, 8 KiB of head per part, boundaries of 1 to 70 characters. Text before the first
 * boundary and after the last is skipped. Part heads are lines ending in CR LF.
 *
 * Threads: a parser belongs to one. Nothing blocks but what the callbacks do.
 * Source: RFC 2046 5.1, RFC 7578. */
#ifndef ASSAY_GATEWAY_MULTIPART_H
#define ASSAY_GATEWAY_MULTIPART_H

#include "base/ctx.h"

#define GW_PARTS_MAX 64
#define GW_PART_HEAD_MAX ((size_t)8192)
#define GW_BOUNDARY_MAX 70
#define GW_FILE_NAME_MAX 255

struct gw_part {
    struct str name;         /* of the form's field */
    struct str file_name;    /* last segment of what the client named; empty: no file */
    struct str content_type; /* empty: none given */
    bool is_file;            /* a filename was given, perhaps an empty one */
};

struct gw_multipart_ops {
    /* A part begins. Its strings live until the parser's end. */
    enum rc (*begin)(void *arg, struct ctx *ctx, const struct gw_part *part);
    enum rc (*data)(void *arg, struct ctx *ctx, struct str bytes);
    enum rc (*end)(void *arg, struct ctx *ctx);
};

struct gw_multipart {
    const struct gw_multipart_ops *ops;
    void *arg;
    char delimiter[GW_BOUNDARY_MAX + 5]; /* CR LF "--" boundary */
    size_t delimiter_n;
    int state;
    size_t matched; /* bytes of the delimiter seen and held back ... */
    size_t implied; /* ... of which the first were not in the body but counted as a line's end */
    size_t parts;
    size_t head_n;
    char head[GW_PART_HEAD_MAX];
};

/* Finds the boundary of a Content-Type header; p == NULL when it is not multipart/form-data or has
 * none that may be used. */
struct str gw_multipart_boundary(struct str content_type);
/* `boundary` is one that gw_multipart_boundary found. */
void gw_multipart_init(struct gw_multipart *m, struct str boundary,
                       const struct gw_multipart_ops *ops, void *arg);
/* Errors: INVALID_ARGUMENT "MALFORMED_MULTIPART", those of the callbacks. Not to be called again
 * after an error. */
NODISCARD enum rc gw_multipart_feed(struct gw_multipart *m, struct ctx *ctx, struct str bytes);
/* After the last byte. Errors: INVALID_ARGUMENT "MALFORMED_MULTIPART": the closing boundary has not
 * come. */
NODISCARD enum rc gw_multipart_finish(const struct gw_multipart *m, struct ctx *ctx);

#endif
