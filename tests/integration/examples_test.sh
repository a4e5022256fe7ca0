#!/usr/bin/env bash
# Every example does what its first lines say.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need nc

# echo has a port of its own, so it gets a network of its own too.
if [[ ${1-} == echo ]]; then
    out=$dir/echo.out err=$dir/echo.err
    start "$EXAMPLES/echo"
    eventually nc -z 127.0.0.1 8881 2>/dev/null || fail "examples/echo does not listen"
    [[ $(echo hello | timeout 5 nc -N 127.0.0.1 8881) == hello ]] ||
        fail "examples/echo does not answer"
    kill -INT "$pid"
    wait "$pid" || fail "examples/echo: status $?"
    exit 0
fi

# chat: what one writes, the other reads.
out=$dir/chat.out err=$dir/chat.err
start "$EXAMPLES/chat" tcp:0:interface=127.0.0.1
eventually grep -q '^chatting on ' "$out" || fail "examples/chat does not listen"
port=$(sed 's/.*://' "$out")
for name in ann bob; do
    mkfifo "$dir/$name"
    timeout 30 nc 127.0.0.1 "$port" <"$dir/$name" >"$dir/$name.out" &
    pids+=("$!")
done
exec 3>"$dir/ann" 4>"$dir/bob"
echo NICK ann >&3
eventually grep -q $'^WELCOME ann\r$' "$dir/ann.out" || fail "ann was not welcomed"
printf 'NICK bob\r\n' >&4
eventually grep -q $'^WELCOME bob\r$' "$dir/bob.out" || fail "bob was not welcomed"
echo good morning >&3
eventually grep -q $'^ann: good morning\r$' "$dir/bob.out" || fail "bob did not hear ann"
exec 3>&-
kill "${pids[1]}"
eventually grep -q $'^ann: .*\r$' <(tail -n 1 "$dir/bob.out") || fail "bob did not see ann leave"
exec 4>&-
kill -TERM "${pids[0]}"
wait "${pids[0]}" || fail "examples/chat: status $?"

# line_check against a server that echoes, and against nobody.
seq 5000 >"$dir/lines"
serve line
status 0 "$EXAMPLES/line_check" "tcp:127.0.0.1:$port" "$dir/lines"
grep -q '^5000 lines checked' "$dir/out" || fail "line_check: $(<"$dir/out")"
stop
status 1 "$EXAMPLES/line_check" "tcp:127.0.0.1:$port" "$dir/lines"
status 1 "$EXAMPLES/line_check" "tcp:127.0.0.1:x" "$dir/lines"
grep -q column "$dir/command.err" || fail "line_check: $(<"$dir/command.err")"
status 1 "$EXAMPLES/line_check" "tcp:127.0.0.1:$port" "$dir/missing"

closed=$port

# upper: from pipe to pipe, from file to file, and with a reader that leaves.
[[ $(printf 'hello\nworld\n' | timeout 10 "$EXAMPLES/upper") == $'HELLO\nWORLD' ]] ||
    fail "upper does not write in capitals"
timeout 10 "$EXAMPLES/upper" <"$dir/lines" >"$dir/upper.out" || fail "upper: status $?"
cmp "$dir/lines" "$dir/upper.out" || fail "upper does not copy a file"
[[ $(yes | timeout 10 "$EXAMPLES/upper" | head -n 3) == $'Y\nY\nY' ]] ||
    fail "upper does not end with its reader"

# start_example NAME ARGUMENT...: starts one that says "… on ADDRESS" when it listens. Sets pid, port.
start_example() {
    local name=$1
    shift
    out=$dir/$name.out err=$dir/$name.err
    start "$EXAMPLES/$name" "$@" tcp:0:interface=127.0.0.1
    eventually grep -q ' on ' "$out" || fail "examples/$name does not listen"
    port=$(sed 's/.*://' "$out")
}

# proxy: everything there and back, FIN included; and a server that is not there.
seq 200000 >"$dir/bulk"
serve echo
start_example proxy "tcp:127.0.0.1:$port"
timeout 20 nc -N 127.0.0.1 "$port" <"$dir/bulk" >"$dir/bulk.back" || fail "proxy: nc: status $?"
same "$dir/bulk" "$dir/bulk.back"
[[ $(echo hello | timeout 5 nc -N 127.0.0.1 "$port") == hello ]] || fail "proxy: no second answer"
stop
start_example proxy "tcp:127.0.0.1:$closed"
[[ -z $(echo hello | timeout 5 nc -N 127.0.0.1 "$port" 2>/dev/null) ]] ||
    fail "proxy: an answer from nobody"
eventually grep -q 'no server' "$err" || fail "proxy does not tell that there is no server"
kill -TERM "$pid"
wait "$pid" || fail "proxy: status $?"

# send_file: the file, twice, and to one that says something first.
start_example send_file "$dir/bulk"
for ((i = 0; i < 2; i++)); do
    timeout 20 nc 127.0.0.1 "$port" </dev/null >"$dir/bulk.back" || fail "send_file: nc: status $?"
    same "$dir/bulk" "$dir/bulk.back"
done
echo please | timeout 20 nc -N 127.0.0.1 "$port" >"$dir/bulk.back" || fail "send_file: status $?"
same "$dir/bulk" "$dir/bulk.back"
stop
status 1 "$EXAMPLES/send_file" "$dir/missing"
