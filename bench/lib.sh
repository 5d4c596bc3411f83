# shellcheck shell=bash
# Shared by bench/parts/*.sh; sourced, never run. Sets bench_root, the top of the tree.
# A part prints lines `BENCH name value unit` and may print a name more than once: the median counts.
bench_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# bench_begin COMMAND [NAME]: sets dir, a folder of the part's own. However the part ends, COMMAND is called with it (or with
# NAME in it), and then the folder goes.
bench_begin() {
    dir=$(mktemp -d /tmp/assay-bench.XXXXXX)
    chmod 755 "$dir"
    # shellcheck disable=SC2064 # the command is known now
    trap "$1 '$dir${2:+/$2}'; rm -rf '$dir'" EXIT
}

# bench_spent PID...: "CPU SWITCHES" so far of the processes PID and all below them: seconds and a count.
bench_spent() {
    "$bench_root/build/bench/cputime" x --tree "$@" | awk '{ v[NR] = $3 } END { if (NR != 2) exit 1; print v[1], v[2] }'
}

# bench_load NAME URL TOKEN PID...: one round of wrk; requests per second, p50, p99, and the CPU and the switches that
# the processes PID and all below them spent on a request. TOKEN may be @FILE: a token per line, which requests take in turn.
bench_load() {
    local name=$1 url=$2 token=$3 before after
    shift 3
    local how=(${token:+-H "Authorization: Bearer $token"})
    [ "${token#@}" = "$token" ] || how=(-s "$bench_root/bench/tokens.lua")
    before=$(bench_spent "$@") || return 1
    BENCH_TOKENS=${token#@} wrk -t2 -c"${BENCH_CONNECTIONS:-32}" -d"${BENCH_SECONDS:-4}s" --latency \
        "${how[@]}" "$url" >"$bench_root/build/bench/wrk.txt" || return 1
    after=$(bench_spent "$@") || return 1
    awk -v name="$name" -v spent="$before $after" '
        function ms(t) { return t ~ /us$/ ? t / 1000 : t ~ /ms$/ ? t + 0 : t * 1000 }
        $1 == "50%" { p50 = ms($2) }
        $1 == "99%" { p99 = ms($2) }
        /Non-2xx/ { refused = $NF }
        / requests in / { n = $1 }
        /Requests\/sec/ { rps = $2 }
        END {
            split(spent, s, " ")
            if (refused || !n) { printf "BENCH %s_refused %d requests\n", name, refused; exit 1 }
            printf "BENCH %s_rps %.0f req/s\nBENCH %s_p50 %.3f ms\nBENCH %s_p99 %.3f ms\n", name, rps, name, p50, name, p99
            printf "BENCH %s_cpu %.1f us\n", name, (s[3] - s[1]) * 1e6 / n
            printf "BENCH %s_switches %.2f switches\n", name, (s[4] - s[2]) / n
        }' "$bench_root/build/bench/wrk.txt"
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

bench_as_postgres() { if [ "$(id -u)" -eq 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }

# bench_pg_start DIR: a Postgres with its defaults, reached through the socket in DIR; an ordinary role `app` owns the
# empty database `bench`.
bench_pg_start() {
    local bin
    bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -1)
    mkdir -p "$1/pg"
    [ "$(id -u)" -ne 0 ] || chown postgres "$1" "$1/pg"
    bench_as_postgres "$bin/initdb" -A trust -U postgres --locale=C.UTF-8 -E UTF8 -D "$1/pg" >"$1/initdb.log" || return 1
    bench_as_postgres "$bin/pg_ctl" -w -s -D "$1/pg" -l "$1/pg.log" -o "-c listen_addresses='' -k $1" start || return 1
    psql -q -h "$1" -U postgres -c 'CREATE ROLE app LOGIN' -c 'CREATE DATABASE bench OWNER app'
}
bench_pg_stop() {
    [ ! -d "$1/pg" ] || bench_as_postgres "$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -1)/pg_ctl" -w -s -m fast \
        -D "$1/pg" stop
}
