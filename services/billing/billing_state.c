/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings and state of the service. */
#include "billing/bil_post.h"
#include "billing/bil_store.h"
#include "billing/bil_writer.h"
#include "billing/billing.h"

#define ROW(member) .offset = offsetof(struct billing_cfg, member)

const struct cfg_row BILLING_CFG_ROWS[] = {
    {.name = "ASSAY_BILLING_PLAN",
     .type = CFG_STR,
     .def = "self_hosted",
     .min = 1,
     .max = 40,
     .text = "plan of organizations that no other was chosen for; `free` limits them like a hosted "
             "product does",
     ROW(plan)},
    {.name = "ASSAY_TOPUP_BUNDLES",
     .type = CFG_STR,
     .def = "10,25,50,100",
     .text = "purchases of credit that are offered, in whole dollars, comma separated",
     ROW(bundles)},
    {.name = "ASSAY_TOPUP_MIN_USD",
     .type = CFG_INT,
     .def = "5",
     .min = 1,
     .max = 1000000,
     .unit = "dollars",
     .text = "smallest purchase of an amount of one's own choice",
     ROW(topup_min_usd)},
    {.name = "ASSAY_TOPUP_MAX_USD",
     .type = CFG_INT,
     .def = "500",
     .min = 1,
     .max = 1000000,
     .unit = "dollars",
     .text = "largest purchase of an amount of one's own choice",
     ROW(topup_max_usd)},
    {.name = "ASSAY_STRIPE_BASE_URL",
     .type = CFG_URL,
     .def = "https://api.stripe.com",
     .text = "Stripe's API, or a server that speaks it",
     ROW(stripe_url)},
    {.name = "ASSAY_STRIPE_SECRET_KEY",
     .type = CFG_STR,
     .def = "",
     .secret = true,
     .text = "Stripe's secret key; empty: purchases are answered 503",
     ROW(stripe_key)},
    {.name = "ASSAY_STRIPE_WEBHOOK_SECRET",
     .type = CFG_STR,
     .def = "",
     .secret = true,
     .text = "signing secret of the webhook endpoint in Stripe, whose address is "
             "/api/v1/billing/stripe/webhook; empty: purchases are answered 503",
     ROW(stripe_webhook_secret)},
    {.name = "ASSAY_LEDGER_WRITERS",
     .type = CFG_INT,
     .def = "2",
     .min = 1,
     .max = 16,
     .text = "accounts whose ledger is written at the same time",
     ROW(writers)},
};
const size_t BILLING_CFG_COUNT = ARRAY_LEN(BILLING_CFG_ROWS);

static bool
read_bundles(struct billing *billing, struct str text)
{
    while (text.p != NULL) {
        struct str part = str_trim(str_split(&text, ','));
        if (billing->bundle_count == BIL_BUNDLES_MAX ||
            str_to_i64(part, 1, 1000000, &billing->bundles_usd[billing->bundle_count]) != RC_OK) {
            return false;
        }
        billing->bundle_count++;
    }
    return true;
}

enum rc
billing_open(struct billing *billing, struct db *db, const struct billing_cfg *cfg,
             const char **out_why)
{
    struct http_client_cfg http = {.reach = ADDR_REACH_ANY, .timeout_us = 20 * ASSAY_US_PER_S};

    billing->db = db;
    billing->cfg = cfg;
    *out_why = "ASSAY_TOPUP_BUNDLES is malformed";
    if (!read_bundles(billing, str_z(cfg->bundles))) {
        return RC_INVALID_ARGUMENT;
    }
    *out_why = "ASSAY_TOPUP_MIN_USD is above ASSAY_TOPUP_MAX_USD";
    if (cfg->topup_min_usd > cfg->topup_max_usd) {
        return RC_INVALID_ARGUMENT;
    }
    *out_why = "out of memory";
    return http_client_new(&http, &billing->http);
}

void
billing_close(struct billing *billing)
{
    bil_writer_free(billing->writer);
    http_client_free(billing->http);
    billing->writer = NULL;
    billing->http = NULL;
}

bool
billing_has_stripe(const struct billing *billing)
{
    return billing->cfg->stripe_key[0] != '\0' && billing->cfg->stripe_webhook_secret[0] != '\0';
}

/* What is due happens: the account is made, the month's allowance given. */
static enum rc
touch(struct billing *billing, struct ctx *ctx, int64_t org_id)
{
    enum rc rc = db_begin(billing->db, ctx);

    if (rc != RC_OK) {
        return rc;
    }
    rc = bil_post(billing->db, ctx, billing->cfg->plan, org_id, NULL, 0);
    if (rc != RC_OK) {
        db_rollback(billing->db, ctx);
        return rc;
    }
    return db_commit(billing->db, ctx);
}

enum rc
billing_account(struct billing *billing, struct ctx *ctx, int64_t org_id, struct bil_account *out)
{
    bool found = false;

    if (org_id <= 0) {
        return fail(ctx, RC_NOT_FOUND, "NO_ORGANIZATION", "no such organization");
    }
    enum rc rc = bil_account_get(billing->db, ctx, org_id, clk_wall_us(), out, &found);
    if (rc != RC_OK || (found && !out->is_due)) {
        return rc;
    }
    rc = touch(billing, ctx, org_id);
    return rc == RC_OK ? bil_account_get(billing->db, ctx, org_id, clk_wall_us(), out, &found) : rc;
}
