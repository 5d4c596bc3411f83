/* SPDX-License-Identifier: Apache-2.0
 *
 * Typing: the field is made ready, the text goes in, the page says whether it took it. */
#include "worker/devices/cdp_internal.h"

#include <stdio.h>

/* The last character goes by a real key, so that what listens to keys hears of the whole text; the
 * rest in one piece, for key by key costs half a millisecond each. */
struct typing {
    struct str block;
    struct str key; /* empty: all of it is in the block */
};

static struct typing
typing_of(struct str text)
{
    size_t last = text.n;

    while (last > 0 && ((unsigned char)text.p[last - 1] & 0xc0) == 0x80) {
        last--;
    }
    last = last > 0 ? last - 1 : 0;
    struct str key = str_sub(text, last, text.n);
    bool plain = key.n > 0 && key.n < 4 && (unsigned char)key.p[0] >= ' ';
    return plain ? (struct typing){str_sub(text, 0, last), key} : (struct typing){text, STR_EMPTY};
}

static void
ask_text(struct cdp_acting *t, struct cdp_wait *w, struct typing text, bool put)
{
    if (text.block.n > 0 && !put) {
        struct buf b;
        buf_init(&b, 16 << 20);
        buf_putz(&b, "{");
        json_put_member_str(&b, "text", text.block);
        buf_putz(&b, "}");
        cdp_ask(t->d, w, cdp_tab(t->d), "Input.insertText", buf_str(&b));
        buf_fini(&b);
    }
    if (text.key.n > 0) {
        cdp_ask_char(t->d, w, text.key);
    }
}

static struct str
arrived_expr(struct cdp_acting *t, struct str text, bool all, struct str field, bool by_key)
{
    struct str quoted = cdp_quote(t->ctx, text);

    return arena_printf(t->ctx->arena, "__assay.arrived(%.*s,%.*s,%s,%s)", STR_ARG(field),
                        STR_ARG(quoted), all ? "true" : "false", by_key ? "true" : "false");
}

/* What the page said of the text. It was quiet then: settling need not ask again. */
static enum rc
hear_arrived(struct cdp_acting *t, enum rc rc, struct str said)
{
    if (rc == RC_FAILED_PRECONDITION || rc == RC_ABORTED) {
        ctx_recover(t->ctx); /* a dialog, or another page: the text caused it, so it was taken */
        return RC_OK;
    }
    if (rc == RC_OK && str_eqz(said, "OK") && t->s == cdp_tab(t->d)) {
        t->d->quiet_tab = t->s->born;
        t->d->quiet_events = t->d->events;
    }
    return rc == RC_OK ? cdp_reason(t->ctx, said) : rc;
}

/* Asks right behind the key: the page answers when it has seen that go up, so nothing overtakes.
 * *out_late: it did not see it in time, the focus went elsewhere. */
static enum rc
enter_by_key(struct cdp_acting *t, struct cdp_wait *w, struct str expr, bool *out_late)
{
    struct str said = STR_EMPTY;
    size_t at = w->count;

    *out_late = false;
    cdp_ask_eval(t->d, w, t->s, false, expr);
    enum rc rc = cdp_await(t->d, t->ctx, w, CDP_STOP_DIALOG, CDP_CALL_US);
    enum cdp_end end = w->end;
    if (rc == RC_OK && end == CDP_EXPIRED) {
        rc = cdp_hangs(t->ctx);
    } else if (rc == RC_OK && end == CDP_ANSWERED) {
        rc = cdp_eval_text(t->ctx, w->answers[at], &said);
        *out_late = rc == RC_OK && str_eqz(said, "LATE");
    }
    cdp_wait_fini(w);
    if (rc == RC_DEADLINE_EXCEEDED || end != CDP_ANSWERED || *out_late) {
        return rc;
    }
    return hear_arrived(t, rc, said);
}

