#!/bin/bash
# The queue with an executor that does nothing, 100,000 runs queued, in a Postgres that commits to disk.
set -uo pipefail
# shellcheck source=bench/lib.sh
. "$(dirname "$0")/../lib.sh"
bench_begin bench_pg_stop
bench_pg_start "$dir" || exit 2
"$bench_root/build/bench/queue_bench" "postgresql://app@/bench?host=$dir" "${BENCH_QUEUED:-100000}"
