#!/usr/bin/env bash
# Counts the user instructions that the seam adds to a call, by callgrind: exact, whatever else the
# machine does.
#
#   seam_count.sh SEAM_BENCH CALLS
#
# Prints samples as the programs do (samples.h). Where callgrind is missing or cannot run the program
# (a sanitizer's build), the value is "-", and the reason stands behind it.
set -euo pipefail

seam_bench=$1 calls=$2
unit='instructions'
names=('recv, nothing to read' 'clock_gettime')
loops=(recv clock)

missing() {
    local name
    for name in "${names[@]}"; do
        printf '%s\t%s\t%s\t-\t%s\n' "$name" 'seam - direct' "$unit" "$1"
    done
    exit 0
}

command -v valgrind >/dev/null || missing 'valgrind is not installed'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Each loop of the program is counted from its first instruction to its last, into a file of its own.
options=()
for loop in "${loops[@]}"; do
    for way in direct seam; do
        options+=("--zero-before=${loop}_$way" "--dump-after=${loop}_$way")
    done
done
timeout 60 valgrind --tool=callgrind --callgrind-out-file="$work/out" "${options[@]}" \
    "$seam_bench" --count "$calls" >"$work/said" 2>&1 || missing 'callgrind could not run the program'

# The instructions of a loop; of its runs the last is the one that counts, the first was a warm-up.
instructions() {
    local dump latest=0 number
    for dump in "$work"/out.*; do
        number=${dump##*.}
        if ((number > latest)) && grep -qF -- "--dump-after=$1" "$dump"; then latest=$number; fi
    done
    awk '/^(summary|totals):/ { print $2; exit }' "$work/out.$latest"
}

for i in "${!loops[@]}"; do
    direct=$(instructions "${loops[i]}_direct") seam=$(instructions "${loops[i]}_seam")
    [[ $direct -gt 0 && $seam -gt 0 ]] || missing 'callgrind counted nothing'
    awk -v name="${names[i]}" -v unit="$unit" -v extra=$((seam - direct)) -v calls="$calls" \
        'BEGIN { printf "%s\tseam - direct\t%s\t%.2f\n", name, unit, extra / calls }'
done
