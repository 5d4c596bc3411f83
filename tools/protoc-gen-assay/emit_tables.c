/* SPDX-License-Identifier: Apache-2.0
 *
 * One `struct pb_table` per message that public rpcs reach, and one per route for its request,
 * because there the fields also say where they are read from. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/ctext.h"
#include "emit.h"
#include "groups.h"
#include "names.h"

/* What one table is made of. */
struct table {
    const struct message *msg;
    const char *name;       /* C name without "__table" */
    const uint8_t *sources; /* NULL: all from the body */
};

struct group_out {
    struct buf *b;
    const struct table *t;
    size_t n;
};

/* Index of field `i` among the members. */
static size_t
member_index(const struct message *msg, size_t i)
{
    size_t n = 0;
    for (size_t j = 0; j < i; j++) {
        n += field_is_member(&msg->fields[j]);
    }
    return n;
}

static size_t
member_count(const struct message *msg)
{
    return member_index(msg, msg->count);
}

static const char *
kind_name(enum pb_kind kind)
{
    static const char *const names[] = {"PB_BOOL",    "PB_INT32",  "PB_INT64",    "PB_UINT32",
                                        "PB_DOUBLE",  "PB_STRING", "PB_RAW_JSON", "PB_TIME",
                                        "PB_MESSAGE", "PB_MAP",    "PB_BASE64"};
    return names[kind];
}

static void
put_flag(struct buf *b, bool on, const char *name)
{
    if (on) {
        buf_printf(b, " | %s", name);
    }
}

static void
put_flags(struct buf *b, const struct field *f)
{
    const Assay__Field *o = f->opt;
    buf_putz(b, ".flags = 0");
    put_flag(b, f->required, "PB_REQUIRED");
    put_flag(b, f->repeated, "PB_REPEATED");
    put_flag(b, o->omit, "PB_OMIT");
    put_flag(b, o->nullable, "PB_NULLABLE");
    put_flag(b, o->clamp, "PB_CLAMP");
    put_flag(b, o->lower, "PB_LOWER");
    put_flag(b, o->csv, "PB_CSV");
    put_flag(b, o->secret, "PB_SECRET");
    put_flag(b, o->file, "PB_FILE");
    put_flag(b, o->has_min, "PB_HAS_MIN");
    put_flag(b, o->has_max, "PB_HAS_MAX");
}

static void
put_places(struct buf *b, const struct message *msg, const struct field *f)
{
    bool pointer = f->kind == PB_STRING || f->kind == PB_MESSAGE;
    buf_printf(b, ",\n     .offset = offsetof(%s, %s)", msg->c_type, f->c_name);
    if (f->repeated) {
        buf_printf(b, ", .quantifier = offsetof(%s, n_%s)", msg->c_type, f->c_name);
    } else if (!f->required && !pointer) {
        buf_printf(b, ", .quantifier = offsetof(%s, has_%s)", msg->c_type, f->c_name);
    }
}

static void
put_limits(struct buf *b, const struct field *f)
{
    const Assay__Field *o = f->opt;
    buf_printf(b, ",\n     .min_len = %lld, .max_len = %lld, .item_max_len = %lld",
               o->has_min_len ? (long long)o->min_len : 0LL,
               o->has_max_len ? (long long)o->max_len : -1LL,
               o->has_item_max_len ? (long long)o->item_max_len : -1LL);
    if (o->has_min && isfinite(o->min)) {
        buf_printf(b, ", .min = %.17g", o->min);
    }
    if (o->has_max && isfinite(o->max)) {
        buf_printf(b, ", .max = %.17g", o->max);
    }
}

static void
put_kind_details(struct buf *b, const struct field *f)
{
    if (f->kind == PB_TIME) {
        buf_printf(b, ", .time = %d /* TimeFormat %d */", f->opt->time - 1, f->opt->time);
    }
    if (f->kind == PB_RAW_JSON) {
        buf_printf(b, ", .raw = %d", f->opt->raw);
    }
    if (f->opt->format != ASSAY__TEXT_FORMAT__FREE) {
        buf_printf(b, ", .format = %d", f->opt->format);
    }
    if (f->opt->has_status) {
        buf_printf(b, ", .status = %d", f->opt->status);
    }
    if (f->sub != NULL) {
        buf_printf(b, ", .sub = &%s__table", f->sub->c_lower);
    }
}

