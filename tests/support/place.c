/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/place.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define BASE_MAX                                                                                   \
    30 /* of 64, so that a name fits; of the 107 of a socket's path, so that one fits below */
#define PORT_FIRST 10000
#define PORT_LAST 32000
#define PORT_TRIES 200

static _Noreturn void
die(const char *what)
{
    (void)fprintf(stderr, "place support: %s: %s\n", what, strerror(errno));
    exit(99);
}

const char *
place_base(void)
{
    const char *dir = getenv("TMPDIR");

    return dir != NULL && dir[0] == '/' && strlen(dir) <= BASE_MAX ? dir : "/tmp";
}

void
place_make(char out[PLACE_MAX], const char *name)
{
    int n = snprintf(out, PLACE_MAX, "%s/%s.XXXXXX", place_base(), name);

    if (n < 0 || n >= PLACE_MAX || mkdtemp(out) == NULL) {
        die(out);
    }
}

bool
place_remove(const char *path)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        (void)execlp("rm", "rm", "-rf", "--", path, (char *)NULL);
        _exit(127);
    }
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

const char *
place_bin(void)
{
    static char path[256];

    if (path[0] == '\0') {
        ssize_t n = readlink("/proc/self/exe", path, sizeof path - sizeof("/bin"));
        char *test = n > 0 ? strstr(path, "/test/") : NULL;
        if (test == NULL) {
            errno = ENOENT;
            die("the folder of the programs");
        }
        memcpy(test, "/bin", sizeof("/bin"));
    }
    return path;
}

static bool
is_free(int port)
{
    const struct sockaddr_in at = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof at) == 0;

    if (fd >= 0) {
        (void)close(fd);
    }
    return ok;
}

int
place_port(void)
{
    for (int i = 0; i < PORT_TRIES; i++) {
        uint32_t dice = 0;
        if (getrandom(&dice, sizeof dice, 0) != (ssize_t)sizeof dice) {
            break;
        }
        int port = PORT_FIRST + (int)(dice % (PORT_LAST - PORT_FIRST));
        if (is_free(port) && is_free(port + 1)) {
            return port;
        }
    }
    die("no free port");
}
