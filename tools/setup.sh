#!/bin/sh
# Installs what is missing on a Debian machine: `setup.sh build` what building and running needs,
# `setup.sh test` what tests and benches need on top. Does nothing, fast, when all is there.
set -eu

BUILD="gcc libc6-dev make libnng-dev libprotobuf-c-dev protobuf-c-compiler protobuf-compiler
 libprotoc-dev libcivetweb-dev libpq-dev libcurl4-openssl-dev libjwt-dev libssl-dev libargon2-dev
 libyaml-dev zlib1g-dev libdeflate-dev libturbojpeg0-dev postgresql chromium fonts-liberation curl ca-certificates nodejs npm"
TEST="libcmocka-dev libpng-dev python3 nginx-light wrk openssl zip python3-fastapi uvicorn python3-uvloop python3-httptools python3-asyncpg
 python3-jwt python3-cryptography"

case "${1:-build}" in
build) wanted=$BUILD ;;
test) wanted="$BUILD $TEST" ;;
*)
    echo "usage: setup.sh build|test" >&2
    exit 3
    ;;
esac

missing=""
for p in $wanted; do
    # A tool that is there without its package (another node, say) counts as there.
    case $p in
    nodejs) command -v node >/dev/null 2>&1 && continue ;;
    npm) command -v npm >/dev/null 2>&1 && continue ;;
    python3) command -v python3 >/dev/null 2>&1 && continue ;;
    esac
    dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || missing="$missing $p"
done
[ -z "$missing" ] && exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || {
        echo "setup: missing packages:$missing" >&2
        echo "setup: run as root or install sudo: apt-get install$missing" >&2
        exit 3
    }
    as_root=sudo
fi
echo "setup: installing$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# shellcheck disable=SC2086 # a list of words
$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
