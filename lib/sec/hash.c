/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/hash.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/id.h"

struct hash_stream {
    EVP_MD_CTX *md;
};

static const EVP_MD *kept_md;

static void
fetch_md(void)
{
    kept_md = EVP_MD_fetch(NULL, "SHA256", NULL);
}

/* OpenSSL looks the algorithm up by name at every use of EVP_sha256(); this keeps one. */
static const EVP_MD *
sha256_md(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    ASSERT(pthread_once(&once, fetch_md) == 0 && kept_md != NULL);
    return kept_md;
}

void
hash_sha256(struct str data, unsigned char out[HASH_SHA256_LEN])
{
    ASSERT(EVP_Digest(data.n == 0 ? "" : data.p, data.n, out, NULL, sha256_md(), NULL) == 1);
}

void
hash_sha256_hex(struct str data, char out[HASH_SHA256_HEX_LEN + 1])
{
    unsigned char sum[HASH_SHA256_LEN];

    hash_sha256(data, sum);
    id_hex(sum, sizeof(sum), out);
}

void
hash_hmac_sha256(struct str key, struct str data, unsigned char out[HASH_SHA256_LEN])
{
    unsigned int len = HASH_SHA256_LEN;

    ASSERT(HMAC(EVP_sha256(), key.n == 0 ? "" : key.p, (int)key.n,
                (const unsigned char *)(data.n == 0 ? "" : data.p), data.n, out, &len) != NULL);
}

void
hash_hmac_sha256_hex(struct str key, struct str data, char out[HASH_SHA256_HEX_LEN + 1])
{
    unsigned char mac[HASH_SHA256_LEN];

    hash_hmac_sha256(key, data, mac);
    id_hex(mac, sizeof(mac), out);
}

struct hash_stream *
hash_stream_new(void)
{
    struct hash_stream *stream = malloc(sizeof(*stream));

    if (stream == NULL) {
        return NULL;
    }
    stream->md = EVP_MD_CTX_new();
    if (stream->md == NULL || EVP_DigestInit_ex(stream->md, sha256_md(), NULL) != 1) {
        hash_stream_free(stream);
        return NULL;
    }
    return stream;
}

void
hash_stream_add(struct hash_stream *stream, struct str data)
{
    if (data.n > 0) {
        ASSERT(EVP_DigestUpdate(stream->md, data.p, data.n) == 1);
    }
}

void
hash_stream_end(struct hash_stream *stream, unsigned char out[HASH_SHA256_LEN])
{
    ASSERT(EVP_DigestFinal_ex(stream->md, out, NULL) == 1);
    hash_stream_free(stream);
}

void
hash_stream_free(struct hash_stream *stream)
{
    if (stream != NULL) {
        EVP_MD_CTX_free(stream->md);
        free(stream);
    }
}

/* --- base64 -------------------------------------------------------------------------------- */

static const char B64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char B64URL[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void
put_b64(struct buf *b, struct str data, const char *alphabet, bool pad)
{
    const unsigned char *p = (const unsigned char *)data.p;

    for (size_t i = 0; i < data.n; i += 3) {
        size_t left = data.n - i;
        unsigned v = (unsigned)p[i] << 16;
        v |= left > 1 ? (unsigned)p[i + 1] << 8 : 0;
        v |= left > 2 ? p[i + 2] : 0;
        char q[4] = {alphabet[v >> 18], alphabet[v >> 12 & 63], alphabet[v >> 6 & 63],
                     alphabet[v & 63]};
        size_t n = left >= 3 ? 4 : left + 1;
        if (n < 4 && pad) {
            memset(q + n, '=', 4 - n);
            n = 4;
        }
        buf_put(b, str_n(q, n));
    }
}

void
hash_put_b64(struct buf *b, struct str data)
{
    put_b64(b, data, B64, true);
}

void
hash_put_b64url(struct buf *b, struct str data)
{
    put_b64(b, data, B64URL, false);
}

/* One more than the value of a character of either alphabet; 0: it is in none. */
static const unsigned char DIGITS[UCHAR_MAX + 1] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['-'] = 63,
    ['/'] = 64, ['_'] = 64};

static int
b64_digit(char c, const char *alphabet)
{
    int digit = DIGITS[(unsigned char)c] - 1;

    return digit >= 0 && alphabet[digit] == c ? digit : -1;
}

/* Decodes text without padding. */
static enum rc
b64_decode(struct arena *arena, struct str text, const char *alphabet, struct str *out)
{
    size_t tail = text.n % 4;
    size_t n = text.n / 4 * 3 + (tail == 0 ? 0 : tail - 1);
    unsigned acc = 0;
    size_t done = 0;

    if (tail == 1) {
        return RC_INVALID_ARGUMENT;
    }
    char *p = arena_alloc(arena, n + 1);
    if (p == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    for (size_t i = 0; i < text.n; i++) {
        int d = b64_digit(text.p[i], alphabet);
        if (d < 0) {
            return RC_INVALID_ARGUMENT;
        }
        acc = acc << 6 | (unsigned)d;
        if (i % 4 != 0) {
            p[done++] = (char)(acc >> (6 - 2 * (i % 4)) & 0xFF);
        }
    }
    /* Bits beyond the last byte must be zero, or one value would have several texts. */
    if ((tail == 2 && (acc & 15) != 0) || (tail == 3 && (acc & 3) != 0)) {
        return RC_INVALID_ARGUMENT;
    }
    p[n] = '\0';
    *out = str_n(p, n);
    return RC_OK;
}

enum rc
hash_b64_decode(struct arena *arena, struct str text, struct str *out)
{
    if (text.n % 4 != 0) {
        return RC_INVALID_ARGUMENT;
    }
    for (int i = 0; i < 2 && text.n > 0 && text.p[text.n - 1] == '='; i++) {
        text.n--;
    }
    return b64_decode(arena, text, B64, out);
}

enum rc
hash_b64url_decode(struct arena *arena, struct str text, struct str *out)
{
    return b64_decode(arena, text, B64URL, out);
}

enum rc
hash_hex_decode(struct str text, unsigned char *out, size_t n)
{
    if (text.n != 2 * n) {
        return RC_INVALID_ARGUMENT;
    }
    for (size_t i = 0; i < text.n; i++) {
        if (ch_hex(text.p[i]) < 0) {
            return RC_INVALID_ARGUMENT;
        }
    }
    for (size_t i = 0; i < n; i++) {
        out[i] = (unsigned char)(ch_hex(text.p[2 * i]) << 4 | ch_hex(text.p[2 * i + 1]));
    }
    return RC_OK;
}

void
hash_wipe(void *p, size_t n)
{
    OPENSSL_cleanse(p, n);
}
