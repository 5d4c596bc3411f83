# Sourced by the runners: a stack of their own in a temporary folder, gone when they end.
# Settings: ASSAY_BIN, the folder of the programs (build/bin).

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
ASSAY_BIN=${ASSAY_BIN:-$root/build/bin}
export ASSAY_BIN
export E2E_OPENAPI=${E2E_OPENAPI:-$ASSAY_BIN/../gen/openapi.json}

free_port() {
    node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => {
        console.log(s.address().port); s.close(); })'
}

stack_stop() {
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
