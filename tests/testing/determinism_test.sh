#!/usr/bin/env bash
# Same seed, same trace, byte for byte, whatever the compiler and its options.
#
#   determinism_test.sh SOURCE-ROOT SOURCE...
#
# Builds determinism.c with the library's sources by gcc and clang, as a debug and as a release
# build, runs each with several seeds, and compares the traces. A compiler that is not there is left
# out, but fails the test where CI is set; with a single build there is nothing to compare, and the
# status is 77.
set -euo pipefail

root=$1
shift
sources=()
for source; do
    [[ $source == */resolver_dns*.c ]] || sources+=("$(cd "$(dirname "$source")" && pwd)/${source##*/}")
done
sources+=("$root/reactor/resolver_dns_none.c") # what c-ares draws from the system is not seeded
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

# build NAME COMPILER OPTION...: leaves $work/NAME.
build() {
    local name=$1 source running=0
    shift
    mkdir "$work/$name.objects"
    for source in "$root/tests/testing/determinism.c" "${sources[@]}"; do
        "$@" -std=gnu11 -D_GNU_SOURCE -w -isystem "$work/include" \
            -c "$source" -o "$work/$name.objects/$(tr / _ <<<"${source#"$root/"}").o" &
        if ((++running >= jobs)); then
            wait -n
        fi
    done
    while ((running-- > 0)); do
        wait -n || [[ $? -eq 127 ]] # 127: they have all been waited for
    done
    "$1" "$work/$name.objects"/*.o -o "$work/$name" "${libevent[@]}" -lm -pthread
}

names=()
for compiler in gcc clang; do
    if ! command -v "$compiler" >/dev/null; then
        printf 'determinism: no %s here, left out\n' "$compiler"
        continue
    fi
    build "$compiler-debug" "$compiler" -O0
    build "$compiler-release" "$compiler" -O2 -DNDEBUG
    names+=("$compiler-debug" "$compiler-release")
done
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
