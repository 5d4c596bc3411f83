/* SPDX-License-Identifier: Apache-2.0
 *
 * The digests that chain an organization's audit entries, so that an edit, deletion, insertion or
 * swap shows. An entry's hash is
 *
 *     SHA-256(0x01 || hash of the entry before (nothing for the first) || SHA-256(0x00 || entry))
 *
 * where an entry is its members in the order of the struct, each as a length of 8 bytes (big
 * endian) followed by the bytes; numbers as 8 bytes; an absent member as the length 2^64-1. Source:
 * RFC 9162 2.1.1 for the two prefixes. Nothing blocks. */
#ifndef ASSAY_AUTH_CHAIN_H
#define ASSAY_AUTH_CHAIN_H

#include "base/arena.h"
#include "sec/hash.h"

/* Strings with p NULL are absent. */
struct aut_entry {
    int64_t org_id;
    int64_t seq;
    struct str event_id;
    struct str type;
    int64_t at_us;
    bool has_user;
    int64_t user_id;
    struct str email;
    struct str resource_type;
    struct str resource_id;
    struct str resource_name;
    struct str details;
    struct str peer;
    struct str request_id;
};

/* `prev` is empty for the first entry, else HASH_SHA256_LEN bytes.
 * Errors: RESOURCE_EXHAUSTED. */
NODISCARD enum rc aut_chain_hash(struct str prev, const struct aut_entry *entry,
                                 unsigned char out[HASH_SHA256_LEN]);

#endif
