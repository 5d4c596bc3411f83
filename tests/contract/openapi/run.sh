#!/bin/sh
# Is the generated document valid OpenAPI 3.1, and does the viewer show it without asking anybody
# else? Run from the top of the tree, after `make gen web`.
set -eu
here=tests/contract/openapi
work=build/npm/openapi
mkdir -p "$work"
if ! cmp -s "$here/package-lock.json" "$work/package-lock.json" || [ ! -e "$work/.installed" ]; then
    cp "$here/package.json" "$here/package-lock.json" "$work/"
    npm ci --prefix "$work" --ignore-scripts --no-audit --no-fund --loglevel=error
    touch "$work/.installed"
fi
cp "$here"/*.mjs "$work/"
node "$work/check.mjs" build/gen/openapi.json
node "$work/viewer.mjs" build/web build/gen/openapi.json
