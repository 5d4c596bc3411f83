#!/bin/bash
# Requests per second and latency: the gateway with its services, the FastAPI peer and nginx, in turns. `assay_suites`: all
# connections send the same request, as the peer gets it; `assay_mixed`: with a token each, of the members of one organization;
# `assay_apart`: with a token each of another organization, so that no two share an answer.
set -uo pipefail
# shellcheck source=bench/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=bench/stack.sh
. "$bench_root/bench/stack.sh"
peer_port=8611
finish() {
    bench_stack_down "$dir/stack"
    bash "$bench_root/bench/fastapi/stop.sh" "$dir/fastapi"
    bench_stop "$dir/pids"
}
bench_begin finish

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
child() { awk -v n="$1" '$1 == "child" && $2 == n { print $4 }' "$dir/stack/stack.state"; }
bench_stack_tokens "${BENCH_CONNECTIONS:-32}" >"$dir/tokens" && [ -s "$dir/tokens" ] || exit 2
bench_stack_strangers "$dir/stack" "${BENCH_CONNECTIONS:-32}" >"$dir/strangers" && [ -s "$dir/strangers" ] || exit 2
# Both answer the same, but for what is random.
bytes() { curl -fsS -H "Authorization: Bearer $2" "$1" | wc -c; }
echo "BENCH assay_suites_bytes $(bytes "$bench_url/api/v1/tests/suites" "$bench_token") bytes"
echo "BENCH fastapi_suites_bytes $(bytes "http://127.0.0.1:$peer_port/api/v1/tests/suites" "$peer_token") bytes"
# The peer: its two processes and its Postgres.
read -ra peer < <(awk '$1 == "group" { print $2 } $1 == "pg" { getline pid < ($2 "/postmaster.pid"); print pid }' \
    "$dir/fastapi/pids" | tr '\n' ' ')

declare -A spent
for _ in $(seq "$BENCH_ROUNDS"); do
    for part in gateway tests postgres; do spent[$part]=$(bench_spent "$(child $part)"); done
    bench_load assay_suites "$bench_url/api/v1/tests/suites" "$bench_token" "$ours" | tee "$dir/load"
    # Where it went: the rate and how long it was held say how many requests there were.
    for part in gateway tests postgres; do
        awk -v n="assay_suites_$part" -v spent="${spent[$part]} $(bench_spent "$(child $part)")" -v s="${BENCH_SECONDS:-4}" '
            $2 == "assay_suites_rps" { split(spent, v, " ")
                printf "BENCH %s_cpu %.1f us\nBENCH %s_switches %.2f switches\n", n, (v[3] - v[1]) * 1e6 / ($3 * s), n, (v[4] - v[2]) / ($3 * s) }' \
            "$dir/load"
    done
    bench_load assay_mixed "$bench_url/api/v1/tests/suites" "@$dir/tokens" "$ours"
    bench_load assay_apart "$bench_url/api/v1/tests/suites" "@$dir/strangers" "$ours"
    bench_load fastapi_suites "http://127.0.0.1:$peer_port/api/v1/tests/suites" "$peer_token" "${peer[@]}"
    bench_load assay_health "$bench_url/health" "" "$ours"
    bench_load nginx http://127.0.0.1:8612/ "" "$nginx"
    bench_load civetweb http://127.0.0.1:8614/ "" "$civetweb"
done
