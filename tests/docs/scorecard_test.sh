#!/usr/bin/env bash
# The page of figures says what ledgers say, and nothing that no command has counted.
#
#   scorecard_test.sh SCORECARD.PY
set -euo pipefail

scorecard=$1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{docs,tests/loop,build-fuzz,build-torture,build-swarm,build-hostile}
passed=0
failed=0

count() { if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)) && printf 'FAILED: %s\n' "$*"; fi; }
write_page() { said=$("$scorecard" --root "$root" --output "$root/page.md"); }
on_page() { grep -qF "$1" "$root/page.md"; }
not_on_page() { ! on_page "$1"; }
missing() { [[ $said == *"missing: $1"* ]]; }

# fuzz_run TARGET EXECUTIONS CRASHES WHEN
fuzz_run() {
    printf '{"tool":"fuzz","target":"%s","executions":%d,"crashes":%d,"when":%d,"features":500}\n' "$@" \
        >>"$root/build-fuzz/ledger"
}

# torture_run TOOL SURVIVED FAILED WHEN
torture_run() {
    printf '{"tool":"%s","survived":%d,"failed":%d,"when":%d,"seconds":1.5,"seed":7}\n' "$@" >>"$root/build-torture/ledger"
}

printf '%s\n' '- **BUG-1** It spins. Here not.' '- **BUG-2** It leaks. *Not in Torc*: nothing does.' \
    '- **BUG-3** It hangs. Here not.' >"$root/docs/classic-bugs.md"
printf '%s\n' '#include <check.h>' 'START_TEST(it_sleeps) /* BUG-1 */' 'END_TEST' >"$root/tests/loop/test_loop.c"

write_page
count on_page '| BUG-1 | It spins | 1 test |'
count on_page '| BUG-2 | It leaks | does not apply |'
count on_page '| BUG-3 | It hangs | open |'
for what in tests 'tests on poll' 'tests under thread on select' coverage costs fuzzing 'simulated swarms' 'hostile peers'; do
    count missing "$what"
done
count not_on_page '## Fuzzing'

# What was run before a find was other code.
fuzz_run log 1000 0 1000000
fuzz_run log 3000 1 2000000
fuzz_run log 5000 0 3000000
fuzz_run log 6000 0 4000000
fuzz_run dns 9000 1 1000000
write_page
count on_page '| log | 11,000 |'
count not_on_page '| dns |'
count missing 'fuzzing dns'

# Sequences from seeds have rows of their own, by sanitizer; what one kind has found was in all of them.
# calls_run SANITIZER EXECUTIONS CRASHES WHEN
calls_run() {
    printf '{"tool":"fuzz","target":"calls","from":"seeds","sanitizer":"%s","executions":%d,"crashes":%d,"when":%d,"features":0,"seed":9}\n' \
        "$@" >>"$root/build-fuzz/ledger"
}
fuzz_run calls 70 0 1000000
calls_run '' 400 1 2000000
calls_run '' 500 0 3000000
calls_run '' 600 0 4000000
calls_run address 30 0 4000000
fuzz_run calls 20 0 5000000
write_page
count on_page '| calls | 20 | 1,000,000 | 500 |'
count on_page '| calls, from seeds, without sanitizers | 600 | 1,000,000 |  |'
count on_page '/dev calls --seeds 600 --first 9`'
count on_page '| calls, from seeds, under address | 30 | 1,000,000 |  |'
count on_page '/dev calls --seeds 30 --first 9 --sanitize address`'

# The same faults twice are not more faults.
torture_run resources 700 0 1000000
torture_run resources 500 0 2000000
torture_run calls 900 1 2000000
torture_run tests 300 0 2000000
write_page
count on_page 'missing | 700 | 50,000 |'
count on_page 'may fail then | 300 | as above |'
count not_on_page 'errno table |'
count missing 'system calls that failed'

# The same seeds twice are not more runs.
# swarm_run SEED RUNS
swarm_run() {
    printf '{"tool":"swarm","seed":%d,"runs":%d,"failed":0,"seconds":2,"when":1}\n' "$@" >>"$root/build-swarm/ledger"
}
swarm_run 5 30
swarm_run 7 1
swarm_run 30 12
swarm_run 5 2
swarm_run 100 5
write_page
count on_page '| 42 |'

