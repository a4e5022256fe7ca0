#!/usr/bin/env bash
# A client that writes 50 MB before it reads is slowed down, gets all of it back, and costs the
# server next to no memory. The argument is the event loop's backend.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

serve echo --reactor "${1:?backend}"
echo warm-up | timeout 10 nc -N 127.0.0.1 "$port" >/dev/null
before=$(high_water "$pid")
timeout 50 "$TOOLS/write_first" "$port" 52428800 2>"$dir/client.err" ||
    fail "the client did not get everything back"
after=$(high_water "$pid")
echo "server memory: $before kB before, $after kB at most"
bounded $((after - before)) 4096 "the server's memory grew"
stop
