#!/bin/bash
# Deductions of one hot account, batched and one by one, in a Postgres that commits to disk.
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
"$bench_root/build/bench/ledger_bench" "postgresql://app@/bench?host=$dir"
