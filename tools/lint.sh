#!/bin/bash
# Checks the rules of CONTRIBUTING.md that a program can check. Prints file:line: what, ends 1 when there
# was anything.
set -u
cd "$(dirname "$0")/.." || exit 2
found=$(mktemp) || exit 2
trap 'rm -f "$found"' EXIT

mapfile -t c_files < <(git ls-files '*.c' '*.h' 2>/dev/null)
[ ${#c_files[@]} -gt 0 ] || mapfile -t c_files < <(find lib services cli tools tests examples bench -name '*.[ch]' | grep -v node_modules)

# Comments and strings blanked, line numbers kept: what remains is code.
code_of() { awk -f tools/lint_code.awk "$1"; }

for f in "${c_files[@]}"; do
    [ -e "$f" ] || continue
    code_of "$f" | awk -v file="$f" -f tools/lint_rules.awk
done >"$found"

# 100 columns. Bytes that continue a character of UTF-8 take none.
LC_ALL=C awk '{ line = $0; gsub(/[\200-\277]/, "", line) } length(line) > 100 { print FILENAME ":" FNR ": a line of " length(line) }' \
    "${c_files[@]}" >>"$found"

# Who may include whom: a file includes only from its own level and lower ones.
level() {
    case $1 in
    base) echo 0 ;;
    json | log | cfg | sec | met) echo 1 ;;
    pb | db | rpc | http | web | blob | mail) echo 2 ;;
    svc) echo 3 ;;
    gateway | auth | sessions | tests | billing | webhooks | worker) echo 4 ;;
    cli) echo 5 ;;
    *) echo - ;;
    esac
}
for f in "${c_files[@]}"; do
    case $f in
    *_test.c | *_fixture.h | *_lab.h | tests/* | bench/* | tools/*) continue ;;
    lib/*) own=${f#lib/} ;;
    services/*) own=${f#services/} ;;
    cli/*) own=$f ;;
    *) continue ;;
    esac
    own=${own%%/*}
    mine=$(level "$own")
    grep -nE '^#include "[a-z0-9_]+/' "$f" | sed -E 's/^([0-9]+):#include "([a-z0-9_]+)\/.*/\1 \2/' | while read -r line dir; do
        theirs=$(level "$dir")
        [ "$theirs" = - ] || [ "$dir" = "$own" ] && continue
        # The command line knows the worker's grammar, and nothing else of a service.
        [ "$own" = cli ] && [ "$dir" = worker ] && continue
        if [ "$theirs" -gt "$mine" ] || { [ "$theirs" -eq 4 ] && [ "$mine" -ge 4 ]; }; then
            echo "$f:$line: $own must not include $dir/"
        fi
    done
done >>"$found"

# Each third-party header has one owner.
owner() { # PATTERN OWNER
    grep -nE "^#include <($1)" "${c_files[@]}" 2>/dev/null | grep -vE "^$2|_(test\\.c|lab\\.h):|^tests/|^bench/|^tools/|^examples/" \
        | awk -F: -v owner="$2" '{ print $1 ":" $2 ": this header belongs to " owner }'
}
{
    owner 'libpq-fe\.h' 'lib/db/'
    owner 'nng/' 'lib/rpc/'
    owner 'curl/' 'lib/http/'
    owner 'civetweb\.h' 'lib/web/'
    owner 'jwt\.h|openssl/|argon2\.h' 'lib/sec/'
    owner 'yaml\.h' 'cli/suite_yaml'
    owner 'libdeflate\.h|turbojpeg\.h' 'services/tests/(visual|preview)/'
} >>"$found"

# Want of memory is told in one place, fail_memory() of lib/base/ctx.c, which knows whose it is.
grep -nE 'RC_RESOURCE_EXHAUSTED, "(OUT_OF_MEMORY|NO_MEMORY|MEMORY|ARENA_FULL)"' "${c_files[@]}" \
    | awk -F: '{ print $1 ":" $2 ": fail_memory() tells this" }' >>"$found"

# Paths of somebody's machine, and secrets, have no place in what is committed.
git ls-files 2>/dev/null | grep -vE '(^|/)package-lock\.json$|^tests/fuzz/corpus/' | tr '\n' '\0' \
    | xargs -0 -r grep -nIE '(/home/[a-z]+/|BEGIN (RSA |EC )?PRIVATE KEY|AKIA[0-9A-Z]{16}|sk-(ant-)?[A-Za-z0-9_-]{24,})' 2>/dev/null \
    | grep -vE '^tools/lint\.sh:|EXAMPLE' | cut -c1-160 | sed 's/$/  (a path of a machine, or a secret)/' >>"$found"

# The tests that docs/security.md names exist.
grep -noE '`[a-z0-9]+(_[a-z0-9]+){2,}`' docs/security.md | tr -d '`' | awk -F: '
    NR == FNR { is_test[$1] = 1; next }
    !($2 in is_test) { print "docs/security.md:" $1 ": there is no test " $2 }
' <(grep -rhoE --include='*_test.c' '^[a-z0-9_]+\(void \*\*state\)' lib services | sed 's/(.*//') - >>"$found"

# So do the end-to-end tests, quoted there in the last column. What stands between two quotes may be a
# value in their names.
awk -F'|' '/^\|/ { n = split($(NF - 1), part, "\""); for (i = 2; i <= n; i += 2) print FNR "\t" part[i] }' docs/security.md \
    | while IFS=$'\t' read -r line quoted; do
        sed "s/\\\\'/'/g" tests/e2e/cases/*.mjs | grep -qF -- "$quoted" \
            || echo "docs/security.md:$line: no end-to-end test says \"$quoted\""
    done >>"$found"

# Long files are told, not refused: size is an aim.
sort -u "$found"
n=$(sort -u "$found" | grep -cv ': note: ')
echo "lint: $n findings in ${#c_files[@]} files"
[ "$n" -eq 0 ]
