#!/usr/bin/env bash
# Every promise on docs/contract.md is held by a test, and the tool that says so notices when not.
#
#   contract_test.sh CONTRACT.PY
set -euo pipefail

contract=$1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/docs" "$root/tests/loop"
passed=0
failed=0

# The page and the one test of the made-up project.
page() { printf '%s\n' "$@" >"$root/docs/contract.md"; }
source_of_test() { printf '%s\n' "$@" >"$root/tests/loop/test_loop.c"; }

# expect STATUS TEXT [WORD...]: what the tool answers to the words, and what is somewhere in it.
expect() {
    local status=0 said
    said=$("$contract" --root "$root" "${@:3}" 2>&1) || status=$?
    if [[ $status -eq $1 && $said == *"$2"* ]]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'wanted status %d and "%s"; got status %d and:\n%s\n' "$1" "$2" "$status" "$said"
    fi
}

source_of_test '/* TURN-1 to TURN-2. */' '#include <check.h>' '' '/* TURN-2 */' \
    'START_TEST(it_turns) /* TURN-1 */' '{' '    stop(); /* TURN-3 */' '}' 'END_TEST'
page '- **TURN-1** It turns,' '  and on.' '- **TURN-2** It waits.' '- **TURN-3** It stops.'
expect 0 'TURN-1    It turns, and on.
            loop/test_loop.c:it_turns'
expect 0 '3 statements, 3 of them held by tests'

expect 0 '1 statements, 1 of them held by tests' turn-2
expect 2 'contract: there is no TURN-9 or WRITE, and the groups are TURN' TURN-1 WRITE TURN-9

page '- **TURN-1** It turns.' '- **TURN-2** It waits.'
expect 1 'loop/test_loop.c:7: TURN-3 is not on the page'

page '- **TURN-1** a' '- **TURN-2** b' '- **TURN-3** c' '- **TURN-4** d'
expect 1 'TURN-4 is held by no test'

page '- **TURN-1** a' '- **TURN-2** b' '- **TURN-3** c' '- **TURN-4** d *Unlike Twisted*, e.'
expect 1 'TURN-4 is held by no test'

page '- **TURN-1** a' '- **TURN-2** b' '- **TURN-3** c' '- **TURN-4** d' '  *Not in C*: e.'
expect 0 '4 statements, 3 of them held by tests'

page '- **TURN-1** a' '- **TURN-2** b' '- **TURN-3** c *Later*.'
expect 1 "TURN-3 is marked 'Later', but loop/test_loop.c:it_turns holds it"

page '- **TURN-1** a' '- **TURN-2** b' '- **TURN-3** c' '- **TURN-1** again'
expect 1 'TURN-1 is on the page twice'

# What a file says about itself holds nothing, nor does what no test follows.
page '- **TURN-1** a'
source_of_test '/* TURN-1 */' '#include <check.h>'
expect 1 'TURN-1 is held by no test'
source_of_test '#include <check.h>' '/* TURN-1 */'
expect 1 'loop/test_loop.c:2: no test follows TURN-1'

printf 'made-up projects: %d right, %d wrong\n\n' "$passed" "$failed"
if "$contract"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
printf '%d passed, %d failed\n' "$passed" "$failed"
[[ $failed -eq 0 ]]
