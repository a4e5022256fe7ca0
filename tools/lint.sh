#!/usr/bin/env bash
# Everything that can be said about the sources without running them.
#
#   tools/lint.sh [--analyzer] [CHECK...]        all checks unless some are named
#   tools/lint.sh --list                         what there is
#
# Ends with "lint: clean", or with the names of the checks that found something and status 1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

list() {
    cat <<'TEXT'
    format      clang-format has nothing to change
    shell       shellcheck has nothing to say about any script
    calls       the seam, the allocator and the library's silence (tools/lint/forbidden_calls.txt)
    floors      includes run down only, never in a circle
    headers     public headers compile alone, as C11 and as C++17
    warnings    gcc and clang compile everything without a warning
    cppcheck    cppcheck's warnings and portability checks
    tidy        clang-tidy, with the checks of .clang-tidy, over all but the tests
TEXT
}

jobs=$(nproc)

# Runs a command and shows what it said only if it failed.
quietly() {
    local said
    said=$("$@" 2>&1) || {
        printf '%s\n' "$said"
        return 1
    }
}

# The build that "warnings", "cppcheck" and "tidy" share. What clang warns of, it sees without
# optimizing, which makes it twice as quick; gcc follows values only when it optimizes.
lint_build() {
    local optimization=0
    [[ $1 == clang ]] || optimization=2
    CC=$1 quietly tools/configure.sh "build-lint-$1" werror=true debug=false optimization="$optimization"
}

# What the build compiles and is not a test, named from the root.
compiled_sources() {
    sed -n 's|.*"file": "\.\./\([^"]*\.c\)".*|\1|p' build-lint-clang/compile_commands.json |
        grep -vE '^(tests|bench)/' | LC_ALL=C sort -u
}

check_format() {
    local changed
    changed=$(tools/sources.sh c | xargs -P "$jobs" -n 20 clang-format --dry-run 2>&1 |
        sed 's|:[0-9]*:[0-9]*: warning: .*|: ./dev format would change it|; t; d' | LC_ALL=C sort -u) || return
    [[ -z $changed ]] || {
        printf '%s\n' "$changed"
        return 1
    }
}

check_shell() {
    tools/sources.sh shell | xargs shellcheck --external-sources --source-path=SCRIPTDIR
}

check_calls() {
    tools/sources.sh library | xargs awk -f tools/lint/strip.awk -f tools/lint/calls.awk \
        tools/lint/forbidden_calls.txt tools/lint/allowed_calls.txt
}

check_floors() {
    tools/sources.sh c | xargs awk -f tools/lint/strip.awk -f tools/lint/floors.awk
}

check_headers() {
    tools/lint/headers.sh
}

check_warnings() {
    local compiler status=0
    for compiler in gcc clang; do
        lint_build "$compiler" && quietly meson compile -C "build-lint-$compiler" || status=1
    done
    return "$status"
}

check_cppcheck() {
    lint_build clang || return
    mkdir -p build-lint-clang/cppcheck
    compiled_sources | cppcheck --file-list=- --quiet -j "$jobs" --std=c11 --library=posix \
        --enable=warning,portability --inline-suppr --error-exitcode=1 \
        --suppress=missingIncludeSystem --cppcheck-build-dir=build-lint-clang/cppcheck \
        -D__GNUC__ -D__linux__ -I build-lint-clang/include
}

check_tidy() {
    lint_build clang || return
    # It counts on stderr what it suppressed; what it found is on stdout.
    compiled_sources | xargs -r -P "$jobs" -n 1 clang-tidy --quiet -p build-lint-clang 2>/dev/null |
        sed "s|$PWD/build-lint-clang/../||"
}

# What gcc's analyzer finds, as "file function warning"; what it says of a file stays together.
analyzer_findings() {
    # shellcheck disable=SC2016  # for the inner shell
    tools/sources.sh library | grep '\.c$' | LC_ALL=C xargs -P "$jobs" -n 1 sh -c '
        said=$(gcc -std=gnu11 -D_GNU_SOURCE -O1 -fanalyzer -fdiagnostics-path-format=none \
            -fno-diagnostics-show-caret -S -o /dev/null "$0" 2>&1) ||
            said="$0: [-Wanalyzer-does-not-compile]"
        printf "%s\n" "$said"' |
        awk -F "'" '
            /: In function / { place = $2 }
            match($0, /\[-Wanalyzer-[a-z-]*\]/) {
                warning = substr($0, RSTART + 12, RLENGTH - 13)
                sub(/:.*/, "")
                print $0, place, warning
            }' | LC_ALL=C sort -u
}

check_analyzer() {
    local known
    known=$(sed -E '/^(#|$)/d; s/^([^ ]+) +([^ ]+) +([^ ]+) .*/\1 \2 \3/' tools/lint/analyzer_false.txt | LC_ALL=C sort -u)
    # Left: new findings; right: known ones that have gone.
    ! LC_ALL=C comm -3 <(analyzer_findings) <(printf '%s\n' "$known") |
        sed -E 's/^\t(.*)/tools\/lint\/analyzer_false.txt: no longer found: \1/; s/^/    /' | grep .
}

checks=()
for word; do
    case $word in
        --list)
            list
            exit
            ;;
        --analyzer) checks+=(analyzer) ;;
        *)
            list | grep -q "^    $word " || {
                printf 'lint: there is no check "%s"; there are:\n%s\n' "$word" "$(list)" >&2
                exit 2
            }
            checks+=("$word")
            ;;
    esac
done
if [[ ${#checks[@]} -eq 0 || ${checks[*]} == analyzer ]]; then
    mapfile -t all < <(list | awk '{ print $1 }')
    checks=("${all[@]}" "${checks[@]}")
fi

failed=()
for check in "${checks[@]}"; do
    printf 'lint: %s\n' "$check"
    "check_$check" || failed+=("$check")
done

if [[ ${#failed[@]} -gt 0 ]]; then
    printf 'lint: problems in: %s\n' "${failed[*]}"
    exit 1
fi
printf 'lint: clean\n'
