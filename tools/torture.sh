#!/usr/bin/env bash
# Builds the torture (tests/torture/run.c) and runs it; build-torture/ledger gets a line for each
# kind.
#
#   tools/torture.sh [--sanitize WHICH] [ARGUMENT...]      the arguments of the torture itself
#   tools/torture.sh --list                                its cases
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
meson compile -C "$dir" --ninja-args=tests/torture/torture >&2
if [[ " ${arguments[*]} " == *' --list '* ]]; then
    arguments=(--list)
else
    mkdir -p build-torture
    arguments=(--ledger build-torture/ledger "${arguments[@]}")
fi
exec "${runner[@]}" "$dir/tests/torture/torture" "${arguments[@]}"
