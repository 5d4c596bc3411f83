# shellcheck shell=bash disable=SC2154 # bench_root: lib.sh
# bench_stack_up DIR: a stack of our own under DIR with one organization; sets bench_url and bench_token.
# bench_stack_fill gives it twenty suites, bench_stack_down DIR ends it. Sourced by parts.
bench_port=8610

bench_api() { # METHOD PATH [curl arguments]
    local method=$1 path=$2
    shift 2
    curl -fsS -X "$method" ${bench_token:+-H "Authorization: Bearer $bench_token"} "$@" "http://127.0.0.1:$bench_port$path"
}

bench_stack() {
    env ASSAY_STATE_DIR="$1" ASSAY_HTTP_PORT=$bench_port ASSAY_RATE_LIMITS=off "$bench_root/build/bin/assay" stack "$2" >&2
}

bench_stack_up() {
    local body
    bench_url=http://127.0.0.1:$bench_port bench_token=
    bench_stack "$1" up || return 1
    bench_wait "$bench_url/health" || return 1
    body='{"email":"bench@example.com","password":"correct-horse-bench","name":"Bench","organization_name":"Bench"}'
    bench_token=$(bench_api POST /api/v1/auth/register -H 'Content-Type: application/json' -d "$body" \
        | sed -n 's/.*"access_token": *"\([^"]*\)".*/\1/p')
    [ -n "$bench_token" ] || { echo "bench: no token" >&2; return 1; }
}

# Twenty suites, as fastapi/suites.sql has them.
bench_stack_fill() {
    local i id
    for i in $(seq 20); do
        id=$(bench_api POST /api/v1/tests/suites -H 'Content-Type: application/json' -d "{\"name\":\"Suite number $i\",
            \"description\":\"What must hold for part $i\",\"platform\":\"web\",\"tags\":[\"Smoke\",\"Nightly\"]}" \
            | sed -n 's/.*"public_id": *"\(suite_[a-z0-9]*\)".*/\1/p') || return 1
        bench_api PATCH "/api/v1/tests/suites/$id" -H 'Content-Type: application/json' \
            -d '{"variables":{"EMAIL":"ada@example.com"}}' -o /dev/null || return 1
    done
}

bench_stack_down() { bench_stack "$1" down; }

# bench_stack_cpu NAME DIR COMMAND...: runs it and prints what all processes of the stack spent meanwhile.
bench_stack_cpu() {
    local name=$1 dir=$2 before after rc
    shift 2
    before=$("$bench_root/build/bench/cputime" x --with "ASSAY_STATE_DIR=$dir" | awk '{ print $3 }')
    "$@"
    rc=$?
    after=$("$bench_root/build/bench/cputime" x --with "ASSAY_STATE_DIR=$dir" | awk '{ print $3 }')
    [ $rc -ne 0 ] || awk -v n="$name" -v a="$after" -v b="$before" 'BEGIN { printf "BENCH %s_cpu %.2f s\n", n, a - b }'
    return $rc
}
