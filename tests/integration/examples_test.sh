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

# finger_many: two answers and a failure at once.
closed=$port
serve finger --user 'ann:Ann Smith'
status 1 "$EXAMPLES/finger_many" "ann@127.0.0.1:$port" "@127.0.0.1:$port" "bob@127.0.0.1:$closed"
(($(grep -c 'Ann Smith' "$dir/out") == 2)) || fail "finger_many: $(<"$dir/out")"
grep -q "^\[bob@127.0.0.1:$closed\]$" "$dir/out" || fail "finger_many does not tell of bob"
status 0 "$EXAMPLES/finger_many" "ann@127.0.0.1:$port"
stop
