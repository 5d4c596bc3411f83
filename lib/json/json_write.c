/* SPDX-License-Identifier: Apache-2.0 */
#include "json/json.h"

#include "json/json_string.h"

static void
put_escape(struct buf *b, unsigned char c)
{
    static const char HEX[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', '0', '0', HEX[c >> 4], HEX[c & 15]};
    static const char LETTERS[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                   ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};

    if (c < sizeof(LETTERS) && LETTERS[c] != 0) {
        text[1] = LETTERS[c];
        buf_put(b, str_n(text, 2));
    } else {
        buf_put(b, str_n(text, 6));
    }
}

/* Writes what starts at *at and is not plain, and moves behind it. */
static void
put_special(struct buf *b, struct str s, size_t *at)
{
    unsigned char c = (unsigned char)s.p[*at];
    size_t from = *at;

    if (c < 0x80) {
        put_escape(b, c);
        *at += 1;
        return;
    }
    int32_t cp = str_next_cp(s, at);
    if (cp < 0) {
        buf_put(b, STR("\xEF\xBF\xBD"));
        *at += 1;
    } else if (cp == 0x2028 || cp == 0x2029) {
        buf_put(b, cp == 0x2028 ? STR("\\u2028") : STR("\\u2029"));
    } else {
        buf_put(b, str_sub(s, from, *at));
    }
}

void
json_put_str(struct buf *b, struct str s)
{
    size_t at = json_plain_end(s, 0);

    if (at == s.n) { /* most strings */
        char *to = buf_room(b, s.n + 2);
        if (to != NULL) {
            to[0] = '"';
            if (s.n > 0) {
                memcpy(to + 1, s.p, s.n);
            }
            to[s.n + 1] = '"';
            buf_added(b, s.n + 2);
        }
        return;
    }
    buf_putc(b, '"');
    buf_put(b, str_sub(s, 0, at));
    while (at < s.n) {
        put_special(b, s, &at);
        size_t end = json_plain_end(s, at);
        if (end > at) {
            buf_put(b, str_sub(s, at, end));
        }
        at = end;
    }
    buf_putc(b, '"');
}

void
json_put_bool(struct buf *b, bool v)
{
    buf_put(b, v ? STR("true") : STR("false"));
}

void
json_put_key(struct buf *b, const char *key)
{
    if (b->n > 0 && b->p[b->n - 1] != '{' && b->p[b->n - 1] != '[') {
        buf_putc(b, ',');
    }
    json_put_str(b, str_z(key));
    buf_putc(b, ':');
}

void
json_put_member_str(struct buf *b, const char *key, struct str v)
{
    json_put_key(b, key);
    json_put_str(b, v);
}

void
json_put_member_i64(struct buf *b, const char *key, int64_t v)
{
    json_put_key(b, key);
    json_put_i64(b, v);
}

void
json_put_member_bool(struct buf *b, const char *key, bool v)
{
    json_put_key(b, key);
    json_put_bool(b, v);
}
