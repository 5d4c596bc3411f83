/* SPDX-License-Identifier: Apache-2.0
 *
 * Against Debian's exim. */
#include "http/smtp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/exim.h"

/* Last: cmocka defines a macro fail(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define FROM STR("assay@example.com")
#define MESSAGE                                                                                    \
    STR("From: assay@example.com\r\nTo: bob@example.com\r\nSubject: hello\r\n\r\n"                 \
        "first line\r\n.a line that begins with a dot\r\n.\r\nlast line\r\n")

static struct exim plain;
static struct exim secured;

static int
start(void **state)
{
    (void)state;
    exim_support_start(&plain, false);
    exim_support_start(&secured, true);
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    exim_support_stop(&plain);
    exim_support_stop(&secured);
    return 0;
}

/* Sends one mail over a client of its own; the reason goes into `reason`, the detail into `why`. */
static enum rc
send_by(const struct smtp_client_cfg *cfg, struct str to, char reason[32], char why[300])
{
    struct arena *arena = arena_new((size_t)1 << 20);
    struct smtp_client *client = NULL;
    const char *bad = NULL;
    struct ctx ctx;

    ctx_init(&ctx, arena);
    assert_int_equal(smtp_client_new(cfg, &client, &bad), RC_OK);
    enum rc rc = smtp_send(client, &ctx, FROM, to, MESSAGE);
    (void)snprintf(reason, 32, "%s", rc == RC_OK ? "" : ctx.err.reason);
    (void)snprintf(why, 300, "%.*s", STR_ARG(ctx.err.detail));
    smtp_client_free(client);
    arena_free(arena);
    return rc;
}

static struct smtp_client_cfg
cfg_of(char url[128], const char *user, const char *host, const struct exim *e, enum smtp_tls tls)
{
    (void)snprintf(url, 128, "smtp://%s%s:%d", user, host, e->port);
    return (struct smtp_client_cfg){.url = url, .tls = tls, .timeout_us = 60 * ASSAY_US_PER_S};
}

static void
a_mail_arrives_as_it_was_sent(void **state)
{
    char url[128];
    char reason[32];
    char why[300];
    char got[4096];
    struct smtp_client_cfg cfg = cfg_of(url, "", "127.0.0.1", &plain, SMTP_TLS_AUTO);
    int before = exim_support_count(&plain);

    (void)state;
    enum rc rc = send_by(&cfg, STR("bob@example.com"), reason, why);
    if (rc != RC_OK) {
        fail_msg("%s: %s", reason, why);
    }
    assert_true(exim_support_wait(&plain, before + 1, got, sizeof(got)));
    assert_non_null(strstr(got, "Subject: hello\n"));
    assert_non_null(strstr(got, "first line\n.a line that begins with a dot\n.\nlast line\n"));
}

static void
a_refused_recipient_is_told_from_a_passing_failure(void **state)
{
    char url[128];
    char reason[32];
    char why[300];
    struct smtp_client_cfg cfg = cfg_of(url, "", "127.0.0.1", &plain, SMTP_TLS_AUTO);

    (void)state;
    assert_int_equal(send_by(&cfg, STR("unknown@example.com"), reason, why),
                     RC_FAILED_PRECONDITION);
    assert_string_equal(reason, "RECIPIENT_REFUSED");
    assert_non_null(strstr(why, "550"));
    assert_int_equal(send_by(&cfg, STR("later@example.com"), reason, why), RC_UNAVAILABLE);
    assert_string_equal(reason, "SMTP");
    assert_non_null(strstr(why, "451"));
}

static void
one_connection_takes_mail_after_a_refusal(void **state)
{
    struct arena *arena = arena_new((size_t)1 << 20);
    struct smtp_client *client = NULL;
    const char *bad = NULL;
    char url[128];
    char got[4096];
    struct smtp_client_cfg cfg = cfg_of(url, "", "127.0.0.1", &plain, SMTP_TLS_AUTO);
    int before = exim_support_count(&plain);
    struct ctx ctx;

    (void)state;
    assert_int_equal(smtp_client_new(&cfg, &client, &bad), RC_OK);
    for (int i = 0; i < 3; i++) {
        ctx_init(&ctx, arena);
        assert_int_equal(smtp_send(client, &ctx, FROM, STR("unknown@example.com"), MESSAGE),
                         RC_FAILED_PRECONDITION);
        ctx_init(&ctx, arena);
        assert_int_equal(smtp_send(client, &ctx, FROM, STR("ann@example.com"), MESSAGE), RC_OK);
    }
    assert_true(exim_support_wait(&plain, before + 3, got, sizeof(got)));
    smtp_client_free(client);
    arena_free(arena);
}

