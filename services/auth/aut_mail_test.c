/* SPDX-License-Identifier: Apache-2.0
 *
 * The queue of mails: nothing lost, nothing told by time, nothing secret at rest; a real server. */
#include <dirent.h>
#include <math.h>

#include "auth/auth_fixture.h"
#include "auth/aut_store_mail.h"
#include "tests/support/exim.h"

static bool
run_once(void)
{
    struct call c = call_begin();
    bool more = aut_mail_run(&auth, &c.ctx);

    if (c.ctx.err.code != RC_OK) {
        print_message("mail: %.*s\n", STR_ARG(c.ctx.err.detail));
    }
    call_end(&c);
    return more;
}

static void
run_all(void)
{
    for (int i = 0; i < 100 && run_once(); i++) {
    }
}

/* Number of mails in the sink; the token of the newest's link goes into `token` (may be NULL). */
static int
sunk(char token[64])
{
    char newest[300] = "";
    char text[8192];
    DIR *d = opendir(sink);
    int n = 0;

    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (strstr(e->d_name, ".eml") != NULL) {
            n++;
            if (strcmp(e->d_name, newest) > 0) {
                (void)snprintf(newest, sizeof(newest), "%s", e->d_name);
            }
        }
    }
    (void)closedir(d);
    if (token != NULL && n > 0) {
        char path[400];
        (void)snprintf(path, sizeof(path), "%s/%s", sink, newest);
        FILE *f = fopen(path, "re");
        text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
        (void)fclose(f);
        const char *at = strstr(text, "?token=");
        assert_non_null(at);
        (void)snprintf(token, 64, "%.*s", (int)strcspn(at + 7, "\r\n\"& "), at + 7);
    }
    return n;
}

/* --- calls --------------------------------------------------------------------------------- */

static enum rc
ask(const char *email)
{
    struct call c = call_begin();
    Assay__ForgotPasswordRequest req = ASSAY__FORGOT_PASSWORD_REQUEST__INIT;
    Assay__StatusText resp = ASSAY__STATUS_TEXT__INIT;

    req.email = arena_strz(c.arena, str_z(email));
    assert_int_equal(db_begin(db, &c.ctx), RC_OK);
    enum rc rc = auth_forgot_password(&auth, &c.ctx, &req, &resp);
    if (rc == RC_OK) {
        rc = db_commit(db, &c.ctx);
        assert_string_equal(resp.status, "ok");
    } else {
        db_rollback(db, &c.ctx);
    }
    call_end(&c);
    return rc;
}

static enum rc
reset(const char *token, const char *password)
{
    struct call c = call_begin();
    Assay__ResetPasswordRequest req = ASSAY__RESET_PASSWORD_REQUEST__INIT;
    Assay__StatusText resp = ASSAY__STATUS_TEXT__INIT;

    req.token = arena_strz(c.arena, str_z(token));
    req.new_password = arena_strz(c.arena, str_z(password));
    enum rc rc = auth_reset_password(&auth, &c.ctx, &req, &resp);
    call_end(&c);
    return rc;
}

/* An account whose verification mail is out of the way. */
static void
have_account(const char *email, struct account *out)
{
    assert_int_equal(do_register(email, NULL, out), RC_OK);
    pg_support_exec("DELETE FROM auth.mails");
}

/* --- tests --------------------------------------------------------------------------------- */

static void
a_mail_waits_until_a_way_out_works_and_keeps_its_link(void **state)
{
    struct account a;
    char token[64];

    (void)state;
    have_account("ada@example.com", &a);
    assert_int_equal(ask("ada@example.com"), RC_OK);
    use_mailer(&(struct mailer_cfg){.from = "assay@example.com",
                                    .smtp = {.url = "smtp://127.0.0.1:1"}}); /* nobody there */
    run_all();
    assert_int_equal(
        pg_support_i64("SELECT count(*) FROM auth.mails WHERE NOT dead AND attempts = 1"
                       " AND next_at > now() + interval '8 s' AND cause <> ''"),
        1);
    int64_t made = pg_support_i64("SELECT id FROM auth.links");
    pg_support_exec("UPDATE auth.mails SET next_at = now();"
                    "UPDATE auth.links SET expires_at = now() - interval '1 s'");
    use_mailer(&(struct mailer_cfg){.from = "assay@example.com", .dir = sink});
    run_all();
    assert_int_equal(sunk(token), 1);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM auth.mails"), 0);
    assert_int_equal(pg_support_i64("SELECT id FROM auth.links"), made); /* the same, alive again */
    assert_int_equal(reset(token, "a new password"), RC_OK);
    assert_int_equal(reset(token, "a new password"), RC_FAILED_PRECONDITION);
    assert_int_equal(do_login("ada@example.com", "a new password", "192.0.2.1", NULL), RC_OK);
}

