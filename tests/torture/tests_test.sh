#!/usr/bin/env bash
# Does the torture of tests find mistakes, and accept what is none? And a sample of the tests there are.
#
#   tests_test.sh BUILD TORTURE_TESTS_PY PROGRAM...
set -euo pipefail

build=$1
tool=$2
shift 2
said=$(mktemp)
trap 'rm -f "$said"' EXIT

fail() {
    printf 'tests_test: %s\n' "$*" >&2
    cat "$said" >&2
    exit 1
}

# expect STATUS WORD...
expect() {
    local status=0 expected=$1
    shift
    "$tool" "$build" "$@" >"$said" 2>&1 || status=$?
    [[ $status -eq $expected ]] || fail "$*: status $status, not $expected"
}

# The mistakes that are planted, and no others: the other tests fail, crash and wait by themselves.
TORC_TORTURE_LIMIT=1 expect 1 test_planted
found=$(sed -n 's|^torture: FAILED test_planted/||p' "$said" | LC_ALL=C sort)
[[ $found == 'leaks:memory:2:ever: passes, and leaves memory
leaks:memory:2:once: passes, and leaves memory
spins:memory:1:ever: does not end
unchecked:memory:1:ever: a pointer is NULL
unchecked:memory:1:once: a pointer is NULL' ]] || fail "found: $found"

# Found again by the line that is to repeat it.
again=$(sed -n 's/.*to repeat it: \.\/dev torture --test \(.*leaks.*once\)/\1/p' "$said")
expect 1 "$again"
grep -qF "FAILED $again: passes, and leaves memory" "$said" || fail "$again: not found again"

# What did not strike was not survived.
expect 77 test_planted/leaks:memory:99:once
grep -q 'the fault did not strike' "$said" || fail 'a call that does not come'

expect 2 no_such_program
expect 2 test_planted/no_such_test

# A part of the programs is no figure, and mistakes that are planted are no finds.
ledger=$(mktemp)
trap 'rm -f "$said" "$ledger"' EXIT
expect 1 --ledger "$ledger" "$again"
expect 0 --ledger "$ledger" --points 40 "$@"
cat "$said"
[[ ! -s $ledger ]] || fail "the ledger: $(<"$ledger")"
