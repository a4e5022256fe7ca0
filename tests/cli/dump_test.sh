#!/usr/bin/env bash
# SIGUSR1 makes torc serve list what it holds on standard error, and go on.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../integration/lib.sh"

# says TEXT: the connection echoes.
says() {
    local answer=
    echo "$1" >&"$client"
    IFS= read -r -t 10 -u "$client" answer || :
    [[ $answer == "$1" ]]
}

# listed PATTERN: a line of the dump.
listed() { grep -qx "torc: $1" "$err" || fail "the dump has no line \"$1\""; }

serve echo
exec {client}<>"/dev/tcp/127.0.0.1/$port"
says hello || fail 'no echo'
kill -USR1 "$pid"
eventually grep -q 'counter: connectionsOpen 1' "$err" || fail 'there is no dump'
eventually grep -qx 'torc: counter: bytesSent 6' "$err" || fail 'the dump does not end'
listed 'reactor: running, backend .*'
listed "port: 127\.0\.0\.1:$port, factory \"serve\", 1 connections"
listed "connection 1: protocol \"echo\", peer 127\.0\.0\.1:.*, host 127\.0\.0\.1:$port, .*"
listed 'signal handler: SIGUSR1, .*'
: >"$err"

says again || fail 'it does not go on after the dump'
exec {client}<&-
stop
