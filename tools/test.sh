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

# shellcheck source=tools/arguments.sh
source tools/arguments.sh
# shellcheck source=tools/sanitizer.sh
source tools/sanitizer.sh

dir=build-test
options=(buildtype=debug b_ndebug=false)
runner=()
filter=()
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
    [[ $1 == @(epoll|poll|select) ]] || die "--backend is epoll, poll or select, not '$1'"
    again+=" --backend $1"
    log+=-$1
    filter+=(--suite unit --logbase "$log")
    export TORC_TEST_BACKEND=$1
}

suites() { grep -rhoP "suite: '\K[a-z]+" tests --include=meson.build | sort -u; }

list() {
    tools/configure.sh "$dir" "${options[@]}" >/dev/null
    meson compile -C "$dir" --ninja-args=build.ninja >/dev/null 2>&1 # as meson.build is by now
    meson test -C "$dir" --no-rebuild --list "$@" 2>/dev/null
}

# Meson runs those that there are, and says nothing of the others.
check_names() {
    local name known
    [[ ${#words[@]} -gt 0 ]] || return 0
    known=$(list | sed 's/.* \/ //; s/ *$//')
    for name in "${words[@]}"; do
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
    "${runner[@]}" meson test -C "$dir" --no-rebuild "${filter[@]}" "${words[@]}" || true
    python3 tools/test_summary.py "$results" "$again"
}

takes=([--sanitize]=text [--valgrind]=flag [--backend]=text [--suite]=list [--list]=flag [--]=rest)
read_arguments "$@"
[[ -z ${given[--sanitize]-} || -z ${given[--valgrind]-} ]] || die '--sanitize and --valgrind do not go together'

for suite in ${given[--suite]-}; do
    suites | grep -qxF -- "$suite" || die "there is no suite '$suite'; there are: $(suites | paste -sd ' ')"
    filter+=(--suite "$suite")
done
[[ -z ${given[--sanitize]-} ]] || under_sanitizer "${given[--sanitize]}"
[[ -z ${given[--valgrind]-} ]] || under_memcheck
[[ -z ${given[--backend]-} ]] || on_backend "${given[--backend]}"
filter+=("${rest[@]}")

check_names
if [[ -n ${given[--list]-} ]]; then
    list "${filter[@]}" "${words[@]}"
elif build; then
    run
else
    printf 'test: the build failed\n0 passed, 1 failed\n'
    exit 1
fi
