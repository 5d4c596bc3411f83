/* SPDX-License-Identifier: Apache-2.0
 *
 * The parser alone; tests/fuzz/fuzz_multipart.c holds what must be true of any bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#undef fail

#include "gateway/gw_multipart.h"

struct fixture {
    struct arena *arena;
    struct ctx ctx;
    struct gw_multipart m;
    struct buf seen;
    size_t pieces; /* of data */
};

static enum rc
on_begin(void *arg, struct ctx *ctx, const struct gw_part *part)
{
    struct fixture *f = arg;

    (void)ctx;
    buf_printf(&f->seen, "%.*s(%.*s%s%.*s)=", STR_ARG(part->name), STR_ARG(part->file_name),
               part->is_file ? ":" : "", STR_ARG(part->content_type));
    return RC_OK;
}

static enum rc
on_data(void *arg, struct ctx *ctx, struct str bytes)
{
    struct fixture *f = arg;

    (void)ctx;
    f->pieces++;
    buf_put(&f->seen, bytes);
    return RC_OK;
}

static enum rc
on_end(void *arg, struct ctx *ctx)
{
    struct fixture *f = arg;

    (void)ctx;
    buf_putc(&f->seen, ';');
    return RC_OK;
}

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    if (f == NULL) {
        return -1;
    }
    f->arena = arena_new((size_t)4 * 1024 * 1024);
    buf_init(&f->seen, (size_t)1024 * 1024);
    *state = f;
    return f->arena == NULL;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    arena_free(f->arena);
    buf_fini(&f->seen);
    free(f);
    return 0;
}

static enum rc
parse(struct fixture *f, struct str body, size_t piece)
{
    static const struct gw_multipart_ops OPS = {on_begin, on_data, on_end};
    enum rc rc = RC_OK;

    arena_reset(f->arena);
    ctx_init(&f->ctx, f->arena);
    buf_clear(&f->seen);
    f->pieces = 0;
    gw_multipart_init(&f->m, STR("XX"), &OPS, f);
    for (size_t at = 0; rc == RC_OK && at < body.n; at += piece) {
        rc = gw_multipart_feed(&f->m, &f->ctx, str_sub(body, at, at + piece));
    }
    return rc == RC_OK ? gw_multipart_finish(&f->m, &f->ctx) : rc;
}

/* In one piece, and cut everywhere. */
static void
gives(struct fixture *f, const char *body, const char *seen)
{
    for (size_t piece = strlen(body); piece > 0; piece--) {
        assert_int_equal(parse(f, str_z(body), piece), RC_OK);
        assert_string_equal(f->seen.p, seen);
    }
}

static void
refuses(struct fixture *f, struct str body)
{
    for (size_t piece = body.n; piece > 0; piece -= piece > 40 ? 13 : 1) {
        assert_int_equal(parse(f, body, piece), RC_INVALID_ARGUMENT);
        assert_string_equal(f->ctx.err.reason, "MALFORMED_MULTIPART");
    }
}

#define FIELD(name) "--XX\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"
#define FILE_PART(file)                                                                            \
    "--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"" file "\"\r\n\r\nx\r\n--XX--"

static void
parts_come_with_their_bytes_wherever_the_body_is_cut(void **state)
{
    gives(*state,
          FIELD("a") "one\r\n" FIELD("b") "\r\n"
                                          "--XX\r\ncontent-type: image/png\r\nX-Other: y\r\n"
                                          "Content-Disposition: form-data; name=f; "
                                          "filename=\"p.png\"\r\n\r\n\x89PNG\r\n\r\n--XX--\r\n",
          "a()=one;b()=;f(p.png:image/png)=\x89PNG\r\n;");
}

static void
bytes_that_nearly_are_a_boundary_are_data(void **state)
{
    gives(*state, FIELD("a") "\r\n\r\n--X\r\n--XY\r\r\n-XX--XX\r\n--XX--",
          "a()=\r\n\r\n--X\r\n--XY\r\r\n-XX--XX;");
}

/* Each piece is a write to the store. */
static void
line_ends_do_not_cut_the_data_into_pieces(void **state)
{
    static const char BODY[] = FIELD("a") "1\r2\r\n3\r\n-4\r\n--5\r\n--X6\r\r\r7\n\r8\r\n--XX--";
    struct fixture *f = *state;

    assert_int_equal(parse(f, str_z(BODY), sizeof(BODY)), RC_OK);
    assert_string_equal(f->seen.p, "a()=1\r2\r\n3\r\n-4\r\n--5\r\n--X6\r\r\r7\n\r8;");
    assert_int_equal(f->pieces, 1);
}

static void
text_around_the_parts_is_skipped(void **state)
{
    gives(*state, "intro --XX\r\n--X\r\n" FIELD("a") "1\r\n--XX--\r\nepilogue\r\n" FIELD("b"),
          "a()=1;");
    gives(*state, "--XX \t\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--XX--", "a()=1;");
    gives(*state, FIELD("a") "--XX--", "a()=;"); /* an empty part without a line end of its own */
}

static void
a_file_name_is_never_a_path(void **state)
{
    gives(*state, FILE_PART("../../etc/passwd"), "f(passwd:)=x;");
    gives(*state, FILE_PART("C:\\Users\\me\\a.png"), "f(a.png:)=x;");
    gives(*state, FILE_PART("a/..\\b/.."), "f(:)=x;");
    gives(*state, FILE_PART(".."), "f(:)=x;");
    gives(*state, FILE_PART("dir/"), "f(:)=x;");
    gives(*state, FILE_PART("a\\\"b;c.png"), "f(a\"b;c.png:)=x;");
    gives(*state, FILE_PART("\xC3\xA9.png"), "f(\xC3\xA9.png:)=x;");
}

