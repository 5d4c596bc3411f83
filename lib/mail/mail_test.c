/* SPDX-License-Identifier: Apache-2.0 */
#include "mail/mail.h"
#include "tests/support/place.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Last: cmocka defines a macro fail(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define FROM STR("assay <assay@example.com>")

static struct mail_message
message(void)
{
    return (struct mail_message){.to = STR("bob@example.com"),
                                 .subject = STR("Hello"),
                                 .text =
                                     STR("https://example.com/account/reset?token=abc\n\nBye\n"),
                                 .html = STR("<p>Hi</p>\n"),
                                 .message_id = STR("01a201c1-eaeb-7c6b-b695-a3b9950b0a13"),
                                 .date_us = INT64_C(1700000000) * ASSAY_US_PER_S};
}

static void
written_is(const struct mail_message *m, struct str from, const char *part)
{
    struct buf b;

    buf_init(&b, (size_t)1 << 20);
    mail_put_message(&b, from, m);
    assert_false(buf_failed(&b));
    if (strstr(b.p, part) == NULL) {
        fail_msg("\"%s\" is not in:\n%s", part, b.p);
    }
    buf_fini(&b);
}

static void
a_message_has_both_parts_and_its_link_in_clear(void **state)
{
    struct mail_message m = message();

    (void)state;
    written_is(&m, FROM,
               "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\nFrom: \"assay\" <assay@example.com>\r\n"
               "To: <bob@example.com>\r\nSubject: Hello\r\n"
               "Message-ID: <01a201c1-eaeb-7c6b-b695-a3b9950b0a13@example.com>\r\n");
    written_is(&m, FROM,
               "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
               "https://example.com/account/reset?token=abc\r\n\r\nBye\r\n");
    written_is(&m, FROM,
               "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
               "<p>Hi</p>\r\n");
    written_is(&m, FROM, "--=_01a201c1-eaeb-7c6b-b695-a3b9950b0a13--\r\n");
    written_is(&m, STR("a@b.c"), "From: <a@b.c>\r\n");
}

static void
other_letters_travel_in_seven_bits(void **state)
{
    struct mail_message m = message();

    (void)state;
    m.subject = STR("Gr\xc3\xbc\xc3\x9f"
                    "e");
    m.text = STR("Gr\xc3\xbc\xc3\x9f"
                 "e = 1 \nx\n");
    written_is(&m, FROM, "Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n");
    written_is(&m, FROM, "quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe =3D 1=20\r\nx\r\n");
    written_is(&m, STR("J\xc3\xb6rg <j@b.c>"), "From: =?utf-8?B?SsO2cmc=?= <j@b.c>\r\n");
}

static void
nothing_breaks_out_of_a_header(void **state)
{
    struct mail_message m = message();
    struct buf b;

    (void)state;
    m.subject = STR("Hi\r\nBcc: eve@example.com\r\n\r\nbody");
    buf_init(&b, (size_t)1 << 20);
    mail_put_message(&b, STR("x\r\nBcc: eve@example.com <a@b.c>"), &m);
    assert_null(strstr(b.p, "Bcc"));
    buf_fini(&b);
}

static void
no_line_is_longer_than_a_server_takes(void **state)
{
    static char text[5000];
    struct mail_message m = message();
    struct buf b;

    (void)state;
    memset(text, 'x', sizeof(text));
    m.text = str_n(text, sizeof(text));
    m.subject = str_n(text, 700);
    buf_init(&b, (size_t)1 << 20);
    mail_put_message(&b, FROM, &m);
    struct str rest = buf_str(&b);
    while (rest.p != NULL) {
        assert_true(str_split(&rest, '\n').n <= 79);
    }
    buf_fini(&b);
}

static void
text_of_others_is_escaped_in_html(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    mail_put_html(&b, STR("<a href=\"x\">'&</a>"));
    assert_string_equal(b.p, "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&lt;/a&gt;");
    buf_fini(&b);
}

/* --- sink ---------------------------------------------------------------------------------- */

static int
count_files(const char *dir)
{
    DIR *d = opendir(dir);
    int n = 0;

    assert_non_null(d);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    }
    (void)closedir(d);
    return n;
}

static void
the_sink_holds_one_file_per_mail_however_often_it_is_sent(void **state)
{
    char dir[PLACE_MAX];
    char inner[PLACE_MAX + 8];
    struct arena *arena = arena_new((size_t)1 << 20);
    struct mailer *mailer = NULL;
    struct mail_message m = message();
    struct ctx ctx;

    (void)state;
    place_make(dir, "mail");
    (void)snprintf(inner, sizeof(inner), "%s/mail", dir);
    ctx_init(&ctx, arena);
    struct mailer_cfg cfg = {.from = "assay@example.com", .dir = inner};
    assert_int_equal(mailer_open(&cfg, &ctx, &mailer), RC_OK);
    assert_int_equal(mailer_send(mailer, &ctx, &m), RC_OK);
    assert_int_equal(mailer_send(mailer, &ctx, &m), RC_OK);
    assert_int_equal(count_files(inner), 1);
    m.message_id = STR("11111111-eaeb-7c6b-b695-a3b9950b0a13");
    assert_int_equal(mailer_send(mailer, &ctx, &m), RC_OK);
    assert_int_equal(count_files(inner), 2);
    m.to = STR("a@b>\r\nDATA");
    assert_int_equal(mailer_send(mailer, &ctx, &m), RC_INVALID_ARGUMENT);
    assert_int_equal(count_files(inner), 2);
    assert_true(place_remove(inner));
    ctx_recover(&ctx);
    m.to = STR("bob@example.com");
    assert_int_equal(mailer_send(mailer, &ctx, &m), RC_UNAVAILABLE); /* the folder is gone */
    assert_string_equal(ctx.err.reason, "MAIL_SINK");
    mailer_close(mailer);
    assert_int_equal(rmdir(dir), 0);
    arena_free(arena);
}

static void
settings_that_cannot_work_stop_the_start(void **state)
{
    static const struct {
        struct mailer_cfg cfg;
        const char *reason;
    } BAD[] = {
        {{.from = "nobody", .dir = "/tmp"}, "EMAIL_FROM"},
        {{.from = "Name <>", .dir = "/tmp"}, "EMAIL_FROM"},
        {{.from = "a@b.c", .dir = "/proc/none/mail"}, "EMAIL_DIR"},
        {{.from = "a@b.c", .smtp = {.url = "http://mail"}}, "SMTP_URL"},
    };
    struct mailer *mailer = NULL;
    struct arena *arena = arena_new((size_t)1 << 20);
    struct ctx ctx;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        ctx_init(&ctx, arena);
        assert_int_equal(mailer_open(&BAD[i].cfg, &ctx, &mailer), RC_INVALID_ARGUMENT);
        assert_string_equal(ctx.err.reason, BAD[i].reason);
    }
    struct mailer_cfg off = {.from = "", .dir = ""};
    ctx_init(&ctx, arena);
    assert_int_equal(mailer_open(&off, &ctx, &mailer), RC_OK);
    assert_null(mailer);
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_has_both_parts_and_its_link_in_clear),
        cmocka_unit_test(other_letters_travel_in_seven_bits),
        cmocka_unit_test(nothing_breaks_out_of_a_header),
        cmocka_unit_test(no_line_is_longer_than_a_server_takes),
        cmocka_unit_test(text_of_others_is_escaped_in_html),
        cmocka_unit_test(the_sink_holds_one_file_per_mail_however_often_it_is_sent),
        cmocka_unit_test(settings_that_cannot_work_stop_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
