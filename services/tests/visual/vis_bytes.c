/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/visual/vis_bytes.h"

#include <string.h>

static uint64_t
load(const uint8_t *p)
{
    uint64_t x;

    memcpy(&x, p, 8);
    return x;
}

size_t
vis_first_difference(const uint8_t *a, const uint8_t *b, size_t from, size_t n)
{
    size_t i = from;

    while (i + 8 <= n && load(a + i) == load(b + i)) {
        i += 8;
    }
    while (i < n && a[i] == b[i]) {
        i++;
    }
    return i;
}

size_t
vis_last_difference(const uint8_t *a, const uint8_t *b, size_t from, size_t n)
{
    while (n >= from + 8 && load(a + n - 8) == load(b + n - 8)) {
        n -= 8;
    }
    while (n > from && a[n - 1] == b[n - 1]) {
        n--;
    }
    return n;
}

static uint64_t
mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t
vis_hash_bytes(const uint8_t *p, size_t n)
{
    uint64_t h1 = UINT64_C(0x9e3779b97f4a7c15) ^ n;
    uint64_t h2 = UINT64_C(0xd1b54a32d192ed03);
    uint8_t tail[32] = {0};

    for (; n >= 32; n -= 32, p += 32) {
        h1 = mix(load(p) ^ h1, load(p + 8) ^ UINT64_C(0xe7037ed1a0b428db));
        h2 = mix(load(p + 16) ^ h2, load(p + 24) ^ UINT64_C(0x8ebc6af09c88c6e3));
    }
    memcpy(tail, p, n);
    h1 = mix(load(tail) ^ h1, load(tail + 8) ^ UINT64_C(0xe7037ed1a0b428db));
    h2 = mix(load(tail + 16) ^ h2, load(tail + 24) ^ UINT64_C(0x8ebc6af09c88c6e3));
    return mix(h1 ^ UINT64_C(0x589965cc75374cc3), h2);
}
