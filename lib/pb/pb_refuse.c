/* SPDX-License-Identifier: Apache-2.0
 *
 * What is said about a request of the wrong shape, and what must be present. */
#include "pb/pb_internal.h"

#include <stdlib.h>
#include <string.h>

#define PATH_BYTES_MAX 1024
#define NAME_BYTES_MAX 100

const char *
pb_reason(const struct pb_field *f)
{
    return f->source == PB_FROM_BODY ? "INVALID_BODY" : "INVALID_QUERY";
}

enum rc
pb_out_of_memory(struct ctx *ctx)
{
    return fail_memory(ctx, "the request is too large");
}

static void
put_path(struct buf *b, const struct pb_path *path)
{
    if (path == NULL) {
        return;
    }
    put_path(b, path->up);
    if (path->name.p == NULL) {
        buf_printf(b, "[%zu]", path->index);
        return;
    }
    if (b->n > 0) {
        buf_putc(b, '.');
    }
    buf_put(b, str_cut(path->name, NAME_BYTES_MAX)); /* a key of a map is a client's */
}

static enum rc PRINTF_LIKE(4, 0) refuse(struct ctx *ctx, const char *reason,
                                        const struct pb_path *path, const char *fmt, va_list args)
{
    struct buf b;

    buf_init(&b, PATH_BYTES_MAX);
    put_path(&b, path);
    struct str text = arena_vprintf(ctx->arena, fmt, args);
    enum rc rc = arena_failed(ctx->arena)
                     ? pb_out_of_memory(ctx)
                     : fail(ctx, RC_INVALID_ARGUMENT, reason, "%.*s%s%.*s", STR_ARG(buf_str(&b)),
                            b.n > 0 ? " " : "", STR_ARG(text));
    buf_fini(&b);
    return rc;
}

enum rc
pb_refuse(struct ctx *ctx, const char *reason, const struct pb_path *path, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    enum rc rc = refuse(ctx, reason, path, fmt, args);
    va_end(args);
    return rc;
}

enum rc
pb_refuse_spot(const struct pb_spot *spot, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    enum rc rc = refuse(spot->ctx, spot->reason, spot->path, fmt, args);
    va_end(args);
    return rc;
}

/* --- presence ------------------------------------------------------------------------------ */

/* A string that is not set points to its default. */
static bool
is_default(const struct pb_field *f, const ProtobufCMessage *msg)
{
    if (f->kind != PB_STRING || pb_is_list(f)) {
        return false;
    }
    const ProtobufCFieldDescriptor *d =
        protobuf_c_message_descriptor_get_field(msg->descriptor, f->number);
    return d != NULL && d->default_value == *(const void *const *)pb_at_const(msg, f->offset);
}

static bool
is_given(const struct pb_field *f, const ProtobufCMessage *msg, const struct pb_seen *seen)
{
    if (seen != NULL && pb_seen_has(seen, f->number)) {
        return true;
    }
    bool shows = f->quantifier != 0 || f->kind == PB_STRING || f->kind == PB_MESSAGE;
    return shows && pb_is_set(msg, f) && !is_default(f, msg);
}

static enum rc
check_group(struct ctx *ctx, const struct pb_table *table, const struct pb_group *g,
            const ProtobufCMessage *msg, const struct pb_seen *seen, const struct pb_path *path)
{
    size_t given = 0;

    for (size_t i = 0; i < g->count; i++) {
        given += is_given(&table->fields[g->fields[i]], msg, seen) ? 1 : 0;
    }
    if ((given > 0 || g->kind == PB_AT_MOST_ONE) && (given <= 1 || g->kind == PB_AT_LEAST_ONE)) {
        return RC_OK;
    }
    static const char *const COUNTS[] = {"exactly one", "at least one", "at most one"};
    const char *reason = pb_reason(&table->fields[g->fields[0]]);
    const char *verb = g->kind == PB_AT_MOST_ONE ? "may be given" : "is required";
    return path == NULL
               ? pb_refuse(ctx, reason, NULL, "%s of %s %s", COUNTS[g->kind], g->text, verb)
               : pb_refuse(ctx, reason, path, "takes %s of %s", COUNTS[g->kind], g->text);
}

enum rc
pb_check_presence(struct ctx *ctx, const struct pb_table *table, const ProtobufCMessage *msg,
                  const struct pb_seen *seen, const struct pb_path *path, unsigned sources,
                  bool groups)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct pb_field *f = &table->fields[i];
        if ((f->flags & PB_REQUIRED) != 0 && (sources >> f->source & 1) != 0 &&
            !is_given(f, msg, seen)) {
            struct pb_path step = {.up = path, .name = f->key};
            return pb_refuse(ctx, pb_reason(f), &step, "is required");
        }
    }
    for (size_t i = 0; groups && i < table->group_count; i++) {
        enum rc rc = check_group(ctx, table, &table->groups[i], msg, seen, path);
        if (rc != RC_OK) {
            return rc;
        }
    }
    return RC_OK;
}

enum rc
pb_check(struct ctx *ctx, const struct pb_table *table, const ProtobufCMessage *msg)
{
    const struct pb_seen *seen = msg->n_unknown_fields == 0 ? (void *)msg->unknown_fields : NULL;

    return pb_check_presence(ctx, table, msg, seen, NULL, ~0U, true);
}

/* --- keys of maps -------------------------------------------------------------------------- */

static int
compare_z(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

enum rc
pb_check_keys(const struct pb_spot *map, ProtobufCMessage *const *entries, size_t count)
{
    const struct pb_field *key = pb_entry_field(map->field->sub, 1);
    const char **keys = ARENA_ARRAY(map->ctx->arena, count, const char *);

    if (keys == NULL) {
        return pb_out_of_memory(map->ctx);
    }
    for (size_t i = 0; i < count; i++) {
        keys[i] = *(const char *const *)pb_at_const(entries[i], key->offset);
    }
    qsort(keys, count, sizeof(*keys), compare_z);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(keys[i - 1], keys[i]) == 0) {
            struct pb_path step = {.up = map->path, .name = str_z(keys[i])};
            return pb_refuse(map->ctx, map->reason, &step, "is given twice");
        }
    }
    return RC_OK;
}
