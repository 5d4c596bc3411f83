/* SPDX-License-Identifier: Apache-2.0
 *
 * A civetweb server whose handler does nothing but answer {"status":"ok"}, in one write: the floor
 * of what the gateway is built on. Usage: civetweb_null PORT [THREADS] */
#include <civetweb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static int
answer(struct mg_connection *conn, void *arg)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                               "Content-Length: 15\r\n\r\n{\"status\":\"ok\"}";

    (void)arg;
    (void)mg_write(conn, text, sizeof text - 1);
    return 200;
}

int
main(int argc, char **argv)
{
    const char *options[] = {"listening_ports",
                             argc > 1 ? argv[1] : "",
                             "num_threads",
                             argc > 2 ? argv[2] : "50",
                             "tcp_nodelay",
                             "1",
                             "enable_keep_alive",
                             "yes",
                             "keep_alive_timeout_ms",
                             "10000",
                             NULL};
    struct mg_callbacks none;
    sigset_t ends;
    int got = 0;

    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigaddset(&ends, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &ends, NULL);
    (void)memset(&none, 0, sizeof none);
    struct mg_context *server = argc < 2 ? NULL : mg_start(&none, NULL, options);
    if (server == NULL) {
        (void)fprintf(stderr, "usage: civetweb_null PORT [THREADS]\n");
        return 3;
    }
    mg_set_request_handler(server, "/", answer, NULL);
    (void)sigwait(&ends, &got);
    mg_stop(server);
    return 0;
}
