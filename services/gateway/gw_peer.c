/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gw_peer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* IPv4 as its IPv6-mapped form, so that one comparison serves both. */
struct address {
    unsigned char b[16];
    int64_t bits; /* of a network; 128: the address alone */
};

static bool
parse_address(struct str text, struct address *out)
{
    static const unsigned char MAPPED[12] = {[10] = 0xFF, [11] = 0xFF};
    char z[INET6_ADDRSTRLEN];

    int n = snprintf(z, sizeof(z), "%.*s", STR_ARG(text));
    if (n <= 0 || (size_t)n >= sizeof(z)) {
        return false;
    }
    memcpy(out->b, MAPPED, sizeof(MAPPED));
    return inet_pton(AF_INET, z, out->b + 12) == 1 || inet_pton(AF_INET6, z, out->b) == 1;
}

static bool
parse_network(struct str text, struct address *out)
{
    struct str bits = text;
    struct str address = str_trim(str_split(&bits, '/'));
    bool is_v4 = str_find_byte(address, ':') < 0;

    out->bits = 128;
    if (!parse_address(address, out)) {
        return false;
    }
    if (bits.p == NULL) {
        return true;
    }
    if (str_to_i64(str_trim(bits), 0, is_v4 ? 32 : 128, &out->bits) != RC_OK) {
        return false;
    }
    out->bits += is_v4 ? 96 : 0;
    return true;
}

static bool
contains(const struct address *network, const struct address *address)
{
    size_t whole = (size_t)network->bits / 8;
    unsigned rest = (unsigned)network->bits % 8;

    return memcmp(network->b, address->b, whole) == 0 &&
           (rest == 0 || (network->b[whole] ^ address->b[whole]) >> (8 - rest) == 0);
}

static bool
is_trusted(struct str trusted, struct str text)
{
    struct address address;
    struct address network;

    if (!parse_address(text, &address)) {
        return false;
    }
    while (trusted.n > 0) {
        if (parse_network(str_trim(str_split(&trusted, ',')), &network) &&
            contains(&network, &address)) {
            return true;
        }
    }
    return false;
}

bool
gw_proxies_are_valid(struct str trusted)
{
    struct address network;

    while (trusted.n > 0) {
        if (!parse_network(str_trim(str_split(&trusted, ',')), &network)) {
            return false;
        }
    }
    return true;
}

/* Walks one header's list from its end; false when an address was reached that is not ours. */
static bool
walk_back(struct str trusted, struct str list, struct str *peer)
{
    while (is_trusted(trusted, *peer) && list.n > 0) {
        ptrdiff_t comma = str_rfind_byte(list, ',');
        struct str last = str_trim(str_sub(list, (size_t)(comma + 1), list.n));
        struct address address;
        if (!parse_address(last, &address)) {
            return false; /* no address: what calls itself so is not to be believed further */
        }
        *peer = last;
        list = str_sub(list, 0, comma < 0 ? 0 : (size_t)comma);
    }
    return is_trusted(trusted, *peer);
}

struct str
gw_client_address(struct str trusted, const struct web_request *http)
{
    struct str peer = http->peer;

    if (trusted.n == 0) {
        return peer;
    }
    for (size_t i = http->header_count; i > 0; i--) { /* several fields are one list */
        const struct web_header *h = &http->headers[i - 1];
        if (str_ieq(h->name, STR("x-forwarded-for")) && !walk_back(trusted, h->value, &peer)) {
            break;
        }
    }
    return peer;
}
