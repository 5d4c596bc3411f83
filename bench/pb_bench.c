/* SPDX-License-Identifier: Apache-2.0
 *
 * What the gateway does to every call: a message of about 2.3 KB of JSON (a page of suites),
 * written, read, packed and unpacked. Prints microseconds and heap allocations per operation.
 *
 *     build/bench/pb_bench [rounds]      lines `BENCH name value unit` */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pb_tables.h"
#include "api/vibeview_tests.pb-c.h"
#include "pb/pb.h"

#define SUITES 4
#define PASSES 5

struct bench {
    struct arena *arena;
    struct buf json;
    struct str wire;
    const struct pb_table *table;
    ProtobufCMessage *msg;
};

/* --- allocations of this program ----------------------------------------------------------- */

extern void *__libc_malloc(size_t n);
extern void *__libc_realloc(void *p, size_t n);
void *malloc(size_t n);
void *realloc(void *p, size_t n);

static long allocations;

void *
malloc(size_t n)
{
    allocations++;
    return __libc_malloc(n);
}

void *
realloc(void *p, size_t n)
{
    allocations++;
    return __libc_realloc(p, n);
}

/* --- the message --------------------------------------------------------------------------- */

static Assay__Suite *
suite(struct arena *arena, int i)
{
    Assay__Suite *s = PB_NEW(arena, Assay__Suite, assay__suite);
    Assay__SuiteTag *tag = PB_NEW(arena, Assay__SuiteTag, assay__suite_tag);

    ASSERT(s != NULL && tag != NULL);
    s->id = 1000 + i;
    s->public_id = pb_strz(arena, STR("suite_0a1b2c3d4e5f"));
    s->uuid = pb_strz(arena, STR("0190a0b0-c0d0-7000-8000-0123456789ab"));
    s->name = pb_strz(arena, STR("Checkout as a guest"));
    s->description =
        pb_strz(arena, STR("Adds two articles, pays with a card, checks \"Thank you\""));
    PB_SET(s, app_id, 17);
    s->app_public_id = pb_strz(arena, STR("app_0a1b2c3d4e5f"));
    s->app_name = pb_strz(arena, STR("Caf\xC3\xA9 Shop"));
    s->platform = pb_strz(arena, STR("web"));
    s->case_count = 12;
    s->reset_strategy = pb_strz(arena, STR("relaunch"));
    s->variables = pb_bytes(arena, STR("{\"user\":\"ada\",\"attempts\":3}"));
    PB_SET(s, visual_regression_warn_pct, 2);
    s->last_run_status = pb_strz(arena, STR("passed"));
    PB_SET(s, last_run_at, INT64_C(1737000000000000));
    s->created_at = INT64_C(1736900000000000);
    s->updated_at = INT64_C(1736950000000000);
    tag->name = pb_strz(arena, STR("smoke"));
    tag->display_name = pb_strz(arena, STR("Smoke"));
    s->n_tags = 1;
    s->tags = ARENA_ARRAY(arena, 1, Assay__SuiteTag *);
    s->tags[0] = tag;
    return s;
}

static ProtobufCMessage *
page(struct arena *arena)
{
    Assay__ListSuitesResponse *list =
        PB_NEW(arena, Assay__ListSuitesResponse, assay__list_suites_response);

    list->n_items = SUITES;
    list->items = ARENA_ARRAY(arena, SUITES, Assay__Suite *);
    for (int i = 0; i < SUITES; i++) {
        list->items[i] = suite(arena, i);
    }
    return &list->base;
}

/* --- the operations ------------------------------------------------------------------------ */

static void
write_json(struct bench *b)
{
    buf_clear(&b->json);
    pb_to_json(b->table, b->msg, &b->json);
    ASSERT(!buf_failed(&b->json));
}

static void
read_json(struct bench *b)
{
    struct ctx ctx;

    arena_reset(b->arena);
    ctx_init(&ctx, b->arena);
    ProtobufCMessage *msg = pb_new(b->arena, b->table->desc);
    if (pb_from_json(&ctx, b->table, buf_str(&b->json), msg) != RC_OK) {
        (void)fprintf(stderr, "%.*s\n", STR_ARG(ctx.err.msg));
        exit(1);
    }
}

static void
parse_tree(struct bench *b)
{
    const struct json_value *v = NULL;

    arena_reset(b->arena);
    ASSERT(json_parse(buf_str(&b->json), b->arena, &v, NULL) == RC_OK);
}

static void
pack(struct bench *b)
{
    struct str wire;

    arena_reset(b->arena);
    ASSERT(pb_pack(b->arena, b->msg, &wire) == RC_OK);
}

static void
unpack(struct bench *b)
{
    ProtobufCMessage *msg = NULL;

    arena_reset(b->arena);
    ASSERT(pb_unpack(b->arena, b->table->desc, b->wire, &msg) == RC_OK);
}

/* Processor time, the best of several passes: what else runs on the machine only ever adds. */
static void
measure(const char *name, struct bench *b, void (*run)(struct bench *), long rounds)
{
    double best = 1e9;

    run(b);
    long before = allocations;
    for (int pass = 0; pass < PASSES; pass++) {
        int64_t start = clk_cpu_us();
        for (long i = 0; i < rounds; i++) {
            run(b);
        }
        double us = (double)(clk_cpu_us() - start) / (double)rounds;
        best = us < best ? us : best;
    }
    (void)printf("BENCH %s %.2f us\n", name, best);
    (void)printf("BENCH %s_allocations %.2f count\n", name,
                 (double)(allocations - before) / (double)(rounds * PASSES));
}

/* The page can only be read back without the nulls of its unset members. */
static const struct pb_table *
without_nulls(struct arena *arena, const struct pb_table *table)
{
    struct pb_table *copy = ARENA_NEW(arena, struct pb_table);
    struct pb_field *fields = ARENA_ARRAY(arena, table->count, struct pb_field);

    ASSERT(copy != NULL && fields != NULL);
    *copy = *table;
    copy->fields = fields;
    for (size_t i = 0; i < table->count; i++) {
        fields[i] = table->fields[i];
        fields[i].flags |= PB_OMIT;
        fields[i].sub = fields[i].sub == NULL ? NULL : without_nulls(arena, fields[i].sub);
    }
    return copy;
}

int
main(int argc, char **argv)
{
    int64_t rounds = 20000;
    struct arena *keep = arena_new(1 << 20);
    struct bench b = {.arena = arena_new(1 << 20), .table = &assay__list_suites_response__table};

    if (argc > 1 && str_to_i64(str_z(argv[1]), 1, 10000000, &rounds) != RC_OK) {
        (void)fprintf(stderr, "usage: pb_bench [rounds]\n");
        return 2;
    }
    buf_init(&b.json, 1 << 20);
    b.msg = page(keep);
    ASSERT(pb_pack(keep, b.msg, &b.wire) == RC_OK);
    measure("pb_to_json", &b, write_json, rounds);
    (void)printf("BENCH pb_json_size %zu bytes\nBENCH pb_wire_size %zu bytes\n", b.json.n,
                 b.wire.n);
    b.table = without_nulls(keep, b.table);
    write_json(&b);
    measure("pb_from_json", &b, read_json, rounds);
    measure("json_parse", &b, parse_tree, rounds);
    measure("pb_pack", &b, pack, rounds);
    measure("pb_unpack", &b, unpack, rounds);
    buf_fini(&b.json);
    arena_free(b.arena);
    arena_free(keep);
    return 0;
}
