/* SPDX-License-Identifier: Apache-2.0
 *
 * What a command costs with everything it starts:
 *
 *     cputime NAME COMMAND [ARG...]   runs it; prints BENCH NAME_wall, NAME_cpu and NAME_rss_peak
 *     cputime NAME --of PID           prints BENCH NAME_cpu: CPU seconds so far of PID, its live
 *                                     descendants and the children they have waited for
 *
 * Browsers leave processes behind that nobody waits for; as a subreaper this one gets them, so that
 * their time counts too. The command's output goes to standard error. Exit status: the command's.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PROCESSES_MAX = 8192, STAT_MAX = 1024 };

struct process {
    long pid, parent;
    double cpu_s; /* own and of waited-for children */
};

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

static int
process_read(long pid, struct process *out)
{
    char path[64], text[STAT_MAX];
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return -1;
    }
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[len] = '\0';
    /* The name in parentheses may hold anything, so look for the last one. */
    const char *rest = strrchr(text, ')');
    unsigned long user, kernel;
    long child_user, child_kernel;
    if (rest == NULL ||
        sscanf(rest + 1, " %*c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld",
               &out->parent, &user, &kernel, &child_user, &child_kernel) != 5) {
        return -1;
    }
    out->pid = pid;
    out->cpu_s = (double)(user + kernel + (unsigned long)(child_user + child_kernel)) /
                 (double)sysconf(_SC_CLK_TCK);
    return 0;
}

static size_t
processes_read(struct process *all)
{
    size_t count = 0;
    DIR *proc = opendir("/proc");
    if (proc == NULL) {
        return 0;
    }
    for (const struct dirent *e; count < PROCESSES_MAX && (e = readdir(proc)) != NULL;) {
        char *end;
        long pid = strtol(e->d_name, &end, 10);
        if (end != e->d_name && *end == '\0' && process_read(pid, &all[count]) == 0) {
            count++;
        }
    }
    closedir(proc);
    return count;
}

static double
tree_cpu_s(const struct process *all, size_t count, long root)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        if (all[i].pid == root) {
            sum += all[i].cpu_s;
        } else if (all[i].parent == root) {
            sum += tree_cpu_s(all, count, all[i].pid);
        }
    }
    return sum;
}

static int
print_tree(const char *name, const char *pid_text)
{
    static struct process all[PROCESSES_MAX];
    char *end;
    long pid = strtol(pid_text, &end, 10);
    size_t count = processes_read(all);
    if (*end != '\0' || pid <= 0 || count == 0) {
        return 3;
    }
    printf("BENCH %s_cpu %.2f s\n", name, tree_cpu_s(all, count, pid));
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
    if (argc == 4 && strcmp(argv[2], "--of") == 0) {
        return print_tree(argv[1], argv[3]);
    }
    if (argc < 3) {
        fprintf(stderr, "usage: cputime NAME COMMAND [ARG...] | cputime NAME --of PID\n");
        return 3;
    }
    return run(argv[1], argv + 2);
}
