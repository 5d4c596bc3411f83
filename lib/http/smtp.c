/* SPDX-License-Identifier: Apache-2.0 */
#include "http/smtp.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "http/hop.h"

#define TIMEOUT_US (30 * ASSAY_US_PER_S)
#define ADDRESS_MAX 254

struct smtp_client {
    pthread_mutex_t lock; /* of everything below */
    CURL *easy;
    char *url;
    char *ca_file; /* NULL: the system's */
    bool tls;
    int64_t connect_timeout_us;
    int64_t timeout_us;
};

/* --- client -------------------------------------------------------------------------------- */

static bool
is_this_machine(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           strcmp(host, "[::1]") == 0 || strncmp(host, "127.", 4) == 0;
}

/* What is wrong with the URL, or NULL; *out_local: it names this machine. */
static const char *
check_url(const char *url, bool *out_local)
{
    const char *why = "must be smtp://[user:password@]host[:port] or smtps://...";
    CURLU *u = curl_url();
    char *host = NULL;
    char *scheme = NULL;

    if (u != NULL && curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        (strcmp(scheme, "smtp") == 0 || strcmp(scheme, "smtps") == 0)) {
        *out_local = is_this_machine(host);
        why = NULL;
    }
    curl_free(host);
    curl_free(scheme);
    curl_url_cleanup(u);
    return why;
}

enum rc
smtp_client_new(const struct smtp_client_cfg *cfg, struct smtp_client **out, const char **out_why)
{
    bool local = false;

    http_init();
    *out_why = check_url(cfg->url, &local);
    if (*out_why != NULL) {
        return RC_INVALID_ARGUMENT;
    }
    struct smtp_client *client = calloc(1, sizeof(*client));
    if (client == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    (void)pthread_mutex_init(&client->lock, NULL);
    bool has_ca = cfg->ca_file != NULL && cfg->ca_file[0] != '\0';
    client->easy = curl_easy_init();
    client->url = strdup(cfg->url);
    client->ca_file = has_ca ? strdup(cfg->ca_file) : NULL;
    client->tls = cfg->tls == SMTP_TLS_REQUIRED || (cfg->tls == SMTP_TLS_AUTO && !local);
    client->timeout_us = cfg->timeout_us > 0 ? cfg->timeout_us : TIMEOUT_US;
    /* To libcurl the greeting is part of connecting, and servers that are busy, or mistrust, delay
     * it. */
    client->connect_timeout_us =
        cfg->connect_timeout_us > 0 ? cfg->connect_timeout_us : client->timeout_us;
    if (client->easy == NULL || client->url == NULL || (has_ca && client->ca_file == NULL)) {
        smtp_client_free(client);
        return RC_RESOURCE_EXHAUSTED;
    }
    *out = client;
    return RC_OK;
}

void
smtp_client_free(struct smtp_client *client)
{
    if (client == NULL) {
        return;
    }
    curl_easy_cleanup(client->easy);
    (void)pthread_mutex_destroy(&client->lock);
    free(client->url);
    free(client->ca_file);
    free(client);
}

/* --- delivery ------------------------------------------------------------------------------ */

bool
smtp_is_address(struct str address)
{
    ptrdiff_t at = str_find_byte(address, '@');

    if (at < 1 || (size_t)at + 1 >= address.n || address.n > ADDRESS_MAX ||
        str_rfind_byte(address, '@') != at || !str_is_utf8(address)) {
        return false;
    }
    for (size_t i = 0; i < address.n; i++) {
        unsigned char c = (unsigned char)address.p[i];
        if (c <= ' ' || c == 0x7F || strchr("<>()[],;:\\\"", c) != NULL) {
            return false;
        }
    }
    return true;
}

struct upload {
    struct str left;
};

static size_t
on_read(char *p, size_t size, size_t n, void *arg)
{
    struct upload *up = arg;
    size_t want = size * n < up->left.n ? size * n : up->left.n;

    if (want > 0) {
        memcpy(p, up->left.p, want);
        up->left = str_sub(up->left, want, up->left.n);
    }
    return want;
}

static long
left_ms(const struct smtp_client *client, const struct ctx *ctx)
{
    int64_t left_us = ctx_left_us(ctx);
    int64_t us = left_us < client->timeout_us ? left_us : client->timeout_us;

    return us < ASSAY_US_PER_MS ? 1 : (long)(us / ASSAY_US_PER_MS);
}

static void
set_options(struct smtp_client *client, const struct ctx *ctx, struct upload *up, size_t size,
            char *error)
{
    CURL *easy = client->easy;

    curl_easy_reset(easy); /* keeps the connection */
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* not even from the environment */
    curl_easy_setopt(easy, CURLOPT_URL, client->url);
    curl_easy_setopt(easy, CURLOPT_USE_SSL, (long)(client->tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (client->ca_file != NULL) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, client->ca_file);
    }
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(client->connect_timeout_us / ASSAY_US_PER_MS));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, left_ms(client, ctx));
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(easy, CURLOPT_READDATA, up);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)size);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error);
}

/* Only a recipient that is refused for good ends a mail: everything else may be the server's fault
 * or ours, and is tried again. */
static enum rc
failure(struct ctx *ctx, const char *error, CURLcode e, long status)
{
    enum rc rc = strncmp(error, "RCPT failed: 5", 14) == 0
                     ? fail(ctx, RC_FAILED_PRECONDITION, "RECIPIENT_REFUSED",
                            "the mail server refuses the recipient")
                     : fail(ctx, RC_UNAVAILABLE, "SMTP", "the mail server did not take the mail");

    note(ctx, "curl %d, status %ld: %s", (int)e, status,
         error[0] != '\0' ? error : curl_easy_strerror(e));
    return rc;
}

static enum rc
deliver(struct smtp_client *client, struct ctx *ctx, const char *from, struct curl_slist *to,
        struct str message)
{
    char error[CURL_ERROR_SIZE] = "";
    struct upload up = {message};
    long status = 0;

    set_options(client, ctx, &up, message.n, error);
    curl_easy_setopt(client->easy, CURLOPT_MAIL_FROM, from);
    curl_easy_setopt(client->easy, CURLOPT_MAIL_RCPT, to);
    CURLcode e = curl_easy_perform(client->easy);
    if (e == CURLE_OK) {
        return RC_OK;
    }
    curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &status);
    return failure(ctx, error, e, status);
}

enum rc
smtp_send(struct smtp_client *client, struct ctx *ctx, struct str from, struct str to,
          struct str message)
{
    if (!smtp_is_address(from) || !smtp_is_address(to)) {
        return fail(ctx, RC_INVALID_ARGUMENT, "BAD_ADDRESS", "mail cannot be sent to this address");
    }
    char *from_z = arena_strz(ctx->arena, from);
    char *to_z = arena_strz(ctx->arena, to);
    struct curl_slist *list = to_z == NULL ? NULL : curl_slist_append(NULL, to_z);
    if (from_z == NULL || list == NULL) {
        return fail_memory(ctx, "no memory for the mail");
    }
    (void)pthread_mutex_lock(&client->lock);
    enum rc rc = deliver(client, ctx, from_z, list, message);
    (void)pthread_mutex_unlock(&client->lock);
    curl_slist_free_all(list);
    return rc;
}
