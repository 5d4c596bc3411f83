#!/bin/bash
# make demo: a stack of our own, the sample suite on a real browser, and the verdicts compared with what
# examples/suites/shop.expected says. Exit 0 exactly when they agree. The stack stays up.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
assay=build/bin/assay
out=$(mktemp) || exit 2
trap 'rm -f "$out"' EXIT

"$assay" stack up || exit $?
state=${ASSAY_STATE_DIR:-var}
set -a
# shellcheck disable=SC1091 # written by the stack
. "$(realpath "$state")/assay.env"
set +a
shop=$(sed -n 's/^shop //p' "$state/stack.state")
[ -n "$shop" ] || {
    echo "demo: the sample shop does not run (ASSAY_SERVICES?)" >&2
    exit 2
}

"$assay" run examples/suites/shop.yaml --app-url "$shop" --device-category desktop | tee "$out"
rc=${PIPESTATUS[0]}
if [ "$rc" -gt 2 ]; then
    exit "$rc"
fi

# "passed  A customer signs in and out (1.92 s)" -> "passed  A customer signs in and out"
verdicts() { sed -nE 's/^(passed|failed|error|cancelled) +(.*[^ ]) \([0-9.]+ s\)$/\1  \2/p' "$1" | sort; }
expected() { grep -v '^#' examples/suites/shop.expected | sort; }
echo
if diff <(expected) <(verdicts "$out") >"$out.diff"; then
    echo "As expected: every case passed, but for the one that finds the bug planted in the sample shop."
    result=0
else
    echo "NOT as expected (< expected, > found):"
    cat "$out.diff"
    result=1
fi
rm -f "$out.diff"
cat <<EOF

  API        $ASSAY_URL   (documentation: $ASSAY_URL/docs)
  login      $ASSAY_EMAIL   $ASSAY_PASSWORD
  token      $ASSAY_TOKEN
  shop       $shop
  again      make demo      all of it in $state/assay.env
  stop       make down      look: make status
EOF
exit $result
