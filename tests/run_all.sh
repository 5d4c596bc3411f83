#!/bin/bash
# Runs every test there is, each program with a time limit of its own, and closes with one line
# `N passed, N failed` that counts programs. The output of those that fail is shown. Run by `make test`,
# which has built everything.
#
#   tests/run_all.sh [PART...]    unit fuzz lint integration contract k8s e2e vizzly faults sanitizers
#   TEST_JOBS=2                   unit tests at the same time
set -u
cd "$(dirname "$0")/.." || exit 2
jobs=${TEST_JOBS:-2}
work=$(mktemp -d) || exit 2
chmod 711 "$work" # as root, databases run as the user postgres
trap 'rm -rf "$work"' EXIT
export ASSAY_TEST_PG_TEMPLATE=${ASSAY_TEST_PG_TEMPLATE:-$work/pg}
# Settings of a stack that somebody has exported are none of the tests'.
unset ASSAY_STATE_DIR ASSAY_HTTP_PORT ASSAY_URL ASSAY_TOKEN ASSAY_DATABASE_URL ASSAY_SERVICES
: >"$work/verdicts"
began=$(date +%s)

# one LIMIT NAME COMMAND...: runs it, prints its line, keeps its verdict.
one() {
    local limit=$1 name=$2 start out rc
    shift 2
    out=$work/$(echo "$name" | tr -c 'A-Za-z0-9\n' '_').out
    start=$(date +%s.%N)
    timeout --kill-after=10 "$limit" "$@" >"$out" 2>&1 </dev/null
    rc=$?
    {
        flock 9
        if [ $rc -eq 0 ]; then
            printf 'ok   %6.1f s  %s\n' "$(echo "$(date +%s.%N) $start" | awk '{ print $1 - $2 }')" "$name"
        else
            echo "FAIL $name (exit $rc$([ $rc -eq 124 ] && echo ", time limit of $limit s"))"
            tail -n 200 "$out"
        fi
        echo $rc >>"$work/verdicts"
    } 9>"$work/lock"
    rm -f "$out"
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

run_unit() {
    local list
    # Programs with a browser or processes that they time share the machine badly: one at a time.
    mapfile -t list < <(bins _test.c build/test lib/*/*_test.c services/[a-v]*/*_test.c cli/*_test.c \
        services/worker/steps/*_test.c services/tests/*/*_test.c tools/*/*_test.c | grep -v -e /rpc/ -e /svc/)
    all 180 "$jobs" "${list[@]}"
    mapfile -t list < <(bins _test.c build/test lib/rpc/*_test.c lib/svc/*_test.c services/worker/*_test.c \
        services/worker/devices/*_test.c)
    all 300 1 "${list[@]}"
}
run_fuzz() {
    local list
    mapfile -t list < <(for f in tests/fuzz/fuzz_*.c; do f=${f#tests/fuzz/fuzz_}; echo "build/test/fuzz/replay_${f%.c}"; done)
    all 120 "$jobs" "${list[@]}"
}
run_lint() { one 120 "tools/lint.sh" bash tools/lint.sh; }
run_kind() { # FOLDER: programs of tests/FOLDER and its run.sh
    local list
    mapfile -t list < <(bins _test.c build/test "tests/$1"/*_test.c)
    all 300 1 "${list[@]}"
    if [ -e "tests/$1/run.sh" ]; then one 600 "tests/$1" bash "tests/$1/run.sh"; fi
}
run_integration() {
    run_kind integration
    if [ -e tests/s3/run.sh ]; then one 180 tests/s3 bash tests/s3/run.sh; fi
}
run_contract() {
    one 180 tests/contract/openapi sh tests/contract/openapi/run.sh
    run_kind contract
}
run_k8s() { run_kind k8s; }
run_e2e() { run_kind e2e; }
run_vizzly() { run_kind vizzly; }
run_faults() { run_kind faults; }
# Memory errors and undefined behaviour in what reads bytes from outside: the parsers' tests and the fuzz
# corpora under both sanitizers. `make VARIANT=asan test-unit` (ubsan, tsan) runs all unit tests so.
run_sanitizers() {
    local list f
    mapfile -t list < <(
        for f in tests/fuzz/fuzz_*.c; do f=${f#tests/fuzz/fuzz_}; echo "build/sanitize/test/fuzz/replay_${f%.c}"; done
        bins _test.c build/sanitize/test lib/base/*_test.c lib/json/*_test.c lib/pb/*_test.c lib/cfg/*_test.c \
            lib/http/*_test.c cli/*_test.c services/worker/steps/*_test.c services/tests/visual/*_test.c)
    one 900 "build with sanitizers" make -s -j"$jobs" VARIANT=sanitize "${list[@]}"
    all 300 "$jobs" "${list[@]}"
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
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
