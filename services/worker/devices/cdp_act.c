/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/devices/cdp_internal.h"

#include <unistd.h>

#define LONG_PRESS_US (600 * ASSAY_US_PER_MS)
#define FILES_MAX 16

static enum rc
eval(struct cdp_acting *t, struct str expr, struct str *out)
{
    return cdp_eval_seen(t->d, t->ctx, t->s, expr, out);
}

enum rc
cdp_acting_point(struct cdp_acting *t, struct str said, size_t at, struct cdp_point *out)
{
    out->x = cdp_number(cdp_field(said, at));
    out->y = cdp_number(cdp_field(said, at + 1));
    if (t->s->page) {
        return RC_OK;
    }
    enum rc rc = cdp_to_tab(t->d, t->ctx, t->s, out);
    return rc;
}

static enum rc
aim(struct cdp_acting *t, bool must_be_enabled, struct cdp_point *out)
{
    struct str said = STR_EMPTY;
    enum rc rc = RC_OK;

    if (t->a->ref < 0) {
        *out = (struct cdp_point){t->a->x, t->a->y};
        return RC_OK;
    }
    if (t->s != NULL && !t->s->page) {
        rc = cdp_show_frame(t->d, t->ctx, t->s);
    }
    if (rc == RC_OK) {
        rc = eval(t,
                  arena_printf(t->ctx->arena, "__assay.point(%d,%s)", t->id,
                               must_be_enabled ? "true" : "false"),
                  &said);
    }
    return rc == RC_OK ? cdp_acting_point(t, said, 1, out) : rc;
}

static bool
is_aimed(const struct cdp_acting *t)
{
    return t->a->ref >= 0 && t->s != NULL && t->s->page;
}

enum rc
cdp_acting_tap(struct cdp_acting *t, struct cdp_point p)
{
    return t->d->base.profile.touch ? cdp_touch_tap(t->d, t->ctx, p, is_aimed(t))
                                    : cdp_press(t->d, t->ctx, p, "left", 1, is_aimed(t));
}

static enum rc
pointer(struct cdp_acting *t)
{
    struct cdp_wait w = {0};
    struct cdp_point p;
    enum rc rc = aim(t, t->a->verb != DEVICE_HOVER, &p);

    if (rc != RC_OK) {
        return rc;
    }
    switch (t->a->verb) {
    case DEVICE_DOUBLE_TAP:
        return cdp_press(t->d, t->ctx, p, "left", 2, is_aimed(t));
    case DEVICE_CONTEXT_TAP:
        return cdp_press(t->d, t->ctx, p, "right", 1, is_aimed(t));
    case DEVICE_LONG_PRESS:
        return cdp_hold(t->d, t->ctx, p, t->a->duration_us > 0 ? t->a->duration_us : LONG_PRESS_US);
    case DEVICE_HOVER:
        cdp_ask_mouse(t->d, &w, "mouseMoved", p, "none", 0, 0);
        return cdp_sent(t->d, t->ctx, &w);
    default:
        return cdp_acting_tap(t, p);
    }
}

/* --- choosing --------------------------------------------------------------------------------- */

static enum rc
select_option(struct cdp_acting *t)
{
    struct str said = STR_EMPTY;
    struct str quoted = cdp_quote(t->ctx, t->a->text);

    return eval(t, arena_printf(t->ctx->arena, "__assay.select(%d,%.*s)", t->id, STR_ARG(quoted)),
                &said);
}

static enum rc
check(struct cdp_acting *t)
{
    struct str said = STR_EMPTY;
    struct cdp_point p;
    const char *on = t->a->on ? "true" : "false";
    enum rc rc = eval(t, arena_printf(t->ctx->arena, "__assay.toggle(%d,%s)", t->id, on), &said);

    if (rc != RC_OK || str_eqz(said, "SAME")) {
        return rc;
    }
    rc = cdp_acting_point(t, said, 1, &p);
    if (rc == RC_OK) {
        rc = cdp_acting_tap(t, p);
    }
    struct cdp_session *tab = cdp_tab(t->d);
    if (rc != RC_OK || tab == NULL || tab->dialog || !t->s->used) {
        return rc;
    }
    rc = cdp_eval(t->d, t->ctx, t->s,
                  arena_printf(t->ctx->arena, "__assay.toggled(%d,%s)", t->id, on), &said);
    if (rc == RC_ABORTED) {
        return RC_OK; /* the press led to another page */
    }
    return rc == RC_OK ? cdp_reason(t->ctx, said) : rc;
}

