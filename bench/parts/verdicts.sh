#!/bin/bash
# Wrong verdicts in BENCH_RUNS (50) runs of the sample suite. Takes minutes, so a full run of the bench leaves it out
# and says so: bash bench/run.sh verdicts
set -uo pipefail
# shellcheck source=bench/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=bench/stack.sh
. "$bench_root/bench/stack.sh"
bench_begin bench_stack_down stack
bench_stack_up "$dir/stack" || exit 2
bench_suite_files "$dir"

runs=${BENCH_RUNS:-50} wrong=0
for _ in $(seq "$runs"); do
    got=$(bench_suite run "$dir" one | awk '/^BENCH run_wrong/ { print $3 }')
    wrong=$((wrong + ${got:-12}))
done
echo "BENCH verdict_runs $runs runs"
echo "BENCH verdict_wrong $wrong verdicts"
