#!/usr/bin/env bash
# The examples that are clients do what their first lines say.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# ---- finger_many: two answers and two failures, in the order of the hosts
serve finger --user 'ann:Ann Smith' --user 'bob:Bob Jones'
status 0 "$EXAMPLES/finger_many" ann "tcp:127.0.0.1:$port" "tcp:localhost:$port"
(($(grep -c 'Ann Smith' "$dir/out") == 2)) || fail "finger_many: $(<"$dir/out")"
! grep -q 'Bob Jones' "$dir/out" || fail "finger_many was not asked about bob"
status 0 "$EXAMPLES/finger_many" '' "tcp:127.0.0.1:$port"
grep -q '^bob' "$dir/out" || fail "finger_many does not show who is there: $(<"$dir/out")"
status 1 "$EXAMPLES/finger_many" bob "tcp:127.0.0.1:1" "tcp:127.0.0.1:$port" "tcp:127.0.0.1:x"
mapfile -t lines < <(grep -e '^\[' -e '^no answer: ' "$dir/out")
[[ ${lines[0]} == '[tcp:127.0.0.1:1]' && ${lines[1]} == 'no answer: cannot connect to 127.0.0.1:1'* &&
    ${lines[2]} == "[tcp:127.0.0.1:$port]" && ${lines[3]} == '[tcp:127.0.0.1:x]' &&
    ${lines[4]} == 'no answer: '*column* && ${#lines[@]} == 5 ]] || fail "finger_many: $(<"$dir/out")"
grep -q 'Bob Jones' "$dir/out" || fail "finger_many: no answer beside the failures"

# Many more than at a time.
mapfile -t many < <(yes "tcp:127.0.0.1:$port" | head -n 100)
status 0 "$EXAMPLES/finger_many" ann "${many[@]}"
(($(grep -c 'Ann Smith' "$dir/out") == 100)) || fail "finger_many: not all of a hundred answered"
stop
status 1 "$EXAMPLES/finger_many" ann
grep -q usage "$dir/command.err" || fail "finger_many does not say how it is used"

# ---- port_scan: this port is open, then it is closed; nobody else's host
serve echo
status 0 "$EXAMPLES/port_scan" 127.0.0.1 "$port"
grep -q "^ *$port  *open$" "$dir/out" || fail "port_scan: $(<"$dir/out")"
grep -qx '127.0.0.1: 1 open, 0 closed, 0 silent' "$dir/out" || fail "port_scan: $(<"$dir/out")"
status 0 "$EXAMPLES/port_scan" 127.0.0.1
grep -q "^ *$port  *open$" "$dir/out" || fail "port_scan of all ports: $(<"$dir/out")"
! grep -q 'could not' "$dir/out" || fail "port_scan of all ports: $(<"$dir/out")"
stop
status 0 "$EXAMPLES/port_scan" 127.0.0.1 "$port-$port"
grep -qx '127.0.0.1: 0 open, 1 closed, 0 silent' "$dir/out" || fail "port_scan: $(<"$dir/out")"
for host in 192.0.2.1 128.0.0.1 ::2 ::ffff:192.0.2.1 localhost example.org ''; do
    status 1 "$EXAMPLES/port_scan" "$host" 80
    grep -q 'is no loopback address' "$dir/command.err" || fail "port_scan takes '$host'"
done
for range in 0 65536 80-79 1- -1 x 1-2-3 ''; do
    status 1 "$EXAMPLES/port_scan" 127.0.0.1 "$range"
    grep -q usage "$dir/command.err" || fail "port_scan takes '$range'"
done

# ---- persistent: there before its server, and through a restart of it; the port is the last one's
said=$dir/persistent.out
out=$said err=$dir/persistent.err
start "$EXAMPLES/persistent" "tcp:127.0.0.1:$port"
client=$pid
eventually grep -q '^still trying: ' "$said" || fail "persistent: $(<"$said")"
for count in 1 2; do
    serve line --listen "tcp:$port:interface=127.0.0.1"
    eventually has_lines "$said" '^connected$' "$count" || fail "persistent does not come: $(<"$said")"
    heard=$(grep -c '^heard: line' "$said" || :)
    eventually has_lines "$said" '^heard: line' $((heard + 1)) || fail "persistent: $(<"$said")"
    ((count == 2)) || stop
done
kill -INT "$client"
wait "$client" || fail "examples/persistent: status $?"
[[ $(tail -n 1 "$said") == lost:* ]] || fail "persistent: $(<"$said")"
[[ ! -s $dir/persistent.err ]] || fail "persistent complained"
stop
status 1 "$EXAMPLES/persistent" tcp:127.0.0.1:x
grep -q column "$dir/command.err" || fail "persistent: $(<"$dir/command.err")"
