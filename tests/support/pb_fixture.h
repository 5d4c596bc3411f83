/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of lib/pb share: an arena, a context, and bodies of sample.All. Includes cmocka
 * last, because its macro `fail` hides ours. */
#ifndef ASSAY_TESTS_PB_FIXTURE_H
#define ASSAY_TESTS_PB_FIXTURE_H

#include "tests/support/pb_omit.h"
#include "tests/support/pb_sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BASE "\"id\":7,\"name\":\"n\",\"active\":true,\"ratio\":0.25"

struct fixture {
    struct arena *arena;
    struct ctx ctx;
    struct buf out;
};

static inline int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->arena = arena_new(64 * 1024 * 1024);
    ctx_init(&f->ctx, f->arena);
    buf_init(&f->out, 16 * 1024 * 1024);
    *state = f;
    return 0;
}

static inline int
tear_down(void **state)
{
    struct fixture *f = *state;
    buf_fini(&f->out);
    arena_free(f->arena);
    free(f);
    return 0;
}

static inline void
again(struct fixture *f)
{
    arena_reset(f->arena);
    ctx_init(&f->ctx, f->arena);
    buf_clear(&f->out);
}

static inline enum rc
read_str(struct fixture *f, struct str body, Sample__All **out)
{
    Sample__All *msg = PB_NEW(f->arena, Sample__All, sample__all);

    assert_non_null(msg);
    enum rc rc = pb_from_json(&f->ctx, &sample_all_table, body, &msg->base);
    if (rc == RC_OK) {
        rc = pb_check(&f->ctx, &sample_all_table, &msg->base);
    }
    *out = msg;
    return rc;
}

/* Reads an object with the required members and `more`. */
static inline Sample__All *
read_ok(struct fixture *f, const char *more)
{
    Sample__All *msg = NULL;
    struct str body = arena_printf(f->arena, "{" BASE "%s%s}", more[0] == '\0' ? "" : ",", more);

    if (read_str(f, body, &msg) != RC_OK) {
        fail_msg("%s: %.*s", more, STR_ARG(f->ctx.err.msg));
    }
    return msg;
}

static inline void
assert_refused(struct fixture *f, struct str body, const char *reason, const char *msg)
{
    Sample__All *ignored = NULL;

    assert_int_equal(read_str(f, body, &ignored), RC_INVALID_ARGUMENT);
    if (strcmp(f->ctx.err.reason, reason) != 0 || !str_eqz(f->ctx.err.msg, msg)) {
        fail_msg("%.*s:\n  %s: %.*s, not\n  %s: %s", STR_ARG(body), f->ctx.err.reason,
                 STR_ARG(f->ctx.err.msg), reason, msg);
    }
    again(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