static void
put_field(struct buf *b, const struct table *t, size_t i)
{
    static const char *const sources[] = {"BODY", "PATH", "QUERY", "HEADER"};
    const struct field *f = &t->msg->fields[i];
    buf_putz(b, "    {.json = ");
    put_c_string(b, f->json);
    buf_putz(b, ", .key = STR_INIT(");
    put_c_string(b, f->json);
    buf_printf(b, "), .number = %d,\n     ", f->desc->number);
    put_flags(b, f);
    buf_printf(b, ", .kind = %s, .source = PB_FROM_%s", kind_name(f->kind),
               sources[t->sources != NULL ? t->sources[i] : PB_FROM_BODY]);
    put_kind_details(b, f);
    put_places(b, t->msg, f);
    put_limits(b, f);
    if (f->opt->n_in > 0) {
        buf_printf(b, ",\n     .in = %s__in_%zu", t->msg->c_lower, i);
    }
    if (f->opt->pattern != NULL) {
        buf_putz(b, ",\n     .pattern = ");
        put_c_string(b, f->opt->pattern);
    }
    if (f->opt->header != NULL) {
        buf_putz(b, ",\n     .header = ");
        put_c_string(b, f->opt->header);
    }
    if (f->opt->owned != NULL) {
        buf_putz(b, ",\n     .owned = ");
        put_c_string(b, f->opt->owned);
    }
    if (f->opt->once) {
        buf_putz(b, ",\n     .once = true");
    }
    buf_putz(b, "},\n");
}

static void
put_allowed(struct buf *b, const struct message *msg)
{
    for (size_t i = 0; i < msg->count; i++) {
        const Assay__Field *o = msg->fields[i].opt;
        if (o->n_in == 0) {
            continue;
        }
        buf_printf(b, "static const char *const %s__in_%zu[] = {", msg->c_lower, i);
        for (size_t j = 0; j < o->n_in; j++) {
            put_c_string(b, o->in[j]);
            buf_putz(b, ", ");
        }
        buf_putz(b, "NULL};\n");
    }
}

/* --- groups -------------------------------------------------------------------------------- */

static void
put_group_fields(void *arg, enum pb_group_kind kind, const char *names)
{
    struct group_out *g = arg;
    (void)kind;
    buf_printf(g->b, "static const uint32_t %s__group_%zu[] = {", g->t->name, g->n++);
    struct str rest = str_z(names);
    for (const char *comma = ""; rest.p != NULL; comma = ", ") {
        size_t i = groups_next(g->t->msg, &rest);
        buf_printf(g->b, "%s%zu", comma, member_index(g->t->msg, i));
    }
    buf_putz(g->b, "};\n");
}

static void
put_group(void *arg, enum pb_group_kind kind, const char *names)
{
    static const char *const kinds[] = {"PB_EXACTLY_ONE", "PB_AT_LEAST_ONE", "PB_AT_MOST_ONE"};
    struct group_out *g = arg;
    buf_printf(g->b, "    {%s, %s__group_%zu, ARRAY_LEN(%s__group_%zu),\n     ", kinds[kind],
               g->t->name, g->n, g->t->name, g->n);
    g->n++;
    struct buf text;
    buf_init(&text, 4096);
    struct str rest = str_z(names);
    for (const char *comma = ""; rest.p != NULL; comma = ", ") {
        size_t i = groups_next(g->t->msg, &rest);
        buf_printf(&text, "%s%s", comma, g->t->msg->fields[i].json);
    }
    put_c_string(g->b, text.p);
    buf_fini(&text);
    buf_putz(g->b, "},\n");
}

static size_t
put_groups(struct buf *b, const struct table *t)
{
    struct group_out g = {b, t, 0};
    groups_each(t->msg, put_group_fields, &g);
    if (g.n == 0) {
        return 0;
    }
    buf_printf(b, "static const struct pb_group %s__groups[] = {\n", t->name);
    g.n = 0;
    groups_each(t->msg, put_group, &g);
    buf_putz(b, "};\n");
    return g.n;
}

/* --- look-up and the table itself ------------------------------------------------------------ */

static int
compare_members(const void *a, const void *b)
{
    const struct field *const *fa = a;
    const struct field *const *fb = b;
    return str_cmp(str_z((*fa)->json), str_z((*fb)->json));
}

