/* SPDX-License-Identifier: Apache-2.0
 *
 * One state machine over bytes. The delimiter is CR LF "--" boundary; CR stands in it only once, at
 * its start, so after a mismatch the bytes held back are data and the search begins anew with the
 * byte that did not match: no other prefix can be under way. The first boundary may stand at the
 * very start, as if a CR LF had come before. */
#include "gateway/gw_multipart.h"

#include <string.h>

enum state {
    PREAMBLE,   /* looking for the first boundary */
    AFTER,      /* behind a boundary: CR, '-' or blanks */
    AFTER_CR,   /* LF must follow */
    AFTER_DASH, /* the second '-' must follow */
    HEAD,       /* lines of a part's head, up to the empty one */
    BODY,
    EPILOGUE /* behind the closing boundary */
};

static enum rc
malformed(struct ctx *ctx, const char *text)
{
    return fail(ctx, RC_INVALID_ARGUMENT, "MALFORMED_MULTIPART", "malformed multipart body: %s",
                text);
}

/* --- headers ------------------------------------------------------------------------------- */

/* Takes one `; name=value` from the front; quoted values keep no quotes, and `\"` becomes `"` in
 * place, so the text must be writable then. False: no further parameter, or a malformed one. */
static bool
take_parameter(struct str *s, char *writable, struct str *out_name, struct str *out_value)
{
    struct str rest = str_trim(*s);

    if (rest.n == 0 || rest.p[0] != ';') {
        return false;
    }
    rest = str_trim(str_sub(rest, 1, rest.n));
    ptrdiff_t equals = str_find_byte(rest, '=');
    if (equals <= 0) {
        return false;
    }
    *out_name = str_trim(str_sub(rest, 0, (size_t)equals));
    rest = str_trim(str_sub(rest, (size_t)equals + 1, rest.n));
    if (rest.n == 0 || rest.p[0] != '"') {
        size_t n = 0;
        while (n < rest.n && rest.p[n] != ';') {
            n++;
        }
        *out_value = str_trim(str_sub(rest, 0, n));
        *s = str_sub(rest, n, rest.n);
        return true;
    }
    char *to = writable == NULL ? NULL : writable + (rest.p + 1 - writable);
    size_t n = 0;
    size_t i = 1;
    for (; i < rest.n && rest.p[i] != '"'; i++) {
        /* Browsers write %22 for a quote and leave backslashes of paths alone. */
        if (rest.p[i] == '\\' && i + 1 < rest.n && rest.p[i + 1] == '"') {
            if (to == NULL) {
                return false;
            }
            i++;
        }
        if (to != NULL) {
            to[n] = rest.p[i];
        }
        n++;
    }
    if (i == rest.n) {
        return false;
    }
    *out_value = str_n(rest.p + 1, n);
    *s = str_sub(rest, i + 1, rest.n);
    return true;
}

static bool
is_boundary(struct str s)
{
    if (s.n == 0 || s.n > GW_BOUNDARY_MAX || s.p[s.n - 1] == ' ') {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (!ch_is_alpha(s.p[i]) && !ch_is_digit(s.p[i]) &&
            memchr("'()+_,-./:=? ", s.p[i], 13) == NULL) {
            return false;
        }
    }
    return true;
}

struct str
gw_multipart_boundary(struct str content_type)
{
    struct str type = str_sub(content_type, 0, strlen("multipart/form-data"));
    struct str rest = str_sub(content_type, type.n, content_type.n);
    struct str name;
    struct str value;

    if (!str_ieq(type, STR("multipart/form-data"))) {
        return STR_EMPTY;
    }
    while (take_parameter(&rest, NULL, &name, &value)) {
        if (str_ieq(name, STR("boundary"))) {
            return is_boundary(value) ? value : STR_EMPTY;
        }
    }
    return STR_EMPTY;
}

/* What follows the last slash or backslash; a name that is only dots names nothing. */
static struct str
base_name(struct str name)
{
    ptrdiff_t slash = str_rfind_byte(name, '/');
    ptrdiff_t back = str_rfind_byte(name, '\\');
    ptrdiff_t cut = slash > back ? slash : back;

    name = str_sub(name, (size_t)(cut + 1), name.n);
    return str_eqz(name, ".") || str_eqz(name, "..") ? STR_EMPTY : name;
}

