#!/bin/bash
# start.sh DIR PORT: starts the peer with a Postgres of its own under DIR and two uvicorn processes; writes
# the token to DIR/token and what it started to DIR/pids. Returns when it answers.
set -euo pipefail
dir=$1 port=$2
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -1)
python=/usr/bin/python3

as_postgres() { if [ "$(id -u)" -eq 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }

mkdir -p "$dir/data" "$dir/run"
[ "$(id -u)" -ne 0 ] || chown postgres "$dir/data" "$dir/run"
as_postgres "$bin/initdb" -A trust -U app -N --locale=C.UTF-8 -E UTF8 -D "$dir/data" >"$dir/initdb.log"
as_postgres "$bin/pg_ctl" -w -s -D "$dir/data" -l "$dir/run/log" -o "-c listen_addresses='' -k $dir/run" start
echo "pg $dir/data" >>"$dir/pids"
psql() { command psql -q -v ON_ERROR_STOP=1 -h "$dir/run" -U app -d bench "$@"; }
command psql -q -h "$dir/run" -U app -d postgres -c 'CREATE DATABASE bench'
psql -c 'CREATE SCHEMA tests' -c 'ALTER DATABASE bench SET search_path = tests' >/dev/null
for file in "$root"/lib/svc/sql/[0-9]*.sql "$root"/services/tests/sql/[0-9]*.sql; do psql -f "$file" >/dev/null; done
psql -f "$here/suites.sql" -c ANALYZE >/dev/null

openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$dir/key.pem"
openssl pkey -in "$dir/key.pem" -pubout -out "$dir/public.pem"
$python "$here/make_token.py" "$dir/key.pem" >"$dir/token"

cd "$here"
PYTHONDONTWRITEBYTECODE=1 BENCH_PUBLIC_KEY=$dir/public.pem BENCH_QUERIES=$root/services/tests/sql/queries_suites.sql \
    BENCH_DATABASE_URL="postgresql://app@/bench?host=$dir/run" \
    setsid $python -m uvicorn app:app --host 127.0.0.1 --port "$port" --workers 2 --no-access-log --log-level warning \
    >"$dir/uvicorn.log" 2>&1 </dev/null &
echo "group $!" >>"$dir/pids"
for _ in $(seq 100); do
    curl -fsS -o /dev/null "http://127.0.0.1:$port/health" 2>/dev/null && exit 0
    sleep 0.1
done
cat "$dir/uvicorn.log" >&2
exit 2
