/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/bil_stripe.h"

#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "http/http.h"
#include "json/json.h"
#include "sec/hash.h"

#define MICRO_PER_CENT INT64_C(10000)
#define CENTS_MAX (INT64_C(100000000) * 100)
#define NAME_MAX_BYTES 255

/* --- signature ----------------------------------------------------------------------------- */

/* The HMAC of "t.body" without a copy of the body in one piece is not worth it: bodies are small.
 */
static bool
expected_of(struct str time, struct str body, struct str secret, char out[HASH_SHA256_HEX_LEN + 1])
{
    struct buf b;

    buf_init(&b, time.n + body.n + 2);
    buf_put(&b, time);
    buf_putc(&b, '.');
    buf_put(&b, body);
    bool ok = !buf_failed(&b);
    if (ok) {
        hash_hmac_sha256_hex(secret, buf_str(&b), out);
    }
    buf_fini(&b);
    return ok;
}

/* Every signature is compared, in constant time. */
static bool
has_signature(struct str header, const char *expected)
{
    bool found = false;

    while (header.p != NULL) {
        struct str value = str_trim(str_split(&header, ','));
        struct str name = str_split(&value, '=');
        if (str_eqz(name, "v1") && value.p != NULL) {
            found = str_eq_secret(value, str_n(expected, HASH_SHA256_HEX_LEN)) || found;
        }
    }
    return found;
}

static struct str
time_of(struct str header)
{
    while (header.p != NULL) {
        struct str value = str_trim(str_split(&header, ','));
        struct str name = str_split(&value, '=');
        if (str_eqz(name, "t")) {
            return value;
        }
    }
    return STR_EMPTY;
}

enum rc
bil_stripe_verify(struct str header, struct str body, struct str secret, int64_t now_us,
                  const char **out_why)
{
    char expected[HASH_SHA256_HEX_LEN + 1];
    struct str time = time_of(header);
    int64_t at_s = 0;

    *out_why = "the Stripe-Signature header is missing or malformed";
    if (str_to_i64(time, 0, INT64_C(100000000000), &at_s) != RC_OK) {
        return RC_INVALID_ARGUMENT;
    }
    *out_why = "the signature does not match";
    if (secret.n == 0 || !expected_of(time, body, secret, expected) ||
        !has_signature(header, expected)) {
        return RC_INVALID_ARGUMENT;
    }
    *out_why = "the signature is too old, or its time lies ahead";
    int64_t off_us = now_us - at_s * ASSAY_US_PER_S;
    return off_us <= BIL_STRIPE_WINDOW_US && off_us >= -BIL_STRIPE_WINDOW_US ? RC_OK
                                                                             : RC_INVALID_ARGUMENT;
}

/* --- events -------------------------------------------------------------------------------- */

static const struct kind {
    const char *type;
    enum bil_fact fact;
    const char *amount; /* member with the cents */
    bool if_paid;       /* a fact only when payment_status says so */
} KINDS[] = {
    {"checkout.session.completed", BIL_FACT_PAID, "amount_total", true},
    {"checkout.session.async_payment_succeeded", BIL_FACT_PAID, "amount_total", false},
    {"checkout.session.async_payment_failed", BIL_FACT_FAILED, "amount_total", false},
    {"checkout.session.expired", BIL_FACT_FAILED, "amount_total", false},
    {"charge.refunded", BIL_FACT_REFUNDED, "amount_refunded", false},
    {"charge.dispute.created", BIL_FACT_DISPUTED, "amount", false},
};

static const struct kind *
kind_of(struct str type)
{
    for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
        if (str_eqz(type, KINDS[i].type)) {
            return &KINDS[i];
        }
    }
    return NULL;
}

/* A payment is its id, or the whole object when Stripe was asked to expand it. */
static struct str
id_or_object(const struct json_value *v)
{
    return json_is(v, JSON_OBJECT) ? json_str(json_get(v, "id")) : json_str(v);
}

static void
read_fact(const struct json_value *object, const struct kind *kind, struct bil_stripe_event *out)
{
    struct str topup = json_str(json_path(object, "metadata.topup_id"));
    int64_t cents = json_i64(json_get(object, kind->amount), -1);
    bool is_paid = str_eqz(json_str(json_get(object, "payment_status")), "paid");

    out->topup_id = id_is_uuid(topup) ? topup : STR_EMPTY;
    out->payment_intent = id_or_object(json_get(object, "payment_intent"));
    out->currency = json_str(json_get(object, "currency"));
    if (out->payment_intent.n > NAME_MAX_BYTES || cents < 0 || cents > CENTS_MAX ||
        (kind->if_paid && !is_paid)) {
        return;
    }
    out->amount_micro = cents * MICRO_PER_CENT;
    out->fact = kind->fact;
}

enum rc
bil_stripe_read(struct arena *arena, struct str body, struct bil_stripe_event *out)
{
    const struct json_value *event = NULL;

    enum rc rc = json_parse(body, arena, &event, NULL);
    if (rc != RC_OK) {
        return rc == RC_RESOURCE_EXHAUSTED ? rc : RC_INVALID_ARGUMENT;
    }
    struct bil_stripe_event e = {
        .id = json_str(json_get(event, "id")),
        .type = json_str(json_get(event, "type")),
    };
    const struct kind *kind = kind_of(e.type);
    const struct json_value *object = json_path(event, "data.object");
    if (e.id.n == 0 || e.id.n > NAME_MAX_BYTES || e.type.n == 0 || e.type.n > NAME_MAX_BYTES ||
        object == NULL) {
        return RC_INVALID_ARGUMENT;
    }
    if (kind != NULL) {
        read_fact(object, kind, &e);
    }
    *out = e;
    return RC_OK;
}

/* --- checkout ------------------------------------------------------------------------------ */

static void
put_pair(struct buf *b, const char *name, struct str value)
{
    if (b->n > 0) {
        buf_putc(b, '&');
    }
    http_put_encoded(b, str_z(name), false);
    buf_putc(b, '=');
    http_put_encoded(b, value, false);
}

static void
put_number(struct buf *b, const char *name, int64_t value)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%lld", (long long)value);

    put_pair(b, name, str_n(text, (size_t)n));
}

static void
put_url(struct buf *b, const char *name, struct str base, const char *path)
{
    struct buf url;

    buf_init(&url, 4096);
    buf_put(&url, base);
    buf_putz(&url, path);
    put_pair(b, name, buf_str(&url));
    buf_fini(&url);
}

void
bil_stripe_put_checkout(struct buf *b, const struct bil_checkout *c)
{
    put_pair(b, "mode", STR("payment"));
    put_number(b, "client_reference_id", c->org_id);
    put_pair(b, "line_items[0][price_data][currency]", STR("usd"));
    put_number(b, "line_items[0][price_data][unit_amount]", c->amount_micro / MICRO_PER_CENT);
    put_pair(b, "line_items[0][price_data][product_data][name]", STR("Prepaid usage credit"));
    put_pair(b, "line_items[0][quantity]", STR("1"));
    put_pair(b, "metadata[topup_id]", str_z(c->topup_id));
    /* Stripe copies these to the charge, so that a refund names the purchase. */
    put_pair(b, "payment_intent_data[metadata][topup_id]", str_z(c->topup_id));
    if (c->email.n > 0) {
        put_pair(b, "customer_email", c->email);
    }
    put_url(b, "success_url", c->base_url, "/?topup=done");
    put_url(b, "cancel_url", c->base_url, "/?topup=cancelled");
}
