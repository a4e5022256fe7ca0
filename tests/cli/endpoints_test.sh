#!/usr/bin/env bash
# torc serve and torc connect on every kind of endpoint but TCP: socket files, abstract names,
# inherited sockets, sockets passed by a service manager, standard input and output.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../integration/lib.sh"
: "${TOOLS:?directory of pass_socket}"

socket=$dir/socket

# echoes ENDPOINT: what is sent comes back.
echoes() {
    [[ $(echo hello | timeout 10 "$TORC" connect "$1") == hello ]] || fail "no echo from $1"
}

# wrong STATUS LINE COMMAND...: all that is on standard error is this line; '*' stands for anything.
wrong() {
    local expected=$1 line=$2 said
    shift 2
    status "$expected" "$@"
    said=$(<"$dir/command.err")
    # shellcheck disable=SC2053 # a pattern is what is wanted
    [[ $said == $line ]] || fail "said: $said
  instead of: $line
  to: $*"
}

# ---- a socket file, with the permissions asked for
serve echo --listen "unix:$socket:mode=660"
[[ $address == "unix:$socket" ]] || fail "listens on $address"
[[ -S $socket && $(stat -c %a "$socket") == 660 ]] || fail "$(ls -l "$socket")"
echoes "unix:$socket"
random_file "$dir/big" 3000000
timeout 20 "$TORC" connect "unix:$socket" <"$dir/big" >"$dir/back" || fail "status $?"
same "$dir/big" "$dir/back"
wrong 1 "torc: cannot listen on unix:$socket: address already in use (*" \
    "$TORC" serve echo --listen "unix:$socket"
stop
[[ ! -e $socket && ! -e $socket.lock ]] || fail "left behind: $(ls "$dir")"
wrong 1 'torc: cannot connect to *No such file or directory' "$TORC" connect "unix:$socket"

# A server that was killed leaves its socket; the next one takes it over.
serve echo --listen "unix:$socket"
kill -KILL "$pid"
wait "$pid" || :
[[ -S $socket ]] || fail "a killed server took its socket along"
serve echo --listen "unix:$socket"
echoes "unix:$socket"
stop

# ---- several at once, one of them an abstract name
serve line --listen tcp:0:interface=127.0.0.1 --listen "unix:@torc-test-$$" --listen "unix:$socket"
grep -qx "listening on unix:@torc-test-$$" "$out" || fail "$(<"$out")"
echoes "tcp:127.0.0.1:$port"
echoes "unix:@torc-test-$$"
echoes "unix:$socket"
stop

# ---- a socket that was inherited, by number and as systemd passes it
for endpoint in fd:3 systemd:name=web systemd:index=0; do
    out=$dir/inherited.out err=$dir/inherited.err
    start "$TOOLS/pass_socket" listen "$socket" "$TORC" serve echo --listen "$endpoint"
    eventually grep -qx "listening on unix:$socket" "$out" || fail "$endpoint: $(<"$out")"
    [[ ! -e /proc/$pid/fd/3 || $(readlink "/proc/$pid/fd/3") != socket:* ]] ||
        fail "$endpoint: the inherited descriptor stays open"
    echoes "unix:$socket"
    stop
    [[ -S $socket ]] || fail "$endpoint: a socket of somebody else's was removed"
    rm "$socket"
done
passed=("$TOOLS/pass_socket" listen "$socket" "$TORC" serve echo --listen)
wrong 2 'torc: endpoint "systemd:name=log", column 14: no socket that was passed is named "log" (known: web) *' \
    "${passed[@]}" systemd:name=log
rm "$socket"
wrong 2 'torc: endpoint "systemd:name=web": the sockets were passed to another process (*' \
    env LISTEN_PID=1 "${passed[@]}" systemd:name=web
rm "$socket"
wrong 2 'torc: endpoint "systemd:name=web": LISTEN_FDS (2) and LISTEN_FDNAMES (1 names) do not agree, *' \
    env LISTEN_FDS=2 "${passed[@]}" systemd:name=web
rm "$socket"
wrong 2 'torc: endpoint "systemd:index=0": no sockets were passed to this program *' \
    env -u LISTEN_PID "$TORC" serve echo --listen systemd:index=0
wrong 1 'torc: cannot listen on fd:0: *' "$TORC" serve echo --listen fd:0

# ---- a connection that was inherited
serve echo --listen "unix:$socket"
[[ $(echo hello | timeout 10 "$TOOLS/pass_socket" connect "$socket" "$TORC" connect fd:3) == hello ]] ||
    fail "no echo through an inherited connection"
stop

# ---- standard input and output: the connection alone is on standard output, and its end is the end
[[ $(printf 'hello\n' | timeout 10 "$TORC" serve echo --listen stdio:) == hello ]] ||
    fail "no echo at standard output"
timeout 20 "$TORC" serve echo --listen stdio: <"$dir/big" >"$dir/back" || fail "stdio: status $?"
same "$dir/big" "$dir/back"
wrong 2 'torc: standard input and output cannot be joined to themselves *' "$TORC" connect stdio:
