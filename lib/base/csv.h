/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of comma-separated values: CRLF ends, cells with a comma, quote or line break are quoted,
 * quotes doubled. A cell that a spreadsheet could take for a formula (it begins with = + - @, a tab
 * or a return) gets an apostrophe in front. Nothing blocks. Source: RFC 4180; ASVS 5.0 1.2.10. */
#ifndef ASSAY_BASE_CSV_H
#define ASSAY_BASE_CSV_H

#include "base/buf.h"

/* Appends one row of `count` cells and its end. */
void csv_put_row(struct buf *b, const struct str *cells, size_t count);

#endif
