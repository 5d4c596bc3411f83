/* SPDX-License-Identifier: Apache-2.0
 *
 * Where requests may go: looked at when an endpoint is created and again when it is called. Every
 * spelling that is refused here as private points at a listener of this program, which nobody may
 * reach. This program answers look-ups itself: libcurl's getaddrinfo is the one below. */
#include "webhooks/webhooks_lab.h"

#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/names.h"

/* --- names --------------------------------------------------------------------------------- */

/* What names resolve to, in the order of the answer. */
static const struct {
    const char *name;
    const char *addresses[3];
} NAMES[] = {
    {"loopback.test", {"127.0.0.1"}},
    {"loopback6.test", {"::1"}},
    {"mapped.test", {"::ffff:127.0.0.1"}},
    {"nat64.test", {"64:ff9b::7f00:1"}},
    {"sixtofour.test", {"2002:7f00:1::"}},
    {"intranet.test", {"10.1.2.3"}},
    {"cgnat.test", {"100.64.3.2"}},
    {"metadata.test", {"169.254.169.254"}},
    {"metadata.google.internal", {"169.254.169.254"}},
    {"any.test", {"0.0.0.0"}},
    {"any6.test", {"::"}},
    {"multicast.test", {"224.0.0.251"}},
    {"second.test", {"127.0.0.1", "203.0.113.7"}},
    {"localhost", {"127.0.0.1"}},
    {"localhost.", {"127.0.0.1"}},
    {"x.localhost", {"127.0.0.1"}},
    /* What an IDN library makes of full-width and ringed letters. */
    {"full-width-digits.test", {"127.0.0.1"}},
};

static atomic_int lookups;
static const char *rebind_to; /* what "rebind.test" resolves to now */

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
            struct addrinfo **out)
{
    static const char *const NONE[] = {NULL};
    const char *const rebind[] = {rebind_to, NULL};
    const char *const *list = strcmp(node, "rebind.test") == 0 ? rebind : NONE;

    atomic_fetch_add(&lookups, 1);
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        list = strcasecmp(node, NAMES[i].name) == 0 ? NAMES[i].addresses : list;
    }
    return names_answer(list, service, hints, out);
}

/* --- the listener -------------------------------------------------------------------------- */

static int listener = -1;
static int port;

/* On every address of this machine that there is. */
static int
listen_everywhere(void **state)
{
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT};
    struct sockaddr_in at4 = {.sin_family = AF_INET};
    const int off = 0;
    socklen_t n = sizeof(at);

    (void)state;
    listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener >= 0) {
        (void)setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
        if (bind(listener, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(listener, 64) == 0 &&
            getsockname(listener, (struct sockaddr *)&at, &n) == 0) {
            port = ntohs(at.sin6_port);
            return 0;
        }
        (void)close(listener);
    }
    n = sizeof(at4); /* no IPv6 here */
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (bind(listener, (struct sockaddr *)&at4, sizeof(at4)) != 0 || listen(listener, 64) != 0 ||
        getsockname(listener, (struct sockaddr *)&at4, &n) != 0) {
        return 1;
    }
    port = ntohs(at4.sin_port);
    return 0;
}

static int
close_listener(void **state)
{
    (void)state;
    return close(listener);
}

