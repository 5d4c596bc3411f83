#!/bin/bash
# The sample suite against the sample shop: ours and Playwright Test, in turns.
set -uo pipefail
bench_root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=bench/lib.sh
. "$bench_root/bench/lib.sh"
dir=$(mktemp -d /tmp/assay-bench.XXXXXX)
shop_port=8613
finish() {
    bench_stop "$dir/pids"
    rm -rf "$dir"
}
trap finish EXIT
bench_start "$dir/pids" "$bench_root/build/bin/assay-shop" $shop_port
shop=http://127.0.0.1:$shop_port
bench_wait "$shop/" || exit 2

playwright() { bash "$bench_root/bench/playwright/run.sh" "$shop" "$1" 2>"$dir/$1.log" || cat "$dir/$1.log" >&2; }
for _ in $(seq "$BENCH_ROUNDS"); do
    playwright playwright
    BENCH_SHOTS=0 playwright playwright_noshots
    BENCH_WORKERS=2 playwright playwright_two
done
