/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "http/hop.h"

#define DEFAULT_CONNECT_US (3 * ASSAY_US_PER_S)
#define DEFAULT_TIMEOUT_US (30 * ASSAY_US_PER_S)
#define DEFAULT_RESPONSE_MAX ((size_t)1 << 20)
#define REDIRECTS_MAX 10

/* --- client -------------------------------------------------------------------------------- */

static void
init_curl(void)
{
    ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

void
http_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, init_curl);
}

static bool
copy_cfg(struct http_client_cfg *to, const struct http_client_cfg *from)
{
    *to = *from;
    to->connect_timeout_us =
        from->connect_timeout_us > 0 ? from->connect_timeout_us : DEFAULT_CONNECT_US;
    to->timeout_us = from->timeout_us > 0 ? from->timeout_us : DEFAULT_TIMEOUT_US;
    to->response_max = from->response_max > 0 ? from->response_max : DEFAULT_RESPONSE_MAX;
    to->user_agent = strdup(from->user_agent != NULL ? from->user_agent : "assay");
    to->ca_file = from->ca_file == NULL ? NULL : strdup(from->ca_file);
    uint16_t *ports = calloc(from->refused_port_count + 1, sizeof(*ports));
    if (ports != NULL && from->refused_port_count > 0) {
        memcpy(ports, from->refused_ports, from->refused_port_count * sizeof(*ports));
    }
    to->refused_ports = ports;
    return to->user_agent != NULL && (from->ca_file == NULL || to->ca_file != NULL) &&
           ports != NULL;
}

enum rc
http_client_new(const struct http_client_cfg *cfg, struct http_client **out)
{
    struct http_client *client = calloc(1, sizeof(*client));

    http_init();
    if (client == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    pthread_mutex_init(&client->lock, NULL);
    if (!copy_cfg(&client->cfg, cfg)) {
        http_client_free(client);
        return RC_RESOURCE_EXHAUSTED;
    }
    *out = client;
    return RC_OK;
}

static void
free_const(const void *p)
{
    free((void *)(uintptr_t)p);
}

void
http_client_free(struct http_client *client)
{
    if (client == NULL) {
        return;
    }
    for (size_t i = 0; i < client->idle_count; i++) {
        curl_easy_cleanup(client->idle[i]);
    }
    pthread_mutex_destroy(&client->lock);
    free_const(client->cfg.user_agent);
    free_const(client->cfg.ca_file);
    free_const(client->cfg.refused_ports);
    free(client);
}

CURL *
http_easy_take(struct http_client *client)
{
    CURL *easy = NULL;

    pthread_mutex_lock(&client->lock);
    if (client->idle_count > 0) {
        easy = client->idle[--client->idle_count];
    }
    pthread_mutex_unlock(&client->lock);
    return easy != NULL ? easy : curl_easy_init();
}

void
http_easy_give(struct http_client *client, CURL *easy)
{
    curl_easy_reset(easy); /* keeps connections and names, forgets the request and its pointers */
    pthread_mutex_lock(&client->lock);
    if (client->idle_count < HTTP_IDLE_MAX) {
        client->idle[client->idle_count++] = easy;
        easy = NULL;
    }
    pthread_mutex_unlock(&client->lock);
    if (easy != NULL) {
        curl_easy_cleanup(easy);
    }
}

/* --- the request --------------------------------------------------------------------------- */

static bool
is_redirect(const struct http_request *req, const struct http_response *resp)
{
    const char *method = http_method_of(req);

    return resp->status >= 301 && resp->status <= 308 && resp->status != 304 &&
           (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0) &&
           http_header_get(resp, "location").n > 0;
}

static int64_t
until_us(const struct http_client *client, const struct ctx *ctx, const struct http_request *req)
{
    int64_t timeout = req->timeout_us > 0 ? req->timeout_us : client->cfg.timeout_us;
    int64_t left = ctx_left_us(ctx);

    return clk_mono_us() + (left < timeout ? left : timeout);
}

enum rc
http_send(struct http_client *client, struct ctx *ctx, const struct http_request *req,
          struct http_response *out)
{
    int64_t started_us = clk_mono_us();
    int64_t end_us = until_us(client, ctx, req);
    int hops = req->redirects < REDIRECTS_MAX ? req->redirects : REDIRECTS_MAX;
    struct str url = req->url;
    const char *first_origin = NULL;
    struct http_response resp = {0};

    for (;; hops--) {
        struct http_target target = {0};
        int64_t left_us = end_us - clk_mono_us();
        if (left_us <= 0) {
            return fail(ctx, RC_DEADLINE_EXCEEDED, "TIMEOUT", "no time left for the request");
        }
        enum rc rc = http_target_check(ctx, &client->cfg, url, left_us, &target);
        if (rc != RC_OK) {
            return rc;
        }
        first_origin = first_origin == NULL ? target.origin : first_origin;
        bool same_origin = strcmp(first_origin, target.origin) == 0;
        rc = http_hop(client, ctx, req, &target, same_origin, end_us - clk_mono_us(), &resp);
        if (rc != RC_OK) {
            return rc;
        }
        if (hops <= 0 || !is_redirect(req, &resp)) {
            break;
        }
        rc = http_target_follow(ctx, target.url, http_header_get(&resp, "location"), &url);
        if (rc != RC_OK) {
            return rc;
        }
    }
    resp.took_us = clk_mono_us() - started_us;
    *out = resp;
    return RC_OK;
}

enum rc
http_check_url(const struct http_client *client, struct ctx *ctx, struct str url)
{
    struct http_target unused = {0};

    return http_target_look(ctx, &client->cfg, url, &unused);
}

struct str
http_header_get(const struct http_response *resp, const char *name)
{
    for (size_t i = 0; i < resp->header_count; i++) {
        if (str_ieq(resp->headers[i].name, str_z(name))) {
            return resp->headers[i].value;
        }
    }
    return STR_EMPTY;
}

void
http_put_encoded(struct buf *b, struct str s, bool keep_slash)
{
    static const char HEX[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        unsigned char u = (unsigned char)c;
        if (ch_is_alpha(c) || ch_is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~' ||
            (c == '/' && keep_slash)) {
            buf_putc(b, c);
        } else {
            buf_putc(b, '%');
            buf_putc(b, HEX[u >> 4]);
            buf_putc(b, HEX[u & 15]);
        }
    }
}
