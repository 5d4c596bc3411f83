#!/bin/bash
# Checks deploy/ (Kubernetes manifests, Dockerfile) without a cluster and without a container engine.
set -eu
cd "$(dirname "$0")"
if [ ! -d node_modules ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
fi
exec node run.js
