#!/bin/sh
# gen.sh OUT PROTO...: generates all code into OUT, touching only the files that changed.
set -eu
out=$1
shift
new=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$new"' EXIT
chmod 755 "$new"

protoc -Iproto -I/usr/include --c_out="$new" "$@" google/protobuf/descriptor.proto

# Copies what differs, removes what is no longer made.
(cd "$new" && find . -type f) | while read -r f; do
    cmp -s "$new/$f" "$out/$f" && continue
    mkdir -p "$out/$(dirname "$f")"
    mv "$new/$f" "$out/$f"
done
