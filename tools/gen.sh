#!/bin/sh
# gen.sh OUT PROCESSES PROTO...: generates all code into OUT, touching only the files that changed.
set -eu
out=$1
processes=$2
shift 2
new=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$new"' EXIT

protoc -Iproto -I/usr/include --plugin=protoc-gen-c=tools/protoc-gen-messages.sh --c_out="$new" \
    "$@" google/protobuf/descriptor.proto
protoc -Iproto -I/usr/include --plugin=protoc-gen-assay=build/tools/protoc-gen-assay \
    --assay_out="$new" --assay_opt="processes=$processes,root=proto/" "$@"
for dir in services/*/sql lib/svc/sql; do
    [ -d "$dir" ] || continue
    name=$(basename "$(dirname "$dir")")
    [ "$dir" = lib/svc/sql ] && name=common
    build/tools/sqlgen "$name" "$dir" "$new"
done

# What is no longer made goes, so that nothing includes it by accident.
(cd "$out" && find . -type f) | while read -r f; do
    [ -e "$new/$f" ] || rm -f "$out/$f"
done
(cd "$new" && find . -type f) | while read -r f; do
    cmp -s "$new/$f" "$out/$f" && continue
    mkdir -p "$out/$(dirname "$f")"
    mv "$new/$f" "$out/$f"
done
