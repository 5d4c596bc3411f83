#!/bin/bash
# A build of 500 screenshots of 1280 x 800, each with a small change: from the first byte to the last comparison, beside
# decoding and comparing the same files on one thread without a server. BENCH_SHOTS: another number.
set -uo pipefail
# shellcheck source=bench/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=bench/stack.sh
. "$bench_root/bench/stack.sh"
bench_begin bench_stack_down stack
shots=${BENCH_SHOTS:-500}
mkdir "$dir/shots"
node "$bench_root/bench/vizzly.mjs" make "$dir/shots" "$shots" || exit 2
bench_stack_up "$dir/stack" || exit 2

# upload KIND: prints milliseconds in all, milliseconds until all was sent, changed, status.
upload() { node "$bench_root/bench/vizzly.mjs" upload "$dir/shots" "$shots" "$1" "$bench_url" "$bench_token"; }

upload base >/dev/null || exit 2
before=$(bench_stack_cpu "$dir/stack")
upload current >"$dir/out" || exit 2
after=$(bench_stack_cpu "$dir/stack")
read -r all sent changed status <"$dir/out"
[ "$status" = completed ] && [ "$changed" -eq "$shots" ] || { echo "bench: $changed of $shots changed, $status" >&2; exit 2; }
awk -v all="$all" -v sent="$sent" -v n="$shots" -v cpu="$(awk "BEGIN { print $after - $before }")" 'BEGIN {
    printf "BENCH vizzly_per_s %.1f images/s\nBENCH vizzly_sent_per_s %.1f images/s\nBENCH vizzly_cpu %.2f ms\n",
        n * 1000 / all, n * 1000 / sent, cpu * 1000 / n }'
"$bench_root/build/bench/vizzly_bench" "$dir/shots"
