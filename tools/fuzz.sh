#!/usr/bin/env bash
# Builds the fuzz targets and runs them (docs/fuzzing.md).
#
#   tools/fuzz.sh [--runs COUNT] [--length BYTES] [--jobs COUNT] [--dir DIRECTORY] [TARGET [SECONDS]]
#   tools/fuzz.sh --list                  names of the targets
#   tools/fuzz.sh --keep TARGET           adds what the grown corpus covers to that in the tree
#   tools/fuzz.sh --smoke DIRECTORY       a second of each, and the planted bugs; for ./dev test
#
# DIRECTORY, build-fuzz unless given, holds the build, a corpus that grows from run to run, inputs
# that broke something, logs, and a ledger: one line of JSON for each run of a target.
#
# Status 0: nothing was found. 1: something was, or a target saw too little. 77: no libFuzzer here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# shellcheck source=tools/arguments.sh
source tools/arguments.sh

# s2n's thresholds: a target that sees fewer features than this tests nothing.
least_features=100
wanted_rate=1000
# Of a shorter run much is the start of the program: its rate is not judged.
least_milliseconds=1000
limits=(-timeout=5 -rss_limit_mb=512)
# The schedule by entropy takes more than half of the time where there are thousands of features.
limits+=(-entropic=0)
largest_seed=4096
most_seeds=50

# The names between the braces of fuzz_targets and planted_targets in tests/fuzz/meson.build.
names_in() { sed -n "/^$1 = {/,/^}/s/^  '\([a-z0-9_]*\)':.*/\1/p" tests/fuzz/meson.build; }
targets() { names_in fuzz_targets; }
planted() { names_in planted_targets; }

# Older sanitizers cannot place their shadow memory when addresses are randomised widely.
runner=()
! setarch -R true 2>/dev/null || runner=(setarch -R)
# As much freed memory as an execution leaves, and of each allocation the few callers that tell where
# it was made: more of either costs a tenth. Whoever repeats an input by hand sees all callers.
export ASAN_OPTIONS=${ASAN_OPTIONS-detect_leaks=1:quarantine_size_mb=4:malloc_context_size=6}
export UBSAN_OPTIONS=${UBSAN_OPTIONS-print_stacktrace=1:halt_on_error=1}

has_fuzzer() {
    command -v clang >/dev/null &&
        printf 'int LLVMFuzzerTestOneInput(const char *data, unsigned long size) { return !data && size; }' |
        clang -fsanitize=fuzzer -o /dev/null -x c - 2>/dev/null
}

# build TARGET: as ninja calls it; fuzzers is all of them.
build() {
    CC=clang tools/configure.sh "$dir" buildtype=debug optimization=2 b_ndebug=false \
        b_sanitize=address,undefined b_lundef=false default_library=static fuzz=true &&
        meson compile -C "$dir" --ninja-args="$1"
}

milliseconds() { printf '%d' "$((${EPOCHREALTIME/[.,]/} / 1000))"; }

# Fuzzes TARGET with what it needs; the options of libFuzzer follow. What it says goes to its log, and
# how long it took as one more statistic, for its own rate is 0 until a whole second is over. A planted
# bug is looked for from the inputs of the target that it is named after, if there is one.
fuzz() {
    local name=$1 directory inputs=("$dir/corpus/$1") options=() began status=0
    shift
    mkdir -p "$dir"/{corpus,crashers,logs}/"$name"
    for directory in tests/fuzz/{corpus,crashers}/"${name#planted_}"; do
        [[ ! -d $directory ]] || inputs+=("$directory")
    done
    [[ ! -f tests/fuzz/$name.dict ]] || options+=(-dict="tests/fuzz/$name.dict")
    began=$(milliseconds)
    "${runner[@]}" "$dir/tests/fuzz/fuzz_$name" "${limits[@]}" "-max_len=$length" "${options[@]}" "$@" \
        -print_final_stats=1 -artifact_prefix="$dir/crashers/$name/" "${inputs[@]}" \
        >"$dir/logs/$name/log" 2>&1 || status=$?
    printf 'stat::milliseconds: %d\n' "$(($(milliseconds) - began))" >>"$dir/logs/$name/log"
    return "$status"
}

# statistic TARGET NAME: a number that libFuzzer has printed; 0 if it has not.
statistic() {
    local number
    number=$(sed -n "s/^stat::$2: *\([0-9]*\)$/\1/p" "$dir/logs/$1/log")
    printf '%s' "${number:-0}"
}

