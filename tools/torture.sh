#!/usr/bin/env bash
# Builds the torture (tests/torture/run.c) and runs it; build-torture/ledger gets a line for each
# kind.
#
#   tools/torture.sh [--sanitize WHICH] [ARGUMENT...]         the arguments of the torture itself
#   tools/torture.sh --list                                   its cases
#   tools/torture.sh [--sanitize WHICH] --test ARGUMENT...    those of tools/torture_tests.py, without
#                                                             the build directory
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

die() {
    printf 'torture: %s\n' "$*" >&2
    exit 2
}

# shellcheck source=tools/sanitizer.sh
source tools/sanitizer.sh

dir=build-torture
options=(buildtype=debugoptimized b_ndebug=false)
runner=()
take_sanitizer "$@"

tools/configure.sh "$dir" "${options[@]}" >&2
if [[ ${arguments[0]-} == --test ]]; then
    [[ ${#arguments[@]} -gt 1 ]] || die '--test takes the name of a test program, or all'
    meson compile -C "$dir" --ninja-args=tortured >&2
    mkdir -p build-torture
    exec "${runner[@]}" tools/torture_tests.py --ledger build-torture/ledger "$dir" "${arguments[@]:1}"
fi
meson compile -C "$dir" --ninja-args=tests/torture/torture >&2
if [[ " ${arguments[*]} " == *' --list '* ]]; then
    arguments=(--list)
else
    mkdir -p build-torture
    arguments=(--ledger build-torture/ledger "${arguments[@]}")
fi
exec "${runner[@]}" "$dir/tests/torture/torture" "${arguments[@]}"
