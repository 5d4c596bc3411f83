/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/exim.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clk.h"
#include "tests/support/place.h"

#define EXIM "/usr/sbin/exim4"

static _Noreturn void
die(const char *what)
{
    (void)fprintf(stderr, "exim_support: %s\n", what);
    exit(1);
}

/* Exim's daemon is root's: an ordinary user starts and ends it as root. */
static const char *
as_root(void)
{
    return geteuid() == 0 ? "" : "sudo -n ";
}

static const char SECURED[] = "tls_advertise_hosts = *\n"
                              "tls_certificate = %1$s/cert.pem\n"
                              "tls_privatekey = %1$s/key.pem\n"
                              "auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}\n";
static const char CONF[] =
    "primary_hostname = mail.example.com\n"
    "spool_directory = %1$s/spool\n"
    "log_file_path = %1$s/log/%%s\n"
    "pid_file_path = %1$s/exim.pid\n"
    "local_interfaces = 127.0.0.1\n"
    "daemon_smtp_ports = %2$d\n"
    "acl_smtp_rcpt = rcpt\n"
    "host_lookup =\n"
    "keep_environment =\n"
    "rfc1413_query_timeout = 0s\n"
    "begin acl\n"
    "rcpt:\n"
    "  deny condition = ${if eq{$local_part}{unknown}}\n"
    "       message = no such user\n"
    "  defer condition = ${if eq{$local_part}{later}}\n"
    "       message = come again\n"
    "  %3$s\n"
    "begin routers\n"
    "all:\n  driver = accept\n  transport = file\n"
    "begin transports\n"
    "file:\n  driver = appendfile\n  directory = %1$s/mail\n  maildir_format\n"
    "  user = Debian-exim\n  group = Debian-exim\n  mode = 0644\n  directory_mode = 0755\n"
    "begin authenticators\n"
    "plain:\n  driver = plaintext\n  public_name = PLAIN\n  server_prompts = :\n"
    "  server_condition = ${if and{{eq{$auth2}{assay}}{eq{$auth3}{let me in}}}}\n";

static void
write_conf(struct exim *e, bool secured)
{
    char path[96];
    char command[160];

    (void)snprintf(path, sizeof(path), "%s/exim.conf", e->dir);
    FILE *f = fopen(path, "we");
    if (f == NULL) {
        die("cannot write the configuration");
    }
    if (secured) {
        (void)fprintf(f, SECURED, e->dir);
    } else {
        (void)fputs("tls_advertise_hosts =\n", f);
    }
    (void)fprintf(f, CONF, e->dir, e->port, secured ? "accept authenticated = *" : "accept");
    (void)fclose(f);
    (void)snprintf(command, sizeof(command), "%schown root %s", as_root(), path);
    if (system(command) != 0) { /* exim reads no other's */
        die("cannot give the configuration to root");
    }
}

static void
make_folders(struct exim *e, bool secured)
{
    char command[640];

    place_make(e->dir, "exim");
    (void)snprintf(e->ca, sizeof(e->ca), "%s/cert.pem", e->dir);
    (void)snprintf(
        command, sizeof(command),
        "cd %s && chmod 755 . && mkdir spool log mail && touch log/main log/panic log/reject "
        "&& %schown -R Debian-exim spool log mail",
        e->dir, as_root());
    if (system(command) != 0) {
        die("cannot make folders; is exim4-daemon-light installed? may we become root?");
    }
    (void)snprintf(command, sizeof(command),
                   "cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 "
                   "-nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost "
                   "-keyout key.pem -out cert.pem 2>/dev/null && %schown Debian-exim key.pem",
                   e->dir, as_root());
    if (secured && system(command) != 0) {
        die("cannot make a certificate");
    }
}

static bool
answers(int port)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0;

    if (fd >= 0) {
        (void)close(fd);
    }
    return ok;
}

/* Between two looks; every wait has a deadline. */
static void
poll_pause(void)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

void
exim_support_start(struct exim *e, bool secured)
{
    int64_t until_us = clk_mono_us() + 20 * ASSAY_US_PER_S;
    char conf[96];

    *e = (struct exim){.port = place_port()};
    make_folders(e, secured);
    write_conf(e, secured);
    (void)snprintf(conf, sizeof(conf), "%s/exim.conf", e->dir);
    e->pid = fork();
    if (e->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
        (void)dup2(quiet, STDERR_FILENO); /* it says that it gave up its rights */
        if (geteuid() == 0) {
            (void)execl(EXIM, EXIM, "-bdf", "-q1m", "-C", conf, (char *)NULL);
        }
        (void)execlp("sudo", "sudo", "-n", EXIM, "-bdf", "-q1m", "-C", conf, (char *)NULL);
        _exit(127);
    }
    while (!answers(e->port)) {
        if (e->pid < 0 || waitpid(e->pid, NULL, WNOHANG) != 0 || clk_mono_us() > until_us) {
            die("exim does not start");
        }
        poll_pause();
    }
}

void
exim_support_stop(struct exim *e)
{
    char command[128];

    if (e->pid > 0) {
        (void)snprintf(command, sizeof(command), "%skill %ld", as_root(), (long)e->pid);
        if (system(command) == 0) {
            (void)waitpid(e->pid, NULL, 0);
        }
    }
    (void)snprintf(command, sizeof(command), "%srm -rf %s", as_root(), e->dir);
    if (e->dir[0] != '\0' && system(command) != 0) {
        die("cannot remove the folder");
    }
}

/* Newest file of the maildir into `path`. */
static int
list(const struct exim *e, char *path, size_t size)
{
    char dir[96];
    struct dirent *entry;
    struct timespec newest = {0};
    int n = 0;

    (void)snprintf(dir, sizeof(dir), "%s/mail/new", e->dir);
    DIR *d = opendir(dir);
    while (d != NULL && (entry = readdir(d)) != NULL) {
        char file[400];
        struct stat st;
        (void)snprintf(file, sizeof(file), "%s/%s", dir, entry->d_name);
        if (entry->d_name[0] == '.' || stat(file, &st) != 0) {
            continue;
        }
        n++;
        if (path != NULL &&
            (st.st_mtim.tv_sec > newest.tv_sec ||
             (st.st_mtim.tv_sec == newest.tv_sec && st.st_mtim.tv_nsec >= newest.tv_nsec))) {
            newest = st.st_mtim;
            (void)snprintf(path, size, "%s", file);
        }
    }
    if (d != NULL) {
        (void)closedir(d);
    }
    return n;
}

int
exim_support_count(const struct exim *e)
{
    return list(e, NULL, 0);
}

bool
exim_support_wait(const struct exim *e, int n, char *out, size_t size)
{
    int64_t until_us = clk_mono_us() + 20 * ASSAY_US_PER_S;
    char path[400] = "";

    while (list(e, path, sizeof(path)) < n) {
        if (clk_mono_us() > until_us) {
            return false;
        }
        poll_pause();
    }
    FILE *f = fopen(path, "re");
    size_t len = f == NULL ? 0 : fread(out, 1, size - 1, f);
    out[len] = '\0';
    if (f != NULL) {
        (void)fclose(f);
    }
    return len > 0;
}
