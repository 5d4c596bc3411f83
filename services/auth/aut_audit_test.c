/* SPDX-License-Identifier: Apache-2.0
 *
 * The audit log is complete, once, and cannot be changed unseen. */
#include "auth/auth_fixture.h"

/* --- audit --------------------------------------------------------------------------------- */

static struct aut_audit_report
verify_audit(void)
{
    struct call c = call_begin();
    struct aut_audit_report report;

    assert_int_equal(aut_audit_verify(db, &c.ctx, &report), RC_OK);
    call_end(&c);
    return report;
}

static void
fill_audit(int count)
{
    for (int i = 0; i < count; i++) {
        char id[ID_UUID_LEN + 1];
        id_uuid(id);
        deliver_event(id, 1 + i % 2, "thing.happened", NULL);
    }
}

static void
events_are_stored_once_and_chained(void **state)
{
    (void)state;
    fill_audit(7);
    deliver_event("01234567-89ab-7def-8123-456789abcdef", 1, "thing.happened", NULL);
    deliver_event("01234567-89ab-7def-8123-456789abcdef", 1, "thing.happened", NULL);
    struct aut_audit_report report = verify_audit();
    assert_int_equal(report.entries, 8);
    assert_int_equal(report.bad_seq, 0);
}

static void
the_log_cannot_be_changed_by_the_service(void **state)
{
    (void)state;
    fill_audit(2);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM pg_trigger WHERE tgrelid ="
                                    " 'auth.audit_events'::regclass AND NOT tgisinternal"),
                     2);
    assert_int_equal(pg_support_i64("DO $$ BEGIN UPDATE auth.audit_events SET type = 'x';"
                                    " EXCEPTION WHEN raise_exception THEN NULL; END $$;"
                                    " SELECT count(*) FROM auth.audit_events WHERE type = 'x'"),
                     0);
}

static void
every_kind_of_tampering_shows(void **state)
{
    static const struct {
        const char *sql;
        int64_t bad_seq;
    } CASES[] = {
        {"UPDATE auth.audit_events SET type = 'x' WHERE org_id = 1 AND seq = 2", 2},
        {"UPDATE auth.audit_events SET details = NULL WHERE org_id = 1 AND seq = 1", 1},
        {"DELETE FROM auth.audit_events WHERE org_id = 1 AND seq = 3", 3},
        {"DELETE FROM auth.audit_events WHERE org_id = 1 AND seq = 5", 5},
        {"ALTER TABLE auth.audit_events DROP CONSTRAINT audit_events_org_id_seq_key;"
         "UPDATE auth.audit_events SET seq = 9 - seq WHERE org_id = 1 AND seq IN (4, 5)",
         4},
        {"UPDATE auth.audit_heads SET hash = sha256('x') WHERE org_id = 1", 6},
        {"DELETE FROM auth.audit_heads WHERE org_id = 1", 6},
        {"DELETE FROM auth.audit_events WHERE org_id = 1", 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        pg_support_exec("ALTER TABLE auth.audit_events DISABLE TRIGGER USER;"
                        "TRUNCATE auth.audit_events, auth.audit_heads");
        fill_audit(10);
        assert_int_equal(verify_audit().bad_seq, 0);
        pg_support_exec(CASES[i].sql);
        struct aut_audit_report report = verify_audit();
        if (report.bad_org != 1 || report.bad_seq != CASES[i].bad_seq) {
            fail_msg("%s: found %lld/%lld", CASES[i].sql, (long long)report.bad_org,
                     (long long)report.bad_seq);
        }
    }
}

static atomic_bool stop_adding;

static void *
add_thread(void *arg)
{
    (void)arg;
    while (!atomic_load(&stop_adding)) {
        fill_audit(2);
    }
    return NULL;
}

static void
a_log_that_grows_while_it_is_verified_fits(void **state)
{
    pthread_t thread;

    (void)state;
    fill_audit(10);
    atomic_store(&stop_adding, false);
    assert_int_equal(pthread_create(&thread, NULL, add_thread, NULL), 0);
    int64_t bad = 0;
    for (int i = 0; i < 30; i++) {
        bad += verify_audit().bad_seq != 0;
    }
    atomic_store(&stop_adding, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(bad, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(events_are_stored_once_and_chained),
        T(the_log_cannot_be_changed_by_the_service),
        T(every_kind_of_tampering_shows),
        T(a_log_that_grows_while_it_is_verified_fits),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
