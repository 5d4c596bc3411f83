/* SPDX-License-Identifier: Apache-2.0
 *
 * Peers that are not ours: garbage, addresses that cannot work, and who has no certificate. */
#include "rpc/rpc_lab.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/tls/tls.h>

#include "rpc/rpc_frame.h"

/* --- hostile peers ------------------------------------------------------------------------- */

static void
send_raw(const char *url, const void *bytes, size_t n)
{
    nng_socket sock;

    assert_int_equal(nng_req0_open(&sock), 0);
    assert_int_equal(nng_socket_set_ms(sock, NNG_OPT_SENDTIMEO, 5000), 0);
    assert_int_equal(nng_dial(sock, url, NULL, 0), 0);
    union {
        const void *in;
        void *out;
    } body = {.in = bytes};
    assert_int_equal(nng_send(sock, body.out, n, 0), 0);
    void *answer = NULL;
    size_t size = 0;
    (void)nng_socket_set_ms(sock, NNG_OPT_RECVTIMEO, 50);
    if (nng_recv(sock, &answer, &size, NNG_FLAG_ALLOC) == 0) {
        nng_free(answer, size);
    }
    (void)nng_close(sock);
}

static void
garbage_to_the_server_harms_nobody(void **state)
{
    struct fixture f;
    static char bytes[2 * 1024 * 1024]; /* longer than a frame may be */
    char entry[RPC_FRAME_HEAD + RPC_FRAME_ENTRY + 4] = {0};

    (void)state;
    open_with(&f, 2, 16);
    memset(bytes, 0xA5, sizeof(bytes));
    send_raw(f.url, bytes, 0);
    send_raw(f.url, bytes, 3);
    send_raw(f.url, bytes, 4096);
    send_raw(f.url, bytes, sizeof(bytes));
    rpc_frame_put_head(entry, 1, 0, 1);
    rpc_frame_put_entry(entry + RPC_FRAME_HEAD, 1, 4);
    send_raw(f.url, entry, sizeof(entry)); /* a frame whose call is no message */
    rpc_frame_put_entry(entry + RPC_FRAME_HEAD, 1, 5);
    send_raw(f.url, entry, sizeof(entry)); /* an entry longer than the frame */
    assert_int_equal(call(&f, "echo", PATIENCE_US).rc, RC_OK);
    assert_int_equal(atomic_load(&f.service.executed), 1);
    close_all(&f);
}

struct fake {
    nng_socket sock;
    pthread_t thread;
};

static void *
fake_main(void *arg)
{
    struct fake *fake = arg;
    nng_msg *msg = NULL;

    while (nng_recvmsg(fake->sock, &msg, 0) == 0) {
        nng_msg_clear(msg);
        (void)nng_msg_append(msg, "HTTP/1.1 400", 12);
        if (nng_sendmsg(fake->sock, msg, 0) != 0) {
            nng_msg_free(msg);
        }
    }
    return NULL;
}

static void
garbage_from_a_server_ends_the_call_unknown(void **state)
{
    struct fixture f;
    struct fake fake;

    (void)state;
    open_with(&f, 0, 0);
    assert_int_equal(nng_rep0_open(&fake.sock), 0);
    assert_int_equal(nng_listen(fake.sock, f.url, NULL, 0), 0);
    assert_int_equal(pthread_create(&fake.thread, NULL, fake_main, &fake), 0);
    struct outcome o = call(&f, "echo", PATIENCE_US);
    assert_int_equal(o.rc, RC_UNKNOWN);
    assert_true(o.took_us < PATIENCE_US / 2);
    (void)nng_close(fake.sock);
    assert_int_equal(pthread_join(fake.thread, NULL), 0);
    close_all(&f);
}

/* --- addresses ----------------------------------------------------------------------------- */