# progress TARGET WORD: what stands behind WORD (cov:, ft:) in the last line that has it.
progress() {
    local number
    number=$(sed -n "s/.* $2 \([0-9]*\) .*/\1/p" "$dir/logs/$1/log" | tail -n 1)
    printf '%s' "${number:-0}"
}

# Prints the row of a run and adds it to the ledger. report TARGET STATUS
report() {
    local name=$1 status=$2 verdict='' executions took rate features seed
    executions=$(statistic "$name" number_of_executed_units)
    took=$(statistic "$name" milliseconds)
    rate=$((executions * 1000 / (took > 0 ? took : 1)))
    features=$(progress "$name" ft:)
    seed=$(sed -n 's/^INFO: Seed: \([0-9]*\)$/\1/p' "$dir/logs/$name/log")
    if [[ $status -eq 72 ]]; then # libFuzzer was interrupted
        printf '%-20s interrupted\n' "$name"
        return 1
    elif [[ $status -ne 0 ]]; then
        verdict='FAILED'
    elif [[ $features -lt $least_features ]]; then
        verdict="FAILED: fewer than $least_features features"
    elif [[ $rate -lt $wanted_rate && $took -ge $least_milliseconds ]]; then
        verdict='slow'
    fi
    printf '%-20s %12d %8d %9d %9d %s\n' "$name" "$executions" "$rate" "$features" \
        "$(progress "$name" cov:)" "$verdict"
    printf '{"tool":"fuzz","target":"%s","when":%d,"executions":%d,"seconds":%d.%03d,"features":%d,"crashes":%d,"seed":%d,"length":%d}\n' \
        "$name" "$(date +%s)" "$executions" "$((took / 1000))" "$((took % 1000))" "$features" \
        "$((status != 0))" "${seed:-0}" "$length" >>"$dir/ledger"
    [[ $verdict != FAILED* ]]
}

# What a target said when it broke, how to see it again, and what to do with it.
explain() {
    local name=$1 input
    grep -vE '^(#|INFO|stat::|Running:)' "$dir/logs/$name/log" | tail -n 40 | sed 's/^/    /'
    input=$(sed -n 's/.*Test unit written to //p' "$dir/logs/$name/log" | tail -n 1)
    [[ -n $input ]] || return 0
    printf '\nAgain: %s\n' "${runner[*]} $dir/tests/fuzz/fuzz_$name $input"
    printf 'Keep it as a test, named after what it was: cp %s tests/fuzz/crashers/%s/NAME\n\n' "$input" "$name"
}

heading() { printf '%-20s %12s %8s %9s %9s\n' target executions exec/s features coverage; }

fuzz_one() {
    local name=$1 status=0
    shift
    fuzz "$name" "$@" || status=$?
    report "$name" "$status" && return
    [[ $status -eq 0 ]] || explain "$name"
    return 1
}

# What is said of a target is printed in one piece.
fuzz_aloud() {
    local said bad=0
    said=$(fuzz_one "$@") || bad=1
    printf '%s\n' "$said"
    return "$bad"
}

fuzz_all() {
    local name bad=0 running=0 options=()
    [[ -z $runs ]] || options+=(-runs="$runs")
    [[ -z $seconds ]] || options+=(-max_total_time="$seconds")
    heading
    for name; do
        if [[ $running -eq $jobs ]]; then
            wait -n || bad=1
            running=$((running - 1))
        fi
        fuzz_aloud "$name" "${options[@]}" &
        running=$((running + 1))
    done
    for ((; running > 0; running--)); do
        wait -n || bad=1
    done
    return "$bad"
}

# ---- smoke --------------------------------------------------------------------------------------

# Each in the background, as many at a time as there are processors; the status of each is in a file.
run_together() {
    local name
    while read -r name; do
        while [[ $(jobs -rp | wc -l) -ge $(nproc) ]]; do
            wait -n || true
        done
        { fuzz "$name" "$@" && echo 0 || echo $?; } >"$dir/status-$name" &
    done
    wait
}

