/* SPDX-License-Identifier: Apache-2.0 */
#include "common/ctext.h"

static void
put_escaped(struct buf *out, unsigned char c)
{
    if (c == '"' || c == '\\') {
        buf_putc(out, '\\');
        buf_putc(out, (char)c);
    } else if (c == '\n') {
        buf_putz(out, "\\n");
    } else if (c < 0x20 || c >= 0x7f || c == '?') { /* '?': trigraphs */
        buf_printf(out, "\\%03o", c);
    } else {
        buf_putc(out, (char)c);
    }
}

void
put_c_string(struct buf *out, const char *text)
{
    buf_putc(out, '"');
    for (const char *p = text; *p != '\0'; p++) {
        put_escaped(out, (unsigned char)*p);
    }
    buf_putc(out, '"');
}

void
put_c_block(struct buf *out, const char *text, size_t n)
{
    const size_t width = 88;
    size_t in_line = 0;
    buf_putz(out, "    \"");
    for (size_t i = 0; i < n; i++) {
        put_escaped(out, (unsigned char)text[i]);
        in_line++;
        if ((text[i] == '\n' || in_line >= width) && i + 1 < n) {
            buf_putz(out, "\"\n    \"");
            in_line = 0;
        }
    }
    buf_putz(out, "\"");
}