static void
put_by_key(struct buf *b, const struct table *t)
{
    const struct field *sorted[1024];
    size_t n = 0;
    ASSERT(t->msg->count <= ARRAY_LEN(sorted));
    for (size_t i = 0; i < t->msg->count; i++) {
        if (field_is_member(&t->msg->fields[i])) {
            sorted[n++] = &t->msg->fields[i];
        }
    }
    qsort(sorted, n, sizeof(sorted[0]), compare_members);
    buf_printf(b, "static const uint16_t %s__by_key[] = {", t->name);
    for (size_t i = 0; i < n; i++) {
        size_t at = (size_t)(sorted[i] - t->msg->fields);
        buf_printf(b, "%s%zu", i > 0 ? ", " : "", member_index(t->msg, at));
    }
    buf_putz(b, "};\n");
}

/* Index of `nulls` in the protobuf-c descriptor, whose fields are sorted by number. */
static int
nulls_index(const struct message *msg)
{
    for (size_t i = 0; i < msg->count; i++) {
        if (!msg->fields[i].is_nulls) {
            continue;
        }
        int below = 0;
        for (size_t j = 0; j < msg->count; j++) {
            below += msg->fields[j].desc->number < msg->fields[i].desc->number;
        }
        return below;
    }
    return -1;
}

static void
put_table(struct buf *b, const struct table *t)
{
    size_t count = member_count(t->msg);
    if (count > 0) {
        buf_printf(b, "static const struct pb_field %s__fields[] = {\n", t->name);
        for (size_t i = 0; i < t->msg->count; i++) {
            if (field_is_member(&t->msg->fields[i])) {
                put_field(b, t, i);
            }
        }
        buf_putz(b, "};\n");
        put_by_key(b, t);
    }
    size_t groups = put_groups(b, t);
    buf_printf(b,
               "const struct pb_table %s__table = {\n    .name = \"%s\", .desc = "
               "&%s__descriptor, .count = %zu, .nulls = %d",
               t->name, t->msg->full, t->msg->c_lower, count, nulls_index(t->msg));
    if (count > 0) {
        buf_printf(b, ",\n    .fields = %s__fields, .by_key = %s__by_key", t->name, t->name);
    }
    if (t->msg->opt != NULL && t->msg->opt->closed) {
        buf_putz(b, ",\n    .closed = true");
    }
    if (groups > 0) {
        buf_printf(b, ",\n    .groups = %s__groups, .group_count = %zu", t->name, groups);
    }
    buf_putz(b, "};\n\n");
}

/* Calls `put` for every table there is. */
static void
each_table(const struct model *m, struct buf *b, void (*put)(struct buf *, const struct table *))
{
    for (size_t i = 0; i < m->message_count; i++) {
        const struct message *msg = m->messages[i];
        if (msg->is_public) {
            put(b, &(struct table){msg, msg->c_lower, NULL});
        }
    }
    for (size_t i = 0; i < m->route_count; i++) {
        const struct route *r = m->routes[i];
        put(b, &(struct table){r->rpc->req, r->table, r->sources});
    }
}

static void
put_declaration(struct buf *b, const struct table *t)
{
    buf_printf(b, "extern const struct pb_table %s__table;\n", t->name);
}

static void
put_reference(struct buf *b, const struct table *t)
{
    buf_printf(b, "    &%s__table,\n", t->name);
}

/* For tests. In a file of its own: whoever links it pulls in every table and descriptor. */
static void
emit_all(const struct model *m, struct out *out)
{
    struct buf *c = out_file(out, "pb_tables_all.c");
    put_banner(c);
    buf_putz(c, "#include \"pb_tables.h\"\n\nconst struct pb_table *const pb_tables_all[] = {\n");
    each_table(m, c, put_reference);
    buf_putz(c, "    NULL};\n");
}

void
emit_tables(const struct model *m, struct out *out)
{
    struct buf *h = out_file(out, "pb_tables.h");
    begin_header(h, m->arena, "pb_tables");
    buf_putz(h, "#include \"pb/pb.h\"\n\n");
    each_table(m, h, put_declaration);
    buf_putz(
        h, "/* All of them, then NULL. */\nextern const struct pb_table *const pb_tables_all[];\n");
    end_header(h);

    struct buf *c = out_file(out, "pb_tables.c");
    put_banner(c);
    buf_putz(c, "#include <stddef.h>\n\n#include \"pb_tables.h\"\n\n");
    put_message_includes(c, m);
    buf_putc(c, '\n');
    for (size_t i = 0; i < m->message_count; i++) {
        if (m->messages[i]->is_public) {
            put_allowed(c, m->messages[i]);
        }
    }
    each_table(m, c, put_table);
    emit_all(m, out);
}
