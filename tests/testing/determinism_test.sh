#!/usr/bin/env bash
# Same seed, same trace, byte for byte, whatever the compiler and its options.
#
#   determinism_test.sh PROGRAM MAP KIND SOURCE-ROOT SOURCE...
#
# PROGRAM is determinism.c as the build made it, MAP what the linker put into it, and KIND how it was
# compiled, such as gcc-debug. It is made again by gcc and clang, as a debug and as a release build,
# but for the kinds there are: that one, and the release build that TORC_RELEASE_BUILD names, if it
# does. Each program runs with several seeds, and the traces are compared. Of the library only what
# PROGRAM holds is compiled, which is half of it. A compiler that is not there is left out, but fails
# the test where CI is set; with a single program there is nothing to compare, and the status is 77.
set -euo pipefail

program=$(realpath "$1") map=$2 kind=$3 root=$4
shift 4
run=$root/tests/testing/determinism.c
objects=() sources=()
# The members of the archive are named after their sources: reactor_call_queue.c.o.
for source in $(realpath -s "$@"); do
    object=${source#"$root/"}
    object=${object//\//_}.o
    if grep -qF "($object)" "$map"; then
        objects+=("$object")
        sources+=("$source")
    fi
done
[[ ${#sources[@]} -gt 20 ]] || {
    printf 'determinism: %s does not name what is linked\n' "$map" >&2
    exit 1
}
for compiler in gcc clang; do
    if [[ -n ${CI:-} ]] && ! command -v "$compiler" >/dev/null; then
        printf 'determinism: no %s here, which CI must have\n' "$compiler" >&2
        exit 1
    fi
done
seeds=(1 2 3 12345 18446744073709551615)
jobs=$(nproc)
read -ra libevent < <(pkg-config --cflags --libs libevent_core)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/include"
ln -s "$root" "$work/include/torc"

is_there() { [[ " ${names[*]} " == *" $1 "* ]]; }

# compile COMPILER OPTION... FILE...
compile() { "$@" -std=gnu11 -D_GNU_SOURCE -w -pipe -isystem "$work/include"; }

# link KIND COMPILER FILE...: leaves $work/KIND.
link() {
    names+=("$1")
    compile "$2" "$run" "${@:3}" -o "$work/$1" "${libevent[@]}" -lm -pthread
}

# build KIND COMPILER OPTION...
build() {
    local kind=$1 i running=0
    shift
    ! is_there "$kind" || return 0
    mkdir "$work/$kind.objects"
    for i in "${!sources[@]}"; do
        compile "$@" -c "${sources[i]}" -o "$work/$kind.objects/${objects[i]}" &
        if ((++running >= jobs)); then
            wait -n
        fi
    done
    while ((running-- > 0)); do
        wait -n || [[ $? -eq 127 ]] # 127: they have all been waited for
    done
    link "$kind" "$1" "$work/$kind.objects"/*.o
}

names=("$kind")
ln -s "$program" "$work/$kind"
release=${TORC_RELEASE_BUILD-}/libtorc.a
if [[ -f $release ]] && ! is_there "${kind%%-*}-release"; then
    link "${kind%%-*}-release" "${kind%%-*}" "$release"
fi
for compiler in gcc clang; do
    if ! command -v "$compiler" >/dev/null; then
        printf 'determinism: no %s here, left out\n' "$compiler"
        continue
    fi
    build "$compiler-debug" "$compiler" -O0
    build "$compiler-release" "$compiler" -O2 -DNDEBUG
done
printf 'determinism: %s\n' "${names[*]}"
[[ ${#names[@]} -ge 2 ]] || exit 77

status=0
for seed in "${seeds[@]}"; do
    for name in "${names[@]}"; do
        "$work/$name" "$seed" >"$work/$name.trace"
        if ! diff "$work/${names[0]}.trace" "$work/$name.trace" >"$work/difference"; then
            printf 'determinism: seed %s: %s and %s part here:\n' "$seed" "${names[0]}" "$name"
            sed -n 1,10p "$work/difference"
            status=1
        fi
    done
    printf 'seed %s: %s lines, %s\n' "$seed" "$(wc -l <"$work/${names[0]}.trace")" \
        "$(tail -n 1 "$work/${names[0]}.trace")"
    cp "$work/${names[0]}.trace" "$work/seed-$seed"
done

# A trace that says nothing would be the same everywhere too.
if cmp -s "$work/seed-1" "$work/seed-2"; then
    echo 'determinism: seeds 1 and 2 give the same trace'
    status=1
fi
for line in ' fault: recv' ' recv(' ' send(' ' peer 1 receives ' ' lookup(' ' event: job' ' signal 2'; do
    if ! grep -qF "$line" "$work"/seed-*; then
        printf 'determinism: no line with "%s" in any trace\n' "$line"
        status=1
    fi
done
exit "$status"
