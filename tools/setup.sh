#!/usr/bin/env bash
# Sees to it that what a goal needs is on this machine.
#
#   tools/setup.sh build|demo|test|lint|fuzz|coverage|peers|all
#
# peers is what Torc is measured against; it is not part of all.
#
# Looks for each tool and library itself rather than for a package, so that whatever provides it
# counts. When nothing is missing it says nothing and touches nothing. On Debian and Ubuntu it
# installs what is missing, if it may; elsewhere it names the packages and ends with status 2.

# The tests in the table are called by the name that stands there:
# shellcheck disable=SC2317
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf 'setup: %s\n' "$*" >&2; }

die() {
    say "$@"
    exit 2
}

# One need a line: goal, test, what to call it, then its packages in apt, dnf, pacman, apk, brew.
# "-" stands for a system that has no such package, or always has the tool.
needs() {
    cat <<'TABLE'
build | compiler                  | a C compiler | gcc libc6-dev  | gcc glibc-devel    | gcc               | gcc musl-dev      | gcc
build | any_of pkg-config pkgconf | pkg-config   | pkg-config     | pkgconf-pkg-config | pkgconf           | pkgconf           | pkg-config
build | library libevent_core     | libevent     | libevent-dev   | libevent-devel     | libevent          | libevent-dev      | libevent
build | library libcares          | c-ares       | libc-ares-dev  | c-ares-devel       | c-ares            | c-ares-dev        | c-ares
build | library check             | check        | check          | check-devel        | check             | check-dev         | check
build | recent_meson              | meson        | meson          | meson              | meson             | meson             | meson
build | any_of ninja samu         | ninja        | ninja-build    | ninja-build        | ninja             | samurai           | ninja
demo  | any_of nc                 | nc           | netcat-openbsd | netcat             | openbsd-netcat    | netcat-openbsd    | -
test  | openbsd_nc                | OpenBSD's nc | netcat-openbsd | netcat             | openbsd-netcat    | netcat-openbsd    | -
test  | any_of ncat               | ncat         | ncat           | nmap-ncat          | nmap              | nmap-ncat         | nmap
test  | any_of socat              | socat        | socat          | socat              | socat             | socat             | socat
test  | any_of finger             | finger       | finger         | finger             | netkit-bsd-finger | -                 | -
test  | any_of telnet             | telnet       | telnet         | telnet             | inetutils         | busybox-extras    | telnet
test  | any_of strace             | strace       | strace         | strace             | strace            | strace            | -
test  | any_of valgrind           | valgrind     | valgrind       | valgrind           | valgrind          | valgrind          | valgrind
test  | any_of pkill              | procps       | procps         | procps-ng          | procps-ng         | procps            | -
lint  | any_of clang-format       | clang-format | clang-format   | clang-tools-extra  | clang             | clang-extra-tools | clang-format
lint  | any_of clang-tidy         | clang-tidy   | clang-tidy     | clang-tools-extra  | clang             | clang-extra-tools | llvm
lint  | any_of cppcheck           | cppcheck     | cppcheck       | cppcheck           | cppcheck          | cppcheck          | cppcheck
lint  | any_of shellcheck         | shellcheck   | shellcheck     | ShellCheck         | shellcheck        | shellcheck        | shellcheck
lint  | any_of gcc                | gcc          | gcc libc6-dev  | gcc                | gcc               | gcc musl-dev      | gcc
lint  | any_of g++                | g++          | g++            | gcc-c++            | gcc               | g++               | gcc
lint  | any_of clang              | clang        | clang          | clang              | clang             | clang             | llvm
fuzz  | fuzzer                    | clang with libFuzzer | clang libclang-rt-dev | clang compiler-rt | clang compiler-rt | clang compiler-rt | llvm
coverage | any_of gcovr           | gcovr        | gcovr        | gcovr              | -                 | gcovr             | gcovr
peers | library libuv             | libuv        | libuv1-dev     | libuv-devel        | libuv             | libuv-dev         | libuv
peers | any_of go                 | Go           | golang-go      | golang             | go                | go                | go
peers | python twisted            | Twisted      | python3-twisted | python3-twisted   | python-twisted    | py3-twisted       | -
peers | python uvloop             | uvloop       | python3-uvloop | python3-uvloop     | python-uvloop     | py3-uvloop        | -
TABLE
}

any_of() {
    local tool
    for tool; do
        command -v "$tool" >/dev/null && return 0
    done
    return 1
}

# When CC is set, no other compiler will do.
compiler() {
    local candidate words
    local candidates=(cc gcc clang)
    [[ -z ${CC-} ]] || candidates=("$CC")
    for candidate in "${candidates[@]}"; do
        read -ra words <<<"$candidate"
        printf '#include <stdio.h>\n' | "${words[@]}" -fsyntax-only -x c - 2>/dev/null && return 0
    done
    return 1
}