static void
what_is_no_form_is_refused(void **state)
{
    static const char *const WRONG[] = {
        "x",
        "--XX",
        "--XX\r\n",
        "--XX-\r\n",
        "--XXX\r\n",
        FIELD("a") "1",
        FIELD("a") "1\r\n--XX",
        FIELD("a") "1\r\n--XX-",
        FIELD("a") "1\r\n--XX-x",
        FIELD("a") "1\r\n--XX\rx",
        "--XX\r\n\r\n1\r\n--XX--",
        "--XX\r\nno colon\r\n\r\n1\r\n--XX--",
        "--XX\r\n: x\r\n\r\n1\r\n--XX--",
        "--XX\r\n Content-Disposition: form-data; name=a\r\n\r\n1\r\n--XX--",
        "--XX\r\nContent-Disposition : form-data; name=a\r\n\r\n1\r\n--XX--",
        "--XX\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--XX--",
        "--XX\r\nContent-Disposition: form-data\r\n\r\n1\r\n--XX--",
        "--XX\r\nContent-Disposition: form-data; name=\"\"\r\n\r\n1\r\n--XX--",
        "--XX\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1\r\n--XX--",
        "--XX\r\nContent-Disposition: form-datax; name=a\r\n\r\n1\r\n--XX--",
        "--XX\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b"
        "\r\n\r\n1\r\n--XX--",
        "--XX\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: "
        "base64\r\n\r\n"
        "MQ==\r\n--XX--",
        FILE_PART("\xFF.png"),
        FILE_PART("a\tb.png"),
    };

    for (size_t i = 0; i < ARRAY_LEN(WRONG); i++) {
        refuses(*state, str_z(WRONG[i]));
    }
    refuses(*state,
            STR("--XX\r\nContent-Disposition: form-data; name=\"a\0b\"\r\n\r\n1\r\n--XX--"));
}

static void
limits_hold_at_their_edges(void **state)
{
    struct fixture *f = *state;
    struct buf b;

    buf_init(&b, (size_t)1024 * 1024);
    for (int i = 0; i < GW_PARTS_MAX; i++) {
        buf_put(&b, STR(FIELD("a") "1\r\n"));
    }
    size_t n = b.n;
    buf_put(&b, STR("--XX--"));
    assert_int_equal(parse(f, buf_str(&b), b.n), RC_OK);
    b.n = n;
    buf_put(&b, STR(FIELD("a") "1\r\n--XX--"));
    refuses(f, buf_str(&b));

    static const char DISPOSITION[] = "Content-Disposition: form-data; name=a\r\nX: ";
    for (size_t extra = 0; extra < 2; extra++) {
        buf_clear(&b);
        buf_put(&b, STR("--XX\r\n"));
        buf_putz(&b, DISPOSITION);
        while (b.n < 6 + GW_PART_HEAD_MAX - 4 + extra) {
            buf_putc(&b, 'y');
        }
        buf_put(&b, STR("\r\n\r\n1\r\n--XX--"));
        assert_int_equal(parse(f, buf_str(&b), 100), extra == 0 ? RC_OK : RC_INVALID_ARGUMENT);
    }

    buf_clear(&b);
    buf_put(&b, STR("--XX\r\nContent-Disposition: form-data; name=f; filename=\""));
    for (int i = 0; i < GW_FILE_NAME_MAX + 1; i++) {
        buf_putc(&b, 'n');
    }
    buf_put(&b, STR("\"\r\n\r\n1\r\n--XX--"));
    refuses(f, buf_str(&b));
    buf_fini(&b);
}

static void
boundaries_are_found_in_the_content_type(void **state)
{
    static const struct {
        const char *type;
        const char *boundary;
    } CASES[] = {
        {"multipart/form-data; boundary=abc", "abc"},
        {"Multipart/Form-Data;charset=utf-8;BOUNDARY=\"a b\"; x=y", "a b"},
        {"multipart/form-data;boundary=----WebKitFormBoundary7MA4YWxk",
         "----WebKitFormBoundary7MA4YWxk"},
        {"multipart/form-data", NULL},
        {"multipart/form-data; boundary=", NULL},
        {"multipart/form-data; boundary=\"\"", NULL},
        {"multipart/form-data; boundary=\"abc", NULL},
        {"multipart/form-data; boundary=\"abc \"", NULL},
        {"multipart/form-data; boundary=a<b", NULL},
        {"multipart/mixed; boundary=abc", NULL},
        {"multipart/form-datax; boundary=abc", NULL},
        {"application/json", NULL},
        {"", NULL},
    };
    char longest[128];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct str got = gw_multipart_boundary(str_z(CASES[i].type));
        assert_true(str_eqz(got, CASES[i].boundary));
    }
    (void)snprintf(longest, sizeof(longest), "multipart/form-data; boundary=%070d", 1);
    assert_int_equal(gw_multipart_boundary(str_z(longest)).n, 70);
    (void)snprintf(longest, sizeof(longest), "multipart/form-data; boundary=%071d", 1);
    assert_null(gw_multipart_boundary(str_z(longest)).p);
    assert_null(gw_multipart_boundary(STR_EMPTY).p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_come_with_their_bytes_wherever_the_body_is_cut),
        cmocka_unit_test(bytes_that_nearly_are_a_boundary_are_data),
        cmocka_unit_test(line_ends_do_not_cut_the_data_into_pieces),
        cmocka_unit_test(text_around_the_parts_is_skipped),
        cmocka_unit_test(a_file_name_is_never_a_path),
        cmocka_unit_test(what_is_no_form_is_refused),
        cmocka_unit_test(limits_hold_at_their_edges),
        cmocka_unit_test(boundaries_are_found_in_the_content_type),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
