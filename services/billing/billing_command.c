/* SPDX-License-Identifier: Apache-2.0
 *
 * What an operator does from a shell. Every change is one transaction with its audit event. */
#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "billing/bil_post.h"
#include "billing/bil_store.h"
#include "billing/billing.h"

#define EXIT_FAILED 1
#define EXIT_USAGE 3
#define USD_MAX 1000000

const char BILLING_USAGE[] =
    "commands for an operator (ASSAY_DATABASE_URL names the database):\n"
    "  plan list\n"
    "  plan put ID NAME KEY=VALUE...     add or change a plan; keys: price_cents sessions minutes\n"
    "                                    credit_micro max_session_seconds overage_micro enforced;\n"
    "                                    a limit left out is none\n"
    "  plan set ORG PLAN                 move an organization to a plan\n"
    "  credits show ORG\n"
    "  credits grant ORG DOLLARS [prepaid | allowance] [EVENT]\n"
    "                                    give credit; the same EVENT again gives nothing\n"
    "  overage ORG on | off              streaming beyond the plan, on credit\n"
    "  ledger check                      add every account up\n\n";

struct run {
    struct billing *billing;
    struct ctx *ctx;
    int argc;
    char **argv;
};

static int
failed(const struct run *r)
{
    (void)fprintf(stderr, "assay-billing: %.*s\n", STR_ARG(r->ctx->err.msg));
    return EXIT_FAILED;
}

static int
usage(void)
{
    (void)fputs(BILLING_USAGE, stderr);
    return EXIT_USAGE;
}

static bool
is_arg(const struct run *r, int i, const char *word)
{
    return i < r->argc && strcmp(r->argv[i], word) == 0;
}

static bool
org_arg(const struct run *r, int i, int64_t *out)
{
    return i < r->argc && str_to_i64(str_z(r->argv[i]), 1, INT64_MAX, out) == RC_OK;
}

/* Runs `change` in a transaction. */
static int
commit(const struct run *r, enum rc rc)
{
    if (rc != RC_OK) {
        db_rollback(r->billing->db, r->ctx);
        return failed(r);
    }
    return db_commit(r->billing->db, r->ctx) == RC_OK ? 0 : failed(r);
}

static enum rc
tell(const struct run *r, int64_t org_id, const char *type, struct str details)
{
    struct svc_event event = {
        .type = type,
        .tell = TELL_AUDIT,
        .org_id = org_id,
        .resource_type = STR("credit"),
        .details = details,
    };

    return svc_emit(r->billing->db, r->ctx, &event);
}

/* --- plans --------------------------------------------------------------------------------- */

static void
print_limit(const char *name, int64_t limit)
{
    if (limit == BIL_NO_LIMIT) {
        (void)printf("  %s=-", name);
    } else {
        (void)printf("  %s=%lld", name, (long long)limit);
    }
}

static void
print_plan(const struct bil_plan *p)
{
    (void)printf("%-14s %-16s price_cents=%lld", p->plan_id, p->name, (long long)p->price_cents);
    print_limit("sessions", p->concurrent_sessions);
    print_limit("minutes", p->streaming_minutes);
    print_limit("credit_micro", p->credit_micro);
    print_limit("max_session_seconds", p->max_session_seconds);
    print_limit("overage_micro", p->overage_micro);
    (void)printf("  enforced=%d\n", p->is_enforced);
}

static int
plan_list(const struct run *r)
{
    struct bil_plan *plans = NULL;
    size_t n = 0;

    if (bil_plan_list(r->billing->db, r->ctx, &plans, &n) != RC_OK) {
        return failed(r);
    }
    for (size_t i = 0; i < n; i++) {
        print_plan(&plans[i]);
    }
    return 0;
}

