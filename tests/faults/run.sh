#!/bin/bash
# Known defect: when Postgres is away for longer than a run's lease, a case can run to its end twice (seen
# with 6 s). The lease below is longer than its restart, so this is NOT covered here.
# Faults of a whole stack: processes of it are killed while it works. Arguments: names of case files
# in tests/faults/stack; none: all.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/stack.sh"
stack_start ASSAY_REPLICAS_GATEWAY=2 ASSAY_REPLICAS_AUTH=2 ASSAY_REPLICAS_SESSIONS=2 \
    ASSAY_REPLICAS_TESTS=2 ASSAY_REPLICAS_BILLING=2 ASSAY_REPLICAS_WEBHOOKS=2 \
    ASSAY_WORKER_LEASE=4s ASSAY_RUN_LEASE=12s
E2E_CASES=../faults/stack node "$root/tests/e2e/run.mjs" "$@"
