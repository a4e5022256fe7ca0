#!/usr/bin/env bash
# torc serve at its limits: --max-connections, --refuse-excess, --grace.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../integration/lib.sh"

# says FD TEXT: the connection on this descriptor echoes.
says() {
    local answer=
    echo "$2" >&"$1"
    IFS= read -r -t 10 -u "$1" answer || :
    [[ $answer == "$2" ]]
}

# silent FD: nothing comes back for a while.
silent() {
    local answer
    ! IFS= read -r -t 0.3 -u "$1" answer
}

open_one() { exec {one}<>"/dev/tcp/127.0.0.1/$port"; }
open_two() { exec {two}<>"/dev/tcp/127.0.0.1/$port"; }

# What stop would take for a complaint.
expect_full() {
    grep -q 'port\.full' "$err" || fail 'the limit was not logged'
    : >"$err"
}

# ---- beyond the limit a client waits for its turn
serve echo --max-connections 1
open_one
says "$one" first || fail 'no echo for the first'
open_two
echo second >&"$two"
silent "$two" || fail 'the second did not wait'
exec {one}>&-
IFS= read -r -t 10 -u "$two" line || fail 'the second was forgotten'
[[ $line == second ]] || fail "the second got $line"
exec {two}>&-
expect_full
stop

# ---- or is refused
serve echo --max-connections 1 --refuse-excess
open_one
says "$one" first || fail 'no echo for the first'
open_two
IFS= read -r -t 10 -u "$two" line && fail 'the second was served'
says "$one" 'still here' || fail 'the first was cut off'
exec {one}>&- {two}>&-
expect_full
stop

# ---- told to stop, it lets the client finish, and takes no other
serve echo --grace 30
open_one
says "$one" first || fail 'no echo'
kill -TERM "$pid"
refused() { ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
eventually refused || fail 'it still takes clients'
says "$one" 'not done yet' || fail 'cut off'
exec {one}>&-
wait "$pid" || fail "status $?"

# ---- but not for ever
serve echo --grace 0.2
open_one
says "$one" first || fail 'no echo'
kill -TERM "$pid"
wait "$pid" || fail "status $?"
exec {one}>&-

# ---- what cannot be meant
for argument in 0 -1 many 1x 99999999999; do
    status 2 "$TORC" serve echo --max-connections "$argument"
done
status 2 "$TORC" serve echo --grace never