/* --- files ------------------------------------------------------------------------------------ */

static enum rc
put_files(struct cdp_acting *t, struct buf *out)
{
    struct str rest = t->a->text;
    size_t n = 0;

    buf_putz(out, "{\"files\":[");
    while (rest.p != NULL) {
        struct str path = str_split(&rest, '\n');
        const char *z = arena_strz(t->ctx->arena, path);
        if (path.n == 0) {
            continue;
        }
        if (++n > FILES_MAX || z == NULL || access(z, R_OK) != 0) {
            return fail(t->ctx, RC_INVALID_ARGUMENT, "NO_SUCH_FILE", "the file cannot be read");
        }
        buf_putz(out, n > 1 ? "," : "");
        json_put_str(out, path);
    }
    buf_putz(out, "]");
    return RC_OK;
}

static enum rc
set_files(struct cdp_acting *t, struct cdp_session *s, struct str target)
{
    struct buf b;

    buf_init(&b, 1 << 20);
    enum rc rc = put_files(t, &b);
    if (rc == RC_OK) {
        buf_put(&b, target);
        buf_putz(&b, "}");
        rc = cdp_call(t->d, t->ctx, s, "DOM.setFileInputFiles", buf_str(&b), NULL);
    }
    buf_fini(&b);
    return rc;
}

/* The input that opened the chooser: the one named last, whatever button did it. */
static enum rc
upload_chosen(struct cdp_acting *t, struct cdp_session *tab)
{
    if (tab->chooser == 0) {
        return fail(t->ctx, RC_UNIMPLEMENTED, "NOT_SUPPORTED", "the element takes no file");
    }
    struct str target =
        arena_printf(t->ctx->arena, ",\"backendNodeId\":%lld", (long long)tab->chooser);
    tab->chooser = 0;
    return set_files(t, tab, target);
}

static enum rc
upload(struct cdp_acting *t)
{
    struct cdp_session *tab = cdp_tab(t->d);
    const struct json_value *v = NULL;
    struct str said = STR_EMPTY;
    enum rc rc;

    if (t->a->ref < 0) {
        return upload_chosen(t, tab);
    }
    rc = eval(t, arena_printf(t->ctx->arena, "__assay.fileState(%d)", t->id), &said);
    if (rc != RC_OK) {
        return rc;
    }
    if (str_eqz(said, "NONE")) { /* a button that asks for the file by itself */
        struct cdp_point p;
        tab->chooser = 0;
        rc = aim(t, true, &p);
        if (rc == RC_OK && (rc = cdp_acting_tap(t, p)) == RC_OK &&
            (rc = cdp_drain(t->d, t->ctx)) == RC_OK) {
            rc = upload_chosen(t, tab);
        }
        return rc;
    }
    rc = cdp_callf(t->d, t->ctx, t->s, &v, "Runtime.evaluate",
                   "{\"expression\":\"__assay.fileInput(%d)\",\"uniqueContextId\":\"%s\"}", t->id,
                   t->s->world);
    if (rc != RC_OK) {
        return rc;
    }
    struct str object = cdp_quote(t->ctx, json_str(json_path(v, "result.objectId")));
    return set_files(t, t->s, arena_printf(t->ctx->arena, ",\"objectId\":%.*s", STR_ARG(object)));
}

/* --- moving ----------------------------------------------------------------------------------- */

static enum rc
drag(struct cdp_acting *t)
{
    struct cdp_point from;
    struct cdp_point to = {t->a->x2, t->a->y2};
    enum rc rc = aim(t, true, &from);

    if (rc == RC_OK && t->a->ref2 >= 0) {
        struct device_action other = {.ref = t->a->ref2};
        struct cdp_acting u = {.d = t->d, .ctx = t->ctx, .a = &other};
        u.s = cdp_ref_session(t->d, other.ref, &u.id);
        rc = aim(&u, false, &to);
        /* Aiming at the second may have scrolled the first away. */
        if (rc == RC_OK) {
            rc = aim(t, true, &from);
        }
        if (rc == RC_OK) {
            rc = aim(&u, false, &to);
        }
    }
    return rc == RC_OK ? cdp_drag(t->d, t->ctx, from, to) : rc;
}

