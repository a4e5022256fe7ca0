#!/usr/bin/env bash
# SIGINT and SIGTERM end a server in order, also with clients connected.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need nc

milliseconds() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

# ended_by SIGNAL LIMIT: sends it and waits; the server must be gone within LIMIT milliseconds.
ended_by() {
    local begin status=0
    begin=$(milliseconds)
    kill "-$1" "$pid"
    wait "$pid" || status=$?
    ((status == 0)) || fail "SIG$1: status $status"
    (($(milliseconds) - begin < $2)) || fail "SIG$1: it took $(($(milliseconds) - begin)) ms"
    [[ ! -s $err ]] || fail "SIG$1: the server complained"
}

# Twenty clients that neither send nor close: their input is a pipe that stays open and empty.
mkfifo "$dir/silence"
exec 5<>"$dir/silence"
descriptors() { find "/proc/$pid/fd" -mindepth 1 | wc -l; }
more_descriptors_than() { (($(descriptors) > $1)); }
connect_idle() {
    local before i
    before=$(descriptors)
    for ((i = 0; i < 20; i++)); do
        timeout 30 nc 127.0.0.1 "$port" <&5 >/dev/null 2>&1 &
        pids+=("$!")
    done
    eventually more_descriptors_than $((before + 19)) || fail "not all clients are connected"
}

for signal in INT TERM; do
    serve echo
    ended_by "$signal" 3000

    serve echo
    connect_idle
    ended_by "$signal" 3000
done

# A client that sends a lot and takes nothing holds the server up for the grace period; a second
# signal does not wait for it.
serve echo
mkfifo "$dir/full"
exec 6<>"$dir/full"
timeout 30 nc 127.0.0.1 "$port" </dev/zero >&6 2>/dev/null &
pids+=("$!")
sleep 1
kill -INT "$pid"
sleep 0.5
kill -0 "$pid" || fail "the server did not wait for its output to leave"
ended_by INT 3000
