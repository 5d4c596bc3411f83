/* SPDX-License-Identifier: Apache-2.0
 *
 * State of the billing service. Handlers (billing_*) are declared by the generator in
 * billing_rpc.h; SQL lives in bil_store*.c only. */
#ifndef ASSAY_BILLING_BILLING_H
#define ASSAY_BILLING_BILLING_H

#include "billing/bil_limits.h"
#include "billing_rpc.h"
#include "http/http.h"
#include "svc/svc.h"

struct bil_writer;

struct billing_cfg {
    const char *plan;    /* of organizations that no plan was chosen for */
    const char *bundles; /* whole dollars, comma separated */
    int64_t topup_min_usd, topup_max_usd;
    const char *stripe_url, *stripe_key, *stripe_webhook_secret;
    int64_t writers;
};

extern const struct cfg_row BILLING_CFG_ROWS[];
extern const size_t BILLING_CFG_COUNT;

#define BIL_MICRO_PER_USD INT64_C(1000000)
#define BIL_BUNDLES_MAX 12

struct billing {
    struct db *db;
    const struct billing_cfg *cfg;
    struct bil_writer *writer;
    struct http_client *http; /* to Stripe */
    int64_t bundles_usd[BIL_BUNDLES_MAX];
    size_t bundle_count;
    struct met_metric *faults; /* accounts that do not add up */
};

#define BIL_LOOP_METER "billing_meter" /* charges minutes beyond the plan */
#define BIL_LOOP_CHECK "billing_check" /* adds the ledger up */

bool bil_meter_loop(void *state, struct ctx *ctx);
bool bil_check_loop(void *state, struct ctx *ctx);

/* Fills everything but the writer from `cfg`, which is kept. *out_why: what is wrong with it. */
NODISCARD enum rc billing_open(struct billing *billing, struct db *db,
                               const struct billing_cfg *cfg, const char **out_why);
void billing_close(struct billing *billing);
/* True when purchases are possible. */
bool billing_has_stripe(const struct billing *billing);

/* The organization's account as it is now; makes it, and gives the month's allowance, when that is
 * due. Outside transactions. */
NODISCARD enum rc billing_account(struct billing *billing, struct ctx *ctx, int64_t org_id,
                                  struct bil_account *out);
/* Asks Stripe for a checkout. Strings live in ctx->arena. Errors: UNAVAILABLE "STRIPE". */
struct bil_checkout;
NODISCARD enum rc bil_checkout_open(struct billing *billing, struct ctx *ctx,
                                    const struct bil_checkout *checkout, struct str *out_id,
                                    struct str *out_url);

/* `assay-billing plan | credits | overage | ledger ...`: what an operator does. Returns the exit
 * status. */
int billing_command(struct billing *billing, struct ctx *ctx, int argc, char **argv);
extern const char BILLING_USAGE[];

#endif
