#!/usr/bin/env bash
# Brings the release build in build/ up to date.
#
#   tools/release.sh [TARGET...]        everything but the tests, unless some are named
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[[ $# -gt 0 ]] || set -- shipped
tools/configure.sh build buildtype=release
meson compile -C build --ninja-args="$(
    IFS=,
    printf '%s' "$*"
)"
