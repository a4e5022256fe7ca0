#!/usr/bin/env bash
# Which lines and branches of the library the tests reach.
#
#   tools/coverage.sh [--no-run] [FILE...]
#
# Builds with coverage in build-coverage/, runs the tests, and prints a table of the folders; with
# FILEs, what of them is not reached. --no-run counts what earlier runs have left.
#
# Status 0 when each folder has what tools/coverage_summary.py wants of it and every test passed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

dir=build-coverage
folders='(reactor|transports|protocols|factories|endpoints)'
# Tests that build something of their own or measure, and those that run programs as another user, who
# may not write down here what they reach.
left_out='^(install|determinism|fuzz smoke|bench|budget-.*|hardening|hostile .*|usage)$'
# A branch that only a broken promise inside the library could take is not one to reach.
asserts='^\s*(assert|static_assert)\(.*'

# shellcheck source=tools/arguments.sh
source tools/arguments.sh
takes=([--no-run]=flag)
read_arguments "$@"
for file in "${words[@]}"; do
    [[ $(tools/sources.sh library) == *"$file"* ]] || die "there is no file of the library with '$file' in its name"
done
[[ -z ${given[--no-run]-} || -f $dir/build.ninja ]] || die '--no-run counts what a run has left, and there was none'

say() { printf 'coverage: %s\n' "$*"; }

names() {
    meson test -C "$dir" --no-rebuild --list 2>/dev/null | sed 's|.* / ||' | grep -vE "$left_out"
}

status=0
if [[ -z ${given[--no-run]-} ]]; then
    tools/configure.sh "$dir" buildtype=debug b_ndebug=false b_coverage=true
    meson compile -C "$dir"
    find "$dir" -name '*.gcda' -delete
    mapfile -t tests < <(names)
    meson test -C "$dir" --no-rebuild --quiet --timeout-multiplier 4 "${tests[@]}" || status=1
fi

# Counts of a file whose child was ended while it wrote them may be off; gcov says so, and gcovr
# goes on.
gcovr --root . --filter "$folders/" --exclude-branches-by-pattern "$asserts" \
    --exclude-unreachable-branches --gcov-ignore-parse-errors \
    -j "$(nproc)" --json "$dir/coverage.json" --html-details "$dir/index.html" "$dir"/libtorc.*.p 2>"$dir/gcovr.log" || {
    cat "$dir/gcovr.log" >&2
    exit 2
}
tools/coverage_summary.py "$dir/coverage.json" "${words[@]}" || status=1
say "line by line: $dir/index.html"
[[ $status -eq 0 ]] || say 'a test failed, or too little is reached'
exit "$status"
