#!/bin/bash
# bench/run.sh [PART...]: measures ours beside peers in one run and prints the table of bench/bounds.txt.
# Without arguments every part of bench/parts/ but verdicts (minutes) and every build/bench/x_bench without a part of its
# own runs; with arguments only those, and the table shows only what was measured. Ends 1 when a bound does not hold or, in a full run, a figure is missing.
# BENCH_ROUNDS (3) interleaved rounds are taken, the median counts. Raw lines go to build/bench/results.txt.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
mkdir -p build/bench
make -s -j2 all bench-programs >&2 || exit 2 # figures of an old build are worse than none
results=build/bench/results.txt
: >"$results"
export BENCH_ROUNDS=${BENCH_ROUNDS:-3}

parts=("$@")
if [ $# -eq 0 ]; then
    echo "bench: left out: verdicts (50 runs of the suite): bash bench/run.sh verdicts" >&2
    mapfile -t parts < <(find bench/parts -name '*.sh' -printf '%f\n' | sed 's|\.sh$||' | grep -vx verdicts | sort
        for bench in bench/*_bench.c; do
            bench=$(basename "$bench" .c)
            [ -f "bench/parts/${bench%_bench}.sh" ] || echo "$bench"
        done)
fi
for part in "${parts[@]}"; do
    echo "bench: $part" >&2
    if [ -f "bench/parts/$part.sh" ]; then
        bash "bench/parts/$part.sh"
    else
        "build/bench/$part"
    fi >build/bench/part.txt || echo "bench: $part failed" >&2
    # Programs of one module may leave out the word and the unit.
    awk '$1 == "BENCH"; NF == 2 { print "BENCH", $0, "-" }' build/bench/part.txt | tee -a "$results" >&2
done
rm -f build/bench/part.txt
if [ $# -gt 0 ]; then
    awk -v only=1 -f bench/table.awk bench/bounds.txt "$results"
else
    awk -f bench/table.awk bench/bounds.txt "$results"
fi
