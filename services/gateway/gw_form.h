/* SPDX-License-Identifier: Apache-2.0
 *
 * A form (multipart/form-data) becomes a request message: parts named like a field with the option
 * `file` stream to the blob store, other parts are read like text of the query. Parts that no field
 * is named after are skipped. Nothing becomes visible in the store before gw_form_commit; whoever
 * began a form ends it with gw_form_end, which throws away what was not committed.
 *
 * Threads: one at a time. Blocks: on the store, and on whoever feeds it. */
#ifndef ASSAY_GATEWAY_FORM_H
#define ASSAY_GATEWAY_FORM_H

#include "assay/common.pb-c.h"
#include "blob/blob.h"
#include "gateway/gw_multipart.h"
#include "pb/pb.h"

#define GW_FORM_TEXT_MAX ((size_t)1024 * 1024) /* of all parts that are no files, together */

struct gw_form_file {
    struct blob_writer *writer;
    Assay__Blob *blob;
    const char *owned; /* the field's options */
    bool once;
};

struct gw_form {
    struct blob_store *store;
    const struct pb_table *table;
    ProtobufCMessage *msg;
    const struct pb_field *field; /* of the part under way; NULL: skipped */
    struct gw_part part;
    struct blob_writer *writer; /* of the file under way */
    struct buf text;            /* of the part under way */
    size_t text_bytes;
    struct gw_form_file files[GW_PARTS_MAX]; /* whole, not committed */
    size_t file_count;
    struct gw_multipart parser;
};

/* Begins to read into `msg`, which is fresh from pb_new. `boundary`: see gw_multipart_boundary. */
void gw_form_begin(struct gw_form *form, struct blob_store *store, const struct pb_table *table,
                   ProtobufCMessage *msg, struct str boundary);
/* Errors: those of the parser, of pb_from_text and of the store. RESOURCE_EXHAUSTED
 *         "BODY_TOO_LARGE": too much text. */
NODISCARD enum rc gw_form_feed(struct gw_form *form, struct ctx *ctx, struct str bytes);
/* After the last byte. Errors: INVALID_ARGUMENT "MALFORMED_MULTIPART": the form is cut. */
NODISCARD enum rc gw_form_finish(struct gw_form *form, struct ctx *ctx);
/* Makes the files visible and completes their assay.Blob members. After pb_check. */
NODISCARD enum rc gw_form_commit(struct gw_form *form, struct ctx *ctx);
/* Ends the writers of at most GW_PARTS_MAX files: their bytes become visible under the names that
 * `owned` (may be NULL) makes, which the blobs take with digest and size. */
NODISCARD enum rc gw_files_commit(struct gw_form_file *files, size_t n, struct ctx *ctx);
/* Throws away what was not committed. */
void gw_form_end(struct gw_form *form);

#endif
