/* SPDX-License-Identifier: Apache-2.0
 *
 * What civetweb lets through and a careful server must not. Source: RFC 9112 sections 3.2 and 6,
 * ASVS 5.0 4.2. civetweb keeps 64 headers and drops the rest silently, so a full table counts as
 * too many. It also stops, silently, at a line that starts with a space or a colon: a proxy in
 * front that reads on finds a Content-Length that we do not, and what it takes for a body becomes
 * our next request. The strings civetweb made still stand in the buffer, so their gaps tell what it
 * skipped. */
#include "web/web_int.h"

#include <string.h>
#include <strings.h>

static bool
is_token(const char *name)
{
    if (*name == '\0') {
        return false;
    }
    for (; *name != '\0'; name++) {
        char c = *name;
        if (!ch_is_alpha(c) && !ch_is_digit(c) && strchr("!#$%&'*+-.^_`|~", c) == NULL) {
            return false;
        }
    }
    return true;
}

static bool
is_clean_value(const char *value)
{
    for (; *value != '\0'; value++) {
        unsigned char c = (unsigned char)*value;
        if ((c < 0x20 && c != '\t') || c == 0x7F) {
            return false;
        }
    }
    return true;
}

/* Between the colon and the value only blanks; a space before the colon would be a second NUL. */
static bool
is_tight_pair(const char *name, const char *value)
{
    const char *p = name + strlen(name) + 1;

    while (p < value && (*p == ' ' || *p == '\t')) {
        p++;
    }
    return p == value;
}

/* Every line begins right behind the CR LF of the one before (both overwritten with NUL), and
 * behind the last one comes the empty line, whose LF is overwritten; without headers its CR is too.
 */
static bool
is_contiguous(const struct mg_request_info *info)
{
    const char *end = info->http_version + strlen(info->http_version);

    for (int i = 0; i < info->num_headers; i++) {
        const char *name = info->http_headers[i].name;
        const char *value = info->http_headers[i].value;
        if (name != end + 2 || !is_tight_pair(name, value)) {
            return false;
        }
        end = value + strlen(value);
    }
    return end[2] == (info->num_headers == 0 ? '\0' : '\r') && end[3] == '\0';
}

struct framing {
    int lengths, encodings, hosts;
    const char *length, *encoding, *host;
};

static const char *
scan_headers(const struct mg_request_info *info, struct framing *f)
{
    for (int i = 0; i < info->num_headers; i++) {
        const char *name = info->http_headers[i].name;
        const char *value = info->http_headers[i].value;
        if (!is_token(name) || !is_clean_value(value)) {
            return "malformed header";
        }
        if (strcasecmp(name, "content-length") == 0) {
            f->lengths++;
            f->length = value;
        } else if (strcasecmp(name, "transfer-encoding") == 0) {
            f->encodings++;
            f->encoding = value;
        } else if (strcasecmp(name, "host") == 0) {
            f->hosts++;
            f->host = value;
        }
    }
    return NULL;
}

static const char *
length_fault(const struct framing *f)
{
    int64_t n = 0;

    if (f->lengths > 1 || f->encodings > 1 || (f->lengths > 0 && f->encodings > 0)) {
        return "more than one message length";
    }
    if (f->lengths == 1 &&
        (f->length[0] == '-' || str_to_i64(str_z(f->length), 0, INT64_MAX, &n) != RC_OK)) {
        return "malformed Content-Length";
    }
    if (f->encodings == 1 && strcasecmp(f->encoding, "chunked") != 0) {
        return "unknown Transfer-Encoding";
    }
    return NULL;
}

static bool
is_host(const char *host)
{
    return host[0] != '\0' && strpbrk(host, " \t/?#@\\") == NULL;
}

const char *
web__framing_fault(const struct mg_request_info *info, int *out_status)
{
    struct framing f = {0};

    *out_status = 400;
    if (info->num_headers > WEB_HEADERS_MAX) {
        *out_status = 431;
        return "too many headers";
    }
    const char *fault = is_contiguous(info) ? scan_headers(info, &f) : "malformed head";
    if (fault == NULL) {
        fault = length_fault(&f);
    }
    if (fault != NULL) {
        return fault;
    }
    bool is_11 = strcmp(info->http_version, "1.1") == 0;
    if (!is_11 && f.encodings > 0) {
        return "Transfer-Encoding in HTTP/1.0";
    }
    if (f.hosts > 1 || (is_11 && f.hosts == 0) || (f.hosts == 1 && !is_host(f.host))) {
        return "missing or malformed Host";
    }
    if (info->request_uri == NULL || info->request_uri[0] != '/' ||
        strchr(info->request_uri, '#') != NULL) {
        return "the target must be a path";
    }
    return NULL;
}
