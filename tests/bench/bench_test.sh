#!/usr/bin/env bash
# What ./dev bench says and writes, at a tiny size; no figure is looked at.
#
#   bench_test.sh RUN.PY BUILD-DIRECTORY
set -euo pipefail

bench=$1 build=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
path=$PATH # where the benchmarks find their tools
passed=0

fail() {
    printf 'bench: %s\n' "$1"
    cat "$dir/out" "$dir/err"
    exit 1
}

# measure DIRECTORY OPTION...: leaves what was said, what was written, and the status.
measure() {
    status=0
    rm -f "$dir/json"
    PATH=$path "$bench" "$@" --json "$dir/json" >"$dir/out" 2>"$dir/err" || status=$?
}

# check WHAT PYTHON-EXPRESSION: it holds for the report that was written.
check() {
    python3 -c "
import json, sys
report = json.load(open(sys.argv[1]))
rows = {(row['what'], row['way']): row for row in report['rows']}
sys.exit(not ($2))" "$dir/json" || fail "$1: $(cat "$dir/json" 2>/dev/null)"
    passed=$((passed + 1))
}

says() {
    grep -qE -- "$1" "$dir/out" "$dir/err" || fail "does not say: $1"
    passed=$((passed + 1))
}

# fake NAME LINE...: a program of that name that prints these samples, tabs written as |.
fake() {
    mkdir -p "$dir/fake/bench"
    printf '#!/bin/sh\ntr "|" "\\t" <<END\n%s\nEND\n' "$(printf '%s\n' "${@:2}")" >"$dir/fake/bench/$1"
    chmod +x "$dir/fake/bench/$1"
}

# ---- every figure is there
measure "$build" --quick --rounds 2
[[ $status -eq 0 ]] || fail "status $status"
check 'all is measured in each round' "all(len(rows[key]['samples']) == 2 and rows[key]['min'] > 0 for key in [
    ('echo, 50 connections, 64 bytes', 'with a trace'),
    ('echo, 50 connections, 64 bytes', 'without a trace'),
    ('fault runs, 100 connections', 'without a trace'),
    ('recv, nothing to read', 'direct'), ('recv, nothing to read', 'seam'),
    ('recv, nothing to read', 'seam / direct'),
    ('clock_gettime', 'direct'), ('clock_gettime', 'seam'), ('clock_gettime', 'seam / direct')])"
says '^echo, 50 connections, 64 bytes +with'
says 'these figures mean nothing'
if command -v valgrind >/dev/null && [[ -z ${TORC_SANITIZER-} ]]; then
    check 'instructions are counted' "all(0 < rows[what, 'seam - direct']['median'] < 1000
        for what in ('recv, nothing to read', 'clock_gettime'))"
fi

# ---- a tool that is missing is no zero
mkdir "$dir/bin"
ln -s "$(command -v bash)" "$(python3 -c 'import sys; print(sys.executable)')" "$dir/bin"
[[ -e $dir/bin/python3 ]] || ln -s "$dir"/bin/python* "$dir/bin/python3"
path=$dir/bin
measure "$build" --quick --rounds 1 seam
[[ $status -eq 0 ]] || fail "without valgrind: status $status"
check 'no figure without valgrind, and only what was named' "
    'median' not in rows['clock_gettime', 'seam - direct'] and
    rows['clock_gettime', 'seam - direct']['missing'] == 'valgrind is not installed' and
    {row['benchmark'] for row in report['rows']} == {'seam'}"
says 'missing +instructions +valgrind is not installed'
path=$PATH

# ---- medians, spread, noise
fake sim_bench 'wide|a|ns|120' 'wide|a|ns|100' 'wide|b|ns|7' 'wide|a|ns|104' \
    'narrow|a|ns|104' 'narrow|a|ns|100' 'narrow|a|ns|96'
measure "$dir/fake" sim
check 'median, extremes, spread, and noise beyond a tenth' "
    [rows['wide', 'a'][key] for key in ('median', 'min', 'max', 'noisy')] == [104, 100, 120, True] and
    abs(rows['wide', 'a']['spread'] - 20 / 104) < 1e-9 and not rows['narrow', 'a']['noisy']"
says '^wide .*19\.2% +noisy$'
says '^narrow .*8\.0%$'
says '^Noisy: '

# ---- what must not pass for a figure
printf '#!/bin/sh\necho "a reply is wrong" >&2\nexit 1\n' >"$dir/fake/bench/sim_bench"
measure "$dir/fake" sim
[[ $status -eq 1 && ! -e $dir/json ]] || fail "a program that failed: status $status"
says 'sim_bench .*failed with status 1'
measure "$build" nonesuch
[[ $status -eq 2 ]] || fail "an unknown name: status $status"
says 'no benchmark nonesuch; there are: sim, seam'

printf '%d passed, 0 failed\n' "$passed"
