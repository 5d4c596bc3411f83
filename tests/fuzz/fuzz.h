/* SPDX-License-Identifier: Apache-2.0
 *
 * What every fuzz target has: libFuzzer calls LLVMFuzzerTestOneInput with random bytes, replay.c
 * with the files of the corpus. A target does not only wait for crashes: it states what must hold,
 * with ASSERT. */
#ifndef ASSAY_TESTS_FUZZ_H
#define ASSAY_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
