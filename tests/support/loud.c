/* SPDX-License-Identifier: Apache-2.0
 *
 * Every test program has this. A program that dies says of what and where: by a signal, or because
 * an assertion failed in a thread that is none of cmocka's, which ends the process with -1 and not
 * a word. */
#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRAMES_MAX 40
#define CMOCKA_EXIT 255 /* exit(-1) of an assertion outside the test's thread */

static pid_t owner;

static void
say(const char *text)
{
    (void)!write(STDERR_FILENO, text, strlen(text));
}

/* Addresses within the program, for addr2line -e. */
static void
show_stack(void)
{
    void *frames[FRAMES_MAX];
    int n = backtrace(frames, FRAMES_MAX);

    backtrace_symbols_fd(frames, n, STDERR_FILENO);
}

static void
on_signal(int sig)
{
    if (getpid() == owner) {
        say("\n*** the test program ends by signal ");
        say(sigabbrev_np(sig));
        say(", here:\n");
        show_stack();
    }
    (void)raise(sig); /* again, now with its own effect */
}

static void
on_end(int status, void *arg)
{
    (void)arg;
    if (getpid() == owner && (status & 0xff) == CMOCKA_EXIT) {
        say("\n*** the test program ends with -1: an assertion failed in a thread of its own, "
            "here:\n");
        show_stack();
    }
}

__attribute__((constructor)) static void
speak_up(void)
{
    static const int SIGNALS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGPIPE, SIGTERM};
    struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND | SA_NODEFER};
    void *frame[1];

    owner = getpid();
    (void)backtrace(frame, 1); /* loads what it needs now, not in a handler */
    (void)on_exit(on_end, NULL);
    for (size_t i = 0; i < sizeof(SIGNALS) / sizeof(SIGNALS[0]); i++) {
        struct sigaction was;
        /* A sanitizer that was here before tells more. */
        if (sigaction(SIGNALS[i], NULL, &was) == 0 && was.sa_handler == SIG_DFL) {
            (void)sigaction(SIGNALS[i], &act, NULL);
        }
    }
}