static bool
read_pair(struct str text, struct bil_plan *plan)
{
    struct str key = str_split(&text, '=');
    int64_t n = 0;

    if (text.p == NULL || str_to_i64(text, 0, INT64_C(1000000000000), &n) != RC_OK) {
        return false;
    }
    if (str_eqz(key, "enforced")) {
        plan->is_enforced = n != 0;
        return n <= 1;
    }
    struct {
        const char *key;
        int64_t *to;
    } keys[] = {
        {"price_cents", &plan->price_cents},
        {"sessions", &plan->concurrent_sessions},
        {"minutes", &plan->streaming_minutes},
        {"credit_micro", &plan->credit_micro},
        {"max_session_seconds", &plan->max_session_seconds},
        {"overage_micro", &plan->overage_micro},
    };
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (str_eqz(key, keys[i].key)) {
            *keys[i].to = n;
            return true;
        }
    }
    return false;
}

static int
plan_put(const struct run *r)
{
    struct bil_plan plan = {
        .concurrent_sessions = BIL_NO_LIMIT,
        .streaming_minutes = BIL_NO_LIMIT,
        .max_session_seconds = BIL_NO_LIMIT,
        .is_enforced = true,
    };

    if (r->argc < 4) {
        return usage();
    }
    plan.plan_id = r->argv[2];
    plan.name = r->argv[3];
    for (int i = 4; i < r->argc; i++) {
        if (!read_pair(str_z(r->argv[i]), &plan)) {
            (void)fprintf(stderr, "assay-billing: %s is no KEY=VALUE of a plan\n", r->argv[i]);
            return EXIT_USAGE;
        }
    }
    if (db_begin(r->billing->db, r->ctx) != RC_OK) {
        return failed(r);
    }
    enum rc rc = bil_plan_put(r->billing->db, r->ctx, &plan);
    rc = rc == RC_OK ? tell(r, 0, "billing.plan_put", str_z(plan.plan_id)) : rc;
    int status = commit(r, rc);
    if (status == 0) {
        print_plan(&plan);
    }
    return status;
}

/* A larger allowance is given at once, a smaller one with the next month. */
static enum rc
set_plan(const struct run *r, int64_t org_id, const char *plan)
{
    struct db *db = r->billing->db;
    char id[ID_UUID_LEN + 1];
    char *old = NULL;
    int64_t more = 0;

    enum rc rc = bil_post(db, r->ctx, r->billing->cfg->plan, org_id, NULL, 0);
    rc = rc == RC_OK ? bil_account_set_plan(db, r->ctx, org_id, plan, &old, &more) : rc;
    if (rc == RC_OK && old == NULL) {
        return fail(r->ctx, RC_NOT_FOUND, "NO_PLAN", "there is no plan \"%s\"", plan);
    }
    id_uuid(id);
    struct bil_op op = {
        .kind = BIL_REFILL,
        .event_id = arena_printf(r->ctx->arena, "plan/%s", id),
        .amount_micro = more,
    };
    if (rc == RC_OK && more > 0) {
        rc = bil_post(db, r->ctx, r->billing->cfg->plan, org_id, &op, 1);
    }
    return rc == RC_OK ? tell(r, org_id, "billing.plan_changed",
                              arena_printf(r->ctx->arena, "%s to %s", old, plan))
                       : rc;
}

static int
plan_set(const struct run *r)
{
    int64_t org_id = 0;

    if (r->argc != 4 || !org_arg(r, 2, &org_id)) {
        return usage();
    }
    if (db_begin(r->billing->db, r->ctx) != RC_OK) {
        return failed(r);
    }
    return commit(r, set_plan(r, org_id, r->argv[3]));
}

/* --- credit -------------------------------------------------------------------------------- */

static int
credits_show(const struct run *r)
{
    struct bil_account a;
    int64_t org_id = 0;

    if (r->argc != 3 || !org_arg(r, 2, &org_id)) {
        return usage();
    }
    if (billing_account(r->billing, r->ctx, org_id, &a) != RC_OK) {
        return failed(r);
    }
    (void)printf("plan=%s allowance_micro=%lld prepaid_micro=%lld entries=%lld overage=%s\n",
                 a.plan.plan_id, (long long)a.allowance_micro, (long long)a.prepaid_micro,
                 (long long)a.entries, a.overage ? "on" : "off");
    return 0;
}