static void
socket_file_is_private_and_a_stale_one_is_replaced(void **state)
{
    struct fixture f;
    struct stat st;
    struct rpc_server *second = NULL;
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    const char *why = "";
    char url[100];

    (void)state;
    open_with(&f, 1, 16);
    assert_int_equal(stat(f.url + 6, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(start_server(&f, f.url, 1, 16, &second, &why), RC_UNAVAILABLE);
    assert_non_null(strstr(why, "another server"));
    assert_int_equal(call(&f, "echo", PATIENCE_US).rc, RC_OK);

    (void)snprintf(url, sizeof(url), "ipc://%s/stale.1", f.dir);
    (void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", url + 6);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(close(fd), 0); /* the file stays */
    assert_int_equal(start_server(&f, url, 1, 16, &second, &why), RC_OK);
    rpc_server_free(second);
    close_all(&f);
}

static void
addresses_that_cannot_work_are_explained(void **state)
{
    struct fixture f = {0};
    struct rpc_server *server = NULL;
    const char *why = "";
    char url[256] = "ipc:///tmp/";

    (void)state;
    memset(url + strlen(url), 'x', 150);
    assert_int_equal(start_server(&f, url, 1, 1, &server, &why), RC_UNAVAILABLE);
    assert_non_null(strstr(why, "107"));
    assert_int_equal(start_server(&f, "tcp://127.0.0.1:7400", 1, 1, &server, &why), RC_UNAVAILABLE);
    assert_non_null(strstr(why, "refused"));
    assert_int_equal(start_server(&f, "tls+tcp://127.0.0.1:7400", 1, 1, &server, &why),
                     RC_UNAVAILABLE);
    assert_non_null(strstr(why, "certificate"));
    assert_int_equal(start_server(&f, "http://x", 1, 1, &server, &why), RC_UNAVAILABLE);
    assert_null(server);
}

/* --- mutual TLS ---------------------------------------------------------------------------- */

static int run(const char *fmt, ...) PRINTF_LIKE(1, 2);
static int
run(const char *fmt, ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return system(text);
}

/* dir/CA.pem and dir/CA-leaf.pem (certificate and key together), for the name "svc". */
static void
make_certificates(const char *dir, const char *ca)
{
    static const char req[] =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
        "-days 2 -keyout %s/%s.key -out %s/%s.pem -subj /CN=%s 2>/dev/null";
    static const char csr[] = "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
                              "-keyout %s/%s-leaf.key -out %s/%s.csr -subj /CN=svc 2>/dev/null";
    static const char sign[] = "openssl x509 -req -days 2 -in %s/%s.csr -CA %s/%s.pem "
                               "-CAkey %s/%s.key -CAcreateserial -out %s/%s-leaf.crt 2>/dev/null "
                               "&& cat %s/%s-leaf.crt %s/%s-leaf.key > %s/%s-leaf.pem";

    assert_int_equal(run(req, dir, ca, dir, ca, ca), 0);
    assert_int_equal(run(csr, dir, ca, dir, ca), 0);
    assert_int_equal(run(sign, dir, ca, dir, ca, dir, ca, dir, ca, dir, ca, dir, ca, dir, ca), 0);
}

static struct rpc_tls
tls_of(char paths[2][96], const char *dir, const char *ca, const char *leaf)
{
    (void)snprintf(paths[0], 96, "%s/%s.pem", dir, ca);
    (void)snprintf(paths[1], 96, "%s/%s-leaf.pem", dir, leaf);
    return (struct rpc_tls){.ca_file = paths[0], .cert_file = paths[1], .server_name = "svc"};
}

static void
tls_asks_both_sides_for_a_certificate_of_the_ca(void **state)
{
    struct fixture f;
    const char *why = "";
    char url[64];
    char paths[3][2][96];
    struct rpc_client *stranger = NULL;

    (void)state;
    open_with(&f, 0, 0);
    make_certificates(f.dir, "ours");
    make_certificates(f.dir, "foreign");
    (void)snprintf(url, sizeof(url), "tls+tcp://127.0.0.1:%d", place_port());
    f.server_tls = tls_of(paths[0], f.dir, "ours", "ours");
    f.server_tls.server_name = NULL;
    assert_int_equal(start_server(&f, url, 1, 16, &f.server, &why), RC_OK);

    f.client_tls = tls_of(paths[1], f.dir, "ours", "foreign");
    assert_int_equal(start_client(&f, url, &stranger, &why), RC_OK);
    rpc_client_free(f.client);
    f.client = stranger; /* right CA, foreign certificate: the server refuses */
    assert_int_equal(call(&f, "echo", 700 * ASSAY_US_PER_MS).rc, RC_UNAVAILABLE);
    rpc_client_free(f.client);

    f.client_tls = tls_of(paths[2], f.dir, "foreign", "ours");
    assert_int_equal(start_client(&f, url, &f.client, &why), RC_OK);
    assert_int_equal(call(&f, "echo", 700 * ASSAY_US_PER_MS).rc, RC_UNAVAILABLE); /* we refuse */
    rpc_client_free(f.client);
    assert_int_equal(atomic_load(&f.service.executed), 0);

    f.client_tls = tls_of(paths[2], f.dir, "ours", "ours");
    assert_int_equal(start_client(&f, url, &f.client, &why), RC_OK);
    struct outcome o = call(&f, "echo", PATIENCE_US);
    assert_int_equal(o.rc, RC_OK);
    rpc_client_free(f.client);

    f.client_tls.server_name = "another";
    assert_int_equal(start_client(&f, url, &f.client, &why), RC_OK);
    assert_int_equal(call(&f, "echo", 700 * ASSAY_US_PER_MS).rc, RC_UNAVAILABLE);
    assert_int_equal(atomic_load(&f.service.executed), 1);
    close_all(&f);
}

static void
tls_without_client_certificate_gets_no_answer(void **state)
{
    struct fixture f;
    const char *why = "";
    char url[64];
    char paths[2][96];
    nng_socket sock;
    nng_dialer dialer;
    nng_tls_config *config = NULL;
    char ca[4096] = "";

    (void)state;
    open_with(&f, 0, 0);
    make_certificates(f.dir, "ours");
    (void)snprintf(url, sizeof(url), "tls+tcp://127.0.0.1:%d", place_port());
    f.server_tls = tls_of(paths, f.dir, "ours", "ours");
    f.server_tls.server_name = NULL;
    assert_int_equal(start_server(&f, url, 1, 16, &f.server, &why), RC_OK);
    FILE *file = fopen(paths[0], "re");
    assert_non_null(file);
    assert_true(fread(ca, 1, sizeof(ca) - 1, file) > 0);
    (void)fclose(file);

    assert_int_equal(nng_req0_open(&sock), 0);
    assert_int_equal(nng_dialer_create(&dialer, sock, url), 0);
    assert_int_equal(nng_tls_config_alloc(&config, NNG_TLS_MODE_CLIENT), 0);
    assert_int_equal(nng_tls_config_ca_chain(config, ca, NULL), 0);
    assert_int_equal(nng_tls_config_server_name(config, "svc"), 0);
    assert_int_equal(nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, config), 0);
    assert_int_equal(nng_dialer_start(dialer, NNG_FLAG_NONBLOCK), 0);
    (void)nng_socket_set_ms(sock, NNG_OPT_SENDTIMEO, 500);
    (void)nng_socket_set_ms(sock, NNG_OPT_RECVTIMEO, 500);
    char head[RPC_FRAME_HEAD];
    rpc_frame_put_head(head, 1, 0, 0);
    void *answer = NULL;
    size_t n = 0;
    bool is_heard = nng_send(sock, head, sizeof(head), 0) == 0 &&
                    nng_recv(sock, &answer, &n, NNG_FLAG_ALLOC) == 0;
    assert_false(is_heard);
    struct rpc_server_stats stats;
    rpc_server_stats(f.server, &stats);
    assert_int_equal(stats.frames_in, 0);
    (void)nng_close(sock);
    nng_tls_config_free(config);
    close_all(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(garbage_to_the_server_harms_nobody),
        cmocka_unit_test(garbage_from_a_server_ends_the_call_unknown),
        cmocka_unit_test(socket_file_is_private_and_a_stale_one_is_replaced),
        cmocka_unit_test(addresses_that_cannot_work_are_explained),
        cmocka_unit_test(tls_asks_both_sides_for_a_certificate_of_the_ca),
        cmocka_unit_test(tls_without_client_certificate_gets_no_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
