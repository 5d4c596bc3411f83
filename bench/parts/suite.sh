#!/bin/bash
# The sample suite against the sample shop: ours and Playwright Test, in turns.
set -uo pipefail
bench_root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=bench/lib.sh
. "$bench_root/bench/lib.sh"
dir=$(mktemp -d /tmp/assay-bench.XXXXXX)
# shellcheck source=bench/stack.sh
. "$bench_root/bench/stack.sh"
shop_port=8613
finish() {
    bench_stack_down "$dir/stack"
    bench_stop "$dir/pids"
    rm -rf "$dir"
}
trap finish EXIT
bench_start "$dir/pids" "$bench_root/build/bin/assay-shop" $shop_port
shop=http://127.0.0.1:$shop_port
bench_wait "$shop/" || exit 2

playwright() { bash "$bench_root/bench/playwright/run.sh" "$shop" "$1" 2>"$dir/$1.log" || cat "$dir/$1.log" >&2; }
# assay NAME [RESET [PARTS]]
assay() {
    bench_stack_cpu "$1" "$dir/stack" \
        node "$bench_root/bench/assay_run.mjs" "$1" "$bench_url" "$bench_token" "$shop" "${@:2}"
}
ours=1
bench_stack_up "$dir/stack" || ours=0
for _ in $(seq "$BENCH_ROUNDS"); do
    if [ $ours = 1 ]; then
        assay assay
        assay assay_fresh reinstall
        assay assay_two clear_data 2
    fi
    playwright playwright
    BENCH_SHOTS=0 playwright playwright_noshots
    BENCH_WORKERS=2 playwright playwright_two
done
