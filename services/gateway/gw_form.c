/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gw_form.h"

#include <string.h>

#include "base/id.h"

static bool
is_file_field(const struct pb_field *field)
{
    return field != NULL && (field->flags & PB_FILE) != 0;
}

static enum rc
part_begin(void *arg, struct ctx *ctx, const struct gw_part *part)
{
    struct gw_form *form = arg;
    const struct pb_field *field = pb_field_find(form->table, part->name);

    form->part = *part;
    form->field = field != NULL && field->source == PB_FROM_BODY ? field : NULL;
    buf_clear(&form->text);
    return is_file_field(form->field) ? blob_begin(form->store, ctx, &form->writer) : RC_OK;
}

static enum rc
part_data(void *arg, struct ctx *ctx, struct str bytes)
{
    struct gw_form *form = arg;

    if (form->field == NULL) {
        return RC_OK;
    }
    if (form->writer != NULL) {
        return blob_write(form->writer, ctx, bytes);
    }
    form->text_bytes += bytes.n;
    buf_put(&form->text, bytes);
    if (form->text_bytes > GW_FORM_TEXT_MAX || buf_failed(&form->text)) {
        return fail(ctx, RC_RESOURCE_EXHAUSTED, "BODY_TOO_LARGE", "the form has too much text");
    }
    return RC_OK;
}

/* Puts the blob into the message: the member, or one more item of it. */
static enum rc
set_member(struct gw_form *form, struct ctx *ctx, Assay__Blob *blob)
{
    char *at = (char *)form->msg + form->field->offset;

    if ((form->field->flags & PB_REPEATED) == 0) {
        Assay__Blob *before = NULL;
        memcpy(&before, at, sizeof(before));
        if (before != NULL) {
            return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_BODY", "%s is given twice",
                        form->field->json);
        }
        memcpy(at, &blob, sizeof(blob));
        return RC_OK;
    }
    size_t n = 0;
    char *count = (char *)form->msg + form->field->quantifier;
    memcpy(&n, count, sizeof(n));
    Assay__Blob **list = ARENA_ARRAY(ctx->arena, n + 1, Assay__Blob *);
    if (list == NULL) {
        return fail_memory(ctx, "the form is too large");
    }
    if (n > 0) {
        Assay__Blob **old = NULL;
        memcpy(&old, at, sizeof(old));
        memcpy(list, old, n * sizeof(*list));
    }
    list[n++] = blob;
    memcpy(at, &list, sizeof(list));
    memcpy(count, &n, sizeof(n));
    return RC_OK;
}

static enum rc
end_file(struct gw_form *form, struct ctx *ctx)
{
    int64_t size = blob_written(form->writer);

    if (size == 0 && form->part.file_name.n == 0) { /* a file input nobody has chosen one for */
        blob_abort(form->writer);
        form->writer = NULL;
        return RC_OK;
    }
    Assay__Blob *blob = PB_NEW(ctx->arena, Assay__Blob, assay__blob);
    char *type = pb_strz(ctx->arena, form->part.content_type);
    char *name = pb_strz(ctx->arena, form->part.file_name);
    if (blob == NULL || type == NULL || name == NULL) {
        return fail_memory(ctx, "the form is too large");
    }
    blob->content_type = type[0] == '\0' ? NULL : type;
    blob->file_name = name[0] == '\0' ? NULL : name;
    PB_SET(blob, size_bytes, size);
    enum rc rc = set_member(form, ctx, blob);
    if (rc == RC_OK) {
        form->files[form->file_count++] = (struct gw_form_file){.writer = form->writer,
                                                                .blob = blob,
                                                                .owned = form->field->owned,
                                                                .once = form->field->once};
        form->writer = NULL;
    }
    return rc;
}

static enum rc
part_end(void *arg, struct ctx *ctx)
{
    struct gw_form *form = arg;

    if (form->field == NULL) {
        return RC_OK;
    }
    return form->writer != NULL ? end_file(form, ctx)
                                : pb_from_text(ctx, form->field, buf_str(&form->text), form->msg);
}

void
gw_form_begin(struct gw_form *form, struct blob_store *store, const struct pb_table *table,
              ProtobufCMessage *msg, struct str boundary)
{
    static const struct gw_multipart_ops OPS = {part_begin, part_data, part_end};

    form->store = store;
    form->table = table;
    form->msg = msg;
    form->field = NULL;
    form->writer = NULL;
    form->text_bytes = 0;
    form->file_count = 0;
    buf_init(&form->text, GW_FORM_TEXT_MAX);
    gw_multipart_init(&form->parser, boundary, &OPS, form);
}

enum rc
gw_form_feed(struct gw_form *form, struct ctx *ctx, struct str bytes)
{
    return gw_multipart_feed(&form->parser, ctx, bytes);
}

enum rc
gw_form_finish(struct gw_form *form, struct ctx *ctx)
{
    return gw_multipart_finish(&form->parser, ctx);
}

static enum rc
set_blob(struct ctx *ctx, const struct blob_info *info, Assay__Blob *blob)
{
    blob->key = pb_strz(ctx->arena, str_z(info->name));
    blob->sha256 = pb_strz(ctx->arena, str_z(info->sha256));
    PB_SET(blob, size_bytes, info->size);
    return blob->key == NULL || blob->sha256 == NULL ? fail_memory(ctx, "the request is too large")
                                                     : RC_OK;
}

/* What makes the name of a file its owner's. */
static struct str
suffix_of(struct ctx *ctx, const struct gw_form_file *file)
{
    if (file->owned == NULL) {
        return STR_EMPTY;
    }
    return file->once
               ? arena_printf(ctx->arena, "-%s-%lld-%016llx", file->owned,
                              (long long)ctx->who.org_id, (unsigned long long)id_random_u64())
               : arena_printf(ctx->arena, "-%s-%lld", file->owned, (long long)ctx->who.org_id);
}

enum rc
gw_files_commit(struct gw_form_file *files, size_t n, struct ctx *ctx)
{
    struct blob_writer *writers[GW_PARTS_MAX] = {NULL};
    struct str suffixes[GW_PARTS_MAX] = {STR_EMPTY};
    struct blob_info infos[GW_PARTS_MAX];

    ASSERT(n <= GW_PARTS_MAX);
    if (n == 0) {
        return RC_OK;
    }
    for (size_t i = 0; i < n; i++) {
        writers[i] = files[i].writer;
        files[i].writer = NULL; /* gone either way */
        suffixes[i] = suffix_of(ctx, &files[i]);
    }
    enum rc rc = blob_commit_owned(writers, n, ctx, suffixes, infos);
    for (size_t i = 0; rc == RC_OK && i < n; i++) {
        rc = set_blob(ctx, &infos[i], files[i].blob);
    }
    return rc;
}

enum rc
gw_form_commit(struct gw_form *form, struct ctx *ctx)
{
    return gw_files_commit(form->files, form->file_count, ctx);
}

void
gw_form_end(struct gw_form *form)
{
    blob_abort(form->writer);
    form->writer = NULL;
    for (size_t i = 0; i < form->file_count; i++) {
        blob_abort(form->files[i].writer);
    }
    form->file_count = 0;
    buf_fini(&form->text);
}
