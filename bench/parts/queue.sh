#!/bin/bash
# The queue with an executor that does nothing, 100,000 runs queued, in a Postgres that commits to disk.
set -uo pipefail
bench_root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=bench/lib.sh
. "$bench_root/bench/lib.sh"
dir=$(mktemp -d /tmp/assay-bench.XXXXXX)
chmod 755 "$dir"
finish() {
    bench_pg_stop "$dir"
    rm -rf "$dir"
}
trap finish EXIT
bench_pg_start "$dir" || exit 2
"$bench_root/build/bench/queue_bench" "postgresql://app@/bench?host=$dir" "${BENCH_QUEUED:-100000}"
