/* SPDX-License-Identifier: Apache-2.0
 *
 * Decisions on one content and results of its comparison, all at the same moment. */
#include "base/id.h"
#include "tests/tests_fixture.h"
#include "tests/vizzly/viz.h"

#define BUILDS 12 /* with the same screenshot, each with a comparison of its own */
#define ROUNDS 6
#define DECIDERS 4

static char ids[BUILDS][ID_UUID_LEN + 1];

/* One picture that differs from its baseline in BUILDS builds; the pair waits to be compared. */
static void
make_builds(void)
{
    pg_support_exec("TRUNCATE tests.viz_builds, tests.viz_images, tests.viz_pairs, tests.outbox"
                    " RESTART IDENTITY CASCADE");
    pg_support_exec(
        "SET search_path = tests;"
        " INSERT INTO viz_images (org_id, sha256, pixels, blob_key, file_key, content_type, width,"
        "  height, size_bytes)"
        " SELECT 7, 'sha' || n, 'pixels' || n, 'blob' || n, 'file' || n, 'image/png', 8, 8, 99"
        " FROM generate_series(0, 1) n;"
        " INSERT INTO viz_builds (org_id, project_id, name, environment, threshold, colour_delta,"
        "  cluster_min) SELECT 7, 3, 'build ' || n, 'test', 0, 2, 2 FROM generate_series(0, 12) n;"
        " INSERT INTO viz_screenshots (org_id, project_id, build_id, build_seq, name, signature,"
        "  sha256, properties)"
        " SELECT 7, 3, id, seq, 'home', 'home|1|x', CASE seq WHEN 1 THEN 'sha0' ELSE 'sha1' END,"
        "  '{}' FROM viz_builds;"
        " INSERT INTO viz_pairs (org_id, base_pixels, current_pixels, colour_delta, cluster_min,"
        "  base_blob, current_blob) VALUES (7, 'pixels0', 'pixels1', 2, 2, 'blob0', 'blob1');"
        /* The newest has the lowest id: stored in the one order, held in the other. */
        " INSERT INTO viz_comparisons (id, org_id, project_id, build_id, screenshot_id, "
        "baseline_id,"
        "  baseline_why, pair_id, threshold, status, approval_status)"
        " SELECT ('00000000-0000-4000-8000-' || lpad((100 - s.build_seq)::text, 12, '0'))::uuid, "
        "7, 3,"
        "  s.build_id, s.id, b.id, 'branch', 1, 0, 'pending', 'pending'"
        " FROM viz_screenshots s, viz_screenshots b WHERE s.build_seq > 1 AND b.build_seq = 1"
        " ORDER BY s.build_seq;"
        " UPDATE viz_pairs SET state = 'done', diff_percentage = 1");
    for (int i = 0; i < BUILDS; i++) {
        (void)snprintf(ids[i], sizeof(ids[i]), "00000000-0000-4000-8000-%012d", 98 - i);
    }
}

/* --- who does something at the moment ------------------------------------------------------ */

static pthread_barrier_t all_there;

struct doer {
    const char *comparison, *status; /* NULL: finishes the pair */
    enum rc rc;
};

static enum rc
decide(struct call *c, const struct doer *d)
{
    Assay__SdkApprovalResponse resp = ASSAY__SDK_APPROVAL_RESPONSE__INIT;
    struct viz_decision decision = {.comparison = d->comparison,
                                    .status = d->status,
                                    .user = "00000000-0000-4000-8000-000000000005",
                                    .message = "decided"};

    return viz_decide(&tests, &c->ctx, &decision, &resp);
}

static enum rc
finish_pair(struct call *c)
{
    const int64_t pair[] = {1};

    return DB_QUERY(db, &c->ctx, Q_VIZ_COMPARISONS_FINISH, NULL, DB_ARG_I64S(pair, 1));
}

static void *
act(void *arg)
{
    struct doer *d = arg;
    struct call c = call_as(d->comparison == NULL ? 0 : ORG);

    d->rc = db_begin(db, &c.ctx);
    (void)pthread_barrier_wait(&all_there);
    d->rc = d->rc != RC_OK ? d->rc : d->comparison == NULL ? finish_pair(&c) : decide(&c, d);
    d->rc = d->rc == RC_OK ? db_commit(db, &c.ctx) : d->rc;
    if (d->rc != RC_OK) {
        (void)fprintf(stderr, "%s\n", reason(&c));
        db_rollback(db, &c.ctx);
    }
    call_end(&c);
    return NULL;
}

static void
decisions_and_results_at_one_moment_never_wait_for_each_other_in_a_ring(void **state)
{
    static const char *const words[] = {"approved", "rejected", "pending"};

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct doer doers[DECIDERS + 1] = {{NULL, NULL, RC_OK}};
        pthread_t threads[DECIDERS + 1];
        make_builds();
        for (int i = 0; i < DECIDERS; i++) {
            doers[i + 1].comparison = ids[(BUILDS - 1 - i * 3 + round) % BUILDS];
            doers[i + 1].status = words[(i + round) % 3];
        }
        assert_int_equal(pthread_barrier_init(&all_there, NULL, DECIDERS + 1), 0);
        for (int i = 0; i <= DECIDERS; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, act, &doers[i]), 0);
        }
        for (int i = 0; i <= DECIDERS; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        }
        for (int i = 0; i <= DECIDERS; i++) {
            assert_int_equal(doers[i].rc, RC_OK);
        }
        (void)pthread_barrier_destroy(&all_there);
        ASSERT_N("viz_comparisons WHERE status = 'completed'", BUILDS);
    }
}

int
main(void)
{
    const struct CMUnitTest tests_of_decisions[] = {
        cmocka_unit_test_setup(
            decisions_and_results_at_one_moment_never_wait_for_each_other_in_a_ring, set_up),
    };

    return cmocka_run_group_tests(tests_of_decisions, open_all, close_all);
}
