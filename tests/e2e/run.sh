#!/bin/bash
# End-to-end tests: a stack of their own, every endpoint held against tests/contract.
# Arguments: names of case files in tests/e2e/cases; none: all. E2E_KEEP=1 keeps the state folder.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/stack.sh"
E2E_GITHUB_PORT=$(free_port)
export E2E_GITHUB_PORT
stack_start ASSAY_GITHUB_BASE_URL="http://127.0.0.1:$E2E_GITHUB_PORT"
node "$root/tests/e2e/run.mjs" "$@"
