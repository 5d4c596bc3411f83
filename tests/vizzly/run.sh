#!/bin/bash
# The published command-line clients against a stack of their own: what a user does, command by command.
# Arguments: versions (0.22, 0.29); none: both.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/stack.sh"
make -s -C "$root" build/npm/vizzly/.stamp || exit 1
export VIZZLY_NODE_MODULES=$root/build/npm/vizzly/node_modules
export E2E_VERSIONS="${*:-0.22 0.29}"
stack_start
node --test --test-reporter=spec "$root/tests/vizzly/client.mjs"
