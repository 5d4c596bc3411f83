/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/aut_chain.h"

#include <string.h>

#define ENTRY_MAX ((size_t)1 << 20)

static void
put_u64(struct buf *b, uint64_t v)
{
    char bytes[8];

    for (int i = 0; i < 8; i++) {
        bytes[i] = (char)(v >> (56 - 8 * i));
    }
    buf_put(b, str_n(bytes, sizeof(bytes)));
}

static void
put_bytes(struct buf *b, struct str s)
{
    put_u64(b, s.p == NULL ? UINT64_MAX : s.n);
    buf_put(b, s);
}

static void
put_number(struct buf *b, bool has, int64_t v)
{
    put_u64(b, has ? 8 : UINT64_MAX);
    if (has) {
        put_u64(b, (uint64_t)v);
    }
}

static void
put_entry(struct buf *b, const struct aut_entry *e)
{
    buf_putc(b, '\0');
    put_number(b, true, e->org_id);
    put_number(b, true, e->seq);
    put_bytes(b, e->event_id);
    put_bytes(b, e->type);
    put_number(b, true, e->at_us);
    put_number(b, e->has_user, e->user_id);
    put_bytes(b, e->email);
    put_bytes(b, e->resource_type);
    put_bytes(b, e->resource_id);
    put_bytes(b, e->resource_name);
    put_bytes(b, e->details);
    put_bytes(b, e->peer);
    put_bytes(b, e->request_id);
}

enum rc
aut_chain_hash(struct str prev, const struct aut_entry *entry, unsigned char out[HASH_SHA256_LEN])
{
    unsigned char node[1 + 2 * HASH_SHA256_LEN] = {1};
    struct buf b;

    ASSERT(prev.n == 0 || prev.n == HASH_SHA256_LEN);
    buf_init(&b, ENTRY_MAX);
    put_entry(&b, entry);
    bool ok = !buf_failed(&b);
    if (ok) {
        memcpy(node + 1, prev.n == 0 ? "" : prev.p, prev.n);
        hash_sha256(buf_str(&b), node + 1 + prev.n);
        hash_sha256(str_n((const char *)node, 1 + prev.n + HASH_SHA256_LEN), out);
    }
    buf_fini(&b);
    return ok ? RC_OK : RC_RESOURCE_EXHAUSTED;
}
