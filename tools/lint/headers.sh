#!/usr/bin/env bash
# Checks that each public header is installed, compiles alone as C11 and as C++17 with every compiler
# at hand and without a warning, and leads to no internal header and to none of libevent or OpenSSL.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

warnings=(-Wall -Wextra -Wpedantic -Wshadow -Werror)
include=$(mktemp -d)
trap 'rm -rf "$include"' EXIT
ln -s "$PWD" "$include/torc"

# one_header HEADER: every way to compile it.
one_header() {
    local header=$1 status=0 compiler foreign
    for compiler in 'gcc -std=c11 -x c' 'clang -std=c11 -x c' 'g++ -std=c++17 -x c++' 'clang++ -std=c++17 -x c++'; do
        command -v "${compiler%% *}" >/dev/null || continue
        # The words of a compiler's line are its arguments.
        # shellcheck disable=SC2086
        if ! printf '#include <torc/%s>\n' "$header" |
            $compiler "${warnings[@]}" -I "$include" -fsyntax-only - 2>&1; then
            printf '%s: does not compile alone with %s\n' "$header" "${compiler% -x *}"
            status=1
        fi
    done
    foreign=$(printf '#include <torc/%s>\n' "$header" | gcc -H -I "$include" -fsyntax-only -x c - 2>&1 |
        grep -oE '((event2|openssl)/|[a-z_]*_internal\.h).*' | head -n 1 || true)
    if [[ -n $foreign ]]; then
        printf '%s: leads to %s, which users of Torc do not have\n' "$header" "$foreign"
        status=1
    fi
    if ! grep -qs "'${header##*/}'" "$(dirname "$header")/meson.build"; then
        printf '%s: is not installed by %s/meson.build\n' "$header" "$(dirname "$header")"
        status=1
    fi
    return "$status"
}

status=0
while IFS= read -r header; do
    one_header "$header" || status=1
done < <(tools/sources.sh public)
exit "$status"
