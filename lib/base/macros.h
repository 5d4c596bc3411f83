/* SPDX-License-Identifier: Apache-2.0
 *
 * Attributes and tiny macros that every module uses. No code, no types. */
#ifndef ASSAY_BASE_MACROS_H
#define ASSAY_BASE_MACROS_H

#include <stddef.h>

/* The caller must look at the result. */
#define NODISCARD __attribute__((warn_unused_result))
#define UNUSED __attribute__((unused))
#define NORETURN __attribute__((noreturn))
/* `fmt` is the 1-based index of the format, `args` of the first variable argument. */
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Runs `fn` (a void function taking the variable's address) when the variable leaves its scope. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

#define ASSAY_US_PER_S INT64_C(1000000)
#define ASSAY_US_PER_MS INT64_C(1000)

/* Stops the process on a defect of ours, in every build. Never for input, peers or the database. */
#define ASSERT(cond)                                                                               \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            assert_failed(#cond, __FILE__, __LINE__);                                              \
        }                                                                                          \
    } while (0)

NORETURN void assert_failed(const char *cond, const char *file, int line);

#endif
