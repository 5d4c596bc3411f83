/* SPDX-License-Identifier: Apache-2.0
 *
 * Digests and their texts: SHA-256, HMAC-SHA256, base64. Secrets are compared with str_eq_secret
 * (base/str.h).
 *
 * Threads: everything here may run in any thread, except that one `struct hash_sha256` belongs to
 * one at a time. Nothing blocks. Source: FIPS 180-4, RFC 2104, RFC 4648. */
#ifndef ASSAY_SEC_HASH_H
#define ASSAY_SEC_HASH_H

#include "base/arena.h"
#include "base/buf.h"

#define HASH_SHA256_LEN 32
#define HASH_SHA256_HEX_LEN 64

void hash_sha256(struct str data, unsigned char out[HASH_SHA256_LEN]);
/* The same as 64 lower-case hexadecimal digits and NUL. */
void hash_sha256_hex(struct str data, char out[HASH_SHA256_HEX_LEN + 1]);
void hash_hmac_sha256(struct str key, struct str data, unsigned char out[HASH_SHA256_LEN]);
/* Hexadecimal digits and NUL: what webhook signatures carry. */
void hash_hmac_sha256_hex(struct str key, struct str data, char out[HASH_SHA256_HEX_LEN + 1]);

/* SHA-256 of a stream. Pattern: new, add..., end (which frees). */
struct hash_stream;
NODISCARD struct hash_stream *hash_stream_new(void);
void hash_stream_add(struct hash_stream *stream, struct str data);
/* Writes the digest and frees the stream. */
void hash_stream_end(struct hash_stream *stream, unsigned char out[HASH_SHA256_LEN]);
/* Frees without a result. Takes NULL. */
void hash_stream_free(struct hash_stream *stream);

/* Appends base64: with padding, or in the URL alphabet without. */
void hash_put_b64(struct buf *b, struct str data);
void hash_put_b64url(struct buf *b, struct str data);
/* Decodes canonical base64 (padding present, unused bits zero) or base64url (no padding) into the
 * arena; nothing else is accepted, no white space either.
 * Errors: INVALID_ARGUMENT, RESOURCE_EXHAUSTED (arena). */
NODISCARD enum rc hash_b64_decode(struct arena *arena, struct str text, struct str *out);
NODISCARD enum rc hash_b64url_decode(struct arena *arena, struct str text, struct str *out);
/* Decodes 2n hexadecimal digits of either case. Errors: INVALID_ARGUMENT. */
NODISCARD enum rc hash_hex_decode(struct str text, unsigned char *out, size_t n);

/* Overwrites secrets in a way that is not optimised away. */
void hash_wipe(void *p, size_t n);

#endif
