/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/devices/cdp_internal.h"

#include <string.h>

#define REF_NONE (-1)

struct cdp_session *
cdp_ref_session(struct cdp_device *d, int32_t ref, int32_t *out_id)
{
    int32_t slot = ref >> CDP_REF_BITS;

    if (ref < 0 || d->tab < 0 || slot > CDP_SESSIONS) {
        return NULL;
    }
    struct cdp_session *s = slot == 0 ? cdp_tab(d) : &d->sessions[slot - 1];
    *out_id = ref & CDP_REF_MASK;
    return s->used && cdp_in_tab(d, s) ? s : NULL;
}

int32_t
cdp_ref(const struct cdp_device *d, const struct cdp_session *s, int32_t id)
{
    int32_t slot = s->page ? 0 : (int32_t)(s - d->sessions) + 1;

    return slot << CDP_REF_BITS | (id & CDP_REF_MASK);
}

bool
cdp_in_tab(const struct cdp_device *d, const struct cdp_session *s)
{
    for (int depth = 0; depth < CDP_SESSIONS && !s->page; depth++) {
        if (s->parent < 0 || !d->sessions[s->parent].used) {
            return false;
        }
        s = &d->sessions[s->parent];
    }
    return s == &d->sessions[d->tab < 0 ? 0 : d->tab] && d->tab >= 0;
}

/* The frame element as our script in the parent knows it. */
static enum rc
find_owner(struct cdp_device *d, struct ctx *ctx, struct cdp_session *s)
{
    struct cdp_session *parent = &d->sessions[s->parent];
    const struct json_value *v = NULL;
    enum rc rc =
        cdp_callf(d, ctx, parent, &v, "DOM.getFrameOwner", "{\"frameId\":\"%s\"}", s->target);

    if (rc == RC_OK) {
        rc = cdp_callf(d, ctx, parent, &v, "DOM.resolveNode",
                       "{\"backendNodeId\":%lld,\"executionContextId\":%lld}",
                       (long long)json_i64(json_get(v, "backendNodeId"), 0),
                       (long long)parent->world_number);
    }
    if (rc == RC_OK) {
        struct str object = json_str(json_path(v, "object.objectId"));
        struct str quoted = cdp_quote(ctx, object);
        rc = cdp_callf(d, ctx, parent, &v, "Runtime.callFunctionOn",
                       "{\"objectId\":%.*s,\"functionDeclaration\":"
                       "\"function(){return __assay.frameRef(this)}\",\"returnByValue\":true}",
                       STR_ARG(quoted));
    }
    if (rc == RC_OK) {
        s->owner = (int32_t)json_i64(json_path(v, "result.value"), 0);
        memcpy(s->owner_world, parent->world, sizeof s->owner_world);
    }
    return rc;
}

enum rc
cdp_find_owners(struct cdp_device *d, struct ctx *ctx)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; i < CDP_SESSIONS && rc == RC_OK; i++) {
        struct cdp_session *s = &d->sessions[i];
        if (!s->used || s->page || !cdp_in_tab(d, s)) {
            continue;
        }
        if (s->owner == 0 || strcmp(s->owner_world, d->sessions[s->parent].world) != 0) {
            s->owner = 0;
            rc = find_owner(d, ctx, s);
            if (rc == RC_INTERNAL) { /* it went away meanwhile */
                ctx_recover(ctx);
                rc = RC_OK;
            }
        }
    }
    return rc;
}

enum rc
cdp_to_tab(struct cdp_device *d, struct ctx *ctx, struct cdp_session *s, struct cdp_point *p)
{
    enum rc rc = RC_OK;

    for (; rc == RC_OK && !s->page; s = &d->sessions[s->parent]) {
        struct cdp_session *parent = &d->sessions[s->parent];
        struct str said = STR_EMPTY;
        rc = cdp_eval_seen(d, ctx, parent,
                           arena_printf(ctx->arena, "__assay.frameBox(%d)", s->owner), &said);
        if (rc != RC_OK) {
            break;
        }
        p->x += cdp_number(cdp_field(said, 1));
        p->y += cdp_number(cdp_field(said, 2));
        rc = cdp_eval_seen(
            d, ctx, parent,
            arena_printf(ctx->arena, "__assay.hitsFrame(%d,%.3f,%.3f)", s->owner, p->x, p->y),
            &said);
    }
    return rc;
}

enum rc
cdp_show_frame(struct cdp_device *d, struct ctx *ctx, struct cdp_session *s)
{
    enum rc rc = RC_OK;

    for (; rc == RC_OK && !s->page; s = &d->sessions[s->parent]) {
        struct str said = STR_EMPTY;
        rc = cdp_eval_seen(d, ctx, &d->sessions[s->parent],
                           arena_printf(ctx->arena, "__assay.intoView(%d)", s->owner), &said);
    }
    return rc;
}
