/* SPDX-License-Identifier: Apache-2.0
 *
 * Result codes. The numbers are those of google.rpc.Code, so that they travel on the wire and map
 * to HTTP in one table (the gateway's). Programs branch on the code and on the stable `reason` of
 * `struct err` (ctx.h); people read its message.
 *
 * Source: google/rpc/code.proto, AIP-193 */
#ifndef ASSAY_BASE_RC_H
#define ASSAY_BASE_RC_H

#include "base/macros.h"

enum rc {
    RC_OK = 0,
    RC_CANCELLED = 1,           /* the caller gave up */
    RC_UNKNOWN = 2,             /* a peer failed without telling why */
    RC_INVALID_ARGUMENT = 3,    /* refused whatever the state is: shape or value of the request */
    RC_DEADLINE_EXCEEDED = 4,   /* not finished in time; may or may not have happened */
    RC_NOT_FOUND = 5,           /* does not exist, or belongs to another organization */
    RC_ALREADY_EXISTS = 6,      /* a unique name is taken */
    RC_PERMISSION_DENIED = 7,   /* known caller, not allowed */
    RC_RESOURCE_EXHAUSTED = 8,  /* a limit, quota, queue or arena is full */
    RC_FAILED_PRECONDITION = 9, /* refused because of the state; do not retry unchanged */
    RC_ABORTED = 10,            /* lost a race; the whole transaction may be retried */
    RC_OUT_OF_RANGE = 11,
    RC_UNIMPLEMENTED = 12,
    RC_INTERNAL = 13,    /* a defect or a broken invariant */
    RC_UNAVAILABLE = 14, /* certainly not executed; retry elsewhere or later */
    RC_DATA_LOSS = 15,
    RC_UNAUTHENTICATED = 16
};

/* Returns the upper-case name of `rc` ("NOT_FOUND"), "UNKNOWN" for a number outside the list. */
const char *rc_name(enum rc rc);

#endif
