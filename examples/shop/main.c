/* SPDX-License-Identifier: Apache-2.0
 *
 * assay-shop: a small shop to test against. Serves the pages of examples/shop/www and the few calls
 * they make, on 127.0.0.1.
 *
 *   assay-shop [PORT]     default: $ASSAY_SHOP_PORT, else 8500
 *   ASSAY_SHOP_WWW        the folder of pages; default: examples/shop/www beside the build folder
 *
 * Prints one line when it listens and leaves on SIGTERM or SIGINT. */
#include "model.h"

#include <civetweb.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
    BODY_MAX = 4096,
    VALUE_MAX = 256,
    JSON_MAX = 96 * 1024,
    PATH_LEN = 1024,
    FEED_PAGE = 20,
    FEED_ITEMS = 200
};

struct reply {
    char *text;
    size_t len, cap;
};

static char www[PATH_LEN];

static void __attribute__((format(printf, 2, 3)))
reply_add(struct reply *reply, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(reply->text + reply->len, reply->cap - reply->len, format, args);
    va_end(args);
    if (n > 0 && (size_t)n < reply->cap - reply->len) {
        reply->len += (size_t)n;
    }
}

/* --- visitors and bodies */

static struct visitor
visitor_of(const struct mg_connection *conn, bool *out_new)
{
    char id[VISITOR_ID_LEN + 1];
    const char *cookies = mg_get_header(conn, "Cookie");
    bool have =
        cookies != NULL && mg_get_cookie(cookies, "visitor", id, sizeof id) == VISITOR_ID_LEN;
    struct visitor visitor = visitor_load(have ? id : NULL);
    *out_new = !have || strcmp(visitor.id, id) != 0;
    return visitor;
}

static const char *
cookie_header(const struct visitor *visitor, bool is_new, char out[128])
{
    out[0] = '\0';
    if (is_new) {
        snprintf(out, 128, "Set-Cookie: visitor=%s; Path=/; HttpOnly; SameSite=Lax\r\n",
                 visitor->id);
    }
    return out;
}

struct body {
    char text[BODY_MAX + 1];
    size_t len;
};

static bool
body_read(struct mg_connection *conn, struct body *out_body)
{
    out_body->len = 0;
    for (;;) {
        int n = mg_read(conn, out_body->text + out_body->len, BODY_MAX + 1 - out_body->len);
        if (n <= 0) {
            break;
        }
        out_body->len += (size_t)n;
        if (out_body->len > BODY_MAX) {
            return false;
        }
    }
    out_body->text[out_body->len] = '\0';
    return true;
}

static const char *
body_text(const struct body *body, const char *name, char out[VALUE_MAX])
{
    if (mg_get_var(body->text, body->len, name, out, VALUE_MAX) < 0) {
        out[0] = '\0';
    }
    return out;
}

static int
body_number(const struct body *body, const char *name)
{
    char text[VALUE_MAX];
    char *end;
    errno = 0;
    long number = strtol(body_text(body, name, text), &end, 10);
    bool good = end != text && *end == '\0' && errno == 0 && number >= INT_MIN && number <= INT_MAX;
    return good ? (int)number : -1;
}

static int
answer(struct mg_connection *conn, int status, const char *headers, const char *type,
       const char *text)
{
    mg_printf(conn,
              "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
              "Cache-Control: no-store\r\n%s\r\n%s",
              status, mg_get_response_code_text(conn, status), type, strlen(text), headers, text);
    return status;
}

static int
answer_json(struct mg_connection *conn, int status, const char *headers, const char *text)
{
    return answer(conn, status, headers, "application/json", text);
}

static int
answer_redirect(struct mg_connection *conn, const char *to, const char *headers)
{
    mg_printf(conn, "HTTP/1.1 303 See Other\r\nLocation: %s\r\nContent-Length: 0\r\n%s\r\n", to,
              headers);
    return 303;
}

static bool
is_post(const struct mg_connection *conn)
{
    return strcmp(mg_get_request_info(conn)->request_method, "POST") == 0;
}

/* --- signing in and out: plain forms, so that a browser navigates */

