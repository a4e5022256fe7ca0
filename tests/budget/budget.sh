#!/usr/bin/env bash
# Budgets of the echo and line servers, held by counting instead of timing. Each figure is the
# difference between a longer and a shorter run, so start-up and shut-down cancel out.
#
#     budget.sh syscalls|instructions|lines|allocations|blocks|faults|memory|burst TORC LOAD
#
# The figures hold for the release build: TORC_RELEASE_BUILD names its directory; without it the
# test is skipped (exit code 77).
set -euo pipefail
unset MALLOC_PERTURB_ # meson's: it touches memory that was freed, which faults pages in

what=$1 load=$3
serve=echo traffic=pingpong
if [[ -z ${TORC_RELEASE_BUILD:-} ]]; then
    echo "skipped: TORC_RELEASE_BUILD is not set (./dev test sets it)"
    exit 77
fi
torc=$TORC_RELEASE_BUILD/torc
[[ -x $torc ]] || { echo "no release build: $torc is missing"; exit 1; }

work=$(mktemp -d)
server=
cleanup() {
    if [[ -n $server ]]; then
        kill "$server" 2>/dev/null || true
        kill -CONT "$server" 2>/dev/null || true # a crowd that was interrupted
    fi
    rm -rf "$work"
}
trap cleanup EXIT

need() {
    command -v "$1" >/dev/null || { echo "skipped: $1 is not installed"; exit 77; }
}

# Starts the server behind the given prefix and waits for the line that names its port.
start_server() {
    : >"$work/out"
    "$@" "$torc" serve "$serve" --listen tcp:0:interface=127.0.0.1 >"$work/out" 2>"$work/err" &
    server=$!
    port=
    for _ in $(seq 200); do
        port=$(sed -n 's/.*127\.0\.0\.1:\([0-9]*\).*/\1/p' "$work/out" | head -n 1)
        [[ -z $port ]] || return 0
        sleep 0.1
    done
    echo "the server did not start:"
    cat "$work/out" "$work/err"
    exit 1
}

# SIGTERM to the server itself, which may run below a tracer.
stop_server() {
    local pid
    pid=$(pgrep -P "$server" -x torc || true)
    kill -TERM "${pid:-$server}"
    wait "$server" || true
    server=
}

# at_most FIGURE BUDGET UNIT
at_most() {
    echo "$1 $3 (budget: $2)"
    awk -v figure="$1" -v budget="$2" 'BEGIN { exit !(figure <= budget) }' && return 0
    echo "over the budget"
    exit 1
}

count_syscalls() { # MESSAGES -> number of system calls
    start_server strace -f -c -o "$work/strace"
    "$load" "$traffic" "$port" "$1"
    stop_server
    awk '/^[ 0-9.]+ / && $NF != "total" { calls += $4 } END { print calls }' "$work/strace"
}

count_instructions() { # MESSAGES -> user instructions
    start_server valgrind --tool=callgrind --callgrind-out-file="$work/callgrind"
    "$load" "$traffic" "$port" "$1"
    stop_server
    awk '/^(summary|totals):/ { print $2; exit }' "$work/callgrind"
}

count_allocations() { # MESSAGES -> calls of malloc and its kin
    start_server valgrind --log-file="$work/valgrind"
    "$load" "$traffic" "$port" "$1"
    stop_server
    sed -n 's/.*total heap usage: \([0-9,]*\) allocs.*/\1/p' "$work/valgrind" | tr -d ,
}

per_message() { # COUNTER SHORT LONG -> figure per message
    local short long
    short=$("$1" "$2")
    long=$("$1" "$3")
    awk -v s="$short" -v l="$long" -v n="$(($3 - $2))" 'BEGIN { printf "%.3f\n", (l - s) / n }'
}

private_kib() {
    awk '/^Private_Dirty:/ { print $2 }' "/proc/$server/smaps_rollup"
}

minor_faults() {
    awk '{ print $10 }' "/proc/$server/stat"
}

# The first round makes the server allocate what so many answers at a time need.
measure_faults() {
    local rounds=50 before answers
    start_server env
    "$load" crowd "$port" 2 "$server" >"$work/answers"
    before=$(minor_faults)
    answers=$("$load" crowd "$port" "$rounds" "$server")
    at_most "$(awk -v n=$(($(minor_faults) - before)) -v m="$answers" 'BEGIN { print n / m }')" 0.02 \
        "page faults per answer of many in a turn"
    stop_server
}

measure_memory() {
    local connections=10000 before after
    ulimit -n 20000
    start_server env
    "$load" pingpong "$port" 100
    before=$(private_kib)
    coproc idle { exec "$load" idle "$port" "$connections"; }
    # shellcheck disable=SC2154  # set by coproc
    read -r -t 60 _ <&"${idle[0]}"
    after=$(private_kib)
    eval "exec ${idle[1]}>&-"
    stop_server
    at_most $(((after - before) * 1024 / connections)) 300 "bytes of memory per idle connection"
}

case $what in
syscalls)
    need strace
    at_most "$(per_message count_syscalls 500 2500)" 3.02 "system calls per echo"
    ;;
instructions)
    need valgrind
    at_most "$(per_message count_instructions 500 2500)" 900 "user instructions per echo"
    ;;
lines)
    need valgrind
    serve=line traffic=lines
    at_most "$(per_message count_instructions 3200 35200)" 380 "user instructions per line"
    ;;
allocations)
    need valgrind
    at_most "$(per_message count_allocations 200 1200)" 0 "allocations per echo"
    ;;
blocks)
    need valgrind
    traffic=blocks
    at_most "$(per_message count_allocations 100 500)" 0.05 "allocations per block of 64 KiB"
    ;;
faults)
    measure_faults
    ;;
memory)
    measure_memory
    ;;
burst)
    ulimit -n 4096
    start_server env
    timeout 50 "$load" burst "$port" 1000
    stop_server
    echo "1000 connections in a burst, none lost"
    ;;
*)
    echo "unknown budget: $what"
    exit 2
    ;;
esac
