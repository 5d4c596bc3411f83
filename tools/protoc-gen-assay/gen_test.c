/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs the plugin under protoc, as the build does, from the top of the tree: planted faults must be
 * refused with file and line, and what is made of testdata/api/odd.proto must compile without a
 * warning and be what the options say (testdata/odd_check.c). */
#include "tools/common/tool_lab.h"

#include <unistd.h>

#define PROCESSES "gateway:auth:sessions:tests:billing:webhooks:worker:svc"

static int
generate(struct bench *t, const char *include, const char *file)
{
    char command[1024];
    snprintf(command, sizeof(command),
             "protoc -Iproto -I%s -I/usr/include --plugin=build/tools/protoc-gen-assay "
             "--assay_out=%s --assay_opt=processes=" PROCESSES ",root=top/ %s",
             include, t->dir, file);
    return run(t, command);
}

/* Puts `body` behind four lines of head into t.proto and expects it refused for `why`. */
static void
refused(struct bench *t, const char *body, const char *why)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/t.proto", t->dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f,
            "syntax = \"proto2\"; package assay;\nimport \"assay/common.proto\";\n"
            "import \"assay/options.proto\";\n\n%s\n",
            body);
    assert_int_equal(fclose(f), 0);
    int status = generate(t, t->dir, "t.proto");
    if (status == 0 || !said(t, why)) {
        print_error("%s\nshould have been refused for \"%s\", but got %d:\n%s\n", body, why, status,
                    t->output.p != NULL ? t->output.p : "");
        fail();
    }
    snprintf(path, sizeof(path), "%s/pb_tables.c", t->dir);
    assert_int_not_equal(access(path, F_OK), 0);
}

/* One public rpc with these options, request members and response members. */
static void
refused_rpc(struct bench *t, const char *http, const char *req, const char *resp, const char *why)
{
    char body[2048];
    snprintf(body, sizeof(body),
             "service S { option (service) = {process: \"tests\"};\n"
             "rpc Do(Req) returns (Resp) { option (http) = {%s}; } }\n"
             "message Req { %s }\nmessage Resp { %s }",
             http, req, resp);
    refused(t, body, why);
}

static void
refused_field(struct bench *t, const char *field, const char *why)
{
    refused_rpc(t, "route: \"POST /a\"", field, "", why);
}

static void
faults_of_routes_are_refused(void **state)
{
    struct bench *t = *state;
    refused_rpc(t, "route: \"GET /a/{id}\"", "", "", "{id} is no field of assay.Req");
    refused_rpc(t, "route: \"FETCH /a\"", "", "", "\"FETCH\" is not GET, POST");
    refused_rpc(t, "route: \"GET a\"", "", "", "does not start with '/'");
    refused_rpc(t, "route: \"GET /a//b\"", "", "", "empty segment");
    refused_rpc(t, "route: \"GET /a/{id\"", "required int64 id = 1;", "", "is not one {parameter}");
    refused_rpc(t, "route: \"GET /a/{id}/{id}\"", "required int64 id = 1;", "", "stands twice");
    refused_rpc(t, "route: \"GET /a/{id=**}/b\"", "required string id = 1;", "",
                "must be the last segment");
    refused_rpc(t, "route: \"GET /a/{id}\"", "repeated int64 id = 1;", "", "cannot repeat");
    refused_rpc(t, "route: \"GET /a/{id}\"", "required Resp id = 1;", "", "must be a scalar");
    refused_rpc(t, "route: \"GET /a\"", "optional Resp part = 1;", "",
                "read from the query (route /a) and must be a scalar");
    refused_rpc(t, "route: \"GET /a\" status: 404", "", "", "status 404 is not 200..399");
    refused_rpc(t, "route: \"GET /a\" error: \"gone\"", "", "", "is not \"4xx or 5xx: when\"");
}

