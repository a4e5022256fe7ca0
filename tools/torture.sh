#!/usr/bin/env bash
# Builds the torture (tests/torture/torture.c), or tests that can be tortured (tests/torture/any_test.c),
# and runs it; build-torture/ledger gets a line for each kind.
#
#   tools/torture.sh [OPTION...] [WHAT...]        ./dev torture --help says which
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# shellcheck source=tools/arguments.sh
source tools/arguments.sh
# shellcheck source=tools/sanitizer.sh
source tools/sanitizer.sh

# The names of the cases, for --list would need the program.
cases() { sed -n 's/^ *{"\([a-z0-9-]*\)", .*/\1/p' tests/torture/cases_*.c; }

# The form is that of torture.c (read_fault); only the program knows which worlds there are, and which
# calls and errors.
check_case() {
    [[ $1 =~ ^([^/:]+)(/[a-z-]+)?(:[^:]+:[1-9][0-9]*:[a-z]+)?$ ]] ||
        die "$1 is not CASE, CASE/BACKEND or CASE/BACKEND:CALL:NUMBER:MODE"
    [[ $1 == @(resources|calls) ]] || cases | grep -qxF -- "${BASH_REMATCH[1]}" ||
        die "there is no case '${BASH_REMATCH[1]}', and --list shows those there are"
}

build() {
    tools/configure.sh "$dir" "${options[@]}" >&2
    meson compile -C "$dir" --ninja-args="$1" >&2
    mkdir -p build-torture
}

torture() {
    local word
    for word in "${words[@]}"; do
        check_case "$word"
    done
    build tests/torture/torture
    [[ -z ${given[--list]-} ]] || exec "${runner[@]}" "$dir/tests/torture/torture" --list
    exec "${runner[@]}" "$dir/tests/torture/torture" --ledger build-torture/ledger "${arguments[@]}" "${words[@]}"
}

# Only the programs that are meant are built.
torture_tests() {
    local program=(tools/torture_tests.py "${arguments[@]}" "$dir" "${words[@]}") targets
    [[ " ${words[*]} " != *' all '* ]] || ((${#words[@]} == 1)) || die 'all is every program, and stands alone'
    ((${#words[@]} > 0)) || [[ -n ${given[--list]-} ]] || die '--test takes the name of a test program, or all'
    tools/configure.sh "$dir" "${options[@]}" >&2
    [[ -z ${given[--list]-} ]] || exec "${program[@]}" --list
    targets=$("${program[@]}" --targets)
    build "$targets"
    exec "${runner[@]}" "${program[@]}" --ledger build-torture/ledger
}

# The ranges are those of torture.c and jobs.h (JOBS_MOST).
takes=([--sample]=1-100 [--points]=1- [--seed]=0- [--jobs]=1-64 [--list]=flag [--test]=flag [--sanitize]=text)
read_arguments "$@"
pass_on --sample --points --seed --jobs

dir=build-torture
options=(buildtype=debugoptimized b_ndebug=false)
runner=()
use_sanitizer "${given[--sanitize]-}"

[[ -z ${given[--list]-} ]] || ((${#words[@]} == 0)) || die "--list takes no names, such as '${words[*]}'"
if [[ -n ${given[--test]-} ]]; then
    [[ -z ${given[--sample]-} ]] || die '--sample is for runs without --test; with it, --points says how many'
    torture_tests
else
    [[ -z ${given[--points]-} ]] || die '--points is for --test; without it, --sample says how many'
    torture
fi