static enum rc
grant(const struct run *r, int64_t org_id, struct bil_op *op)
{
    enum rc rc = bil_post(r->billing->db, r->ctx, r->billing->cfg->plan, org_id, op, 1);

    if (rc == RC_OK && op->result == BIL_REUSED) {
        return fail(r->ctx, RC_ALREADY_EXISTS, "EVENT_REUSED",
                    "this event was booked with another amount");
    }
    if (rc == RC_OK && op->result == BIL_FULL) {
        return fail(r->ctx, RC_FAILED_PRECONDITION, "BALANCE_FULL", "the balance is too large");
    }
    if (rc != RC_OK || op->result == BIL_REPLAYED) {
        return rc;
    }
    return tell(
        r, org_id, "billing.credit_granted",
        arena_printf(r->ctx->arena, "$%lld", (long long)(op->amount_micro / BIL_MICRO_PER_USD)));
}

static int
credits_grant(const struct run *r)
{
    bool allowance = is_arg(r, 4, "allowance");
    int64_t org_id = 0;
    int64_t usd = 0;
    char id[ID_UUID_LEN + 1];

    if (r->argc < 4 || r->argc > 6 || !org_arg(r, 2, &org_id) ||
        str_to_i64(str_z(r->argv[3]), 1, USD_MAX, &usd) != RC_OK ||
        (r->argc > 4 && !allowance && !is_arg(r, 4, "prepaid"))) {
        return usage();
    }
    id_uuid(id);
    struct bil_op op = {
        .kind = allowance ? BIL_GRANT_ALLOWANCE : BIL_GRANT_PREPAID,
        .event_id = arena_printf(r->ctx->arena, "grant/%s", r->argc == 6 ? r->argv[5] : id),
        .amount_micro = usd * BIL_MICRO_PER_USD,
    };
    if (!bil_op_is_valid(&op)) {
        return usage();
    }
    if (db_begin(r->billing->db, r->ctx) != RC_OK) {
        return failed(r);
    }
    int status = commit(r, grant(r, org_id, &op));
    if (status == 0) {
        (void)puts(op.result == BIL_REPLAYED ? "given before" : "given");
    }
    return status;
}

static int
overage(const struct run *r)
{
    int64_t org_id = 0;
    bool on = is_arg(r, 2, "on");

    if (r->argc != 3 || !org_arg(r, 1, &org_id) || (!on && !is_arg(r, 2, "off"))) {
        return usage();
    }
    if (db_begin(r->billing->db, r->ctx) != RC_OK) {
        return failed(r);
    }
    struct db *db = r->billing->db;
    enum rc rc = bil_post(db, r->ctx, r->billing->cfg->plan, org_id, NULL, 0);
    rc = rc == RC_OK ? bil_overage_set(db, r->ctx, org_id, on, clk_wall_us()) : rc;
    rc = rc == RC_OK ? tell(r, org_id, "billing.overage_changed", on ? STR("on") : STR("off")) : rc;
    return commit(r, rc);
}

static int
ledger_check(const struct run *r)
{
    int64_t *orgs = NULL;
    size_t n = 0;

    if (bil_ledger_faults(r->billing->db, r->ctx, &orgs, &n) != RC_OK) {
        return failed(r);
    }
    for (size_t i = 0; i < n; i++) {
        (void)printf("organization %lld does not add up\n", (long long)orgs[i]);
    }
    (void)printf("%zu faults\n", n);
    return n == 0 ? 0 : EXIT_FAILED;
}

int
billing_command(struct billing *billing, struct ctx *ctx, int argc, char **argv)
{
    static const struct {
        const char *noun, *verb;
        int (*run)(const struct run *r);
    } COMMANDS[] = {
        {"plan", "list", plan_list},         {"plan", "put", plan_put},
        {"plan", "set", plan_set},           {"credits", "show", credits_show},
        {"credits", "grant", credits_grant}, {"ledger", "check", ledger_check},
    };
    struct run r = {billing, ctx, argc, argv};

    for (size_t i = 0; i < ARRAY_LEN(COMMANDS); i++) {
        if (is_arg(&r, 0, COMMANDS[i].noun) && is_arg(&r, 1, COMMANDS[i].verb)) {
            return COMMANDS[i].run(&r);
        }
    }
    return is_arg(&r, 0, "overage") ? overage(&r) : usage();
}