static void
two_routes_that_no_request_could_tell_apart_are_refused(void **state)
{
    struct bench *t = *state;
    const char *two = "service S { option (service) = {process: \"tests\"};\n"
                      "rpc A(R) returns (Empty) { option (http) = {route: \"GET /a/{x}/\"}; }\n"
                      "rpc B(R) returns (Empty) { option (http) = {route: \"GET /a/{y}\"}; } }\n"
                      "message R { optional string x = 1; optional string y = 2; }";
    refused(*state, two, "top/t.proto:7: GET /a/{y} collides with top/t.proto:6");
    refused_rpc(t, "route: \"GET /a\" also: \"GET /a/\"", "", "", "collides");
}

static void
faults_of_responses_are_refused(void **state)
{
    struct bench *t = *state;
    const char *list = "route: \"GET /a\" response: LIST";
    refused_rpc(t, list, "", "repeated int64 a = 1; optional int64 b = 2;", "has one field");
    refused_rpc(t, list, "", "optional int64 a = 1;", "and it repeats");
    const char *variant = "route: \"GET /a\" response: VARIANT";
    refused_rpc(t, variant, "", "optional Req a = 1;", "carries its own `status`");
    refused_rpc(t, variant, "", "optional int64 a = 1 [(field).status = 200];", "single messages");
    refused_rpc(t, "route: \"GET /a\" response: BLOB", "", "", "returns assay.Blob");
    refused_rpc(t, "route: \"GET /a\" response: TEXT", "", "", "returns assay.Text");
}

static void
options_on_the_wrong_type_are_refused(void **state)
{
    struct bench *t = *state;
    refused_field(t, "optional string a = 1 [(field).time = Z];", "`time` is for int64");
    refused_field(t, "optional string a = 1 [(field).raw = ANY_VALUE];", "`raw` is for bytes");
    refused_field(t, "optional int64 a = 1 [(field).pattern = \"x\"];", "`pattern` is for strings");
    refused_field(t, "optional int64 a = 1 [(field).in = \"x\"];", "`in` is for strings");
    refused_field(t, "optional int64 a = 1 [(field).format = UUID];", "`format` is for strings");
    refused_field(t, "optional string a = 1 [(field).max = 3];", "`min/max` is for numbers");
    refused_field(t, "optional int64 a = 1 [(field).max_len = 3];", "`min_len/max_len` is for");
    refused_field(t, "optional int64 a = 1 [(field).clamp = true];", "`clamp` is for");
    refused_field(t, "optional int64 a = 1 [(field) = {min: 3 max: 2}];", "min is above max");
    refused_field(t, "optional string a = 1 [(field).csv = true];", "`csv` is for");
    refused_field(t, "repeated Blob a = 1 [(field).file = true];", "`file` is for assay.Blob in");
    refused_field(t, "optional Blob a = 1 [(field).owned = \"x\"];", "`owned` is for files");
    refused_field(t, "optional Blob a = 1 [(field).once = true];", "`once` is for `owned`");
    refused_field(t, "required string a = 1 [(field).omit = true];", "`omit` is for");
    refused_field(t, "optional string a = 1 [(field).item_max_len = 2];", "`item_max_len` is for");
    refused_field(t, "optional string a = 1 [(field).pattern = \"(\"];", "does not compile");
    refused_field(t, "optional int64 a = 1 [(field).example = \"x\"];", "is not JSON");
    refused_field(t, "repeated int64 a = 1 [(field).example = \"1\"];", "is a JSON array");
}

static void
members_that_json_cannot_carry_are_refused(void **state)
{
    struct bench *t = *state;
    refused_field(t, "optional float a = 1;", "no JSON form");
    refused_field(t, "optional uint64 a = 1;", "no JSON form");
    refused_field(t, "optional Surface a = 1;", "no JSON form");
    refused_field(t, "map<int32, string> a = 1;", "keys of a map must be strings");
    refused_field(t, "oneof x { string a = 1; string b = 2; }", "instead of oneof");
    refused_field(t, "optional string a = 1; optional string b = 2 [(field).json = \"a\"];",
                  "\"a\" stands twice");
    refused_field(t, "optional string a = 1 [(field).nullable = true];", "repeated uint32 nulls");
}

