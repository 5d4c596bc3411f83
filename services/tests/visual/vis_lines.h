/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines of bytes that are made and used one after the other: in turns, or with a thread that makes
 * them ahead of the one that uses them. */
#ifndef ASSAY_TESTS_VIS_LINES_H
#define ASSAY_TESTS_VIS_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vis_lines {
    uint32_t count;
    size_t stride; /* bytes of a line */
    /* Writes line y, or returns false when it is the one above. Lines are asked for in order. */
    bool (*make)(void *maker, uint32_t y, uint8_t *line);
    void *maker;
    /* `above` is the line used before, NULL for the first; the same pointer is the same line. */
    void (*use)(void *user, const uint8_t *line, const uint8_t *above);
    void *user;
};

/* Bytes that running takes. */
size_t vis_lines_space(const struct vis_lines *lines, bool threaded);
/* Makes and uses all lines; on two threads when `threaded` and the system gives one. */
void vis_lines_run(const struct vis_lines *lines, bool threaded, uint8_t *space);

#endif
