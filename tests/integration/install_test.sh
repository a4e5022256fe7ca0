#!/usr/bin/env bash
# Installs Torc to a prefix of its own and uses it as a stranger would: builds README's echo server
# with nothing but pkg-config, talks to it, and looks at what was installed.
#
#   install_test.sh BUILD_DIR SOURCE_ROOT        (works in a folder of its own below BUILD_DIR)
set -euo pipefail

build_dir=${1:?usage: install_test.sh BUILD_DIR SOURCE_ROOT}
source_root=${2:?usage: install_test.sh BUILD_DIR SOURCE_ROOT}
cc=${CC:-cc}

work=$(mktemp -d "$build_dir/install_test.XXXXXX")
prefix=$work/prefix
server=
trap 'stop_server 2>/dev/null || true; rm -rf "$work"' EXIT

passed=0

check() { # check TEXT COMMAND...: runs it, and ends the test if it fails.
    local text=$1
    shift
    if ! "$@" >"$work/said" 2>&1; then
        printf 'FAILED: %s\n' "$text"
        sed 's/^/    /' "$work/said"
        printf '%d passed, 1 failed\n' "$passed"
        exit 1
    fi
    printf 'ok: %s\n' "$text"
    passed=$((passed + 1))
}

stop_server() {
    [[ -z $server ]] || kill -TERM "$server"
    server=
}

# As those who package it do. Plain leaves optimizing to them, and nothing here depends on it.
install_fresh_build() {
    timeout 120 meson setup --buildtype=plain -Dtests=false --prefix="$prefix" \
        "$work/build" "$source_root" &&
        timeout 240 meson install -C "$work/build"
}

# The first C block of README.md that is a whole program.
extract_example() {
    awk '/^```c$/ { inside = 1; text = ""; next }
         /^```/ { if (inside && text ~ /#include <torc\/torc.h>/ && text ~ /int main/) { printf "%s", text; exit }
                  inside = 0 }
         inside { text = text $0 "\n" }' "$source_root/README.md" >"$work/echo.c"
    [[ -s $work/echo.c ]]
}

flags() {
    read -ra cflags <<<"$(pkg-config --cflags torc)"
    read -ra libs <<<"$(pkg-config --libs torc)"
}

compile_as_the_readme_says() {
    (cd "$work" && "$cc" echo.c "${cflags[@]}" "${libs[@]}" -o echo)
}

compile_strictly() {
    (cd "$work" && "$cc" -std=c11 -Wall -Wextra -Werror echo.c "${cflags[@]}" "${libs[@]}" -o echo-strict)
}

in_use() { nc -z 127.0.0.1 "$1"; }

# README's server listens on 8881; on a machine where that port is taken, one beside it will do.
build_with_a_free_port() {
    port=8881
    while in_use "$port"; do
        port=$((port + 1 + RANDOM % 1000))
    done
    [[ $port -eq 8881 ]] || {
        sed -i "s/8881/$port/g" "$work/echo.c"
        compile_as_the_readme_says
    }
}

start_server() {
    timeout 60 "$work/echo" &
    server=$!
    local tries
    for ((tries = 0; tries < 100; tries++)); do
        in_use "$port" && return
        kill -0 "$server" || return
        sleep 0.05
    done
    return 1
}

echoes() {
    local answer
    answer=$(printf 'hello, torc\r\nsecond line\r\n' | timeout 10 nc -N 127.0.0.1 "$port" | od -c)
    [[ $answer == "$(printf 'hello, torc\r\nsecond line\r\n' | od -c)" ]]
}

ends_on_sigterm() {
    local status=0
    kill -TERM "$server"
    wait "$server" || status=$?
    server=
    [[ $status -eq 0 ]] || {
        echo "exit status $status"
        return 1
    }
}

exported() { nm -D --defined-only "$LD_LIBRARY_PATH/libtorc.so"; }

only_public_symbols() {
    local odd
    odd=$(exported |
        awk '$2 ~ /^[TDRBVW]$/ && $3 !~ /^(Torc|torc_[^_])/ { print $3 }')
    [[ -z $odd ]] || {
        printf 'exported: %s\n' "$odd"
        return 1
    }
}

exports_the_api() { exported | grep ' T TorcReactor_new'; }

no_foreign_headers() { ! grep -rnE '#[ \t]*include[ \t]*<(event2|openssl)/' "$prefix/include"; }

no_internal_headers() { ! find "$prefix/include" -name '*_internal.h' | grep .; }

version_is_the_projects() {
    local wanted
    wanted=$(sed -n "s/^ *version: *'\([^']*\)'.*/\1/p" "$source_root/meson.build" | head -n 1)
    [[ $(pkg-config --modversion torc) == "$wanted" ]]
}

tool_runs() { "$prefix/bin/torc" --help; }

check 'a fresh build installs to a prefix' install_fresh_build

PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name torc.pc)")
LD_LIBRARY_PATH=$(dirname "$(find "$prefix" -name libtorc.so)")
export PKG_CONFIG_PATH LD_LIBRARY_PATH

check 'pkg-config knows its version' version_is_the_projects
check 'no installed header includes libevent or OpenSSL' no_foreign_headers
check 'no internal header is installed' no_internal_headers
check 'the shared library exports the public functions' exports_the_api
check 'and nothing but them' only_public_symbols
check 'the installed torc command runs' tool_runs
check 'README.md has a whole program' extract_example
flags
check 'README says how to compile it' grep -qF 'pkg-config --cflags --libs torc' "$source_root/README.md"
check 'it compiles as README says' compile_as_the_readme_says
check 'it compiles as C11 without a warning' compile_strictly
check "its port is free, or another is found" build_with_a_free_port
check 'it starts' start_server
check 'it echoes' echoes
check 'it ends with status 0 on SIGTERM' ends_on_sigterm

printf '%d passed, 0 failed\n' "$passed"
