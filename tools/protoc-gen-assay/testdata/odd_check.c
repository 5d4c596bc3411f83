/* SPDX-License-Identifier: Apache-2.0
 *
 * Compiled by gen_test.c with what was generated from odd.proto; exits 0 when all of it is as the
 * options say. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/odd.pb-c.h"
#include "auth_client.h"
#include "auth_rpc.h"
#include "billing_rpc.h"
#include "gateway_rpc.h"
#include "openapi_json.h"
#include "pb_tables.h"
#include "routes.h"
#include "svc/svc.h"
#include "tests_client.h"
#include "tests_rpc.h"
#include "worker_client.h"

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "odd_check.c:%d: %s\n", __LINE__, #cond);                              \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

struct tests {
    int made;
};

/* --- handlers: typed, and every one of the processes linked here ------------------------------ */

enum rc
tests_make_thing(struct tests *svc, struct ctx *ctx, const Assay__MakeThingRequest *req,
                 Assay__MakeThingResponse *resp)
{
    (void)ctx;
    (void)resp;
    svc->made += req->limit;
    return RC_ABORTED;
}

enum rc
tests_list_things(struct tests *svc, struct ctx *ctx, const Assay__ListThingsRequest *req,
                  Assay__ListThingsResponse *resp)
{
    (void)svc, (void)ctx, (void)req, (void)resp;
    return RC_OK;
}

enum rc
tests_register(struct tests *svc, struct ctx *ctx, const Assay__Empty *req, Assay__Empty *resp)
{
    (void)svc, (void)ctx, (void)req, (void)resp;
    return RC_OK;
}

enum rc
gateway_get_file(struct gateway *svc, struct ctx *ctx, const Assay__GetFileRequest *req,
                 Assay__Text *resp)
{
    (void)svc, (void)ctx, (void)req, (void)resp;
    return RC_OK;
}

enum rc
gateway_get_step(struct gateway *svc, struct ctx *ctx, const Assay__GetStepRequest *req,
                 Assay__Blob *resp)
{
    (void)svc, (void)ctx, (void)req, (void)resp;
    return RC_OK;
}

enum rc
gateway_put_file(struct gateway *svc, struct ctx *ctx, const Assay__PutFileRequest *req,
                 Assay__Ok *resp)
{
    (void)svc, (void)ctx, (void)req, (void)resp;
    return RC_OK;
}

/* --- the calls below the stubs -----------------------------------------------------------------
 */

static const struct rpc_method *called;
static const char *called_addr;
static Assay__Ok answer_ok = ASSAY__OK__INIT;

enum rc
rpc_call(struct rpc_client *client, struct ctx *ctx, const struct rpc_method *method,
         const ProtobufCMessage *req, ProtobufCMessage **out_resp)
{
    (void)client, (void)ctx, (void)req;
    called = method;
    *out_resp = &answer_ok.base;
    return RC_OK;
}

enum rc
rpc_peers_call(struct rpc_peers *peers, const char *addr, struct ctx *ctx,
               const struct rpc_method *method, const ProtobufCMessage *req,
               ProtobufCMessage **out_resp)
{
    (void)peers, (void)ctx, (void)req, (void)out_resp;
    called = method;
    called_addr = addr;
    return RC_UNAVAILABLE;
}

/* --- checks ------------------------------------------------------------------------------------
 */

static const struct pb_field *
field(const struct pb_table *t, const char *json)
{
    for (size_t i = 0; i < t->count; i++) {
        if (strcmp(t->fields[i].json, json) == 0) {
            return &t->fields[i];
        }
    }
    fprintf(stderr, "%s has no %s\n", t->name, json);
    exit(1);
}

static void
check_sources(void)
{
    const struct pb_table *first = &things__make_thing_request__table;
    CHECK(field(first, "owner_id")->source == PB_FROM_PATH);
    CHECK(field(first, "limit")->source == PB_FROM_QUERY);
    CHECK(field(first, "agent")->source == PB_FROM_HEADER);
    CHECK(strcmp(field(first, "agent")->header, "User-Agent") == 0);
    CHECK(field(first, "aZeta")->source == PB_FROM_BODY);
    CHECK(field(&things__make_thing_request_2__table, "owner_id")->source == PB_FROM_BODY);
    CHECK(field(&things__list_things_request__table, "tag")->source == PB_FROM_QUERY);
    CHECK(field(&things__list_things_request__table, "tag")->flags == (PB_REPEATED | PB_CSV));
}

