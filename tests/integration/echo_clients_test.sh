#!/usr/bin/env bash
# Echo and line with the clients people have: each sends, half-closes, and gets everything back.
# The argument is the event loop's backend.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need nc ncat socat telnet

backend=${1:?backend}
random_file "$dir/sent" 1000003

serve echo --reactor "$backend" --listen tcp:0:interface=127.0.0.1 \
    --listen 'tcp:0:interface=\:\:1'
port6=$(sed -n '2s/^listening on \[::1]://p' "$out")

timeout 20 nc -N 127.0.0.1 "$port" <"$dir/sent" >"$dir/nc" || fail "nc: status $?"
same "$dir/sent" "$dir/nc"

timeout 20 nc -6 -N ::1 "$port6" <"$dir/sent" >"$dir/nc6" || fail "nc -6: status $?"
same "$dir/sent" "$dir/nc6"

timeout 20 ncat 127.0.0.1 "$port" <"$dir/sent" >"$dir/ncat" || fail "ncat: status $?"
same "$dir/sent" "$dir/ncat"

timeout 20 socat -t 10 - "TCP:127.0.0.1:$port" <"$dir/sent" >"$dir/socat" ||
    fail "socat: status $?"
same "$dir/sent" "$dir/socat"

timeout 20 "$TORC" connect --reactor "$backend" "tcp:127.0.0.1:$port" <"$dir/sent" >"$dir/torc" ||
    fail "torc connect: status $?"
same "$dir/sent" "$dir/torc"
stop

# telnet ends a line with CR LF, and closes as soon as its input ends: so that stays open.
serve line --reactor "$backend"
mkfifo "$dir/keys"
timeout 20 telnet 127.0.0.1 "$port" <"$dir/keys" >"$dir/telnet" 2>&1 &
pids+=("$!")
exec 3>"$dir/keys"
eventually grep -q Escape "$dir/telnet" || fail "telnet does not connect"
echo 'hello, telnet' >&3
eventually grep -q '^hello, telnet' "$dir/telnet" || fail "telnet got no echo"
exec 3>&-
stop