# What a sum of fuzzing is of.
sed -i 's/}$/,"length":128}/' "$root/build-fuzz/ledger"
fuzz_run log 1000 0 6000000
write_page
count on_page '| log | 12,000 |'
count on_page '4 runs in all'
count on_page '91 % of the executions'

# hostile_run ATTACK P99 FAILED UNJUDGED WHEN
hostile_run() {
    printf '{"tool":"hostile","server":"echo","attack":"%s","peers":4000,"control_p99_ms":2,"p99_ms":%d,"memory_most_kb":10,"failed":%d,"unjudged":%d,"when":%d,"sanitizer":""}\n' \
        "$@" >>"$root/build-hostile/ledger"
}

# The latest run of a row is what counts, be it good or not; older ledgers do not say which were judged.
hostile_run deaf 7 0 0 1000000
hostile_run drip 5 0 0 1000000
hostile_run drip 500 1 1 2000000
sed -i 's/"unjudged":[01],//' "$root/build-hostile/ledger"
write_page
count on_page '| echo/deaf | 4,000 | 2.0 ms | 7.0 ms | 7.0 ms of 1 | 10 kB |'
count on_page '| echo/drip | 4,000 | 2.0 ms | 500.0 ms (failed) | 500.0 ms of 2 | 10 kB |'
count on_page 'More than 100 ms'
count not_on_page 'ot judged'
hostile_run deaf 300 0 1 3000000
hostile_run drip 600 1 1 3000000
write_page
count on_page '| echo/deaf | 4,000 | 2.0 ms | 300.0 ms (not judged) | 7.0 ms of 1 | 10 kB |'
count on_page '| echo/drip | 4,000 | 2.0 ms | 600.0 ms (failed) | 500.0 ms of 2 | 10 kB |'
count on_page 'Not judged: the machine was so busy'

# Each row there is is on the page, or named as missing. Under a limit it may have no figures.
mkdir -p "$root/tests/integration"
printf '#!/bin/sh\necho echo/deaf echo/drip limits/descriptors limits/threads limits/streams limits/rounds\n' >"$root/tests/integration/hostile_test.sh"
chmod +x "$root/tests/integration/hostile_test.sh"
printf '{"tool":"hostile","server":"limits","attack":"%s","failed":%d,"when":1,"sanitizer":""}\n' threads 0 streams 1 >>"$root/build-hostile/ledger"
hostile_run descriptors 7 0 0 1000000
write_page
count on_page '| limits/descriptors | 4,000 | 2.0 ms | 7.0 ms | 7.0 ms of 1 | 10 kB |'
count on_page '| limits/threads | | | passed | | |'
count on_page '| limits/streams | | | (failed) | | |'
count missing 'hostile peers, 1 of 6 rows: ./dev hostile limits/rounds'

# Tests that were skipped are named, with the reason that they gave.
mkdir -p "$root"/build-test/meson-{logs,info}
printf '[{"suite":["torc:unit"]},{"suite":["torc:unit"]}]' >"$root/build-test/meson-info/intro-tests.json"
printf '{"name":"torc:unit / %s","result":"%s","stdout":"","stderr":"%s","starttime":1}\n' \
    good OK '' trim SKIP 'skipped: no such allocator\n' >"$root/build-test/meson-logs/testlog.json"
write_page
count on_page '| 1 | 0 | 1 | 2 |'
count on_page "Skipped by \`./dev test\`: \`trim\` (no such allocator)."

# A page that has little on it says how little.
count [ "$(grep -c missing: <<<"$said")" -eq "$(sed -n 's/.*page.md; \([0-9]*\) things are not measured.*/\1/p' <<<"$said")" ]

# The state of the code is told, and the page itself is no change of it.
git -C "$root" init -q
touch "$root/docs/reliability.md" "$root/code.c"
git -C "$root" add docs code.c
git -C "$root" -c user.name=t -c user.email=t@t commit -qm all
state() { write_page && sed -n "s/^The page was written at \`\(.*\)\`.*/\1/p" "$root/page.md"; }
clean=$(git -C "$root" describe --always)
count [ "$(state)" = "$clean" ]
echo more >"$root/docs/reliability.md"
count [ "$(state)" = "$clean" ]
echo more >"$root/code.c"
count [ "$(state)" = "$clean-dirty" ]

printf '%d passed, %d failed\n' "$passed" "$failed"
[[ $failed -eq 0 ]]