static enum rc
scroll(struct cdp_acting *t)
{
    struct str said = STR_EMPTY;

    return eval(t,
                arena_printf(t->ctx->arena, "__assay.scrollBy(%d,%.3f,%.3f)",
                             t->a->ref < 0 ? 0 : t->id, t->a->x2, t->a->y2),
                &said);
}

static enum rc
key(struct cdp_acting *t)
{
    struct cdp_wait w = {0};

    if (str_ieq(t->a->text, STR("BACK"))) {
        return cdp_back(&t->d->base, t->ctx);
    }
    if (!cdp_ask_key(t->d, &w, t->a->text)) {
        return fail(t->ctx, RC_INVALID_ARGUMENT, "NO_SUCH_KEY", "no key is called \"%.*s\"",
                    STR_ARG(t->a->text));
    }
    return cdp_sent(t->d, t->ctx, &w);
}

static enum rc
simple(struct cdp_acting *t, const char *call)
{
    struct str said = STR_EMPTY;
    enum rc rc = t->s != NULL && !t->s->page ? cdp_show_frame(t->d, t->ctx, t->s) : RC_OK;

    return rc == RC_OK ? eval(t, arena_printf(t->ctx->arena, "__assay.%s(%d)", call, t->id), &said)
                       : rc;
}

static enum rc
swipe(struct cdp_acting *t)
{
    return cdp_swipe(t->d, t->ctx, (struct cdp_point){t->a->x, t->a->y},
                     (struct cdp_point){t->a->x2, t->a->y2}, t->a->duration_us);
}

static enum rc
perform(struct cdp_acting *t)
{
    switch (t->a->verb) {
    case DEVICE_TAP:
    case DEVICE_DOUBLE_TAP:
    case DEVICE_LONG_PRESS:
    case DEVICE_CONTEXT_TAP:
    case DEVICE_HOVER:
        return pointer(t);
    case DEVICE_TYPE:
        return cdp_fill(t, t->a->text, false);
    case DEVICE_FILL:
        return cdp_fill(t, t->a->text, true);
    case DEVICE_CLEAR:
        return cdp_fill(t, STR_EMPTY, true);
    case DEVICE_SELECT:
        return select_option(t);
    case DEVICE_CHECK:
        return check(t);
    case DEVICE_UPLOAD:
        return upload(t);
    case DEVICE_DRAG:
        return drag(t);
    case DEVICE_SWIPE:
        return swipe(t);
    case DEVICE_SCROLL:
        return scroll(t);
    case DEVICE_SCROLL_TO:
        return simple(t, "scrollTo");
    case DEVICE_KEY:
        return key(t);
    case DEVICE_FOCUS:
        return simple(t, "focus");
    }
    return fail(t->ctx, RC_UNIMPLEMENTED, "NOT_SUPPORTED", "the device cannot do this");
}

enum rc
cdp_act(struct device *base, struct ctx *ctx, const struct device_action *a)
{
    struct cdp_device *d = cdp_of(base);
    struct cdp_acting t = {.d = d, .ctx = ctx, .a = a};
    enum rc rc = cdp_require(d, ctx);

    if (rc == RC_OK) {
        rc = cdp_no_dialog(d, ctx);
    }
    if (rc != RC_OK) {
        return rc;
    }
    t.s = a->ref < 0 ? cdp_tab(d) : cdp_ref_session(d, a->ref, &t.id);
    if (a->ref < 0) {
        /* The document that is there now is the one that is meant. */
        rc = cdp_need_world(d, ctx, t.s);
        __builtin_memcpy(t.s->seen_world, t.s->world, sizeof t.s->seen_world);
    }
    cdp_forget_requests(d);
    d->quiet_tab = 0;
    d->owed_key[0] = '\0';
    d->acted_us = clk_mono_us();
    d->acted = true;
    d->version++;
    return rc == RC_OK ? perform(&t) : rc;
}
