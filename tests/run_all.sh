#!/bin/bash
# Runs every test there is, each program with a time limit and a TMPDIR of its own, and closes with one
# line `N passed, N failed` that counts programs. Of those that fail the output and the logs of the services
# they started are shown, and after the verdict the end of their output once more. What a program leaves
# behind, processes or files, is named and removed. Run by `make test`, which has built everything.
#
#   tests/run_all.sh [PART...]    unit fuzz lint integration contract k8s e2e vizzly faults sanitizers
#   TEST_JOBS=2                   unit tests at the same time
#   VARIANT=sanitize|tsan|...     unit, fuzz, integration: the programs of that build, see `make test-asan`
#
# A program built with sanitizers fails for every report, its own or that of a process it has started, be
# it killed later or end with 0, and has four times as long.
set -u
cd "$(dirname "$0")/.." || exit 2
jobs=${TEST_JOBS:-2}
build=build
[ "${VARIANT:-release}" = release ] || build=build/$VARIANT
work=$(mktemp -d /tmp/at.XXXXXX) || exit 2 # short: sockets are made in it
chmod 711 "$work"                          # as root, databases run as the user postgres
trap 'kill $(jobs -p) 2>/dev/null; end_left "$work"; rm -rf "$work" 2>/dev/null || { sleep 1; rm -rf "$work"; }' EXIT
trap interrupted INT TERM
export ASSAY_TEST_PG_TEMPLATE=${ASSAY_TEST_PG_TEMPLATE:-$work/pg}
# Settings of a stack that somebody has exported are none of the tests'.
unset ASSAY_STATE_DIR ASSAY_HTTP_PORT ASSAY_URL ASSAY_TOKEN ASSAY_DATABASE_URL ASSAY_SERVICES
: >"$work/verdicts"
began=$(date +%s)

# Somebody's patience with all of this has ended: what was running is what took so long.
interrupted() {
    local name
    for name in "$work"/*.name; do
        [ -e "$name" ] || continue
        echo "interrupted: $(cat "$name")"
        tail -n 40 "${name%.name}.out" | cut -c 1-400
    done
    exit 130
}

# What tells the causes of a failure apart: a time limit, a signal, an exit status.
cause() { # STATUS LIMIT
    case $1 in
    124) echo "time limit of $2 s" ;;
    70) echo "a sanitizer has something to report" ;;
    126 | 127) echo "exit $1: not built, or not to be executed" ;;
    *)
        if [ "$1" -gt 128 ] && [ "$1" -lt 193 ]; then
            echo "killed by SIG$(kill -l $(($1 - 128)))"
        else
            echo "exit $1"
        fi
        ;;
    esac
}

# Source lines of the addresses in the stacks that tests/support/loud.c prints.
source_lines() { # OUTPUT
    sed -n 's/^\([^ (]*\)(+\(0x[0-9a-f]*\))\[.*/\1 \2/p' "$1" | head -n 40 | while read -r program address; do
        [ -x "$program" ] && [ "${program#/lib}" = "$program" ] && addr2line -pfs -e "$program" "$address"
    done 2>/dev/null
}

# The logs that a failed program has left in its folder, their ends.
logs() { # FOLDER
    find "$1" -type f \( -name log -o -name '*.log' \) -size +0 2>/dev/null | sort | head -n 24 |
        while read -r log; do
            echo "  ... ${log#"$1"/}:"
            tail -n 15 "$log" | cut -c 1-400 | sed 's/^/  | /'
        done
}

# Processes that run with FOLDER, or one below it, as their TMPDIR.
left() { # FOLDER
    grep -lzs "^TMPDIR=$1" /proc/[0-9]*/environ | cut -d / -f 3 | grep -vx -e $$ -e $BASHPID
}
end_left() { # FOLDER
    local pids
    for _ in 1 2 3 4 5; do
        pids=$(left "$1")
        [ -n "$pids" ] || return
        kill -KILL $pids 2>/dev/null
        sleep 0.1
    done
}

