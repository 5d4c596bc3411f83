# Sourced by the runners: a stack of their own in a temporary folder, gone when they end.
# Settings: ASSAY_BIN, the folder of the programs (build/bin).

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
ASSAY_BIN=${ASSAY_BIN:-$root/build/bin}
export ASSAY_BIN
export E2E_OPENAPI=${E2E_OPENAPI:-$ASSAY_BIN/../gen/openapi.json}

free_port() {
    node "$root/tests/e2e/lib/ports.mjs"
}

# What the services last said, where tests/run_all.sh looks for logs; without it, here.
stack_tell() {
    if [ -n "${TMPDIR:-}" ]; then
        cp "$ASSAY_STATE_DIR"/log/*.log "$TMPDIR"
    else
        for log in "$ASSAY_STATE_DIR"/log/*.log; do
            echo "  ... ${log##*/}:"
            tail -n 15 "$log" | cut -c 1-400
        done
    fi
}

stack_stop() {
    [ $? -eq 0 ] || stack_tell
    ASSAY_STATE_DIR=$ASSAY_STATE_DIR "$ASSAY_BIN/assay" stack down >/dev/null 2>&1
    if [ "${E2E_KEEP:-0}" = 1 ]; then
        echo "kept: $ASSAY_STATE_DIR"
    else
        rm -rf "$ASSAY_STATE_DIR"
    fi
}

# stack_start [NAME=VALUE...]: settings of this stack alone.
stack_start() {
    ASSAY_STATE_DIR=$(mktemp -d "${TMPDIR:-/tmp}/assay-e2e.XXXXXX")
    chmod 755 "$ASSAY_STATE_DIR"
    export ASSAY_STATE_DIR
    trap stack_stop EXIT
    trap 'exit 130' INT TERM
    if ! env ASSAY_HTTP_PORT="$(free_port)" ASSAY_RATE_LIMITS=off "$@" \
        "$ASSAY_BIN/assay" stack up >"$ASSAY_STATE_DIR/up.out" 2>&1; then
        cat "$ASSAY_STATE_DIR/up.out"
        echo "0 passed, 1 failed"
        exit 1
    fi
    set -a
    . "$ASSAY_STATE_DIR/assay.env"
    set +a
    E2E_PSQL=$(sed -n 's/^psql //p' "$ASSAY_STATE_DIR/stack.state")
    E2E_SHOP_URL=$(sed -n 's/^shop //p' "$ASSAY_STATE_DIR/stack.state")
    export E2E_PSQL E2E_SHOP_URL
}
