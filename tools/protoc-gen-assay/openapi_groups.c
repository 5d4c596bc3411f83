/* SPDX-License-Identifier: Apache-2.0 */
#include "groups.h"
#include "openapi.h"

struct group_schemas {
    struct buf *b;
    const struct message *msg;
    const uint8_t *sources;
    enum pb_source source;
    size_t n;
};

static bool
is_all_here(const struct group_schemas *g, const char *names)
{
    struct str rest = str_z(names);
    while (rest.p != NULL) {
        size_t i = groups_next(g->msg, &rest);
        if (g->sources != NULL && g->sources[i] != g->source) {
            return false;
        }
    }
    return true;
}

static void
put_present(struct buf *b, const struct field *f)
{
    buf_putz(b, "{\"required\":[");
    json_put_str(b, str_z(f->json));
    buf_putz(b, "]}");
}

/* "oneOf"/"anyOf": one alternative per member. */
static void
put_alternatives(struct group_schemas *g, const char *keyword, const char *names)
{
    buf_printf(g->b, "{\"%s\":[", keyword);
    struct str rest = str_z(names);
    while (rest.p != NULL) {
        put_item(g->b);
        put_present(g->b, &g->msg->fields[groups_next(g->msg, &rest)]);
    }
    buf_putz(g->b, "]}");
}

/* At most one: no pair is present. */
static void
put_pairs(struct group_schemas *g, const char *names)
{
    buf_putz(g->b, "{\"not\":{\"anyOf\":[");
    struct str rest = str_z(names);
    while (rest.p != NULL) {
        const struct field *first = &g->msg->fields[groups_next(g->msg, &rest)];
        struct str others = rest;
        while (others.p != NULL) {
            const struct field *second = &g->msg->fields[groups_next(g->msg, &others)];
            put_item(g->b);
            buf_putz(g->b, "{\"required\":[");
            json_put_str(g->b, str_z(first->json));
            buf_putc(g->b, ',');
            json_put_str(g->b, str_z(second->json));
            buf_putz(g->b, "]}");
        }
    }
    buf_putz(g->b, "]}}");
}

static void
put_one_group(void *arg, enum pb_group_kind kind, const char *names)
{
    struct group_schemas *g = arg;
    if (!is_all_here(g, names)) {
        return;
    }
    if (g->n++ == 0) {
        json_put_key(g->b, "allOf");
        buf_putc(g->b, '[');
    }
    put_item(g->b);
    if (kind == PB_AT_MOST_ONE) {
        put_pairs(g, names);
    } else {
        put_alternatives(g, kind == PB_EXACTLY_ONE ? "oneOf" : "anyOf", names);
    }
}

void
put_group_schemas(struct buf *b, const struct message *msg, const uint8_t *sources,
                  enum pb_source source)
{
    struct group_schemas g = {b, msg, sources, source, 0};
    groups_each(msg, put_one_group, &g);
    buf_putz(b, g.n > 0 ? "]" : "");
}
