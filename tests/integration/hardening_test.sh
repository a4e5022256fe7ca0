#!/usr/bin/env bash
# What is shipped has what compiler and linker offer against exploits.
#
#     hardening_test.sh
#
# It looks at the release build: TORC_RELEASE_BUILD names its directory; without it the test is
# skipped (exit code 77).
set -euo pipefail

[[ -n ${TORC_RELEASE_BUILD:-} ]] || { echo 'skipped: TORC_RELEASE_BUILD is not set (./dev test sets it)'; exit 77; }
command -v readelf >/dev/null || { echo 'skipped: readelf is not installed'; exit 77; }

meson compile -C "$TORC_RELEASE_BUILD" torc:shared_library >/dev/null
passed=0
failed=0

# has FILE WHAT OPTION PATTERN: what "readelf OPTION" says of the file has a line like this.
has() {
    # Not grep -q: readelf would be ended by SIGPIPE.
    if readelf "$3" --wide "$1" | grep -E "$4" >/dev/null; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAILED: %s: no %s\n' "${1##*/}" "$2"
    fi
}

for file in "$TORC_RELEASE_BUILD"/{libtorc.so,torc}; do
    has "$file" 'relocations that become read-only' --program-headers 'GNU_RELRO'
    has "$file" 'binding of all symbols at the start' --dynamic 'BIND_NOW|FLAGS.*NOW'
    has "$file" 'stack that is not executable' --program-headers 'GNU_STACK.* RW '
    has "$file" 'guarded stack' --syms '__stack_chk_fail'
    # Other C libraries have them elsewhere, or not at all.
    ! readelf --version-info "$file" | grep GLIBC >/dev/null ||
        has "$file" 'checked string functions' --syms '__[a-z]+_chk'
done
has "$TORC_RELEASE_BUILD/torc" 'unpredictable address' --file-header 'Type: +DYN'

printf '%d passed, %d failed\n' "$passed" "$failed"
[[ $failed -eq 0 ]]
