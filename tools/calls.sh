#!/usr/bin/env bash
# Builds the sequences of calls (tests/fuzz/calls.h) and plays them from seeds; build-calls/ledger gets
# a line, and build-calls/crashers the bytes of a sequence that failed.
#
#   tools/calls.sh [OPTION...] [SECONDS]        ./dev calls --help says which
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# shellcheck source=tools/arguments.sh
source tools/arguments.sh
# shellcheck source=tools/sanitizer.sh
source tools/sanitizer.sh

# So many jobs as CALLS_MOST_JOBS of tests/fuzz/calls_seeds.h.
takes=([--seeds]=1- [--first]=seed [--jobs]=1-64 [--trace]=flag [--sanitize]=text)
read_arguments "$@"
read_seconds --seeds
pass_on --seeds --first --jobs --trace

dir=build-calls
options=(buildtype=debugoptimized b_ndebug=false)
runner=()
# As tools/fuzz.sh has it: a sequence leaves no more freed memory than that.
export ASAN_OPTIONS=${ASAN_OPTIONS-detect_leaks=1:quarantine_size_mb=4:malloc_context_size=6}
use_sanitizer "${given[--sanitize]-}"
# Optimised: a build of its own beside that of the tests.
if [[ $dir != build-calls ]]; then
    dir=build-calls-${dir#build-}
    options+=(optimization=2)
fi

tools/configure.sh "$dir" "${options[@]}"
meson compile -C "$dir" --ninja-args=tests/fuzz/calls
mkdir -p build-calls/crashers
exec "${runner[@]}" "$dir/tests/fuzz/calls" --ledger build-calls/ledger --save build-calls/crashers \
    "${arguments[@]}" "${words[@]}"
