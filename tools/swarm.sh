#!/usr/bin/env bash
# Builds the swarm (tests/testing/swarm_main.c) and runs it; build-swarm/ledger gets a line.
#
#   tools/swarm.sh [--sanitize WHICH] [ARGUMENT...]        the arguments of the swarm itself
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

die() {
    printf 'swarm: %s\n' "$*" >&2
    exit 2
}

# shellcheck source=tools/sanitizer.sh
source tools/sanitizer.sh

dir=build
options=(buildtype=release)
runner=()
take_sanitizer "$@"

tools/configure.sh "$dir" "${options[@]}"
meson compile -C "$dir" --ninja-args=tests/testing/swarm
mkdir -p build-swarm
exec "${runner[@]}" "$dir/tests/testing/swarm" --ledger build-swarm/ledger "${arguments[@]}"
