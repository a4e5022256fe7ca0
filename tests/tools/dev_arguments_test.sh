#!/usr/bin/env bash
# Whatever is wrong with the arguments of ./dev is said in one line that names it, at once: nothing is
# built or run before.
#
#   dev_arguments_test.sh DEV
set -euo pipefail

dev=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0

# Whoever builds is noticed, and gets no further.
printf '#!/bin/sh\necho something is built >&2\nexit 1\n' >"$dir/meson"
chmod +x "$dir/meson"
chmod 755 "$dir"
cp "$dir/meson" "$dir/ninja"

# refuses TEXT WORD...: this line has the text in it.
refuses() {
    local status=0 said text=$1
    shift
    said=$(PATH=$dir:$PATH TORC_NO_SETUP=1 timeout 20 "$dev" "$@" 2>&1 >/dev/null </dev/null) || status=$?
    if [[ $status -eq 2 && $said == *"$text"* && $said != *$'\n'* ]]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf './dev %s: wanted status 2 and one line with "%s"; got status %d and:\n%s\n' "$*" "$text" "$status" "$said"
    fi
}

# Root may write everywhere, and its system call for "may I" says so.
nobody=()
((EUID != 0)) || ! setpriv --reuid=65534 --regid=65534 --clear-groups test -r "$dev" 2>/dev/null ||
    nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)

# goes_on WORD...: nothing is wrong with this line.
goes_on() {
    local status=0 said
    said=$(PATH=$dir:$PATH TORC_NO_SETUP=1 timeout 20 "${nobody[@]}" "$dev" "$@" 2>&1 >/dev/null </dev/null) || status=$?
    if [[ $status -eq 1 && $said == *'something is built'* ]]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf './dev %s: wanted it to build; got status %d and:\n%s\n' "$*" "$status" "$said"
    fi
}

for command in bench calls contract coverage fuzz hostile install scorecard swarm test torture; do
    refuses "--frobnicate" "$command" --frobnicate
done

refuses 'no option --=5' swarm --=5 10
refuses "swarm: SECONDS is a number from 1, not 'ten'; ./dev swarm --help" swarm ten
refuses "SECONDS is one number, not '1 2'" swarm 1 2
refuses 'SECONDS and --seeds do not go together' swarm --seeds 5 10
refuses '--seeds takes a value' swarm --seeds
refuses "--seeds is a number from 1, not '0'" calls --seeds=0
refuses "--first is a number, not '-1'" calls --first -1
refuses "--jobs is a number from 1 to 64, not '65'" calls --jobs 65
refuses 'no option --trace=5' calls --trace=5
TORC_SIM_SEED=abc refuses "TORC_SIM_SEED is a number, not 'abc'" swarm
TORC_SIM_SEED=5 refuses 'TORC_SIM_SEED is one run' swarm 10
refuses '--sanitize takes address,undefined or' calls --sanitize memory

refuses "--sample is a number from 1 to 100, not '101'" torture --sample 101
refuses "no case 'ecco'" torture echo ecco
refuses 'echo:17 is not CASE' torture echo:17
refuses '--points is for --test; without it, --sample' torture --points 3
refuses '--test takes the name' torture --test --points 3
refuses '--sample is for runs without --test; with it, --points' torture --sample 3 --test test_class
refuses 'all is every program' torture --test all test_class
refuses "--list takes no names, such as 'echo'" torture --list echo

refuses "no row 'echo/dea'" hostile echo/deaf echo/dea
refuses "--p99 is a number above 0, not '0.0'" hostile --p99 0.0
refuses "no target 'nope'; there are: address" fuzz nope
refuses "SECONDS is a number from 1, not '0'" fuzz log 0
refuses 'SECONDS and --runs do not go together' fuzz --runs 10 log 5
refuses "--list takes no names, such as 'log'" fuzz --list log
refuses "--keep is for one target, and takes no '60'" fuzz --keep log 60
refuses "no suite 'examples'; there are: budget" test --suite unit --suite examples
refuses 'do not go together' test --valgrind --sanitize thread
refuses "no file of the library with 'nope.c'" coverage nope.c
refuses 'nothing to do with' scorecard 5
refuses '/no/such/folder/x cannot be written' scorecard --output /no/such/folder/x --run
refuses 'there is no NOPE, and the groups are' contract NOPE

refuses '--json: /no/such/folder/x cannot be written' bench --json /no/such/folder/x sim
goes_on bench --json /dev/stdout --svg /dev/null echo
refuses "no peer ''; there are: epoll" bench --peers torc, echo
refuses "no benchmark 'ecco'" bench ecco
refuses '--rounds takes a number from 1' bench --rounds 0

printf '%d passed, %d failed\n' "$passed" "$failed"
[[ $failed -eq 0 ]]