# A planted bug is found when the target fails and says what is written beside it.
check_planted() {
    local name=$1 expected
    expected=$(sed -n "s/^  '$name':.*# //p" tests/fuzz/meson.build)
    if [[ $(<"$dir/status-$name") -eq 0 ]] || ! grep -qF -- "$expected" "$dir/logs/$name/log"; then
        printf '%s: the planted bug was not found (%s)\n' "$name" "$expected"
        tail -n 20 "$dir/logs/$name/log"
        return 1
    fi
    printf '%s: found after %d executions\n' "$name" "$(statistic "$name" number_of_executed_units)"
}

smoke() {
    local name good=0 bad=0
    run_together -max_total_time=1 < <(targets)
    run_together -max_total_time=20 < <(planted)
    heading
    for name in $(targets); do
        if report "$name" "$(<"$dir/status-$name")"; then
            good=$((good + 1))
        else
            bad=$((bad + 1))
            explain "$name"
        fi
    done
    for name in $(planted); do
        if check_planted "$name"; then good=$((good + 1)); else bad=$((bad + 1)); fi
    done
    printf '%d passed, %d failed\n' "$good" "$bad"
    [[ $bad -eq 0 ]]
}

# ---- keeping ------------------------------------------------------------------------------------

# Adds to the corpus in the tree the fewest inputs that cover what it does not and the grown one does.
# If these are too many, those that are long, and so cover more, come first. libFuzzer names them
# after their contents.
keep() {
    local name=$1 kept=tests/fuzz/corpus/$1 more=$dir/more
    rm -rf "$more"
    mkdir -p "$more" "$kept"
    cp -r "$kept/." "$more"
    "${runner[@]}" "$dir/tests/fuzz/fuzz_$name" "${limits[@]}" "-max_len=$length" -use_counters=0 -use_cmp=0 \
        -set_cover_merge=1 "$more" "$dir/corpus/$name" >/dev/null 2>&1
    find "$more" -type f -size -$((largest_seed + 1))c -printf '%s %f\n' | sort -rn |
        while read -r _ input; do
            if [[ ! -e $kept/$input && $(count_files "$kept") -lt $most_seeds ]]; then
                cp "$more/$input" "$kept"
            fi
        done
    printf '%s: %d inputs\n' "$kept" "$(count_files "$kept")"
}

count_files() { find "$1" -type f | wc -l; }

# ---- the command line ---------------------------------------------------------------------------

takes=([--runs]=1- [--length]=1- [--jobs]=1- [--dir]=text [--keep]=text [--smoke]=text [--list]=flag)
read_arguments "$@"

dir=${given[--smoke]-${given[--dir]-build-fuzz}}
length=${given[--length]-4096}
jobs=${given[--jobs]-1}
runs=${given[--runs]-}
name=${given[--keep]-${words[0]-}}
seconds=${words[1]-}

if [[ -n ${given[--list]-} ]]; then
    ((${#words[@]} == 0)) || die "--list takes no names, such as '${words[*]}'"
    targets
    exit
fi
((${#words[@]} <= 2)) || die "a target and its seconds is all there can be, not '${words[*]}'"
[[ -z ${given[--keep]-} ]] || ((${#words[@]} == 0)) || die "--keep is for one target, and takes no '${words[*]}'"
[[ -z $name ]] || targets | grep -qxF -- "$name" || die "there is no target '$name'; there are: $(targets | paste -sd ' ')"
[[ -z $seconds ]] || check_value SECONDS "$seconds" 1-
[[ -z $seconds || -z $runs ]] || die 'SECONDS and --runs do not go together'
# So many runs, or so long; by default a minute.
[[ -n $seconds || -n $runs ]] || seconds=60

if ! has_fuzzer; then
    printf 'fuzz: clang with libFuzzer is not installed (./dev setup fuzz)\n' >&2
    exit 77
fi

if [[ -n ${given[--keep]-} ]]; then
    build "tests/fuzz/fuzz_$name"
    keep "$name"
elif [[ -n ${given[--smoke]-} ]]; then
    # The same ones each time.
    [[ -z ${TORC_SANITIZER-} ]] || {
        printf 'skipped: it has sanitizers of its own already\n'
        exit 77
    }
    said=$(build fuzzers 2>&1) || {
        printf '%s\n' "$said"
        exit 1
    }
    smoke
elif [[ -n $name ]]; then
    build "tests/fuzz/fuzz_$name"
    fuzz_all "$name"
else
    build fuzzers
    mapfile -t chosen < <(targets)
    fuzz_all "${chosen[@]}"
fi
