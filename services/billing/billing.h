/* SPDX-License-Identifier: Apache-2.0
 *
 * State of the billing service. Handlers (billing_*) are declared by the generator in
 * billing_rpc.h; SQL lives in bil_store.c only. */
#ifndef ASSAY_BILLING_BILLING_H
#define ASSAY_BILLING_BILLING_H

#include "billing_rpc.h"
#include "svc/svc.h"

struct billing {
    struct db *db;
};

#endif