static void
fields_that_the_tables_cannot_hold_are_refused(void **state)
{
    struct bench *t = *state;
    refused_field(t, "optional string a = 256;", "a: field numbers of public messages end at 255");
    refused_field(t, "optional string a = 1 [(field).json = \"caf\\303\\251\"];",
                  "printable ASCII");
    refused_field(t, "optional string a = 1 [(field).json = \"a\\\"b\"];", "printable ASCII");
    refused_field(t, "optional string a = 1 [(field).json = \"a\\nb\"];", "printable ASCII");
    refused_field(t, "optional string a = 1 [(field).json = \"\"];", "printable ASCII");
}

static void
a_get_that_changes_something_is_refused(void **state)
{
    struct bench *t = *state;
    refused_rpc(t, "route: \"GET /a\"", "", "", "GET is safe, so the effect must be READ");
    refused_rpc(t, "route: \"POST /a\" also: \"GET /b\"", "", "", "GET is safe");
}

static void
only_reads_are_for_the_organization(void **state)
{
    struct bench *t = *state;
    refused(t,
            "service S { option (service) = {process: \"tests\"};\n"
            "rpc Do(Empty) returns (Empty) { option (for_org) = true; } }",
            "Do: for_org is for a READ");
    refused(t,
            "service S { option (service) = {process: \"tests\"};\n"
            "rpc Do(Empty) returns (Empty) { option (for_org) = true; option (effect) = READ; "
            "option (waits) = true; } }",
            "Do: for_org is for a READ");
}

static void
a_raw_body_needs_one_field_of_bytes(void **state)
{
    struct bench *t = *state;
    const char *raw = "route: \"POST /a\" request: BODY_RAW";
    refused_rpc(t, raw, "", "", "exactly one field for the body");
    refused_rpc(t, raw, "required bytes body = 1;", "", "exactly one field for the body");
    refused_rpc(t, raw, "optional string body = 1;", "", "exactly one field for the body");
    refused_rpc(t, raw, "optional bytes a = 1; optional bytes b = 2;", "",
                "exactly one field for the body");
    refused_rpc(t, raw, "repeated bytes a = 1;", "", "exactly one field for the body");
}

static void
faults_of_groups_are_refused(void **state)
{
    struct bench *t = *state;
    refused_field(t, "option (message).exactly_one = \"a|b\"; optional string a = 1;",
                  "names a field that does not exist");
    refused_field(t, "option (message).at_most_one = \"a\"; optional string a = 1;",
                  "needs two names");
    refused_field(t,
                  "option (message).at_least_one = \"a|b\"; required string a = 1; "
                  "optional string b = 2;",
                  "a is required anyway");
}

static void
faults_of_services_are_refused(void **state)
{
    struct bench *t = *state;
    refused(t, "service S { rpc A(Empty) returns (Empty); }", "has no (service).process");
    refused(t, "service S { option (service) = {process: \"nobody\"}; }",
            "\"nobody\" does not exist");
    refused(t,
            "service S { option (service) = {process: \"tests\"};\n"
            "rpc A(stream Empty) returns (Empty); }",
            "streams are not served");
    refused(t,
            "service S { option (service) = {process: \"worker\"};\n"
            "rpc A(Empty) returns (Empty) { option (http) = {route: \"GET /a\"}; } }",
            "the gateway calls exactly one of");
    refused(t,
            "service S { option (service) = {process: \"tests\"}; rpc A(Empty) returns (Empty); }\n"
            "service T { option (service) = {process: \"tests\"}; rpc A(Empty) returns (Empty); }",
            "would be the same handler");
}

/* The pair was found by search. */
static void
two_methods_with_the_same_id_are_refused(void **state)
{
    refused(*state,
            "service S { option (service) = {process: \"tests\"};\n"
            "rpc Rpccfexmazkd(Empty) returns (Empty);\n"
            "rpc Rpcvblmdttjh(Empty) returns (Empty); }",
            "have the same method id");
}

