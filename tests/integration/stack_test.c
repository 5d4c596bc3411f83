/* SPDX-License-Identifier: Apache-2.0
 *
 * The embedded stack as people use it: the command, real processes, a folder with spaces in its
 * name, a port of its own. One stack serves the tests in their order. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clk.h"
#include "tests/support/place.h"

#include <cmocka.h>

#define OUT_MAX ((size_t)1 << 20)
#define WAIT_US (60 * ASSAY_US_PER_S)

static char base[64];
static char state_dir[128];
static char port[8];

static void
pause_ms(long ms)
{
    struct timespec t = {.tv_nsec = ms * 1000000};

    (void)nanosleep(&t, NULL);
}

/* Runs the command and keeps what it says on both channels; returns its exit code. */
static int
assay(struct buf *out, const char *const *args)
{
    char program[PATH_MAX];
    const char *argv[16] = {program};
    int fds[2], status = 0;

    (void)snprintf(program, sizeof(program), "%s/assay", place_bin());
    for (size_t i = 0; args[i] != NULL; i++) {
        argv[i + 1] = args[i];
    }
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(fds[1], 1);
        (void)dup2(fds[1], 2);
        (void)execv(program, (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    (void)close(fds[1]);
    buf_clear(out);
    char *room = buf_room(out, 4096);
    for (ssize_t n = 1; room != NULL && n > 0; room = buf_room(out, 4096)) {
        n = read(fds[0], room, 4096);
        buf_added(out, n > 0 ? (size_t)n : 0);
    }
    (void)close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int
stack(struct buf *out, const char *what)
{
    const char *args[] = {"stack", what, NULL};

    return assay(out, args);
}

static bool
says(const struct buf *out, const char *text)
{
    return str_find(buf_str(out), str_z(text)) >= 0;
}

static void
assert_says(const struct buf *out, const char *text)
{
    if (!says(out, text)) {
        fail_msg("'%s' is not in:\n%.*s", text, STR_ARG(buf_str(out)));
    }
}

/* The process of a child by the status it prints; 0: it has none. */
static pid_t
pid_of(const char *name)
{
    struct buf out;
    int64_t pid = 0;

    buf_init(&out, OUT_MAX);
    (void)stack(&out, "status");
    struct str rest = buf_str(&out);
    while (rest.n > 0) {
        char found[32], phase[32];
        long number = 0;
        struct str line = str_split(&rest, '\n');
        char text[256];
        (void)snprintf(text, sizeof(text), "%.*s", STR_ARG(line));
        if (sscanf(text, "%31s %31s %ld", found, phase, &number) == 3 && strcmp(found, name) == 0) {
            pid = number;
        }
    }
    buf_fini(&out);
    return (pid_t)pid;
}

/* Until `assay stack status` says that all is well. */
static bool
wait_well(void)
{
    struct buf out;
    bool well = false;

    buf_init(&out, OUT_MAX);
    for (int64_t end = clk_mono_us() + WAIT_US; !well && clk_mono_us() < end; pause_ms(100)) {
        well = stack(&out, "status") == 0;
    }
    if (!well) {
        print_error("%.*s", STR_ARG(buf_str(&out)));
    }
    buf_fini(&out);
    return well;
}

/* Processes of this stack: they carry its folder in their environment. Postgres moves its own, so
 * it is looked for by what it was started with. */
static size_t
processes(void)
{
    DIR *proc = opendir("/proc");
    size_t n = 0;
    char *text = malloc(OUT_MAX);

    assert_non_null(text);
    for (struct dirent *e = readdir(proc); e != NULL; e = readdir(proc)) {
        static const char *const FILES[] = {"environ", "cmdline"};
        bool ours = false;
        for (size_t i = 0; i < 2 && ch_is_digit(e->d_name[0]); i++) {
            char path[300];
            (void)snprintf(path, sizeof(path), "/proc/%s/%s", e->d_name, FILES[i]);
            int fd = open(path, O_RDONLY);
            ssize_t got = fd < 0 ? -1 : read(fd, text, OUT_MAX);
            (void)close(fd);
            struct str mark = str_z(i == 0 ? state_dir : base);
            ours = ours || (got > 0 && str_find(str_n(text, (size_t)got), mark) >= 0);
        }
        n += ours;
    }
    (void)closedir(proc);
    free(text);
    return n;
}

/* --- behaviour ----------------------------------------------------------------------------- */

static void
a_fresh_folder_becomes_a_stack(void **test)
{
    struct buf *out = *test;
    char path[PATH_MAX];
    struct stat st;

    if (stack(out, "up") != 0) {
        fail_msg("%.*s", STR_ARG(buf_str(out)));
    }
    assert_says(out, "running: http://127.0.0.1:");
    assert_says(out, port);
    (void)snprintf(path, sizeof(path), "%s/assay.env", state_dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    (void)snprintf(path, sizeof(path), "%s/secret.key", state_dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(wait_well());
}

static void
a_second_up_finds_it_running(void **test)
{
    struct buf *out = *test;
    pid_t before = pid_of("gateway");

    assert_int_equal(stack(out, "up"), 0);
    assert_says(out, "running already");
    assert_int_equal(pid_of("gateway"), before);
}

static void
changed_settings_are_told(void **test)
{
    struct buf *out = *test;

    (void)setenv("ASSAY_RUN_LEASE", "77s", 1);
    assert_int_equal(stack(out, "up"), 0);
    (void)unsetenv("ASSAY_RUN_LEASE");
    assert_says(out, "changed since the stack was started: ASSAY_RUN_LEASE");
}

/* Also the database: what dies comes back, as another process, and all is well again. */
static void
what_is_killed_comes_back(void **test)
{
    static const char *const NAMES[] = {"tests", "gateway", "worker", "postgres"};

    (void)test;
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        pid_t before = pid_of(NAMES[i]);
        assert_true(before > 1);
        assert_int_equal(kill(before, SIGKILL), 0);
        int64_t end = clk_mono_us() + WAIT_US;
        for (pid_t now = before; now == before || now <= 0; now = pid_of(NAMES[i])) {
            assert_true(clk_mono_us() < end);
            pause_ms(50);
        }
        if (!wait_well()) {
            fail_msg("not well after %s was killed", NAMES[i]);
        }
    }
}

static pid_t
supervisor(void)
{
    char path[PATH_MAX];
    long pid = 0;

    (void)snprintf(path, sizeof(path), "%s/stack.lock", state_dir);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    assert_int_equal(fscanf(in, "%ld", &pid), 1);
    (void)fclose(in);
    return (pid_t)pid;
}

static void
a_killed_supervisor_takes_all_with_it_and_up_works_again(void **test)
{
    struct buf *out = *test;

    assert_int_equal(kill(supervisor(), SIGKILL), 0);
    if (stack(out, "up") != 0) {
        fail_msg("%.*s", STR_ARG(buf_str(out)));
    }
    assert_says(out, "running: http");
    assert_true(wait_well());
}

static void
a_second_stack_on_its_port_is_refused(void **test)
{
    struct buf *out = *test;
    char other[sizeof(state_dir) + 8];

    (void)snprintf(other, sizeof(other), "%s other", state_dir);
    (void)setenv("ASSAY_STATE_DIR", other, 1);
    int rc = stack(out, "up");
    (void)setenv("ASSAY_STATE_DIR", state_dir, 1);
    assert_int_equal(rc, 3);
    assert_says(out, "is in use");
    assert_says(out, port);
}

static void
down_leaves_no_process(void **test)
{
    struct buf *out = *test;

    assert_true(processes() > 5);
    assert_int_equal(stack(out, "down"), 0);
    assert_says(out, "stopped");
    assert_int_equal(processes(), 0);
    assert_int_equal(stack(out, "status"), 1);
    assert_says(out, "not running");
    assert_int_equal(stack(out, "down"), 0);
}

/* --- set-up -------------------------------------------------------------------------------- */

static int
set_up(void **test)
{
    struct buf *out = calloc(1, sizeof(*out));

    buf_init(out, OUT_MAX);
    (void)snprintf(base, sizeof(base), "%s/assay stack %ld", place_base(), (long)getpid());
    (void)snprintf(port, sizeof(port), "%d", place_port());
    (void)snprintf(state_dir, sizeof(state_dir), "%s/my var", base);
    (void)setenv("ASSAY_STATE_DIR", state_dir, 1);
    (void)setenv("ASSAY_HTTP_PORT", port, 1);
    *test = out;
    return out == NULL || mkdir(base, 0755) != 0;
}

static int
tear_down(void **test)
{
    struct buf *out = *test;

    (void)stack(out, "clean");
    pid_t pid = fork();
    if (pid == 0) {
        (void)execlp("rm", "rm", "-rf", "--", base, (char *)NULL);
        _exit(127);
    }
    (void)waitpid(pid, NULL, 0);
    buf_fini(out);
    free(out);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_folder_becomes_a_stack),
        cmocka_unit_test(a_second_up_finds_it_running),
        cmocka_unit_test(changed_settings_are_told),
        cmocka_unit_test(what_is_killed_comes_back),
        cmocka_unit_test(a_killed_supervisor_takes_all_with_it_and_up_works_again),
        cmocka_unit_test(a_second_stack_on_its_port_is_refused),
        cmocka_unit_test(down_leaves_no_process),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