static bool
was_reached(void)
{
    struct pollfd p = {.fd = listener, .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

/* --- spellings ----------------------------------------------------------------------------- */

/* P stands for the port of the listener. Whatever the settings are: */
static const char *const BAD_FORMS[] = {
    "",
    "example.com",
    "127.0.0.1",
    "127.0.0.1:P",
    "localhost:P",
    "//127.0.0.1:P/",
    "http:127.0.0.1:P/",
    "http:\\\\127.0.0.1:P\\",
    "ftp://127.0.0.1:P/",
    "sftp://127.0.0.1:P/",
    "tftp://127.0.0.1:P/",
    "gopher://127.0.0.1:P/_GET",
    "dict://127.0.0.1:P/stat",
    "ldap://127.0.0.1:P/",
    "smb://127.0.0.1:P/x",
    "imap://127.0.0.1:P/",
    "telnet://127.0.0.1:P/",
    "rtsp://127.0.0.1:P/",
    "ws://127.0.0.1:P/",
    "file:///etc/passwd",
    "file://127.0.0.1/etc/passwd",
    "unix:///run/x.sock",
    "http+unix://%2Frun%2Fx.sock/",
    "data:text/plain,x",
    "about:blank",
    "javascript:alert(1)",
    "http://",
    /* user names, and what only looks like one */
    "http://user@127.0.0.1:P/",
    "http://user:password@127.0.0.1:P/",
    "http://:password@127.0.0.1:P/",
    "http://@127.0.0.1:P/",
    "http://:@127.0.0.1:P/",
    "http://example.com@127.0.0.1:P/",
    "http://example.com:80@127.0.0.1:P/",
    "http://a@b@127.0.0.1:P/",
    "http://example.com%23@127.0.0.1:P/",
    "http://example.com%40127.0.0.1:P/",
    "http://127.0.0.1:P\\@example.com/",
    "http://example.com\\@127.0.0.1:P/",
    "http://127.0.0.1:P@example.com/",
    /* ports */
    "http://127.0.0.1:0/",
    "http://127.0.0.1:65536/",
    "http://127.0.0.1:-1/",
    "http://127.0.0.1:+80/",
    "http://127.0.0.1:0x50/",
    "http://127.0.0.1:%38%30/",
    "http://127.0.0.1:80:P/",
    "http://127.0.0.1:port/",
    /* hosts that are neither a name nor an address */
    "http://127.0.0.1.:P/",
    "http://127.0.0.1..:P/",
    "http://.127.0.0.1:P/",
    "http://127..1:P/",
    "http://2130706433.:P/",
    "http://0x7f000001.:P/",
    "http://%30x7f000001:P/",
    "http://169.254.169.254./",
    "http://256.256.256.256:P/",
    "http://127.0.0.1.5:P/",
    "http://4294967297:P/",
    "http://0x17f000001:P/",
    "http://example.127:P/",
    "http://127.0.0.1%00.example.com:P/",
    "http://127.0.0.1%20:P/",
    "http://127.0.0.1%2f.example.com:P/",
    "http://127.0.0.1 :P/",
    "http://127.0.0.1\t:P/",
    "http://127.0.0.1\r\nX: y:P/",
    "http://127.0.0.1,example.com:P/",
    "http://127.0.0.1|example.com:P/",
    "http://<127.0.0.1>:P/",
    "http://*.example.com/",
    /* digits, dots and letters of other alphabets, raw and encoded */
    "http://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1:P/",
    "http://127\xe3\x80\x82"
    "0\xe3\x80\x82"
    "0\xe3\x80\x82"
    "1:P/",
    ("http://127\xef\xbc\x8e"
     "0.0.1:P/"),
    "http://\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1:P/",
    "http://\xe2\x93\x9b\xe2\x93\x9e\xe2\x93\x92\xe2\x93\x90\xe2\x93\x9bhost:P/",
    "http://%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1:P/",
    "http://127%E3%80%820%E3%80%820%E3%80%821:P/",
    "http://%E2%93%9Bocalhost:P/",
    "http://ex\xc3\xa4mple.com/",
    /* brackets and zones */
    "http://[::1:P/",
    "http://[]:P/",
    "http://[127.0.0.1]:P/",
    "http://[1::2::3]:P/",
    "http://[::1]x:P/",
    "http://[::1].example.com:P/",
    "http://[v1.fe80::1]:P/",
    "http://[::1%25lo]:P/",
    "http://[::1%lo]:P/",
    "http://[fe80::1%25eth0]:P/",
    "http://[fe80::1%252]:P/",
};
/* Whatever the settings are: the address itself is none to be called. */
static const char *const NEVER[] = {
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0XA9.0xFE.0xa9.0xfe/",
    "http://0251.0376.0251.0376/",
    "http://169.254.43518/",
    "http://169.16689662/",
    "http://%31%36%39.254.169.254/",
    "http://169.254.170.2/v2/credentials",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[::ffff:0:169.254.169.254]/",
    "http://[::169.254.169.254]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[2002:a9fe:a9fe::]/",
    "http://[fd00:ec2::254]/",
    "http://[fd20:ce::254]/",
    "http://[fe80::1]/",
    "http://[febf::1]/",
    "http://168.63.129.16/",
    "http://100.100.100.200/",
    "http://192.0.0.192/",
    "http://0.0.0.0:P/",
    "http://0:P/",
    "http://0x0:P/",
    "http://0.0:P/",
    "http://[::]:P/",
    "http://[::ffff:0.0.0.0]:P/",
    "http://224.0.0.1/",
    "http://239.255.255.255/",
    "http://255.255.255.255/",
    "http://[ff02::1]/",
    "http://[ff0e::1]/",
};
static const char *const PRIVATE[] = {
    /* loopback */
    "http://127.0.0.1:P/",
    "HTTP://127.0.0.1:P/",
    "http:///127.0.0.1:P/",
    "http:/127.0.0.1:P/",
    "http://127.0.0.1:/",
    "http://127.0.0.1#@example.com/",
    "http://127.0.0.1?@example.com/",
    "http://127.1:P/",
    "http://127.0.1:P/",
    "http://127.0x1:P/",
    "http://0177.1:P/",
    "http://0177.0.0.1:P/",
    "http://00000177.0.0.1:P/",
    "http://127.0.0.01:P/",
    "http://127.0.0.0x1:P/",
    "http://2130706433:P/",
    "http://017700000001:P/",
    "http://0x7f000001:P/",
    "http://0X7F000001:P/",
    "http://0x7f.0.0.1:P/",
    "http://0x0000007f.0x0.0x0.0x1:P/",
    "http://%31%32%37.0.0.1:P/",
    "http://127%2e0%2e0%2e1:P/",
    "http://127.8.9.10:P/",
    "http://127.255.255.254:P/",
    "http://[::1]:P/",
    "http://[::1]:/",
    "http://[0:0:0:0:0:0:0:1]:P/",
    "http://[0000::0001]:P/",
    "http://[::ffff:7f00:1]:P/",
    "http://[::FFFF:127.0.0.1]:P/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]:P/",
    "http://[::ffff:0:127.0.0.1]:P/",
    "http://[::127.0.0.1]:P/",
    "http://[64:ff9b::7f00:1]:P/",
    "http://[64:ff9b::127.0.0.1]:P/",
    "http://[64:ff9b:1::7f00:1]:P/",
    "http://[2002:7f00:1::]:P/",
    "http://[2001:0:7f00:1::1]:P/",
    "http://[2001:0:4136:e378:8000:63bf:80ff:fffe]:P/",
    /* the rest of the registries */
    "http://0.1.2.3/",
    "http://10.0.0.1/",
    "http://10.255.255.255/",
    "http://100.64.0.1/",
    "http://100.127.255.255/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.0.0.8/",
    "http://192.0.2.1/",
    "http://192.88.99.1/",
    "http://192.168.1.1/",
    "http://198.18.0.1/",
    "http://198.19.255.255/",
    "http://198.51.100.7/",
    "http://203.0.113.9/",
    "http://240.0.0.1/",
    "http://255.255.255.254/",
    "http://[100::1]/",
    "http://[2001:2::1]/",
    "http://[2001:10::1]/",
    "http://[2001:20::1]/",
    "http://[2001:db8::1]/",
    "http://[3fff::1]/",
    "http://[5f00::1]/",
    "http://[fc00::1]/",
    "http://[fd12:3456::1]/",
    "http://[fec0::1]/",
    "http://[64:ff9b::192.168.1.1]/",
    "http://[2002:c0a8:101::]/",
    "https://127.0.0.1:P/x",
    /* names that are local by definition */
    "http://localhost:P/",
    "http://LOCALHOST:P/",
    "http://localhost.:P/",
    "http://x.localhost:P/",
};

/* The spelling with the listener's port. */
static const char *
spelt(const char *text)
{
    static char url[256];
    const char *at = strstr(text, ":P");
    size_t before = at == NULL ? strlen(text) : (size_t)(at - text);

    if (at == NULL) {
        (void)snprintf(url, sizeof(url), "%s", text);
    } else {
        (void)snprintf(url, sizeof(url), "%.*s:%d%s", (int)before, text, port, at + 2);
    }
    return url;
}

/* --- creating ------------------------------------------------------------------------------ */

static void
creation_refuses(const char *const *urls, size_t n, const char *want)
{
    for (size_t i = 0; i < n; i++) {
        char reason[64];
        enum rc rc = create_fails(spelt(urls[i]), NULL, reason);
        if (rc != RC_INVALID_ARGUMENT || strcmp(reason, want) != 0) {
            fail_msg("%s: %s %s", urls[i], rc_name(rc), reason);
        }
    }
    assert_int_equal(count("endpoints"), 0);
}

static void
urls_that_must_not_be_called_are_refused_at_once(void **state)
{
    _Static_assert(ARRAY_LEN(BAD_FORMS) + ARRAY_LEN(NEVER) + ARRAY_LEN(PRIVATE) >= 180,
                   "spellings");

    (void)state;
    atomic_store(&lookups, 0);
    creation_refuses(BAD_FORMS, ARRAY_LEN(BAD_FORMS), "BAD_URL");
    creation_refuses(NEVER, ARRAY_LEN(NEVER), "ADDRESS_REFUSED");
    creation_refuses(PRIVATE, ARRAY_LEN(PRIVATE), "ADDRESS_REFUSED");
    open_with(&private_cfg);
    creation_refuses(BAD_FORMS, ARRAY_LEN(BAD_FORMS), "BAD_URL");
    creation_refuses(NEVER, ARRAY_LEN(NEVER), "ADDRESS_REFUSED");
    (void)create(7, "http://127.0.0.1:9/");
    (void)create(7, "http://[::1]:9/");
    (void)create(7, "http://localhost:9/");
    assert_int_equal(atomic_load(&lookups), 0);
    assert_false(was_reached());
}

/* Unusual, and right. */
static void
honest_spellings_are_taken(void **state)
{
    static const char *const GOOD[] = {
        "https://example.com",          "https://EXAMPLE.com:8443/a?b=c#d", "https://example.com./",
        "https://xn--exmple-cua.com/",  "https://a_b.example.com/",         "http://8.8.8.8/",
        "http://[2606:4700::1111]/",    "https://7.example.com/",           "https://0x7f.example/",
        "http://example.com:/",         "https://example.com/a@b",          "https://1e100.net/",
        "https://example.com/%E3%80%82"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(GOOD); i++) {
        (void)create(7, GOOD[i]);
    }
}

/* --- calling ------------------------------------------------------------------------------- */

#define BATCH 90

static void
create_batch(void)
{
    for (int i = 0; i < BATCH; i++) {
        (void)create(7, "https://example.com/");
    }
}

/* One event for all endpoints: the first `n` have these URLs, which came into the table some other
 * way, or were public when they were stored. */
static void
call_batch(const char *const *urls, size_t n)
{
    char sql[1024];

    pg_support_exec("DELETE FROM webhooks.deliveries;"
                    "UPDATE webhooks.endpoints SET failing_since = NULL, enabled = false");
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(sql, sizeof(sql),
                       "UPDATE webhooks.endpoints SET url = $q$%s$q$, enabled = true WHERE id ="
                       " (SELECT id FROM webhooks.endpoints ORDER BY id LIMIT 1 OFFSET %zu)",
                       spelt(urls[i]), i);
        pg_support_exec(sql);
    }
    tell_new(7);
    assert_int_equal(count("deliveries"), n);
    for (int i = 0; i < BATCH && count("deliveries WHERE attempt = 0") > 0; i++) {
        deliver_round();
    }
}

static void
deliveries_refuse(const char *const *urls, size_t n, const char *want)
{
    char sql[512];

    for (size_t from = 0; from < n; from += BATCH) {
        size_t some = n - from < BATCH ? n - from : BATCH;
        call_batch(urls + from, some);
        for (size_t i = 0; i < some; i++) {
            (void)snprintf(sql, sizeof(sql),
                           "deliveries WHERE state = 'pending' AND attempt = 1"
                           " AND error LIKE '%s: %%' AND response_status IS NULL AND endpoint_id ="
                           " (SELECT id FROM webhooks.endpoints ORDER BY id LIMIT 1 OFFSET %zu)",
                           want, i);
            if (count(sql) != 1) {
                fail_msg("%s was not refused", urls[from + i]);
            }
        }
        assert_false(was_reached());
    }
}

static void
delivery_asks_the_policy_again(void **state)
{
    (void)state;
    create_batch();
    deliveries_refuse(BAD_FORMS, ARRAY_LEN(BAD_FORMS), "BAD_URL");
    deliveries_refuse(NEVER, ARRAY_LEN(NEVER), "ADDRESS_REFUSED");
    deliveries_refuse(PRIVATE, ARRAY_LEN(PRIVATE), "ADDRESS_REFUSED");
    open_with(&private_cfg);
    deliveries_refuse(NEVER, ARRAY_LEN(NEVER), "ADDRESS_REFUSED");
}

/* The name is what was stored; what it resolves to now is what counts. */
static void
names_gain_nothing(void **state)
{
    static char urls[2 * ARRAY_LEN(NAMES)][128];
    const char *list[2 * ARRAY_LEN(NAMES)];
    static const char *const UNKNOWN[] = {"http://unknown.test:P/"};

    (void)state;
    create_batch();
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        (void)snprintf(urls[i], sizeof(urls[i]), "%s://%s:P/", i % 2 == 0 ? "http" : "https",
                       NAMES[i / 2].name);
        list[i] = urls[i];
    }
    deliveries_refuse(list, ARRAY_LEN(list), "ADDRESS_REFUSED");
    deliveries_refuse(UNKNOWN, 1, "CONNECT");
}

/* Another answer at every look-up: each attempt looks, and connects to what it looked at. */
static void
a_name_that_is_bound_anew_gains_nothing(void **state)
{
    static const char *const URL[] = {"http://rebind.test:P/"};
    static const char *const TURNS[] = {"169.254.169.254", "127.0.0.1", "::1", "10.0.0.1",
                                        "::ffff:10.0.0.1"};

    (void)state;
    create_batch();
    for (size_t i = 0; i < ARRAY_LEN(TURNS); i++) {
        rebind_to = TURNS[i];
        deliveries_refuse(URL, 1, "ADDRESS_REFUSED");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(urls_that_must_not_be_called_are_refused_at_once),
        T(honest_spellings_are_taken),
        T(delivery_asks_the_policy_again),
        T(names_gain_nothing),
        T(a_name_that_is_bound_anew_gains_nothing),
    };
    return cmocka_run_group_tests(tests, listen_everywhere, close_listener);
}
