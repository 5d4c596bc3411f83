/* SPDX-License-Identifier: Apache-2.0
 *
 * A server whose ipc listener NNG has given up, whose socket file is gone, or was taken. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#undef fail /* ours is in base/ctx.h */

#include "assay/common.pb-c.h"
#include "rpc/rpc_nng.h"
#include "tests/support/place.h"

#define MESSAGE_MAX ((size_t)64 * 1024)
#define PATIENCE_US (20 * ASSAY_US_PER_S)

/* NNG never frees the peers that its stuck listener greets and does not add. */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
    return "leak:libnng.so\n";
}

struct fixture {
    char dir[PLACE_MAX], name[96], url[128];
    const char *path;
    struct rpc_server *server;
    struct rpc_client *client;
};

static enum rc
echo(void *svc, struct ctx *ctx, const ProtobufCMessage *req, ProtobufCMessage *resp)
{
    (void)svc;
    (void)ctx;
    *(Assay__Ok *)resp = *(const Assay__Ok *)req;
    return RC_OK;
}

static const struct rpc_method methods[] = {{.id = 1,
                                             .name = "test.Guard/Echo",
                                             .effect = RPC_WRITE,
                                             .req = &assay__ok__descriptor,
                                             .resp = &assay__ok__descriptor,
                                             .handler = echo}};

static struct rpc_client *
dial(const struct fixture *f)
{
    struct rpc_client_cfg cfg = {.service = f->name, .message_max = MESSAGE_MAX, .name = "test"};
    struct rpc_client *client = NULL;
    const char *why = "";

    assert_int_equal(rpc_client_new(&cfg, &client, &why), RC_OK);
    return client;
}

static enum rc
call(struct rpc_client *client, int64_t within_us)
{
    struct arena *arena = arena_new(1 << 20);
    struct ctx ctx;
    Assay__Ok req = ASSAY__OK__INIT;
    ProtobufCMessage *resp = NULL;

    ctx_init(&ctx, arena);
    ctx.deadline_us = clk_wall_us() + within_us;
    enum rc rc = rpc_call(client, &ctx, &methods[0], &req.base, &resp);
    arena_free(arena);
    return rc;
}

/* One call over a connection of its own. */
static enum rc
call_anew(const struct fixture *f)
{
    struct rpc_client *client = dial(f);
    enum rc rc = call(client, ASSAY_US_PER_S);

    rpc_client_free(client);
    return rc;
}

static int
set_up(void **state)
{
    static const struct rpc_method *const tables[] = {methods};
    static const size_t lens[] = {1};
    static struct fixture f;
    const char *why = "";

    f = (struct fixture){.dir = ""};
    place_make(f.dir, "guard");
    (void)snprintf(f.name, sizeof(f.name), "ipc://%s/svc", f.dir);
    (void)snprintf(f.url, sizeof(f.url), "%s.1", f.name);
    f.path = f.url + strlen("ipc://");
    struct rpc_server_cfg cfg = {.listen = f.url,
                                 .tables = tables,
                                 .table_lens = lens,
                                 .table_count = 1,
                                 .workers = 1,
                                 .queue_max = 8,
                                 .arena_max = 1 << 20,
                                 .message_max = MESSAGE_MAX};
    assert_int_equal(rpc_server_start(&cfg, &f.server, &why), RC_OK);
    f.client = dial(&f);
    assert_int_equal(call(f.client, PATIENCE_US), RC_OK);
    *state = &f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    rpc_client_free(f->client);
    rpc_server_free(f->server);
    return place_remove(f->dir) ? 0 : 1;
}

static struct sockaddr_un
address(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    (void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    return addr;
}

/* A peer that connects and leaves without a word. */
static void
leave_without_greeting(const char *path)
{
    struct sockaddr_un addr = address(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(close(fd), 0);
}

static ino_t
inode(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 ? st.st_ino : 0;
}

static void
a_listener_that_accepts_nobody_any_more_is_replaced(void **state)
{
    struct fixture *f = *state;
    int64_t end_us = clk_mono_us() + PATIENCE_US;

    do { /* until the fault is planted */
        assert_true(clk_mono_us() < end_us);
        for (int i = 0; i < 8; i++) {
            leave_without_greeting(f->path);
        }
    } while (call_anew(f) == RC_OK);
    assert_int_equal(call(f->client, PATIENCE_US), RC_OK); /* connections live on */
    while (call_anew(f) != RC_OK) {
        assert_true(clk_mono_us() < end_us);
    }
    assert_int_equal(call(f->client, PATIENCE_US), RC_OK);
}

static void
a_socket_file_that_was_removed_is_made_again(void **state)
{
    struct fixture *f = *state;
    struct stat st;

    assert_int_equal(unlink(f->path), 0);
    struct rpc_client *late = dial(f);
    assert_int_equal(call(late, PATIENCE_US), RC_OK);
    assert_int_equal(call(f->client, PATIENCE_US), RC_OK);
    assert_int_equal(lstat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    rpc_client_free(late);
}

/* It hears several knocks, answers none, and keeps its place. */
static void
a_socket_that_another_process_put_there_is_left_alone(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_un addr = address(f->path);
    struct timeval patience = {.tv_sec = 20};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    ino_t theirs = inode(f->path);
    rpc_client_free(f->client); /* it would knock too */
    f->client = NULL;
    for (int i = 0; i < 4; i++) {
        int knock = accept(fd, NULL, NULL);
        assert_true(knock >= 0);
        (void)close(knock);
    }
    assert_true(inode(f->path) == theirs);
    (void)close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_listener_that_accepts_nobody_any_more_is_replaced),
        TEST(a_socket_file_that_was_removed_is_made_again),
        TEST(a_socket_that_another_process_put_there_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
