/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls against real server processes that are killed in mid-call, rolled under load and frozen. */
#include "tests/faults/rpc_roll_lab.h"

static void
roll(struct fixture *f)
{
    for (int i = 0; i < REPLICAS; i++) {
        assert_int_equal(kill(f->pids[i], SIGTERM), 0);
        int status = reap(f->pids[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        f->pids[i] = spawn(f, i);
        await_replicas(f, REPLICAS);
        await_progress(f, 100);
    }
}

static void
rolling_restart_loses_nothing_and_repeats_nothing(void **state)
{
    struct fixture f;
    struct load load;

    (void)state;
    open_all(&f);
    load_start(&load, &f, WRITE_PLAIN, CALL_US);
    await_progress(&f, 200);
    roll(&f);
    roll(&f);
    struct tally t = load_end(&load, &f);
    assert_true(t.calls > 600);
    assert_int_equal(t.ok, t.calls);
    assert_int_equal(t.lost, 0);
    assert_int_equal(t.twice, 0);
    close_all(&f);
}

static void
kill_one_after_another(struct fixture *f)
{
    for (int round = 0; round < 6; round++) {
        int i = round % REPLICAS;
        await_progress(f, 100);
        assert_int_equal(kill(f->pids[i], SIGKILL), 0);
        assert_true(WIFSIGNALED(reap(f->pids[i])));
        await_progress(f, 100); /* the others go on */
        f->pids[i] = spawn(f, i);
        await_replicas(f, REPLICAS);
    }
}

static void
killed_server_leaves_writes_unknown_but_never_repeats_them(void **state)
{
    struct fixture f;
    struct load load;

    (void)state;
    open_all(&f);
    load_start(&load, &f, WRITE_PLAIN, CALL_US);
    kill_one_after_another(&f);
    struct tally t = load_end(&load, &f);
    assert_int_equal(t.lost, 0);
    assert_int_equal(t.twice, 0);
    assert_int_equal(t.ghosts, 0);
    assert_int_equal(t.other, 0);
    assert_true(t.unknown <= 6 * CALLERS); /* those at the killed server, no others */
    close_all(&f);
}

static void
killed_server_costs_reads_and_keyed_writes_nothing(void **state)
{
    static const enum kind kinds[] = {READ, WRITE_KEYED};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct fixture f;
        struct load load;
        open_all(&f);
        load_start(&load, &f, kinds[i], CALL_US);
        kill_one_after_another(&f);
        struct tally t = load_end(&load, &f);
        assert_int_equal(t.ok, t.calls);
        assert_int_equal(t.lost, 0);
        close_all(&f);
    }
}

static void
frozen_replica_is_skipped_and_comes_back(void **state)
{
    struct fixture f;
    struct load load;

    (void)state;
    open_all(&f);
    load_start(&load, &f, WRITE_PLAIN, FROZEN_US);
    await_progress(&f, 200);
    assert_int_equal(kill(f.pids[0], SIGSTOP), 0);
    await_replicas(&f, REPLICAS - 1);
    await_progress(&f, 500);
    assert_int_equal(kill(f.pids[0], SIGCONT), 0);
    await_replicas(&f, REPLICAS);
    await_progress(&f, 100);
    struct tally t = load_end(&load, &f);
    assert_int_equal(t.lost, 0);
    assert_int_equal(t.twice, 0);
    assert_int_equal(t.ghosts, 0);
    assert_true(t.other <= 2 * CALLERS); /* timed out before the replica was skipped */
    assert_int_equal(t.unknown, 0);
    close_all(&f);
}

/* In a process of its own: starts a server, tells its process id and waits to be killed. */
static int
be_killed(const char *dir)
{
    struct fixture f = {.dir = ""};

    (void)snprintf(f.name, sizeof(f.name), "ipc://%s/orphan", dir);
    (void)snprintf(f.log, sizeof(f.log), "%s/executed", dir);
    (void)printf("%d\n", (int)spawn(&f, 0));
    (void)fflush(stdout);
    return pause();
}

static void
servers_end_with_a_test_that_is_killed(void **state)
{
    struct timespec nap = {.tv_nsec = 5 * 1000 * 1000};
    int64_t end_us = clk_mono_us() + PATIENCE_US;
    char dir[PLACE_MAX];
    char text[128] = "";
    int out[2];

    (void)state;
    place_make(dir, "roll");
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    assert_int_equal(pipe(out), 0);
    pid_t test = fork();
    if (test == 0) {
        (void)dup2(out[1], STDOUT_FILENO);
        (void)execl("/proc/self/exe", "rpc_roll", "--be-killed", dir, (char *)NULL);
        _exit(127);
    }
    assert_true(read(out[0], text, sizeof(text) - 1) > 0);
    pid_t server = (pid_t)strtol(text, NULL, 10);
    assert_true(server > 1 && kill(server, 0) == 0);
    assert_int_equal(kill(test, SIGKILL), 0);
    (void)reap(test);
    /* The server has become ours: process 1 of a container may bury nobody. */
    while (waitpid(server, NULL, WNOHANG) != server) {
        assert_true(clk_mono_us() < end_us);
        (void)nanosleep(&nap, NULL);
    }
    (void)close(out[0]);
    (void)close(out[1]);
    assert_true(place_remove(dir));
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_end_with_a_test_that_is_killed),
        cmocka_unit_test(rolling_restart_loses_nothing_and_repeats_nothing),
        cmocka_unit_test(killed_server_leaves_writes_unknown_but_never_repeats_them),
        cmocka_unit_test(killed_server_costs_reads_and_keyed_writes_nothing),
        cmocka_unit_test(frozen_replica_is_skipped_and_comes_back),
    };

    if (argc == 4 && strcmp(argv[1], "--serve") == 0) {
        return serve(argv[2], argv[3]);
    }
    if (argc == 3 && strcmp(argv[1], "--be-killed") == 0) {
        return be_killed(argv[2]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
