#!/bin/bash
# End-to-end tests: a stack of their own, every endpoint held against tests/contract.
# Arguments: names of case files in tests/e2e/cases; none: all. E2E_KEEP=1 keeps the state folder.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/stack.sh"
E2E_GITHUB_PORT=$(free_port)
E2E_STRIPE_PORT=$(free_port)
export E2E_GITHUB_PORT E2E_STRIPE_PORT E2E_QUOTA=4000000
make -s -C "$root" build/npm/webhooks/.stamp || exit 1
stack_start ASSAY_GITHUB_BASE_URL="http://127.0.0.1:$E2E_GITHUB_PORT" ASSAY_STORAGE_QUOTA_BYTES=$E2E_QUOTA \
    ASSAY_STRIPE_BASE_URL="http://127.0.0.1:$E2E_STRIPE_PORT" ASSAY_STRIPE_SECRET_KEY=sk_test_e2e \
    ASSAY_STRIPE_WEBHOOK_SECRET=whsec_e2e
node "$root/tests/e2e/run.mjs" "$@"
