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

/* Every header of every request passes here, most of them a long token: tables, not comparisons. */
bool
web__is_token(const char *name)
{
    static const bool IN_TOKEN[256] = {
        ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1, ['&'] = 1, ['\''] = 1, ['*'] = 1, ['+'] = 1,
        ['-'] = 1, ['.'] = 1, ['^'] = 1, ['_'] = 1, ['`'] = 1, ['|'] = 1,  ['~'] = 1, ['0'] = 1,
        ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1,  ['7'] = 1, ['8'] = 1,
        ['9'] = 1, ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1,  ['F'] = 1, ['G'] = 1,
        ['H'] = 1, ['I'] = 1, ['J'] = 1, ['K'] = 1, ['L'] = 1, ['M'] = 1,  ['N'] = 1, ['O'] = 1,
        ['P'] = 1, ['Q'] = 1, ['R'] = 1, ['S'] = 1, ['T'] = 1, ['U'] = 1,  ['V'] = 1, ['W'] = 1,
        ['X'] = 1, ['Y'] = 1, ['Z'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1,  ['d'] = 1, ['e'] = 1,
        ['f'] = 1, ['g'] = 1, ['h'] = 1, ['i'] = 1, ['j'] = 1, ['k'] = 1,  ['l'] = 1, ['m'] = 1,
        ['n'] = 1, ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1, ['s'] = 1,  ['t'] = 1, ['u'] = 1,
        ['v'] = 1, ['w'] = 1, ['x'] = 1, ['y'] = 1, ['z'] = 1,
    };
    const char *p = name;

    while (IN_TOKEN[(unsigned char)*p]) {
        p++;
    }
    return p > name && *p == '\0';
}

/* True for eight bytes none of which is a control character, DEL, or not ASCII; see json_plain8. */
static bool
is_clean8(const char *p)
{
    static const uint64_t EACH = UINT64_C(0x0101010101010101);
    uint64_t w = 0;

    memcpy(&w, p, sizeof(w));
    return ((w | (w - EACH * 0x20) | ((w ^ EACH * 0x7F) - EACH)) & EACH * 0x80) == 0;
}

static bool
is_clean_value(const char *value)
{
    size_t n = strlen(value);
    size_t i = 0;

    while (i < n) {
        unsigned char c = (unsigned char)value[i];
        if (n - i >= 8 && is_clean8(value + i)) {
            i += 8;
        } else if ((c < 0x20 && c != '\t') || c == 0x7F) {
            return false;
        } else {
            i++;
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
    int lengths, encodings, hosts, credentials;
    const char *length, *encoding, *host;
};

static const char *
scan_headers(const struct mg_request_info *info, struct framing *f)
{
    for (int i = 0; i < info->num_headers; i++) {
        const char *name = info->http_headers[i].name;
        const char *value = info->http_headers[i].value;
        if (!web__is_token(name) || !is_clean_value(value)) {
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
        } else if (strcasecmp(name, "authorization") == 0) {
            f->credentials++;
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
    if (f.credentials > 1) { /* a proxy may have checked the other one */
        return "more than one Authorization";
    }
    if (info->request_uri == NULL || info->request_uri[0] != '/' ||
        strchr(info->request_uri, '#') != NULL) {
        return "the target must be a path";
    }
    return NULL;
}
