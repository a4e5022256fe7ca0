#!/usr/bin/env bash
# torc serve at its limits: --max-connections, --refuse-excess and the same of one endpoint,
# --idle-timeout, --close-timeout, --grace.
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

# ---- an endpoint has a limit of its own, and the options are for the others
serve echo --max-connections 2 --listen tcp:0:interface=127.0.0.1:maxConnections=1:refuseExcess=yes \
    --listen "unix:$dir/socket"
open_one
says "$one" first || fail 'no echo for the first'
open_two
IFS= read -r -t 10 -u "$two" line && fail 'the second was served'
exec {one}>&- {two}>&-
mkfifo "$dir/keys" "$dir/screen"
exec {keys}<>"$dir/keys" {screen}<>"$dir/screen"
"$TORC" connect "unix:$dir/socket" <"$dir/keys" >"$dir/screen" &
client=$!
pids+=("$client")
echo hello >&"$keys"
IFS= read -r -t 10 -u "$screen" line || fail 'no echo for the first over the socket'
[[ $(echo hello | timeout 10 "$TORC" connect "unix:$dir/socket") == hello ]] ||
    fail 'no echo for the second over the socket'
kill -TERM "$client"
wait "$client" || fail "connect: status $?"
exec {keys}>&- {screen}>&-
(($(grep -c 'port\.full' "$err") == 2)) || fail 'not both limits were reached'
expect_full
stop

# ---- who says nothing is shown the door, who talks is not
serve echo --idle-timeout 1
open_one
open_two
for word in still here after all; do
    sleep 0.4
    says "$two" "$word" || fail "cut off before it said $word"
done
IFS= read -r -t 0 -u "$one" || fail 'a silent client was kept'
IFS= read -r -u "$one" line && fail "a silent client got $line"
IFS= read -r -t 10 -u "$two" line && fail "a client that fell silent got $line"
exec {one}>&- {two}>&-
stop

# ---- told to stop, it does not wait for one who takes nothing longer than it should
serve echo --close-timeout 0.2
open_one
head -c 20000000 /dev/zero 1>&"$one" 2>"$dir/writer.err" &
writer=$!
pids+=("$writer")
sleep 0.5
begin=$EPOCHREALTIME
kill -TERM "$pid"
wait "$pid" || fail "status $?"
took=$(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { print int((b - a) * 1000) }')
((took < 3000)) || fail "the close took $took ms"
exec {one}>&-
wait "$writer" || :

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
status 0 "$TORC" serve echo --close-timeout off --idle-timeout 2.5 --help
status 0 "$TORC" serve echo --idle-timeout off --help
