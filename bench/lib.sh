# shellcheck shell=bash
# Shared by bench/run.sh and bench/parts/*.sh; sourced, never run.
# Needs bench_root, the top of the tree.
# A part prints lines `BENCH name value unit` and may print a name more than once: the median counts.


# bench_load NAME URL [TOKEN]: one round of wrk; requests per second, p50 and p99.
bench_load() {
    local name=$1 url=$2 token=${3:-}
    wrk -t2 -c"${BENCH_CONNECTIONS:-32}" -d"${BENCH_SECONDS:-4}s" --latency \
        ${token:+-H "Authorization: Bearer $token"} "$url" | awk -v name="$name" '
        function ms(t) { return t ~ /us$/ ? t / 1000 : t ~ /ms$/ ? t + 0 : t * 1000 }
        $1 == "50%" { printf "BENCH %s_p50 %.3f ms\n", name, ms($2) }
        $1 == "99%" { printf "BENCH %s_p99 %.3f ms\n", name, ms($2) }
        /Non-2xx/ { printf "BENCH %s_refused %d requests\n", name, $NF; bad = 1 }
        /Requests\/sec/ { if (!bad) printf "BENCH %s_rps %.0f req/s\n", name, $2 }'
}

# bench_wait URL: until it answers, ten seconds at most.
bench_wait() {
    local _
    for _ in $(seq 100); do
        curl -fsS -o /dev/null "$1" 2>/dev/null && return 0
        sleep 0.1
    done
    echo "bench: $1 does not answer" >&2
    return 1
}

# bench_start PIDFILE COMMAND...: starts it in a process group of its own and notes the group.
bench_start() {
    local pids=$1
    shift
    setsid "$@" </dev/null >&2 &
    echo $! >>"$pids"
}

# bench_stop PIDFILE: ends what bench_start noted there, the newest first.
bench_stop() {
    local pid
    [ -f "$1" ] || return 0
    for pid in $(tac "$1"); do
        kill -- "-$pid" 2>/dev/null || true
    done
    rm -f "$1"
}
