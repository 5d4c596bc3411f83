/* SPDX-License-Identifier: Apache-2.0 */
#include "base/csv.h"

#include <string.h>

static bool
has_any(struct str s, const char *chars)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '\0' && strchr(chars, s.p[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static void
put_cell(struct buf *b, struct str cell)
{
    bool quoted = has_any(cell, ",\"\r\n");

    if (quoted) {
        buf_putc(b, '"');
    }
    if (has_any(str_sub(cell, 0, 1), "=+-@\t\r")) {
        buf_putc(b, '\'');
    }
    for (size_t i = 0; i < cell.n; i++) {
        if (cell.p[i] == '"') {
            buf_putc(b, '"');
        }
        buf_putc(b, cell.p[i]);
    }
    if (quoted) {
        buf_putc(b, '"');
    }
}

void
csv_put_row(struct buf *b, const struct str *cells, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            buf_putc(b, ',');
        }
        put_cell(b, cells[i]);
    }
    buf_put(b, STR("\r\n"));
}