static int
on_sign_in(struct mg_connection *conn, void *unused)
{
    (void)unused;
    struct body body;
    char email[VALUE_MAX], password[VALUE_MAX], cookie[128];
    bool is_new = false;
    if (!is_post(conn) || !body_read(conn, &body)) {
        return answer_json(conn, 400, "", "{\"error\":\"bad form\"}");
    }
    struct visitor visitor = visitor_of(conn, &is_new);
    visitor.signed_in =
        account_check(body_text(&body, "email", email), body_text(&body, "password", password));
    visitor_save(&visitor);
    cookie_header(&visitor, is_new, cookie);
    return answer_redirect(conn, visitor.signed_in ? "/account" : "/login?refused=1", cookie);
}

static int
on_sign_out(struct mg_connection *conn, void *unused)
{
    (void)unused;
    bool is_new = false;
    char cookie[128];
    if (!is_post(conn)) {
        return answer_json(conn, 405, "Allow: POST\r\n", "{\"error\":\"post only\"}");
    }
    struct visitor visitor = visitor_of(conn, &is_new);
    visitor.signed_in = false;
    visitor_save(&visitor);
    return answer_redirect(conn, "/login?bye=1", cookie_header(&visitor, is_new, cookie));
}

/* --- JSON calls */

static int
on_me(struct mg_connection *conn, void *unused)
{
    (void)unused;
    bool is_new = false;
    char cookie[128], text[128];
    struct visitor visitor = visitor_of(conn, &is_new);
    if (is_new) {
        visitor_save(&visitor);
    }
    snprintf(text, sizeof text, "{\"name\":%s,\"pieces\":%d}",
             visitor.signed_in ? "\"Ada\"" : "null", cart_pieces(&visitor));
    return answer_json(conn, 200, cookie_header(&visitor, is_new, cookie), text);
}

static void
product_write(struct reply *reply, const struct product *p)
{
    reply_add(reply, "{\"id\":%d,\"name\":\"%s\",\"category\":\"%s\",\"price\":%d,\"soldOut\":%s}",
              p->id, p->name, p->category, p->price, p->sold_out ? "true" : "false");
}

static bool
product_matches(const struct product *p, const char *words, const char *category)
{
    return strcasestr(p->name, words) != NULL &&
           (category[0] == '\0' || strcmp(category, p->category) == 0);
}

static void
query_value(const struct mg_connection *conn, const char *name, char out[VALUE_MAX])
{
    const char *query = mg_get_request_info(conn)->query_string;
    if (query == NULL || mg_get_var(query, strlen(query), name, out, VALUE_MAX) < 0) {
        out[0] = '\0';
    }
}

static int
on_products(struct mg_connection *conn, void *unused)
{
    (void)unused;
    char words[VALUE_MAX], category[VALUE_MAX];
    query_value(conn, "q", words);
    query_value(conn, "category", category);
    struct reply reply = {.text = malloc(JSON_MAX), .cap = JSON_MAX};
    if (reply.text == NULL) {
        return answer_json(conn, 503, "", "{}");
    }
    reply_add(&reply, "[");
    for (int id = 1; id <= PRODUCT_COUNT; id++) {
        const struct product *p = product_get(id);
        if (product_matches(p, words, category)) {
            reply_add(&reply, reply.len > 1 ? "," : "");
            product_write(&reply, p);
        }
    }
    reply_add(&reply, "]");
    int status = answer_json(conn, 200, "", reply.text);
    free(reply.text);
    return status;
}

static int
answer_cart(struct mg_connection *conn, const struct visitor *visitor, bool is_new)
{
    char text[4096], cookie[128];
    struct reply reply = {.text = text, .cap = sizeof text};
    struct price price = cart_price(visitor);
    reply_add(&reply, "{\"lines\":[");
    for (int i = 0; i < visitor->line_count; i++) {
        reply_add(&reply, "%s{\"quantity\":%d,\"product\":", i > 0 ? "," : "",
                  visitor->lines[i].quantity);
        product_write(&reply, product_get(visitor->lines[i].product));
        reply_add(&reply, "}");
    }
    reply_add(&reply,
              "],\"pieces\":%d,\"coupon\":%s,\"subtotal\":%d,\"discount\":%d,\"shipping\":%d,"
              "\"total\":%d,"
              "\"order\":%d,\"status\":\"%s\"}",
              cart_pieces(visitor), visitor->coupon ? "true" : "false", price.subtotal,
              price.discount, price.shipping, price.total, visitor->order_number,
              order_status(visitor));
    return answer_json(conn, 200, cookie_header(visitor, is_new, cookie), text);
}

