#!/bin/bash
# Each service from exec to ready with its schema in place, and what it holds in memory when nothing happens.
set -uo pipefail
# shellcheck source=bench/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=bench/stack.sh
. "$bench_root/bench/stack.sh"
bench_begin bench_stack_down stack
bench_stack_up "$dir/stack" || exit 2

# "child NAME running PID ..." of the supervisor's state
children() { awk '$1 == "child" && $5 != 0 && $2 !~ /^(postgres|shop)$/ { print $2, $4 }' "$dir/stack/stack.state"; }

sleep "${BENCH_IDLE_SECONDS:-5}" # what the start took is given back
children | while read -r name pid; do
    awk -v n="$name" '/^VmRSS/ { printf "BENCH rss_%s %.1f MiB\n", n, $2 / 1024 }' "/proc/$pid/status"
done
# A killed service is started again by the supervisor; its log tells how long it took to be ready.
for _ in $(seq "$BENCH_ROUNDS"); do
    children | while read -r name pid; do
        bench_restart "$name" "$pid" "$dir/stack"
    done
done
