#!/bin/bash
# The sample suite against the sample shop: `assay run` and Playwright Test, in turns, a JPEG after every step.
set -uo pipefail
# shellcheck source=bench/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=bench/stack.sh
. "$bench_root/bench/stack.sh"
bench_begin bench_stack_down stack
bench_stack_up "$dir/stack" || exit 2
bench_suite_files "$dir"

playwright() { bash "$bench_root/bench/playwright/run.sh" "$bench_shop" "$1" 2>"$dir/$1.log" || cat "$dir/$1.log" >&2; }

# The first run brings the suites and starts the browser: not measured, a server is warm.
for warm in one fresh; do bench_suite warm "$dir" $warm >/dev/null; done
bench_suite warm "$dir" first second >/dev/null
for _ in $(seq "$BENCH_ROUNDS"); do
    bench_suite assay "$dir" one
    playwright playwright
    bench_suite assay_fresh "$dir" fresh
    bench_suite assay_two "$dir" first second
    BENCH_WORKERS=2 playwright playwright_two
done