/* GET: the basket. POST product + quantity sets, product + add adds, coupon applies, order orders.
 */
static int
on_cart(struct mg_connection *conn, void *unused)
{
    (void)unused;
    bool is_new = false;
    struct visitor visitor = visitor_of(conn, &is_new);
    struct body body;
    char coupon[VALUE_MAX], order[VALUE_MAX];
    if (!is_post(conn)) {
        return answer_cart(conn, &visitor, is_new);
    }
    if (!body_read(conn, &body)) {
        return answer_json(conn, 413, "", "{\"error\":\"too much\"}");
    }
    bool good;
    if (body_text(&body, "coupon", coupon)[0] != '\0') {
        good = visitor.coupon = strcasecmp(coupon, "SPRING10") == 0;
    } else if (body_text(&body, "order", order)[0] != '\0') {
        good = order_place(&visitor);
    } else {
        int product = body_number(&body, "product");
        int add = body_number(&body, "add");
        int quantity = add > 0 && add <= QUANTITY_MAX ? cart_quantity(&visitor, product) + add
                                                      : body_number(&body, "quantity");
        good = cart_set(&visitor, product, quantity);
    }
    visitor_save(&visitor);
    return good ? answer_cart(conn, &visitor, is_new)
                : answer_json(conn, 422, "", "{\"error\":\"not possible\"}");
}

static int
on_feed(struct mg_connection *conn, void *unused)
{
    (void)unused;
    static const char *const DEEDS[] = {"packed an order", "answered a question",
                                        "restocked a shelf", "wrote a review", "shipped a parcel"};
    char page_text[VALUE_MAX], text[4096];
    query_value(conn, "page", page_text);
    long page = strtol(page_text, NULL, 10);
    long first = page >= 0 && page < FEED_ITEMS ? page * FEED_PAGE : FEED_ITEMS;
    struct reply reply = {.text = text, .cap = sizeof text};
    reply_add(&reply, "[");
    for (long i = first; i < first + FEED_PAGE && i < FEED_ITEMS; i++) {
        reply_add(&reply, "%s{\"number\":%ld,\"text\":\"%s\"}", i > first ? "," : "", i + 1,
                  DEEDS[i % (long)(sizeof DEEDS / sizeof DEEDS[0])]);
    }
    reply_add(&reply, "]");
    return answer_json(conn, 200, "", text);
}

/* --- registration: a multipart form with a picture */

struct registration {
    char email[VALUE_MAX];
    bool picture;
};

static int
field_found(const char *key, const char *filename, char *path, size_t path_len, void *user)
{
    (void)filename, (void)path, (void)path_len, (void)user;
    return strcmp(key, "email") == 0 || strcmp(key, "picture") == 0 ? MG_FORM_FIELD_STORAGE_GET
                                                                    : MG_FORM_FIELD_STORAGE_SKIP;
}

static int
field_get(const char *key, const char *value, size_t value_len, void *user)
{
    struct registration *registration = user;
    if (strcmp(key, "picture") == 0) {
        registration->picture = registration->picture || value_len > 0;
    } else if (value_len < VALUE_MAX) {
        memcpy(registration->email, value, value_len);
        registration->email[value_len] = '\0';
    }
    return MG_FORM_FIELD_HANDLE_GET;
}

static int
on_register(struct mg_connection *conn, void *unused)
{
    (void)unused;
    struct registration registration = {0};
    struct mg_form_data_handler handler = {
        .field_found = field_found, .field_get = field_get, .user_data = &registration};
    char text[128];
    if (!is_post(conn) || mg_handle_form_request(conn, &handler) < 0 ||
        strchr(registration.email, '@') == NULL) {
        return answer_json(conn, 422, "",
                           "{\"error\":\"Enter an email address we can write to.\"}");
    }
    if (strcasecmp(registration.email, "ada@example.com") == 0) {
        return answer_json(conn, 409, "",
                           "{\"error\":\"This email address has an account already.\"}");
    }
    snprintf(text, sizeof text, "{\"customer\":\"C-2077\",\"picture\":%s}",
             registration.picture ? "true" : "false");
    return answer_json(conn, 200, "", text);
}

