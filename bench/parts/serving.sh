#!/bin/bash
# Requests per second and latency: the gateway with its services, the FastAPI peer and nginx, in turns.
set -uo pipefail
bench_root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=bench/lib.sh
. "$bench_root/bench/lib.sh"
# shellcheck source=bench/stack.sh
. "$bench_root/bench/stack.sh"
dir=$(mktemp -d /tmp/assay-bench.XXXXXX)
chmod 755 "$dir"
peer_port=8611
finish() {
    bench_stack_down "$dir/stack"
    bash "$bench_root/bench/fastapi/stop.sh" "$dir/fastapi"
    bench_stop "$dir/pids"
    rm -rf "$dir"
}
trap finish EXIT

mkdir -p "$dir/fastapi" "$dir/nginx"
chmod 755 "$dir/fastapi"
bash "$bench_root/bench/fastapi/start.sh" "$dir/fastapi" $peer_port || exit 2
peer_token=$(cat "$dir/fastapi/token")
bench_start "$dir/pids" "$(command -v nginx || echo /usr/sbin/nginx)" -p "$dir/nginx" -c "$bench_root/bench/nginx.conf"
nginx=$!
bench_start "$dir/pids" "$bench_root/build/bench/civetweb_null" 8614
civetweb=$!
bench_wait http://127.0.0.1:8612/ && bench_wait http://127.0.0.1:8614/ || exit 2
bench_stack_up "$dir/stack" && bench_stack_fill || exit 2
ours=$(awk '$1 == "supervisor" { print $2; exit }' "$dir/stack/stack.state")
# The peer: its two processes and its Postgres.
read -ra peer < <(awk '$1 == "group" { print $2 } $1 == "pg" { getline pid < ($2 "/postmaster.pid"); print pid }' \
    "$dir/fastapi/pids" | tr '\n' ' ')

for _ in $(seq "$BENCH_ROUNDS"); do
    bench_load assay_suites "$bench_url/api/v1/tests/suites" "$bench_token" "$ours"
    bench_load fastapi_suites "http://127.0.0.1:$peer_port/api/v1/tests/suites" "$peer_token" "${peer[@]}"
    bench_load assay_health "$bench_url/health" "" "$ours"
    bench_load nginx http://127.0.0.1:8612/ "" "$nginx"
    bench_load civetweb http://127.0.0.1:8614/ "" "$civetweb"
done