static void
a_mail_whose_process_died_goes_out_when_its_lease_is_over(void **state)
{
    struct call c = call_begin();
    struct account a;
    struct aut_mail_row row;
    bool found = false;

    (void)state;
    have_account("ada@example.com", &a);
    assert_int_equal(ask("ada@example.com"), RC_OK);
    assert_int_equal(aut_mail_claim(db, &c.ctx, ASSAY_US_PER_S * 60, &found, &row), RC_OK);
    assert_true(found);
    assert_false(run_once()); /* another replica leaves it alone */
    assert_int_equal(sunk(NULL), 0);
    pg_support_exec("UPDATE auth.mails SET next_at = now()"); /* the minute has passed */
    run_all();
    assert_int_equal(sunk(NULL), 1);
    call_end(&c);
}

static void
old_mails_are_given_up_and_kept_for_people(void **state)
{
    struct account a;

    (void)state;
    have_account("ada@example.com", &a);
    assert_int_equal(ask("ada@example.com"), RC_OK);
    use_mailer(
        &(struct mailer_cfg){.from = "assay@example.com", .smtp = {.url = "smtp://127.0.0.1:1"}});
    pg_support_exec("UPDATE auth.mails SET created_at = now() - interval '73 h'");
    run_all();
    assert_int_equal(
        pg_support_i64("SELECT count(*) FROM auth.mails WHERE dead AND sealed IS NULL"), 1);
}

static void
no_token_lies_in_clear_and_none_is_logged(void **state)
{
    struct account a;
    char token[64];
    char sql[256];

    (void)state;
    have_account("ada@example.com", &a);
    assert_int_equal(ask("ada@example.com"), RC_OK);
    use_mailer(
        &(struct mailer_cfg){.from = "assay@example.com", .smtp = {.url = "smtp://127.0.0.1:1"}});
    run_all();
    pg_support_exec("CREATE TABLE IF NOT EXISTS public.seen (row text); TRUNCATE public.seen;"
                    "INSERT INTO public.seen SELECT m::text FROM auth.mails m;"
                    "INSERT INTO public.seen SELECT l::text FROM auth.links l;"
                    "UPDATE auth.mails SET next_at = now()");
    use_mailer(&(struct mailer_cfg){.from = "assay@example.com", .dir = sink});
    run_all();
    assert_int_equal(sunk(token), 1);
    assert_true(strlen(token) >= 40);
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM public.seen WHERE row LIKE '%%%s%%'"
                   " OR row LIKE '%%' || encode('%s'::bytea, 'hex') || '%%'",
                   token, token);
    assert_int_equal(pg_support_i64(sql), 0);
    pg_support_exec("DROP TABLE public.seen");
}

/* --- time ---------------------------------------------------------------------------------- */

#define PAIRS 120

struct sample {
    int64_t us;
    bool known;
};

static int
by_time(const void *a, const void *b)
{
    int64_t x = ((const struct sample *)a)->us;
    int64_t y = ((const struct sample *)b)->us;

    return x < y ? -1 : x > y;
}

/* Mann-Whitney: how many standard deviations the sum of ranks of one half is off. */
static double
rank_z(struct sample *s, size_t n)
{
    double ranks = 0;
    double half = (double)n / 2;

    qsort(s, n, sizeof(*s), by_time);
    for (size_t i = 0; i < n; i++) {
        ranks += s[i].known ? (double)(i + 1) : 0;
    }
    double u = ranks - half * (half + 1) / 2;
    return (u - half * half / 2) / sqrt(half * half * ((double)n + 1) / 12);
}

/* Calls alternate in a random order, so that the machine's moods fall on both alike. */
static double
compare(enum rc (*call)(const char *email), size_t pairs)
{
    static struct sample s[2 * PAIRS];
    char unknown[64];

    for (size_t i = 0; i < 2 * pairs; i++) {
        s[i].known = i % 2 == 0 ? id_random_u64() % 2 == 0 : !s[i - 1].known;
        (void)snprintf(unknown, sizeof(unknown), "x%03zu@example.com", i);
        int64_t from_us = clk_mono_us();
        (void)call(s[i].known ? "ada@example.com" : unknown);
        s[i].us = clk_mono_us() - from_us;
    }
    return rank_z(s, 2 * pairs);
}

