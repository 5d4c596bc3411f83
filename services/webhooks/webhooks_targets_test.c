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
#include "webhooks/webhooks_targets_lab.h"

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
