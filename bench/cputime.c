/* SPDX-License-Identifier: Apache-2.0
 *
 * What a command costs with everything it starts:
 *
 *     cputime NAME COMMAND [ARG...]   runs it; prints BENCH NAME_wall, NAME_cpu and NAME_rss_peak
 *     cputime NAME --tree PID...      prints BENCH NAME_cpu: CPU seconds so far of these processes,
 * of all below them, and of the children those have waited for; and BENCH NAME_switches: how often
 * the threads they have now were switched
 *
 * Browsers leave processes behind that nobody waits for; as a subreaper this one gets them, so that
 * their time counts too. The command's output goes to standard error. Exit status: the command's.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STAT_MAX = 1024, PROCESSES_MAX = 16384 };

static double
seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double
now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Reads a file of /proc/PID; returns its length, 0 when the process is gone or not ours to see. */
static size_t
proc_read(const char *pid, const char *name, char *out, size_t cap)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%.20s/%s", pid, name);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return 0;
    }
    size_t len = fread(out, 1, cap - 1, file);
    fclose(file);
    out[len] = '\0';
    return len;
}

struct process {
    pid_t pid, parent;
    bool counts;
    double cpu_s; /* own, and of children waited for */
};

/* One look gives parent and time: a process that ends between two looks would be lost. */
static bool
read_process(const char *pid, struct process *out)
{
    char text[STAT_MAX];
    unsigned long user, kernel;
    long child_user, child_kernel;
    int parent;
    if (proc_read(pid, "stat", text, sizeof text) == 0) {
        return false;
    }
    /* The name in parentheses may hold anything, so look for the last one. */
    const char *rest = strrchr(text, ')');
    if (rest == NULL ||
        sscanf(rest + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld", &parent,
               &user, &kernel, &child_user, &child_kernel) != 5) {
        return false;
    }
    double ticks = (double)user + (double)kernel + (double)child_user + (double)child_kernel;
    *out = (struct process){(pid_t)strtol(pid, NULL, 10), parent, false,
                            ticks / (double)sysconf(_SC_CLK_TCK)};
    return true;
}

static unsigned long
switches_of_thread(const char *pid, const char *thread)
{
    char name[64];
    char text[4096];
    unsigned long sum = 0;
    snprintf(name, sizeof name, "task/%.20s/status", thread);
    if (proc_read(pid, name, text, sizeof text) == 0) {
        return 0;
    }
    /* Twice: voluntary_ and nonvoluntary_. */
    for (const char *at = text; (at = strstr(at, "voluntary_ctxt_switches:")) != NULL;) {
        at = strchr(at, ':') + 1;
        sum += strtoul(at, NULL, 10);
    }
    return sum;
}

static unsigned long
switches_of(pid_t process)
{
    char pid[24];
    char path[64];
    unsigned long sum = 0;
    snprintf(pid, sizeof pid, "%d", (int)process);
    snprintf(path, sizeof path, "/proc/%s/task", pid);
    DIR *tasks = opendir(path);
    for (const struct dirent *e; tasks != NULL && (e = readdir(tasks)) != NULL;) {
        sum += isdigit((unsigned char)e->d_name[0]) ? switches_of_thread(pid, e->d_name) : 0;
    }
    if (tasks != NULL) {
        closedir(tasks);
    }
    return sum;
}

static size_t
list_processes(struct process *out)
{
    size_t n = 0;
    DIR *proc = opendir("/proc");
    for (const struct dirent *e;
         proc != NULL && n < PROCESSES_MAX && (e = readdir(proc)) != NULL;) {
        n += isdigit((unsigned char)e->d_name[0]) && read_process(e->d_name, &out[n]);
    }
    if (proc != NULL) {
        closedir(proc);
    }
    return n;
}

static bool
counts(const struct process *all, size_t n, pid_t pid)
{
    for (size_t i = 0; i < n; i++) {
        if (all[i].pid == pid) {
            return all[i].counts;
        }
    }
    return false;
}

static int
print_tree(const char *name, char **roots)
{
    static struct process all[PROCESSES_MAX];
    size_t n = list_processes(all);
    double sum = 0;
    unsigned long switches = 0;
    bool more = true;
    for (size_t i = 0; i < n; i++) {
        for (char **root = roots; *root != NULL; root++) {
            all[i].counts = all[i].counts || all[i].pid == (pid_t)strtol(*root, NULL, 10);
        }
    }
    while (more) {
        more = false;
        for (size_t i = 0; i < n; i++) {
            if (!all[i].counts && counts(all, n, all[i].parent)) {
                all[i].counts = more = true;
            }
        }
    }
    for (size_t i = 0; i < n; i++) {
        sum += all[i].counts ? all[i].cpu_s : 0;
        switches += all[i].counts ? switches_of(all[i].pid) : 0;
    }
    printf("BENCH %s_cpu %.2f s\n", name, sum);
    printf("BENCH %s_switches %lu switches\n", name, switches);
    return 0;
}

static int
run(const char *name, char **argv)
{
    double started = now_s();
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(STDERR_FILENO, STDOUT_FILENO);
        execvp(argv[0], argv);
        perror(argv[0]);
        _exit(127);
    }
    int status = 0, child_status = 1 << 8;
    double ended = started;
    for (pid_t pid; (pid = wait(&status)) > 0 || errno == EINTR;) {
        if (pid == child) {
            child_status = status;
            ended = now_s();
        }
    }
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    printf("BENCH %s_wall %.2f s\n", name, ended - started);
    printf("BENCH %s_cpu %.2f s\n", name, seconds(usage.ru_utime) + seconds(usage.ru_stime));
    printf("BENCH %s_rss_peak %.0f MiB\n", name, (double)usage.ru_maxrss / 1024);
    return WIFEXITED(child_status) ? WEXITSTATUS(child_status) : 1;
}

int
main(int argc, char **argv)
{
    if (argc > 3 && strcmp(argv[2], "--tree") == 0) {
        return print_tree(argv[1], argv + 3);
    }
    if (argc < 3) {
        fprintf(stderr, "usage: cputime NAME COMMAND [ARG...] | cputime NAME --tree PID...\n");
        return 3;
    }
    return run(argv[1], argv + 2);
}
