#!/usr/bin/env bash
# Finger with real clients: nc, torc's own, and Debian's finger, which knows no port but 79.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need nc

printf 'Out until Monday.\nBack on Tuesday.\n' >"$dir/plan"
users=(--user "ann:Ann Smith:$dir/plan" --user 'bob:Bob Jones')

if [[ ${1-} == port79 ]]; then
    need finger
    serve finger --listen tcp:79 "${users[@]}"
    [[ $address == '[::]:79' ]] || fail "listens on $address"
    timeout 10 finger ann@127.0.0.1 >"$dir/answer" || fail "finger: status $?"
    grep -q 'Ann Smith' "$dir/answer" || fail "finger: $(<"$dir/answer")"
    grep -q 'Back on Tuesday' "$dir/answer" || fail "finger did not show the plan"
    timeout 10 finger -l bob@127.0.0.1 >"$dir/answer" || fail "finger -l: status $?"
    grep -q 'Bob Jones' "$dir/answer" || fail "finger -l: $(<"$dir/answer")"
    timeout 10 finger @127.0.0.1 >"$dir/answer" || fail "finger @: status $?"
    for user in ann bob; do
        grep -q "$user" "$dir/answer" || fail "finger @: $(<"$dir/answer")"
    done
    stop
    exit 0
fi

serve finger "${users[@]}"

# A client that half-closes right after its query gets the whole answer.
printf 'ann\r\n' | timeout 10 nc -N 127.0.0.1 "$port" >"$dir/answer" || fail "nc: status $?"
grep -q $'Ann Smith.*\r$' "$dir/answer" || fail "nc: $(<"$dir/answer")"
grep -q $'^ *Back on Tuesday.\r$' "$dir/answer" || fail "nc did not get the plan"

printf 'ann@elsewhere\r\n' | timeout 10 nc -N 127.0.0.1 "$port" >"$dir/answer"
grep -q 'Finger forwarding service denied' "$dir/answer" || fail "forwarded: $(<"$dir/answer")"

# Garbage: an error or nothing, and the server lives.
for _ in 1 2 3 4 5; do
    head -c 100000 /dev/urandom | timeout 10 nc -N 127.0.0.1 "$port" >/dev/null 2>&1 || :
done
printf '\r\n%.0s' {1..1000} | timeout 10 nc -N 127.0.0.1 "$port" >/dev/null 2>&1 || :

status 0 "$TORC" finger "ann@127.0.0.1:$port"
grep -q 'Ann Smith' "$dir/out" || fail "torc finger: $(<"$dir/out")"
grep -q $'\r' "$dir/out" && fail "torc finger prints CR"
status 0 "$TORC" finger -l "bob@127.0.0.1:$port"
grep -q 'Bob Jones' "$dir/out" || fail "torc finger -l: $(<"$dir/out")"
status 0 "$TORC" finger "@127.0.0.1:$port"
grep -q bob "$dir/out" || fail "torc finger @: $(<"$dir/out")"
status 0 "$TORC" finger "ann@localhost:$port"
grep -q 'Ann Smith' "$dir/out" || fail "torc finger by name: $(<"$dir/out")"
status 0 "$TORC" finger --endpoint "tcp:127.0.0.1:$port" ann
grep -q 'Ann Smith' "$dir/out" || fail "torc finger --endpoint: $(<"$dir/out")"
stop

status 1 "$TORC" finger "ann@127.0.0.1:$port"
grep -q "^torc: ann@127.0.0.1:$port: " "$dir/command.err" || fail "$(<"$dir/command.err")"

# A socket file has users too; without a name they are listed.
serve finger "${users[@]}" --listen "unix:$dir/socket"
status 0 "$TORC" finger -l --endpoint "unix:$dir/socket" bob
grep -q 'Bob Jones' "$dir/out" || fail "torc finger over a socket file: $(<"$dir/out")"
status 0 "$TORC" finger --endpoint "unix:$dir/socket"
grep -q ann "$dir/out" || fail "the list over a socket file: $(<"$dir/out")"
stop

# A server that never closes: what it said is printed, and then that time is over.
serve echo
status 1 "$TORC" finger --timeout 1 "ann@127.0.0.1:$port"
[[ $(<"$dir/out") == ann ]] || fail "half an answer: $(<"$dir/out")"
grep -qx "torc: ann@127.0.0.1:$port: no complete answer within 1 s" "$dir/command.err" ||
    fail "$(<"$dir/command.err")"
stop

# The system's users, by explicit choice only.
serve finger
printf 'root\r\n' | timeout 10 nc -N 127.0.0.1 "$port" >"$dir/answer"
grep -q /root "$dir/answer" && fail "tells about the system without being asked to"
stop
serve finger --system
printf '/W root\r\n' | timeout 10 nc -N 127.0.0.1 "$port" >"$dir/answer"
grep -q /root "$dir/answer" || fail "--system: $(<"$dir/answer")"
stop
