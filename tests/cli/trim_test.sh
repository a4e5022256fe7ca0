#!/usr/bin/env bash
# torc serve gives the memory that its clients needed back to the system, some seconds after the last
# one has gone, and not while somebody is connected.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../integration/lib.sh"

need strace
[[ -z ${TORC_SANITIZER-} ]] || skip 'the sanitizer has an allocator of its own'
[[ $(getconf GNU_LIBC_VERSION 2>/dev/null) == glibc* ]] || skip 'another C library'

printf '#!/bin/sh\nexec strace -D -e trace=brk,madvise -o %s %s "$@"\n' "$dir/calls" "$TORC" >"$dir/torc"
chmod 755 "$dir/torc"
strace -D -o "$dir/tried" true 2>/dev/null || skip 'strace may not trace here'
TORC=$dir/torc

# gives_back COUNT: more calls than so many were made.
gives_back() { (($(wc -l <"$dir/calls") > $1)); }

connect() {
    local line=
    exec {client}<>"/dev/tcp/127.0.0.1/$port"
    echo hello >&"$client"
    IFS= read -r -t 10 -u "$client" line || :
    [[ $line == hello ]] || fail 'no echo'
}

serve echo
connect
exec {client}>&-
connect
before=$(wc -l <"$dir/calls")
sleep 3.5
! gives_back "$before" || fail 'it gave memory back while a client was connected'
exec {client}>&-
eventually gives_back "$before" || fail 'it keeps the memory'
stop
