/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rc.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const RC_NAMES[] = {
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
};

const char *
rc_name(enum rc rc)
{
    if ((unsigned)rc >= ARRAY_LEN(RC_NAMES)) {
        return "UNKNOWN";
    }
    return RC_NAMES[rc];
}

void
assert_failed(const char *cond, const char *file, int line)
{
    fprintf(stderr, "{\"lvl\":\"fatal\",\"ev\":\"assert\",\"msg\":\"%s:%d: %s\"}\n", file, line,
            cond);
    abort();
}
