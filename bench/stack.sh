# shellcheck shell=bash disable=SC2154 # bench_root: lib.sh
# bench_stack_up DIR: a stack of our own under DIR with one organization; sets bench_url and bench_token.
# bench_stack_fill gives it twenty suites, bench_stack_down DIR ends it. Sourced by parts.
bench_port=${BENCH_PORT:-8610}

bench_api() { # METHOD PATH [curl arguments]
    local method=$1 path=$2
    shift 2
    curl -fsS -X "$method" ${bench_token:+-H "Authorization: Bearer $bench_token"} "$@" "http://127.0.0.1:$bench_port$path"
}

bench_stack() {
    env ASSAY_STATE_DIR="$1" ASSAY_HTTP_PORT=$bench_port ASSAY_RATE_LIMITS=off "$bench_root/build/bin/assay" stack "$2" >&2
}

bench_stack_up() {
    local body
    bench_url=http://127.0.0.1:$bench_port bench_token=
    bench_stack "$1" up || return 1
    bench_wait "$bench_url/health" || return 1
    body='{"email":"bench@example.com","password":"correct-horse-bench","name":"Bench","organization_name":"Bench"}'
    bench_token=$(bench_api POST /api/v1/auth/register -H 'Content-Type: application/json' -d "$body" \
        | sed -n 's/.*"access_token": *"\([^"]*\)".*/\1/p')
    [ -n "$bench_token" ] || { echo "bench: no token" >&2; return 1; }
}

# Twenty suites of an app, as fastapi/suites.sql has them.
bench_stack_fill() {
    local i id app
    app=$(bench_api POST /api/v1/apps/ -H 'Content-Type: application/json' \
        -d '{"name":"Shop","platform":"web","url":"http://127.0.0.1:8500"}' | sed -n 's/.*"public_id": *"\(app_[a-z0-9]*\)".*/\1/p')
    [ -n "$app" ] || return 1
    for i in $(seq 20); do
        id=$(bench_api POST /api/v1/tests/suites -H 'Content-Type: application/json' -d "{\"name\":\"Suite number $i\",
            \"description\":\"What must hold for part $i\",\"app_public_id\":\"$app\",\"tags\":[\"Smoke\",\"Nightly\"]}" \
            | sed -n 's/.*"public_id": *"\(suite_[a-z0-9]*\)".*/\1/p') || return 1
        bench_api PATCH "/api/v1/tests/suites/$id" -H 'Content-Type: application/json' \
            -d '{"variables":{"EMAIL":"ada@example.com"}}' -o /dev/null || return 1
    done
}

# bench_stack_tokens N: that many tokens of the same user, each of a log-in of its own.
bench_stack_tokens() {
    local _
    for _ in $(seq "$1"); do
        # The answer has no line end, and so what sed makes of it has none.
        bench_api POST /api/v1/auth/login -H 'Content-Type: application/json' \
            -d '{"email":"bench@example.com","password":"correct-horse-bench"}' \
            | sed -n 's/.*"access_token": *"\([^"]*\)".*/\1/p' | awk 1
    done
}

# bench_stack_strangers DIR N: a token each of N organizations of their own, each with the app and the suites of ours.
bench_stack_strangers() {
    local i body own=$bench_token
    bench_token=
    for i in $(seq "$2"); do
        body="{\"email\":\"bench$i@example.com\",\"password\":\"correct-horse-bench\",\"name\":\"Bench\",\"organization_name\":\"Bench $i\"}"
        bench_api POST /api/v1/auth/register -H 'Content-Type: application/json' -d "$body" \
            | sed -n 's/.*"access_token": *"\([^"]*\)".*/\1/p' | awk 1
    done
    bench_token=$own
    psql -q -v ON_ERROR_STOP=1 "$(awk '$1 == "psql" { print $2 }' "$1/stack.state")" >&2 <<'END'
SET search_path = tests;
INSERT INTO apps SELECT id + 1000000 * o.org, o.org, public_id || '_' || o.org, name, platform, url, package_name
    FROM apps, (SELECT id AS org FROM auth.organizations WHERE name LIKE 'Bench %') AS o;
INSERT INTO suites (public_id, org_id, name, description, app_id, platform, variables, tag_names, tag_displays)
    SELECT s.public_id || '_' || o.org, o.org, s.name, s.description, s.app_id + 1000000 * o.org, s.platform, s.variables,
           s.tag_names, s.tag_displays
    FROM suites AS s, (SELECT id AS org FROM auth.organizations WHERE name LIKE 'Bench %') AS o ORDER BY o.org, s.id;
END
}

