# For scripts that can run what they build under a sanitizer; to be sourced by them.
#
# They have sourced arguments.sh, and the variables dir, options (of the build) and runner (the words in
# front of a command) are those of a run without one.
# shellcheck shell=bash
# shellcheck disable=SC2034 # they use them

# The build directory of a sanitizer run, named after what it checks.
sanitizer_dir() {
    case $1 in
        address) printf 'build-asan' ;;
        undefined) printf 'build-ubsan' ;;
        address,undefined | undefined,address) printf 'build-asan-ubsan' ;;
        thread) printf 'build-tsan' ;;
        *) die "--sanitize takes address,undefined or address or undefined or thread" ;;
    esac
}

# use_sanitizer WHICH: makes dir, options and runner, and the environment, those of such a run; without
# a word they stay as they are.
use_sanitizer() {
    [[ -n $1 ]] || return 0
    dir=$(sanitizer_dir "$1")
    options=(buildtype=debug b_ndebug=false b_sanitize="$1" b_lundef=false)
    export TORC_SANITIZER=$1 # for tests that look at the size of a process, or do less then
    export ASAN_OPTIONS=${ASAN_OPTIONS-detect_leaks=1:detect_stack_use_after_return=1}
    export UBSAN_OPTIONS=${UBSAN_OPTIONS-print_stacktrace=1:halt_on_error=1}
    export TSAN_OPTIONS=${TSAN_OPTIONS-halt_on_error=1}
    # Older sanitizers cannot place their shadow memory when addresses are randomised widely.
    ! setarch -R true 2>/dev/null || runner=(setarch -R)
}
