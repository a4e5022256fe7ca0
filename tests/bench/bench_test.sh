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
loads = {(row['benchmark'], row['peer'], row['metric']): row for row in report['rows'] if 'peer' in row}
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
measure "$build" --quick --rounds 2 sim seam inside
[[ $status -eq 0 ]] || fail "status $status"
check 'all is measured in each round' "all(len(rows[key]['samples']) == 2 and rows[key]['min'] > 0 for key in [
    ('echo, 50 connections, 64 bytes', 'with a trace'),
    ('echo, 50 connections, 64 bytes', 'without a trace'),
    ('fault runs, 100 connections', 'without a trace'),
    ('recv, nothing to read', 'direct'), ('recv, nothing to read', 'seam'),
    ('recv, nothing to read', 'seam / direct'),
    ('clock_gettime', 'direct'), ('clock_gettime', 'seam'), ('clock_gettime', 'seam / direct'),
    *((what, way) for way in ('torc', 'libevent') for what in (
        'timers, a million: insert', 'timers, a million: cancel', 'timers, a million: fire',
        'idle timeout of 10,000 connections: reset', 'call from 1 other thread',
        'call from 4 other threads', 'connect, accept and close, both sides'))])"
says '^echo, 50 connections, 64 bytes +with'
says 'these figures mean nothing'
if command -v valgrind >/dev/null && [[ -z ${TORC_SANITIZER-} ]]; then
    check 'instructions are counted' "all(0 < rows[what, 'seam - direct']['median'] < 1000
        for what in ('recv, nothing to read', 'clock_gettime'))"
fi

# ---- servers under load: Torc and the floor, which need nothing that may be missing
measure "$build" --quick --rounds 1 --peers epoll,torc --svg "$dir/svg" echo line bulk connect slow fair
[[ $status -eq 0 ]] || fail "servers: status $status"
check 'each load meets each server' "all(loads[load, peer, metric]['median'] > 0
    for load in ('echo', 'line', 'bulk', 'connect', 'slow', 'fair') for peer in ('epoll', 'torc')
    for metric in ('cpu', 'rate', 'p50', 'p99', 'p99.9', 'ratio'))"
check 'the floor is its own measure' "loads['echo', 'epoll', 'ratio']['median'] == 1"
says '^torc +[0-9.]+ '
python3 -c 'import sys, xml.dom.minidom as dom; sys.exit("torc" not in dom.parse(sys.argv[1]).toxml())' \
    "$dir/svg" || fail 'the picture is not right'
passed=$((passed + 1))

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

# ---- so is a peer that is missing, or cannot start
mkdir -p "$dir/fake/bench"
ln -s "$build/bench/load" "$build/bench/hand_epoll" "$dir/fake/bench"
printf '#!/bin/sh\necho "no such endpoint" >&2\nexit 2\n' >"$dir/fake/torc"
chmod +x "$dir/fake/torc"
measure "$dir/fake" --quick --peers epoll,torc,libuv echo
[[ $status -eq 0 ]] || fail "missing peers: status $status"
check 'no figure of a peer that is missing' "
    loads['echo', 'libuv', 'cpu']['missing'] == 'libuv is not installed' and
    loads['echo', 'torc', 'cpu']['missing'] == 'the server did not start: no such endpoint' and
    not any('median' in loads['echo', peer, 'cpu'] for peer in ('libuv', 'torc')) and
    loads['echo', 'epoll', 'cpu']['median'] > 0"
says '^missing: libuv \(echo\): libuv is not installed$'

# ---- a wrong byte fails the run
cat >"$dir/fake/torc" <<'END'
#!/usr/bin/env python3
import socket
import threading


def serve(connection):
    count = 0
    while data := connection.recv(65536):
        count += len(data)
        connection.sendall(data if count <= 64 else data[:-1] + bytes([data[-1] ^ 1]))


with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    while True:
        threading.Thread(target=serve, args=server.accept()[:1], daemon=True).start()
END
measure "$dir/fake" --quick --peers torc echo
[[ $status -eq 1 && ! -e $dir/json ]] || fail "a wrong byte: status $status"
says 'echo against torc: load: the server sent back other bytes than it got'

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
says "no benchmark 'nonesuch'; there are: echo, .*memory, sim, seam, inside"
measure "$build" --peers torc,nonesuch
[[ $status -eq 2 ]] || fail "an unknown peer: status $status"
says "no peer 'nonesuch'; there are: epoll, "
measure "$build" --svg /no/such/folder/svg sim echo
[[ $status -eq 2 ]] || fail "a file that cannot be written: status $status"
says '--svg: /no/such/folder/svg cannot be written'

printf '%d passed, 0 failed\n' "$passed"
