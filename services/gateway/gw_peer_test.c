/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#undef fail

#include "gateway/gw_peer.h"

#define OURS "10.0.0.0/8, 192.0.2.7,fd00::/8"

static const struct {
    const char *trusted;
    const char *peer;
    const char *first; /* X-Forwarded-For fields; NULL: none */
    const char *second;
    const char *client;
} CASES[] = {
    {"", "198.51.100.1", "203.0.113.9", NULL, "198.51.100.1"}, /* no proxies: nobody is believed */
    {OURS, "198.51.100.1", "203.0.113.9", NULL, "198.51.100.1"},
    {OURS, "10.1.2.3", NULL, NULL, "10.1.2.3"},
    {OURS, "10.1.2.3", "203.0.113.9", NULL, "203.0.113.9"},
    {OURS, "10.1.2.3", "203.0.113.9, 10.9.9.9", NULL, "203.0.113.9"},
    {OURS, "10.1.2.3", "1.1.1.1, 203.0.113.9", NULL,
     "203.0.113.9"}, /* the client's own invention */
    {OURS, "10.1.2.3", "1.1.1.1", "203.0.113.9, 192.0.2.7", "203.0.113.9"},
    {OURS, "10.1.2.3", "203.0.113.9", "10.4.4.4", "203.0.113.9"},
    {OURS, "10.1.2.3", "unknown", NULL, "10.1.2.3"},
    {OURS, "10.1.2.3", "203.0.113.9, ", NULL, "10.1.2.3"},
    {OURS, "10.1.2.3", "203.0.113.9, junk, 10.4.4.4", NULL, "10.4.4.4"},
    {OURS, "fd12::1", "2001:db8::5", NULL, "2001:db8::5"},
    {OURS, "fe00::1", "2001:db8::5", NULL, "fe00::1"},
    {OURS, "::ffff:10.1.2.3", "203.0.113.9", NULL, "203.0.113.9"},
    {OURS, "192.0.2.8", "203.0.113.9", NULL, "192.0.2.8"},
    {"192.0.2.0/31", "192.0.2.1", "203.0.113.9", NULL, "203.0.113.9"},
    {"192.0.2.0/31", "192.0.2.2", "203.0.113.9", NULL, "192.0.2.2"},
    {"0.0.0.0/0", "192.0.2.2", "203.0.113.9, 203.0.113.8", NULL, "203.0.113.9"},
};

static void
only_our_proxies_are_believed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct web_header headers[2] = {{STR("X-Forwarded-For"), str_z(CASES[i].first)},
                                        {STR("x-forwarded-for"), str_z(CASES[i].second)}};
        struct web_request http = {.peer = str_z(CASES[i].peer), .headers = headers};
        http.header_count = CASES[i].first == NULL ? 0 : CASES[i].second == NULL ? 1 : 2;
        struct str client = gw_client_address(str_z(CASES[i].trusted), &http);
        if (!str_eqz(client, CASES[i].client)) {
            print_error("case %zu: %.*s\n", i, STR_ARG(client));
        }
        assert_true(str_eqz(client, CASES[i].client));
    }
}

static void
malformed_networks_are_refused(void **state)
{
    static const char *const WRONG[] = {"x",      "10.0.0.0/33",     "10.0.0.0/", "10.0.0.0/-1",
                                        "::/129", "10.0.0.0/8,,::1", "10.0.0",    "10.0.0.0/8/8"};

    (void)state;
    assert_true(gw_proxies_are_valid(STR("")));
    assert_true(gw_proxies_are_valid(STR(OURS)));
    for (size_t i = 0; i < ARRAY_LEN(WRONG); i++) {
        assert_false(gw_proxies_are_valid(str_z(WRONG[i])));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_our_proxies_are_believed),
        cmocka_unit_test(malformed_networks_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
