/* SPDX-License-Identifier: Apache-2.0
 *
 * Any text as C source. */
#ifndef ASSAY_TOOLS_CTEXT_H
#define ASSAY_TOOLS_CTEXT_H

#include "base/buf.h"

/* Writes a C string literal with its quotes. */
void put_c_string(struct buf *out, const char *text);
/* Writes the bytes as adjacent C string literals, one per line. GCC and Clang take any length. */
void put_c_block(struct buf *out, const char *text, size_t n);

#endif
