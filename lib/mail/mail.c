/* SPDX-License-Identifier: Apache-2.0 */
#include "mail/mail.h"

#include <stdio.h>
#include <time.h>

#include "sec/hash.h"

#define LINE_MAX_QP 76
#define WORD_BYTES 42 /* of an encoded word: 56 characters of base64 */

/* --- header -------------------------------------------------------------------------------- */

static bool
is_plain(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < ' ' || c > '~') {
            return false;
        }
    }
    return true;
}

/* Bytes of `s` that fit an encoded word without cutting a character. */
static size_t
word_end(struct str s)
{
    size_t n = s.n < WORD_BYTES ? s.n : WORD_BYTES;

    while (n < s.n && n > 1 && ((unsigned char)s.p[n] & 0xC0) == 0x80) {
        n--;
    }
    return n;
}

/* Text of a header: as it is when it is short ASCII, else encoded words. No line break gets out. */
static void
put_header_text(struct buf *b, struct str s)
{
    if (is_plain(s) && s.n <= 60 && str_find(s, STR("=?")) < 0) {
        buf_put(b, s);
        return;
    }
    while (s.n > 0) {
        size_t n = word_end(s);
        buf_put(b, STR("=?utf-8?B?"));
        hash_put_b64(b, str_sub(s, 0, n));
        buf_put(b, STR("?="));
        s = str_sub(s, n, s.n);
        if (s.n > 0) {
            buf_put(b, STR("\r\n "));
        }
    }
}

static void
put_date(struct buf *b, int64_t date_us)
{
    static const char *const DAYS[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const MONTHS[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t t = (time_t)(date_us / ASSAY_US_PER_S);
    struct tm tm;

    (void)gmtime_r(&t, &tm);
    buf_printf(b, "Date: %s, %02d %s %d %02d:%02d:%02d +0000\r\n", DAYS[tm.tm_wday % 7], tm.tm_mday,
               MONTHS[tm.tm_mon % 12], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static struct str
name_of(struct str from)
{
    ptrdiff_t open = str_find_byte(from, '<');
    struct str name = str_trim(open <= 0 ? STR_EMPTY : str_sub(from, 0, (size_t)open));

    if (name.n > 1 && name.p[0] == '"' && name.p[name.n - 1] == '"') {
        name = str_sub(name, 1, name.n - 1);
    }
    return name;
}

struct str
mail_address_of(struct str from)
{
    ptrdiff_t open = str_find_byte(from, '<');
    ptrdiff_t close = str_rfind_byte(from, '>');
    struct str address = open < 0       ? str_trim(from)
                         : close > open ? str_sub(from, (size_t)open + 1, (size_t)close)
                                        : STR_EMPTY;

    return smtp_is_address(address) ? address : STR_EMPTY;
}

static void
put_from(struct buf *b, struct str from)
{
    struct str name = name_of(from);

    buf_put(b, STR("From: "));
    if (name.n > 0) {
        bool atom = is_plain(name) && name.n <= 60 && str_find_byte(name, '"') < 0 &&
                    str_find_byte(name, '\\') < 0;
        if (atom) {
            buf_printf(b, "\"%.*s\"", STR_ARG(name));
        } else {
            put_header_text(b, name);
        }
        buf_putc(b, ' ');
    }
    buf_printf(b, "<%.*s>\r\n", STR_ARG(mail_address_of(from)));
}

static struct str
domain_of(struct str from)
{
    struct str address = mail_address_of(from);
    ptrdiff_t at = str_find_byte(address, '@');

    return at < 0 ? STR("localhost") : str_sub(address, (size_t)at + 1, address.n);
}

/* --- body ---------------------------------------------------------------------------------- */

/* Short ASCII lines travel as they are, so that a link can be read in the raw message. */
static bool
fits_7bit(struct str s)
{
    size_t line = 0;

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        line = c == '\n' ? 0 : line + 1;
        if (line > 500 || c > '~' || (c < ' ' && c != '\n' && c != '\t')) {
            return false;
        }
    }
    return true;
}

static void
put_7bit(struct buf *b, struct str s)
{
    while (s.p != NULL && s.n > 0) {
        buf_put(b, str_split(&s, '\n'));
        buf_put(b, STR("\r\n"));
    }
}

static void
put_quoted(struct buf *b, struct str s)
{
    size_t line = 0;

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '\n') {
            buf_put(b, STR("\r\n"));
            line = 0;
            continue;
        }
        bool last = i + 1 == s.n || s.p[i + 1] == '\n';
        bool plain = c > ' ' && c <= '~' && c != '=';
        plain = plain || (c == ' ' && !last);
        size_t width = plain ? 1 : 3;
        if (line + width > LINE_MAX_QP - 1) {
            buf_put(b, STR("=\r\n"));
            line = 0;
        }
        if (plain) {
            buf_putc(b, (char)c);
        } else {
            buf_printf(b, "=%02X", c);
        }
        line += width;
    }
    buf_put(b, STR("\r\n"));
}

static void
put_part(struct buf *b, struct str boundary, const char *type, struct str body)
{
    bool as_is = fits_7bit(body);

    buf_printf(b,
               "--%.*s\r\nContent-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n",
               STR_ARG(boundary), type, as_is ? "7bit" : "quoted-printable");
    if (as_is) {
        put_7bit(b, body);
    } else {
        put_quoted(b, body);
    }
}

void
mail_put_message(struct buf *b, struct str from, const struct mail_message *m)
{
    char boundary_text[64];
    struct str domain = domain_of(from);
    int n = snprintf(boundary_text, sizeof(boundary_text), "=_%.*s", STR_ARG(m->message_id));
    struct str boundary = str_n(boundary_text, (size_t)n < sizeof(boundary_text) ? (size_t)n : 0);

    put_date(b, m->date_us);
    put_from(b, from);
    buf_printf(b, "To: <%.*s>\r\nSubject: ", STR_ARG(m->to));
    put_header_text(b, m->subject);
    buf_printf(b, "\r\nMessage-ID: <%.*s@%.*s>\r\n", STR_ARG(m->message_id), STR_ARG(domain));
    buf_printf(b,
               "MIME-Version: 1.0\r\nAuto-Submitted: auto-generated\r\n"
               "Content-Type: multipart/alternative;\r\n boundary=\"%.*s\"\r\n\r\n",
               STR_ARG(boundary));
    put_part(b, boundary, "text/plain", m->text);
    put_part(b, boundary, "text/html", m->html);
    buf_printf(b, "--%.*s--\r\n", STR_ARG(boundary));
}

void
mail_put_html(struct buf *b, struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        switch (text.p[i]) {
        case '&':
            buf_put(b, STR("&amp;"));
            break;
        case '<':
            buf_put(b, STR("&lt;"));
            break;
        case '>':
            buf_put(b, STR("&gt;"));
            break;
        case '"':
            buf_put(b, STR("&quot;"));
            break;
        case '\'':
            buf_put(b, STR("&#39;"));
            break;
        default:
            buf_putc(b, text.p[i]);
        }
    }
}
