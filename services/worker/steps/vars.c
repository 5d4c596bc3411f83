/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/steps/vars.h"

#define TEXT_MAX (256 * 1024)
#define SECRET_MIN 3 /* shorter values would mask half of every message */

void
vars_init(struct step_vars *vars, struct arena *arena)
{
    vars->arena = arena;
    vars->count = 0;
}

const struct step_var *
vars_get(const struct step_vars *vars, struct str name)
{
    for (size_t i = 0; vars != NULL && i < vars->count; i++) {
        if (str_eq(vars->at[i].name, name)) {
            return &vars->at[i];
        }
    }
    return NULL;
}

enum rc
vars_set(struct step_vars *vars, struct str name, struct str value, bool secret)
{
    size_t at = 0;
    while (at < vars->count && !str_eq(vars->at[at].name, name)) {
        at++;
    }
    if (at == VARS_MAX || value.n > VARS_VALUE_MAX) {
        return RC_RESOURCE_EXHAUSTED;
    }
    struct step_var v = {arena_str(vars->arena, name), arena_str(vars->arena, value), secret};
    if (arena_failed(vars->arena)) {
        return RC_RESOURCE_EXHAUSTED;
    }
    /* What was secret once stays masked. */
    v.secret |= at < vars->count && vars->at[at].secret;
    vars->at[at] = v;
    vars->count += at == vars->count;
    return RC_OK;
}

/* The reference at `at`: its name and length, 0 for none. */
static size_t
reference_at(struct str s, size_t at, struct str *out_name)
{
    struct str rest = str_sub(s, at, s.n);
    bool dollar = str_starts(rest, STR("${"));
    if (!dollar && !str_starts(rest, STR("{{"))) {
        return 0;
    }
    ptrdiff_t end = str_find(rest, dollar ? STR("}") : STR("}}"));
    if (end < 0) {
        return 0;
    }
    *out_name = str_trim(str_sub(rest, 2, (size_t)end));
    return (size_t)end + (dollar ? 1 : 2);
}

enum rc
vars_expand(struct ctx *ctx, const struct step_vars *vars, struct str s, struct str *out)
{
    if (str_find(s, STR("${")) < 0 && str_find(s, STR("{{")) < 0) {
        *out = s;
        return RC_OK;
    }
    struct buf b;
    buf_init(&b, TEXT_MAX);
    for (size_t i = 0; i < s.n;) {
        struct str name;
        size_t n = reference_at(s, i, &name);
        if (n == 0) {
            buf_putc(&b, s.p[i++]);
            continue;
        }
        const struct step_var *v = vars_get(vars, name);
        if (v == NULL) {
            buf_fini(&b);
            return fail(ctx, RC_FAILED_PRECONDITION, "NO_VARIABLE", "no variable is called '%.*s'",
                        STR_ARG(name));
        }
        buf_put(&b, v->value);
        i += n;
    }
    struct str copy = arena_str(ctx->arena, buf_str(&b));
    bool failed = buf_failed(&b) || arena_failed(ctx->arena);
    buf_fini(&b);
    if (failed) {
        return fail(ctx, RC_RESOURCE_EXHAUSTED, "TOO_LONG", "a value is too long");
    }
    *out = copy;
    return RC_OK;
}

static const struct step_var *
secret_at(const struct step_vars *vars, struct str s, size_t at)
{
    const struct step_var *best = NULL;
    for (size_t i = 0; i < vars->count; i++) {
        const struct step_var *v = &vars->at[i];
        if (v->secret && v->value.n >= SECRET_MIN && str_starts(str_sub(s, at, s.n), v->value) &&
            (best == NULL || v->value.n > best->value.n)) {
            best = v;
        }
    }
    return best;
}

struct str
vars_mask(struct arena *arena, const struct step_vars *vars, struct str s)
{
    struct buf b;
    if (vars == NULL || s.n == 0) {
        return s;
    }
    buf_init(&b, 4 * TEXT_MAX);
    for (size_t i = 0; i < s.n;) {
        const struct step_var *v = secret_at(vars, s, i);
        if (v != NULL) {
            buf_putz(&b, "\xE2\x80\xA2\xE2\x80\xA2\xE2\x80\xA2");
            i += v->value.n;
        } else {
            buf_putc(&b, s.p[i++]);
        }
    }
    /* Rather nothing than a secret. */
    struct str out = buf_failed(&b) ? STR("") : arena_str(arena, buf_str(&b));
    buf_fini(&b);
    return out;
}