static void
credentials_go_over_tls_to_a_server_that_is_known(void **state)
{
    char url[128];
    char reason[32];
    char why[300];
    char got[4096];
    int before = exim_support_count(&secured);
    struct smtp_client_cfg cfg =
        cfg_of(url, "assay:let%20me%20in@", "localhost", &secured, SMTP_TLS_REQUIRED);

    (void)state;
    cfg.ca_file = secured.ca;
    assert_int_equal(send_by(&cfg, STR("bob@example.com"), reason, why), RC_OK);
    assert_true(exim_support_wait(&secured, before + 1, got, sizeof(got)));
    cfg.ca_file = NULL; /* nobody vouches for the certificate */
    assert_int_equal(send_by(&cfg, STR("bob@example.com"), reason, why), RC_UNAVAILABLE);
    assert_int_equal(exim_support_count(&secured), before + 1);
}

static void
wrong_credentials_wait_for_the_operator_and_reach_no_log(void **state)
{
    char url[128];
    char reason[32];
    char why[300];
    struct smtp_client_cfg cfg =
        cfg_of(url, "assay:s3cr3t@", "localhost", &secured, SMTP_TLS_REQUIRED);

    (void)state;
    cfg.ca_file = secured.ca;
    assert_int_equal(send_by(&cfg, STR("bob@example.com"), reason, why), RC_UNAVAILABLE);
    assert_string_equal(reason, "SMTP");
    assert_null(strstr(why, "s3cr3t"));
}

static void
a_server_without_tls_gets_nothing_where_it_is_required(void **state)
{
    char url[128];
    char reason[32];
    char why[300];
    struct smtp_client_cfg cfg = cfg_of(url, "", "127.0.0.1", &plain, SMTP_TLS_REQUIRED);
    int before = exim_support_count(&plain);

    (void)state;
    assert_int_equal(send_by(&cfg, STR("bob@example.com"), reason, why), RC_UNAVAILABLE);
    assert_int_equal(exim_support_count(&plain), before);
}

/* Connections are taken by the kernel, and nobody ever says a word. */
static int
listen_silently(int *out_port)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(sa);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    *out_port = ntohs(sa.sin_port);
    return fd;
}

static void
a_server_that_says_nothing_costs_the_time_out_and_no_more(void **state)
{
    char url[128];
    char reason[32];
    char why[300];
    int port = 0;
    int fd = listen_silently(&port);
    struct exim silent = {.port = port};
    struct smtp_client_cfg cfg = cfg_of(url, "", "127.0.0.1", &silent, SMTP_TLS_AUTO);
    int64_t from_us = clk_mono_us();

    (void)state;
    cfg.timeout_us = 300 * ASSAY_US_PER_MS;
    assert_int_equal(send_by(&cfg, STR("bob@example.com"), reason, why), RC_UNAVAILABLE);
    assert_true(clk_mono_us() - from_us < 20 * ASSAY_US_PER_S);
    (void)close(fd);
}

static void
no_address_breaks_out_of_its_command(void **state)
{
    static const char *const BAD[] = {"",
                                      "a",
                                      "@b",
                                      "a@",
                                      "a b@c",
                                      "a@b@c",
                                      "a@b>\r\nRCPT TO:<x@y",
                                      "a@b\r\nDATA",
                                      "a@b>",
                                      "<a@b>",
                                      "a@b,c@d",
                                      "\"a\"@b",
                                      "a\x01@b",
                                      "a\x7f@b",
                                      "a\xff@b"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        assert_false(smtp_is_address(str_z(BAD[i])));
    }
    assert_true(smtp_is_address(STR("a.b+c@d-e.example")));
    assert_true(smtp_is_address(STR("J\xc3\xb6rg@example.com")));
}

static void
a_url_that_is_no_mail_server_is_refused(void **state)
{
    static const char *const BAD[] = {"",
                                      "http://a",
                                      "smtp:",
                                      "smtp://",
                                      "mail.example.com",
                                      "smtp://a:99999",
                                      "file:///etc/passwd"};
    struct smtp_client *client = NULL;
    const char *why = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct smtp_client_cfg cfg = {.url = BAD[i]};
        assert_int_equal(smtp_client_new(&cfg, &client, &why), RC_INVALID_ARGUMENT);
        assert_non_null(why);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mail_arrives_as_it_was_sent),
        cmocka_unit_test(a_refused_recipient_is_told_from_a_passing_failure),
        cmocka_unit_test(one_connection_takes_mail_after_a_refusal),
        cmocka_unit_test(credentials_go_over_tls_to_a_server_that_is_known),
        cmocka_unit_test(wrong_credentials_wait_for_the_operator_and_reach_no_log),
        cmocka_unit_test(a_server_without_tls_gets_nothing_where_it_is_required),
        cmocka_unit_test(a_server_that_says_nothing_costs_the_time_out_and_no_more),
        cmocka_unit_test(no_address_breaks_out_of_its_command),
        cmocka_unit_test(a_url_that_is_no_mail_server_is_refused),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