fuzzer() {
    any_of clang &&
        printf 'int LLVMFuzzerTestOneInput(const char *data, unsigned long size) { return !data && size; }' |
        clang -fsanitize=fuzzer,address -o /dev/null -x c - 2>/dev/null
}

library() {
    any_of pkg-config pkgconf || return 1
    "$(command -v pkg-config || command -v pkgconf)" --exists "$1"
}

# In the Python of the path, or in the one that packages are installed for.
python() {
    python3 -c "import $1" 2>/dev/null || /usr/bin/python3 -c "import $1" 2>/dev/null
}

# The tests use options that other netcats lack or mean differently (-N, -q).
openbsd_nc() { any_of nc && [[ $(nc -h 2>&1) == *OpenBSD* ]]; }

wanted_meson() { sed -n "s/.*meson_version: *'>= *\([0-9.]*\)'.*/\1/p" "$root/meson.build"; }

recent_meson() {
    any_of meson || return 1
    # sort -C: is the wanted version first, or equal?
    printf '%s\n' "$(wanted_meson)" "$(meson --version)" | sort -V -C
}

# Looks for everything the goals in $1 need. Sets missing (their names) and packages (those of the
# package manager in column $2 of the table).
look() {
    local goals=$1 column=$2 goal name package
    local cells test
    missing=()
    packages=()
    while IFS='|' read -ra cells; do
        read -r goal <<<"${cells[0]}"
        [[ " $goals " == *" $goal "* ]] || continue
        read -ra test <<<"${cells[1]}"
        "${test[@]}" && continue
        read -r name <<<"${cells[2]}"
        missing+=("$name")
        for package in ${cells[column]}; do
            [[ $package != gcc || ${CC-} != *clang* ]] || package=clang
            [[ $package == - || " ${packages[*]-} " == *" $package "* ]] || packages+=("$package")
        done
    done < <(needs)
}

listed() {
    local text
    printf -v text '%s, ' "$@"
    printf '%s' "${text%, }"
}

case ${1-build} in
    build) goals='build' ;;
    demo) goals='build demo' ;;
    test) goals='build test' ;;
    lint) goals='build lint' ;;
    fuzz) goals='build fuzz' ;;
    coverage) goals='build coverage' ;;
    peers) goals='peers' ;;
    all) goals='build demo test lint fuzz coverage' ;;
    *) die "unknown goal '$1': it is build, demo, test, lint, fuzz, coverage, peers or all" ;;
esac

# The package manager: its column in the table, and the command that installs.
column=3
install=()
if any_of apt-get; then
    install=(apt-get install -y --no-install-recommends)
elif any_of dnf; then
    column=4
    install=(dnf install)
elif any_of pacman; then
    column=5
    install=(pacman -S --needed)
elif any_of apk; then
    column=6
    install=(apk add)
elif any_of brew; then
    column=7
    install=(brew install)
fi

look "$goals" "$column"
[[ ${#missing[@]} -gt 0 ]] || exit 0

# The front of a command that runs as root; empty when there is no way to.
as_root=()
if [[ $(id -u) -eq 0 ]]; then
    as_root=(env)
elif any_of sudo && { sudo -n true 2>/dev/null || [[ -t 0 && -t 2 ]]; }; then
    as_root=(sudo env)
fi

if [[ ${#install[@]} -eq 0 ]]; then
    die "missing: $(listed "${missing[@]}"). Please install them and start again" \
        "(no package manager was found that is known here; in Debian: ${packages[*]})."
elif [[ ${#packages[@]} -eq 0 ]]; then
    die "missing, and in no package of this system: $(listed "${missing[@]}")." \
        "Please install them and start again."
elif [[ ${install[0]} != apt-get ]]; then
    die "missing: $(listed "${missing[@]}"). Please install them and start again:" \
        "${install[*]} ${packages[*]}"
elif [[ ${#as_root[@]} -eq 0 ]]; then
    die "missing: $(listed "${missing[@]}"), and this user may not install packages." \
        "Please run this as root and start again:" \
        "apt-get update && ${install[*]} ${packages[*]}"
fi

say "missing: $(listed "${missing[@]}")"
say "installing: ${packages[*]}"
# A lock held by the system's own updates is waited for; a lost connection is tried again.
options=(-qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0)
"${as_root[@]}" apt-get "${options[@]}" update </dev/null >&2 ||
    say "apt-get update failed; going on with the package lists at hand"
"${as_root[@]}" DEBIAN_FRONTEND=noninteractive "${install[@]}" "${options[@]}" "${packages[@]}" \
    </dev/null >&2 || die "apt-get could not install: ${packages[*]}"

hash -r
look "$goals" "$column"
[[ ${#missing[@]} -gt 0 ]] || exit 0
if [[ " ${missing[*]} " == *" meson "* ]] && any_of meson; then
    die "Torc needs meson $(wanted_meson) or later, and this system's is $(meson --version)." \
        "Please install a newer one (python3 -m pip install meson) and start again."
fi
die "still missing after installing: $(listed "${missing[@]}")${CC:+ (CC is $CC)}"
