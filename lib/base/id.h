/* SPDX-License-Identifier: Apache-2.0
 *
 * Random identifiers, from the kernel's generator. Source: tests/contract, "Identifiers". */
#ifndef ASSAY_BASE_ID_H
#define ASSAY_BASE_ID_H

#include "base/str.h"

#define ID_UUID_LEN 36
#define ID_PUBLIC_RANDOM_LEN 12

/* Fills `n` bytes from the kernel's generator; stops the process when it has none. */
void id_random(void *out, size_t n);
uint64_t id_random_u64(void);
/* Writes a version 7 UUID (ordered by time) in lower case, with NUL. Source: RFC 9562. */
void id_uuid(char out[ID_UUID_LEN + 1]);
bool id_is_uuid(struct str s);
/* Writes `prefix` and 12 characters of [a-z0-9] (62 bits), with NUL. `out` holds
 * strlen(prefix) + ID_PUBLIC_RANDOM_LEN + 1 bytes. */
void id_public(const char *prefix, char *out);
/* True for `prefix` followed by at least six of [a-z0-9] and nothing else. */
bool id_is_public(struct str s, const char *prefix);
/* Writes 2n lower-case hexadecimal digits and NUL. */
void id_hex(const void *bytes, size_t n, char *out);

#endif