static enum rc
fail_to_login(const char *email)
{
    char peer[32];

    /* Each from an address of its own: the throttle is not what is measured. */
    (void)snprintf(peer, sizeof(peer), "198.51.%u.%u", (unsigned)(id_random_u64() % 250),
                   (unsigned)(id_random_u64() % 250));
    pg_support_exec("TRUNCATE auth.throttle");
    enum rc rc = do_login(email, "not the password", peer, NULL);
    assert_int_equal(rc, RC_UNAUTHENTICATED);
    return rc;
}

static void
time_tells_nothing_about_who_has_an_account(void **state)
{
    struct account a;

    (void)state;
    have_account("ada@example.com", &a);
    /* 4.5 standard deviations: honest noise gets there once in 150000 runs; a look-up, a mail or a
     * hash that only one side pays is far beyond with so many calls. */
    double forgot = compare(ask, PAIRS);
    double login = compare(fail_to_login, PAIRS / 2);
    print_message("forgot: %.2f, login: %.2f standard deviations\n", forgot, login);
    assert_true(fabs(forgot) < 4.5);
    assert_true(fabs(login) < 4.5);
}

/* --- a real server ------------------------------------------------------------------------- */

static void
a_real_server_takes_every_kind_of_mail(void **state)
{
    struct exim exim;
    struct account a;
    char url[96];
    char got[8192];

    (void)state;
    exim_support_start(&exim, true);
    (void)snprintf(url, sizeof(url), "smtp://assay:let%%20me%%20in@localhost:%d", exim.port);
    use_mailer(
        &(struct mailer_cfg){.from = "The assay server <assay@example.com>",
                             .smtp = {.url = url, .tls = SMTP_TLS_REQUIRED, .ca_file = exim.ca}});
    assert_int_equal(do_register("ada@example.com", NULL, &a), RC_OK);
    run_all();
    assert_true(exim_support_wait(&exim, 1, got, sizeof(got)));
    assert_non_null(strstr(got, "Subject: Confirm your e-mail address\n"));
    assert_non_null(strstr(got, "https://assay.example.com/account/verify?token="));
    assert_non_null(strstr(got, "From: \"The assay server\" <assay@example.com>\n"));
    assert_non_null(strstr(got, "Content-Type: text/html; charset=utf-8"));
    assert_int_equal(ask("ada@example.com"), RC_OK);
    assert_int_equal(ask("nobody@example.com"), RC_OK);
    run_all();
    assert_true(exim_support_wait(&exim, 2, got, sizeof(got)));
    assert_non_null(strstr(got, "https://assay.example.com/account/reset?token="));
    assert_int_equal(change_password(&a.who, PASSWORD, "another password"), RC_OK);
    run_all();
    assert_true(exim_support_wait(&exim, 3, got, sizeof(got)));
    assert_non_null(strstr(got, "Subject: Your password was changed\n"));
    assert_int_equal(pg_support_i64("SELECT count(*) FROM auth.mails"), 0);
    assert_int_equal(do_register("unknown@example.com", NULL, NULL), RC_OK);
    run_all(); /* refused for good */
    assert_int_equal(pg_support_i64("SELECT count(*) FROM auth.mails WHERE dead"), 1);
    assert_int_equal(do_register("later@example.com", NULL, NULL), RC_OK);
    run_all(); /* the server says: later */
    assert_int_equal(pg_support_i64("SELECT count(*) FROM auth.mails WHERE NOT dead"), 1);
    assert_int_equal(exim_support_count(&exim), 3);
    exim_support_stop(&exim);
}

#define M(name) cmocka_unit_test_setup_teardown(name, set_up_sink, tear_down_sink)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        M(a_mail_waits_until_a_way_out_works_and_keeps_its_link),
        M(a_mail_whose_process_died_goes_out_when_its_lease_is_over),
        M(old_mails_are_given_up_and_kept_for_people),
        M(no_token_lies_in_clear_and_none_is_logged),
        M(time_tells_nothing_about_who_has_an_account),
        M(a_real_server_takes_every_kind_of_mail),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
