#!/bin/bash
# Deductions of one hot account, batched and one by one, in a Postgres that commits to disk.
set -uo pipefail
# shellcheck source=bench/lib.sh
. "$(dirname "$0")/../lib.sh"
bench_begin bench_pg_stop
bench_pg_start "$dir" || exit 2
"$bench_root/build/bench/ledger_bench" "postgresql://app@/bench?host=$dir"
