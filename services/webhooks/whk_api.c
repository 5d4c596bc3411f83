/* SPDX-License-Identifier: Apache-2.0 */
#include "webhooks/whk_api.h"

#include "pb/pb.h"
#include "sec/token.h"
#include "webhooks/catalogue.h"
#include "webhooks/whk_seal.h"

enum rc
whk_check_arena(struct ctx *ctx)
{
    return arena_failed(ctx->arena) ? fail_memory(ctx, "the answer is too large") : RC_OK;
}

char **
whk_type_list(struct ctx *ctx, const struct str *types, size_t n)
{
    char **list = ARENA_ARRAY(ctx->arena, n + 1, char *);

    for (size_t i = 0; list != NULL && i < n; i++) {
        list[i] = pb_strz(ctx->arena, types[i]);
    }
    return list;
}

enum rc
whk_add_type(struct ctx *ctx, struct str type, size_t i, struct str *out, size_t *count)
{
    if (catalogue_find(type) == NULL) {
        return fail(ctx, RC_INVALID_ARGUMENT, "EVENT_TYPE",
                    "event_types[%zu]: no such type of event", i);
    }
    for (size_t k = 0; k < *count; k++) {
        if (str_eq(out[k], type)) {
            return RC_OK;
        }
    }
    out[(*count)++] = type;
    return RC_OK;
}

enum rc
whk_new_secret(struct webhooks *w, struct ctx *ctx, int64_t endpoint_id, char **out,
               struct str *out_sealed)
{
    char secret[TOKEN_TEXT_MAX];

    token_new(TOKEN_PREFIX_WEBHOOK, secret);
    *out = pb_strz(ctx->arena, str_z(secret));
    enum rc rc = whk_seal(w->ring, ctx, endpoint_id, str_z(secret), out_sealed);
    hash_wipe(secret, sizeof(secret));
    return rc;
}

enum rc
whk_tell(struct webhooks *w, struct ctx *ctx, const char *type, int64_t id, struct str name)
{
    struct svc_event event = {
        .type = type,
        .tell = TELL_AUDIT,
        .resource_type = STR("webhook"),
        .resource_id = arena_printf(ctx->arena, "%lld", (long long)id),
        .resource_name = name,
    };

    return svc_emit(w->db, ctx, &event);
}