static bool
is_clean_text(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7F) {
            return false;
        }
    }
    return str_is_utf8(s);
}

static enum rc
read_disposition(struct ctx *ctx, char *line, struct str value, struct gw_part *part)
{
    struct str rest = value;
    struct str name;
    struct str text;

    if (part->name.p != NULL || !str_istarts(value, STR("form-data"))) {
        return malformed(ctx, "one Content-Disposition: form-data is needed");
    }
    rest = str_sub(rest, strlen("form-data"), rest.n);
    while (take_parameter(&rest, line, &name, &text)) {
        if (str_ieq(name, STR("name")) && part->name.p == NULL) {
            part->name = text;
        } else if (str_ieq(name, STR("filename")) && !part->is_file) {
            part->is_file = true;
            part->file_name = base_name(text);
        }
    }
    if (str_trim(rest).n > 0 || part->name.n == 0 || !is_clean_text(part->name) ||
        !is_clean_text(part->file_name) || part->file_name.n > GW_FILE_NAME_MAX) {
        return malformed(ctx, "a part's Content-Disposition cannot be read");
    }
    return RC_OK;
}

static enum rc
read_line(struct ctx *ctx, char *line, size_t n, struct gw_part *part)
{
    struct str value = str_n(line, n);
    struct str name = str_split(&value, ':');

    if (value.p == NULL || name.n == 0 || ch_is_space(name.p[0]) ||
        ch_is_space(name.p[name.n - 1])) {
        return malformed(ctx, "a part's head has a line that is no header");
    }
    value = str_trim(value);
    if (str_ieq(name, STR("content-disposition"))) {
        return read_disposition(ctx, line, value, part);
    }
    if (str_ieq(name, STR("content-type"))) {
        if (!is_clean_text(value)) {
            return malformed(ctx, "a part's Content-Type cannot be read");
        }
        part->content_type = value;
    } else if (str_ieq(name, STR("content-transfer-encoding")) && !str_ieq(value, STR("binary")) &&
               !str_ieq(value, STR("8bit")) && !str_ieq(value, STR("7bit"))) {
        return malformed(ctx, "parts must not be encoded"); /* RFC 7578 4.7 */
    }
    return RC_OK;
}

/* m->head holds the lines with their CR LF, the empty one last. */
static enum rc
read_head(struct gw_multipart *m, struct ctx *ctx)
{
    struct gw_part part = {.is_file = false};
    char *head = arena_alloc(ctx->arena, m->head_n);

    if (head == NULL) {
        return fail_memory(ctx, "the body has too many parts");
    }
    memcpy(head, m->head, m->head_n);
    for (size_t at = 0; at + 2 < m->head_n;) {
        ptrdiff_t n = str_find(str_n(head + at, m->head_n - at), STR("\r\n"));
        enum rc rc = n < 0 ? malformed(ctx, "a part's head is cut")
                           : read_line(ctx, head + at, (size_t)n, &part);
        if (rc != RC_OK) {
            return rc;
        }
        at += (size_t)n + 2;
    }
    if (part.name.p == NULL) {
        return malformed(ctx, "a part has no name");
    }
    return m->ops->begin(m->arg, ctx, &part);
}

/* --- bytes --------------------------------------------------------------------------------- */

/* A boundary may stand here at once, as if a line had just ended: at the very start, and in an
 * empty part. */
static void
begin_scan(struct gw_multipart *m)
{
    m->matched = 2;
    m->implied = 2;
}

void
gw_multipart_init(struct gw_multipart *m, struct str boundary, const struct gw_multipart_ops *ops,
                  void *arg)
{
    ASSERT(boundary.n > 0 && boundary.n <= GW_BOUNDARY_MAX);
    m->ops = ops;
    m->arg = arg;
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary.p, boundary.n);
    m->delimiter_n = boundary.n + 4;
    m->state = PREAMBLE;
    begin_scan(m);
    m->parts = 0;
    m->head_n = 0;
}

static enum rc
give(struct gw_multipart *m, struct ctx *ctx, struct str bytes)
{
    return m->state == BODY && bytes.n > 0 ? m->ops->data(m->arg, ctx, bytes) : RC_OK;
}

/* How many bytes lie before what is the delimiter, or may become it with the bytes to come: they
 * are given on in one piece. A picture has a CR every few hundred bytes. */
