#!/usr/bin/env bash
# Builds the swarm (tests/testing/swarm_main.c) and runs it; build-swarm/ledger gets a line.
#
#   tools/swarm.sh [OPTION...] [SECONDS]        ./dev swarm --help says which
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# shellcheck source=tools/arguments.sh
source tools/arguments.sh
# shellcheck source=tools/sanitizer.sh
source tools/sanitizer.sh

takes=([--seeds]=1- [--first]=seed [--sanitize]=text)
read_arguments "$@"
read_seconds --seeds
pass_on --seeds --first
if [[ -n ${TORC_SIM_SEED-} ]]; then
    check_value TORC_SIM_SEED "${TORC_SIM_SEED/#0X/0x}" seed
    ((${#arguments[@]} + ${#words[@]} == 0)) || die 'TORC_SIM_SEED is one run, and does not go together with others'
fi

dir=build
options=(buildtype=release)
runner=()
use_sanitizer "${given[--sanitize]-}"

tools/configure.sh "$dir" "${options[@]}"
meson compile -C "$dir" --ninja-args=tests/testing/swarm
mkdir -p build-swarm
exec "${runner[@]}" "$dir/tests/testing/swarm" --ledger build-swarm/ledger "${arguments[@]}" "${words[@]}"
