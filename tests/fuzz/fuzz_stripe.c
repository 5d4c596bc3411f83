/* SPDX-License-Identifier: Apache-2.0
 *
 * What comes to Stripe's webhook: the first line is the signature's header, the rest the body. */
#include "billing/bil_stripe.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body = str_n((const char *)data, size);
    struct str header = str_split(&body, '\n');
    struct bil_stripe_event e = {.fact = BIL_FACT_NONE};
    const char *why = NULL;

    /* Nobody signs with this secret. */
    ASSERT(bil_stripe_verify(header, body, STR("whsec_fuzz"), 0, &why) != RC_OK && why != NULL);
    struct arena *arena = arena_new((size_t)4 << 20);
    ASSERT(arena != NULL);
    if (bil_stripe_read(arena, body, &e) == RC_OK) {
        ASSERT(e.id.n > 0 && e.type.n > 0 && e.amount_micro >= 0);
        ASSERT(e.topup_id.n == 0 || e.topup_id.n == 36);
    }
    arena_free(arena);
    return 0;
}