static size_t
plain_before(const struct gw_multipart *m, struct str s)
{
    size_t at = 0;

    while (at < s.n) {
        ptrdiff_t cr = str_find_byte(str_sub(s, at, s.n), '\r');
        if (cr < 0) {
            return s.n;
        }
        at += (size_t)cr;
        size_t n = s.n - at < m->delimiter_n ? s.n - at : m->delimiter_n;
        if (memcmp(s.p + at, m->delimiter, n) == 0) {
            return at;
        }
        at++;
    }
    return s.n;
}

/* Consumes bytes up to the end of a delimiter; sets *out_found. */
static enum rc
scan(struct gw_multipart *m, struct ctx *ctx, struct str *s, bool *out_found)
{
    enum rc rc = RC_OK;

    *out_found = false;
    while (rc == RC_OK && s->n > 0) {
        if (m->matched == 0) {
            size_t plain = plain_before(m, *s);
            rc = give(m, ctx, str_sub(*s, 0, plain));
            m->matched = plain < s->n ? 1 : 0;
            *s = str_sub(*s, plain + m->matched, s->n);
        } else if (s->p[0] == m->delimiter[m->matched]) {
            *s = str_sub(*s, 1, s->n);
            if (++m->matched == m->delimiter_n) {
                m->matched = 0;
                m->implied = 0;
                *out_found = true;
                return RC_OK;
            }
        } else { /* data after all; the byte is looked at again */
            rc = give(m, ctx, str_sub(str_n(m->delimiter, m->matched), m->implied, m->matched));
            m->matched = 0;
            m->implied = 0;
        }
    }
    return rc;
}

static enum rc
end_part(struct gw_multipart *m, struct ctx *ctx)
{
    enum rc rc = m->state == BODY ? m->ops->end(m->arg, ctx) : RC_OK;

    m->state = AFTER;
    return rc;
}

/* The byte behind a boundary decides: another part, or the end. */
static enum rc
after_boundary(struct gw_multipart *m, struct ctx *ctx, char c)
{
    switch (m->state) {
    case AFTER:
        if (c == ' ' || c == '\t') { /* padding that RFC 2046 allows */
            return RC_OK;
        }
        m->state = c == '\r' ? AFTER_CR : AFTER_DASH;
        return c == '\r' || c == '-' ? RC_OK : malformed(ctx, "a boundary is followed by text");
    case AFTER_CR:
        if (c != '\n' || m->parts == GW_PARTS_MAX) {
            return malformed(ctx, c == '\n' ? "too many parts" : "a boundary is followed by text");
        }
        m->parts++;
        m->head_n = 0;
        m->state = HEAD;
        return RC_OK;
    default:
        m->state = EPILOGUE;
        return c == '-' ? RC_OK : malformed(ctx, "a boundary is followed by text");
    }
}

static enum rc
head_byte(struct gw_multipart *m, struct ctx *ctx, char c)
{
    if (m->head_n == sizeof(m->head)) {
        return malformed(ctx, "a part's head is too long");
    }
    m->head[m->head_n++] = c;
    size_t n = m->head_n;
    bool is_whole = n == 2 ? memcmp(m->head, "\r\n", 2) == 0
                           : n >= 4 && memcmp(m->head + n - 4, "\r\n\r\n", 4) == 0;
    if (!is_whole) {
        return RC_OK;
    }
    enum rc rc = read_head(m, ctx);
    m->state = BODY;
    begin_scan(m);
    return rc;
}

enum rc
gw_multipart_feed(struct gw_multipart *m, struct ctx *ctx, struct str s)
{
    enum rc rc = RC_OK;

    while (rc == RC_OK && s.n > 0 && m->state != EPILOGUE) {
        if (m->state == PREAMBLE || m->state == BODY) {
            bool found = false;
            rc = scan(m, ctx, &s, &found);
            if (rc == RC_OK && found) {
                rc = end_part(m, ctx);
            }
            continue;
        }
        char c = s.p[0];
        s = str_sub(s, 1, s.n);
        rc = m->state == HEAD ? head_byte(m, ctx, c) : after_boundary(m, ctx, c);
    }
    return rc;
}

enum rc
gw_multipart_finish(const struct gw_multipart *m, struct ctx *ctx)
{
    return m->state == EPILOGUE ? RC_OK : malformed(ctx, "the closing boundary is missing");
}
