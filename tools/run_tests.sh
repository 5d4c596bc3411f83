#!/bin/sh
# Runs test programs one after the other, shows the output of the ones that fail, and closes with the
# line `N passed, N failed` that counts programs. Exit 1 when one failed, or when none was given.
set -u
passed=0
failed=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT
for t in "$@"; do
    if "$t" >"$out" 2>&1; then
        passed=$((passed + 1))
        echo "ok   $t"
    else
        failed=$((failed + 1))
        echo "FAIL $t (exit $?)"
        cat "$out"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
