#!/usr/bin/env bash
# Lines in bulk: a file of 100,000 byte for byte, 10,000 in one packet, many clients at once, and
# one line without an end.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need nc

# Lengths from 0 on, LF and CR LF, and bytes beyond ASCII.
awk 'BEGIN {
    text = "The quick brown fox jumps over the lazy dog \303\244 \377 "
    for (i = 0; i < 100000; i++)
        printf "%s%s%s\n", i % 7 ? i : "", substr(text, 1, i % 50), i % 3 ? "" : "\r"
}' >"$dir/lines"

serve line
timeout 30 nc -N 127.0.0.1 "$port" <"$dir/lines" >"$dir/back" || fail "nc: status $?"
same "$dir/lines" "$dir/back"

# As much as a packet of the loopback interface holds, in one write.
awk 'BEGIN { for (i = 0; i < 10000; i++) print "a" }' >"$dir/short"
timeout 10 nc -N 127.0.0.1 "$port" <"$dir/short" >"$dir/back" || fail "nc: status $?"
same "$dir/short" "$dir/back"

# Two hundred at once: none sends before all are connected.
clients=()
for ((i = 0; i < 200; i++)); do
    { until [[ -e $dir/go ]]; do sleep 0.2; done; echo "line of client $i"; } |
        timeout 60 nc -N 127.0.0.1 "$port" >"$dir/client$i" &
    clients+=("$!")
    pids+=("$!")
done
descriptors() { find "/proc/$pid/fd" -mindepth 1 | wc -l; }
all_connected() { (($(descriptors) >= 200)); }
eventually all_connected || fail "$(descriptors) descriptors instead of 200 connections"
touch "$dir/go"
for client in "${clients[@]}"; do
    wait "$client" || fail "a client ended with status $?"
done
for ((i = 0; i < 200; i++)); do
    [[ $(<"$dir/client$i") == "line of client $i" ]] || fail "client $i: $(<"$dir/client$i")"
done

# 100 MB without a line end: the connection is ended, the server is not, and holds none of it.
before=$(high_water "$pid")
head -c 100000000 /dev/zero | timeout 20 nc -N 127.0.0.1 "$port" >"$dir/back" 2>/dev/null || :
[[ ! -s $dir/back ]] || fail "an endless line was answered"
after=$(high_water "$pid")
bounded $((after - before)) 4096 "the server's memory grew"
echo still here | timeout 10 nc -N 127.0.0.1 "$port" >"$dir/back" || fail "the server is gone"
[[ $(<"$dir/back") == "still here" ]] || fail "the server answers no more"
stop
