#!/usr/bin/env bash
# Makes a build directory, or brings one into the configuration wanted.
#
#   tools/configure.sh DIR NAME=VALUE...
#
# Does nothing when the directory has these options already. Meson cannot change the compiler of a
# build directory, so one that was made with another CC is started anew.
set -euo pipefail

dir=$1
shift

has_options() {
    local option
    for option; do
        awk -v RS='{' -v name="\"name\": \"${option%%=*}\"" -v value="\"value\": \"?${option#*=}\"?," \
            'index($0, name) && $0 ~ value { found = 1 } END { exit !found }' \
            "$dir/meson-info/intro-buildoptions.json" || return 1
    done
}

# Interrupted the first time, it has left what nothing can be done with.
[[ -f $dir/meson-private/build.dat ]] || rm -rf "$dir/meson-private" "$dir/build.ninja"

how=()
if [[ -f $dir/build.ninja ]]; then
    if [[ -n ${CC-} && $CC != "$(cat "$dir/compiler" 2>/dev/null)" ]]; then
        how=(--wipe)
    elif has_options "$@"; then
        exit 0
    else
        how=(--reconfigure)
    fi
fi
meson setup "${how[@]}" "$dir" "${@/#/-D}"
# What --wipe and --reconfigure leave of an older CC is the compiler in use.
[[ -z ${CC-} && -e $dir/compiler ]] || printf '%s\n' "${CC-}" >"$dir/compiler"