static void
all_faults_are_told_with_their_lines(void **state)
{
    struct bench *t = *state;
    refused(t,
            "service S { option (service) = {process: \"tests\"};\n"
            "  rpc A(R) returns (Empty) { option (http) = {route: \"POST /a\"}; }\n}\n"
            "message R {\n  optional float x = 1;\n  optional uint64 y = 2;\n}",
            "top/t.proto:9: x: ");
    assert_true(said(t, "top/t.proto:10: y: "));
    assert_true(said(t, "2 faults"));
}

static void
what_is_generated_compiles_and_says_what_the_options_say(void **state)
{
    struct bench *t = *state;
    const char *files = "assay/common.proto assay/options.proto google/protobuf/descriptor.proto "
                        "api/odd.proto";
    char command[4096];
    assert_int_equal(generate(t, "tools/protoc-gen-assay/testdata", files), 0);
    snprintf(command, sizeof(command),
             "protoc -Iproto -Itools/protoc-gen-assay/testdata -I/usr/include "
             "--plugin=protoc-gen-c=tools/protoc-gen-messages.sh --c_out=%s %s",
             t->dir, files);
    assert_int_equal(run(t, command), 0);
    snprintf(command, sizeof(command),
             "cd %s && gcc -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -Wshadow -Wcast-qual "
             "-Wmissing-prototypes -Wno-error=deprecated-declarations -I\"$OLDPWD/lib\" -I. "
             "-I/usr/include/postgresql \"$OLDPWD\"/tools/protoc-gen-assay/testdata/odd_check.c "
             "pb_tables.c pb_tables_all.c routes.c openapi_json.c tests_dispatch.c "
             "gateway_dispatch.c *_client.c "
             "*/*.pb-c.c */*/*.pb-c.c \"$OLDPWD\"/lib/pb/route.c \"$OLDPWD\"/lib/base/str.c "
             "\"$OLDPWD\"/lib/base/buf.c \"$OLDPWD\"/lib/base/arena.c \"$OLDPWD\"/lib/base/rc.c "
             "-lprotobuf-c -o odd_check && ./odd_check",
             t->dir);
    int status = run(t, command);
    if (status != 0) {
        print_error("%s\n", t->output.p);
    }
    assert_int_equal(status, 0);
}

/* The tables of other services pull in their handlers: they must stay out of a client's program. */
static void
a_missing_handler_does_not_link(void **state)
{
    struct bench *t = *state;
    char command[2048];
    assert_int_equal(generate(t, "tools/protoc-gen-assay/testdata",
                              "assay/common.proto assay/options.proto api/odd.proto"),
                     0);
    snprintf(
        command, sizeof(command),
        "protoc -Iproto -Itools/protoc-gen-assay/testdata -I/usr/include "
        "--plugin=protoc-gen-c=tools/protoc-gen-messages.sh --c_out=%s assay/common.proto "
        "assay/options.proto google/protobuf/descriptor.proto api/odd.proto && cd %s && "
        "echo 'int main(void) { return 0; }' >main.c && gcc -D_GNU_SOURCE -w -I\"$OLDPWD/lib\" "
        "-I. main.c auth_dispatch.c */*.pb-c.c */*/*.pb-c.c -lprotobuf-c -o x",
        t->dir, t->dir);
    assert_int_not_equal(run(t, command), 0);
    assert_true(said(t, "undefined reference to `auth_deliver'"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(faults_of_routes_are_refused),
        TEST(two_routes_that_no_request_could_tell_apart_are_refused),
        TEST(faults_of_responses_are_refused),
        TEST(options_on_the_wrong_type_are_refused),
        TEST(members_that_json_cannot_carry_are_refused),
        TEST(fields_that_the_tables_cannot_hold_are_refused),
        TEST(a_get_that_changes_something_is_refused),
        TEST(only_reads_are_for_the_organization),
        TEST(a_raw_body_needs_one_field_of_bytes),
        TEST(faults_of_groups_are_refused),
        TEST(faults_of_services_are_refused),
        TEST(two_methods_with_the_same_id_are_refused),
        TEST(all_faults_are_told_with_their_lines),
        TEST(what_is_generated_compiles_and_says_what_the_options_say),
        TEST(a_missing_handler_does_not_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
