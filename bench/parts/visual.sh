#!/bin/bash
# assay-diff beside odiff, honeydiff and pixelmatch, at four sizes; and what each says of the cases of tests/visual.
# The large pictures are drawn once, into build/visual.
set -uo pipefail
bench_root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$bench_root" || exit 2
npm=build/npm/visual
if ! cmp -s bench/visual/package-lock.json "$npm/package-lock.json" || [ ! -d "$npm/node_modules" ]; then
    mkdir -p "$npm"
    cp bench/visual/package.json bench/visual/package-lock.json "$npm/"
    npm ci --prefix "$npm" --ignore-scripts --no-audit --no-fund >&2 || exit 2
    chmod +x "$npm"/node_modules/@odiff/*/odiff
fi
export NODE_PATH=$bench_root/$npm/node_modules
if [ ! -f build/visual/large.json ] || [ tests/visual/case_list.mjs -nt build/visual/large.json ]; then
    node tests/visual/make_cases.mjs build/visual large || exit 2
fi
python3 bench/visual/measure.py "$bench_root" build/visual "${BENCH_VISUAL_ROUNDS:-7}"
