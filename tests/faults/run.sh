#!/bin/bash
# Faults of a whole stack: processes of it are killed while it works. Arguments: names of case files
# in tests/faults/stack; none: all.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/stack.sh"
stack_start ASSAY_REPLICAS_GATEWAY=2 ASSAY_REPLICAS_AUTH=2 ASSAY_REPLICAS_SESSIONS=2 \
    ASSAY_REPLICAS_TESTS=2 ASSAY_REPLICAS_BILLING=2 ASSAY_REPLICAS_WEBHOOKS=2 \
    ASSAY_WORKER_LEASE=4s ASSAY_RUN_LEASE=6s
E2E_CASES=../faults/stack node "$root/tests/e2e/run.mjs" "$@"
