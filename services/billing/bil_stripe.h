/* SPDX-License-Identifier: Apache-2.0
 *
 * What Stripe says, and how one knows that Stripe said it. Pure.
 *
 * Source: docs.stripe.com/webhooks (signatures), docs.stripe.com/api/events. */
#ifndef ASSAY_BILLING_BIL_STRIPE_H
#define ASSAY_BILLING_BIL_STRIPE_H

#include "base/buf.h"
#include "base/ctx.h"

#define BIL_STRIPE_WINDOW_US (INT64_C(300) * 1000000) /* how far a signature's time may be off */

/* Checks the header Stripe-Signature, "t=SECONDS,v1=HEX[,v1=HEX]": one v1 must be the HMAC-SHA256
 * of "SECONDS.BODY" under the secret, and the time within the window of `now_us`. Errors:
 * INVALID_ARGUMENT: *out_why says what is wrong, for people. */
NODISCARD enum rc bil_stripe_verify(struct str header, struct str body, struct str secret,
                                    int64_t now_us, const char **out_why);

enum bil_fact {
    BIL_FACT_NONE,     /* nothing that concerns credit */
    BIL_FACT_PAID,     /* a checkout was paid */
    BIL_FACT_FAILED,   /* a checkout will not be paid */
    BIL_FACT_REFUNDED, /* so much in all was given back */
    BIL_FACT_DISPUTED  /* so much is disputed: the bank has taken it back */
};

struct bil_stripe_event {
    struct str id;
    struct str type;
    enum bil_fact fact;
    struct str topup_id; /* what we gave along; empty: not ours, or Stripe does not repeat it */
    struct str payment_intent; /* may be empty */
    struct str currency;
    int64_t amount_micro;
};

/* Reads an event; strings live in the arena or in `body`.
 * Errors: INVALID_ARGUMENT: no event. */
NODISCARD enum rc bil_stripe_read(struct arena *arena, struct str body,
                                  struct bil_stripe_event *out);

/* The form of POST /v1/checkout/sessions. */
struct bil_checkout {
    const char *topup_id;
    int64_t org_id;
    int64_t amount_micro;
    struct str email;    /* of the buyer; may be empty */
    struct str base_url; /* where the buyer comes back to */
};
void bil_stripe_put_checkout(struct buf *b, const struct bil_checkout *checkout);

#endif
