/* SPDX-License-Identifier: Apache-2.0 */
#include "http/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

struct net4 {
    uint32_t base;
    int bits;
    enum addr_class class;
};

#define IP4(a, b, c, d)                                                                            \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

/* The first that fits counts. */
static const struct net4 NETS4[] = {
    {IP4(0, 0, 0, 0), 32, ADDR_FORBIDDEN},         /* unspecified */
    {IP4(169, 254, 0, 0), 16, ADDR_FORBIDDEN},     /* link-local; most clouds' metadata */
    {IP4(168, 63, 129, 16), 32, ADDR_FORBIDDEN},   /* Azure's wire server */
    {IP4(100, 100, 100, 200), 32, ADDR_FORBIDDEN}, /* Alibaba's metadata */
    {IP4(192, 0, 0, 192), 32, ADDR_FORBIDDEN},     /* Oracle's metadata */
    {IP4(224, 0, 0, 0), 4, ADDR_FORBIDDEN},        /* multicast */
    {IP4(255, 255, 255, 255), 32, ADDR_FORBIDDEN}, /* broadcast */
    {IP4(0, 0, 0, 0), 8, ADDR_PRIVATE},
    {IP4(10, 0, 0, 0), 8, ADDR_PRIVATE},
    {IP4(100, 64, 0, 0), 10, ADDR_PRIVATE},
    {IP4(127, 0, 0, 0), 8, ADDR_PRIVATE},
    {IP4(172, 16, 0, 0), 12, ADDR_PRIVATE},
    {IP4(192, 0, 0, 0), 24, ADDR_PRIVATE},
    {IP4(192, 0, 2, 0), 24, ADDR_PRIVATE},
    {IP4(192, 31, 196, 0), 24, ADDR_PRIVATE}, /* AS112, below too */
    {IP4(192, 52, 193, 0), 24, ADDR_PRIVATE}, /* AMT */
    {IP4(192, 88, 99, 0), 24, ADDR_PRIVATE},
    {IP4(192, 168, 0, 0), 16, ADDR_PRIVATE},
    {IP4(192, 175, 48, 0), 24, ADDR_PRIVATE},
    {IP4(198, 18, 0, 0), 15, ADDR_PRIVATE},
    {IP4(198, 51, 100, 0), 24, ADDR_PRIVATE},
    {IP4(203, 0, 113, 0), 24, ADDR_PRIVATE},
    {IP4(240, 0, 0, 0), 4, ADDR_PRIVATE},
};

static enum addr_class
classify4(uint32_t ip)
{
    for (size_t i = 0; i < ARRAY_LEN(NETS4); i++) {
        uint32_t mask = UINT32_MAX << (32 - NETS4[i].bits);
        if ((ip & mask) == NETS4[i].base) {
            return NETS4[i].class;
        }
    }
    return ADDR_PUBLIC;
}

struct net6 {
    unsigned char base[16];
    int bits;
    enum addr_class class;
    int ip4_at; /* offset of the IPv4 address that is reached in truth; -1: none */
};

static const struct net6 NETS6[] = {
    {{0}, 128, ADDR_FORBIDDEN, -1},      /* :: */
    {{[15] = 1}, 128, ADDR_PRIVATE, -1}, /* ::1 */
    {{[0] = 0xfd, [2] = 0x0e, [3] = 0xc2, [14] = 2, [15] = 0x54}, 128, ADDR_FORBIDDEN, -1},
    {{[0] = 0xfd, [1] = 0x20, [3] = 0xce, [14] = 2, [15] = 0x54}, 128, ADDR_FORBIDDEN, -1},
    {{[0] = 0xfe, [1] = 0x80}, 10, ADDR_FORBIDDEN, -1},                   /* link-local */
    {{[0] = 0xff}, 8, ADDR_FORBIDDEN, -1},                                /* multicast */
    {{[10] = 0xff, [11] = 0xff}, 96, ADDR_PUBLIC, 12},                    /* ::ffff:0:0/96 */
    {{[0] = 0, [1] = 0x64, [2] = 0xff, [3] = 0x9b}, 96, ADDR_PUBLIC, 12}, /* 64:ff9b::/96 */
    {{[0] = 0, [1] = 0x64, [2] = 0xff, [3] = 0x9b, [5] = 1}, 48, ADDR_PRIVATE, -1},
    {{[0] = 0x20, [1] = 0x02}, 16, ADDR_PUBLIC, 2},   /* 6to4 */
    {{[8] = 0xff, [9] = 0xff}, 96, ADDR_PRIVATE, 12}, /* ::ffff:0:0:0/96 */
    {{0}, 96, ADDR_PRIVATE, 12},                      /* ::a.b.c.d */
    {{[0] = 0x20, [1] = 0x01}, 23, ADDR_PRIVATE, -1}, /* protocols: Teredo, ORCHID, benchmarks */
    {{[0] = 0x20, [1] = 0x01, [2] = 0x0d, [3] = 0xb8}, 32, ADDR_PRIVATE, -1}, /* documentation */
    {{[0] = 0x3f, [1] = 0xff}, 20, ADDR_PRIVATE, -1},                         /* documentation */
    {{[0] = 0x20}, 3, ADDR_PUBLIC, -1},                                       /* global unicast */
};

static bool
same_bits(const unsigned char *a, const unsigned char *b, int bits)
{
    int whole = bits / 8;
    int rest = bits % 8;

    if (memcmp(a, b, (size_t)whole) != 0) {
        return false;
    }
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

static enum addr_class
classify6(const unsigned char ip[16])
{
    for (size_t i = 0; i < ARRAY_LEN(NETS6); i++) {
        const struct net6 *net = &NETS6[i];
        if (!same_bits(ip, net->base, net->bits)) {
            continue;
        }
        if (net->ip4_at < 0) {
            return net->class;
        }
        const unsigned char *p = ip + net->ip4_at;
        enum addr_class inner = classify4(IP4(p[0], p[1], p[2], p[3]));
        return inner > net->class ? inner : net->class;
    }
    return ADDR_PRIVATE; /* unique local, site-local, and what nobody has been given */
}

enum addr_class
addr_classify(const struct sockaddr *sa)
{
    if (sa->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sa, sizeof(in));
        return classify4(ntohl(in.sin_addr.s_addr));
    }
    if (sa->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, sa, sizeof(in6));
        return classify6(in6.sin6_addr.s6_addr);
    }
    return ADDR_FORBIDDEN;
}

bool
addr_may_reach(const struct sockaddr *sa, enum addr_reach reach)
{
    switch (reach) {
    case ADDR_REACH_ANY:
        return true;
    case ADDR_REACH_PRIVATE:
        return addr_classify(sa) != ADDR_FORBIDDEN;
    case ADDR_REACH_PUBLIC:
        return addr_classify(sa) == ADDR_PUBLIC;
    }
    return false;
}

bool
addr_text(const struct sockaddr *sa, char out[ADDR_TEXT_MAX])
{
    char text[INET6_ADDRSTRLEN];

    if (sa->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sa, sizeof(in));
        return inet_ntop(AF_INET, &in.sin_addr, out, ADDR_TEXT_MAX) != NULL;
    }
    if (sa->sa_family != AF_INET6) {
        return false;
    }
    struct sockaddr_in6 in6;
    memcpy(&in6, sa, sizeof(in6));
    if (inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof(text)) == NULL) {
        return false;
    }
    (void)snprintf(out, ADDR_TEXT_MAX, "[%s]", text);
    return true;
}