static void
check_fields(void)
{
    const struct pb_table *t = &things__make_thing_request__table;
    CHECK(t->desc == &assay__make_thing_request__descriptor);
    CHECK(t->count == 13); /* not `nulls` */
    CHECK(strcmp(t->desc->fields[t->nulls].name, "nulls") == 0);
    CHECK(assay__part__table.nulls == -1);

    const struct pb_field *zeta = field(t, "aZeta");
    CHECK(zeta->flags == PB_REQUIRED && zeta->kind == PB_STRING && zeta->number == 7);
    CHECK(zeta->min_len == 1 && zeta->max_len == 9 && zeta->item_max_len == -1);
    CHECK(zeta->offset == offsetof(Assay__MakeThingRequest, zeta));
    CHECK(zeta->key.n == strlen("aZeta"));

    const struct pb_field *limit = field(t, "limit");
    CHECK(limit->flags == (PB_HAS_MIN | PB_HAS_MAX | PB_CLAMP) && limit->kind == PB_INT32);
    CHECK(limit->min == 1 && limit->max == 200);
    CHECK(limit->quantifier == offsetof(Assay__MakeThingRequest, has_limit));

    const struct pb_field *keyword = field(t, "default");
    CHECK(keyword->offset == offsetof(Assay__MakeThingRequest, default_));
    CHECK(strcmp(keyword->in[0], "a\"b") == 0 && strcmp(keyword->in[1], "c\\d?"
                                                                        "?/") == 0);
    CHECK(keyword->in[2] == NULL);

    CHECK(field(t, "note")->flags == PB_NULLABLE);
    CHECK(field(t, "settings")->kind == PB_RAW_JSON);
    CHECK(field(t, "at")->kind == PB_TIME && field(t, "at")->time == CLK_US_OFFSET);
    CHECK(field(t, "ratio")->min == 0.1 && field(t, "ratio")->flags == PB_HAS_MIN);
    CHECK(field(t, "parts")->kind == PB_MAP);
    CHECK(field(t, "parts")->sub == &assay__make_thing_request__parts_entry__table);
    CHECK(field(t, "parts")->sub->fields[1].sub == &assay__part__table);
    CHECK(field(&assay__part__table, "picture")->kind == PB_BASE64);
    CHECK(field(&assay__part__table, "inner")->sub == &assay__part__table);
    CHECK(field(&assay__part__table, "tags")->item_max_len == 5);
}

static void
check_look_up_order(void)
{
    const struct pb_table *t = &things__make_thing_request__table;
    for (size_t i = 1; i < t->count; i++) {
        CHECK(str_cmp(t->fields[t->by_key[i - 1]].key, t->fields[t->by_key[i]].key) < 0);
    }
}

static void
check_list_of_tables(void)
{
    bool found = false;
    size_t n = 0;
    for (; pb_tables_all[n] != NULL; n++) {
        found = found || pb_tables_all[n] == &things__make_thing_request_2__table;
    }
    CHECK(found && n > 10);
}

static void
check_groups(void)
{
    const struct pb_table *t = &things__make_thing_request__table;
    CHECK(t->group_count == 2);
    CHECK(t->groups[0].kind == PB_EXACTLY_ONE && t->groups[0].count == 2);
    CHECK(strcmp(t->groups[0].text, "url, text") == 0);
    CHECK(strcmp(t->fields[t->groups[0].fields[1]].json, "text") == 0);
    CHECK(t->groups[1].kind == PB_AT_MOST_ONE && t->groups[1].count == 3);
}

static const struct gw_route *
route(struct arena *arena, enum gw_verb verb, const char *path, struct gw_match *out)
{
    unsigned allowed;
    CHECK(gw_route_find(&gw_trie, verb, str_z(path), arena, out, &allowed) == RC_OK);
    return out->route;
}

