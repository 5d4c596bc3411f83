/* SPDX-License-Identifier: Apache-2.0
 *
 * Secrets at rest: AES-256-GCM under keys from the environment, so that a copy of the database
 * without them is worthless. A sealed value names its key, so keys are rotated by putting the new
 * one first: what is written uses the first, what is read finds its own.
 *
 * Text of keys: "KEY[,OLDER...]", each 32 bytes as 64 hexadecimal digits or 44 characters of
 * base64. Sealed form: version 1, key id (4 bytes: SHA-256 of the key, cut), nonce (12), text, tag
 * (16).
 *
 * Threads: a ring is constant and may be used by any number. Nothing blocks.
 * Source: NIST SP 800-38D. */
#ifndef ASSAY_SEC_SEAL_H
#define ASSAY_SEC_SEAL_H

#include "base/ctx.h"

#define SEAL_KEY_LEN 32
#define SEAL_KEYS_MAX 8
#define SEAL_OVERHEAD (1 + 4 + 12 + 16)
/* Text of a fresh key with NUL. */
#define SEAL_KEY_TEXT_MAX (2 * SEAL_KEY_LEN + 1)

struct seal_ring;

/* The setting of every process that seals; `member` is a const char * (cfg/cfg.h). */
/* clang-format off */
#define SEAL_CFG_ROW(of, member)                                                                   \
    {.name = "ASSAY_SECRET_KEY", .type = CFG_STR, .def = NULL, .min = 44, .max = 600,              \
     .secret = true,                                                                               \
     .text = "keys that seal secrets in the database: NEW[,OLDER...], each 64 hexadecimal digits", \
     .offset = offsetof(of, member)}
/* clang-format on */

/* Errors: INVALID_ARGUMENT: *out_why (static) says what is wrong. RESOURCE_EXHAUSTED. */
NODISCARD enum rc seal_open_ring(struct str keys, struct seal_ring **out, const char **out_why);
/* Wipes and frees. Takes NULL. */
void seal_close_ring(struct seal_ring *ring);
/* Writes a fresh random key as text. */
void seal_new_key(char out[SEAL_KEY_TEXT_MAX]);

/* Seals `plain` into the arena. `aad` binds it to its place ("webhook_endpoint:17"): opened
 * elsewhere it is refused. Errors: RESOURCE_EXHAUSTED. */
NODISCARD enum rc seal_seal(const struct seal_ring *ring, struct ctx *ctx, struct str aad,
                            struct str plain, struct str *out);
/* Opens into the arena. Errors: DATA_LOSS, reason "SEAL": changed, of another place, or of a key
 * that is not in the ring (err.detail tells which). */
NODISCARD enum rc seal_unseal(const struct seal_ring *ring, struct ctx *ctx, struct str aad,
                              struct str sealed, struct str *out);

#endif
