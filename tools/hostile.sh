#!/usr/bin/env bash
# Sets hostile peers on the release build's torc serve (tests/integration/hostile_test.sh), in a
# network of its own where the system allows it; build-hostile/ledger gets a line for each row.
#
#   tools/hostile.sh [OPTION...] [ROW...]        ./dev hostile --help says which
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# What it does not take, or has no row for, it says now.
listed=$(TORC=none tests/integration/hostile_test.sh --list "$@")
if [[ " $* " == *' --list '* ]]; then
    printf '%s\n' "$listed"
    exit
fi

export TORC=$root/build/torc TOOLS=$root/build/tests/integration EXAMPLES=$root/build/examples
tools/release.sh torc examples/echo tests/integration/{hostile,private_network} >&2
mkdir -p build-hostile
runner=()
! "$TOOLS/private_network" true 2>/dev/null || runner=("$TOOLS/private_network")
exec "${runner[@]}" tests/integration/hostile_test.sh --ledger "$root/build-hostile/ledger" "$@"
