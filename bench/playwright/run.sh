#!/bin/bash
# run.sh SHOP_URL [NAME]: the sample suite in Playwright Test once; prints BENCH lines (wall, CPU of all processes,
# wrong verdicts) and, on standard error, the verdict of each case. BENCH_WORKERS=2, BENCH_SHOTS=0 vary it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
url=$1 name=${2:-playwright}
cd "$here"
if [ ! -d node_modules ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
fi
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
# Without the wrappers of npx, whose start is not Playwright's.
BENCH_SHOP=$url BENCH_OUT=$out/results "$root/build/bench/cputime" "$name" \
    node node_modules/@playwright/test/cli.js test 2>"$out/log" || true
cat "$out/log" >&2
grep -E '^(passed|failed)  ' "$out/log" | sort >"$out/got" || true
grep -v '^#' "$root/examples/suites/shop.expected" | sort >"$out/want"
echo "BENCH ${name}_wrong $(comm -23 "$out/want" "$out/got" | wc -l) verdicts"