bench_stack_down() { bench_stack "$1" down; }

# What all processes of the stack have spent so far, in CPU seconds: the supervisor and everything below it.
bench_stack_cpu() {
    bench_spent "$(awk '$1 == "supervisor" { print $2; exit }' "$1/stack.state")" | awk '{ print $1 }'
}

# bench_suite_files DIR: one.yaml and fresh.yaml (a fresh context per case), first.yaml and second.yaml (every other case).
# The step that must fail waits a second in both tools; how long it waits is a setting, not speed.
bench_suite_files() {
    local suite=$bench_root/examples/suites/shop.yaml
    bench_shop=$(awk '$1 == "shop" { print $2 }' "$1/stack/stack.state")
    sed "s/Verify that the Total is '€13.00'/& within 1 second/" "$suite" >"$1/one.yaml"
    cmp -s "$suite" "$1/one.yaml" && { echo "bench: the failing step has another text now" >&2; return 1; }
    sed 's/^name: /name: Fresh /; s/^resetStrategy: .*/resetStrategy: reinstall/' "$1/one.yaml" >"$1/fresh.yaml"
    awk -v at=0 '/^  - name: / { n++ } !n || n % 2 == at' "$1/one.yaml" | sed 's/^name: /name: First /' >"$1/first.yaml"
    awk -v at=1 '/^  - name: / { n++ } !n || n % 2 == at' "$1/one.yaml" | sed 's/^name: /name: Second /' >"$1/second.yaml"
}

# bench_suite NAME DIR SUITE...: runs the suites at once, a desktop each, and prints NAME_wall, NAME_cpu (stack and command)
# and NAME_wrong. Verdicts come from what `assay run` prints.
bench_suite() {
    local name=$1 dir=$2 before suite pids=()
    shift 2
    before=$(bench_stack_cpu "$dir/stack")
    for suite in "$@"; do
        "$bench_root/build/bench/cputime" run env ASSAY_URL="$bench_url" ASSAY_TOKEN="$bench_token" "$bench_root/build/bin/assay" \
            run "$dir/$suite.yaml" --app-url "$bench_shop" --mode hybrid --device-category desktop \
            2>"$dir/$suite.out" >"$dir/$suite.time" &
        pids+=($!)
    done
    wait "${pids[@]}"
    for suite in "$@"; do cat "$dir/$suite.time"; done | awk -v n="$name" -v before="$before" -v after="$(bench_stack_cpu "$dir/stack")" '
        $2 == "run_wall" && $3 > wall { wall = $3 }
        $2 == "run_cpu" { cpu += $3 }
        END { printf "BENCH %s_wall %.2f s\nBENCH %s_cpu %.2f s\n", n, wall, n, cpu + after - before }'
    for suite in "$@"; do cat "$dir/$suite.out"; done | sed -nE 's/^(passed|failed|error) +(.*) \([0-9.]+ s\)$/\1  \2/p' | sort >"$dir/got"
    grep -v '^#' "$bench_root/examples/suites/shop.expected" | sort >"$dir/want"
    comm -3 "$dir/want" "$dir/got" >&2
    echo "BENCH ${name}_wrong $(comm -23 "$dir/want" "$dir/got" | wc -l) verdicts"
}

# bench_restart NAME PID STATE_DIR: kills the service and prints how long the next one took from main to serving.
bench_restart() {
    local log=$3/log/$1.log count _
    count=$(grep -c '"ev":"started"' "$log")
    kill -9 "$2"
    for _ in $(seq 200); do
        sleep 0.1
        if [ "$(grep -c '"ev":"started"' "$log")" -gt "$count" ]; then
            sed -n 's/.*"ev":"started".*"us":\([0-9]*\).*/\1/p' "$log" | tail -1 | awk -v n="$1" '{ printf "BENCH start_%s %.1f ms\n", n, $1 / 1000 }'
            sleep 0.5
            return 0
        fi
    done
    echo "bench: $1 does not start again" >&2
}
