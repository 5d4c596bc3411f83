/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/clk.h"

void
id_random(void *out, size_t n)
{
    char *p = out;

    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0) {
            ASSERT(errno == EINTR);
            continue;
        }
        p += got;
        n -= (size_t)got;
    }
}

uint64_t
id_random_u64(void)
{
    uint64_t v = 0;

    id_random(&v, sizeof(v));
    return v;
}

void
id_hex(const void *bytes, size_t n, char *out)
{
    static const char DIGITS[] = "0123456789abcdef";
    const unsigned char *p = bytes;

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = DIGITS[p[i] >> 4];
        out[2 * i + 1] = DIGITS[p[i] & 15];
    }
    out[2 * n] = '\0';
}

void
id_uuid(char out[ID_UUID_LEN + 1])
{
    unsigned char b[16];
    char hex[33];
    uint64_t ms = (uint64_t)(clk_wall_us() / 1000);

    id_random(b, sizeof(b));
    for (int i = 0; i < 6; i++) {
        b[i] = (unsigned char)(ms >> (40 - 8 * i));
    }
    b[6] = (unsigned char)((b[6] & 0x0F) | 0x70);
    b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
    id_hex(b, sizeof(b), hex);
    static const int GROUPS[] = {8, 4, 4, 4, 12};
    const char *from = hex;
    for (size_t g = 0; g < ARRAY_LEN(GROUPS); g++) {
        memcpy(out, from, (size_t)GROUPS[g]);
        out += GROUPS[g];
        from += GROUPS[g];
        *out++ = '-';
    }
    out[-1] = '\0';
}

bool
id_is_uuid(struct str s)
{
    if (s.n != ID_UUID_LEN) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        char c = s.p[i];
        if (dash ? c != '-' : !(ch_is_digit(c) || (c >= 'a' && c <= 'f'))) {
            return false;
        }
    }
    return true;
}

void
id_public(const char *prefix, char *out)
{
    static const char ALPHABET[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    size_t n = strlen(prefix);

    memcpy(out, prefix, n);
    for (size_t i = 0; i < ID_PUBLIC_RANDOM_LEN;) {
        unsigned char b[ID_PUBLIC_RANDOM_LEN + 4];
        id_random(b, sizeof(b));
        for (size_t k = 0; k < sizeof(b) && i < ID_PUBLIC_RANDOM_LEN; k++) {
            if (b[k] < 252) { /* 7 * 36: no letter is likelier than another */
                out[n + i++] = ALPHABET[b[k] % 36];
            }
        }
    }
    out[n + ID_PUBLIC_RANDOM_LEN] = '\0';
}

bool
id_is_public(struct str s, const char *prefix)
{
    struct str p = str_z(prefix);

    if (!str_starts(s, p) || s.n < p.n + 6) {
        return false;
    }
    for (size_t i = p.n; i < s.n; i++) {
        if (!ch_is_digit(s.p[i]) && !(s.p[i] >= 'a' && s.p[i] <= 'z')) {
            return false;
        }
    }
    return true;
}