# Names and removes what a program has left. Processes that were told to end may take a moment.
clean_after() { # NAME FOLDER
    local pids='' files
    for _ in $(seq 50); do
        pids=$(left "$2")
        [ -n "$pids" ] || break
        sleep 0.1
    done
    if [ -n "$pids" ]; then
        echo "     $1 left processes, which are killed now:"
        ps -o pid=,ppid=,stat=,args= -p "$(echo $pids | tr ' ' ,)" | cut -c 1-160 | sed 's/^/     /'
        end_left "$2"
    fi
    files=$(cd "$2" && find . -mindepth 1 -maxdepth 1 | sed 's,^\./,,' | head -n 8 | tr '\n' ' ')
    [ -z "$files" ] || echo "     $1 left files: $files"
    rm -rf "$2"
}

# What sanitizers write of a program and of all it starts goes to files FILE.PID.
sanitizers_to() { # FILE
    local to=log_path=$1
    export ASAN_OPTIONS="$asan_options:$to" UBSAN_OPTIONS="$ubsan_options:$to" TSAN_OPTIONS="$tsan_options:$to"
}
asan_options=${ASAN_OPTIONS:-strict_string_checks=1:detect_stack_use_after_return=1}
ubsan_options=${UBSAN_OPTIONS:-print_stacktrace=1}
tsan_options=${TSAN_OPTIONS:-second_deadlock_stack=1:print_suppressions=0}
export LSAN_OPTIONS=${LSAN_OPTIONS:-print_suppressions=0}

