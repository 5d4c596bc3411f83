#!/bin/bash
# Deliveries of the webhooks service to healthy endpoints, alone and beside a tenth of dead ones, and what one costs, with a
# Postgres that commits to disk.
set -uo pipefail
# shellcheck source=bench/lib.sh
. "$(dirname "$0")/../lib.sh"
finish() {
    [ -z "${service:-}" ] || { kill "$service" && wait "$service"; } 2>/dev/null
    bench_pg_stop "$dir"
}
bench_begin finish
bench_pg_start "$dir" || exit 2
uri="postgresql://app@/bench?host=$dir"
env ASSAY_RPC_LISTEN="ipc://$dir/webhooks.1" ASSAY_DATABASE_URL="$uri" ASSAY_ALLOW_PRIVATE_TARGETS=1 ASSAY_WEBHOOK_TIMEOUT=1s \
    ASSAY_SECRET_KEY=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f \
    "$bench_root/build/bin/assay-webhooks" >"$dir/webhooks.log" 2>&1 &
service=$!
postgres=$(head -1 "$dir/pg/postmaster.pid")
before=$(bench_spent "$postgres")
"$bench_root/build/bench/webhooks_bench" "$uri" "ipc://$dir/webhooks" "$service" || { tail "$dir/webhooks.log" >&2; exit 1; }
echo "bench: Postgres spent $(echo "$before $(bench_spent "$postgres")" | awk '{ print $3 - $1 }') s in all" >&2
