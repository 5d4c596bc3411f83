#!/bin/bash
# bench/run.sh [PART...]: measures ours beside peers in one run and prints the table of bench/bounds.txt.
# Without arguments every part of bench/parts/ and every build/bench/*_bench runs; with arguments only those, and the
# table shows only what was measured. Ends 1 when a bound does not hold or, in a full run, a figure is missing.
# BENCH_ROUNDS (3) interleaved rounds are taken, the median counts. Raw lines go to build/bench/results.txt.
set -uo pipefail
cd "$(dirname "$0")/.."
. bench/lib.sh
mkdir -p build/bench
results=build/bench/results.txt
: >"$results"
export BENCH_ROUNDS=${BENCH_ROUNDS:-3}

parts=("$@")
[ $# -gt 0 ] || parts=($(cd bench/parts && ls ./*.sh | sed 's|^\./||; s|\.sh$||') \
    $(find build/bench -maxdepth 1 -name '*_bench' -printf '%f\n' | sort))
for part in "${parts[@]}"; do
    echo "bench: $part" >&2
    if [ -f "bench/parts/$part.sh" ]; then
        bash "bench/parts/$part.sh"
    else
        "build/bench/$part"
    fi >build/bench/part.txt || echo "bench: $part failed" >&2
    grep '^BENCH ' build/bench/part.txt | tee -a "$results" >&2
done
rm -f build/bench/part.txt
if [ $# -gt 0 ]; then
    awk -v only=1 -f bench/table.awk bench/bounds.txt "$results"
else
    awk -f bench/table.awk bench/bounds.txt "$results"
fi
