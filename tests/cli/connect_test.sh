#!/usr/bin/env bash
# torc connect: 100 MB either way in bounded memory, the end of each side, and standard streams of
# every kind.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../integration/lib.sh"
need pgrep

bytes=100000000

serve echo
endpoint=tcp:127.0.0.1:$port

# ---- 100 MB there and back
head -c $bytes /dev/urandom >"$dir/big"
timeout 60 "$TORC" connect "$endpoint" <"$dir/big" >"$dir/back" || fail "status $?"
same "$dir/big" "$dir/back"

# The peer does not read: standard input waits, and memory stays small.
kill -STOP "$pid"
timeout 60 "$TORC" connect "$endpoint" <"$dir/big" >"$dir/back" 2>"$dir/held.err" &
held=$!
pids+=("$held")
sleep 1
child=$(pgrep -P "$held")
bounded "$(high_water "$child")" 16384 "standard input is read ahead"
kill -CONT "$pid"
wait "$held" || fail "a peer that was held up: status $?"
same "$dir/big" "$dir/back"

# Standard output is not read: the connection waits, and memory stays small.
mkfifo "$dir/out_pipe"
"$TORC" connect "$endpoint" <"$dir/big" >"$dir/out_pipe" 2>"$dir/slow.err" &
slow=$!
pids+=("$slow")
exec 3<"$dir/out_pipe"
sleep 1
bounded "$(high_water "$slow")" 16384 "standard output is queued"
cmp - "$dir/big" <&3 || fail "a slow reader got something else"
exec 3<&-
wait "$slow" || fail "a slow reader: status $?"

# ---- ends
[[ $(printf 'no newline' | timeout 10 "$TORC" connect "$endpoint") == 'no newline' ]] ||
    fail "a last line without its end"
timeout 10 "$TORC" connect "$endpoint" </dev/null >"$dir/back" || fail "empty input: status $?"
[[ ! -s $dir/back ]] || fail "empty input was answered"
timeout 10 "$TORC" connect "$endpoint" <&- >"$dir/back" || fail "closed input: status $?"
timeout 10 "$TORC" connect "$endpoint" <"$dir/big" >&- || fail "closed output: status $?"

# The peer closes first, while standard input stays open.
serve finger --user 'ann:Ann Smith'
mkfifo "$dir/open"
exec 4<>"$dir/open"
printf 'ann\r\n' >&4
timeout 10 "$TORC" connect "tcp:127.0.0.1:$port" <"$dir/open" >"$dir/back" ||
    fail "the peer closed: status $?"
exec 4>&-
grep -q 'Ann Smith' "$dir/back" || fail "the peer closed: $(<"$dir/back")"
stop

# Streams that do not work.
serve echo
endpoint=tcp:127.0.0.1:$port
status=0
timeout 10 "$TORC" connect "$endpoint" <"$dir/big" >/dev/full 2>"$dir/command.err" || status=$?
((status == 1)) || fail "full disk: status $status"
[[ $(<"$dir/command.err") == 'torc: cannot write to standard output: No space left on device' ]] ||
    fail "full disk: $(<"$dir/command.err")"
status=0
timeout 10 "$TORC" connect "$endpoint" <"$dir" >/dev/null 2>"$dir/command.err" || status=$?
((status == 1)) || fail "a directory as input: status $status"
[[ $(<"$dir/command.err") == 'torc: cannot read standard input: Is a directory' ]] ||
    fail "a directory as input: $(<"$dir/command.err")"

# ---- standard streams are shared with other programs: they stay blocking; SIGINT is no failure
out=$dir/interrupted.out err=$dir/interrupted.err
mkfifo "$dir/keys" "$dir/screen"
exec 5<>"$dir/keys" 6<>"$dir/screen"
env --default-signal=INT "$TORC" connect "$endpoint" <&5 >&6 2>"$err" &
client=$!
pids+=("$client")
echo hello >&5
read -r -t 10 line <&6 || fail "no answer through fifos"
[[ $line == hello ]] || fail "answered through fifos: $line"
for fd in 0 1; do
    flags=$(awk '/^flags/ { print $2 }' "/proc/$client/fdinfo/$fd")
    (((0$flags & 04000) == 0)) || fail "descriptor $fd was made non-blocking ($flags)"
done
kill -INT "$client"
wait "$client" || fail "SIGINT: status $?"
[[ ! -s $err ]] || fail "SIGINT: $(<"$err")"
stop
