/* SPDX-License-Identifier: Apache-2.0
 *
 * Multipart bodies. The first byte says how the rest is cut into pieces. What must hold: the
 * verdict and everything that was called back are the same as for the body in one piece; parts are
 * balanced and few; no name or file name has a control character, no file name a path. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/gw_multipart.h"

#define ARENA_MAX ((size_t)4 * 1024 * 1024)
#define TRACE_MAX ((size_t)4 * 1024 * 1024)

struct trace {
    struct buf text;
    bool open;
    size_t parts;
};

static void
check_text(struct str s)
{
    ASSERT(str_is_utf8(s));
    for (size_t i = 0; i < s.n; i++) {
        ASSERT((unsigned char)s.p[i] >= 0x20);
    }
}

static enum rc
on_begin(void *arg, struct ctx *ctx, const struct gw_part *part)
{
    struct trace *t = arg;

    (void)ctx;
    ASSERT(!t->open && ++t->parts <= GW_PARTS_MAX && part->name.n > 0);
    t->open = true;
    check_text(part->name);
    check_text(part->file_name);
    check_text(part->content_type);
    ASSERT(str_find_byte(part->file_name, '/') < 0 && str_find_byte(part->file_name, '\\') < 0);
    ASSERT(!str_eqz(part->file_name, "..") && part->file_name.n <= GW_FILE_NAME_MAX);
    buf_putc(&t->text, '[');
    buf_put(&t->text, part->name);
    buf_putc(&t->text, '|');
    buf_put(&t->text, part->file_name);
    buf_putc(&t->text, '|');
    buf_put(&t->text, part->content_type);
    buf_putz(&t->text, part->is_file ? "|f|" : "|t|");
    return RC_OK;
}

static enum rc
on_data(void *arg, struct ctx *ctx, struct str bytes)
{
    struct trace *t = arg;

    (void)ctx;
    ASSERT(t->open && bytes.n > 0);
    buf_put(&t->text, bytes);
    return RC_OK;
}

static enum rc
on_end(void *arg, struct ctx *ctx)
{
    struct trace *t = arg;

    (void)ctx;
    ASSERT(t->open);
    t->open = false;
    buf_putc(&t->text, ']');
    return RC_OK;
}

/* Parses in pieces of `piece` bytes; 0: pieces of one, two, three ... bytes. */
static enum rc
run(struct arena *arena, struct str body, size_t piece, struct trace *t)
{
    static const struct gw_multipart_ops OPS = {on_begin, on_data, on_end};
    struct gw_multipart *m = malloc(sizeof(*m));
    struct ctx ctx;
    enum rc rc = RC_OK;
    size_t next = 1;

    ASSERT(m != NULL);
    arena_reset(arena);
    ctx_init(&ctx, arena);
    gw_multipart_init(m, STR("Bx"), &OPS, t);
    while (rc == RC_OK && body.n > 0) {
        size_t n = piece == 0 ? next++ : piece;
        /* A copy of its exact size, so that a sanitizer sees a read past the piece. */
        n = n < body.n ? n : body.n;
        char *copy = malloc(n);
        ASSERT(copy != NULL);
        memcpy(copy, body.p, n);
        rc = gw_multipart_feed(m, &ctx, str_n(copy, n));
        free(copy);
        body = str_sub(body, n, body.n);
    }
    rc = rc == RC_OK ? gw_multipart_finish(m, &ctx) : rc;
    free(m);
    return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena *arena;
    struct trace whole = {.open = false};
    struct trace cut = {.open = false};

    if (size == 0) {
        return 0;
    }
    if (arena == NULL) {
        arena = arena_new(ARENA_MAX);
    }
    struct str body = str_n((const char *)data + 1, size - 1);
    struct str header = str_sub(body, 0, str_find_byte(body, '\n') < 0 ? body.n : 80);
    struct str boundary = gw_multipart_boundary(header);
    ASSERT(boundary.n <= GW_BOUNDARY_MAX);
    buf_init(&whole.text, TRACE_MAX);
    buf_init(&cut.text, TRACE_MAX);
    enum rc rc = run(arena, body, body.n + 1, &whole);
    ASSERT(run(arena, body, data[0], &cut) == rc);
    ASSERT(str_eq(buf_str(&whole.text), buf_str(&cut.text)));
    ASSERT(rc != RC_OK || (!whole.open && !cut.open));
    buf_fini(&whole.text);
    buf_fini(&cut.text);
    return 0;
}
