/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "http/addr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static enum addr_class
class_of(const char *text)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, text, &in.sin_addr) == 1) {
        return addr_classify((const struct sockaddr *)&in);
    }
    assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
    return addr_classify((const struct sockaddr *)&in6);
}

static void
addresses_have_the_class_of_their_registry(void **state)
{
    static const struct {
        const char *text;
        enum addr_class class;
    } CASES[] = {
        {"1.1.1.1", ADDR_PUBLIC},
        {"93.184.216.34", ADDR_PUBLIC},
        {"172.15.255.255", ADDR_PUBLIC},
        {"172.32.0.0", ADDR_PUBLIC},
        {"100.63.255.255", ADDR_PUBLIC},
        {"223.255.255.255", ADDR_PUBLIC},
        {"2606:4700::1111", ADDR_PUBLIC},
        {"64:ff9b::1.1.1.1", ADDR_PUBLIC},
        {"0.0.0.1", ADDR_PRIVATE},
        {"10.255.255.255", ADDR_PRIVATE},
        {"100.64.0.1", ADDR_PRIVATE},
        {"100.127.255.255", ADDR_PRIVATE},
        {"127.0.0.1", ADDR_PRIVATE},
        {"127.255.255.254", ADDR_PRIVATE},
        {"172.16.0.1", ADDR_PRIVATE},
        {"172.31.255.255", ADDR_PRIVATE},
        {"192.0.0.8", ADDR_PRIVATE},
        {"192.0.2.1", ADDR_PRIVATE},
        {"192.168.1.1", ADDR_PRIVATE},
        {"198.19.255.255", ADDR_PRIVATE},
        {"198.51.100.1", ADDR_PRIVATE},
        {"203.0.113.9", ADDR_PRIVATE},
        {"240.0.0.1", ADDR_PRIVATE},
        {"::1", ADDR_PRIVATE},
        {"fc00::1", ADDR_PRIVATE},
        {"fdff::1", ADDR_PRIVATE},
        {"fec0::1", ADDR_PRIVATE},
        {"2001:db8::1", ADDR_PRIVATE},
        {"2001:0:1::1", ADDR_PRIVATE},
        {"::ffff:10.0.0.1", ADDR_PRIVATE},
        {"64:ff9b::10.0.0.1", ADDR_PRIVATE},
        {"64:ff9b:1::1", ADDR_PRIVATE},
        {"2002:7f00:1::", ADDR_PRIVATE},
        {"::8.8.8.8", ADDR_PRIVATE},
        {"::ffff:0:8.8.8.8", ADDR_PRIVATE},
        {"100::1", ADDR_PRIVATE},
        {"3fff::1", ADDR_PRIVATE},
        {"3fff:fff::1", ADDR_PRIVATE},
        {"3fff:1000::1", ADDR_PUBLIC},
        {"5f00::1", ADDR_PRIVATE},
        {"4000::1", ADDR_PRIVATE},
        {"2001:2::1", ADDR_PRIVATE},
        {"2001:20::1", ADDR_PRIVATE},
        {"2001:1ff:ffff::1", ADDR_PRIVATE},
        {"2001:200::1", ADDR_PUBLIC},
        {"3ffe::1", ADDR_PUBLIC},
        {"192.31.196.1", ADDR_PRIVATE},
        {"192.52.193.1", ADDR_PRIVATE},
        {"192.175.48.1", ADDR_PRIVATE},
        {"192.31.197.1", ADDR_PUBLIC},
        {"0.0.0.0", ADDR_FORBIDDEN},
        {"169.254.169.254", ADDR_FORBIDDEN},
        {"169.254.0.1", ADDR_FORBIDDEN},
        {"168.63.129.16", ADDR_FORBIDDEN},
        {"100.100.100.200", ADDR_FORBIDDEN},
        {"224.0.0.1", ADDR_FORBIDDEN},
        {"239.255.255.255", ADDR_FORBIDDEN},
        {"255.255.255.255", ADDR_FORBIDDEN},
        {"::", ADDR_FORBIDDEN},
        {"fe80::1", ADDR_FORBIDDEN},
        {"febf::1", ADDR_FORBIDDEN},
        {"ff02::1", ADDR_FORBIDDEN},
        {"fd00:ec2::254", ADDR_FORBIDDEN},
        {"fd20:ce::254", ADDR_FORBIDDEN},
        {"192.0.0.192", ADDR_FORBIDDEN},
        {"::ffff:169.254.169.254", ADDR_FORBIDDEN},
        {"64:ff9b::169.254.169.254", ADDR_FORBIDDEN},
        {"2002:a9fe:a9fe::", ADDR_FORBIDDEN},
        {"::ffff:0:169.254.169.254", ADDR_FORBIDDEN},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        if (class_of(CASES[i].text) != CASES[i].class) {
            fail_msg("%s has class %d, not %d", CASES[i].text, class_of(CASES[i].text),
                     CASES[i].class);
        }
    }
}

static void
reach_admits_by_class(void **state)
{
    struct sockaddr_in in = {.sin_family = AF_INET};

    (void)state;
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_false(addr_may_reach((const struct sockaddr *)&in, ADDR_REACH_PUBLIC));
    assert_true(addr_may_reach((const struct sockaddr *)&in, ADDR_REACH_PRIVATE));
    in.sin_addr.s_addr = htonl(0xA9FEA9FE);
    assert_false(addr_may_reach((const struct sockaddr *)&in, ADDR_REACH_PRIVATE));
    assert_true(addr_may_reach((const struct sockaddr *)&in, ADDR_REACH_ANY));
    struct sockaddr local = {.sa_family = AF_UNIX};
    assert_false(addr_may_reach(&local, ADDR_REACH_PRIVATE));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_have_the_class_of_their_registry),
        cmocka_unit_test(reach_admits_by_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
