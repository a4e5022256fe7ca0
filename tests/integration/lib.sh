# What the integration tests share; sourced by them. Meson sets TORC, EXAMPLES and TOOLS.
#
# Each test has a directory of its own in $dir, ends what it started, and nothing else.
# shellcheck shell=bash
set -euo pipefail

: "${TORC:?path of the torc command}"
# With the address sanitizer: freed memory is kept for a while, which must not look like a leak.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=1:thread_local_quarantine_size_kb=64
dir=$(mktemp -d)
pids=()
servers=0

any_left() {
    local pid
    for pid in "${pids[@]}"; do
        kill -0 "$pid" 2>/dev/null && return 0
    done
    return 1
}

# TERM first: timeout passes it on to what it runs, and could not pass on KILL.
finish() {
    local status=$? i
    trap - EXIT
    ((${#pids[@]} == 0)) || kill -TERM "${pids[@]}" 2>/dev/null || :
    for ((i = 0; i < 20; i++)); do
        any_left || break
        sleep 0.05
    done
    ((${#pids[@]} == 0)) || kill -KILL "${pids[@]}" 2>/dev/null || :
    rm -rf "$dir"
    exit "$status"
}
trap finish EXIT
trap 'exit 1' INT TERM

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    local file
    for file in "$dir"/*.err; do
        [[ -s $file ]] && sed "s|^|${file##*/}: |" "$file" >&2
    done
    exit 1
}

skip() {
    printf 'skipped: %s\n' "$*" >&2
    exit 77
}

need() {
    local tool
    for tool; do
        command -v "$tool" >/dev/null || skip "$tool is not installed"
    done
}

# Waits up to ten seconds for a command to succeed.
eventually() {
    local i
    for ((i = 0; i < 200; i++)); do
        "$@" && return 0
        sleep 0.05
    done
    return 1
}

has_lines() { (($(grep -c "$2" "$1") >= $3)); }

# serve WHAT [OPTION...]: starts torc serve, with "--listen tcp:0:interface=127.0.0.1" unless told
# where, and waits until it listens. Sets pid, address and port (of the first endpoint), out, err.
serve() {
    local count
    [[ " $* " == *" --listen "* ]] || set -- "$@" --listen tcp:0:interface=127.0.0.1
    count=$(printf '%s\n' "$@" | grep -c -x -e --listen)
    servers=$((servers + 1))
    out=$dir/server$servers.out err=$dir/server$servers.err
    start "$TORC" serve "$@"
    eventually has_lines "$out" '^listening on ' "$count" || fail "torc serve $* does not listen"
    address=$(sed -n '1s/^listening on //p' "$out")
    export port=${address##*:}
}

# Starts a program in the background with its output in $out and $err. A shell lets background
# programs ignore SIGINT; this gives them the default back.
start() {
    : >"$out" # it is there at once, for those who wait for lines in it
    env --default-signal=INT,QUIT "$@" >"$out" 2>"$err" </dev/null &
    pid=$!
    pids+=("$pid")
}

# Ends the last server by SIGTERM; it must go in order.
stop() {
    local status=0
    kill -TERM "$pid"
    wait "$pid" || status=$?
    ((status == 0)) || fail "the server ended with status $status"
    [[ ! -s $err ]] || fail "the server complained"
}

# status EXPECTED COMMAND...: the command's output is in $dir/out and $dir/command.err.
status() {
    local expected=$1 got=0
    shift
    timeout 20 "$@" >"$dir/out" 2>"$dir/command.err" </dev/null || got=$?
    ((got == expected)) || fail "status $got instead of $expected: $*"
}

# The most memory that a process ever used, in kB; asked for while it still lives.
high_water() { awk '/^VmHWM/ { print $2 }' "/proc/$1/status"; }

# bounded KILOBYTES LIMIT WHAT: fails unless it is below the limit. The shadow memory of the thread
# sanitizer is several times what a program uses and never shrinks, so there it says nothing.
bounded() {
    [[ ${TORC_SANITIZER-} == thread ]] || (($1 < $2)) || fail "$3: $1 kB"
}

same() { cmp "$1" "$2" || fail "$2 is not $1"; }

# Bytes that hold everything: NUL, CR, LF, 0xff.
random_file() { head -c "$2" /dev/urandom >"$1"; }
