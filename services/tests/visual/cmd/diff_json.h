/* SPDX-License-Identifier: Apache-2.0
 *
 * The result of a comparison as the JSON object that assay-diff prints. */
#ifndef ASSAY_TESTS_DIFF_JSON_H
#define ASSAY_TESTS_DIFF_JSON_H

#include "base/buf.h"
#include "tests/visual/visual.h"

/* Appends the object and a line feed. */
void diff_put_json(struct buf *b, const struct visual_result *r);

#endif