/* --- pages */

static bool
page_path(const char *uri, char out[PATH_LEN])
{
    size_t len = strlen(uri);
    if (strspn(uri, "abcdefghijklmnopqrstuvwxyz0123456789-/.") != len ||
        strstr(uri, "..") != NULL) {
        return false;
    }
    const char *name = strcmp(uri, "/") == 0 ? "/index" : uri;
    const char *ending = strrchr(name, '.') == NULL ? ".html" : "";
    int n = snprintf(out, PATH_LEN, "%s%s%s", www, name, ending);
    return n > 0 && n < PATH_LEN && access(out, R_OK) == 0;
}

static int
on_page(struct mg_connection *conn, void *unused)
{
    (void)unused;
    char path[PATH_LEN], cookie[128];
    bool is_new = false;
    if (!page_path(mg_get_request_info(conn)->local_uri, path)) {
        return answer(conn, 404, "", "text/plain", "There is no such page.\n");
    }
    struct visitor visitor = visitor_of(conn, &is_new);
    if (is_new) {
        visitor_save(&visitor);
    }
    mg_send_mime_file2(conn, path, NULL, cookie_header(&visitor, is_new, cookie));
    return 200;
}

/* --- start and stop */

static bool
www_find(void)
{
    const char *given = getenv("ASSAY_SHOP_WWW");
    if (given != NULL) {
        snprintf(www, sizeof www, "%s", given);
    } else {
        char exe[PATH_LEN - 64];
        ssize_t len = readlink("/proc/self/exe", exe, sizeof exe - 1);
        exe[len > 0 ? len : 0] = '\0';
        char *slash = strrchr(exe, '/');
        if (slash != NULL) {
            *slash = '\0';
        }
        /* build/bin, or build/<variant>/bin */
        snprintf(www, sizeof www, "%s/../../examples/shop/www", exe);
        if (access(www, R_OK) != 0) {
            snprintf(www, sizeof www, "%s/../../../examples/shop/www", exe);
        }
    }
    return access(www, R_OK) == 0;
}

static struct mg_context *
serve(const char *port)
{
    char address[64];
    snprintf(address, sizeof address, "127.0.0.1:%s", port);
    const char *options[] = {
        "listening_ports",
        address,
        "num_threads",
        "64",
        "enable_keep_alive",
        "yes",
        "keep_alive_timeout_ms",
        "5000",
        "tcp_nodelay",
        "1",
        "access_control_allow_origin",
        "",
        "static_file_cache_control",
        "no-cache",
        "additional_header",
        "Content-Security-Policy: default-src 'self'\r\nX-Content-Type-Options: nosniff",
        NULL};
    struct mg_callbacks callbacks = {0};
    struct mg_context *server = mg_start(&callbacks, NULL, options);
    if (server == NULL) {
        return NULL;
    }
    mg_set_request_handler(server, "/", on_page, NULL);
    mg_set_request_handler(server, "/sign-in", on_sign_in, NULL);
    mg_set_request_handler(server, "/sign-out", on_sign_out, NULL);
    mg_set_request_handler(server, "/api/me", on_me, NULL);
    mg_set_request_handler(server, "/api/products", on_products, NULL);
    mg_set_request_handler(server, "/api/cart", on_cart, NULL);
    mg_set_request_handler(server, "/api/feed", on_feed, NULL);
    mg_set_request_handler(server, "/api/register", on_register, NULL);
    return server;
}

int
main(int argc, char **argv)
{
    const char *from_env = getenv("ASSAY_SHOP_PORT");
    const char *port = argc > 1 ? argv[1] : from_env != NULL ? from_env : "8500";
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    if (strspn(port, "0123456789") != strlen(port) || !www_find()) {
        fprintf(stderr, "usage: assay-shop [PORT]   (pages expected in %s)\n", www);
        return 3;
    }
    catalogue_init();
    struct mg_context *server = serve(port);
    if (server == NULL) {
        fprintf(stderr, "assay-shop: cannot listen on 127.0.0.1:%s\n", port);
        return 1;
    }
    printf("assay-shop: http://127.0.0.1:%s\n", port);
    fflush(stdout);
    int signal_number = 0;
    sigwait(&stop, &signal_number);
    mg_stop(server);
    return 0;
}