static void
check_routes(struct arena *arena)
{
    struct gw_match m;
    const struct gw_route *r = route(arena, GW_POST, "/api/things/7", &m);
    CHECK(r->req == &things__make_thing_request__table && r->body == GW_BODY_JSON);
    CHECK(r->response == GW_RESP_VARIANT && r->resp == &assay__make_thing_response__table);
    CHECK(field(r->resp, "made")->status == 201 && field(r->resp, "waiting")->status == 202);
    CHECK(r->role == GW_ROLE_ADMIN && r->process == SVC_TESTS);
    CHECK(r->surfaces == (1U << GW_VIBEVIEW | 1U << GW_TRIPWIRE));
    CHECK(r->method == &tests_method_make_thing && r->method->effect == RPC_WRITE_MANUAL);
    CHECK(r->param_count == 1 && strcmp(r->req->fields[r->params[0]].json, "owner_id") == 0);

    const struct gw_route *also = route(arena, GW_POST, "/api/things", &m);
    CHECK(also->endpoint == r->endpoint && also != r && also->param_count == 0);

    r = route(arena, GW_GET, "/api/things", &m);
    CHECK(r->surface == GW_VIZZLY && r->role == GW_ROLE_NONE && r->body == GW_BODY_NONE);
    CHECK(r->response == GW_RESP_LIST && r->method->waits && r->method->effect == RPC_READ);

    r = route(arena, GW_GET, "/api/things/7/files/a/b", &m);
    CHECK(m.param_count == 2 && str_eqz(m.params[1], "a/b") && r->resp == NULL);
    CHECK(r->process == GW_SELF && r->method->handler != NULL && r->response == GW_RESP_TEXT);
    CHECK(strcmp(r->req->fields[r->params[1]].json, "path") == 0);

    r = route(arena, GW_GET, "/api/steps/step_3.jpg", &m);
    CHECK(str_eqz(m.params[0], "3") && r->query_token && r->response == GW_RESP_BLOB);
    r = route(arena, GW_POST, "/api/files", &m);
    CHECK(r->body == GW_BODY_MULTIPART && r->max_body_bytes == 4096);
    CHECK(field(r->req, "file")->flags == (PB_REQUIRED | PB_FILE));
}

static void
check_calls(void)
{
    struct tests svc = {0};
    Assay__MakeThingRequest req = ASSAY__MAKE_THING_REQUEST__INIT;
    Assay__MakeThingResponse resp = ASSAY__MAKE_THING_RESPONSE__INIT;
    CHECK(TESTS_TABLE_COUNT == 1 && tests_table_lens[0] == 3);
    const struct rpc_method *make = &tests_tables[0][0];
    CHECK(make->id == str_hash32(STR("assay.Things/MakeThing")));
    CHECK(make->id == tests_method_make_thing.id && tests_method_make_thing.handler == NULL);
    CHECK(make->handler(&svc, NULL, &req.base, &resp.base) == RC_ABORTED);
    CHECK(svc.made == 50); /* the default of `limit` */

    /* Secrets deep inside count. */
    CHECK(make->secret_request && make->secret_answer && tests_method_make_thing.secret_answer);
    CHECK(!tests_tables[0][1].secret_request && tests_tables[0][1].secret_answer);
    CHECK(!tests_tables[0][2].secret_request && !tests_tables[0][2].secret_answer);

    Assay__Empty empty = ASSAY__EMPTY__INIT;
    Assay__Ok *ok = NULL;
    CHECK(auth_call_deliver(NULL, NULL, &empty, &ok) == RC_OK);
    CHECK(ok == &answer_ok && strcmp(called->name, "assay.Events/Deliver") == 0);
    CHECK(called->effect == RPC_WRITE);
    CHECK(AUTH_TABLE_COUNT == 1 && BILLING_TABLE_COUNT == 1);

    ok = NULL;
    CHECK(worker_call_ping(NULL, "ipc:///x", NULL, &empty, &ok) == RC_UNAVAILABLE);
    CHECK(ok == NULL && strcmp(called_addr, "ipc:///x") == 0);
}

int
main(void)
{
    struct arena *arena = arena_new(1 << 16);
    CHECK(arena != NULL);
    check_sources();
    check_fields();
    check_look_up_order();
    check_groups();
    check_list_of_tables();
    check_routes(arena);
    check_calls();
    CHECK(openapi_json.n > 1000 && openapi_json.p[0] == '{');
    arena_free(arena);
    return 0;
}
