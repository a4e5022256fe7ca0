#!/usr/bin/env bash
# Does the torture find mistakes? One of each kind is planted, and must be found, and found again by
# the line that is to repeat it.
#
#   planted_test.sh TORTURE
set -euo pipefail

torture=$1
said=$(mktemp)
trap 'rm -f "$said"' EXIT

fail() {
    printf 'planted_test: %s\n' "$*" >&2
    cat "$said" >&2
    exit 1
}

# expect STATUS WORD...
expect() {
    local status=0 expected=$1
    shift
    "$torture" "$@" >"$said" 2>&1 || status=$?
    [[ $status -eq $expected ]] || fail "$*: status $status, not $expected"
}

# found CASE TEXT: the case fails, its report has the text in it, and so does that of the repetition.
found() {
    expect 1 "$1"
    grep -qE -- "$2" "$said" || fail "$1: not reported: $2"
    local again
    again=$(sed -n 's/.*to repeat it: \.\/dev torture //p' "$said" | head -n 1)
    [[ $again == "$1"/*:* ]] || fail "$1: nothing to repeat"
    expect 1 "$again"
    grep -qE -- "$2" "$said" || fail "$again: not reported again: $2"
}

found planted-leak 'blocks of memory are left|leak'
found planted-unchecked 'Segmentation fault|ended with status'
found planted-descriptor 'descriptors are left'
found planted-silence 'nobody was told'
TORC_TORTURE_LIMIT=1 found planted-hang 'not over after 1 s'

# Nobody looks for them in the figures.
ledger=$(mktemp)
trap 'rm -f "$said" "$ledger"' EXIT
expect 1 --ledger "$ledger" planted-leak
[[ ! -s $ledger ]] || fail "the ledger: $(<"$ledger")"

# And a sound one is survived; what does not exist is refused.
expect 0 echo/sim:memory:5:once
grep -q '^torture: survived' "$said" || fail "a sound case"
expect 0 echo/sim:recv=ECONNRESET:1:once

# Nor is one survived that did not strike.
expect 77 echo/sim:memory:999999:once
grep -q 'the fault did not strike' "$said" || fail "a call that does not come"
expect 1 echo/sim:memory:999999:once planted-leak

# refused TEXT WORD...: before anything is run.
refused() {
    local text=$1
    shift
    expect 2 "$@"
    [[ $(<"$said") == *"$text"* && $(wc -l <"$said") -eq 1 ]] || fail "$*: not refused with: $text"
}
refused 'no such case' no-such-case
refused 'no such case' echo/sim:memory:5:once echo/nowhere:memory:5:once
refused ':CALL:NUMBER:MODE' echo/sim:memory:0:once
refused 'CALL is memory, descriptor' echo/sim:whatever:1:once
refused 'CALL is memory, descriptor' echo/sim:recv=EWHATEVER:1:once
refused 'CALL is memory, descriptor' echo/sim:memory=ENOMEM:1:once
refused 'MODE is once' echo/sim:memory:1:twice