static enum rc
enter(struct cdp_acting *t, struct str text, bool all, struct str ready)
{
    struct cdp_wait w = {0};
    struct typing parts = typing_of(text);
    struct str kind = cdp_field(ready, 0);
    struct str field = cdp_field(ready, 1);
    struct cdp_session *tab = cdp_tab(t->d);
    bool late = true;
    bool open = true;

    if (str_eqz(kind, "SET")) {
        return RC_OK;
    }
    if (str_eqz(kind, "END")) {
        (void)cdp_ask_key(t->d, &w, STR("End"));
    }
    if (text.n == 0 && all) {
        (void)cdp_ask_key(t->d, &w, STR("Delete"));
    }
    ask_text(t, &w, parts, str_eqz(kind, "PUT"));
    if (str_eqz(kind, "PUT") && parts.key.n > 0) {
        enum rc rc = enter_by_key(t, &w, arrived_expr(t, text, all, field, true), &late);
        if (rc != RC_OK || !late) {
            return rc;
        }
    }
    enum rc rc = cdp_handled(t->d, t->ctx, &w, &open);
    if (rc != RC_OK || !open || !tab->used || tab != cdp_tab(t->d) || tab->dialog) {
        return rc;
    }
    /* A page that went elsewhere because of the text took it. This second request is also the one
     * whose answer cannot overtake the news of that, see cdp_sent. */
    struct str said = STR_EMPTY;
    rc = cdp_eval(t->d, t->ctx, t->s, arrived_expr(t, text, all, field, false), &said);
    return hear_arrived(t, rc, said);
}

/* A dialog that the field or the text opened holds the page up in the middle, and the browser drops
 * keys meanwhile: the one that is left comes when the dialog is answered. */
static enum rc
typed_behind_dialog(struct cdp_acting *t, struct typing text)
{
    ctx_recover(t->ctx);
    snprintf(t->d->owed_key, sizeof t->d->owed_key, "%.*s", STR_ARG(text.key));
    return RC_OK;
}

/* In a frame of another process focus moves only with a press there, between two attempts to make
 * the field ready; so only elsewhere the page itself puts the block in. */
static enum rc
ready_in_frame(struct cdp_acting *t, struct str expr, struct str *said)
{
    struct cdp_point p;
    enum rc rc = cdp_show_frame(t->d, t->ctx, t->s);

    if (rc == RC_OK && (rc = cdp_eval_seen(t->d, t->ctx, t->s, expr, said)) == RC_OK) {
        rc = cdp_acting_point(t, *said, 2, &p);
    }
    if (rc == RC_OK && (rc = cdp_acting_tap(t, p)) == RC_OK) {
        rc = cdp_eval_seen(t->d, t->ctx, t->s, expr, said);
    }
    return rc;
}

enum rc
cdp_fill(struct cdp_acting *t, struct str text, bool all)
{
    struct str said = STR_EMPTY;
    struct typing parts = typing_of(text);
    bool in_page = t->s == NULL || t->s->page;
    struct str quoted = cdp_quote(t->ctx, text);
    struct str block = cdp_quote(t->ctx, in_page ? parts.block : STR_EMPTY);
    struct str expr =
        arena_printf(t->ctx->arena, "__assay.ready(%d,%.*s,%s,%.*s)", t->a->ref < 0 ? 0 : t->id,
                     STR_ARG(quoted), all ? "true" : "false", STR_ARG(block));
    enum rc rc = cdp_eval_seen(t->d, t->ctx, t->s, expr, &said);

    if (rc == RC_OK && !in_page && !str_eqz(cdp_field(said, 0), "SET")) {
        rc = ready_in_frame(t, expr, &said);
    }
    if (rc == RC_FAILED_PRECONDITION && in_page && cdp_tab(t->d) != NULL && cdp_tab(t->d)->dialog) {
        return typed_behind_dialog(t, parts);
    }
    return rc == RC_OK ? enter(t, text, all, said) : rc;
}
