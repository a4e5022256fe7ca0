#!/usr/bin/env bash
# Brings the release build in build/ up to date.
#
#   tools/release.sh [TARGET...]        everything unless some are named
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

targets=$(
    IFS=,
    printf '%s' "$*"
)
tools/configure.sh build buildtype=release
meson compile -C build ${targets:+--ninja-args="$targets"}
