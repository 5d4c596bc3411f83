/* SPDX-License-Identifier: Apache-2.0
 *
 * Forms into messages and a real file store. The table is written by hand: no public endpoint takes
 * a form yet. Members of sample.All that are messages stand in for assay.Blob, a pointer each. */
#include <setjmp.h>
#include <stdarg.h>
#include <dirent.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>
#undef fail

#include "gateway/gw_form.h"
#include "test/sample.pb-c.h"
#include "tests/support/place.h"

#define A Sample__All
static const struct pb_field FIELDS[] = {
    {.json = "name",
     .key = STR_INIT("name"),
     .number = 2,
     .kind = PB_STRING,
     .flags = PB_REQUIRED,
     .offset = offsetof(A, name),
     .max_len = 20,
     .item_max_len = -1},
    {.json = "app",
     .key = STR_INIT("app"),
     .number = 26,
     .kind = PB_MESSAGE,
     .flags = PB_FILE | PB_REQUIRED,
     .offset = offsetof(A, main_case),
     .max_len = -1,
     .item_max_len = -1},
    {.json = "shots",
     .key = STR_INIT("shots"),
     .number = 27,
     .kind = PB_MESSAGE,
     .flags = PB_FILE | PB_REPEATED,
     .offset = offsetof(A, cases),
     .quantifier = offsetof(A, n_cases),
     .max_len = -1,
     .item_max_len = -1},
    {.json = "limit",
     .key = STR_INIT("limit"),
     .number = 38,
     .kind = PB_INT32,
     .flags = PB_HAS_MAX,
     .max = 9,
     .offset = offsetof(A, limit),
     .quantifier = offsetof(A, has_limit),
     .max_len = -1,
     .item_max_len = -1},
};
#undef A
static const uint16_t BY_KEY[] = {1, 3, 0, 2};
static const struct pb_table TABLE = {.name = "sample.All",
                                      .desc = &sample__all__descriptor,
                                      .fields = FIELDS,
                                      .count = ARRAY_LEN(FIELDS),
                                      .by_key = BY_KEY,
                                      .nulls = -1};

struct fixture {
    struct arena *arena;
    struct ctx ctx;
    struct blob_store *store;
    struct gw_form form;
    Sample__All *msg;
    char dir[PLACE_MAX];
};

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char url[96];
    const char *why = NULL;

    if (f == NULL) {
        return -1;
    }
    place_make(f->dir, "form");
    (void)snprintf(url, sizeof(url), "file:%s", f->dir);
    struct blob_cfg cfg = {.url = str_z(url), .no_fsync = true};
    f->arena = arena_new((size_t)4 * 1024 * 1024);
    *state = f;
    return f->arena == NULL || blob_open(&cfg, &f->store, &why) != RC_OK;
}

/* Counts the files below `dir`, and removes everything when asked to. */
static int
walk(const char *dir, bool remove_all)
{
    char path[4096];
    int files = 0;
    DIR *d = opendir(dir);

    for (struct dirent *e = d == NULL ? NULL : readdir(d); e != NULL; e = readdir(d)) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) {
            continue;
        }
        (void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        if (e->d_type == DT_DIR) {
            files += walk(path, remove_all);
        } else {
            files++;
            if (remove_all) {
                (void)unlink(path);
            }
        }
    }
    if (d != NULL) {
        (void)closedir(d);
    }
    if (remove_all) {
        (void)rmdir(dir);
    }
    return files;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    blob_close(f->store);
    arena_free(f->arena);
    (void)walk(f->dir, true);
    free(f);
    return 0;
}

static enum rc
read_form(struct fixture *f, struct str body)
{
    ctx_init(&f->ctx, f->arena);
    f->msg = PB_NEW(f->arena, Sample__All, sample__all);
    gw_form_begin(&f->form, f->store, &TABLE, &f->msg->base, STR("XX"));
    enum rc rc = gw_form_feed(&f->form, &f->ctx, body);
    rc = rc == RC_OK ? gw_form_finish(&f->form, &f->ctx) : rc;
    return rc == RC_OK ? pb_check(&f->ctx, &TABLE, &f->msg->base) : rc;
}

#define FIELD(name, value)                                                                         \
    "--XX\r\nContent-Disposition: form-data; name=" name "\r\n\r\n" value "\r\n"
#define FILE_PART(name, file, bytes)                                                               \
    "--XX\r\nContent-Disposition: form-data; name=" name "; filename=\"" file "\"\r\n"             \
    "Content-Type: image/png\r\n\r\n" bytes "\r\n"
#define END "--XX--\r\n"

