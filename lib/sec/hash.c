/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/hash.h"

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

static int
b64_digit(char c, const char *alphabet)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == alphabet[62] ? 62 : c == alphabet[63] ? 63 : -1;
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

static int
hex_digit(char c)
{
    if (ch_is_digit(c)) {
        return c - '0';
    }
    c = ch_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum rc
hash_hex_decode(struct str text, unsigned char *out, size_t n)
{
    if (text.n != 2 * n) {
        return RC_INVALID_ARGUMENT;
    }
    for (size_t i = 0; i < text.n; i++) {
        if (hex_digit(text.p[i]) < 0) {
            return RC_INVALID_ARGUMENT;
        }
    }
    for (size_t i = 0; i < n; i++) {
        out[i] = (unsigned char)(hex_digit(text.p[2 * i]) << 4 | hex_digit(text.p[2 * i + 1]));
    }
    return RC_OK;
}

void
hash_wipe(void *p, size_t n)
{
    OPENSSL_cleanse(p, n);
}
