#!/usr/bin/env bash
# Builds the tests and runs them; the last line is the count.
#
#   tools/test.sh [OPTION...] [NAME...] [-- MESON-OPTIONS]        ./dev test --help says which
#
# In build-test, or in a build directory of its own for each sanitizer. The tests of the command and
# of budgets use the release build in build/.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

die() {
    printf 'test: %s; ./dev test --help\n' "$*" >&2
    exit 2
}

# shellcheck source=tools/sanitizer.sh
source tools/sanitizer.sh

dir=build-test
options=(buildtype=debug b_ndebug=false)
runner=()
filter=()
names=()
log=testlog log_end=
again='./dev test' # how to see a failure again

under_sanitizer() {
    use_sanitizer "$1"
    again+=" --sanitize $1"
    filter+=(--no-suite budget --timeout-multiplier 4)
    export CK_TIMEOUT_MULTIPLIER=${CK_TIMEOUT_MULTIPLIER-4}
}

# libcheck forks for every test, so a leak is charged to the test that leaks, and a test that hangs
# is ended. That costs time, so does memcheck.
under_memcheck() {
    again+=' --valgrind'
    log_end=-memcheck.sh # meson's doing
    filter+=(--suite unit --timeout-multiplier 15 --wrap "$root/tools/memcheck.sh")
    export CK_TIMEOUT_MULTIPLIER=${CK_TIMEOUT_MULTIPLIER-30}
}

on_backend() {
    [[ $1 == @(epoll|poll|select) ]] || die '--backend takes epoll, poll or select'
    again+=" --backend $1"
    log+=-$1
    filter+=(--suite unit --logbase "$log")
    export TORC_TEST_BACKEND=$1
}

list() {
    tools/configure.sh "$dir" "${options[@]}" >/dev/null
    meson compile -C "$dir" --ninja-args=build.ninja >/dev/null 2>&1 # as meson.build is by now
    meson test -C "$dir" --no-rebuild --list "$@" 2>/dev/null
}

# Meson runs those that there are, and says nothing of the others.
check_names() {
    local name known
    [[ ${#names[@]} -gt 0 ]] || return 0
    known=$(list | sed 's/.* \/ //; s/ *$//')
    for name in "${names[@]}"; do
        grep -qxF -- "${name#torc:}" <<<"$known" || die "there is no test '$name', and --list shows those there are"
    done
}

build() {
    tools/release.sh torc && tools/configure.sh "$dir" "${options[@]}" && meson compile -C "$dir"
}

run() {
    # The budget tests measure what is shipped, not the debug build.
    export TORC_RELEASE_BUILD=$root/build
    local results=$dir/meson-logs/$log$log_end.json
    rm -f "$results"
    "${runner[@]}" meson test -C "$dir" --no-rebuild "${filter[@]}" "${names[@]}" || true
    python3 tools/test_summary.py "$results" "$again"
}

sanitize='' valgrind='' backend='' command=run
while [[ $# -gt 0 ]]; do
    case $1 in
        --sanitize | --suite | --backend)
            [[ $# -gt 1 ]] || die "$1 takes a value"
            case $1 in
                --suite) filter+=(--suite "$2") ;;
                --sanitize) sanitize=$2 ;;
                --backend) backend=$2 ;;
            esac
            shift
            ;;
        --sanitize=*) sanitize=${1#*=} ;;
        --backend=*) backend=${1#*=} ;;
        --suite=*) filter+=("$1") ;;
        --valgrind) valgrind=yes ;;
        --list) command=list ;;
        --) shift && filter+=("$@") && break ;;
        -*) die "unknown option $1" ;;
        *) names+=("$1") ;;
    esac
    shift
done
[[ -z $sanitize || -z $valgrind ]] || die '--sanitize and --valgrind do not go together'

[[ -z $sanitize ]] || under_sanitizer "$sanitize"
[[ -z $valgrind ]] || under_memcheck
[[ -z $backend ]] || on_backend "$backend"

check_names
if [[ $command == list ]]; then
    list "${filter[@]}" "${names[@]}"
elif build; then
    run
else
    printf 'test: the build failed\n0 passed, 1 failed\n'
    exit 1
fi
