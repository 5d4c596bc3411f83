#!/bin/bash
# stop.sh DIR: ends what start.sh started.
set -uo pipefail
dir=$1
bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -1)
as_postgres() { if [ "$(id -u)" -eq 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
[ -f "$dir/pids" ] || exit 0
tac "$dir/pids" | while read -r kind what; do
    case $kind in
    group) kill -- "-$what" 2>/dev/null ;;
    pg) as_postgres "$bin/pg_ctl" -s -m fast -D "$what" stop ;;
    esac
done
rm -f "$dir/pids"
