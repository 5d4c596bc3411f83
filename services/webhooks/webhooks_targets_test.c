/* SPDX-License-Identifier: Apache-2.0
 *
 * Where requests may go: looked at when an endpoint is created and again when it is called. */
#include "webhooks/webhooks_lab.h"

/* --- where requests may go ----------------------------------------------------------------- */

/* Whatever the settings are. */
static const char *const BAD_FORMS[] = {
    "",
    "example.com",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "javascript:alert(1)",
    "http://",
    "https://user@example.com/",
    "https://user:password@example.com/",
    "https://@example.com/",
    "https://example.com@127.0.0.1/",
    "https://example.com:0/",
    "https://example.com:65536/",
    "https://example.com:port/",
    "https://exa mple.com/",
    "https://example.com/\r\nX: y",
    "https://ex\xc3\xa4mple.com/",
    "https://[fe80::1%25eth0]/",
    "https://[::1/",
};
static const char *const NEVER[] = {
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://169.254.43518/",
    "http://[::ffff:169.254.169.254]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[2002:a9fe:a9fe::]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
    "http://168.63.129.16/",
    "http://100.100.100.200/",
    "http://0.0.0.0/",
    "http://0/",
    "http://[::]/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://[ff02::1]/",
};
static const char *const PRIVATE[] = {
    "http://127.0.0.1/",       "http://127.1/",
    "http://2130706433/",      "http://0x7f000001/",
    "http://017700000001/",    "http://0x7f.0.0.1/",
    "http://[::1]/",           "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:7f00:1]/", "http://[::127.0.0.1]/",
    "http://10.0.0.1/",        "http://172.16.0.1/",
    "http://172.31.255.255/",  "http://192.168.1.1/",
    "http://100.64.0.1/",      "http://192.0.2.1/",
    "http://198.18.0.1/",      "http://198.51.100.7/",
    "http://203.0.113.9/",     "http://240.0.0.1/",
    "http://0.1.2.3/",         "http://[fc00::1]/",
    "http://[fd12:3456::1]/",  "http://[fec0::1]/",
    "http://[2001:db8::1]/",   "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/", "https://127.0.0.1:8443/x",
};

static void
creation_refuses(const char *const *urls, size_t n, const char *want)
{
    for (size_t i = 0; i < n; i++) {
        char reason[64];
        enum rc rc = create_fails(urls[i], NULL, reason);
        if (rc != RC_INVALID_ARGUMENT || strcmp(reason, want) != 0) {
            fail_msg("%s: %s %s", urls[i], rc_name(rc), reason);
        }
    }
    assert_int_equal(count("endpoints"), 0);
}

static void
urls_that_must_not_be_called_are_refused_at_once(void **state)
{
    (void)state;
    creation_refuses(BAD_FORMS, ARRAY_LEN(BAD_FORMS), "BAD_URL");
    creation_refuses(NEVER, ARRAY_LEN(NEVER), "ADDRESS_REFUSED");
    creation_refuses(PRIVATE, ARRAY_LEN(PRIVATE), "ADDRESS_REFUSED");
    open_with(&private_cfg);
    creation_refuses(BAD_FORMS, ARRAY_LEN(BAD_FORMS), "BAD_URL");
    creation_refuses(NEVER, ARRAY_LEN(NEVER), "ADDRESS_REFUSED");
    (void)create(7, "http://127.0.0.1:9/");
    (void)create(7, "http://[::1]:9/");
}

/* A URL that came into the table some other way, or was public when it was stored. */
static void
delivery_refuses(const char *url, const char *want)
{
    char sql[512];

    (void)snprintf(sql, sizeof(sql),
                   "UPDATE webhooks.endpoints SET url = '%s', failing_since = NULL;"
                   "DELETE FROM webhooks.deliveries",
                   url);
    pg_support_exec(sql);
    tell_new(7);
    deliver_round();
    (void)snprintf(sql, sizeof(sql),
                   "deliveries WHERE state = 'pending' AND attempt = 1 AND error LIKE '%s: %%'"
                   " AND response_status IS NULL",
                   want);
    if (count(sql) != 1) {
        fail_msg("%s was not refused", url);
    }
}

static void
delivery_asks_the_policy_again(void **state)
{
    static const char *const LOCAL[] = {"http://localhost:9/", "http://LOCALHOST:9/"};

    (void)state;
    (void)create(7, "https://example.com/");
    for (size_t i = 0; i < ARRAY_LEN(NEVER); i++) {
        delivery_refuses(NEVER[i], "ADDRESS_REFUSED");
    }
    for (size_t i = 0; i < ARRAY_LEN(PRIVATE); i++) {
        delivery_refuses(PRIVATE[i], "ADDRESS_REFUSED");
    }
    for (size_t i = 0; i < ARRAY_LEN(LOCAL); i++) {
        delivery_refuses(LOCAL[i], "ADDRESS_REFUSED");
    }
    delivery_refuses("ftp://example.com/", "BAD_URL");
    delivery_refuses("https://user@example.com/", "BAD_URL");
    open_with(&private_cfg);
    for (size_t i = 0; i < ARRAY_LEN(NEVER); i++) {
        delivery_refuses(NEVER[i], "ADDRESS_REFUSED");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(urls_that_must_not_be_called_are_refused_at_once),
        T(delivery_asks_the_policy_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