# one LIMIT NAME COMMAND...: runs it, prints its line, keeps its verdict.
one() {
    local limit=$1 name=$2 start own out rc reports
    shift 2
    case $1 in build/*/test/*) limit=$((limit * 4)) ;; esac
    own=$(mktemp -d "$work/XXXXX") || exit 2
    chmod 711 "$own"
    out=$own.out
    start=$(date +%s.%N)
    echo "$name" >"$own.name"
    # Waited for, so that an interruption of this script is heard at once.
    (
        sanitizers_to "$own.report"
        TMPDIR=$own exec timeout --kill-after=10 "$limit" "$@"
    ) >"$out" 2>&1 </dev/null &
    wait $!
    rc=$?
    reports=$(compgen -G "$own.report.*") && {
        rc=$((rc == 0 ? 70 : rc))
        head -n 80 $reports >>"$out"
    }
    {
        flock 9
        if [ $rc -eq 0 ]; then
            printf 'ok   %6.1f s  %s\n' "$(echo "$(date +%s.%N) $start" | awk '{ print $1 - $2 }')" "$name"
        else
            echo "FAIL $name ($(cause $rc "$limit"))"
            tail -n 200 "$out"
            source_lines "$out" | tee -a "$out"
            logs "$own"
            { echo "FAIL $name ($(cause $rc "$limit"))"; tail -n 40 "$out" | cut -c 1-400; } >>"$work/failed"
        fi
        clean_after "$name" "$own"
        echo $rc >>"$work/verdicts"
    } 9>"$work/lock"
    rm -f "$out" "$own.name" $reports
}

# all LIMIT PARALLEL PROGRAM...
all() {
    local limit=$1 parallel=$2 p
    shift 2
    for p in "$@"; do
        # A program that was not built fails here: nothing is left out in silence.
        while [ "$(jobs -rp | wc -l)" -ge "$parallel" ]; do wait -n; done
        one "$limit" "$p" "$p" &
    done
    wait
}

# Programs of the sources that are there: a stale binary of a deleted test does not count.
bins() { # SUFFIX PREFIX GLOB...
    local suffix=$1 prefix=$2 f
    shift 2
    for f in "$@"; do
        [ -e "$f" ] && echo "$prefix/${f%"$suffix"}"
    done
}
part() { echo "--- $1"; }

unit_bins() { # PREFIX: of the sources that the Makefile calls UNIT_SRCS
    bins _test.c "$1" lib/*/*_test.c services/*/*_test.c services/*/*/*_test.c cli/*_test.c tools/*/*_test.c
}
# Programs with a browser or processes that they time share the machine badly: one at a time.
alone='/(lib/rpc|lib/svc|services/worker|services/worker/devices)/[^/]*$'
run_unit() {
    local list
    mapfile -t list < <(unit_bins "$build/test" | grep -vE "$alone")
    all 400 "$jobs" "${list[@]}"
    mapfile -t list < <(unit_bins "$build/test" | grep -E "$alone")
    all 600 1 "${list[@]}"
}
run_fuzz() {
    local list
    mapfile -t list < <(for f in tests/fuzz/fuzz_*.c; do f=${f#tests/fuzz/fuzz_}; echo "$build/test/fuzz/replay_${f%.c}"; done)
    all 400 "$jobs" "${list[@]}"
}
run_lint() { one 400 "tools/lint.sh" bash tools/lint.sh; }
run_kind() { # FOLDER: programs of tests/FOLDER and its run.sh
    local list
    mapfile -t list < <(bins _test.c "$build/test" "tests/$1"/*_test.c)
    all 600 1 "${list[@]}"
    if [ -e "tests/$1/run.sh" ]; then one 1200 "tests/$1" bash "tests/$1/run.sh"; fi
}
run_integration() {
    run_kind integration
    if [ -e tests/s3/run.sh ]; then one 400 tests/s3 bash tests/s3/run.sh; fi
}
run_contract() {
    one 400 tests/contract/openapi sh tests/contract/openapi/run.sh
    run_kind contract
}
run_k8s() { run_kind k8s; }
run_e2e() { run_kind e2e; }
run_vizzly() { run_kind vizzly; }
run_faults() { run_kind faults; }
# What finds most for its time: ThreadSanitizer for the libraries that many threads share, the other two for
# the rest but what mostly waits or hashes passwords. `make test-asan` and `make test-tsan` run everything.
threaded='/lib/(rpc|db|web|svc|log|met)/'
slow='/worker/devices/|/(wrk_job|run_verify|sessions_limits|gw_identify|aut_mail|auth_accounts)$'
run_sanitizers() {
    local memory threads list
    mapfile -t memory < <(
        unit_bins build/sanitize/test | grep -vE -e "$threaded" -e "$slow"
        for f in tests/fuzz/fuzz_*.c; do f=${f#tests/fuzz/fuzz_}; echo "build/sanitize/test/fuzz/replay_${f%.c}"; done
    )
    mapfile -t threads < <(unit_bins build/tsan/test | grep -E "$threaded")
    one 900 "build with ASan and UBSan" make -s -j"$jobs" VARIANT=sanitize "${memory[@]}"
    one 900 "build with TSan" make -s -j"$jobs" VARIANT=tsan "${threads[@]}"
    mapfile -t list < <(printf '%s\n' "${memory[@]}" "${threads[@]}" | grep -vE "$alone")
    all 400 "$jobs" "${list[@]}"
    mapfile -t list < <(printf '%s\n' "${memory[@]}" "${threads[@]}" | grep -E "$alone")
    all 600 1 "${list[@]}"
}

parts=("$@")
[ $# -gt 0 ] || parts=(lint unit fuzz integration contract k8s e2e vizzly faults sanitizers)
for p in "${parts[@]}"; do
    part "$p"
    "run_$p"
done
passed=$(grep -cx 0 "$work/verdicts")
failed=$(grep -cvx 0 "$work/verdicts")
echo "--- $(($(date +%s) - began)) s"
echo "$passed passed, $failed failed"
if [ "$failed" -gt 0 ]; then
    head -n 400 "$work/failed"
    echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