static void
files_become_blobs_and_fields_values(void **state)
{
    struct fixture *f = *state;
    struct str bytes;

    assert_int_equal(
        read_form(f, STR(FIELD("name", "shop") FIELD("limit", "7") FIELD("unknown", "x") FILE_PART(
                         "app", "../a.apk", "hello") FILE_PART("shots", "1.png", "one")
                             FILE_PART("shots", "2.png", "two") END)),
        RC_OK);
    const Assay__Blob *app = (const Assay__Blob *)f->msg->main_case;
    assert_null(app->key); /* nothing is visible before the commit */
    assert_int_equal(gw_form_commit(&f->form, &f->ctx), RC_OK);
    gw_form_end(&f->form);
    assert_string_equal(f->msg->name, "shop");
    assert_int_equal(f->msg->limit, 7);
    assert_string_equal(app->file_name, "a.apk");
    assert_string_equal(app->content_type, "image/png");
    assert_int_equal(app->size_bytes, 5);
    assert_string_equal(app->sha256,
                        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    assert_int_equal(blob_get(f->store, &f->ctx, str_z(app->key), 100, &bytes), RC_OK);
    assert_true(str_eq(bytes, STR("hello")));
    assert_int_equal(f->msg->n_cases, 2);
    const Assay__Blob *second = (const Assay__Blob *)f->msg->cases[1];
    assert_string_equal(second->file_name, "2.png");
    assert_int_equal(blob_get(f->store, &f->ctx, str_z(second->key), 100, &bytes), RC_OK);
    assert_true(str_eq(bytes, STR("two")));
    assert_int_equal(walk(f->dir, false), 3);
}

/* Refused for `reason`, and no file is left behind, not even an unfinished one. */
static void
leaves_nothing(struct fixture *f, struct str body, const char *reason)
{
    assert_int_not_equal(read_form(f, body), RC_OK);
    assert_string_equal(f->ctx.err.reason, reason);
    gw_form_end(&f->form);
    assert_int_equal(walk(f->dir, false), 0);
}

static void
refused_forms_leave_nothing_behind(void **state)
{
    struct fixture *f = *state;

    leaves_nothing(f, STR(FIELD("name", "a") FILE_PART("app", "a", "cut")), "MALFORMED_MULTIPART");
    leaves_nothing(f,
                   STR("--XX\r\nContent-Disposition: form-data; name=app; filename=a\r\n\r\nhalf"),
                   "MALFORMED_MULTIPART");
    leaves_nothing(f, STR(FILE_PART("shots", "a", "x") FILE_PART("shots", "b", "y") "--XXbad"),
                   "MALFORMED_MULTIPART");
    leaves_nothing(f, STR(FILE_PART("app", "a", "x") END), "INVALID_BODY"); /* name is missing */
    leaves_nothing(f, STR(FIELD("name", "a") END), "INVALID_BODY");         /* app is missing */
    leaves_nothing(f, STR(FILE_PART("app", "a", "x") FILE_PART("app", "b", "y") END),
                   "INVALID_BODY");
    leaves_nothing(f, STR(FILE_PART("app", "a", "x") FIELD("limit", "10") END), "INVALID_BODY");
    leaves_nothing(f, STR(FILE_PART("app", "a", "x") FIELD("name", "\xFF") END), "INVALID_BODY");
    /* A file input nobody has chosen a file for. */
    leaves_nothing(f, STR(FIELD("name", "a") FILE_PART("app", "", "") END), "INVALID_BODY");
}

static void
text_has_a_limit(void **state)
{
    struct fixture *f = *state;
    struct buf b;

    buf_init(&b, GW_FORM_TEXT_MAX * 2);
    buf_put(&b, STR("--XX\r\nContent-Disposition: form-data; name=name\r\n\r\n"));
    char *to = buf_room(&b, GW_FORM_TEXT_MAX + 1);
    memset(to, 'x', GW_FORM_TEXT_MAX + 1);
    buf_added(&b, GW_FORM_TEXT_MAX + 1);
    leaves_nothing(f, buf_str(&b), "BODY_TOO_LARGE");
    buf_fini(&b);
}

static void
five_hundred_megabytes_take_no_memory(void **state)
{
    enum { PIECE = 65536, PIECES = 8000 };
    static char piece[PIECE];
    struct fixture *f = *state;
    struct rusage before;
    struct rusage after;

    memset(piece, '\r', sizeof(piece)); /* the slowest byte there is for the search */
    ctx_init(&f->ctx, f->arena);
    f->msg = PB_NEW(f->arena, Sample__All, sample__all);
    gw_form_begin(&f->form, f->store, &TABLE, &f->msg->base, STR("XX"));
    struct str head = STR("--XX\r\nContent-Disposition: form-data; name=app; filename=a\r\n\r\n");
    assert_int_equal(gw_form_feed(&f->form, &f->ctx, head), RC_OK);
    (void)getrusage(RUSAGE_SELF, &before);
    for (int i = 0; i < PIECES; i++) {
        if (i == 1) {
            memset(piece, 'x', sizeof(piece));
        }
        assert_int_equal(gw_form_feed(&f->form, &f->ctx, str_n(piece, PIECE)), RC_OK);
    }
    (void)getrusage(RUSAGE_SELF, &after);
    assert_int_equal(blob_written(f->form.writer), (int64_t)PIECE * PIECES);
    assert_true(after.ru_maxrss - before.ru_maxrss < 8 * 1024); /* KiB */
    gw_form_end(&f->form);
    assert_int_equal(walk(f->dir, false), 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_become_blobs_and_fields_values),
        TEST(refused_forms_leave_nothing_behind),
        TEST(text_has_a_limit),
        TEST(five_hundred_megabytes_take_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
